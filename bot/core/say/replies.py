"""Replies to a command: refusals, status, why, and what a control did. The longer two,
the plan and the help, have modules of their own and can be had from here as well.

Each takes the marker that begins the comment. A refusal says that nothing started.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.core.command.faults import (
    CycleFound,
    Declined,
    NotPermitted,
    Problem,
    UnknownItems,
    Unreadable,
)
from bot.core.durations import clock, spell, spell_about
from bot.core.model import (
    BatchState,
    Edge,
    ItemNumber,
    ItemState,
    Origin,
    Reference,
    Role,
)
from bot.core.plan.naming import on_numbers
from bot.core.run.control import Change
from bot.core.run.progress import ItemView, Progress
from bot.core.say.carets import point_out
from bot.core.say.help import render_help
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import squares
from bot.core.say.plan import render_plan
from bot.core.say.sentences import (
    ended_because,
    fault,
    origin_sentence,
    reason_sentence,
    result,
    skip_sentence,
    tries,
)
from bot.core.say.tracking import (
    Phase,
    Situation,
    page_url,
    paused_because,
    phase_of,
)
from bot.core.world.markdown import (
    Links,
    code_span,
    escape_line,
    escape_prose,
    fence,
    first_that_fits,
    link,
    paragraphs,
    plural,
    table,
    utf16_length,
)

__all__ = [
    "StatusRow",
    "render_control_done",
    "render_help",
    "render_plan",
    "render_problem",
    "render_status",
    "render_why",
]

_NUMBERS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
]
_MOST_UNKNOWN = 50
_LONG = 20_000


# --- refusals ----------------------------------------------------------------------


def render_problem(problem: Problem, *, marker: str, links: Links) -> str:
    """Return why a command did not run, and what to write instead."""
    match problem:
        case Unreadable():
            parts = _unreadable(problem)
        case UnknownItems():
            parts = _unknown_items(problem)
        case CycleFound():
            parts = _cycle(problem, links)
        case NotPermitted():
            parts = _not_permitted(problem)
        case Declined():
            parts = _declined(problem)
        case _:
            assert_never(problem)
    short = [part for part in parts if utf16_length(part) < _LONG]
    return first_that_fits(f"{marker}\n{paragraphs(*it)}" for it in (parts, short))


def _copy(command: str, lead: str = "Copy this into a new comment:") -> str:
    return paragraphs(lead, fence(command)) if command else ""


def _unreadable(problem: Unreadable) -> Sequence[str]:
    return [
        "😕 I could not read that command, so nothing started.",
        fence(point_out(problem.lines)),
        _copy(problem.corrected),
        "<sub>`/batch help` lists items, options and examples.</sub>",
    ]


def _unknown_items(problem: UnknownItems) -> Sequence[str]:
    missing, found = len(problem.unknown), problem.asked - len(problem.unknown)
    what = f"{_in_word(missing)} of the {_in_word(problem.asked)} items"
    if problem.asked == 1:
        what = "that item"
    elif not found:
        what = f"any of the {_in_word(problem.asked)} items"
    has_hint = any(one.maybe for one in problem.unknown)
    rows = [
        [
            code_span(one.text, 60),
            escape_prose(one.problem, 200),
            *([f"#{one.maybe}" if one.maybe else ""] if has_hint else []),
        ]
        for one in problem.unknown[:_MOST_UNKNOWN]
    ]
    head = ["Item", "Problem", *(["Maybe"] if has_hint else [])]
    more = missing - len(rows)
    return [
        f"😕 I cannot find {what}, so nothing started.",
        table(head, "l" * len(head), rows),
        f"and {more} more" if more else "",
        _copy(problem.corrected, f"To go ahead with the {_in_word(found)} I found:"),
    ]


def _cycle(problem: CycleFound, links: Links) -> Sequence[str]:
    names = Names.of(problem.items, links)
    rows = [
        [
            f"{names.plain(edge.successor)} waits for {names.plain(edge.predecessor)}",
            _edge_origin(edge, names),
        ]
        for edge in problem.edges[:_MOST_UNKNOWN]
    ]
    return [
        "😕 These items wait for each other, so nothing started.",
        fence(" → ".join(map(names.text, problem.path))),
        "Each must finish before the next, so none could ever start.",
        table(["Edge", "Comes from"], "ll", rows),
        _copy(problem.corrected, "Remove one edge. For example:")
        or "Remove one of these edges and give the command again.",
    ]


def _edge_origin(edge: Edge, names: Names) -> str:
    successor, predecessor = names.items[edge.successor], names.items[edge.predecessor]
    match edge.origin:
        case Origin.TYPED:
            is_home = names.is_home(predecessor.id)
            away = "" if is_home else f"{predecessor.repository.name}#"
            return f"`after:{away}{predecessor.number}` in your command"
        case Origin.TEXT:
            url = names.links.address(
                Reference(successor.repository.name, successor.number)
            )
            depends = f"“depends on {names.plain(predecessor.id)}”"
            return f"{depends} in its {link('text', url)}"
        case _:
            return origin_sentence(edge.origin, names.plain(predecessor.id))


def _not_permitted(problem: NotPermitted) -> Sequence[str]:
    # "merge" and "start a batch" start something; "cancel this batch" changes it.
    nothing = "nothing changed" if "this batch" in problem.what else "nothing started"
    if problem.could_not_ask:
        return [
            f"🔒 GitHub did not tell me what access you have here, so {nothing}.",
            _copy(problem.command, "Please try again in a minute:"),
        ]
    had = f"**{_role(problem.had)}** access" if problem.had else "no access"
    setting = f"Set by {code_span(problem.setting)} in `.github/batch.yml`. "
    return [
        f"🔒 Only people with **{_role(problem.needed)}** access can"
        f" {escape_prose(problem.what)} here; you have {had}, so {nothing}.",
        _copy(
            problem.command, "Someone who can may copy this, or you can ask them to:"
        ),
        f"<sub>{setting if problem.setting else ''}I say this once a day per person;"
        " after that I only react with 😕.</sub>",
    ]


def _declined(problem: Declined) -> Sequence[str]:
    is_said = "nothing" in problem.message.casefold()
    message = problem.message if is_said else f"{problem.message} Nothing started."
    return [f"😕 {message}", _copy(problem.corrected)]


def _role(role: Role) -> str:
    return role.name.lower()


def _in_word(count: int) -> str:
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else f"{count:,}"


# --- status and why ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One batch of a status reply."""

    progress: Progress
    seconds_left: float | None = None


