"""A batch as the bot's own pages show it, made of the values and sentences of its comment.

Texts are Markdown; as JSON they are the same words without marks.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import PlainSerializer

from bot.core.actions.table import kind_of
from bot.core.durations import spell_about
from bot.core.effects import Intent, Receipt
from bot.core.events import Event, ItemEvent
from bot.core.model import (
    BatchId,
    BatchKind,
    BatchState,
    ItemId,
    ItemState,
    PlanItem,
    Reference,
    Stage,
)
from bot.core.run.chronicle import Attempt, AttemptEnd, Chronicle
from bot.core.run.progress import ItemView, Progress
from bot.core.say.boxes import Boxes, Offer, offers_for
from bot.core.say.changes import change_words
from bot.core.say.deeds import deed_of
from bot.core.say.headings import Phase, counts_of_phase, heading, phase_of
from bot.core.say.messages import Messages
from bot.core.say.names import Names, names_of
from bot.core.say.news import words_of
from bot.core.say.pictures import look, tally
from bot.core.say.places import where
from bot.core.say.rows import NO_ITEM, Level, Rows, page_path
from bot.core.say.sentences import result
from bot.core.say.situation import Situation
from bot.core.say.status import state_words
from bot.core.say.terminal import plain
from bot.core.say.totals import Totals
from bot.core.world.markdown import Links, escape_line, escape_prose, link

Prose = Annotated[str, PlainSerializer(plain, return_type=str)]
"""Markdown of one line or one block; plain words in JSON."""

EVENTS = 40
"""How many of the newest events a page shows."""

_LEVEL = Level(words=400, rows=50, folded="rows")
_SHORT_OF = {
    Phase.PLANNED: "planned",
    Phase.EXPIRED: "expired",
    Phase.WAITING: "waiting",
    Phase.STALLED: "waiting",
    Phase.HELD: "waiting",
}


@dataclass(frozen=True, slots=True)
class OfferRow:
    """What can be done to a batch now, by who may."""

    does: str  # a verb of a command, then the items that it is done to
    label: str

    @property
    def verb(self) -> str:
        """The verb alone."""
        return self.does.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch in a list of batches."""

    id: BatchId
    page: str  # below the bot's address
    repository: str
    thread: int
    thread_url: str
    asked_by: str
    created_at: datetime
    state: BatchState
    phase: str
    words: Prose  # how it stands
    kind: BatchKind
    counted: str  # "7 of 12 finished, 1 failed"
    counts: Mapping[str, int]  # of items by how they are shown; none that is zero
    finished: int
    total: int
    needs_you: int  # items that a person may want to run again
    left: str  # "about 11m", empty while nobody can say
    seconds_left: float | None
    used_requests: int
    offers: tuple[OfferRow, ...]  # what can be done to it; in a list, to all of it


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of a batch, and why it is as it is."""

    id: ItemId
    page: str
    name: str  # "#12"
    title: str  # in the words of others
    url: str  # at GitHub
    deed: Prose  # what is done to it
    state: ItemState
    look: str  # how it is shown: done, failed, skipped, cancelled, retrying, running …
    words: Prose
    waits_for: tuple[str, ...]  # names of items, and of what is outside
    attempt: int  # the number of the present or last one; 0 before the first
    worked_seconds: float  # of all ended attempts
    started_at: datetime | None  # of the present or last attempt
    ended_at: datetime | None
    requests: int
    is_hidden: bool  # no word of it may be shown: neither its changes nor its log


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of an item; ``end`` is None while it runs."""

    item: ItemId
    name: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    end: AttemptEnd | None
    words: Prose  # what came of it
    requests: int


@dataclass(frozen=True, slots=True)
class NewsRow:
    """One event of a batch."""

    at: datetime
    item: ItemId | None
    words: Prose


@dataclass(frozen=True, slots=True)
class SpentAt:
    """How many requests the ended attempts of a batch had taken at an instant."""

    at: datetime
    requests: int


@dataclass(frozen=True, slots=True)
class BatchView(BatchRow):
    """All that the page of a batch shows."""

    heading: Prose
    totals: Prose
    times: Prose
    messages: tuple[Prose, ...]
    figures: tuple[Prose, ...]  # requests used and needed, options
    command: str
    started_at: datetime | None
    ended_at: datetime | None
    needed_requests: int
    tracking_url: str
    report_url: str
    items: tuple[ItemRow, ...]
    attempts: tuple[AttemptRow, ...]
    spent: tuple[SpentAt, ...]
    news: tuple[NewsRow, ...]  # the newest ones, newest first
    now: datetime


