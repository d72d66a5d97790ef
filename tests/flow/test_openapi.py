"""The JSON of the pages, held to the description that the bot gives of it."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import schemathesis
from hypothesis import HealthCheck, given, settings

from bot.host.clock import SystemClock
from tests.flow.test_pages import OPERATOR, SET_UP, reading
from tests.flow.world import World, world

FORM = "application/x-www-form-urlencoded"
ANY = settings(
    max_examples=6,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def held_to(document: dict[str, Any], url: str) -> list[str]:
    """Ask for everything that a description has, in every way; return what was."""
    sent = {**OPERATOR, "Accept": "application/json"}
    asked = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # or it is none

        @ANY
        @given(case=operation.as_strategy())
        def hold(case: Any) -> None:
            case.call_and_validate(base_url=url, headers=sent)

        hold()
        asked.append(operation.path)
    return asked


def with_known(document: dict[str, Any], batch: str) -> dict[str, Any]:
    """Return the description with examples of what is there."""
    known = {"batch": ["z9z9", batch], "item": ["12", "99"]}
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in known:
                    parameter["schema"] = {"enum": known[parameter["name"]]}
    return document


async def test_every_answer_is_as_the_description_says(tmp_path: Path):
    """In everybody's time: who asks does so from a thread of its own."""
    async with (
        world(tmp_path, clock=SystemClock()) as on,
        on.bot(**SET_UP) as bot,
        reading(bot) as reader,
    ):
        on.issue(12, "say hello\nwrite file.txt hello")
        await on.finished(on.say("/batch 12 close:40 after:12"))
        [(name,)] = on.rows("SELECT id FROM batches")
        document = (await reader.get("/openapi.json", headers={})).json
        asked = await asyncio.to_thread(held_to, document, bot.url)
        known = with_known(document, name)
        assert await asyncio.to_thread(held_to, known, bot.url) == asked
    assert asked == [
        "/batches",
        "/batches/{batch}",
        "/batches/{batch}/items/{item}",
        "/installations",
        "/stats",
        "/batches/{batch}/controls",
    ]


async def test_a_form_that_is_none_is_refused_as_everything_is(on: World):
    sent = {**OPERATOR, "Accept": "application/json"}
    async with on.bot(**SET_UP) as bot, aiohttp.ClientSession(headers=sent) as session:
        await on.finished(on.say("/batch close:40"))
        [(name,)] = on.rows("SELECT id FROM batches")
        url = f"{bot.url}/batches/{name}/controls"

        async def told(data: bytes, kind: str = FORM) -> tuple[int, Any]:
            headers = {"Content-Type": kind}
            async with session.post(url, data=data, headers=headers) as answer:
                return answer.status, await answer.json()

        for data, kind, status in (
            (b'{"do": "pause"}', "application/json", 415),
            (b"do=" + b"x" * 30_000, FORM, 413),
            (b"do=erase", FORM, 400),
        ):
            found, body = await told(data, kind)
            assert (found, list(body)) == (status, ["error"])
            assert body["error"]
        found, body = await told(b"do=pause")
        assert found == 409
        assert body["error"] == body["said"]
        found, body = await told(b"do=undo")
        assert (found, body["error"]) == (200, "")
