"""Where batches stand, and why an item is as it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.core.durations import clock, spell, spell_about
from bot.core.model import BatchState, ItemState, Named
from bot.core.plan.naming import on_numbers
from bot.core.run.progress import ItemView, Progress
from bot.core.say.headings import (
    Phase,
    held_by,
    held_words,
    paused_because,
    phase_of,
    waited_for,
)
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import squares
from bot.core.say.rows import page_url
from bot.core.say.sentences import (
    ended_because,
    fault,
    place,
    reason_sentence,
    result,
    skip_sentence,
    tries,
)
from bot.core.say.situation import Situation
from bot.core.say.start_times import starts
from bot.core.world.markdown import (
    code_span,
    escape_line,
    escape_prose,
    link,
    paragraphs,
    plural,
)


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One batch of a status reply."""

    progress: Progress
    situation: Situation


def render_status(
    rows: Sequence[StatusRow],
    situation: Situation,
    *,
    counts: Mapping[BatchState, int],
    marker: str,
    repository: str,
    schedules: str = "",
) -> str:
    """Return where batches of a repository stand, newest first, how many there are in
    each state (*counts*), and what it has on *schedules*.
    """
    name = escape_line(repository)
    if not rows:
        return f"{marker}\n" + paragraphs(
            f"### 🧺 Batches in {name}",
            "There are none yet. `/batch help` says how to start one.",
            schedules,
        )
    return f"{marker}\n" + paragraphs(
        f"### 🧺 Batches in {name}",
        "\n".join(_status_line(row) for row in rows),
        schedules,
        f"<sub>{' · '.join(_status_footer(rows, counts, situation))}</sub>",
    )


def _status_line(row: StatusRow) -> str:
    progress = row.progress
    batch = progress.batch
    name = code_span(batch.id)
    page = page_url(progress, row.situation)
    thread = f"#{batch.thread}"
    where = link(thread, progress.tracking_url) if progress.tracking_url else thread
    is_held = phase_of(progress, row.situation) is Phase.HELD
    left = None if is_held else row.situation.seconds_left
    said = [
        f"{progress.finished} of {len(progress.items)} finished",
        *([] if left is None else [f"{spell_about(left)} left"]),
        f"asked for in {where} by {escape_line(batch.asker.login)}",
    ]
    state = state_words(progress, row.situation)
    return (
        f"- {link(name, page) if page else name} {state}\n"
        f"  {squares(progress, 10)} {' · '.join(said)}"
    )


def state_words(progress: Progress, situation: Situation) -> str:
    """Return how a batch stands, in a few words with a sign before them."""
    now = situation.now
    match phase_of(progress, situation):
        case Phase.PLANNED:
            at = progress.starts_at
            if at is not None and at > now:
                return f"⏰ {starts(at, progress.starts_zone, now)}"
            return "🗒️ waits for its start"
        case Phase.EXPIRED:
            return "🗒️ never started"
        case Phase.WAITING:
            assert progress.budget_wait_until is not None
            until = clock(progress.budget_wait_until, now)
            return f"⏸️ waits for the API budget until {until}"
        case Phase.STALLED:
            assert situation.stalled is not None
            return f"⏸️ waits for {waited_for(situation.stalled, progress)}"
        case Phase.HELD:
            reason = held_by(progress, situation)
            assert reason is not None
            return f"⏸️ {held_words(reason, progress, situation)}"
        case Phase.PAUSED:
            return f"⏸️ paused {paused_because(progress)}"
        case Phase.CANCELLED | Phase.FINISHED as phase:
            ended = f" {clock(progress.ended_at, now)}" if progress.ended_at else ""
            icon = "🚫" if phase is Phase.CANCELLED else _finished_icon(progress)
            return f"{icon} {phase.value}{ended}"
        case Phase.CANCELLING:
            return "🚫 being cancelled"
        case phase:
            return f"⏳ {phase.value}"


def _finished_icon(progress: Progress) -> str:
    done = progress.count(ItemState.COMPLETED)
    return "✅" if done == len(progress.items) else "⚠️" if done else "❌"


