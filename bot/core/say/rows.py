"""The items of the tracking comment: each with where it stands, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.core.durations import spell
from bot.core.model import BatchId, ItemId, ItemState, Stage
from bot.core.run import reasons as why
from bot.core.run.progress import ItemView, Progress
from bot.core.say.deeds import deed_of, is_mixed
from bot.core.say.headings import Phase, phase_of
from bot.core.say.names import Names
from bot.core.say.pictures import Look, look
from bot.core.say.sentences import (
    did_not_succeed,
    fault,
    reason_sentence,
    result,
    skip_sentence,
    tries,
    until_then,
)
from bot.core.say.situation import Situation
from bot.core.world.markdown import (
    Links,
    code_span,
    details,
    escape_line,
    escape_prose,
    link,
    paragraphs,
)
from bot.core.world.markers import box, link_mark

NO_ITEM = ItemId("")
FLAT = 25
"""Items up to which one list in the order asked for is the clearest."""
_NEXT = 6

_REASON_TITLES: Mapping[type[why.Reason], str] = {
    why.WaitsFor: "For other items",
    why.WaitsOutside: "For something outside this batch",
    why.NoFreeSlot: "For a free slot",
    why.WaitsForMachine: "For a machine of the pool",
    why.WaitsForGitHub: "For GitHub",
    why.WaitsForGit: "For git",
    why.WaitsForBudget: "For the API budget",
    why.OverBatchBudget: "For nothing: the batch has used its `budget:`",
    why.LowMemory: "For memory",
    why.IsPaused: "For the end of the pause",
    why.NotStarted: "For the start",
    why.BotStopping: "For the restart of the bot",
    why.IsNext: "About to start",
    why.NextTry: "For their next try",
}


def reason_title(reason: why.Reason) -> str:
    """Return what items wait for that wait for the same; may be empty."""
    return _REASON_TITLES.get(type(reason), "")


@dataclass(frozen=True, slots=True)
class Level:
    """How much is shown. A body that is too long is written again a level lower."""

    words: int  # width of each text of others
    rows: int  # of *Now* and *Needs you*
    folded: str  # rows, numbers or counts
    notes: bool = True


@dataclass(frozen=True)
class Rows:
    """The items at one level."""

    progress: Progress
    situation: Situation
    names: Names
    level: Level

    @property
    def _links(self) -> Links:
        return self.names.links

    @cached_property
    def _phase(self) -> Phase:
        return phase_of(self.progress, self.situation)

    @cached_property
    def _is_mixed(self) -> bool:
        return is_mixed(self.progress.batch.plan.items)

    @property
    def _views(self) -> Sequence[ItemView]:
        return list(self.progress.items.values())

    def parts(self, phase: Phase) -> Iterator[str]:
        """Yield one list of a few items; more of them in groups."""
        views = self._views
        is_over = phase in (Phase.FINISHED, Phase.CANCELLED, Phase.EXPIRED)
        if len(views) <= FLAT:
            yield self._rows(views)
        else:
            yield from self._grouped(can_retry=not is_over)

    def _grouped(self, *, can_retry: bool) -> Iterator[str]:
        views = self._views
        groups: dict[Look, list[ItemView]] = {one: [] for one in Look}
        for view in views:
            groups[look(view)].append(view)
        now = groups[Look.RUNNING] + groups[Look.RETRYING]
        if now:
            yield "**Now**"
            yield self._rows(now[: self.level.rows])
            if (more := len(now) - self.level.rows) > 0:
                yield f"and {more} more"
        unsuccessful = groups[Look.FAILED] + groups[Look.SKIPPED]
        if can_retry and (able := [v for v in unsuccessful if did_not_succeed(v)]):
            yield self._fold("Skipped", [v for v in unsuccessful if v not in able])
            unsuccessful = able
        if unsuccessful and can_retry:
            yield "**Needs you**"
            yield from self._needs_you(unsuccessful)
        elif unsuccessful:
            yield self._fold("Failed and skipped", unsuccessful)
        if waiting := groups[Look.WAITING]:
            yield f"**Next** {self._next(waiting)}"
            yield self._fold("Waiting", waiting)
        yield self._fold("Done", groups[Look.DONE])
        yield self._fold("Cancelled", groups[Look.CANCELLED])

    def _needs_you(self, views: Sequence[ItemView]) -> Iterator[str]:
        yield "\n".join(self._retry_row(view) for view in views[: self.level.rows])
        if (more := len(views) - self.level.rows) > 0:
            again = code_span(f"/batch retry {self.progress.batch.id}")
            yield f"and {more} more; {again} runs all {len(views)} again."

    def _retry_row(self, view: ItemView) -> str:
        name = self.names.plain(view.item.id)
        text = f"Retry {look(view).icon} {name} — {self._ending(view)}"
        return box("retry", view.item.id, text=text)

    def _ending(self, view: ItemView) -> str:
        if view.state is ItemState.SKIPPED:
            return skip_sentence(view, self._links)
        return fault(view, self.level.words)

    def _next(self, waiting: Sequence[ItemView]) -> str:
        def is_blocked(view: ItemView) -> bool:
            reason = self.situation.reasons.get(view.item.id)
            return isinstance(reason, why.WaitsFor | why.WaitsOutside)

        first = sorted(waiting, key=is_blocked)[:_NEXT]
        text = " · ".join(self.names.link(view.item.id) for view in first)
        more = len(waiting) - len(first)
        return f"{text} and {more} more" if more else text

    def _fold(self, title: str, views: Sequence[ItemView]) -> str:
        if not views:
            return ""
        summary = f"{title}: {len(views)}"
        if self.level.folded == "counts":
            return f"**{summary}**"
        if self.level.folded == "rows":
            return details(summary, self._rows(views))
        return details(summary, self._numbers(views))

    def _numbers(self, views: Iterable[ItemView]) -> str:
        """Return the numbers alone, those that wait by what they wait for."""
        groups: dict[str, list[str]] = {}
        for view in views:
            reason = self.situation.reasons.get(view.item.id)
            title = reason_title(reason) if reason else ""
            groups.setdefault(title, []).append(self.names.plain(view.item.id))
        return paragraphs(
            *(
                f"{title}: {', '.join(numbers)}" if title else ", ".join(numbers)
                for title, numbers in groups.items()
            )
        )

    def _rows(self, views: Iterable[ItemView]) -> str:
        return "\n".join(map(self._row, views))

    def _row(self, view: ItemView) -> str:
        tick = "x" if view.state is ItemState.COMPLETED else " "
        name = self.names.plain(view.item.id)
        return f"- [{tick}] {look(view).icon} {name} — {self.sentence(view)}"

    def sentence(self, view: ItemView) -> str:
        """Return where an item stands, and why: Markdown."""
        words = self.level.words
        match look(view):
            case Look.DONE:
                assert view.outcome is not None
                spent = f" · {spell(view.worked)}" if view.attempt else ""
                return f"{result(view.outcome, words)}{spent}"
            case Look.RUNNING:
                return self._with_log(view, *self._running(view))
            case Look.RETRYING:
                assert view.next_at is not None
                return self._with_log(view, self._next_try(view), fault(view, words))
            case Look.FAILED:
                after = f" after {view.tries} tries" if view.tries > 1 else ""
                return self._with_log(view, f"**failed**{after}: {fault(view, words)}")
            case Look.SKIPPED:
                return f"skipped, {skip_sentence(view, self._links)}"
            case Look.CANCELLED:
                by = f" by {escape_line(view.by)}" if view.by else ""
                left = f" · {escape_prose(view.kept, 120)}" if view.kept else ""
                return f"cancelled{by}{left}"
            case Look.WAITING:
                return self._waiting(view)

    def _waiting(self, view: ItemView) -> str:
        phase = self._phase
        if phase in (Phase.EXPIRED, Phase.CANCELLING):
            return "not started"
        reason = self.situation.reasons.get(view.item.id)
        reason = reason or _evident_reason(self.progress, phase, view.item.id)
        sentence = reason_sentence(reason, self.names, self.situation.now)
        return f"{deed_of(view.item)} · {sentence}" if self._is_mixed else sentence

    def _running(self, view: ItemView) -> Iterator[str]:
        since = view.started_at or self.situation.now
        again = f" ({tries(view)})" if view.tries > 1 else ""
        how = "**waiting**" if view.stage is Stage.PARKED else "**running**"
        yield f"{how} {spell(self.situation.now - since)}{again}"
        if view.waits_for:
            yield f"waits for {escape_line(view.waits_for, self.level.words // 2)}"
            if view.waits_url:
                yield link("run", view.waits_url)
        elif view.is_publishing:
            yield "bringing the result to GitHub"
        elif view.step:
            yield escape_line(view.step, self.level.words // 2)

    def _next_try(self, view: ItemView) -> str:
        assert view.next_at is not None
        which = f"**try {view.tries + 1} of {view.item.retries + 1}**"
        reason = self.situation.reasons.get(view.item.id)
        if reason is None or isinstance(reason, why.NextTry | why.IsNext):
            return f"{which} {until_then(view.next_at, self.situation.now)}"
        return f"{which}, {reason_sentence(reason, self.names, self.situation.now)}"

    def _with_log(self, view: ItemView, *parts: str) -> str:
        url = page_url(self.progress, self.situation, view.item.id)
        return " · ".join([*parts, *([link("log", url)] if url else [])])


def _evident_reason(progress: Progress, phase: Phase, item: ItemId) -> why.Reason:
    """Return what the events alone say of a pending item."""
    if phase is Phase.PLANNED:
        return why.NotStarted(progress.starts_at, progress.starts_zone)
    if phase is Phase.PAUSED:
        return why.IsPaused(progress.by)
    if phase is Phase.RESTARTING:
        return why.BotStopping()
    plan = progress.batch.plan
    unmet = tuple(
        edge.predecessor
        for edge in plan.edges
        if edge.successor == item
        and progress.items[edge.predecessor].state is not ItemState.COMPLETED
    )
    settled = progress.settled
    outside = tuple(
        edge.predecessor
        for edge in plan.outside
        if edge.successor == item and not settled.get(edge.predecessor)
    )
    if unmet:
        return why.WaitsFor(unmet)
    return why.WaitsOutside(outside) if outside else why.IsNext()


def page_url(progress: Progress, situation: Situation, item: ItemId = NO_ITEM) -> str:
    """Return the address of the bot's page of a batch or of an item; empty without pages,
    and of what they say nothing of.
    """
    base = situation.web_url.rstrip("/")
    is_there = base and not progress.hides(item)
    return f"{base}{page_path(progress.batch.id, item)}" if is_there else ""


def shared_url(progress: Progress, situation: Situation) -> str:
    """Return the address of the page of a batch that opens it to whoever has it; empty
    without pages.
    """
    url, key = page_url(progress, situation), situation.link_key
    return f"{url}?key={link_mark(progress.batch, key)}" if url and key else url


def page_path(batch_id: BatchId, item: ItemId = NO_ITEM) -> str:
    """Return where the page of a batch or of an item is below the bot's address."""
    below = f"/items/{item}" if item else ""
    return f"/batches/{batch_id}{below}"
