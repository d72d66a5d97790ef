"""The boxes below a batch: what a maintainer can do to it with a tick."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.core.model import BatchId, BatchState, ItemId, ItemState
from bot.core.plan.graph import predecessors
from bot.core.run.control import to_run_again
from bot.core.run.progress import ItemView, Progress
from bot.core.run.stalled import Stalled
from bot.core.run.undo import undoable
from bot.core.say.deeds import deed_of, deeds
from bot.core.say.headings import Phase
from bot.core.say.names import Names
from bot.core.say.plan import start_text
from bot.core.say.rows import FLAT
from bot.core.say.sentences import did_not_succeed, is_unfinished
from bot.core.say.situation import Situation
from bot.core.say.start_times import starts_by_itself
from bot.core.world.markdown import escape_line, paragraphs
from bot.core.world.markers import box

_MOST_SKIPS = 3
_MOST_UNDOS = 10
_LABELS = {
    "start": "Start",
    "pause": "Pause",
    "resume": "Go on",
    "cancel": "Cancel",
    "retry": "Retry",
    "skip": "Skip",
    "undo": "Take back",
}
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be done to a batch now, or to some of its items."""

    verb: str  # as in a command
    items: tuple[ItemId, ...] = ()
    text: str = ""  # Markdown: what it does

    def box(self, batch_id: BatchId) -> str:
        """Return it as a box of a comment."""
        named = (batch_id,) if self.verb == "start" else self.items
        return box(self.verb, *named, text=self.text)

    def label(self, names: Names) -> str:
        """Return it in a few words, which are no Markdown."""
        shown = ", ".join(names.text(item) for item in self.items[:_MOST_NAMED])
        more = len(self.items) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f"{_LABELS[self.verb]} {shown}{rest}".rstrip()


