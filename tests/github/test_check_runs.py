"""Check runs: what is sent, and how one is found again."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core.effects import (
    CheckAnnotation,
    CheckButton,
    CheckReport,
    CreateCheckRun,
    EditCheckRun,
    Receipt,
)
from bot.errors import Refused, Uncertain
from tests.github.server import APP, REPOSITORY, Bench, Reply

HEAD = "f" * 40
SINCE = datetime(2026, 3, 3, tzinfo=UTC)
ROUTE = "/repos/octo/app/check-runs"
LISTED = f"GET /repos/octo/app/commits/{HEAD}/check-runs"
REPORT = CheckReport("Batch b7k2 is running", "2 of 3")
ENDED = CheckReport(
    "Batch b7k2 finished",
    "3 of 3",
    conclusion="neutral",
    text="More",
    buttons=(CheckButton("retry", "Retry", "Run again what failed"),),
    details_url="https://x/b7k2",
)
CREATE = CreateCheckRun(REPOSITORY, HEAD, "Batch b7k2", "b7k2", REPORT)


def made(**facts: Any) -> dict[str, Any]:
    return {
        "id": 900,
        "html_url": "https://x/900",
        "head_sha": HEAD,
        "external_id": "b7k2",
        "app": {"id": APP.id},
        **facts,
    }


async def test_a_check_run_that_goes_on_has_no_conclusion(desk: Bench):
    desk.github.on(f"POST {ROUTE}", Reply(made(), 201))
    receipt = await desk.effects.do(CREATE)
    assert receipt == Receipt(id=900, url="https://x/900", sha=HEAD)
    assert desk.github.seen[-1].data == {
        "name": "Batch b7k2",
        "head_sha": HEAD,
        "external_id": "b7k2",
        "status": "in_progress",
        "output": {"title": "Batch b7k2 is running", "summary": "2 of 3"},
        "actions": [],
    }


async def test_one_that_ended_has_buttons_and_a_page(desk: Bench):
    desk.github.on(f"PATCH {ROUTE}/900", Reply(made()))
    await desk.effects.do(EditCheckRun(REPOSITORY, 900, ENDED))
    label = {"label": "Retry", "description": "Run again what failed"}
    assert desk.github.seen[-1].data == {
        "status": "completed",
        "conclusion": "neutral",
        "details_url": "https://x/b7k2",
        "output": {"title": ENDED.title, "summary": "3 of 3", "text": "More"},
        "actions": [label | {"identifier": "retry"}],
    }


async def test_github_is_sent_as_many_annotations_as_it_takes(desk: Bench):
    desk.github.on(f"POST {ROUTE}", Reply(made(), 201))
    first = CheckAnnotation("batch.yml", 3, 4, "No.", "failure", "Unknown key")
    others = [CheckAnnotation("batch.yml", n, n, "Hm.") for n in range(5, 70)]
    await desk.effects.do(replace(CREATE, annotations=(first, *others)))
    sent = desk.github.seen[-1].data["output"]["annotations"]
    assert len(sent) == 50
    assert sent[0] == {
        "path": "batch.yml",
        "start_line": 3,
        "end_line": 4,
        "annotation_level": "failure",
        "message": "No.",
        "title": "Unknown key",
    }
    assert "title" not in sent[1]


@pytest.mark.parametrize(
    ("facts", "is_it"),
    [
        ({}, True),
        ({"external_id": "c8m3"}, False),
        ({"app": {"id": 15368}}, False),
        ({"app": None}, False),
    ],
)
async def test_it_is_found_by_app_and_external_id(desk: Bench, facts, is_it):
    desk.github.on(LISTED, Reply({"total_count": 1, "check_runs": [made(**facts)]}))
    found = await desk.effects.find(CREATE, since=SINCE)
    assert (found is not None) is is_it
    assert desk.github.seen[-1].query == {
        "check_name": "Batch b7k2",
        "app_id": str(APP.id),
        "filter": "all",
        "per_page": "100",
    }


async def test_what_github_refuses_is_raised_and_a_lost_answer_is_uncertain(
    desk: Bench,
):
    desk.github.on(f"POST {ROUTE}", Reply({"message": "Not accessible"}, 403))
    with pytest.raises(Refused, match="Not accessible"):
        await desk.effects.do(CREATE)
    desk.github.on(f"POST {ROUTE}", Reply(status=502))
    with pytest.raises(Uncertain):
        await desk.effects.do(CREATE)
