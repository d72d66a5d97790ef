"""People at the bot's pages: who sees what, who may do what, and until when."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.app import Bot
from bot.localhub.hub import LocalHub
from bot.localhub.sign_ins import Asked
from bot.settings.examined import SettingsExamined
from bot.web.pages import crowd
from tests.flow.world import REPOSITORY, World


@dataclass
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Visitor:
    """A person with a browser of their own, who has it signed in at GitHub."""

    hub: LocalHub
    url: str
    session: aiohttp.ClientSession
    login: str
    seen: list[str] = field(default_factory=list)

    async def get(self, path: str) -> Answer:
        async with self.session.get(
            URL(f"{self.url}{path}", encoded=True), allow_redirects=False
        ) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def post(self, path: str, form: Mapping[str, str]) -> Answer:
        async with self.session.post(
            f"{self.url}{path}",
            data=form,
            headers={"Origin": self.url},
            allow_redirects=False,
        ) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def sign_in(self, path: str = "/") -> Answer:
        """Go the way over GitHub, and allow it there."""
        to = (await self.get(f"/sign-in?next={path}")).headers["Location"]
        assert to.startswith(f"{self.hub.html_url}/login/oauth/authorize?")
        user, query = self.hub.user(self.login), URL(to).query
        back = self.hub.sign_ins.ask(user, query)
        if isinstance(back, Asked):
            back = self.hub.sign_ins.decide(user, query, is_allowed=True)
        assert isinstance(back, URL)
        return await self.get(back.raw_path_qs)

    async def form(self, path: str) -> dict[str, str]:
        """Return the form with controls that stands on a page; empty without one."""
        page = (await self.get(path)).text
        fields = re.findall(r'name="(form|mark|back)" value="([^"]*)"', page)
        self.seen = re.findall(r'<button name="do" value="([^"]*)"', page)
        found = page.partition("/controls")
        return dict(fields) if found[1] else {}

    async def do(self, batch: str, does: str, form: Mapping[str, str]) -> Answer:
        return await self.post(f"/batches/{batch}/controls", {**form, "do": does})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@asynccontextmanager
async def open_house(on: World, **more: str) -> AsyncIterator[Bot]:
    """Run a bot with pages at which people sign in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    on.hub.sign_ins.callback_urls = [f"{url}/sign-in/callback"]
    variables = {
        "PORT": str(port),
        "WEB_URL": url,
        "CLIENT_ID": on.hub.app.client_id,
        "CLIENT_SECRET": on.hub.sign_ins.client_secret,
        **more,
    }
    async with on.bot(**variables) as bot:
        yield bot


@asynccontextmanager
async def visitor(on: World, bot: Bot, login: str) -> AsyncIterator[Visitor]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Visitor(on.hub, bot.url, session, login)


def newest(on: World) -> str:
    [(name,)] = on.rows("SELECT id FROM batches ORDER BY number DESC LIMIT 1")
    return str(name)


async def test_a_plan_is_started_at_its_page_by_who_may_and_once(on: World):
    on.repository.is_private = True
    on.issue(12, "write a b")
    async with (
        open_house(on) as bot,
        visitor(on, bot, "linus") as linus,
        visitor(on, bot, "rita") as rita,
        visitor(on, bot, "sam") as sam,
    ):
        on.hub.add_user("sam")
        await on.answer("/batch plan 12")
        page = f"/batches/{newest(on)}"
        assert (await linus.get(page)).status == 401
        assert (await linus.sign_in(page)).headers["Location"] == page
        await rita.sign_in()
        await sam.sign_in()
        assert (await sam.get(page)).status == 404
        assert (await sam.get("/batches/z9z9")).text == (await sam.get(page)).text
        # A reader sees it and is offered nothing; what she sends is no form of hers.
        assert (await rita.get(page)).status == 200
        assert await rita.form(page) == {}
        form = await linus.form(page)
        assert linus.seen == ["start"]
        assert (await rita.do(newest(on), "start", form)).status == 403
        started = await asyncio.gather(
            *(linus.do(newest(on), "start", form) for _ in range(3))
        )
        assert [one.status for one in started] == [303, 303, 303]
        await on.until(lambda: on.said("report"))
        kinds = [row[0] for row in on.rows("SELECT kind FROM events ORDER BY seq")]
        assert kinds.count("BatchStarted") == 1
        [(data,)] = on.rows("SELECT data FROM events WHERE kind = 'BatchStarted'")
        assert '"linus"' in data
        assert "page:" in data