@dataclass(frozen=True)
class Boxes:
    """What can be ticked now."""

    progress: Progress
    situation: Situation
    names: Names

    @property
    def _views(self) -> Sequence[ItemView]:
        return list(self.progress.items.values())

    def controls(self, phase: Phase) -> str:
        """Return the boxes with their heading; nothing where there are none."""
        rows = [offer.box(self.progress.batch.id) for offer in self.offers(phase)]
        if not rows:
            return ""
        head = "**Controls** — tick one to use it; needs the same access as `/batch`"
        return paragraphs(head, "\n".join(rows))

    def offers(self, phase: Phase) -> Iterator[Offer]:
        """Yield what can be done now."""
        progress = self.progress
        unfinished = sum(map(is_unfinished, self._views))
        if phase is Phase.PLANNED:
            text = start_text(progress, self.situation.now)
            yield Offer("start", text=text)
            if starts_by_itself(progress, self.situation.now):
                yield Offer("cancel", text="Drop it: nothing starts")
        if phase is Phase.CANCELLED and not progress.retried_as:
            left = [view.item for view in self._views if did_not_succeed(view)]
            if left:
                text = f"Start what did not succeed as a new batch: {deeds(left)}"
                yield Offer("retry", text=text)
        if phase in (Phase.FINISHED, Phase.CANCELLED):
            yield from self._undo_boxes()
        if progress.state not in (BatchState.RUNNING, BatchState.PAUSED):
            return
        if len(self._views) <= FLAT:
            yield from self._retry_boxes()
        if self.situation.stalled is not None:
            yield from self._skip_boxes(self.situation.stalled)
            if unfinished > 1:
                yield from self._cancel_boxes(self.situation.stalled)
        if progress.state is BatchState.PAUSED:
            yield Offer("resume", text="Go on")
        elif unfinished:
            yield Offer("pause", text="Pause: start nothing new")
        if unfinished:
            what = "item" if unfinished == 1 else "items"
            count = "" if unfinished == 1 else f"{unfinished} "
            yield Offer("cancel", text=f"Cancel the {count}unfinished {what}")

    def of_all(self, phase: Phase) -> Iterator[tuple[str, str]]:
        """Yield what can be done to all of it: a verb, and how it is called."""
        progress = self.progress
        if phase is Phase.PLANNED:
            yield "start", _LABELS["start"]
            if starts_by_itself(progress, self.situation.now):
                yield "cancel", _LABELS["cancel"]
            return
        is_live = progress.state in (BatchState.RUNNING, BatchState.PAUSED)
        unfinished = is_live and any(map(is_unfinished, self._views))
        if progress.state is BatchState.PAUSED:
            yield "resume", _LABELS["resume"]
        elif unfinished:
            yield "pause", _LABELS["pause"]
        # A live one has to have failed: what was skipped or cancelled alone was meant so.
        is_over = phase in (Phase.FINISHED, Phase.CANCELLED)
        if progress.count(ItemState.FAILED) if is_live else is_over:
            again = len(to_run_again(progress))
            if again and not progress.retried_as:
                yield "retry", f"{_LABELS['retry']} {again}"
        if unfinished:
            yield "cancel", _LABELS["cancel"]

    def _undo_boxes(self) -> Iterator[Offer]:
        """Yield boxes for what can be taken back; of many items only one for all."""
        back = [
            replace(self.progress.items[item].item, action=action)
            for item, action in undoable(self.progress).items()
        ]
        if len(back) <= _MOST_UNDOS:
            for item in back:
                what = f"{self.names.link(item.id)}: {deed_of(item)}"
                yield Offer("undo", (item.id,), f"Take back {what}")
        if len(back) > 1:
            yield Offer("undo", text=f"Take all of it back: {deeds(back)}")

    def _skip_boxes(self, waits: Stalled) -> Iterator[Offer]:
        for item, references in list(waits.outside.items())[:_MOST_SKIPS]:
            shown = self.names.list_references(references)
            text = f"Skip {self.names.link(item)}, which waits for {shown}"
            yield Offer("skip", (item,), text)

    def _cancel_boxes(self, waits: Stalled) -> Iterator[Offer]:
        for item, says in list(waits.parked.items())[:_MOST_SKIPS]:
            what = f"{self.names.link(item)}, which waits for {escape_line(says, 60)}"
            yield Offer("cancel", (item,), f"Cancel {what}")

    def _retry_boxes(self) -> Iterator[Offer]:
        for view in self._views:
            if view.state is ItemState.FAILED:
                text = f"Retry {self.names.link(view.item.id)}"
                behind = self._skipped_behind(view)
                if behind:
                    shown = self.names.list([other.item.id for other in behind], 3)
                    verb = "waits" if len(behind) == 1 else "wait"
                    text += f", then {shown} that {verb} for it"
                ids = tuple(one.item.id for one in (view, *behind))
                yield Offer("retry", ids, text)

    def _skipped_behind(self, view: ItemView) -> Sequence[ItemView]:
        """Return what was skipped because of an item, directly or through others."""
        before = predecessors(self.progress.batch.plan)
        behind = {view.item.id}
        found: list[ItemView] = []
        for other in self._views:
            cause = other.skipped_because
            if other.state is ItemState.SKIPPED and cause:
                items = self.progress.items
                near = behind.intersection(before[other.item.id])
                if any(items[one].item.number == cause.number for one in near):
                    behind.add(other.item.id)
                    found.append(other)
        return found


def offers_for(item: ItemState, batch: BatchState) -> Iterator[tuple[str, str]]:
    """Yield what can be done to one item: a verb, and how it is called."""
    verbs: tuple[str, ...] = ()
    if batch in (BatchState.RUNNING, BatchState.PAUSED):
        match item:
            case ItemState.FAILED | ItemState.SKIPPED | ItemState.CANCELLED:
                verbs = ("retry",)
            case ItemState.PENDING:
                verbs = ("skip", "cancel")
            case ItemState.RUNNING:
                verbs = ("cancel",)
            case ItemState.COMPLETED:
                pass
            case _:
                assert_never(item)
    for verb in verbs:
        yield verb, _LABELS[verb]