def _status_footer(
    rows: Sequence[StatusRow], counts: Mapping[BatchState, int], situation: Situation
) -> Iterator[str]:
    live = sum(count for state, count in counts.items() if state.is_live)
    plans = counts.get(BatchState.PLANNED, 0)
    yield f"{live} live"
    if plans:
        yield plural(plans, "plan")
    if ended := sum(counts.values()) - live - plans:
        yield f"{ended:,} ended"
    if (shown := len(rows)) < sum(counts.values()):
        yield f"{shown} shown"
    if situation.slots_total:
        yield f"{situation.slots_busy} of {plural(situation.slots_total, 'slot')} busy"
    if budget := situation.budget:
        yield f"{budget.remaining:,} of {budget.limit:,} requests left"
    views = [view for row in rows for view in row.progress.items.values()]
    if retrying := sum(view.next_at is not None for view in views):
        yield f"{plural(retrying, 'item')} retrying"
    yield f"at {situation.now:%H:%M} UTC"


def render_why(
    progress: Progress,
    name: Named,
    situation: Situation,
    *,
    marker: str,
) -> str:
    """Return one true sentence on where each item that was named stands."""
    names = names_of(progress)
    items = on_numbers(progress.batch, [name])
    sentences = [
        _item_sentence(view, progress, names, situation)
        for item, view in progress.items.items()
        if item in items
    ]
    if not sentences:
        batch = code_span(progress.batch.id)
        shown = names.list_named([name])
        sentences = [f"{shown} is not an item of batch {batch}"]
    return f"{marker}\n" + paragraphs(*sentences)


def _item_sentence(
    view: ItemView, progress: Progress, names: Names, situation: Situation
) -> str:
    item = view.item.id
    sentence = f"{names.link(item)} {where_it_stands(view, names, situation)}"
    if view.state is ItemState.CANCELLED and progress.cause:
        sentence += f" {ended_because(progress)}"
    url = page_url(progress, situation, item)
    sentence += f" · {link('log', url)}" if url and view.attempt else ""
    return f"{sentence} (batch {code_span(progress.batch.id)})"


def where_it_stands(view: ItemView, names: Names, situation: Situation) -> str:
    """Return the predicate of a sentence about an item: Markdown."""
    now = situation.now
    reason = situation.reasons.get(view.item.id)
    match view.state:
        case ItemState.PENDING:
            last = (
                f"; its last try ended with: {fault(view, 200)}" if view.next_at else ""
            )
            sentence = (
                reason_sentence(reason, names, now) if reason else "is about to start"
            )
            return f"is not running: {sentence}{last}"
        case ItemState.RUNNING:
            since = view.started_at or now
            again = f", {tries(view)}" if view.tries > 1 else ""
            waits = f"waits for {view.waits_for}" if view.waits_for else ""
            doing = waits or view.step
            step = f": {escape_line(doing, 200)}" if doing else ""
            return f"has been running for {spell(now - since)}{again}{step}"
        case ItemState.COMPLETED:
            assert view.outcome is not None
            spent = f", in {spell(view.worked)}" if view.attempt else ""
            return f"is done: {result(view.outcome, 200)}{spent}"
        case ItemState.FAILED:
            assert view.outcome is not None
            advice = escape_prose(view.outcome.advice, 300)
            helps = "A retry may help." if view.outcome.retry_helps else ""
            after = f" after {view.tries} tries" if view.tries > 1 else ""
            text = f"failed{after}: {fault(view, 300)}{place(view)}"
            return " ".join(part for part in (f"{text}.", advice, helps) if part)
        case ItemState.SKIPPED:
            return f"was skipped: {skip_sentence(view, names.links)}"
        case ItemState.CANCELLED:
            by = f" by {escape_line(view.by)}" if view.by else ""
            left = f"; {escape_prose(view.kept, 120)}" if view.kept else ""
            return f"was cancelled{by}{left}"
        case _:
            assert_never(view.state)