async def test_controls_at_the_page_go_by_the_roles_of_commands(on: World):
    on.issue(12, f"wait {on.folder / 'go'}")
    on.issue(15)
    async with open_house(on) as bot, visitor(on, bot, "linus") as linus:
        on.say("/batch 12 15 after:12")  # ada's
        await on.until(lambda: "**running**" in on.said("tracking"))
        name = newest(on)
        await linus.sign_in()
        form = await linus.form(f"/batches/{name}")
        assert {"pause", "cancel"} <= set(linus.seen)
        refused = await linus.do(name, "pause", form)
        assert (refused.status, "maintain" in refused.text) == (409, True)
        on.hub.set_role("acme", REPOSITORY, "linus", "maintain")
        form = await linus.form(f"/batches/{name}")
        assert (await linus.do(name, "pause", form)).status == 303
        await on.until(lambda: "paused" in on.said("tracking"))
        assert any("linus" in one for one in on.replies())
        item = f"/batches/{name}/items/15"
        form = await linus.form(item)
        assert linus.seen == ["skip 15", "cancel 15"]
        done = await linus.do(name, "skip 15", form)
        assert done.headers["Location"] == item
        form = await linus.form(f"/batches/{name}")
        await linus.do(name, "cancel", form)
        await on.until(lambda: on.said("report"))


