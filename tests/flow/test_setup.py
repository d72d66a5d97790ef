"""An operator registers the app: from the link in the terminal to an installed app."""

import asyncio
import base64
import os
import re
import select
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import yaml
from aiohttp import ClientSession
from click.testing import CliRunner

from bot.__main__ import main
from bot.core.world.registration import Wanted, manifest
from bot.errors import UserError
from bot.github.registration import Installed
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.hub import LocalHub
from bot.localhub.pages.site import add_pages
from bot.localhub.server import app_key, start_hub
from bot.settings import load_settings
from bot.setup import asking, flow, typed
from bot.setup.registering import app_of_file
from tests.flow.world import world
from tests.jumping import JumpingClock

APP = yaml.safe_load((Path(__file__).parents[2] / "app.yml").read_text())


@dataclass
class Browser:
    """What a browser does with the forms of pages, without its eyes."""

    session: ClientSession
    clicks: int = 0
    at: str = ""
    page: str = ""
    status: int = 0

    async def open(self, address: str) -> None:
        await self._go("GET", address)

    async def press(self, button: str, **fields: str) -> None:
        """Send the form with that button, with what is in it and *fields*."""
        self.clicks += 1
        await self._send(button, fields)
        if "document.forms[0].submit()" in self.page:
            await self._send("Go on", {})

    async def _send(self, button: str, fields: Mapping[str, str]) -> None:
        forms = re.findall(r"<form.*?</form>", self.page, re.DOTALL)
        form = next(form for form in forms if button in form)
        values = dict[str, str]()
        for tag in re.findall(r"<input[^>]*>", form):
            found = dict(re.findall(r'(\w+)="([^"]*)"', tag))
            if found.get("type") in ("radio", "checkbox") and " checked" not in tag:
                continue
            values[found["name"]] = unescape(found.get("value", ""))
        action = re.search(r'<form[^>]*action="([^"]*)"', form)
        to = urljoin(self.at, unescape(action[1])) if action else self.at
        await self._go("POST", to, {**values, **fields})

    async def _go(
        self, method: str, to: str, data: Mapping[str, str] | None = None
    ) -> None:
        parts = urlsplit(self.at or to)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}"} if data else {}
        while True:
            async with self.session.request(
                method, to, data=data, headers=headers, allow_redirects=False
            ) as answer:
                self.at, self.status = to, answer.status
                self.page = await answer.text()
                if answer.status != 303:
                    return
                method, data, to = "GET", None, urljoin(to, answer.headers["Location"])


@dataclass
class Operator:
    """Somebody in front of ``setup``, in an empty folder."""

    hub: LocalHub
    clock: JumpingClock
    browser: Browser
    file: Path
    told: list[str] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, text: str) -> None:
        self.told.append(text)
        self.heard.set()

    async def hears(self, words: str) -> None:
        while words not in self.said:
            self.heard.clear()
            await self.heard.wait()

    @property
    def values(self) -> dict[str, str]:
        """What the file has."""
        lines = self.file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def said(self) -> str:
        return "\n".join(self.told)

    @property
    def link(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+/\S+", self.said)
        assert found
        return found[0]

    @asynccontextmanager
    async def setting_up(
        self, **options: str
    ) -> AsyncIterator[asyncio.Task[Installed | None]]:
        before = flow.look()
        prints = options.pop("prints", "") == "yes"
        flow.check(before, prints=prints)
        given = flow.Options(**options, prints=prints)  # type: ignore[arg-type]  # texts
        task = asyncio.create_task(
            flow.set_up(before, given, self.tell, clock=self.clock)
        )
        await self.hears("data:text/html")
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def registers(self, **fields: str) -> None:
        """Press the two buttons between the link and the installation page."""
        await self.browser.open(self.link)
        await self.browser.press("Register on GitHub", **fields)
        await self.browser.press("Create GitHub App")


@pytest.fixture
async def operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Operator]:
    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(typed, "lines", silent)
    clock = JumpingClock()
    with clock.ruling():
        async with (
            start_hub(
                data_dir=tmp_path / "github",
                now=clock.now,
                sleep=clock.sleep,
                extra_routes=add_pages,
            ) as hub,
            ClientSession() as session,
        ):
            hub.add_organization("acme")
            hub.create_repository("acme/widgets", files={"README.md": "# widgets\n"})
            hub.set_role("acme", "acme/widgets", "ada", "admin")
            hub.create_repository("ada/notes", files={"README.md": "# notes\n"})
            hub.create_repository("ada/tools", files={"README.md": "# tools\n"})
            monkeypatch.setenv("GITHUB_API_URL", hub.api_url)
            yield Operator(hub, clock, Browser(session), folder / ".env")


async def silent() -> AsyncIterator[str]:
    nothing: list[str] = []
    for line in nothing:
        yield line


