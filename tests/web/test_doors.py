"""Who may see the bot's pages, held against what strangers try."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer, make_mocked_request
from yarl import URL

from bot.core.model import Batch, BatchId, InstallationId, Repository, Role
from bot.core.say.problems.github import SignInRefused
from bot.core.world.markers import link_mark
from bot.errors import Refused
from bot.ports.people import Account, Proof
from bot.web.access import PageAccess, Viewer, Ways
from bot.web.cookies import LINKS, SESSION, STATE, Cookies
from bot.web.entrance import Entrance, comes_from, own_path, turned_away
from bot.web.forms import Forms, new_form
from bot.web.seals import Seals, derived
from tests.fakes import START, FakeClock
from tests.plans import batch, plan

TOKEN = "o" * 64
KEY = derived("the app's key", "links to batches")
ADA = Account(7, "ada")
NAME = BatchId("b7k2")
BATCH = replace(batch(plan({12: ()})), id=NAME)
OTHER = replace(
    batch(plan({13: ()})),
    id=BatchId("c3d4"),
    request=replace(
        BATCH.request, repository=Repository(9, "globex/vault", InstallationId(2))
    ),
)


@dataclass
class Known:
    """What the test says of people and links."""

    roles: dict[tuple[int, int], Role] = field(default_factory=dict)
    batches: dict[str, Batch] = field(
        default_factory=lambda: {BATCH.id: BATCH, OTHER.id: OTHER}
    )
    over: set[str] = field(default_factory=set)

    async def role(self, repository: Repository, account: Account) -> Role:
        return self.roles.get((repository.id, account.id), Role.NONE)

    async def batch(self, batch_id: BatchId) -> Batch | None:
        return self.batches.get(batch_id)

    async def is_open(self, batch_id: BatchId) -> bool:
        return batch_id not in self.over


@dataclass
class Site:
    """The doors, and a page of each batch behind them."""

    url: URL
    known: Known
    access: PageAccess
    seals: Seals
    clock: FakeClock
    session: ClientSession
    web_url: str
    account: Account = ADA
    refusal: str = ""
    begun: list[Proof] = field(default_factory=list)
    wishes: list[tuple[Any, ...]] = field(default_factory=list)
    is_starting: bool = False

    def address(self, proof: Proof, *, callback: str) -> str:
        self.begun.append(proof)
        return f"https://github.test/authorize?state={proof.state}"

    async def account_of(self, code: str, proof: Proof, *, callback: str) -> Account:
        if self.refusal:
            raise Refused(SignInRefused(self.refusal), status=200)
        assert (code, callback) == ("c0de", f"{self.web_url}/sign-in/callback")
        return self.account

    async def ask(
        self, method: str, path: str, *, fresh: bool = False, **options: Any
    ) -> "Answer":
        """Send a request from the one browser, or with *fresh* from another one."""
        url = URL(f"{self.url}{path.lstrip('/')}", encoded=True)
        if fresh:
            async with ClientSession() as other:
                return await answer_of(other, method, url, options)
        return await answer_of(self.session, method, url, options)

    async def sign_in(self, path: str = "/batches/b7k2") -> "Answer":
        """Sign in as the test's account."""
        await self.ask("GET", f"/sign-in?next={path}")
        state = self.begun[-1].state
        return await self.ask("GET", f"/sign-in/callback?code=c0de&state={state}")

    async def form(self, name: str = NAME, **more: str) -> dict[str, str]:
        """Return the form that stands on the page of a batch."""
        found = await self.ask("GET", f"/batches/{name}")
        form, mark, *_ = found.text.split()
        return {"form": form, "mark": mark, "do": "pause"} | more

    async def send(self, form: Mapping[str, str], **options: Any) -> "Answer":
        """Send a form as a browser on a page of the site does."""
        headers = {"Origin": self.web_url} | options.pop("headers", {})
        name = options.pop("name", NAME)
        path = f"/batches/{name}/controls"
        return await self.ask("POST", path, data=form, headers=headers, **options)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    cookies: list[str]
    text: str


