"""The report: what a batch came to, and what needs a person."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core.actions.table import ACTIONS, sort_of
from bot.core.durations import clock, spell
from bot.core.model import Batch, ItemSort, ItemState, Labelled
from bot.core.run.marks import taken_back_too_late
from bot.core.run.progress import ItemView, Progress, median_worked
from bot.core.run.speech import shows_progress
from bot.core.say.askers import asked_with, last_steps, on_again, what_was_read
from bot.core.say.headings import heading
from bot.core.say.messages import notes_of
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import look, squares
from bot.core.say.rows import FLAT, page_url
from bot.core.say.sentences import (
    did_not_succeed,
    fault,
    place,
    result,
    skip_sentence,
    tries,
)
from bot.core.say.situation import Situation
from bot.core.world.markdown import (
    Links,
    alert,
    code_span,
    cut,
    details,
    escape_line,
    escape_prose,
    fence,
    first_that_fits,
    join,
    link,
    paragraphs,
    plural,
)
from bot.core.world.markers import box, marker

_LOGS = 10
_LOG_LINES = 8
_LOG_WIDTH = 160
_ENDS = (
    ItemState.COMPLETED,
    ItemState.FAILED,
    ItemState.SKIPPED,
    ItemState.CANCELLED,
)
_TAKERS = 5
_SORTS = {
    ItemSort.ISSUE: "Issues",
    ItemSort.PULL_REQUEST: "Pull requests",
    ItemSort.REVIEW: "Reviews",
}
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}")


@dataclass(frozen=True, slots=True)
class _Level:
    """How much is shown. A report that is too long is written again a level lower."""

    title: int  # width of titles; 0: numbers only
    words: int  # width of reasons and results
    needs: int  # rows of *Needs you*
    rows: int  # of all folded lists together; 0: counts only
    logs: int  # failures whose last lines are shown


_LEVELS = (
    _Level(title=72, words=120, needs=500, rows=500, logs=_LOGS),
    _Level(title=48, words=80, needs=500, rows=500, logs=_LOGS),
    _Level(title=32, words=60, needs=500, rows=500, logs=5),
    _Level(title=0, words=40, needs=300, rows=500, logs=3),
    _Level(title=0, words=32, needs=100, rows=300, logs=3),
    _Level(title=0, words=32, needs=100, rows=0, logs=0),
    _Level(title=0, words=32, needs=25, rows=0, logs=0),
)


def render_report(progress: Progress, situation: Situation) -> str:
    """Return the body of the report, of at most ``BODY_LIMIT`` units.

    It mentions who asked for the batch, and nobody else.
    """
    names = names_of(progress)
    bodies = (_Report(progress, situation, names, level).body() for level in _LEVELS)
    return first_that_fits(bodies)


def render_elsewhere(report: str, batch: Batch, *, why: str) -> str:
    """Return a report that is posted on an item, for its own thread does not take it."""
    first, _, rest = report.partition("\n")
    links = Links.beside(batch.repository.name, batch.asker.url)
    note = (
        f"This report is for {links.item(batch.thread)}, where GitHub lets me write"
        f" nothing: {escape_line(why, 200)}"
    )
    return paragraphs(f"{first}\n{alert('NOTE', [note])}", rest)


def _done_of(views: Sequence[ItemView]) -> str:
    """Return ``2 of 3 done · 1 failed``."""
    counts = Counter(view.state for view in views)
    done = f"{counts.pop(ItemState.COMPLETED, 0)} of {len(views)} done"
    rest = (f"{counts[state]} {state}" for state in ItemState if counts[state])
    return " · ".join([done, *rest])


@dataclass(frozen=True, slots=True)
class _Report:
    """One report at one level."""

    progress: Progress
    situation: Situation
    names: Names
    level: _Level

    def body(self) -> str:
        first = marker("report", self.progress.batch.id, self.situation.marker_key)
        return f"{first}\n" + paragraphs(
            f"### {heading(self.progress, self.situation)}",
            squares(self.progress),
            self._places(),
            self._results(),
            self._cut_short(),
            *self._needs_you(),
            self._times(),
            self._too_late(),
            notes_of(self.progress) if self.level.title else "",
            self._logs("Last lines of the logs", ItemState.FAILED),
            *(() if self._is_flat else self._folds()),
            self._logs("Last lines of what was done", ItemState.COMPLETED),
            self._vain(),
            self._cancelled(),
            details("Figures", paragraphs(self._totals(), *self._other_requests())),
            self._footer(),
        )

    @property
    def links(self) -> Links:
        return self.names.links

    @property
    def views(self) -> Sequence[ItemView]:
        return list(self.progress.items.values())

    def _by_action(self) -> Mapping[str, Sequence[ItemView]]:
        """Return the items per title of their action, in the order of the titles."""
        found: dict[str, list[ItemView]] = {}
        for view in self.views:
            name = view.item.action.name
            spec = ACTIONS.get(name)
            title = spec.words.done if spec else f"{escape_line(name, 40)} done"
            found.setdefault(title, []).append(view)
        known = {
            title: place
            for place, title in enumerate(s.words.done for s in ACTIONS.values())
        }
        return dict(sorted(found.items(), key=lambda it: known.get(it[0], len(known))))

    @property
    def _is_flat(self) -> bool:
        return len(self.progress.items) <= FLAT

    def _places(self) -> str:
        """Return what came of each repository's items, if they are of several."""
        found: dict[str, list[ItemView]] = {}
        for item in self.progress.batch.plan.items:
            view = self.progress.items[item.id]
            found.setdefault(item.repository.name, []).append(view)
        if len(found) == 1:
            return ""
        return "\n".join(
            f"- **{escape_line(name, 100)}:** {_done_of(views)}"
            for name, views in found.items()
        )

    def _results(self) -> str:
        """Return what came of each item that is done, or had nothing to be done to, to be
        seen without a click.
        """
        if not self._is_flat:
            return ""
        return "\n".join(
            f"- {look(view).icon} {self._result(view)}"
            for view in self.views
            if view.state is ItemState.COMPLETED or view.opened_nothing
        )

    def _result(self, view: ItemView) -> str:
        name = self.names.plain(view.item.id)
        if view.opened_nothing:
            return f"{name} — skipped, {skip_sentence(view, self.links)}"
        assert view.outcome is not None
        spent = f" · {spell(view.worked)}" if view.attempt else ""
        again = f" ({view.tries} tries)" if view.tries > 1 else ""
        return f"{name} — {result(view.outcome, self.level.words)}{spent}{again}"

    # --- totals ----------------------------------------------------------------

    def _totals(self) -> str:
        """Return a line of figures per action, and per kind of item if there are several
        that are not one action's; a table of them is wider than a phone.
        """
        kinds = dict(self._by_action())
        sorts: dict[ItemSort, list[ItemView]] = {}
        for view in self.views:
            sorts.setdefault(sort_of(view.item), []).append(view)
        named = {_SORTS[one]: sorts[one] for one in ItemSort if one in sorts}
        for title, views in [*named.items(), ("All items", self.views)]:
            if views not in kinds.values():
                kinds[title] = views
        return "\n".join(f"- **{one}:** {_sums(views)}" for one, views in kinds.items())

    def _times(self) -> str:
        progress = self.progress
        worked = sum((view.worked for view in self.views), timedelta())
        parts = []
        if progress.started_at and progress.ended_at:
            slots = plural(progress.batch.plan.options.concurrency, "slot")
            took = spell(progress.ended_at - progress.started_at)
            parts.append(f"Took **{took}** with {slots} ({spell(worked)} of work)")
        parts.append(f"**{self._all_requests()}**")
        if progress.retries:
            parts.append(plural(progress.retries, "retry", "retries"))
        if progress.budget_waited:
            waited = spell(progress.budget_waited)
            parts.append(f"waited {waited} for the API budget")
        isolations = {v.outcome.isolation for v in self.views if v.outcome}
        if named := sorted(escape_line(one, 40) for one in isolations if one):
            parts.append(f"commands ran isolated: {join(named)}")
        return " · ".join(parts)

    def _other_requests(self) -> Iterator[str]:
        """Yield why the items' requests add up to less than the batch's, and theirs to
        less than all.
        """
        theirs = sum(view.requests for view in self.views)
        has_progress = shows_progress(self.progress)
        causes = [f"reading {what_was_read(self.progress.batch)}"]
        if has_progress:
            causes.append("the comments before this one")
        causes.append("looking at what others do meanwhile")
        if (others := self.situation.used_requests - theirs) > 0:
            yield f"The other {plural(others, 'API request')}: {join(causes)}."
        if not self.progress.report_url:  # else it is written again, later
            steps = last_steps(self.progress.batch, shows_progress=has_progress)
            verb = "come" if " and " in steps else "comes"
            yield f"API requests are counted up to this report: {steps} {verb} on top."

    def _all_requests(self) -> str:
        """Return what the batch has caused up to now: its command, items and comments."""
        used = plural(self.situation.used_requests, "API request")
        return used if self.situation.is_counted_whole else f"at least {used}"

    def _too_late(self) -> str:
        """Return which labels and requests were taken back in vain, and by whom."""
        is_labelled = isinstance(self.progress.batch.request.origin, Labelled)
        what, off = (
            ("label", "off") if is_labelled else ("request for a review", "back")
        )
        late = list(taken_back_too_late(self.progress).items())[:_TAKERS]
        return "\n".join(
            f"{escape_line(by)} took the {what} of {self.names.list(items)} {off} too"
            " late to stop that."
            for by, items in late
        )

    def _cut_short(self) -> str:
        """Return how what nobody cancelled, and yet did not run, can be run."""
        if self.progress.cause is None:
            return ""
        again = code_span(f"/batch retry {self.progress.batch.id}")
        return f"Nobody asked for that end. {again} starts what did not run."

    # --- what needs a person ---------------------------------------------------

    def _unsuccessful(self) -> Sequence[ItemView]:
        """Return what a person may want to run again, failures first."""
        order = (ItemState.FAILED, ItemState.SKIPPED)
        able = [view for view in self.views if did_not_succeed(view)]
        return [view for state in order for view in able if view.state is state]

    def _needs_you(self) -> Iterator[str]:
        views = self._unsuccessful()
        if not views:
            return
        shown = views[: self.level.needs]
        yield "#### Needs you"
        yield "\n".join(map(self._need, shown))
        if more := views[len(shown) :]:
            yield f"and {', '.join(self.names.plain(view.item.id) for view in more)}"
        again = code_span(f"/batch retry {self.progress.batch.id}")
        count = sum(map(did_not_succeed, self.views))
        what = "it" if count == 1 else f"all {count}"
        retry = f"Tick one to run it again, or reply {again} for {what}."
        yield " ".join(filter(None, (retry, on_again(self.progress.batch))))

    def _need(self, view: ItemView) -> str:
        title = (
            escape_prose(view.item.title, self.level.title) if self.level.title else ""
        )
        name = f"{look(view).icon} {self.names.link(view.item.id)} {title}".rstrip()
        text = f"Retry {name} — {self._why(view)}"
        return box("retry", view.item.id, text=text)

    def _why(self, view: ItemView) -> str:
        if view.state is ItemState.SKIPPED:
            return skip_sentence(view, self.links)
        count = f" ({tries(view)})" if view.tries > 1 else ""
        where = place(view) if self.level.title else ""
        text = f"{fault(view, self.level.words)}{count}{where}"
        if url := page_url(self.progress, self.situation, view.item.id):
            text += f" · {link('log', url)}"
        return text + (f"\n  {self._advice(view)}" if self.level.title else "")

    def _advice(self, view: ItemView) -> str:
        assert view.outcome is not None
        helps = view.outcome.retry_helps
        retry = "A retry may help." if helps else "A retry alone will not help."
        advice = escape_prose(view.outcome.advice, 200)
        return f"→ {advice} {retry}" if advice else f"→ {retry}"

    def _logs(self, summary: str, state: ItemState) -> str:
        tails = [
            (view, view.outcome.log_tail)
            for view in self.views
            if view.state is state and view.outcome and view.outcome.log_tail
        ]
        shown = tails[: self.level.logs]
        if not shown:
            return ""
        blocks = [
            f"{self.names.link(view.item.id)}\n\n{fence(_tail(lines))}"
            for view, lines in shown
        ]
        of_all = f" ({len(shown)} of {len(tails)})" if len(shown) < len(tails) else ""
        return details(summary + of_all, "\n\n".join(blocks))

    # --- what is done ----------------------------------------------------------

    def _folds(self) -> Iterator[str]:
        left = self.level.rows
        for title, views in self._by_action().items():
            done = [view for view in views if view.state is ItemState.COMPLETED]
            if not done:
                continue
            shown = done[:left]
            left -= len(shown)
            if not shown:
                yield f"**{title}: {len(done)}**"
                continue
            more = len(done) - len(shown)
            rest = f"and {more} more" if more else ""
            rows = "\n".join(f"- {self._result(view)}" for view in shown)
            yield details(f"{title}: {len(done)}", paragraphs(rows, rest))

    def _vain(self) -> str:
        """Return the many items that had nothing to be done to."""
        vain = [view for view in self.views if view.opened_nothing]
        if not vain or self._is_flat:
            return ""
        numbers = ", ".join(self.names.plain(view.item.id) for view in vain)
        return details(f"Skipped, no pull request was opened: {len(vain)}", numbers)

    def _cancelled(self) -> str:
        views = [view for view in self.views if view.state is ItemState.CANCELLED]
        if not views:
            return ""
        numbers = ", ".join(self.names.plain(view.item.id) for view in views)
        left = [
            f"{self.names.plain(view.item.id)}: {escape_prose(view.kept, 120)}"
            for view in views
            if view.kept
        ]
        lines = "\n".join(f"- {one}" for one in left[: self.level.needs])
        return details(f"Cancelled: {len(views)}", paragraphs(numbers, lines))

    def _footer(self) -> str:
        progress, now = self.progress, self.situation.now
        asker = progress.batch.asker
        can_mention = _LOGIN.fullmatch(asker.login)
        who = f"@{asker.login}" if can_mention else escape_line(asker.login)
        parts = [f"Asked for by {who} {asked_with(progress.batch, self.links)}"]
        if url := page_url(progress, self.situation):
            parts.append(link("full report", url))
        if progress.started_at and progress.ended_at:
            began, ended = (
                clock(progress.started_at, now),
                clock(progress.ended_at, now),
            )
            parts.append(f"started {began}, finished {ended}")
        if progress.tracking_url:
            parts.append(link("progress comment", progress.tracking_url))
        if progress.batch.undo_of:
            parts.append(f"took back what {code_span(progress.batch.undo_of)} did")
        undoing = dict.fromkeys(progress.undone.values())
        parts.extend(f"taken back by {code_span(undo)}" for undo in undoing)
        if progress.batch.retry_of:
            again = code_span(progress.batch.retry_of)
            parts.append(f"ran again what did not succeed in {again}")
        return f"<sub>{' · '.join(parts)}</sub>"


def _sums(views: Sequence[ItemView]) -> str:
    counts = [(end, sum(view.state is end for view in views)) for end in _ENDS]
    said = [f"{count:,} {end.value}" for end, count in counts[1:] if count]
    median = median_worked(views)
    took = f"median time {spell(median)}" if median is not None else ""
    requests = plural(sum(view.requests for view in views), "API request")
    done = f"{counts[0][1]:,} of {len(views):,} done"
    return ", ".join([done, *said]) + " · " + " · ".join(filter(None, (took, requests)))


def _tail(lines: Sequence[str]) -> Sequence[str]:
    return [cut(line, _LOG_WIDTH) for line in lines[-_LOG_LINES:]]
