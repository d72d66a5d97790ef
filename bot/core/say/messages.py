"""What the tracking comment says above its items: what to know, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.core.durations import clock
from bot.core.model import ItemState
from bot.core.run.progress import Progress
from bot.core.say.askers import began_by
from bot.core.say.deeds import deeds
from bot.core.say.headings import Phase
from bot.core.say.names import Names
from bot.core.say.sentences import (
    read_as,
)
from bot.core.say.situation import Situation
from bot.core.world.markdown import (
    alert,
    code_span,
    escape_line,
    plural,
)

_NOTES = 12


def notes_of(progress: Progress) -> str:
    """Return how the command was read, if there is anything to say about that."""
    notes = progress.batch.plan.notes
    if not notes:
        return ""
    more = len(notes) - _NOTES
    rest = [f"{plural(more, 'more note')}."] if more > 0 else []
    return alert("NOTE", [*notes[:_NOTES], *rest])


@dataclass(frozen=True)
class Messages:
    """What there is to say of a batch as a whole."""

    progress: Progress
    situation: Situation
    names: Names

    def parts(self, phase: Phase, *, with_notes: bool) -> Iterator[str]:
        """Yield what there is to say, how the command was read last."""
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
        if phase is Phase.HELD:
            yield (
                "Nothing of it starts meanwhile; it goes on by itself afterwards, and"
                " nothing is lost."
            )
        if phase is Phase.STALLED:
            yield self.ways_out()
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
            links = self.names.links
            began = began_by(progress.batch, links)
            read = f"**Read as:** {what} — {read_as(plan, links, when=when)}"
            yield f"{read}. {began}" if began else read
        if with_notes and phase is not Phase.EXPIRED:
            yield notes_of(self.progress)

    def ways_out(self) -> str:
        """Return what can be done about a batch that only waits."""
        waits = self.situation.stalled
        assert waits is not None
        name = self.progress.batch.id
        said = ["Nothing can run until then; it goes on by itself."]
        if waits.outside:
            shown = self.names.list_references(waits.references)
            verb = "is" if len(waits.references) == 1 else "are"
            first = next(iter(waits.outside))
            skip = code_span(f"/batch skip {first}")
            said = [
                f"Nothing can run until {shown} {verb} closed as completed, or merged;"
                " then it goes on by itself.",
                f"{skip} leaves {self.names.link(first)} out, and what waits for it.",
            ]
        if waits.parked:
            first, says = next(iter(waits.parked.items()))
            cancel = code_span(f"/batch cancel {name} {first}")
            said.append(
                f"{self.names.link(first)} waits for {escape_line(says, 200)}: see to"
                f" that there, or {cancel} leaves it out, and what waits for it."
            )
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
