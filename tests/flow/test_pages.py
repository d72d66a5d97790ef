"""The bot's own pages, read over HTTP while batches run."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from bot.app import Bot
from bot.core.say.terminal import plain
from bot.localhub.state import Comment
from bot.web.pages import crowd
from tests.flow.test_budget import installation_of
from tests.flow.world import World

TOKEN = "an operator's token"  # noqa: S105 - of tests
SITE = "https://bot.example.com"
SET_UP = {"WEB_URL": SITE, "OPERATOR_TOKEN": TOKEN}
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
SCRIPT = "<script>alert(1)</script>"


@dataclass
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Reader:
    """Somebody who reads the pages, the operator unless told otherwise."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, **more: str
    ) -> Answer:
        sent = {**(OPERATOR if headers is None else headers), **more}
        async with self._session.get(
            f"{self._url}{path}", headers=sent, allow_redirects=False
        ) as answer:
            return Answer(answer.status, await answer.text(), dict(answer.headers))

    async def status(self, path: str) -> int:
        """Return how an answer begins, whose end may be far."""
        async with self._session.get(f"{self._url}{path}", headers=OPERATOR) as answer:
            return answer.status

    @asynccontextmanager
    async def follows(self, path: str) -> AsyncIterator["Followed"]:
        async with self._session.get(f"{self._url}{path}", headers=OPERATOR) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/event-stream"
            yield Followed(answer)