async def answer_of(
    session: ClientSession, method: str, url: URL, options: Any
) -> Answer:
    async with session.request(method, url, allow_redirects=False, **options) as answer:
        cookies = answer.headers.getall("Set-Cookie", [])
        return Answer(answer.status, answer.headers, cookies, await answer.text())


class Asker:
    """The port ``SignIns`` as the site of the test answers it."""

    site: Site

    def address(self, proof: Proof, *, callback: str) -> str:
        return self.site.address(proof, callback=callback)

    async def account(self, code: str, proof: Proof, *, callback: str) -> Account:
        return await self.site.account_of(code, proof, callback=callback)


@dataclass(frozen=True)
class Done:
    outcome: str = "pause b7k2"
    said: str = "### ⏸️ Paused"

    @property
    def is_refused(self) -> bool:
        return self.outcome.startswith("refused")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    clock, known, asker = FakeClock(), Known(), Asker()
    app = web.Application()
    server = TestServer(app)
    await server.start_server()  # for its port
    web_url = str(server.make_url("/")).rstrip("/")
    await server.close()
    seals = Seals("the app's key", clock)
    cookies = Cookies(seals, web_url)
    access = PageAccess(
        seals=seals,
        cookies=cookies,
        ways=Ways(TOKEN, by_github=True),
        reading=lambda: known,
        turn_away=turned_away,
        clock=clock,
    )

    async def show(request: web.Request) -> web.StreamResponse:
        viewer = await access.viewer(request)
        if viewer == Viewer():
            return access.sign_in(request)
        found = known.batches.get(request.match_info["batch"])
        if found is None or not await access.may_see(
            viewer, found.repository, found.id
        ):
            raise web.HTTPNotFound(text="Not found")
        form, mark = new_form(access, viewer, found.id)
        return web.Response(text=f"{form} {mark} {viewer.login} {viewer.is_operator}")

    async def wish(verb, batch_id, names, *, by, form):
        made.wishes.append((verb, batch_id, tuple(names), by and by.login, form))
        return Done()

    app = web.Application()
    Entrance(
        access=access,
        cookies=cookies,
        sign_ins=asker,
        reading=lambda: known,
        link_key=KEY,
        web_url=web_url,
        clock=clock,
    ).add_to(app)
    Forms(
        access=access,
        reading=lambda: None if made.is_starting else known,
        wish=wish,
        web_url=web_url,
    ).add_to(app)
    app.router.add_get("/batches/{batch}", show)
    server = TestServer(app, port=URL(web_url).port)
    await server.start_server()
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        made = Site(server.make_url("/"), known, access, seals, clock, session, web_url)
        asker.site = made
        yield made
    await server.close()