async def test_three_clicks_lead_to_an_installed_app_of_an_organization(
    operator: Operator,
):
    operator.file.write_text("# mine\nBATCH_CONCURRENCY=2\n")
    browser = operator.browser
    async with operator.setting_up(organization="acme") as setup:
        await operator.registers()
        assert browser.at.endswith("/apps/acme-batch-bot/installations/new")
        await browser.press("Install")
        installed = await setup
    assert browser.clicks == 3
    assert installed == Installed("acme", ["acme/widgets"], 1)
    assert "It is installed on acme: acme/widgets." in operator.said
    values, app = operator.values, operator.hub.app
    assert stat.S_IMODE(operator.file.stat().st_mode) == 0o600
    assert operator.file.read_text().startswith("# mine\nBATCH_CONCURRENCY=2\nAPP_ID=")
    assert values.pop("PRIVATE_KEY")
    assert len(values.pop("CLIENT_SECRET")) == 40
    assert values == {
        "BATCH_CONCURRENCY": "2",
        "APP_ID": str(app.id),
        "WEBHOOK_SECRET": app.webhook_secret,
        "CLIENT_ID": app.client_id,
        "BATCH_POLL": "true",
        "GITHUB_API_URL": operator.hub.api_url,  # also for whoever starts it elsewhere
    }
    settings = load_settings()
    assert settings.private_key == operator.hub.private_key
    # GitHub was shown what app.yml has, and its refusals would have been kept to.
    assert app.permissions == APP["default_permissions"]
    assert list(app.events) == APP["default_events"]
    assert (app.owner.login, app.is_public) == ("acme", False)
    assert operator.hub.webhooks.url == "https://batch-bot.invalid"
    for secret in (settings.private_key, app.webhook_secret):
        assert secret not in operator.said


async def test_a_person_chooses_repositories_name_and_a_public_address(
    operator: Operator,
):
    browser = operator.browser
    async with operator.setting_up() as setup:
        await operator.registers(
            way="public", address="https://bot.example.com/", name="My Bot"
        )
        await browser.press("Install", target="selected", repository="ada/tools")
        assert await setup == Installed("ada", ["ada/tools"], 1)
    assert operator.hub.webhooks.url == "https://bot.example.com/api/github/webhooks"
    assert operator.hub.app.slug == "my-bot"
    assert operator.values["WEB_URL"] == "https://bot.example.com"
    assert "BATCH_POLL" not in operator.values


async def test_a_channel_is_offered_for_a_laptop(operator: Operator):
    operator.file.write_text("WEB_URL=https://old.example.com\nBATCH_POLL=true\n")
    async with operator.setting_up():
        await operator.registers(way="channel", address="https://smee.io/abc")
        assert operator.hub.webhooks.url == "https://smee.io/abc"
    assert operator.values["WEBHOOK_PROXY_URL"] == "https://smee.io/abc"
    assert operator.values["WEB_URL"] == "https://old.example.com"
    assert "BATCH_POLL" not in operator.values


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "1 to 34 characters"),
        ({"name": "n" * 35}, "1 to 34 characters"),
        ({"organization": "no/such"}, "letters, digits and hyphens"),
        ({"way": "public", "address": "bot.example.com"}, "begins with https://"),
        (
            {"way": "public", "address": "http://localhost:3000"},
            "cannot reach localhost",
        ),
        ({"way": "public", "address": "https://[x"}, "begins with https://"),
        ({"way": "channel", "address": ""}, "begins with https://"),
        ({"way": "channel", "address": "https://smee.io/a #b"}, "begins with https://"),
        ({"way": "public", "address": "https://bot.example.com/a"}, "without a path"),
    ],
)
async def test_what_github_would_refuse_is_said_on_the_page(
    operator: Operator, fields: dict[str, str], says: str
):
    browser = operator.browser
    async with operator.setting_up():
        await browser.open(operator.link)
        await browser.press("Register on GitHub", **fields)
        assert browser.status == 422
        assert says in unescape(browser.page)
        # What was typed stays.
        assert all(
            f'value="{text}"' in browser.page for text in fields.values() if text
        )
        await operator.registers()
        assert browser.at.endswith("/installations/new")


async def test_a_name_that_is_taken_is_chosen_anew_on_githubs_page(operator: Operator):
    browser = operator.browser
    async with operator.setting_up(name="batch-bot"):
        await operator.registers()
        assert browser.status == 422
        assert "Name is already taken" in browser.page
        await browser.press("Create GitHub App", name="another-bot")
        assert browser.at.endswith("/apps/another-bot/installations/new")