class Followed:
    """What is told to who watches."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, str]:
        """Return the name and the data of the next event."""
        name = data = ""
        async for line in self._answer.content:
            key, _, value = line.decode().rstrip("\r\n").partition(": ")
            match key:
                case "event":
                    name = value
                case "data":
                    data = value
                case "" if name:
                    return name, data
        return "", ""

    async def until(self, wanted: re.Pattern[str]) -> str:
        """Return what was told up to something."""
        told = ""
        while not wanted.search(told):
            name, data = await self.next()
            assert name, told
            told += data
        return told


@asynccontextmanager
async def reading(bot: Bot) -> AsyncIterator[Reader]:
    async with aiohttp.ClientSession() as session:
        yield Reader(session, bot.url)


def batch_of(command: Comment, on: World) -> str:
    [(name,)] = on.rows("SELECT id FROM batches ORDER BY number DESC LIMIT 1")
    return str(name)


async def test_page_and_comment_say_the_same_and_each_links_the_other(on: World):
    """The page is HTML of the very sentences that the comment has."""
    on.issue(12, "write file.txt hello", title=f"Tabs {SCRIPT} `x`")
    on.issue(15, "exit 1")
    on.issue(18)
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        command = on.say("/batch 12 15 18 after:15")
        await on.finished(command)
        name = batch_of(command, on)
        tracking = on.said("tracking")
        page = await reader.get(f"/batches/{name}")
        found = (await reader.get(f"/batches/{name}.json")).json
    assert page.status == 200
    for row in found["items"]:
        line = next(one for one in tracking.splitlines() if f"#{row['id']} —" in one)
        assert row["words"] in plain(line), line
    assert plain(tracking.splitlines()[1]).startswith(found["heading"])
    assert SCRIPT not in page.text
    assert "Tabs &lt;script&gt;alert(1)&lt;/script&gt; `x`" in page.text
    assert f"[live view]({SITE}/batches/{name}?key=" in tracking
    assert f"{SITE}/batches/{name}/items/15" in tracking
    assert f"[full report]({SITE}/batches/{name})" in on.said("report")
    assert found["tracking_url"] in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert " style=" not in page.text
    assert re.findall(r"<script(?! src=\"/static/pages.js\" defer>)", page.text) == []


async def test_who_watches_is_told_what_changes_up_to_the_end(on: World):
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    on.issue(15)
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        name = batch_of(command, on)
        page = await reader.get(f"/batches/{name}")
        live = re.search(r'data-live="([^"]+)"', page.text)
        assert live
        assert "is running" in page.text
        async with reader.follows(live[1]) as followed:
            go.touch()
            told = await followed.until(re.compile("finished — 2 of 2 done"))
        assert "item-12" in told
        assert "node-15" in told
        # Whoever comes back with what it had last is told the rest, a stranger to it all.
        async with reader.follows(live[1]) as followed:
            assert await followed.until(re.compile("finished — 2 of 2 done"))
        async with reader.follows(f"/batches/{name}/live?since=0-7") as followed:
            assert (await followed.next())[0] == "reload"


async def test_an_item_shows_its_attempts_its_changes_and_its_log(on: World):
    go = on.folder / "go"
    on.issue(12, f"say first {SCRIPT}\nwait {go}\nsay last words\nwrite file.txt hello")
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        command = on.say("/batch 12")
        await on.until(lambda: "first" in on.said("tracking"))
        name = batch_of(command, on)
        path = f"/batches/{name}/items/12"
        page = await reader.get(path)
        assert "first &lt;script&gt;" in page.text
        live = re.search(r'data-live="([^"]+)"', page.text)
        assert live
        async with reader.follows(live[1].replace("&amp;", "&")) as followed:
            go.touch()
            told = await followed.until(re.compile(r'"text": "[^"]*last words'))
            assert '"text": "first' not in told  # the page had it
        await on.finished(command)
        found = (await reader.get(f"{path}.json")).json
        log = await reader.get(f"{path}/log?attempt=1")
        page = await reader.get(path)
    assert [one["end"] for one in found["attempts"]] == ["completed"]
    said = [one["words"] for one in found["effects"]]
    assert any("pushed to batch/" in words for words in said)
    assert any("draft pull request" in words for words in said)
    assert all(one["done_at"] for one in found["effects"])
    pull = on.pull_requests()[12]
    assert f"/pull/{pull.number}" in page.text
    assert log.text.splitlines()[-2:] != []
    assert "last words" in log.text
    assert (
        log.headers["Content-Disposition"] == f'attachment; filename="{name}-12-1.log"'
    )
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_a_stranger_sees_nothing_and_nobody_what_is_not_there(on: World):
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        command = on.say("/batch close:40")
        await on.finished(command)
        name = batch_of(command, on)
        paths = [
            "/",
            "/batches.json",
            f"/batches/{name}",
            f"/batches/{name}.json",
            f"/batches/{name}/live",
            f"/batches/{name}/items/40",
            f"/batches/{name}/items/40/log",
            "/installations",
            "/stats",
            "/batches/z9z9",
        ]
        for path in paths:
            answer = await reader.get(path, headers={})
            # What was asked for stands in the way to sign in, and nothing else does.
            told = answer.text.replace(quote(path, safe=""), "")
            assert (answer.status, name in told) == (401, False), path
        for path in ("/batches/z9z9", "/batches/z9z9.json", f"/batches/{name}/items/9"):
            assert (await reader.get(path)).status == 404
        answer = await reader.get(f"/batches/{name}/items/40/log")
        assert answer.status == 404  # no command has printed anything


async def test_without_an_address_there_are_no_pages(on: World):
    async with on.bot(OPERATOR_TOKEN=TOKEN) as bot, reading(bot) as reader:
        assert (await reader.get("/batches/b7k2")).status == 404
        assert (await reader.get("/")).status == 405  # deliveries alone


async def test_lists_are_filtered_searched_and_told_as_json(on: World):
    on.issue(12, "exit 1")
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        for text in ("/batch close:40", "/batch 12 retries:0"):
            await on.finished(on.say(text))
        await on.answer("/batch plan reopen:40")
        names = [name for (name,) in on.rows("SELECT id FROM batches ORDER BY number")]
        closed, failed, planned = names

        async def listed(query: str) -> list[str]:
            found = (await reader.get(f"/batches.json?{query}")).json
            return [row["id"] for row in found["batches"]]

        assert await listed("") == [planned, failed, closed]
        assert await listed("state=failed") == [failed]
        assert await listed("state=waiting") == [planned]
        assert await listed("state=over") == [failed, closed]
        assert await listed("kind=issue_implementation") == [failed]
        assert await listed("q=reopen") == [planned]
        assert await listed("repository=acme/api") == []
        page = await reader.get("/?state=failed")
        assert f"/batches/{failed}" in page.text
        assert f"/batches/{closed}" not in page.text
        assert (await reader.get("/?state=nonsense")).status == 400
        page = await reader.get("/?q=nothing")
        assert "No batch fits" in page.text, page.text
        as_json = await reader.get("/", Accept="application/json")
        assert [row["id"] for row in as_json.json["batches"]] == names[::-1]
        found = (await reader.get("/installations.json")).json
        [own] = found["installations"]
        assert own["budget"]["accounts"] == ["acme"]
        assert own["budget"]["limit"] == 5000
        assert (own["work"]["slots_busy"], own["work"]["slots_total"]) == (0, 3)
        page = await reader.get("/installations")
        assert "API requests left" in page.text
        found = (await reader.get("/stats.json?since=1w")).json
        ends = {
            row["action"]: (row["completed"], row["failed"]) for row in found["rows"]
        }
        assert ends == {"close": (1, 0), "implement": (0, 1)}
        page = await reader.get("/stats")
        assert "2 items of batches ended between " in page.text
        assert (
            "acme/widgets · implement"
            not in page.text.split('<table class="costs">')[1]
        )
        assert "<title>" in page.text.split("<svg")[1]
        assert " style=" not in page.text
        assert (await reader.get("/stats?since=soon")).status == 400


async def test_what_items_waited_for_is_told_by_its_cause(on: World):
    """15 has no place for ten minutes, and is then kept by a pause of an hour."""
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    on.issue(15)
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        command = on.say("/batch 12 15 concurrency:1")
        await on.until(lambda: on.rows("SELECT 1 FROM items WHERE state = 'running'"))
        on.later(minutes=10)
        await on.answer("/batch pause")
        go.touch()
        await on.until(lambda: on.rows("SELECT 1 FROM items WHERE state = 'completed'"))
        on.later(hours=1)
        on.say("/batch resume")
        await on.finished(command)
        [row] = (await reader.get("/stats.json")).json["rows"]
    waits = row["wait_seconds"]
    assert 600 <= waits["slot"] < 660
    assert 3600 <= waits["paused"] < 3660
    assert waits["items"] == waits["retry"] == waits["outside"] == 0
    assert 600 <= row["p90_seconds"] < 660  # of 12; 15 took no time
    assert 300 <= row["median_seconds"] < 330


async def test_what_the_budget_keeps_waiting_is_found_among_what_waits(on: World):
    for number in range(12, 22):
        on.issue(number)
    installation = installation_of(on)
    on.hub.limits.set_limit(installation.id, remaining=512)
    async with (
        on.bot(**SET_UP, BATCH_SWEEP_SECONDS="10") as bot,
        reading(bot) as reader,
    ):
        command = on.say("/batch label +bug 12..21")
        await on.until(lambda: "waits for the API budget" in on.said("tracking"))
        [name] = [name for (name,) in on.rows("SELECT id FROM batches")]
        for state, is_listed in (("waiting", True), ("live", True), ("over", False)):
            page = await reader.get(f"/?state={state}")
            assert (f"/batches/{name}" in page.text) == is_listed, state
        on.hub.limits.begin_again(installation.id)
        await on.finished(command)
        page = await reader.get("/?state=waiting")
        assert f"/batches/{name}" not in page.text


async def test_no_more_watch_than_leave_room_for_deliveries(
    on: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crowd, "MOST", 2)
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        async with reader.follows("/live"):
            async with reader.follows("/live"):
                refused = await reader.get("/live")
                assert (refused.status, "reload it" in refused.text) == (503, True)
                assert (await reader.get("/")).status == 200
            await on.finished(on.say("/batch close:40"))  # who has gone is noticed
        async with reader.follows("/live") as followed:
            await on.finished(on.say("/batch reopen:40"))
            assert await followed.next() == ("reload", "")


async def test_a_list_is_told_that_something_has_happened(on: World):
    async with on.bot(**SET_UP) as bot, reading(bot) as reader:
        page = await reader.get("/")
        assert 'data-live="/live?since=' in page.text
        async with reader.follows("/live") as followed:
            await on.finished(on.say("/batch close:40"))
            assert await followed.next() == ("reload", "")
            # What happens while the list rests is told once it has rested.
            assert await followed.next() == ("reload", "")
