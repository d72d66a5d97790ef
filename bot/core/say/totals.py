"""What a batch comes to as a whole, for its comment and its page: counts, time, budget."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.core.durations import clock, spell, spell_about, spell_option
from bot.core.model import ItemState, Options, Stage
from bot.core.run.progress import Progress
from bot.core.say.headings import Phase, phase_of
from bot.core.say.pictures import Look, tally
from bot.core.say.situation import Situation
from bot.core.world.markdown import code_span, escape_line, plural

_FINISHED_FOR_ESTIMATE = 2


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
    if options.update_method != Options().update_method:
        words.append(f"update-method:{options.update_method}")
    return " ".join(map(code_span, words))


@dataclass(frozen=True, slots=True)
class Totals:
    """The lines of figures of one batch."""

    progress: Progress
    situation: Situation

    def counts(self) -> str:
        """Return how many items are done, running, waiting …: Markdown."""
        words = []
        views = list(self.progress.items.values())
        # Work and what still waits stand before what went wrong.
        order = (Look.DONE, Look.RUNNING, Look.RETRYING, Look.WAITING)
        counts = tally(views)
        # It holds no slot, and nothing of it runs.
        parked = sum(
            view.state is ItemState.RUNNING and view.stage is Stage.PARKED
            for view in views
        )
        for one in (*order, *(other for other in counts if other not in order)):
            count = counts.get(one, 0) - (parked if one is Look.RUNNING else 0)
            if count:
                total = self.situation.slots_total
                slots = f" ({plural(total, 'slot')})" if total else ""
                suffix = slots if one is Look.RUNNING else ""
                words.append(f"**{count}** {one.word}{suffix}")
            if one is Look.RUNNING and parked:
                verb = "waits" if parked == 1 else "wait"
                words.append(f"**{parked}** {verb} for something outside")
        return " · ".join(words)

    def times(self) -> str:
        """Return how long it has taken, what is left of it, and of the budget."""
        progress, situation = self.progress, self.situation
        if progress.started_at is None:
            return ""
        if progress.ended_at is not None and not progress.state.is_live:
            return f"⏱️ took {spell(progress.ended_at - progress.started_at)}"
        if situation.stalled is not None:  # and the comment stays as it is until then
            return ""
        text = f"⏱️ {spell(situation.now - progress.started_at)} so far"
        left = self.seconds_left()
        if left is not None:
            until = clock(situation.now + timedelta(seconds=left), situation.now)
            text += f", **{spell_about(left)} left** ({until})"
        return " · ".join(filter(None, (text, self._left_of_budget())))

    def seconds_left(self) -> float | None:
        """Return how long the rest will take about, None while nobody can say."""
        progress, situation = self.progress, self.situation
        # The estimate knows neither of the budget nor of an outage, and is not true then.
        is_held = (
            progress.budget_wait_until or phase_of(progress, situation) is Phase.HELD
        )
        is_known = progress.finished >= _FINISHED_FOR_ESTIMATE and not is_held
        return situation.seconds_left if is_known and progress.state.is_live else None

    def _left_of_budget(self) -> str:
        budget = self.situation.budget
        if budget is None:
            return ""
        text = f"🔋 {budget.remaining:,} of {budget.limit:,} API requests left"
        if budget.reset_at is not None:
            text += f", resets {clock(budget.reset_at, self.situation.now)}"
        return text

    def of_budget(self) -> Iterator[str]:
        """Yield what it has used and still needs of the requests, and its options."""
        progress, situation = self.progress, self.situation
        if progress.started_at is not None:
            used = f"**{situation.used_requests:,}**"
            used = used if situation.is_counted_whole else f"at least {used}"
            text = f"This batch has used {used} requests"
            if needed := round(situation.needed_requests):
                text += f" and needs about **{needed:,}** more"
            yield f"{text}.{self._fits()}"
        options = spell_options(progress.batch.plan.options)
        yield f"Options: {options}"
        if situation.lacks_checks:
            granted = code_span("checks: write")
            yield f"No check shows it on the pull request: the app lacks {granted}."
        if situation.isolation and any(i.worker for i in progress.batch.plan.items):
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
