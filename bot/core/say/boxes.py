"""The boxes below a batch: what a maintainer can do to it with a tick."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.core.model import BatchState, ItemState
from bot.core.plan.graph import predecessors
from bot.core.run.progress import ItemView, Progress
from bot.core.run.stalled import Stalled
from bot.core.run.undo import undoable
from bot.core.say.deeds import deed_of, deeds
from bot.core.say.headings import Phase
from bot.core.say.names import Names
from bot.core.say.plan import start_box
from bot.core.say.rows import FLAT
from bot.core.say.sentences import did_not_succeed, is_unfinished
from bot.core.say.situation import Situation
from bot.core.world.markdown import escape_line, paragraphs
from bot.core.world.markers import box

_MOST_SKIPS = 3
_MOST_UNDOS = 10


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
        rows = list(self._boxes(phase))
        if not rows:
            return ""
        head = "**Controls** — tick one to use it; needs the same access as `/batch`"
        return paragraphs(head, "\n".join(rows))

    def _boxes(self, phase: Phase) -> Iterator[str]:
        progress = self.progress
        unfinished = sum(map(is_unfinished, self._views))
        if phase is Phase.PLANNED:
            yield start_box(progress, self.situation.now)
        if phase is Phase.CANCELLED and not progress.retried_as:
            left = [view.item for view in self._views if did_not_succeed(view)]
            if left:
                text = f"Start what did not succeed as a new batch: {deeds(left)}"
                yield box("retry", text=text)
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
            yield box("resume", text="Go on")
        elif unfinished:
            yield box("pause", text="Pause: start nothing new")
        if unfinished:
            what = "item" if unfinished == 1 else "items"
            count = "" if unfinished == 1 else f"{unfinished} "
            yield box("cancel", text=f"Cancel the {count}unfinished {what}")

    def _undo_boxes(self) -> Iterator[str]:
        """Yield boxes for what can be taken back; of many items only one for all."""
        back = [
            replace(self.progress.items[item].item, action=action)
            for item, action in undoable(self.progress).items()
        ]
        if len(back) <= _MOST_UNDOS:
            for item in back:
                what = f"{self.names.link(item.id)}: {deed_of(item)}"
                yield box("undo", item.id, text=f"Take back {what}")
        if len(back) > 1:
            yield box("undo", text=f"Take all of it back: {deeds(back)}")

    def _skip_boxes(self, waits: Stalled) -> Iterator[str]:
        for item, references in list(waits.outside.items())[:_MOST_SKIPS]:
            shown = self.names.list_references(references)
            text = f"Skip {self.names.link(item)}, which waits for {shown}"
            yield box("skip", item, text=text)

    def _cancel_boxes(self, waits: Stalled) -> Iterator[str]:
        for item, says in list(waits.parked.items())[:_MOST_SKIPS]:
            what = f"{self.names.link(item)}, which waits for {escape_line(says, 60)}"
            yield box("cancel", item, text=f"Cancel {what}")

    def _retry_boxes(self) -> Iterator[str]:
        for view in self._views:
            if view.state is ItemState.FAILED:
                text = f"Retry {self.names.link(view.item.id)}"
                behind = self._skipped_behind(view)
                if behind:
                    shown = self.names.list([other.item.id for other in behind], 3)
                    verb = "waits" if len(behind) == 1 else "wait"
                    text += f", then {shown} that {verb} for it"
                ids = [one.item.id for one in (view, *behind)]
                yield box("retry", *ids, text=text)

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
