"""Says of a pushed ``.github/batch.yml``, as a check run, whether it fits."""

from collections.abc import Sequence

import structlog

from bot.core.command.trigger import ConfigurationPushed
from bot.core.effects import CreateCheckRun
from bot.core.plan.configuration import PATH
from bot.core.plan.schedules import RecurringCommand, Timetable
from bot.core.plan.sources import Source
from bot.core.say import configuration
from bot.core.say import schedules as say
from bot.engine.configured import proposed
from bot.engine.effects import Effects
from bot.engine.timetables import Timetables
from bot.errors import ConfigurationError, ConfigurationFault, PermanentError
from bot.ports.clock import Clock
from bot.ports.github import GitHub

log = structlog.get_logger()


class Verdicts:
    """Looks at configurations before they count."""

    def __init__(
        self, *, github: GitHub, effects: Effects, timetables: Timetables, clock: Clock
    ) -> None:
        self._github = github
        self._effects = effects
        self._timetables = timetables
        self._clock = clock

    async def give(self, pushed: ConfigurationPushed) -> None:
        """Have a check run say whether the file fits, once a commit, and when what it
        has on a schedule runs.

        Without the right to make one only the schedules are learned. Raises
        ``TransientError``.
        """
        try:
            with self._github.metered(f"configuration {pushed.sha}"):
                is_there = pushed.pusher is not None
                timetable = await self._timetables.learn(pushed) if is_there else None
                await self._give(pushed, timetable)
        except PermanentError as error:
            log.warning("configuration not looked at", error=str(error))

    async def _give(
        self, pushed: ConfigurationPushed, timetable: Timetable | None
    ) -> None:
        repository = pushed.repository
        before = pushed.updated_from
        if before and not await self._effects.is_meant(_key(pushed, before)):
            # The base brought into a pull request is no change of that one.
            return
        grants = await self._github.grants(repository.installation_id)
        if grants is not None and grants.missing((("checks",),)):
            return
        source = await self._github.proposed(
            repository, pushed.sha, number=pushed.number, base_sha=pushed.base_sha
        )
        if source is None:
            return
        follows = not pushed.is_from_fork
        faults: tuple[ConfigurationFault, ...] = ()
        if isinstance(source, Source):
            schedules: Sequence[RecurringCommand] = ()
            try:
                found = await proposed(
                    self._github, repository, source, follows=follows
                )
                schedules = found.schedules
            except ConfigurationError as error:
                faults = error.faults
            runs = self._runs(schedules, timetable)
            report = configuration.verdict(faults, follows=follows, besides=runs)
        else:
            report = configuration.gone()
        intent = CreateCheckRun(
            repository=repository,
            head_sha=pushed.sha,
            name=PATH,
            external_id=f"{PATH} {_about(pushed)}",
            report=report,
            annotations=configuration.annotations(faults),
        )
        await self._effects.perform(_key(pushed, pushed.sha), intent)

    def _runs(
        self, schedules: Sequence[RecurringCommand], timetable: Timetable | None
    ) -> str:
        """Return when what a file has on a schedule runs."""
        if not schedules:
            return ""
        now = self._clock.now()
        if timetable is None or [k.schedule for k in timetable.schedules] != [
            *schedules
        ]:
            return say.would_run(schedules, now)
        return say.runs_next(timetable, now, self._timetables.why_off(timetable))


def _key(pushed: ConfigurationPushed, sha: str) -> str:
    """Return the key of the check run of a commit."""
    return f"configuration/{pushed.repository.id}/{sha}/{_about(pushed)}"


def _about(pushed: ConfigurationPushed) -> str:
    return "alone" if pushed.is_from_fork else "whole"