def render_status(
    rows: Sequence[StatusRow], situation: Situation, *, marker: str, repository: str
) -> str:
    """Return where the batches of a repository stand, newest first."""
    name = escape_line(repository)
    if not rows:
        return f"{marker}\n" + paragraphs(
            f"### 🧺 Batches in {name}",
            "There are none yet. `/batch help` says how to start one.",
        )
    head = ["Batch", "From", "State", "Progress", "Left"]
    cells = [_status_cells(row, situation) for row in rows]
    return f"{marker}\n" + paragraphs(
        f"### 🧺 Batches in {name}",
        table(head, "llllr", cells),
        f"<sub>{' · '.join(_status_footer(rows, situation))}</sub>",
    )


def _status_cells(row: StatusRow, situation: Situation) -> Sequence[str]:
    progress = row.progress
    batch = progress.batch
    name = code_span(batch.id)
    page = page_url(progress, situation)
    thread = f"#{batch.thread}"
    where = link(thread, progress.tracking_url) if progress.tracking_url else thread
    left = "-" if row.seconds_left is None else spell_about(row.seconds_left)
    return [
        link(name, page) if page else name,
        f"{where}, {escape_line(batch.asker.login)}",
        _state_words(progress, situation),
        f"{squares(progress, 10)} {progress.finished} of {len(progress.items)}",
        left,
    ]