async def test_somebody_elses_organization_is_not_there(operator: Operator):
    operator.hub.add_organization("closed")
    operator.hub.create_repository("closed/one", files={"a": "b"})
    browser = operator.browser
    async with operator.setting_up(organization="closed"):
        await browser.open(operator.link)
        await browser.press("Register on GitHub")
        assert browser.status == 404
        # The page is still there, for another owner.
        await operator.registers(organization="acme")
    assert operator.values["APP_ID"]


async def test_without_the_link_or_its_state_nothing_is_had(operator: Operator):
    browser = operator.browser
    async with operator.setting_up():
        site = operator.link.rpartition("/")[0]
        for address in (f"{site}/", f"{site}/guess", operator.link + "x"):
            await browser.open(address)
            assert browser.status == 404
        port = urlsplit(site).port
        await browser.open(f"http://localhost:{port}{urlsplit(operator.link).path}")
        assert browser.status == 404  # under another name, as a rebound one would be
        await browser.open(f"{site}/registered?code=abc&state=of-somebody")
        assert browser.status == 403
        assert "does not belong to this setup" in browser.page
        assert not [e for e in operator.hub.log if "app-manifests" in e.path]
    assert not operator.file.exists()


async def test_a_code_that_came_too_late_is_said_and_it_can_begin_again(
    operator: Operator,
):
    browser = operator.browser
    async with operator.setting_up():
        operator.hub.faults.add(
            Fault(FaultKind.ERROR, 404, method="POST", path="/app-manifests/", times=1)
        )
        await operator.registers()
        assert browser.status == 403
        assert (
            "It holds for one hour" in browser.page
            or "one hour, and once" in browser.page
        )
        assert not operator.file.exists()
        await operator.registers(name="another-bot")
        assert browser.at.endswith("/installations/new")
    assert operator.values["APP_ID"] == str(operator.hub.app.id)


async def test_a_lost_answer_is_said_for_what_it_is(operator: Operator):
    browser = operator.browser
    async with operator.setting_up():
        operator.hub.faults.add(
            Fault(FaultKind.LOST_ANSWER, method="POST", path="/app-manifests/", times=1)
        )
        await operator.registers()
        assert browser.status == 403
        assert "was lost" in unescape(browser.page)
        assert "/settings/apps" in browser.page


async def test_an_outage_is_waited_for(operator: Operator):
    async with operator.setting_up():
        operator.hub.faults.add(
            Fault(FaultKind.ERROR, 502, method="POST", path="/app-manifests/", times=2)
        )
        await operator.registers()
        assert operator.browser.at.endswith("/installations/new")


async def test_an_address_from_a_browser_elsewhere_is_pasted(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
):
    pasted = asyncio.Queue[str]()

    async def lines() -> AsyncIterator[str]:
        while True:
            yield await pasted.get()

    monkeypatch.setattr(typed, "lines", lines)
    browser = operator.browser
    async with operator.setting_up(organization="acme") as setup:
        carried = re.search(r"data:text/html;base64,(\S+)", operator.said)
        assert carried
        assert re.search(r"ssh -L (\d+):127.0.0.1:\1 ", operator.said)
        browser.page = base64.b64decode(carried[1]).decode()
        browser.at = "http://elsewhere.example/"
        await browser.press("Go on to GitHub")
        manifest, state = (
            browser.page,
            re.search(r'name="state" value="(.*?)"', browser.page),
        )
        assert "Create GitHub App for acme" in manifest
        assert state
        hub = operator.hub
        code = hub.registrations.register(
            "ada", {**app_of_file()}, "acme-bot", hub.user("acme")
        )
        site = operator.link.rpartition("/")[0]
        pasted.put_nowait("what?\n")
        pasted.put_nowait(f"{site}/registered?code={code}&state=wrong\n")
        pasted.put_nowait(f"  {site}/registered?code={code}&state={state[1]}\n")
        await operator.hears("is registered")
        hub.install("acme")
        assert (await setup) == Installed("acme", ["acme/widgets"], 1)
    assert "begins with http://127.0.0.1" in operator.said
    assert "does not belong to this setup" in operator.said


