"""Says of a pushed ``.github/batch.yml``, as a check run, whether it fits."""

import structlog

from bot.core.command.trigger import ConfigurationPushed
from bot.core.effects import CreateCheckRun
from bot.core.plan.configuration import PATH
from bot.core.plan.sources import Source
from bot.core.say import configuration
from bot.engine.configured import proposed
from bot.engine.effects import Effects
from bot.errors import ConfigurationError, ConfigurationFault, PermanentError
from bot.ports.github import GitHub

log = structlog.get_logger()


class Verdicts:
    """Looks at configurations before they count."""

    def __init__(self, *, github: GitHub, effects: Effects) -> None:
        self._github = github
        self._effects = effects

    async def give(self, pushed: ConfigurationPushed) -> None:
        """Have a check run say whether the file fits, once a commit.

        Without the right to make one nothing is done. Raises ``TransientError``.
        """
        try:
            with self._github.metered(f"configuration {pushed.sha}"):
                await self._give(pushed)
        except PermanentError as error:
            log.warning("configuration not looked at", error=str(error))

    async def _give(self, pushed: ConfigurationPushed) -> None:
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
            try:
                await proposed(self._github, repository, source, follows=follows)
            except ConfigurationError as error:
                faults = error.faults
            report = configuration.verdict(faults, follows=follows)
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


def _key(pushed: ConfigurationPushed, sha: str) -> str:
    """Return the key of the check run of a commit."""
    return f"configuration/{pushed.repository.id}/{sha}/{_about(pushed)}"


def _about(pushed: ConfigurationPushed) -> str:
    return "alone" if pushed.is_from_fork else "whole"
