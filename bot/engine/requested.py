"""Requests for reviews that are answered at once: drafts, and heads that have theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.core.actions.review import REVIEW
from bot.core.model import (
    ItemFacts,
    ItemState,
    Labelled,
    Link,
    Mark,
    Repository,
    Request,
    ReviewAsked,
)
from bot.core.plan.gathering import drafts, is_keyless
from bot.core.say.askers import (
    all_are_drafts,
    drafts_left_out,
    render_reviewed_before,
)
from bot.engine.reading import Reading
from bot.engine.replies import Replies
from bot.engine.situation import Situations
from bot.engine.windows import Collected
from bot.ports.store import Batches


@dataclass(frozen=True, slots=True)
class Requested:
    """Tells the requests that a batch is to be begun for from the others."""

    batches: Batches
    situations: Situations
    replies: Replies

    async def to_review(
        self, collected: Collected, reading: Reading
    ) -> tuple[Sequence[Mark], Reading]:
        """Return the requests that are left once the others have been answered, and what
        is to be said of those.
        """
        facts = reading.known.facts
        late = drafts(collected.marks, facts)
        marks = []
        for mark in collected.marks:
            fact = facts.get(mark.number)
            if mark in late or fact is None:
                continue
            if not is_keyless(mark, reading.known):
                marks.append(mark)
            elif review := await self._review_of(collected.repository, fact):
                request = request_for(replace(collected, marks=[mark]))
                render = partial(_reviewed_before, review)
                about = f"#{mark.number}@{fact.head_sha[:12]}"
                await self.replies.say_today(request, "reviewed", about, render)
            else:
                marks.append(mark)
        named = [mark for mark in late if ":" in mark.name]
        if marks and late:
            reading = replace(reading, notes=(drafts_left_out(late),))
        elif named and not marks:  # of what merely happened nothing is said
            request = request_for(replace(collected, marks=named))
            await self.replies.decline(request, all_are_drafts(named))
        return marks, reading

    async def _review_of(self, repository: Repository, facts: ItemFacts) -> Link | None:
        """Return the review that a head has from an earlier batch, if it has one."""
        known = await self.batches.with_item(repository.id, facts.number)
        for summary in known:
            progress = None
            for item in summary.batch.plan.items:
                is_it = (item.number, item.head_sha) == (facts.number, facts.head_sha)
                if not is_it or item.action.does != REVIEW.name or item.worker:
                    continue
                progress = progress or await self.situations.progress(summary.batch.id)
                view = progress.items[item.id]
                outcome = view.outcome if view.state is ItemState.COMPLETED else None
                if outcome is not None and outcome.link is not None:
                    return outcome.link
        return None


def request_for(collected: Collected) -> Request:
    """Return the request of what was collected, in the thread of the first item."""
    marks = tuple(collected.marks)
    return Request(
        repository=collected.repository,
        thread=marks[0].number,
        thread_is_pull_request="/pull/" in collected.asker.url,
        asker=collected.asker,
        origin=Labelled(marks) if collected.is_of_labels else ReviewAsked(marks),
    )


def _reviewed_before(review: Link, first: str) -> str:
    return render_reviewed_before(review, marker=first)