async def test_a_list_has_the_controls_of_each_batch_for_who_may(on: World):
    on.issue(12, f"wait {on.folder / 'go'}")
    on.issue(15)
    async with (
        open_house(on) as bot,
        visitor(on, bot, "ada") as ada,
        visitor(on, bot, "linus") as linus,
        visitor(on, bot, "rita") as rita,
    ):
        on.say("/batch 12 15 after:12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        name = newest(on)
        for who in (ada, linus, rita):
            await who.sign_in()
        here = "/?state=live"
        page = (await rita.get(here)).text
        assert "API budget" in page
        assert "Webhooks" not in page  # which are of all installations
        assert await rita.form(here) == {}  # she may read it
        stolen = await linus.form(here)
        assert linus.seen == ["pause", "cancel"]
        assert (await rita.do(name, "pause", stolen)).status == 403
        # He may write there, and the batch is another's: he is told so, and led back.
        refused = await linus.do(name, "pause", stolen)
        assert (refused.status, "maintain" in refused.text) == (409, True)
        assert f'href="{here}"' in refused.text
        assert "paused" not in on.said("tracking")
        form = await ada.form(here)
        assert form["back"] == here
        done = await ada.do(name, "pause", form)
        assert (done.status, done.headers["Location"]) == (303, here)
        await on.until(lambda: "paused" in on.said("tracking"))
        await ada.form(here)
        assert ada.seen == ["resume", "cancel"]
        # Nowhere else does a form lead.
        form = await ada.form(here)
        gone = await ada.do(name, "cancel", {**form, "back": "//elsewhere.example"})
        assert gone.headers["Location"] in ("/", f"/batches/{name}")
        await on.until(lambda: on.said("report"))
        again = await ada.form("/?state=over")
        assert ada.seen == ["retry"]
        assert (await ada.do(name, "retry", again)).status == 303
        await on.until(lambda: newest(on) != name)
        await ada.form("/?state=over")
        assert ada.seen == []  # it is tried again already


async def test_the_link_of_the_comment_opens_its_batch_for_thirty_days(on: World):
    on.repository.is_private = True
    async with open_house(on) as bot, visitor(on, bot, "") as stranger:
        await on.finished(on.say("/batch close:40"))
        name = newest(on)
        found = re.search(r"\[live view\]\(([^)]+)\)", on.said("tracking"))
        assert found
        link = URL(unescape(found[1]))
        assert str(link.origin()) == bot.url
        opened = await stranger.get(link.raw_path_qs)
        assert opened.headers["Location"] == f"/batches/{name}"
        assert (await stranger.get(f"/batches/{name}")).status == 200
        assert await stranger.form(f"/batches/{name}") == {}
        # Nothing else: no other batch, no list of others.
        await on.finished(on.say("/batch reopen:40"))
        assert (await stranger.get(f"/batches/{newest(on)}")).status in (401, 404)
        listed = (await stranger.get("/")).text
        assert name in listed
        # Nor what the installation has left, or what comes from GitHub.
        for words in (newest(on), "API budget", "Slots", "Webhooks"):
            assert words not in listed, words
        on.later(days=29)
        async with visitor(on, bot, "") as late:
            await late.get(link.raw_path_qs)
            assert (await late.get(f"/batches/{name}")).status == 200
            on.later(days=2)
            assert (await late.get(f"/batches/{name}")).status in (401, 404)
            await late.get(link.raw_path_qs)
            assert (await late.get(f"/batches/{name}")).status in (401, 404)


async def test_a_list_leaves_out_what_a_link_opens_no_more(on: World):
    on.repository.is_private = True
    async with open_house(on) as bot, visitor(on, bot, "") as late:
        await on.finished(on.say("/batch close:40"))
        name = newest(on)
        found = re.search(r"\[live view\]\(([^)]+)\)", on.said("tracking"))
        assert found
        on.later(days=29, hours=22)
        await late.get(URL(unescape(found[1])).raw_path_qs)
        assert name in (await late.get("/")).text
        on.later(hours=4)  # the browser still has what it got for the link
        assert (await late.get(f"/batches/{name}")).status in (401, 404)
        assert name not in (await late.get("/")).text
        assert name not in (await late.get("/batches.json")).text


async def test_who_loses_the_role_is_cut_off_while_they_watch(on: World):
    on.repository.is_private = True
    on.issue(12, f"wait {on.folder / 'go'}")
    async with open_house(on) as bot, visitor(on, bot, "rita") as rita:
        on.say("/batch 12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        path = f"/batches/{newest(on)}"
        await rita.sign_in()
        page = (await rita.get(path)).text
        live = re.search(r'data-live="([^"]+)"', page)
        assert live
        async with rita.session.get(f"{bot.url}{unescape(live[1])}") as stream:
            assert stream.status == 200
            on.hub.set_role("acme", REPOSITORY, "rita", "none")
            on.later(minutes=4)
            async for _ in stream.content:
                pass  # to its end
        assert (await rita.get(path)).status == 404
        (on.folder / "go").touch()
        await on.until(lambda: on.said("report"))


async def test_what_is_the_operators_is_not_there_for_anybody_else(on: World):
    """With the link of a batch, or signed in with every role that there is."""
    paths = [
        f"/{one}{kind}" for one in ("stats", "installations") for kind in ("", ".json")
    ]
    async with open_house(on) as bot, visitor(on, bot, "") as linked:
        await on.finished(on.say("/batch close:40"))
        found = re.search(r"\[live view\]\(([^)]+)\)", on.said("tracking"))
        assert found
        await linked.get(URL(unescape(found[1])).raw_path_qs)
        async with visitor(on, bot, "ada") as ada:
            await ada.sign_in()
            page = (await ada.get(f"/batches/{newest(on)}")).text
            assert "/stats" not in page
            for path in paths:
                assert (await ada.get(path)).status == 404
                assert (await linked.get(path)).status in (401, 404)


async def test_a_login_that_is_somebody_elses_by_now_opens_nothing(on: World):
    on.repository.is_private = True
    async with open_house(on) as bot, visitor(on, bot, "rita") as rita:
        await on.finished(on.say("/batch close:40"))
        path = f"/batches/{newest(on)}"
        await rita.sign_in()
        assert (await rita.get(path)).status == 200
        # She has another name now, and hers was taken, with the role it got.
        on.hub.state.users["rita"].id = on.hub.state.next_id()
        on.later(minutes=4)
        assert (await rita.get(path)).status == 404


async def test_an_empty_budget_is_not_spent_on_visitors(on: World):
    on.repository.is_private = True
    async with open_house(on) as bot, visitor(on, bot, "rita") as rita:
        await on.finished(on.say("/batch close:40"))
        path = f"/batches/{newest(on)}"
        await rita.sign_in()
        assert (await rita.get(path)).status == 200
        on.hub.limits.set_limit(next(iter(on.hub.state.installations)), remaining=3)
        await on.answer("/batch help")  # with which the bot learns of it
        asked = len([e for e in on.hub.log if "/collaborators/rita/" in e.path])
        on.later(minutes=5)
        assert (await rita.get(path)).status == 200  # as it was some minutes ago
        on.later(minutes=12)
        assert (await rita.get(path)).status == 404
        now = len([e for e in on.hub.log if "/collaborators/rita/" in e.path])
        assert now == asked


async def test_words_of_others_are_text_wherever_a_visitor_reads_them(on: World):
    evil: Any = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    on.issue(12, f"say {evil}", title=evil)
    async with open_house(on) as bot, visitor(on, bot, "linus") as linus:
        await on.finished(on.say("/batch 12 retries:0"))
        await linus.sign_in()
        for path in ("", "/items/12"):
            page = await linus.get(f"/batches/{newest(on)}{path}")
            assert page.status == 200
            assert "<script>alert" not in page.text
            assert "<img" not in page.text
            assert page.headers["Referrer-Policy"] == "same-origin"
            assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


async def test_what_is_missing_for_visitors_is_a_finding(on: World):
    async def notes(**variables: str) -> str:
        found = await SettingsExamined(on.settings(**variables)).examine()
        return " ".join(str(one) for one in found if one.part == "pages")

    url = "https://bot.example.com"
    assert await notes() == ""
    assert "links in comments alone" in await notes(WEB_URL=url)
    assert await notes(WEB_URL=url, OPERATOR_TOKEN="t" * 32) == ""
    assert "CLIENT_SECRET is not set" in await notes(WEB_URL=url, CLIENT_ID="Iv1")
    assert "unencrypted" in await notes(
        WEB_URL="http://bot.example.com",
        OPERATOR_TOKEN="t" * 32,
    )


async def test_nobody_takes_every_place_of_those_who_follow(
    on: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crowd, "MOST_OF_ONE", 1)
    monkeypatch.setattr(crowd, "MOST_OF_MANY", 1)
    async with (
        open_house(on) as bot,
        visitor(on, bot, "rita") as rita,
        visitor(on, bot, "linus") as linus,
        visitor(on, bot, "") as stranger,
    ):
        await on.finished(on.say("/batch close:40"))
        live = f"/batches/{newest(on)}/live"
        await rita.sign_in()
        await linus.sign_in()
        found = re.search(r"\[live view\]\(([^)]+)\)", on.said("tracking"))
        assert found
        await stranger.get(URL(unescape(found[1])).raw_path_qs)
        async with AsyncExitStack() as stack:
            for path, who, status in (
                (live, rita, 200),
                ("/live", rita, 503),
                (live, stranger, 200),
                (live, stranger, 503),
                (live, linus, 200),
            ):
                get = who.session.get(f"{bot.url}{path}")
                answer = await stack.enter_async_context(get)
                assert answer.status == status, (who.login, path)
        status = 503
        while status == 503:  # who has gone makes room at once
            async with rita.session.get(f"{bot.url}/live") as answer:
                status = answer.status
        assert status == 200
