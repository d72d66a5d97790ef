"""The bot is killed while it takes a form of a page: what was sent is done, and once."""

from asyncio import sleep
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.flow.killing import is_quiet, live, mortal_world
from tests.flow.mortal import Book, SwiftClock
from tests.flow.test_visitors import Visitor, free_port, newest
from tests.flow.world import World

pytestmark = [pytest.mark.slow]

WHILE_NOBODY_LISTENS = 0.05


@dataclass(frozen=True)
class Story:
    """A form of a page, and what has to come of it once."""

    does: str
    page: str  # where the form stands
    begins: Callable[[World], None]
    is_ready: Callable[[World], bool]
    goes_on: Callable[[World], None]
    once: Mapping[str, int]  # how often each event is recorded in the end
    says: str  # of the one reply to it; empty: a new batch is the answer
    points: Sequence[str]  # at which the bot dies, before and after each


def _two_items(on: World) -> None:
    on.issue(12, f"wait {on.folder / 'go'}")
    on.issue(15)
    on.say("/batch 12 15 after:12")


def _fails(on: World) -> None:
    on.issue(12, "exit 1")
    on.say("/batch 12 retries:0")


def _resumes(on: World) -> None:
    (on.folder / "go").touch()
    on.say("/batch resume")


STORIES = {
    "pause": Story(
        does="pause",
        page="/batches/{}",
        begins=_two_items,
        is_ready=lambda on: "**running**" in on.said("tracking"),
        goes_on=_resumes,
        once={"BatchPaused": 1, "BatchResumed": 1},
        says="Pause",
        points=(
            "commit: delivery taken",
            "commit: BatchPaused",
            "commit: reply/pause/page:* intended",
            "commit: reply/pause/page:* done",
            "commit: delivery dealt with",
            "request: POST /issues/40/comments batch-bot:pause",
        ),
    ),
    "retry": Story(
        does="retry",
        page="/?state=over",
        begins=_fails,
        is_ready=lambda on: bool(on.comments("report")),
        goes_on=lambda on: None,
        once={"BatchRetried": 1, "BatchStarted": 2},
        says="",
        points=(
            "commit: delivery taken",
            "commit: batch",
            "commit: BatchRetried",
            "commit: delivery dealt with",
        ),
    ),
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_form_is_taken_once_wherever_the_bot_dies(tmp_path: Path, name: str):
    """Who gets no answer sends the form again, from the page as it was."""
    story, port = STORIES[name], free_port()
    points = [
        f"{side} {point}" for side in ("before", "after") for point in story.points
    ]
    url = f"http://127.0.0.1:{port}"
    async with (
        mortal_world(tmp_path, clock=SwiftClock()) as (on, scythe, child),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        on.hub.sign_ins.callback_urls = [f"{url}/sign-in/callback"]
        book = scythe.book = Book(tmp_path / "deaths", only="|".join(points))
        ada = Visitor(on.hub, url, session, "ada")
        deaths = await live(
            on,
            child,
            _used(on, ada, book, story),
            BOOK=str(book.path),
            ONLY=book.only,
            PORT=str(port),
            WEB_URL=url,
            CLIENT_ID=on.hub.app.client_id,
            CLIENT_SECRET=on.hub.sign_ins.client_secret,
        )
        assert sorted(book.points) == sorted(points)
        assert deaths
        kinds = [kind for (kind,) in on.rows("SELECT kind FROM events")]
        assert {kind: kinds.count(kind) for kind in story.once} == story.once
        said = [one for one in on.replies() if story.says and story.says in one]
        assert len(said) == bool(story.says), on.replies()
        batches = len(on.rows("SELECT id FROM batches"))
        assert batches == kinds.count("BatchRetried") + 1


async def _used(on: World, ada: Visitor, book: Book, story: Story) -> None:
    story.begins(on)
    await on.until(lambda: story.is_ready(on), seconds=100)
    await on.dealt_with()
    name = newest(on)
    page = story.page.format(name)
    await ada.sign_in(page)
    form = await ada.form(page)
    book.open()
    await _sent(ada, name, story.does, form)
    await on.dealt_with()
    # What was sent once more long after is not done again.
    await _sent(ada, name, story.does, form)
    story.goes_on(on)
    await on.until(lambda: is_quiet(on), seconds=300)


async def _sent(ada: Visitor, name: str, does: str, form: dict[str, str]) -> None:
    while True:
        try:
            answer = await ada.do(name, does, form)
        except aiohttp.ClientError:
            await sleep(WHILE_NOBODY_LISTENS)
            continue
        if answer.status in (202, 303):
            return
        assert answer.status == 503, answer.text  # it is starting
