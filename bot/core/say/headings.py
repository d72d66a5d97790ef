"""The first line of a comment: in which phase a batch is, and how far."""

from dataclasses import replace
from enum import Enum

from bot.core.durations import clock
from bot.core.model import BatchState, ItemState, Stage
from bot.core.run import reasons as why
from bot.core.run.progress import Progress
from bot.core.run.stalled import Stalled, idle_since
from bot.core.say.deeds import deeds_in_short
from bot.core.say.names import names_of
from bot.core.say.pictures import Look, tally
from bot.core.say.sentences import by_whom, ended_because, reason_sentence
from bot.core.say.situation import Situation
from bot.core.say.start_times import starts
from bot.core.world.markdown import code_span, escape_line, some

_MOST_WAITS = 3


class Phase(Enum):
    """What the heading says: finer than ``BatchState``."""

    PLANNED = "planned"
    EXPIRED = "expired"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting for the API budget"
    STALLED = "waiting for something outside"
    HELD = "held up"
    RESTARTING = "restarting"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FINISHED = "finished"


def heading_key(progress: Progress, situation: Situation) -> str:
    """Return a text that changes when the heading does, apart from its counts."""
    # What alone is waited for takes a look at every item; it is no reason to hurry.
    phase = phase_of(progress, replace(situation, stalled=None, reasons={}))
    has_failed = bool(progress.count(ItemState.FAILED))
    until = progress.budget_wait_until if phase is Phase.WAITING else ""
    return f"{phase.value}|{has_failed}|{progress.by}|{until}|{progress.report_url}"


def needs_clock(progress: Progress) -> bool:
    """Return whether the comment shows times that grow old without any event."""
    return progress.state.is_live and progress.finished < len(progress.items)


def phase_of(progress: Progress, situation: Situation) -> Phase:
    """Return what a batch is doing, as its heading says it."""
    match progress.state:
        case BatchState.PLANNED:
            expires_at = progress.expires_at
            is_over = expires_at is not None and situation.now >= expires_at
            return Phase.EXPIRED if is_over else Phase.PLANNED
        case BatchState.RUNNING:
            return _running_phase(progress, situation)
        case state:
            return Phase(state.value)


def _running_phase(progress: Progress, situation: Situation) -> Phase:
    if situation.is_stopping:
        return Phase.RESTARTING
    if progress.budget_wait_until and not progress.count(ItemState.RUNNING):
        return Phase.WAITING
    if situation.stalled is not None:
        return Phase.STALLED
    if held_by(progress, situation) is not None:
        return Phase.HELD
    return Phase.RUNNING if progress.has_begun else Phase.STARTING


def is_kept_waiting(progress: Progress, situation: Situation) -> bool:
    """Return whether a batch that runs does nothing until something outside happens."""
    waits = (Phase.WAITING, Phase.STALLED, Phase.HELD)
    return phase_of(progress, situation) in waits


def held_by(progress: Progress, situation: Situation) -> why.Reason | None:
    """Return what keeps all of a batch from starting of which nothing is at work: the
    weather, or the work of others.
    """
    reasons = [
        one
        for one in situation.reasons.values()
        if not isinstance(one, why.WaitsFor | why.WaitsOutside)
    ]
    is_held = bool(reasons) and all(map(_holds_all, reasons))
    return reasons[0] if is_held and not _is_at_work(progress) else None


def _holds_all(reason: why.Reason) -> bool:
    match reason:
        case why.WaitsForGitHub() | why.WaitsForGit() | why.LowMemory():
            return True
        case why.WaitsForMachine():
            return True
        case why.NoFreeSlot(whose=whose):
            return whose != "batch"
        case _:
            return False


def _is_at_work(progress: Progress) -> bool:
    return progress.count(ItemState.RUNNING) > 0 and any(
        view.state is ItemState.RUNNING and view.stage is not Stage.PARKED
        for view in progress.items.values()
    )


def held_words(reason: why.Reason, progress: Progress, situation: Situation) -> str:
    """Return by what a batch is held up, and since when, to follow its name."""
    words = reason_sentence(reason, names_of(progress), situation.now)
    if not isinstance(reason, why.NoFreeSlot | why.WaitsForMachine | why.LowMemory):
        return words
    words = f"waits for the {words}" if isinstance(reason, why.NoFreeSlot) else words
    since = idle_since(progress)
    return f"{words} since {clock(since, situation.now)}" if since else words