# --- by token ---


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_the_operators_token_opens_everything(site: Site, scheme: str):
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    for name in ("b7k2", "c3d4"):
        answer = await site.ask("GET", f"/batches/{name}", headers=headers)
        assert (answer.status, answer.text.split()[-1]) == (200, "True")


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ÿ"]
)
async def test_anything_else_is_a_stranger(site: Site, shown: str):
    headers = {"Authorization": shown, "Accept": "application/json"}
    answer = await site.ask("GET", "/batches/b7k2", headers=headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "b7k2" not in answer.text


async def test_without_a_token_set_up_nobody_is_the_operator(site: Site):
    access = PageAccess(
        seals=site.seals,
        cookies=Cookies(site.seals, site.web_url),
        ways=Ways(),
        reading=lambda: site.known,
        turn_away=turned_away,
        clock=site.clock,
    )
    assert not access.is_token("")
    assert not access.is_token(TOKEN)


async def operator(site: Site, token: str, **options: Any) -> Answer:
    headers = {"Origin": site.web_url} | options.pop("headers", {})
    data = {"token": token, "next": "/batches/b7k2"}
    return await site.ask(
        "POST", "/sign-in/operator", data=data, headers=headers, **options
    )


async def test_the_operator_signs_in_with_a_form_too(site: Site):
    answer = await operator(site, TOKEN)
    assert (answer.status, answer.headers["Location"]) == (303, "/batches/b7k2")
    assert (await site.ask("GET", "/batches/c3d4")).status == 200


async def test_wrong_tokens_are_few_a_minute_for_each_address(site: Site):
    for _ in range(5):
        assert (await operator(site, "guess")).status == 403
    assert (await operator(site, TOKEN)).status == 429  # whatever it is by then
    await site.clock.advance(61)
    assert (await operator(site, TOKEN)).status == 303


async def test_another_site_cannot_sign_somebody_in_as_the_operator(site: Site):
    for origin in ("https://evil.test", "null"):
        headers = {"Origin": origin}
        assert (await operator(site, TOKEN, headers=headers)).status == 403


# --- by GitHub ---


async def test_a_reader_signs_in_sees_the_repository_and_no_other(site: Site):
    site.known.roles[BATCH.repository.id, ADA.id] = Role.READ
    answer = await site.sign_in("/batches/b7k2")
    assert (answer.status, answer.headers["Location"]) == (303, "/batches/b7k2")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    shown = await site.ask("GET", "/batches/b7k2")
    assert shown.text.split()[2:] == ["ada", "False"]
    hidden = await site.ask("GET", "/batches/c3d4")
    missing = await site.ask("GET", "/batches/z9z9")
    assert (hidden.status, hidden.text) == (missing.status, missing.text)
    assert hidden.status == 404


async def test_who_loses_the_role_sees_nothing_more(site: Site):
    site.known.roles[BATCH.repository.id, ADA.id] = Role.READ
    await site.sign_in()
    site.known.roles.clear()
    assert (await site.ask("GET", "/batches/b7k2")).status == 404


async def test_a_session_ends_after_eight_hours(site: Site):
    site.known.roles[BATCH.repository.id, ADA.id] = Role.READ
    await site.sign_in()
    await site.clock.advance(8 * 3600 - 60)
    assert (await site.ask("GET", "/batches/b7k2")).status == 200
    await site.clock.advance(120)
    assert (await site.ask("GET", "/batches/b7k2")).status == 401


async def test_a_sign_in_ends_in_the_browser_in_which_it_was_begun(site: Site):
    """Login CSRF: a link of the attacker's own sign-in does nothing elsewhere."""
    await site.ask("GET", "/sign-in")
    state = site.begun[-1].state
    path = f"/sign-in/callback?code=c0de&state={state}"
    answer = await site.ask("GET", path, fresh=True)
    assert answer.status == 400
    assert not any(
        "session=" in one and "Max-Age=28800" in one for one in answer.cookies
    )


@pytest.mark.parametrize("state", ["", "forged", "%00", "%C3%BF"])
async def test_a_forged_state_is_refused(site: Site, state: str):
    await site.ask("GET", "/sign-in")
    answer = await site.ask("GET", f"/sign-in/callback?code=c0de&state={state}")
    assert answer.status == 400
    assert "not begun in this browser" in answer.text


async def test_a_sign_in_takes_ten_minutes_at_most_and_once(site: Site):
    await site.ask("GET", "/sign-in")
    state = site.begun[-1].state
    await site.clock.advance(700)
    path = f"/sign-in/callback?code=c0de&state={state}"
    assert (await site.ask("GET", path)).status == 400
    await site.sign_in()
    path = f"/sign-in/callback?code=c0de&state={site.begun[-1].state}"
    assert (await site.ask("GET", path)).status == 400


async def test_the_name_of_a_session_is_never_one_that_was_there_before(site: Site):
    """Session fixation."""
    planted = Cookies(site.seals, site.web_url)
    response = web.Response()
    planted.write(response, SESSION, {"sid": "planted", "id": 1, "login": "mallory"})
    site.session.cookie_jar.update_cookies(response.cookies, site.url)
    answer = await site.sign_in()
    [kept] = [one for one in answer.cookies if "batch-session=" in one]
    value = kept.partition("=")[2].partition(";")[0]
    opened = site.seals.open("session", value, seconds=10)
    assert opened is not None
    assert (opened["sid"] != "planted", opened["login"]) == (True, "ada")


async def test_a_refusal_of_github_is_said_and_its_words_are_no_html(site: Site):
    await site.ask("GET", "/sign-in")
    state = site.begun[-1].state
    error = "access_denied"
    answer = await site.ask("GET", f"/sign-in/callback?error={error}&state={state}")
    assert (answer.status, "did not let the app know" in answer.text) == (403, True)
    await site.ask("GET", "/sign-in")
    state, error = site.begun[-1].state, "%3Cscript%3Ealert(1)%3C/script%3E"
    answer = await site.ask("GET", f"/sign-in/callback?error={error}&state={state}")
    assert (answer.status, "script" in answer.text) == (403, False)
    site.refusal = "incorrect_client_credentials"
    assert "CLIENT_SECRET" in (await site.sign_in()).text


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test/",
        "/%5Cevil.test".replace("%5C", "\\"),
        "/a\r\nSet-Cookie: x=1",
        "/a\nLocation: https://evil.test",
        "/ä",
        "javascript:alert(1)",
        "/sign-in?next=/sign-in",
        "/" + "a" * 3000,
        "",
    ],
)
def test_a_path_to_go_on_to_leads_nowhere_else(path: str):
    """Open redirects and header injection."""
    assert own_path(path) == "/"


