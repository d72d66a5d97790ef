"""The tracking comment: where a batch stands, why, and what one can do about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from bot.core.durations import clock, spell, spell_about, spell_option
from bot.core.model import BatchState, ItemId, ItemState, Options
from bot.core.plan.graph import predecessors
from bot.core.run import reasons as why
from bot.core.run.progress import ItemView, Progress
from bot.core.run.stalled import Stalled
from bot.core.say.deeds import deed_of, deeds, is_mixed
from bot.core.say.headings import Phase, heading, phase_of
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import Look, look, order_of_work, squares, tally
from bot.core.say.plan import start_box
from bot.core.say.sentences import (
    did_not_succeed,
    fault,
    is_unfinished,
    read_as,
    reason_sentence,
    result,
    skip_sentence,
    tries,
    until_then,
)
from bot.core.say.situation import Situation
from bot.core.world.markdown import (
    Links,
    alert,
    code_span,
    details,
    escape_line,
    escape_prose,
    first_that_fits,
    link,
    paragraphs,
    plural,
)
from bot.core.world.markers import box, marker

FLAT = 25
"""Items up to which one list in the order asked for is the clearest."""
_FINISHED_FOR_ESTIMATE = 2
_NEXT = 6
_MOST_SKIPS = 3
_NOTES = 12


@dataclass(frozen=True, slots=True)
class _Level:
    """How much is shown. A body that is too long is written again a level lower."""

    words: int  # width of each text of others
    rows: int  # of *Now* and *Needs you*
    folded: str  # rows, numbers or counts
    notes: bool = True


_REASON_TITLES: Mapping[type[why.Reason], str] = {
    why.WaitsFor: "For other items",
    why.WaitsOutside: "For something outside this batch",
    why.NoFreeSlot: "For a free slot",
    why.WaitsForGitHub: "For GitHub",
    why.WaitsForBudget: "For the API budget",
    why.OverBatchBudget: "For nothing: the batch has used its `budget:`",
    why.LowMemory: "For memory",
    why.IsPaused: "For the end of the pause",
    why.NotStarted: "For the start",
    why.BotStopping: "For the restart of the bot",
    why.IsNext: "About to start",
}
_LEVELS = (
    _Level(words=120, rows=50, folded="rows"),
    _Level(words=60, rows=50, folded="rows"),
    _Level(words=60, rows=50, folded="numbers"),
    _Level(words=32, rows=25, folded="numbers"),
    _Level(words=32, rows=10, folded="counts", notes=False),
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


def _evident_reason(progress: Progress, phase: Phase, item: ItemId) -> why.Reason:
    """Return what the events alone say of a pending item."""
    if phase is Phase.PLANNED:
        return why.NotStarted()
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


def page_url(progress: Progress, situation: Situation, suffix: str = "") -> str:
    """Return the address of a page of the bot about the batch; empty without pages."""
    base = situation.web_url.rstrip("/")
    return f"{base}/b/{progress.batch.id}{suffix}" if base else ""


def notes_of(progress: Progress) -> str:
    """Return how the command was read, if there is anything to say about that."""
    notes = progress.batch.plan.notes
    if not notes:
        return ""
    more = len(notes) - _NOTES
    rest = [f"{plural(more, 'more note')}."] if more > 0 else []
    return alert("NOTE", [*notes[:_NOTES], *rest])


def spell_options(options: Options) -> str:
    """Return the options as they are typed, as code."""
    words = [
        f"concurrency:{options.concurrency}",
        f"retries:{options.retries}",
        f"on-failure:{options.on_failure}",
        f"timeout:{spell_option(options.timeout_seconds)}",
    ]
    if options.budget_requests is not None:
        words.append(f"budget:{options.budget_requests}")
    if options.deps != Options().deps:
        words.append(f"deps:{options.deps}")
    if options.method:
        words.append(f"method:{options.method}")
    if options.update != Options().update:
        words.append(f"update:{options.update}")
    return " ".join(map(code_span, words))


@dataclass(frozen=True)
class _Tracking:
    """One comment at one level."""

    progress: Progress
    situation: Situation
    names: Names
    level: _Level

    def body(self) -> str:
        progress, situation = self.progress, self.situation
        first = marker("tracking", progress.batch.id, situation.marker_key)
        phase = self._phase
        return f"{first}\n" + paragraphs(
            f"### {self._heading(phase)}",
            self._squares(phase),
            self._totals(phase),
            *self._messages(phase),
            *self._items(phase),
            self._controls(phase),
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
            self._counts(),
            f"So far this is what it came to. {self._ways_out()}",
            *self._items(phase),
            f"<sub>{follow} stays current and has the boxes.</sub>",
        )

    @property
    def links(self) -> Links:
        return self.names.links

    @cached_property
    def _phase(self) -> Phase:
        return phase_of(self.progress, self.situation)

    @cached_property
    def _is_mixed(self) -> bool:
        return is_mixed(self.progress.batch.plan.items)

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
        return "\n".join(filter(None, (self._counts(), self._times())))

    def _counts(self) -> str:
        words = []
        # Work and what still waits stand before what went wrong.
        order = (Look.DONE, Look.RUNNING, Look.RETRYING, Look.WAITING)
        counts = tally(self.views)
        for one in (*order, *(other for other in counts if other not in order)):
            if count := counts.get(one, 0):
                total = self.situation.slots_total
                slots = f" ({plural(total, 'slot')})" if total else ""
                suffix = slots if one is Look.RUNNING else ""
                words.append(f"**{count}** {one.word}{suffix}")
        return " · ".join(words)

    def _times(self) -> str:
        progress, situation = self.progress, self.situation
        if progress.started_at is None:
            return ""
        if progress.ended_at is not None and not progress.state.is_live:
            return f"⏱️ took {spell(progress.ended_at - progress.started_at)}"
        if situation.stalled is not None:  # and the comment stays as it is until then
            return ""
        text = f"⏱️ {spell(situation.now - progress.started_at)} so far"
        # The estimate does not know of the budget: while that is short it is not true.
        left = None if progress.budget_wait_until else situation.seconds_left
        if left is not None and progress.finished >= _FINISHED_FOR_ESTIMATE:
            until = clock(situation.now + timedelta(seconds=left), situation.now)
            text += f", **{spell_about(left)} left** ({until})"
        return " · ".join(filter(None, (text, self._budget())))

    def _budget(self) -> str:
        budget = self.situation.budget
        if budget is None:
            return ""
        text = f"🔋 {budget.remaining:,} of {budget.limit:,} API requests left"
        if budget.reset_at is not None:
            text += f", resets {clock(budget.reset_at, self.situation.now)}"
        return text

    def _messages(self, phase: Phase) -> Iterator[str]:
        progress = self.progress
        if phase is Phase.WAITING or (
            phase is Phase.RUNNING and progress.budget_wait_until
        ):
            yield self._budget_message()
        if phase is Phase.RESTARTING:
            yield (
                "Nothing new starts while the bot is being restarted; the batch goes"
                " on by itself afterwards. Nothing is lost."
            )
        if phase is Phase.STALLED:
            yield self._ways_out()
        if phase is Phase.CANCELLING and not (progress.by or progress.cause):
            yield (
                "An item failed and `on-failure:stop` is set: running items finish,"
                " the rest is cancelled."
            )
        if phase is Phase.PAUSED and progress.pause_why:
            yield (
                "The rest may need more API requests than `budget:` allows. **Go on**"
                " runs it without that limit; cancelling leaves it undone."
            )
        elif phase is Phase.PAUSED and not progress.by:
            yield (
                "An item failed and `on-failure:pause` is set: running items finish,"
                " nothing new starts."
            )
        if progress.recovered and progress.state.is_live:
            yield alert("NOTE", [self._recovered()])
        if phase is Phase.EXPIRED:
            yield "Nothing was started. Give the command again for a new plan."
        elif not progress.finished or progress.state.is_live:
            when = "now" if phase in (Phase.STARTING, Phase.RUNNING) else "first"
            plan = progress.batch.plan
            what = deeds(plan.items)
            yield f"**Read as:** {what} — {read_as(plan, self.links, when=when)}"
        if phase is not Phase.EXPIRED:
            yield self._notes()

    def _ways_out(self) -> str:
        waits = self.situation.stalled
        assert waits is not None
        name = self.progress.batch.id
        said = ["Nothing can run until then; it goes on by itself."]
        if waits.outside:
            shown = self.names.list_references(waits.references)
            verb = "is" if len(waits.references) == 1 else "are"
            first = self.names.items[next(iter(waits.outside))]
            skip = code_span(f"/batch skip {first.number}")
            said = [
                f"Nothing can run until {shown} {verb} closed as completed, or merged;"
                " then it goes on by itself.",
                f"{skip} leaves {self.names.link(first.id)} out, and what waits for it.",
            ]
        said.append(f"{code_span(f'/batch cancel {name}')} ends the batch as it is.")
        return " ".join(said)

    def _budget_message(self) -> str:
        progress, situation = self.progress, self.situation
        assert progress.budget_wait_until is not None
        at = clock(progress.budget_wait_until, situation.now)
        budget = situation.budget
        parts = []
        if budget is not None:
            parts.append(
                f"{budget.remaining:,} of {budget.limit:,} requests are left and"
                f" {budget.reserve:,} are kept back for other work."
            )
        if progress.count(ItemState.RUNNING):
            parts.append(f"Running items finish; the rest starts by itself at {at}.")
        else:
            parts.append(f"The rest starts by itself at {at}.")
        return " ".join([*parts, "Nothing is lost."])

    def _recovered(self) -> str:
        recovered = self.progress.recovered
        assert recovered is not None
        parts = []
        if len(recovered.kept) == 1:
            parts.append(f"{self.names.list(recovered.kept)} goes on from where it was")
        elif recovered.kept:
            parts.append(
                f"{self.names.list(recovered.kept)} go on from where they were"
            )
        if recovered.again:
            parts.append(f"{self.names.list(recovered.again)} began again")
        at = clock(recovered.at, self.situation.now)
        rest = f"; {', '.join(parts)}" if parts else ""
        return f"The bot was restarted at {at}. Finished items were kept{rest}."

    def _notes(self) -> str:
        return notes_of(self.progress) if self.level.notes else ""

    # --- items -----------------------------------------------------------------

    def _items(self, phase: Phase) -> Iterator[str]:
        views = self.views
        is_over = phase in (Phase.FINISHED, Phase.CANCELLED, Phase.EXPIRED)
        if len(views) <= FLAT:
            yield self._rows(views)
        else:
            yield from self._grouped(can_retry=not is_over)

    def _grouped(self, *, can_retry: bool) -> Iterator[str]:
        views = self.views
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
        if not self.names.is_home(view.item.id):
            return f"- {text}"  # a box names numbers of the batch's own repository
        return box("retry", str(view.item.number), text=text)

    def _ending(self, view: ItemView) -> str:
        if view.state is ItemState.SKIPPED:
            return skip_sentence(view, self.links)
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
            title = _REASON_TITLES.get(type(reason), "") if reason else ""
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
        return f"- [{tick}] {look(view).icon} {name} — {self._sentence(view)}"

    def _sentence(self, view: ItemView) -> str:
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
                return f"skipped, {skip_sentence(view, self.links)}"
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
        yield f"**running** {spell(self.situation.now - since)}{again}"
        if view.waits_for:
            yield f"waits for {escape_line(view.waits_for, self.level.words // 2)}"
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
        url = page_url(self.progress, self.situation, f"/{view.item.id}")
        return " · ".join([*parts, *([link("log", url)] if url else [])])

    # --- the end of the comment ------------------------------------------------

    def _controls(self, phase: Phase) -> str:
        rows = list(self._boxes(phase))
        if not rows:
            return ""
        head = "**Controls** — tick one to use it; needs the same access as `/batch`"
        return paragraphs(head, "\n".join(rows))

    def _boxes(self, phase: Phase) -> Iterator[str]:
        progress = self.progress
        unfinished = sum(map(is_unfinished, self.views))
        if phase is Phase.PLANNED:
            yield start_box(progress, self.situation.now)
        if phase is Phase.CANCELLED and not progress.retried_as:
            left = [view.item for view in self.views if did_not_succeed(view)]
            if left:
                text = f"Start what did not succeed as a new batch: {deeds(left)}"
                yield box("retry", text=text)
        if progress.state not in (BatchState.RUNNING, BatchState.PAUSED):
            return
        if len(self.views) <= FLAT:
            yield from self._retry_boxes()
        if self.situation.stalled is not None:
            yield from self._skip_boxes(self.situation.stalled)
        if progress.state is BatchState.PAUSED:
            yield box("resume", text="Go on")
        elif unfinished:
            yield box("pause", text="Pause: start nothing new")
        if unfinished:
            what = "item" if unfinished == 1 else "items"
            count = "" if unfinished == 1 else f"{unfinished} "
            yield box("cancel", text=f"Cancel the {count}unfinished {what}")

    def _skip_boxes(self, waits: Stalled) -> Iterator[str]:
        for item, references in list(waits.outside.items())[:_MOST_SKIPS]:
            if self.names.is_home(item):
                shown = self.names.list_references(references)
                text = f"Skip {self.names.link(item)}, which waits for {shown}"
                yield box("skip", str(self.names.items[item].number), text=text)

    def _retry_boxes(self) -> Iterator[str]:
        for view in self.views:
            if view.state is ItemState.FAILED and self.names.is_home(view.item.id):
                text = f"Retry {self.names.link(view.item.id)}"
                behind = self._skipped_behind(view)
                if behind:
                    shown = self.names.list([other.item.id for other in behind], 3)
                    verb = "waits" if len(behind) == 1 else "wait"
                    text += f", then {shown} that {verb} for it"
                numbers = [
                    str(one.item.number)
                    for one in (view, *behind)
                    if self.names.is_home(one.item.id)
                ]
                yield box("retry", *dict.fromkeys(numbers), text=text)

    def _skipped_behind(self, view: ItemView) -> Sequence[ItemView]:
        """Return what was skipped because of an item, directly or through others."""
        before = predecessors(self.progress.batch.plan)
        behind = {view.item.id}
        found: list[ItemView] = []
        for other in self.views:
            cause = other.skipped_because
            if other.state is ItemState.SKIPPED and cause:
                items = self.progress.items
                near = behind.intersection(before[other.item.id])
                if any(items[one].item.number == cause.number for one in near):
                    behind.add(other.item.id)
                    found.append(other)
        return found

    def _folds(self, phase: Phase) -> Iterator[str]:
        plan = self.progress.batch.plan
        if phase is Phase.EXPIRED:
            return
        shown = {view.item.id: look(view) for view in self.views}
        yield order_of_work(plan, self.names, {} if phase is Phase.PLANNED else shown)
        if phase not in (Phase.FINISHED, Phase.CANCELLED):
            yield details("Budget and options", "\n".join(self._budget_and_options()))

    def _budget_and_options(self) -> Iterator[str]:
        progress, situation = self.progress, self.situation
        if progress.started_at is not None:
            used = f"**{situation.used_requests:,}**"
            # What a killed process had used of a running item is not known.
            used = f"at least {used}" if progress.recovered else used
            text = f"This batch has used {used} requests"
            if needed := round(situation.needed_requests):
                text += f" and needs about **{needed:,}** more"
            yield f"{text}.{self._fits()}"
        options = spell_options(progress.batch.plan.options)
        yield f"Options: {options}"
        if situation.isolation:
            yield f"Commands run isolated: {escape_line(situation.isolation)}."

    def _fits(self) -> str:
        budget = self.situation.budget
        if budget is None:
            return ""
        text = f" It keeps **{budget.reserve:,}** back for other work"
        needed = self.situation.needed_requests
        if not needed:
            return f"{text}."
        if needed <= budget.remaining - budget.reserve:
            return f"{text}, so it fits before the reset."
        return f"{text}, so a part of it waits for the reset."

    def _footer(self, phase: Phase) -> str:
        batch = self.progress.batch
        parts = [
            f"Asked for by {link(escape_line(batch.asker.login), batch.asker.url)}"
        ]
        if phase is not Phase.STARTING:
            parts.append(f"updated {self.situation.now:%H:%M} UTC")
        if url := page_url(self.progress, self.situation):
            parts.append(link("live view", url))
        if phase is Phase.STARTING:
            parts.append(f"{code_span(f'/batch cancel {batch.id}')} stops it")
        elif phase not in (Phase.FINISHED, Phase.CANCELLED, Phase.EXPIRED):
            parts.append("reply `/batch help` for commands")
        if batch.retry_of:
            parts.append(
                f"runs again what did not succeed in {code_span(batch.retry_of)}"
            )
        if again := self.progress.retried_as:
            parts.append(f"what did not succeed runs again in {code_span(again)}")
        return f"<sub>{' · '.join(parts)}</sub>"
