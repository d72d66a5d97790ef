"""The bot is killed while it takes a form of a page: what was sent is done, and once."""

from asyncio import sleep
from pathlib import Path

import aiohttp
import pytest

from tests.flow.killing import Child, live, mortal_world
from tests.flow.mortal import Book, SwiftClock
from tests.flow.test_visitors import Visitor, free_port, newest
from tests.flow.world import World

pytestmark = [pytest.mark.slow]

WHILE_NOBODY_LISTENS = 0.05


@pytest.mark.parametrize(
    "point", ["after commit: delivery taken", "after commit: BatchPaused"]
)
async def test_a_form_is_taken_once_however_often_it_is_sent(
    tmp_path: Path, point: str
):
    """Who gets no answer sends the form again, from the page as it was."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        mortal_world(tmp_path, clock=SwiftClock()) as (on, scythe, child),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        on.hub.sign_ins.callback_urls = [f"{url}/sign-in/callback"]
        on.issue(12, f"wait {tmp_path / 'go'}")
        on.issue(15)
        book = scythe.book = Book(tmp_path / "deaths", only=point)
        ada = Visitor(on.hub, url, session, "ada")
        deaths = await live(
            on,
            child,
            _pause(on, child, ada, book),
            BOOK=str(book.path),
            ONLY=point,
            PORT=str(port),
            WEB_URL=url,
            CLIENT_ID=on.hub.app.client_id,
            CLIENT_SECRET=on.hub.sign_ins.client_secret,
        )
        assert deaths == 1, book.points
        kinds = [kind for (kind,) in on.rows("SELECT kind FROM events")]
        assert kinds.count("BatchPaused") == kinds.count("BatchResumed") == 1
        assert len([one for one in on.replies() if "Pause" in one]) == 1, on.replies()


async def _pause(on: World, child: Child, ada: Visitor, book: Book) -> None:
    on.say("/batch 12 15 after:12")
    await on.until(lambda: "**running**" in on.said("tracking"), seconds=100)
    name = newest(on)
    path = f"/batches/{name}"
    await ada.sign_in(path)
    form = await ada.form(path)
    book.open()
    await _sent(ada, name, "pause", form)
    paused = "SELECT count(*) FROM events WHERE kind = 'BatchPaused'"
    await on.until(lambda: on.rows(paused) == [(1,)], seconds=100)
    (on.folder / "go").touch()
    await on.dealt_with()
    assert [s for (s,) in on.rows("SELECT state FROM batches")] == ["paused"]
    # What was sent once more long after is not done again.
    await _sent(ada, name, "pause", form)
    on.say("/batch resume")
    await on.until(lambda: on.said("report"), seconds=100)


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