async def test_what_leads_elsewhere_is_forgotten_at_the_door(site: Site):
    for path in ("//evil.test", "https://evil.test", "/a%0d%0aSet-Cookie:%20x=1"):
        answer = await site.sign_in(path)
        assert answer.headers["Location"] == "/"
    assert own_path("/batches/b7k2?x=%0d%0a") == "/batches/b7k2?x=%0d%0a"


# --- cookies ---


def test_cookies_are_for_this_host_alone_and_no_script_reads_them(site: Site):
    cookies = Cookies(site.seals, "https://bot.example.com")
    response = web.Response()
    cookies.write(response, SESSION, {"sid": "s"})
    said = response.cookies["__Host-batch-session"].OutputString()
    for part in ("HttpOnly", "Secure", "Path=/", "SameSite=Lax", "Max-Age=28800"):
        assert part in said
    assert "Domain" not in said
    assert cookies.name(SESSION) == "__Host-batch-session"
    assert Cookies(site.seals, "http://127.0.0.1").name(SESSION) == "batch-session"


async def with_cookie(site: Site, header: str) -> int:
    answer = await site.ask(
        "GET", "/batches/b7k2", fresh=True, headers={"Cookie": header}
    )
    return answer.status


async def test_forged_swapped_and_tossed_cookies_are_a_strangers(site: Site):
    site.known.roles[BATCH.repository.id, ADA.id] = Role.READ
    who = {"sid": "s", "id": ADA.id, "login": "ada"}
    own = site.seals.close("session", who)
    assert await with_cookie(site, f"batch-session={own}") == 200
    stolen_key = Seals("another key", site.clock).close("session", who)
    for wrong in (
        stolen_key,
        site.seals.close("state", who),  # of another use
        own[:-4] + "AAAA",
        own + "A" * 5000,
        "",
        "{}",
        "ÿ",
    ):
        header = f"batch-session={wrong}"
        assert await with_cookie(site, header) == 401, wrong[:20]
    # Tossed from a neighbour: two of one name.
    assert await with_cookie(site, f"batch-session={own}; batch-session={own}") == 401
    for bad in ({"sid": "s"}, {"sid": "s", "id": "7", "login": "ada"}, {"id": 7}):
        value = site.seals.close("session", bad)
        assert await with_cookie(site, f"batch-session={value}") == 401


async def test_an_operators_session_ends_with_the_token(site: Site):
    value = site.seals.close(
        "session", {"sid": "s", "operator": site.seals.mark("operator", "old token")}
    )
    assert await with_cookie(site, f"batch-session={value}") == 401


async def test_signing_out_ends_the_session_for_who_has_copied_it_too(site: Site):
    site.known.roles[BATCH.repository.id, ADA.id] = Role.READ
    answer = await site.sign_in()
    [cookie] = [one for one in answer.cookies if "batch-session=" in one]
    header = cookie.partition(";")[0]
    assert await with_cookie(site, header) == 200
    session = site.seals.open("session", header.partition("=")[2], seconds=60)
    assert session is not None
    viewer = Viewer("ada", id=ADA.id, session=str(session["sid"]))
    mark = site.access.form_mark(viewer, "sign-out")
    sent = {"mark": mark}
    foreign = {"Origin": "https://evil.test"}
    for data, headers in ((sent, foreign), ({"mark": "x"}, {"Origin": site.web_url})):
        refused = await site.ask("POST", "/sign-out", data=data, headers=headers)
        assert refused.status == 403
    left = await site.ask(
        "POST", "/sign-out", data=sent, headers={"Origin": site.web_url}
    )
    assert left.status == 303
    assert await with_cookie(site, header) == 401