def batch_row(progress: Progress, situation: Situation) -> BatchRow:
    """Return a batch for a list of batches."""
    offers = _offers_of_all(progress, situation)
    return BatchRow(**_head(progress, situation), offers=offers)


def _offers_of_all(progress: Progress, situation: Situation) -> tuple[OfferRow, ...]:
    boxes = Boxes(progress, situation, names_of(progress))
    phase = phase_of(progress, situation)
    return tuple(OfferRow(*one) for one in boxes.of_all(phase))


def _head(progress: Progress, situation: Situation) -> dict[str, Any]:
    batch = progress.batch
    phase = phase_of(progress, situation)
    counts = tally(progress.items.values())
    left = Totals(progress, situation).seconds_left()
    return {
        "id": batch.id,
        "page": page_path(batch.id),
        "repository": batch.repository.name,
        "thread": batch.thread,
        "thread_url": progress.tracking_url or batch.asker.url,
        "asked_by": batch.asker.login,
        "created_at": batch.created_at,
        "state": progress.state,
        "phase": _SHORT_OF.get(phase, phase.value),
        "words": state_words(progress, situation),
        "kind": kind_of(batch.plan.items),
        "counted": counts_of_phase(progress, phase),
        "counts": {one.word: count for one, count in counts.items()},
        "finished": progress.finished,
        "total": len(progress.items),
        "needs_you": progress.count(ItemState.FAILED),
        "left": spell_about(left) if left is not None else "",
        "seconds_left": situation.seconds_left,
        "used_requests": situation.used_requests,
    }


def batch_view(
    progress: Progress,
    situation: Situation,
    told: Chronicle,
    row: Callable[[ItemView], ItemRow] | None = None,
    attempt: Callable[[Attempt], AttemptRow] | None = None,
) -> BatchView:
    """Return all that the page of a batch shows.

    *row* and *attempt* make, or remember, the row of an item and of an attempt; see
    ``ItemRows`` and ``attempt_row``.
    """
    batch, names = progress.batch, names_of(progress)
    row = row or ItemRows(progress, situation).row
    totals = Totals(progress, situation)
    phase = phase_of(progress, situation)
    messages = Messages(progress, situation, names).parts(phase, with_notes=True)
    hides = progress.hides

    def tried(one: Attempt) -> AttemptRow:
        return attempt_row(one, names, is_hidden=hides(one.item))

    newest = [one for one in told.events[-EVENTS:] if not hides(_item_of(one))][::-1]
    return BatchView(
        **_head(progress, situation),
        heading=heading(progress, situation),
        offers=_whole_and_parts(
            _offers_of_all(progress, situation),
            offer_rows(Boxes(progress, situation, names).offers(phase), names),
        ),
        totals=totals.counts(),
        times=totals.times(),
        messages=tuple(filter(None, messages)),
        figures=tuple(totals.of_budget()),
        command=batch.command,
        started_at=progress.started_at,
        ended_at=progress.ended_at,
        needed_requests=round(situation.needed_requests),
        tracking_url=progress.tracking_url,
        report_url=progress.report_url,
        items=tuple(row(view) for view in progress.items.values()),
        attempts=tuple(map(attempt or tried, told.attempts.values())),
        spent=tuple(SpentAt(one.at, one.requests) for one in told.spent),
        news=tuple(news_row(one, names) for one in newest),
        now=situation.now,
    )


def _whole_and_parts(*offers: Iterable[OfferRow]) -> tuple[OfferRow, ...]:
    """Return what can be done, each once, to all of it first."""
    found: dict[str, OfferRow] = {}
    for one in (one for some in offers for one in some):
        found.setdefault(one.does, one)
    return tuple(found.values())


def offer_rows(offers: Iterable[Offer], names: Names) -> tuple[OfferRow, ...]:
    """Return what can be done, each once."""
    rows = (
        OfferRow(" ".join((one.verb, *one.items)), one.label(names)) for one in offers
    )
    return tuple(dict.fromkeys(rows))


def item_offers(item: ItemRow, state: BatchState) -> tuple[OfferRow, ...]:
    """Return what can be done to one item of a batch in *state*."""
    return tuple(
        OfferRow(f"{verb} {item.id}", f"{label} {item.name}")
        for verb, label in offers_for(item.state, state)
    )


