"""The tracking comment: where a batch stands, why, and what one can do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.core.run.progress import ItemView, Progress
from bot.core.say.boxes import Boxes
from bot.core.say.headings import Phase, heading, phase_of
from bot.core.say.messages import Messages
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import look, order_of_work, squares
from bot.core.say.rows import Level, Rows, shared_url
from bot.core.say.situation import Situation
from bot.core.say.totals import Totals
from bot.core.world.markdown import (
    code_span,
    details,
    escape_line,
    first_that_fits,
    link,
    paragraphs,
)
from bot.core.world.markers import marker

_LEVELS = (
    Level(words=120, rows=50, folded="rows"),
    Level(words=60, rows=50, folded="rows"),
    Level(words=60, rows=50, folded="numbers"),
    Level(words=32, rows=25, folded="numbers"),
    Level(words=32, rows=10, folded="counts", notes=False),
)


def render_tracking(progress: Progress, situation: Situation) -> str:
    """Return the body of the tracking comment, of at most ``BODY_LIMIT`` units."""
    names = names_of(progress)
    bodies = (_Tracking(progress, situation, names, level).body() for level in _LEVELS)
    return first_that_fits(bodies)


def render_so_far(progress: Progress, situation: Situation) -> str:
    """Return what a batch that only waits came to so far, as a comment of its own."""
    assert situation.stalled is not None
    names = names_of(progress)
    bodies = (
        _Tracking(progress, situation, names, level).so_far() for level in _LEVELS
    )
    return first_that_fits(bodies)


def so_far_marker(progress: Progress, situation: Situation) -> str:
    """Return the first line of what ``render_so_far`` returns."""
    assert situation.stalled is not None
    since = f"{situation.stalled.since:%Y%m%dT%H%M%S}"
    return marker("so-far", f"{progress.batch.id}.{since}", situation.marker_key)


@dataclass(frozen=True)
class _Tracking:
    """One comment at one level."""

    progress: Progress
    situation: Situation
    names: Names
    level: Level

    def body(self) -> str:
        progress, situation = self.progress, self.situation
        first = marker("tracking", progress.batch.id, situation.marker_key)
        phase = self._phase
        return f"{first}\n" + paragraphs(
            f"### {self._heading(phase)}",
            self._squares(phase),
            self._totals(phase),
            *self._messages.parts(phase, with_notes=self.level.notes),
            *self._rows.parts(phase),
            self._boxes.controls(phase),
            *self._folds(phase),
            self._footer(phase),
        )

    def so_far(self) -> str:
        progress, situation = self.progress, self.situation
        phase = phase_of(progress, situation)
        where = progress.tracking_url
        follow = link("This comment", where) if where else "The pinned comment"
        return f"{so_far_marker(progress, situation)}\n" + paragraphs(
            f"### {self._heading(phase)}",
            squares(progress),
            Totals(progress, situation).counts(),
            f"So far this is what it came to. {self._messages.ways_out()}",
            *self._rows.parts(phase),
            f"<sub>{follow} stays current and has the boxes.</sub>",
        )

    @cached_property
    def _phase(self) -> Phase:
        return phase_of(self.progress, self.situation)

    @property
    def _rows(self) -> Rows:
        return Rows(self.progress, self.situation, self.names, self.level)

    @property
    def _messages(self) -> Messages:
        return Messages(self.progress, self.situation, self.names)

    @property
    def _boxes(self) -> Boxes:
        return Boxes(self.progress, self.situation, self.names)

    @property
    def views(self) -> Sequence[ItemView]:
        return list(self.progress.items.values())

    def _heading(self, phase: Phase) -> str:
        text = heading(self.progress, self.situation)
        has_report = phase in (Phase.FINISHED, Phase.CANCELLED)
        is_apart = self.progress.report_url not in ("", self.progress.tracking_url)
        if has_report and is_apart:
            text += f" → {link('report', self.progress.report_url)}"
        return text

    def _squares(self, phase: Phase) -> str:
        row = squares(self.progress)
        return f"{row} &nbsp;**0 %**" if phase is Phase.STARTING else row

    def _totals(self, phase: Phase) -> str:
        if phase in (Phase.PLANNED, Phase.EXPIRED, Phase.STARTING):
            return ""
        totals = Totals(self.progress, self.situation)
        return "\n".join(filter(None, (totals.counts(), totals.times())))

    def _folds(self, phase: Phase) -> Iterator[str]:
        plan = self.progress.batch.plan
        if phase is Phase.EXPIRED:
            return
        shown = {view.item.id: look(view) for view in self.views}
        yield order_of_work(plan, self.names, {} if phase is Phase.PLANNED else shown)
        if phase not in (Phase.FINISHED, Phase.CANCELLED):
            yield details(
                "Budget and options",
                "\n".join(Totals(self.progress, self.situation).of_budget()),
            )

    def _footer(self, phase: Phase) -> str:
        batch = self.progress.batch
        parts = [
            f"Asked for by {link(escape_line(batch.asker.login), batch.asker.url)}"
        ]
        if phase is not Phase.STARTING:
            parts.append(f"updated {self.situation.now:%H:%M} UTC")
        if url := shared_url(self.progress, self.situation):
            parts.append(link("live view", url))
        if phase is Phase.STARTING:
            parts.append(f"{code_span(f'/batch cancel {batch.id}')} stops it")
        elif phase not in (Phase.FINISHED, Phase.CANCELLED, Phase.EXPIRED):
            parts.append("reply `/batch help` for commands")
        if batch.retry_of:
            parts.append(
                f"runs again what did not succeed in {code_span(batch.retry_of)}"
            )
        if batch.undo_of:
            parts.append(f"takes back what {code_span(batch.undo_of)} did")
        undoing = dict.fromkeys(self.progress.undone.values())
        parts.extend(f"taken back by {code_span(undo)}" for undo in undoing)
        if again := self.progress.retried_as:
            parts.append(f"what did not succeed runs again in {code_span(again)}")
        return f"<sub>{' · '.join(parts)}</sub>"