# --- by link ---


def link_to(found: Batch, name: str = "") -> str:
    return f"/batches/{name or found.id}?key={link_mark(found, KEY)}"


async def test_a_link_opens_its_batch_and_leaves_the_address(site: Site):
    answer = await site.ask("GET", link_to(BATCH) + "&state=failed")
    assert answer.status == 303
    assert answer.headers["Location"] == "/batches/b7k2?state=failed"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert (await site.ask("GET", "/batches/b7k2")).status == 200
    assert (await site.ask("GET", "/batches/c3d4")).status == 404  # that one alone


async def test_links_of_several_batches_are_kept_beside_each_other(site: Site):
    await site.ask("GET", link_to(BATCH))
    await site.ask("GET", link_to(OTHER))
    for name in ("b7k2", "c3d4"):
        assert (await site.ask("GET", f"/batches/{name}")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/batches/b7k2?key=",
        "/batches/b7k2?key=" + "0" * 32,
        "/batches/b7k2?key=%00%ff",
        link_to(OTHER, "b7k2"),  # of another batch
        link_to(replace(BATCH, created_at=START + timedelta(days=1))),  # of its name
        f"/batches/b7k2?key={link_mark(BATCH, b'another key')}",
        link_to(BATCH, "z9z9"),
    ],
)
async def test_a_forged_or_swapped_link_opens_nothing(site: Site, path: str):
    answer = await site.ask("GET", path)
    assert (answer.status, answer.cookies) == (303, [])
    assert "key" not in answer.headers["Location"]
    for name in ("b7k2", "c3d4"):
        assert (await site.ask("GET", f"/batches/{name}")).status == 401


async def test_a_link_ends_also_for_who_has_opened_it(site: Site):
    await site.ask("GET", link_to(BATCH))
    site.known.over.add(NAME)
    assert (await site.ask("GET", "/batches/b7k2")).status == 404
    assert (await site.ask("GET", link_to(BATCH), fresh=True)).cookies == []


async def test_a_link_leads_to_no_other_place(site: Site):
    answer = await site.ask("GET", f"/batches/b7k2/..//evil.test?key={'0' * 32}")
    assert not answer.headers.get("Location", "/").startswith(("//", "http"))


# --- forms ---


async def signed_in(site: Site, role: Role = Role.WRITE) -> None:
    site.known.roles[BATCH.repository.id, ADA.id] = role
    await site.sign_in()