def heading(progress: Progress, situation: Situation) -> str:
    """Return the first line that is read: state, id, finished of total, failures."""
    name = code_span(progress.batch.id)
    what = deeds_in_short(progress.batch.plan.items)
    counted = f"{counts_of_phase(progress, Phase.RUNNING)} · {what}"
    match phase_of(progress, situation):
        case Phase.PLANNED:
            at, now = progress.starts_at, situation.now
            waits = "waits for its start"
            if at is not None and at > now:
                waits = starts(at, progress.starts_zone, now)
            return f"🗒️ Batch {name} {waits} — nothing has started · {what}"
        case Phase.EXPIRED:
            return f"🗒️ Batch {name} was never started — its plan has expired"
        case Phase.STARTING:
            return f"⏳ Batch {name} is starting — {what}"
        case Phase.RUNNING:
            return f"⏳ Batch {name} is running — {counted}"
        case Phase.WAITING:
            assert progress.budget_wait_until is not None
            until = clock(progress.budget_wait_until, situation.now)
            return f"⏸️ Batch {name} waits for the API budget until {until} — {counted}"
        case Phase.STALLED:
            assert situation.stalled is not None
            what_for = waited_for(situation.stalled, progress)
            since = clock(situation.stalled.since, situation.now)
            return f"⏸️ Batch {name} waits for {what_for} since {since} — {counted}"
        case Phase.HELD:
            reason = held_by(progress, situation)
            assert reason is not None
            words = held_words(reason, progress, situation)
            return f"⏸️ Batch {name} {words} — {counted}"
        case Phase.RESTARTING:
            return f"⏸️ Batch {name} goes on after a restart of the bot — {counted}"
        case Phase.PAUSED:
            return f"⏸️ Batch {name} is paused {paused_because(progress)} — {counted}"
        case Phase.CANCELLING:
            why_so = ended_because(progress)
            return f"🚫 Batch {name} is being cancelled {why_so} — {counted}"
        case Phase.CANCELLED:
            return _cancelled_heading(progress, name)
        case Phase.FINISHED:
            return finished_heading(progress)


def waited_for(waits: Stalled, progress: Progress) -> str:
    """Return what alone a batch waits for, as short as a heading has it."""
    home = progress.batch.repository.name
    shown = [
        f"#{one.number}" if one.repository == home else escape_line(str(one), 60)
        for one in waits.references
    ]
    shown += dict.fromkeys(escape_line(says, 60) for says in waits.parked.values())
    return some(shown[:_MOST_WAITS], len(shown))


def paused_because(progress: Progress) -> str:
    """Return by whom, or for what, a batch is paused."""
    if progress.pause_why == "budget":
        return "because its `budget:` is used up"
    return by_whom(progress.by)


def counts_of_phase(progress: Progress, phase: Phase) -> str:
    """Return what the items of a batch came to so far, or in the end."""
    total = len(progress.items)
    if phase is Phase.FINISHED:
        counts = tally(progress.items.values())
        parts = [f"{counts.get(Look.DONE, 0)} of {total} done"]
        others = (one for one in counts.items() if one[0] is not Look.DONE)
        return ", ".join([*parts, *(f"{count} {one.word}" for one, count in others)])
    not_run = progress.count(ItemState.CANCELLED) if phase is Phase.CANCELLED else 0
    parts = [f"{progress.finished - not_run} of {total} finished"]
    if failed := progress.count(ItemState.FAILED):
        parts.append(f"{failed} failed")
    return ", ".join([*parts, *([f"{not_run} not run"] if not_run else [])])


def _cancelled_heading(progress: Progress, name: str) -> str:
    counted = counts_of_phase(progress, Phase.CANCELLED)
    why_so = ended_because(progress)
    what = deeds_in_short(progress.batch.plan.items)
    return f"🚫 Batch {name} was cancelled {why_so} — {counted} · {what}"


def finished_heading(progress: Progress) -> str:
    """Return the heading of a finished batch, for its report too."""
    done = progress.count(ItemState.COMPLETED)
    icon = "✅" if done == len(progress.items) else "⚠️" if done else "❌"
    counted = counts_of_phase(progress, Phase.FINISHED)
    name, what = code_span(progress.batch.id), deeds_in_short(progress.batch.plan.items)
    return f"{icon} Batch {name} finished — {counted} · {what}"
