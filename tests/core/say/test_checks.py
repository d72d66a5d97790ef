"""What the check run of a batch says, as GitHub shows it beside its name."""

from dataclasses import replace

import pytest

from bot.core import events as e
from bot.core.effects import CheckReport
from bot.core.model import BatchId, ItemState, Outcome, OutcomeKind
from bot.core.run.progress import Progress, fold
from bot.core.say.checks import check_name, render_check, render_moved
from tests import scenes
from tests.core.say.test_tracking import cancelled, starting
from tests.golden import assert_golden
from tests.scenes import NOW, item, situation

SCENES = {
    "check-running": scenes.running(),
    "check-paused": scenes.running(e.BatchPaused(NOW, "grace")),
    "check-finished": scenes.finished(),
    "check-cancelled": cancelled(),
}


def shown(progress: Progress, report: CheckReport) -> str:
    """Return all of a check run as one text."""
    buttons = [f"[ {one.label} ] {one.description}" for one in report.buttons]
    return "\n\n".join(
        [
            f"{check_name(progress)} ({report.conclusion or 'in progress'})",
            f"# {report.title}",
            *buttons,
            report.summary,
            report.details_url,
        ]
    )


@pytest.mark.parametrize("name", SCENES)
def test_it_reads_as_it_should(name: str):
    progress = SCENES[name]
    assert_golden(name, shown(progress, render_check(progress, situation())))


def test_it_changes_with_what_happens_and_not_with_the_clock():
    progress = scenes.running()
    later = situation(now=NOW.replace(hour=17), seconds_left=5.0, used_requests=9)
    assert render_check(progress, situation()) == render_check(progress, later)
    paused = SCENES["check-paused"]
    assert render_check(progress, later) != render_check(paused, later)


def test_every_field_is_short_enough_for_github():
    large = scenes.large_finished()
    for progress in (*SCENES.values(), large):
        report = render_check(progress, situation())
        assert len(report.summary) < 20_000
        for button in report.buttons:
            assert len(button.label) <= 20
            assert len(button.description) <= 40
            assert len(button.identifier) <= 20


def test_what_failed_is_first_and_of_many_some_are_shown():
    large, _ = scenes.large_running()
    large.advance(e.BatchCancelling(NOW, "ada"))
    for view in [v for v in large.items.values() if not v.state.is_final]:
        large.advance(e.ItemCancelled(NOW, view.item.id, "ada"))
    large.advance(e.BatchFinished(NOW))
    left = sum(v.state is not ItemState.COMPLETED for v in large.items.values())
    rows = [
        row
        for row in render_check(large, situation()).summary.splitlines()
        if row.startswith("- ")
    ]
    assert rows[-1] == f"- and {left - 10} more"
    icons = [row.split()[1] for row in rows[:-1]]
    assert icons == sorted(icons, key="❌⏭️🚫".index)
    assert icons[0] == "❌"


def test_what_runs_again_elsewhere_has_no_button_any_more():
    finished = scenes.finished()
    assert render_check(finished, situation()).buttons
    finished.advance(e.BatchRetried(NOW, BatchId("c8m3")))
    report = render_check(finished, situation())
    assert report.buttons == ()
    assert "runs again in `c8m3`" in report.summary


def test_a_batch_without_a_comment_has_nothing_to_link():
    progress = starting(scenes.plan_of_twelve())
    report = render_check(progress, situation(reasons={}, web_url=""))
    assert (report.details_url, report.title) == ("", "Starting: 0 of 12 finished")
    assert "](" not in report.summary
    assert "](" not in render_moved(progress, "f" * 40).summary
    page = render_check(progress, situation(reasons={})).details_url
    assert page == "https://batch.acme.dev/batches/b7k2"


def test_texts_of_others_do_nothing_in_it():
    plan = scenes.plan_of_twelve()
    plan = replace(plan, items=tuple(i for i in plan.items if i.number == 12))
    words = "told @grace of #5 <!-- x --> ![a](b)"
    events: list[e.News] = [
        e.BatchStarted(NOW, "ada"),
        e.ItemStarted(NOW, item(12), 1),
        e.ItemEnded(NOW, item(12), 1, Outcome(OutcomeKind.FAILED, reason=words)),
        e.BatchFinished(NOW),
    ]
    progress = fold(scenes.batch_of(plan), events)
    summary = render_check(progress, situation()).summary
    assert "told @\u2060grace of #\u20605 &lt;\\!-- x --&gt; \\!\\[a\\](b)" in summary
