"""The pages of a real store over HTTP, without a bot behind them."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from bot.core import events as e
from bot.core.model import (
    Batch,
    Comment,
    CommentKind,
    ItemId,
    Origin,
    OutsideEdge,
    Plan,
    Reference,
)
from bot.core.run.capacity import Capacity, InstallationCapacity, Outage
from bot.core.run.reasons import (
    IsNext,
    LowMemory,
    NoFreeSlot,
    Reason,
    WaitsForGit,
    WaitsForGitHub,
    WaitsForMachine,
)
from bot.engine.recorder import Recorder
from bot.store.store import Store, open_store
from bot.web.access import Viewer
from bot.web.pages import streams
from bot.web.pages.site import add_pages
from bot.web.pages.sources import PageSources
from tests import scenes
from tests.fakes import FakeClock
from tests.flow.test_pages import Followed
from tests.paged import Everybody, Present, sources_of

HEBREW = "\u05e9\u05dc\u05d5\u05dd (draft)"


class Signed(Everybody):
    """Lets everybody in until their session ends."""

    is_signed_in = True

    async def viewer(self, _request: web.Request) -> Viewer:
        return Viewer(is_operator=self.is_signed_in)


class Waits(Present):
    """A scheduler that has items wait, two of three slots taken."""

    def __init__(self, waiting: dict[ItemId, Reason]) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def capacity(self, of: object = None) -> Capacity:
        free = InstallationCapacity(1, 3, 50)
        return Capacity({scenes.ACME.installation_id: free}, 1, 1)


@dataclass
class Served:
    """Pages on a socket, and what is going on behind them."""

    session: ClientSession
    recorder: Recorder
    store: Store
    folder: Path
    present: Waits
    clock: FakeClock
    everybody: Signed
    port: int = 0
    is_starting: bool = False
    open: list[web.Request] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)  # by who followed

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.url(path), headers=headers) as answer:
            return answer.status, await answer.text()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def live(self, path: str) -> str:
        """Return the address of the stream that a page follows."""
        _, page = await self.get(path)
        found = re.search(r'data-live="([^"]+)"', page)
        assert found, page
        return unescape(found[1])

    @asynccontextmanager
    async def follows(self, path: str) -> AsyncIterator[Followed]:
        async with self.session.get(self.url(path)) as answer:
            assert answer.status == 200
            yield Followed(answer)

    async def begin(self, batch: Batch, news: Sequence[e.Event]) -> None:
        """Have a second batch, as the engine begins one."""
        assert await self.store.batches.create(batch, {}, news)
        await self.recorder.follow(batch.id)

    async def happens(self, words: str) -> None:
        """Have an item say something."""
        now = scenes.NOW
        says = e.ItemProgressed(now, scenes.item(18), 1, words)
        paused = e.BatchPaused(now, "grace", "page:1")
        await self.recorder.record({BATCH.id: [says, paused]})


PLAN = scenes.plan_of_twelve()
BATCH = scenes.batch_of(
    replace(
        PLAN,
        items=tuple(
            replace(one, title=HEBREW) if one.number == 18 else one
            for one in PLAN.items
        ),
    )
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    clock = FakeClock(scenes.NOW)
    async with (
        open_store(tmp_path / "batch.db", clock=clock) as store,
        ClientSession() as session,
    ):
        told = scenes.events_until_now()
        recorded = [one for one in told if isinstance(one, e.Event)]
        await store.batches.create(BATCH, {}, recorded)
        recorder = Recorder(batches=store.batches, clock=clock)
        await recorder.follow(BATCH.id)
        busy = NoFreeSlot(3, 3)
        present = Waits({scenes.item(n): busy for n in (19, 20, 64)})
        made = Served(session, recorder, store, tmp_path, present, clock, Signed())
        sources = sources_of(store, recorder, present, folder=tmp_path, clock=clock)

        def known() -> PageSources | None:
            return None if made.is_starting else sources

        @web.middleware
        async def counted(
            request: web.Request,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        ) -> web.StreamResponse:
            made.open.append(request)
            try:
                return await handler(request)
            finally:
                made.open.remove(request)
                made.left.set()

        app = web.Application(middlewares=[counted])
        add_pages(app, made.everybody, known)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        # What the system keeps of what nobody reads: connections have it from here.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await web.SockSite(runner, listening).start()
        made.port = runner.addresses[0][1]
        yield made
        await runner.cleanup()


@pytest.mark.parametrize("page", ["/", "/installations"])
async def test_what_happens_while_a_list_is_loaded_is_told_at_once(
    served: Served, page: str
):
    live = await served.live(page)
    await served.happens("what no page has")
    async with served.follows(live) as followed:
        assert await followed.next() == ("reload", "")


async def test_who_has_all_of_a_list_is_told_only_of_what_comes(served: Served):
    live = await served.live("/")
    async with served.session.get(served.url(live)) as answer:
        told = asyncio.ensure_future(answer.content.readuntil(b"\r\n\r\n"))
        assert len(served.open) == 1
        await served.happens("what comes")
        version = int(live.rpartition("-")[2]) + 1
        assert (
            f"id: {live.partition('=')[2].partition('-')[0]}-{version}"
            in (await told).decode()
        )


async def test_a_list_of_an_earlier_process_is_told_to_load_again(served: Served):
    async with served.follows("/live?since=0-7") as followed:
        assert await followed.next() == ("reload", "")


async def test_what_happens_while_a_batch_is_loaded_is_told_at_once(served: Served):
    live = await served.live(f"/batches/{BATCH.id}")
    await served.happens("what no page has")
    async with served.follows(live) as followed:
        # It was drawn before; the board is drawn anew for who follows.
        assert "paused" in await followed.until(re.compile("paused"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/batches.json", 503),
        ("/batches/b7k2.json", 503),
        ("/batches/b7k2/items/18.json", 503),
        ("/installations.json", 503),
        ("/stats.json", 503),
        ("/nowhere.json", 404),
        ("/batches/nowhere.json", 404),
    ],
)
async def test_programs_are_refused_in_json(served: Served, path: str, status: int):
    served.is_starting = True
    for address, headers in (
        (path, {}),
        (path.removesuffix(".json"), {"Accept": "application/json"}),
    ):
        async with served.session.get(served.url(address), headers=headers) as answer:
            assert answer.status == status
            assert answer.content_type == "application/json"
            told = await answer.json()
            assert list(told) == ["error"]
            assert told["error"]
            assert ("Retry-After" in answer.headers) == (status == 503)


async def test_programs_are_told_of_wrong_methods_and_words_in_json(served: Served):
    url = served.url("/batches.json")
    async with served.session.post(url) as answer:
        assert (answer.status, answer.content_type) == (405, "application/json")
        assert "GET" in answer.headers["Allow"]
        assert "error" in await answer.json()
    async with served.session.get(f"{url}?state=nonsense") as answer:
        assert (answer.status, answer.content_type) == (400, "application/json")


async def test_people_are_told_that_the_bot_is_starting_on_a_page(served: Served):
    served.is_starting = True
    status, page = await served.get("/", Accept="text/html")
    assert status == 503
    assert "The bot is starting" in page
    assert "<html" in page


async def test_a_title_turns_nothing_around_it(served: Served):
    _, batch = await served.get(f"/batches/{BATCH.id}")
    _, item = await served.get(f"/batches/{BATCH.id}/items/18")
    for page in (batch, item):
        rest = page.replace(f"<bdi>{HEBREW}</bdi>", "")
        assert rest != page
        # In a drawing there are no elements for that, but characters.
        assert HEBREW not in rest.replace(f"\u2068{HEBREW}\u2069</title>", "")


async def test_a_list_says_what_all_of_it_takes_and_waits_for(served: Served):
    found = json.loads((await served.get("/batches.json"))[1])
    assert found["counts"] == {
        "all": 1,
        "live": 1,
        "waiting": 0,
        "failed": 1,
        "over": 0,
        "is_whole": True,
    }
    overview = found["overview"]
    [budget] = overview["budgets"]
    assert (budget["accounts"], budget["remaining"]) == (["acme"], 3412)
    assert budget["words"][0].startswith("3,412 of 5,000 API requests left")
    assert (overview["work"]["slots_busy"], overview["work"]["slots_total"]) == (2, 3)
    waiting = overview["work"]["waits"]
    assert waiting == [{"words": "For a free slot", "items": 3}]
    assert overview["work"]["waiting"] == 3
    assert overview["work"]["waiting_since"] == f"{scenes.START:%Y-%m-%dT%H:%M:%SZ}"
    assert overview["deliveries"]["last_at"] is None
    [row] = found["batches"]
    does = [one["does"] for one in row["offers"]]
    assert does == ["pause", "retry", "cancel"]
    assert row["offers"][1]["label"] == "Retry 2"  # with what waits for it
    # The page says the same without any script.
    page = (await served.get("/"))[1]
    for words in (
        "of 5,000 API requests left",
        '<strong>2</strong> <span class="quiet">of 3 busy</span>',
        '<strong>3</strong> <span class="quiet">oldest about 14m</span>',
        '<a href="/?state=failed">With failures <span>1</span></a>',
        '<a href="/" aria-current="true">All <span>1</span></a>',
    ):
        assert words in page, words
    _, page = await served.get("/installations")
    assert "For a free slot: 3" in page


async def test_the_figures_move_with_what_is_recorded(served: Served):
    def figures(text: str) -> tuple[int, int]:
        found = json.loads(text)
        return found["overview"]["work"]["waiting"], found["counts"]["waiting"]

    _, before = await served.get("/batches.json")
    assert figures(before) == (3, 0)
    del served.present.waiting[scenes.item(20)]
    await served.happens("paused")
    _, after = await served.get("/batches.json")
    assert figures(after) == (2, 1)
    _, some = await served.get("/batches.json?state=waiting&q=b7k2")
    assert figures(some) == (2, 1)


NOW = scenes.NOW
OUTSIDE = OutsideEdge(
    scenes.item(12), Reference("acme/api", scenes.number(5)), Origin.TYPED
)


@pytest.mark.parametrize(
    ("reason", "is_listed"),
    [
        (NoFreeSlot(3, 3, "installation"), True),
        (NoFreeSlot(5, 5, "host"), True),
        (WaitsForMachine("implement"), True),
        (WaitsForGitHub(Outage(NOW)), True),
        (WaitsForGit(NOW), True),
        (LowMemory(0.9), True),
        (IsNext(), False),
        (NoFreeSlot(3, 3, "batch"), False),
    ],
    ids=lambda one: type(one).__name__ if not isinstance(one, bool) else "",
)
async def test_what_waits_for_the_work_of_others_is_found_among_what_waits(
    served: Served, reason: Reason, is_listed: bool
):
    other = batch_beside("w1a2", PLAN)
    await served.begin(other, [e.BatchStarted(NOW, "ada")])
    served.present.waiting.update({one.id: reason for one in PLAN.items})
    await waits(served, other, is_listed=is_listed)


@pytest.mark.parametrize(
    ("news", "plan"),
    [
        ([], PLAN),
        ([e.BatchStarted(NOW, "ada"), e.BatchPaused(NOW, "ada", "page:2")], PLAN),
        (
            [
                e.BatchStarted(NOW, "ada"),
                e.BudgetWaitStarted(NOW, NOW + timedelta(hours=1)),
            ],
            PLAN,
        ),
        (
            [e.BatchStarted(NOW, "ada")],
            Plan(items=PLAN.items[:1], edges=(), outside=(OUTSIDE,)),
        ),
    ],
    ids=["start", "pause", "budget", "outside"],
)
async def test_what_waits_for_somebody_is_found_among_what_waits(
    served: Served, news: Sequence[e.Event], plan: Plan
):
    other = batch_beside("w1a2", plan)
    await served.begin(other, news)
    await waits(served, other, is_listed=True)


def batch_beside(name: str, plan: Plan) -> Batch:
    made = scenes.batch_of(plan, name)
    origin = Comment(1000, CommentKind.ISSUE)
    return replace(made, request=replace(made.request, origin=origin))


async def waits(served: Served, batch: Batch, *, is_listed: bool) -> None:
    """Hold that a batch is listed, and counted, among what waits, or is not."""
    found = json.loads((await served.get("/batches.json?state=waiting"))[1])
    listed = [row["id"] for row in found["batches"]]
    assert listed == ([batch.id] if is_listed else [])
    assert found["counts"]["waiting"] == len(listed)


async def test_clocks_of_a_list_go_on_while_something_is_live(served: Served):
    """Nobody is told of budgets, and no event says that it is later."""
    live = await served.live("/")
    async with served.follows(live) as followed:
        told = asyncio.ensure_future(followed.next())
        while not told.done():
            await served.clock.advance(streams.CLOCKS_SECONDS)
        assert told.result() == ("reload", "")


async def test_who_follows_a_list_is_cut_off_with_the_session(served: Served):
    live = await served.live("/")
    async with served.follows(live) as followed:
        served.everybody.is_signed_in = False
        told = asyncio.ensure_future(followed.next())
        while not told.done():
            await served.clock.advance(streams.SEEN_SECONDS / 10)
        assert told.result() == ("", "")  # its end
    status, _ = await served.get(live)
    assert status == 401


async def test_who_never_reads_what_is_sent_is_let_go(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is waited for but that patience ends: who reads nothing never hurries."""
    monkeypatch.setattr(streams, "TAKEN_SECONDS", 0.01)
    item = next(one for one in BATCH.plan.items if one.number == 12)
    log = served.folder / f"{BATCH.id}-{item.id}-1.log"
    log.write_text("x" * 8_000_000)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", served.port))
        path = f"/batches/{BATCH.id}/items/{item.id}/live?at=0"
        lazy.sendall(f"GET {path} HTTP/1.1\r\nHost: bot\r\n\r\n".encode())
        most = 0
        while not served.left.is_set():
            for request in served.open:
                if request.transport is not None:
                    size = request.transport.get_write_buffer_size()
                    most = max(most, size)
            await asyncio.sleep(0)
        lazy.settimeout(20)
        got = 0
        while piece := lazy.recv(65_536):  # what the system had, to its end
            got += len(piece)
    assert not served.open
    assert 0 < most < 1_000_000
    assert got < 1_000_000