async def test_a_control_becomes_a_wish_of_who_signed_in(site: Site):
    await signed_in(site)
    form = await site.form(do="skip 12 13-review", back="/batches/b7k2/items/12")
    answer = await site.send(form)
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/batches/b7k2/items/12",
    )
    [(verb, name, items, login, key)] = site.wishes
    assert (verb, name, items, login) == ("skip", "b7k2", ("12", "13-review"), "ada")
    assert key == form["form"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_of_another_site_changes_nothing(site: Site, headers: Any):
    await signed_in(site)
    form = await site.form()
    assert (await site.send(form, headers=headers)).status == 403
    assert site.wishes == []


async def test_a_form_without_its_mark_or_of_another_changes_nothing(site: Site):
    await signed_in(site)
    own = await site.form()
    site.known.roles[OTHER.repository.id, ADA.id] = Role.WRITE
    other = await site.form("c3d4")
    for wrong in (
        {"do": "pause"},
        {**own, "mark": ""},
        {**own, "form": "0" * 32},
        other,  # of another batch
        {**own, "mark": other["mark"]},
    ):
        assert (await site.send(wrong)).status == 403
    assert site.wishes == []


async def test_the_form_of_one_session_is_worth_nothing_in_another(site: Site):
    await signed_in(site)
    form = await site.form()
    await site.sign_in()
    assert (await site.send(form)).status == 403


async def test_who_has_only_a_link_or_nothing_uses_no_control(site: Site):
    assert (await site.send({"do": "pause"})).status == 401
    await site.ask("GET", link_to(BATCH))
    form = await site.form()
    answer = await site.send(form)
    assert (answer.status, "A link only shows" in answer.text) == (403, True)
    assert site.wishes == []


async def test_a_batch_that_is_hidden_answers_as_one_that_is_not_there(site: Site):
    await signed_in(site)
    answers = []
    for name in ("c3d4", "z9z9"):
        session = (await site.access.viewer(await looked(site))).session
        viewer = Viewer("ada", id=ADA.id, session=session)
        form, mark = new_form(site.access, viewer, BatchId(name))
        sent = {"form": form, "mark": mark, "do": "pause"}
        answers.append(await site.send(sent, name=name))
    assert [one.status for one in answers] == [404, 404]
    assert answers[0].text == answers[1].text
    assert site.wishes == []


async def looked(site: Site) -> Any:
    """Return a request with the cookies of the test's browser."""
    kept = site.session.cookie_jar.filter_cookies(site.url)
    header = "; ".join(f"{one.key}={one.value}" for one in kept.values())
    return make_mocked_request("GET", "/", headers={"Cookie": header})


@pytest.mark.parametrize(
    "do",
    ["", "delete", "pause; rm", "PAUSE", "skip ../x", "skip <b>", "skip 12\n/batch 13"],
)
async def test_what_no_page_offers_is_refused(site: Site, do: str):
    await signed_in(site)
    form = await site.form()
    answer = await site.send({**form, "do": do})
    assert answer.status == 400
    assert site.wishes == []


async def test_a_form_that_comes_while_the_bot_starts_is_to_be_sent_again(site: Site):
    await signed_in(site)
    form = await site.form()
    site.is_starting = True
    answer = await site.send({**form, "do": "pause"})
    assert (answer.status, "is starting" in answer.text) == (503, True)
    assert site.wishes == []
    site.is_starting = False
    assert (await site.send({**form, "do": "pause"})).status == 303


async def test_no_other_method_reaches_a_control(site: Site):
    await signed_in(site)
    form = await site.form()
    path = "/batches/b7k2/controls"
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answer = await site.ask(method, path, headers={"Origin": site.web_url})
        assert answer.status in (404, 405), method
    override = {"X-HTTP-Method-Override": "POST", "Origin": site.web_url}
    query = "&".join(f"{n}={v}" for n, v in form.items())
    answer = await site.ask("GET", f"{path}?{query}&_method=POST", headers=override)
    assert answer.status in (404, 405)
    assert site.wishes == []


async def test_forms_are_small_and_of_their_kind(site: Site):
    await signed_in(site)
    form = await site.form()
    assert (await site.send({**form, "do": "skip " + "1 " * 20_000})).status == 413
    answer = await site.ask(
        "POST",
        "/batches/b7k2/controls",
        json=form,
        headers={"Origin": site.web_url},
    )
    assert answer.status == 415
    assert site.wishes == []


async def test_a_program_uses_controls_with_the_operators_token(site: Site):
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Accept": "application/json",
        "Origin": "https://elsewhere.test",
    }
    answer = await site.send({"do": "pause"}, headers=headers)
    assert (answer.status, '"outcome": "pause b7k2"' in answer.text) == (200, True)
    [(verb, name, _, login, form)] = site.wishes
    assert (verb, name, login, len(form)) == ("pause", "b7k2", None, 32)


def test_how_long_a_comparison_takes_does_not_tell_where_texts_differ():
    """All of them go through ``hmac.compare_digest``: nothing of ours compares secrets."""
    for name in ("access", "entrance", "forms", "seals", "cookies"):
        text = Path(f"bot/web/{name}.py").read_text()
        for secret in ("token", "mark", "key", "state"):
            assert f"{secret} ==" not in text
            assert f"== {secret}" not in text
    assert comes_from is not None
    assert (LINKS.seconds, STATE.seconds) == (8 * 3600, 600)