def _state_words(progress: Progress, situation: Situation) -> str:
    now = situation.now
    match phase_of(progress, situation):
        case Phase.PLANNED:
            return "🗒️ waits for its start"
        case Phase.EXPIRED:
            return "🗒️ never started"
        case Phase.WAITING:
            assert progress.budget_wait_until is not None
            until = clock(progress.budget_wait_until, now)
            return f"⏸️ waits for the API budget until {until}"
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


def _status_footer(rows: Sequence[StatusRow], situation: Situation) -> Iterator[str]:
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
    number: ItemNumber,
    situation: Situation,
    *,
    marker: str,
) -> str:
    """Return one true sentence on where each item on a number stands."""
    names = names_of(progress)
    items = on_numbers(progress.batch, [number])
    sentences = [
        _item_sentence(view, progress, names, situation)
        for item, view in progress.items.items()
        if item in items
    ]
    if not sentences:
        batch = code_span(progress.batch.id)
        shown = names.links.item(number)
        sentences = [f"{shown} is not an item of batch {batch}"]
    return f"{marker}\n" + paragraphs(*sentences)


def _item_sentence(
    view: ItemView, progress: Progress, names: Names, situation: Situation
) -> str:
    item = view.item.id
    sentence = f"{names.link(item)} {_why(view, names, situation)}"
    if view.state is ItemState.CANCELLED and progress.cause:
        sentence += f" {ended_because(progress)}"
    url = page_url(progress, situation, f"/{item}")
    sentence += f" · {link('log', url)}" if url and view.attempt else ""
    return f"{sentence} (batch {code_span(progress.batch.id)})"


def _why(view: ItemView, names: Names, situation: Situation) -> str:
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
            text = f"failed{after}: {fault(view, 300)}"
            return " ".join(part for part in (f"{text}.", advice, helps) if part)
        case ItemState.SKIPPED:
            return f"was skipped: {skip_sentence(view, names.links)}"
        case ItemState.CANCELLED:
            by = f" by {escape_line(view.by)}" if view.by else ""
            left = f"; {escape_prose(view.kept, 120)}" if view.kept else ""
            return f"was cancelled{by}{left}"
        case _:
            assert_never(view.state)


# --- controls ----------------------------------------------------------------------

_CONTROLS = {
    "start": "🚀 Started",
    "pause": "⏸️ Paused",
    "resume": "▶️ Resumed",
    "cancel": "🚫 Cancelling",
    "retry": "🔁 Retrying",
    "skip": "⏭️ Skipped",
}
_EFFECTS = {
    "pause": "running items finish, nothing new starts",
    "resume": "items start again",
    "cancel": "nothing new starts, running work is stopped",
}


def render_control_done(
    control: str, progress: Progress, change: Change, *, marker: str
) -> str:
    """Return what a control did to a batch, or why it did nothing."""
    names = names_of(progress)
    name = code_span(progress.batch.id)
    if change.nothing:
        return (
            f"{marker}\n😕 {control.capitalize()} changed nothing in batch {name}:"
            f" {escape_prose(change.nothing)}."
        )
    late = ""
    if change.too_late:
        verb = "is" if len(change.too_late) == 1 else "are"
        late = (
            f" {names.list(change.too_late)} {verb} on the way to GitHub already and"
            " can no longer be stopped."
        )
    is_whole = control in ("pause", "resume") or (
        control == "cancel" and progress.state in _ENDING
    )
    what = f"batch {name}"
    if not is_whole and change.touched:
        what = f"{names.list(change.touched)} in batch {name}"
    effect = f": {_EFFECTS[control]}" if is_whole and control in _EFFECTS else ""
    where = progress.tracking_url
    follow = f" Progress is in {link('this comment', where)}." if where else ""
    ignored = ""
    if change.ignored:
        verb = "is" if len(change.ignored) == 1 else "are"
        ignored = (
            f" {names.links.items(change.ignored)} {verb} not in a state for that."
        )
    if not is_whole and not change.touched and late:
        return f"{marker}\n😕{late} Nothing changed in batch {name}.{ignored}{follow}"
    return f"{marker}\n{_CONTROLS[control]} {what}{effect}.{late}{ignored}{follow}"


_ENDING = (BatchState.CANCELLING, BatchState.CANCELLED)
