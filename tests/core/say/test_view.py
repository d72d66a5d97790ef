"""What the pages show, beside what the comments say."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import events as e
from bot.core.effects import ChangeLabels, Receipt
from bot.core.model import BatchKind, Outcome, OutcomeKind, Repository
from bot.core.run.chronicle import chronicle
from bot.core.run.progress import Progress, fold
from bot.core.say.pictures import look
from bot.core.say.terminal import plain
from bot.core.say.tracking import render_tracking
from bot.core.say.view import (
    EVENTS,
    BatchView,
    ItemRows,
    batch_view,
    effect_row,
)
from bot.core.world.markdown import GITHUB
from tests import scenes
from tests.scenes import ACME, NOW, item, number, situation


def view_of(progress: Progress, **present: object) -> BatchView:
    told = chronicle(one for one in scenes.events_until_now())
    return batch_view(progress, situation(web_url="", **present), told)


@pytest.mark.parametrize("progress", [scenes.running(), scenes.finished()])
def test_the_page_has_the_sentences_of_the_comment(progress: Progress):
    """Every line of the comment's list is a row of the page, word for word."""
    body = render_tracking(progress, situation(web_url=""))
    view = view_of(progress)
    assert f"### {view.heading}" in body.splitlines()
    assert view.totals in body
    assert view.times in body
    lines = [one for one in body.splitlines() if one.startswith("- [")]
    icons = {one.item.id: look(one).icon for one in progress.items.values()}
    for row in view.items:
        done = "x" if row.look == "done" else " "
        assert f"- [{done}] {icons[row.id]} {row.name} — {row.words}" in lines


def test_the_page_says_where_commands_run_if_that_is_not_here_alone():
    rows = view_of(scenes.running(), needs={"implement": {"gpu": 2.0}}).items
    deeds = {plain(row.deed) for row in rows}
    assert "implement on the bot's machine, with gpu: 2" in deeds


def test_a_batch_is_told_in_figures_too():
    view = view_of(scenes.running())
    assert view.counts == {
        "done": 5,
        "failed": 1,
        "skipped": 1,
        "retrying": 1,
        "running": 2,
        "waiting": 2,
    }
    assert (view.finished, view.total, view.needs_you) == (7, 12, 1)
    assert view.kind is BatchKind.MIXED
    rows = {row.id: row for row in view.items}
    assert rows[item(18)].waits_for == ("#12",)
    assert rows[item(12)].page == "/batches/b7k2/items/12"
    assert rows[item(12)].url == f"{GITHUB}/acme/widgets/issues/12"
    assert len(view.attempts) == 11
    assert view.spent[-1].requests == 230
    assert view.news[0].at >= view.news[-1].at


def test_only_the_newest_events_are_shown():
    progress = scenes.running()
    told = chronicle([e.BatchStarted(NOW + timedelta(s), "ada") for s in range(99)])
    view = batch_view(progress, situation(), told)
    assert len(view.news) == EVENTS
    assert view.news[0].at == NOW + timedelta(98)


def test_a_row_that_shows_no_time_is_known_by_what_it_is_made_of():
    before, after = scenes.running(), scenes.running()
    after.advance(e.ItemStarted(NOW, item(64), 1))
    rows, later = ItemRows(before, situation()), ItemRows(after, situation())
    same = ItemRows(before, situation(now=NOW + timedelta(hours=1)))
    for name in (12, 20, 21, 22):
        view = before.items[item(name)]
        assert rows.seal(view) == same.seal(view) is not None
        assert rows.row(view) == same.row(view)
    assert rows.seal(before.items[item(18)]) is None  # it runs
    assert rows.seal(before.items[item(19)]) is None  # its next try comes nearer
    assert rows.seal(before.items[item(64)]) != later.seal(after.items[item(64)])


def test_words_of_others_are_plain_words_in_json_and_nothing_else():
    words = "<b>told</b> @grace [x](y) `code`"
    plan = scenes.plan_of_twelve()
    plan = replace(plan, items=plan.items[:1], edges=())
    failed = Outcome(OutcomeKind.FAILED, reason=words)
    events: list[e.News] = [
        e.BatchStarted(NOW, "ada"),
        e.ItemStarted(NOW, item(12), 1),
        e.ItemEnded(NOW, item(12), 1, failed),
    ]
    progress = fold(scenes.batch_of(plan), events)
    view = batch_view(progress, situation(web_url=""), chronicle(events))
    assert plain(view.items[0].words) == f"failed: {words.replace('`', '')}"
    assert plain(view.news[0].words).endswith(f"failed: {words.replace('`', '')}")


def test_a_change_says_what_came_of_it():
    intent = ChangeLabels(ACME, number(12), add=("bug",), remove=("triage",))
    done = Receipt(url="https://github.com/x", note="no such label", changed=False)
    row = effect_row("labels", intent, done, intended_at=NOW, done_at=NOW, site=GITHUB)
    assert plain(row.words) == (
        "labels of #12: +bug and -triage · it was so already · no such label · see it"
    )
    row = effect_row("x", intent, None, intended_at=NOW, done_at=None, site=GITHUB)
    assert plain(row.words) == "labels of #12: +bug and -triage"


def test_nothing_is_told_of_items_that_are_hidden():
    plan = scenes.plan_of_twelve()
    away = Repository(2, "acme/api", ACME.installation_id)
    first = replace(plan.items[0], repository=away)
    plan = replace(plan, items=(first, *plan.items[1:]))
    news = [*scenes.events_until_now(), e.RepositoryHidden(NOW, away.id)]
    view = batch_view(fold(scenes.batch_of(plan), news), situation(), chronicle(news))
    assert [row.id for row in view.items if row.is_hidden] == [item(12)]
    assert [one.words for one in view.attempts if one.item == item(12)] == [""]
    assert item(12) not in [one.item for one in view.news]
    assert "PR 71" not in str((view.attempts, view.news))
