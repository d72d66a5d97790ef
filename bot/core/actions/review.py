"""``review``: one review on the pinned head says what is certain about it."""

from bot.core.actions import mergeable as m
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    ItemNeed,
    Overtaken,
    Words,
    of_pull_requests,
)
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen, Step
from bot.core.effects import CreateReview, HideReviews, Receipt
from bot.core.model import Expectation, Link, Outcome, OutcomeKind
from bot.core.review.facts import (
    EarlierReview,
    OwnReviewsOf,
    ReviewFacts,
    ReviewFactsOf,
)
from bot.core.review.text import review


def next_step(job: Job, seen: Seen) -> Step:
    """Post the review, then fold those of earlier heads.

    A head that has one already keeps it.
    """
    head = job.item.head_sha
    posted = seen.receipts.get(f"review@{head[:12]}")
    if posted is not None:
        return _tidy(job, seen, posted)
    asked = ReviewFactsOf(job.repository, job.item.number)
    facts = seen.answer(asked)
    if facts is None:
        return Ask(asked)
    if there := _there(job, facts):
        link = Link("review", there.url)
        summary = "this head was reviewed before"
        return End(Outcome(OutcomeKind.UNCHANGED, summary=summary, link=link))
    if ended := m.overtaken(job, facts.pull):
        return End(ended)
    if facts.pull.head_sha != head:
        return End(m.head_moved(head, facts.pull.head_sha))
    if facts.has_conflicts is None:
        says = "GitHub to work out whether it can be merged"
        return Await(asked, says, is_brief=True)
    return Do(f"review@{head[:12]}", _review(job, facts))


def _there(job: Job, facts: ReviewFacts) -> EarlierReview | None:
    """Return the review that the head has from another time, if it has one."""
    found = (
        one
        for one in reversed(facts.earlier)
        if one.commit == job.item.head_sha and not one.is_hidden
    )
    return next((one for one in found if one.mark != job.mark), None)


def _review(job: Job, facts: ReviewFacts) -> CreateReview:
    made = review(facts, job.item.rules, mark=job.mark)
    return CreateReview(
        job.repository,
        job.item.number,
        job.item.head_sha,
        job.mark,
        made.body,
        made.comments,
        made.body_alone,
    )


def _tidy(job: Job, seen: Seen, posted: Receipt) -> Step:
    """Fold what was said of earlier heads: it is answered, or said again."""
    head = job.item.head_sha
    link = Link("review", posted.url) if posted.url else None
    key = f"hide@{head[:12]}"
    hidden = seen.receipts.get(key)
    said = "; ".join(filter(None, (posted.note, hidden.note if hidden else "")))
    summary = said or ("" if link else "reviewed")
    done = End(Outcome(OutcomeKind.COMPLETED, summary=summary, link=link))
    if hidden is not None:
        return done
    asked = OwnReviewsOf(job.repository, job.item.number)
    own = seen.answer(asked)
    if own is None:
        return Ask(asked)
    old = [one for one in own if one.commit != head]
    shown = tuple(one.node_id for one in old if not one.is_hidden)
    threads = tuple(thread for one in old for thread in one.open_threads)
    if not shown and not threads:
        return done
    hide = HideReviews(job.repository, job.item.number, shown, threads)
    return Do(key, hide)


REVIEW = ActionSpec(
    "review",
    Words(
        "review",
        "reviewing",
        "Reviews posted",
        "post one review on the pinned head commit",
    ),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    next_step,
    writes=of_pull_requests,
    overtaken_by=Overtaken.CLOSING_OR_PUSH,
    expected=Expectation(seconds=8, requests=4),
)
