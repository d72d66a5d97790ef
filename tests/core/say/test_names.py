"""People read numbers, with the repository or the action where the number is not enough."""

from dataclasses import replace

from bot.core import events as e
from bot.core.model import (
    Action,
    Edge,
    InstallationId,
    ItemId,
    Origin,
    PlanItem,
    Reference,
    Repository,
)
from bot.core.run.progress import Progress, fold
from bot.core.say.names import names_of
from bot.core.say.report import render_report
from bot.core.say.status import render_why
from bot.core.say.tracking import render_tracking
from bot.core.world.markers import boxes
from tests import scenes
from tests.scenes import NOW, item, number, situation

API = Repository(9, "acme/_api_", InstallationId(7))
PLAN = scenes.plan_of_twelve()
FIRST = PLAN.items[0]
REVIEW = replace(FIRST, id=ItemId("12-review"), action=Action("review"))
AWAY = replace(FIRST, id=ItemId("api-12"), repository=API)


def batch_of_three(*events: e.Event) -> Progress:
    """Return 12, a review of 12 and 12 of another repository, each behind the last."""
    items: tuple[PlanItem, ...] = (FIRST, REVIEW, AWAY)
    edges = (
        Edge(REVIEW.id, FIRST.id, Origin.TYPED),
        Edge(AWAY.id, REVIEW.id, Origin.TYPED),
    )
    batch = scenes.batch_of(replace(PLAN, items=items, edges=edges))
    return fold(batch, [e.BatchStarted(NOW, "ada"), *events])


def test_a_name_says_what_the_number_does_not():
    names = names_of(batch_of_three())
    assert [names.text(one.id) for one in (FIRST, REVIEW, AWAY)] == [
        "#12 (implement)",
        "#12 (review)",
        "acme/_api_#12",
    ]
    assert names.plain(AWAY.id) == names.link(AWAY.id)
    assert names.link(REVIEW.id) == (
        "[#12](https://github.com/acme/widgets/issues/12) (review)"
    )
    assert "(https://github.com/acme/_api_/issues/12)" in names.link(AWAY.id)
    assert names_of(scenes.running()).text(item(12)) == "#12"


def test_why_answers_for_every_item_on_the_number_at_home():
    progress = batch_of_three(e.ItemStarted(NOW, FIRST.id, 1))
    body = render_why(progress, number(12), situation(web_url=""), marker="<!-- m -->")
    assert body.count("(batch `b7k2`)") == 2
    assert "(implement) has been running" in body
    assert "(review) is not running" in body
    assert "_api_" not in body


def test_a_retry_box_names_items_of_all_repositories():
    because = Reference("acme/widgets", number(12))
    progress = batch_of_three(
        e.ItemStarted(NOW, FIRST.id, 1),
        e.ItemEnded(NOW, FIRST.id, 1, scenes.CONFLICT),
        e.ItemSkipped(NOW, REVIEW.id, because),
        e.ItemSkipped(NOW, AWAY.id, because),
    )
    body = render_tracking(progress, situation())
    assert ("retry", ("12", REVIEW.id, AWAY.id)) in boxes(body)
    assert "(review) and [acme/" in body  # that wait for it
    ended = batch_of_three(
        e.ItemStarted(NOW, FIRST.id, 1),
        e.ItemEnded(NOW, FIRST.id, 1, scenes.CONFLICT),
        e.ItemSkipped(NOW, REVIEW.id, because),
        e.ItemSkipped(NOW, AWAY.id, because),
        e.BatchFinished(NOW),
    )
    report = render_report(ended, situation())
    ids = ("12", REVIEW.id, AWAY.id)
    assert set(boxes(report)) == {("retry", (one,)) for one in ids}
