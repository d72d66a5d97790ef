"""What a control did."""

from collections.abc import Sequence

from bot.core.command.syntax import LEVELS
from bot.core.model import BatchState, ItemId
from bot.core.run.control import ControlResult
from bot.core.run.progress import Progress
from bot.core.say.deeds import deeds
from bot.core.say.names import names_of
from bot.core.say.sentences import read_as
from bot.core.world.markdown import (
    alert,
    code_span,
    escape_prose,
    link,
    paragraphs,
    plural,
)

_CONTROLS = {
    "start": "🚀 Started",
    "pause": "⏸️ Paused",
    "resume": "▶️ Resumed",
    "cancel": "🚫 Cancelling",
    "retry": "🔁 Retrying",
    "undo": "↩️ Taking back",
    "skip": "⏭️ Skipped",
}
_EFFECTS = {
    "pause": "running items finish, nothing new starts",
    "resume": "items start again",
    "cancel": "nothing new starts, running work is stopped",
}


def has_begun(batch_id: str, where: str) -> str:
    """A batch began, whose own comment is its answer in the thread."""
    return (
        f"🚀 Batch {code_span(batch_id)} has begun; its progress comes in"
        f" {code_span(where)}."
    )


def already(progress: Progress) -> str:
    """Why a control changed nothing."""
    if progress.state is not BatchState.PLANNED:
        return f"it is {progress.state}"
    if progress.starts_at is None:
        return "it has not started"
    return "it has not started; until it does it can only be started, or cancelled as a whole"


def render_withdrawn(commands: int, *, marker: str) -> str:
    """Return that commands which waited for GitHub will start nothing."""
    what = "The command that waits" if commands == 1 else "The commands that wait"
    verb = "is" if commands == 1 else "are"
    return f"{marker}\n🚫 {what} for GitHub {verb} withdrawn: nothing will start."


def render_control_done(
    control: str, progress: Progress, change: ControlResult, *, marker: str
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
        ignored = f" {names.list_named(change.ignored)} {verb} not in a state for that."
    if control == "priority":
        verb = "has" if len(change.touched) == 1 else "have"
        level = progress.items[change.touched[0]].item.priority
        said = f"{what} now {verb} priority {code_span(str(LEVELS.get(level, level)))}"
        return f"{marker}\n↕️ {said}.{ignored}{follow}"
    if control == "concurrency":
        now = plural(progress.batch.plan.options.concurrency, "item")
        return f"{marker}\n↔️ Batch {name} now works on {now} at a time.{follow}"
    if not is_whole and not change.touched and late:
        return f"{marker}\n😕{late} Nothing changed in batch {name}.{ignored}{follow}"
    return f"{marker}\n{_CONTROLS[control]} {what}{effect}.{late}{ignored}{follow}"


_ENDING = (BatchState.CANCELLING, BatchState.CANCELLED)


def render_added(
    progress: Progress, items: Sequence[ItemId], notes: Sequence[str], *, marker: str
) -> str:
    """Return what was added to a batch, and how it was read."""
    names = names_of(progress)
    name = code_span(progress.batch.id)
    plan = progress.batch.plan
    read = read_as(plan, names.links, when="as soon as a slot is free", only=items)
    where = progress.tracking_url
    follow = f" Progress is in {link('this comment', where)}." if where else ""
    added = deeds([item for item in plan.items if item.id in items])
    said = f"🧺 Added to batch {name}: {added} — {read}.{follow}"
    return f"{marker}\n" + paragraphs(said, alert("NOTE", notes) if notes else "")