@dataclass(frozen=True)
class ItemRows:
    """Makes the rows of a batch's items as of one moment."""

    progress: Progress
    situation: Situation

    @cached_property
    def names(self) -> Names:
        """What the items are called."""
        return names_of(self.progress)

    @cached_property
    def _phase(self) -> Phase:
        return phase_of(self.progress, self.situation)

    @cached_property
    def _rows(self) -> Rows:
        # Without an address: the page itself leads to the logs.
        here = replace(self.situation, web_url="")
        return Rows(self.progress, here, self.names, _LEVEL)

    @cached_property
    def _waits(self) -> Mapping[ItemId, tuple[str, ...]]:
        found: dict[ItemId, list[str]] = {}
        plan = self.progress.batch.plan
        for edge in plan.edges:
            name = self.names.text(edge.predecessor)
            found.setdefault(edge.successor, []).append(name)
        for away in plan.outside:
            found.setdefault(away.successor, []).append(str(away.predecessor))
        return {item: tuple(dict.fromkeys(some)) for item, some in found.items()}

    def seal(self, view: ItemView) -> object:
        """Return what tells whether a row says the same as one that was made before, of
        the same batch; None if it shows a time that goes on.
        """
        if view.state is ItemState.RUNNING or view.next_at is not None:
            return None
        reason = self.situation.reasons.get(view.item.id)
        is_evident = view.state is ItemState.PENDING and reason is None
        if is_evident:  # what it says comes from the states of others
            return None
        return view, reason, self._phase

    def row(self, view: ItemView) -> ItemRow:
        """Return the row of an item."""
        item = view.item
        reference = Reference(item.repository.name, item.number)
        return ItemRow(
            id=item.id,
            page=page_path(self.progress.batch.id, item.id),
            name=self.names.text(item.id),
            title=item.title,
            url=self.names.links.address(reference),
            deed=self._deed(item),
            state=view.state,
            look="parked" if view.stage is Stage.PARKED else look(view).word,
            words=self._rows.sentence(view),
            waits_for=self._waits.get(item.id, ()),
            attempt=view.attempt,
            worked_seconds=view.worked.total_seconds(),
            started_at=view.started_at,
            ended_at=view.ended_at,
            requests=view.requests,
            is_hidden=self.progress.hides(item.id),
        )

    def _deed(self, item: PlanItem) -> str:
        needs = self.situation.needs
        if needs is None or not item.worker:
            return deed_of(item)
        return f"{deed_of(item)} {where(item, needs)}"


def attempt_row(
    attempt: Attempt, names: Names, *, is_hidden: bool = False
) -> AttemptRow:
    """Return what came of one try."""
    return AttemptRow(
        item=attempt.item,
        name=names.text(attempt.item),
        number=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        end=attempt.end,
        words="" if is_hidden else _came_of(attempt),
        requests=attempt.requests,
    )


def _came_of(attempt: Attempt) -> str:
    outcome = attempt.outcome
    if attempt.waits_for:
        return f"waits for {escape_line(attempt.waits_for, 200)}"
    match attempt.end:
        case None:
            return "is running"
        case AttemptEnd.CANCELLED:
            return "was cancelled"
        case AttemptEnd.RESTARTED:
            return "ended by a restart of the bot"
        case AttemptEnd.COMPLETED:
            return result(outcome, 400) if outcome else "done"
        case AttemptEnd.FAILED | AttemptEnd.RETRYING:
            if outcome is None:
                return "did not succeed"
            said = escape_prose(outcome.reason, 400) or "no reason was given"
            advice = escape_prose(outcome.advice, 300)
            link_ = outcome.link
            where = (
                f" · {link(escape_line(link_.text, 60), link_.url)}" if link_ else ""
            )
            return " ".join(filter(None, (f"{said}{where}.", advice)))


def news_row(event: Event, names: Names) -> NewsRow:
    """Return one event as a line."""
    return NewsRow(event.at, _item_of(event) or None, words_of(event, names))


def _item_of(event: Event) -> ItemId:
    return event.item if isinstance(event, ItemEvent) else NO_ITEM


@dataclass(frozen=True, slots=True)
class EffectRow:
    """A change outside; ``done_at`` is None while nobody knows of its end."""

    key: str
    words: Prose
    url: str
    intended_at: datetime
    done_at: datetime | None


def effect_row(
    key: str,
    intent: Intent,
    receipt: Receipt | None,
    *,
    intended_at: datetime,
    done_at: datetime | None,
    site: str,
) -> EffectRow:
    """Return a change outside as a line; *site* is that of the batch's links."""
    words = change_words(intent, receipt, Links(intent.repository.name, site))
    return EffectRow(key, words, receipt.url if receipt else "", intended_at, done_at)


@dataclass(frozen=True, slots=True)
class ItemPage:
    """All that the page of an item shows; its log is apart."""

    batch: BatchId
    item: ItemRow
    attempts: tuple[AttemptRow, ...]
    effects: tuple[EffectRow, ...]