async def test_printed_lines_are_the_settings_and_nothing_is_written(
    operator: Operator, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    operator.file.write_text("APP_ID=1\n")
    async with operator.setting_up(prints="yes"):
        await operator.registers()
    assert operator.file.read_text() == "APP_ID=1\n"
    printed = tmp_path / "printed.env"
    printed.write_text(capsys.readouterr().out)
    settings = load_settings(env_file=printed)
    assert settings.app_id == str(operator.hub.app.id)


async def test_secrets_are_shown_if_the_file_cannot_take_them(
    operator: Operator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    async with operator.setting_up() as setup:

        def full(path: Path, text: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("bot.settings.dotfile.write", full)
        await operator.registers()
        await operator.browser.press("Install")
        with pytest.raises(UserError, match=r"not started: \.env does not have"):
            await setup
    assert "No space left on device" in operator.said
    assert f"APP_ID={operator.hub.app.id}\n" in capsys.readouterr().out
    assert not operator.file.exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"address": "https://bot.example.com/a"}, "without a path"),
        ({"address": "http://localhost:3000"}, "cannot reach localhost"),
        ({"name": "n" * 35}, "1 to 34 characters"),
    ],
)
async def test_an_option_that_leads_nowhere_is_refused_before_it_begins(
    operator: Operator, options: dict[str, str], says: str
):
    with pytest.raises(UserError, match=f"{says}.*Nothing was registered"):
        await flow.set_up(flow.look(), flow.Options(**options), operator.tell)  # type: ignore[arg-type]  # texts


async def test_what_the_app_is_registered_with_is_what_the_bot_answers(
    tmp_path: Path,
):
    site = "https://bot.example.com"
    client = {"CLIENT_ID": "Iv1", "CLIENT_SECRET": "s"}
    async with (
        world(tmp_path) as on,
        on.bot(WEB_URL=site, **client) as bot,
        ClientSession() as session,
    ):
        settings = on.settings()
        shown = manifest(
            APP,
            Wanted("x", address=site),
            webhook_path=settings.webhook_path,
            redirect_url="http://127.0.0.1:1/registered",
        )
        [back] = shown["callback_urls"]
        # What is no delivery, or belongs to no sign-in, is refused where that is read.
        for method, url in (("POST", shown["hook_attributes"]["url"]), ("GET", back)):
            assert url.startswith(f"{site}/")
            there = url.replace(site, bot.url)
            async with session.request(method, there, json={}) as answer:
                assert answer.status == 400, await answer.text()


def test_an_app_that_is_set_up_is_left_alone_without_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    text = f'APP_ID=7\nPRIVATE_KEY="{app_key()[0]}"\nWEBHOOK_SECRET=s\n'
    Path(".env").write_text(text)
    done = CliRunner().invoke(main, ["setup"])
    assert done.exit_code == 1
    assert ".env has APP_ID=7" in done.output
    assert "python -m bot doctor" in done.output
    assert Path(".env").read_text() == text


def _at_terminal(terminal: int) -> None:
    """Be a shell's command there, also where the tests run in the background."""
    os.login_tty(terminal)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("answers", "says"), [(b"\x03", ""), (b"n\nn\n", "Go on?")])
def test_nothing_is_replaced_unless_somebody_says_yes(
    tmp_path: Path, answers: bytes, says: str
):
    text = "APP_ID=7\nWEBHOOK_SECRET=s\n"
    (tmp_path / ".env").write_text(text)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "setup"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        preexec_fn=partial(_at_terminal, theirs),  # noqa: PLW1509 - no thread runs here
    ) as process:
        os.close(theirs)
        said = b""
        while b"leave it" not in said:
            said += os.read(ours, 4096)
        os.write(ours, answers)
        with suppress(OSError):  # the terminal's other end is closed
            while True:
                if not select.select([ours], [], [], 5.0)[0]:
                    os.write(ours, answers)  # Python was not yet reading: press again
                elif more := os.read(ours, 4096):
                    said += more
                else:
                    break
    os.close(ours)
    assert process.returncode == (130 if answers == b"\x03" else 0)
    assert says in said.decode()
    assert said.decode().rstrip().endswith("Nothing was changed.")
    assert (tmp_path / ".env").read_text() == text


def test_without_any_standard_input_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("APP_ID=7\n")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="no terminal to ask on"):
        asking.about(flow.look(), prints=False)
    assert asking.starts_now()


async def test_a_terminal_that_is_gone_ends_what_is_typed(
    monkeypatch: pytest.MonkeyPatch,
):
    ours, theirs = os.openpty()
    with open(theirs, closefd=True) as terminal:  # noqa: ASYNC230, PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdin", terminal)
        os.write(ours, b"one\n")
        os.close(ours)
        async with asyncio.timeout(20):
            assert [line async for line in typed.lines()] in (["one"], [])


def test_another_github_in_the_environment_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("GHE_HOST=old.example.com\n")
    monkeypatch.setenv("GHE_HOST", "new.example.com")
    assert flow.look().taken == ["GHE_HOST"]


def test_what_the_environment_has_would_win_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_ID", "7")
    done = CliRunner().invoke(main, ["setup"])
    assert done.exit_code == 1
    assert "The environment has APP_ID" in done.output
    assert not Path(".env").exists()


def test_a_wrong_address_of_github_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_API_URL", "github.example.com")
    done = CliRunner().invoke(main, ["setup"])
    assert done.exit_code == 1
    assert "GITHUB_API_URL='github.example.com' is no address" in done.output
