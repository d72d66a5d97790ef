"""How a batch that no comment asked for says what began it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.core.model import Batch, ItemNumber, Labelled, Mark, ReviewAsked, Scheduled
from bot.core.say.askers import asked_with, began_by, drafts_left_out
from bot.core.say.report import render_report
from bot.core.say.tracking import render_tracking
from bot.core.world.markdown import Links, code_span
from tests import scenes

LINKS = Links.beside("acme/widgets", "https://github.test/acme/widgets/issues/12")
AT = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)


def mark(number: int, name: str = "batch") -> Mark:
    return Mark(ItemNumber(number), name, f"guid-{number}", AT, (ItemNumber(number),))


def asked(*origin: Mark, of_reviews: bool = False) -> Batch:
    batch = scenes.batch_of(scenes.plan_of_twelve())
    made = ReviewAsked(origin) if of_reviews else Labelled(origin)
    return replace(batch, request=replace(batch.request, origin=made))


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (asked(mark(12)), "ada put `batch` on #12."),
        (
            asked(mark(12), mark(63, "batch: review"), mark(15, "Batch")),
            "ada put `batch` on #12 and #15 and `batch: review` on #63.",
        ),
        (
            asked(*map(mark, range(10, 22))),
            "ada put `batch` on #10, #11, #12, #13, #14, #15, #16, #17 and 4 more.",
        ),
        (
            asked(mark(61, "team:core"), mark(63, "team:core"), of_reviews=True),
            "ada asked `core` for a review of #61 and #63.",
        ),
        (
            asked(mark(61, "opened"), mark(63, "ready_for_review"), of_reviews=True),
            "ada opened #61 and marked #63 as ready for review.",
        ),
        (scenes.batch_of(scenes.plan_of_twelve()), ""),
    ],
)
def test_what_began_a_batch_is_told(batch: Batch, said: str):
    assert _plain(began_by(batch, LINKS)) == said


def test_the_report_says_with_what_it_was_asked_for():
    assert _plain(asked_with(asked(mark(12)), LINKS)) == "with a label on #12"
    several = asked(mark(12), mark(15), mark(12, "b"))
    assert _plain(asked_with(several, LINKS)) == "with labels on #12 and #15"
    reviews = asked(mark(61, "team:core"), of_reviews=True)
    assert _plain(asked_with(reviews, LINKS)) == "for a review of #61"


def test_a_batch_of_a_schedule_says_of_which_and_who_pushed_it():
    batch = asked()
    origin = Scheduled("0f0f", AT, "Mon-Fri 16:00", "Europe/Zurich")
    batch = replace(batch, request=replace(batch.request, origin=origin))
    schedule = "the schedule `Mon-Fri 16:00 Europe/Zurich` of batch.yml"
    assert _plain(asked_with(batch, LINKS)) == f"with {schedule}"
    assert _plain(began_by(batch, LINKS)) == (
        f"The{schedule[3:]}, which ada pushed, was due at 2026-03-03 15:00 UTC."
    )
    report = render_report(replace(scenes.finished(), batch=batch), scenes.situation())
    assert "Asked for by @ada with the schedule" in report
    assert "reaction" not in report


def test_a_label_does_nothing_in_a_comment_whatever_it_is_called():
    name = "`@grace` <!-- x --> [y](z)"
    batch = asked(mark(12, name))
    report = render_report(replace(scenes.finished(), batch=batch), scenes.situation())
    running = replace(scenes.running(), batch=batch)
    tracking = render_tracking(running, scenes.situation())
    assert f"ada put {code_span(name)} on " in tracking
    assert report.count("@") == report.count("@ada") == 1


def test_drafts_are_named():
    one, two = drafts_left_out([mark(61)]), drafts_left_out([mark(61), mark(63)])
    assert (
        one == "#61 is a draft and **left out**; ask again once it is ready for review."
    )
    assert two.startswith(
        "#61 and #63 are drafts and **left out**; ask again once they"
    )


def _plain(text: str) -> str:
    parts = text.split("](")
    kept = [parts[0], *(part.partition(")")[2] for part in parts[1:])]
    return "".join(kept).replace("[", "")
