from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import events as e
from bot.core import reasons as why
from bot.core.markdown import BODY_LIMIT, utf16_length
from bot.core.markers import boxes, parse_marker
from bot.core.model import (
    Options,
    Origin,
    OutsideEdge,
    Plan,
    Reference,
)
from bot.core.progress import Progress, fold
from bot.core.tracking import heading_key, needs_clock, render_tracking
from tests import scenes
from tests.golden import assert_golden
from tests.scenes import NOW, number, situation


def wait(until=timedelta(minutes=27)) -> e.BudgetWaitStarted:
    return e.BudgetWaitStarted(NOW, NOW + until)


def cancelled() -> Progress:
    left = [18, 19, 20, 24, 64]
    kept = {18: "batch/b7k2/18", 24: "batch/b7k2/24"}
    return scenes.running(
        e.BatchCancelling(NOW, "ada"),
        *(e.ItemCancelled(NOW, number(n), "ada", kept.get(n, "")) for n in left),
        e.BatchFinished(NOW),
    )


NOTES = (
    "#25 is already closed and was left out.",
    "#61 comes from a fork, so the bot can comment on it but not push to it.",
)


def starting(plan: Plan) -> Progress:
    return fold(scenes.batch_of(plan), [e.BatchStarted(NOW, "ada")])


def planned(*, after: timedelta = timedelta(hours=1)) -> Progress:
    plan = replace(scenes.plan_of_twelve(), notes=NOTES)
    return fold(scenes.batch_of(plan, "p3d8"), [e.BatchPlanned(NOW, NOW + after)])


SCENES = {
    "tracking-starting": (
        starting(replace(scenes.plan_of_twelve(), notes=NOTES)),
        situation(reasons={}, seconds_left=None, used_requests=3),
    ),
    "tracking-planned": (planned(), situation()),
    "tracking-expired": (planned(after=timedelta(minutes=-1)), situation()),
    "tracking-running": (scenes.running(), situation()),
    "tracking-recovered": (
        scenes.running(e.BatchRecovered(NOW, (number(18),), (number(24),))),
        situation(),
    ),
    "tracking-budget": (
        scenes.running(*scenes.all_at_rest(), wait()),
        situation(
            reasons={
                number(20): why.WaitsForBudget(NOW + timedelta(minutes=27)),
                number(64): why.WaitsForBudget(NOW + timedelta(minutes=27)),
            },
            budget=replace(scenes.situation().budget, remaining=540),
        ),
    ),
    "tracking-paused": (
        scenes.running(e.BatchPaused(NOW, "grace")),
        situation(
            reasons={number(n): why.IsPaused("grace") for n in (19, 20, 64)},
            seconds_left=None,
        ),
    ),
    "tracking-cancelling": (
        scenes.running(e.BatchCancelling(NOW, "ada")),
        situation(reasons={}, seconds_left=None),
    ),
    "tracking-cancelled": (cancelled(), situation()),
    "tracking-finished": (
        replace(scenes.finished(), report_url=f"{scenes.THREAD}#issuecomment-1003"),
        situation(),
    ),
    "tracking-restarting": (scenes.running(), situation(is_stopping=True)),
    "tracking-150": (
        scenes.large_running()[0],
        situation(reasons=scenes.large_running()[1], seconds_left=3900, slots_total=4),
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_tracking_comment_reads_as_it_was_reviewed(name):
    progress, present = SCENES[name]
    assert_golden(name, render_tracking(progress, present))
