"""Other repositories of an installation: whether batches may have items there.

A batch is shown in its home. Of another repository it has only what everybody may read,
for nobody can say who reads the home: whatever is private or internal is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.core.model import OPERATOR, PlanItem, Repository, Role
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.say import elsewhere as say
from bot.engine.configured import configured
from bot.errors import ConfigurationError, NotFound, PermanentError
from bot.ports.github import GitHub, RepositoryFacts


@dataclass(frozen=True, slots=True)
class Found:
    """Another repository in which a batch may have items."""

    repository: Repository
    about: RepositoryFacts
    configuration: RepositoryConfiguration


class Elsewhere:
    """Looks at the other repositories that commands and batches name."""

    def __init__(self, *, github: GitHub, allows: Callable[[str], bool]) -> None:
        self._github = github
        self._allows = allows  # whether the operator lets the bot work there

    async def look(self, home: Repository, login: str, name: str) -> Found | str:
        """Return a repository that somebody calls *name*, or why a batch of *home* can
        have none of its items: a sentence without its full stop.

        What *login* may not read is spoken of as if it did not exist. Raises
        ``TransientError``.
        """
        if _owner(name) != _owner(home.name):
            return say.of_another_installation(name)
        try:
            there = await self._github.repository_named(name)
            if there.installation_id != home.installation_id:
                return say.of_another_installation(name)
            if not self._allows(there.name):
                return say.not_allowed(name)
            about, _ = await self._github.facts(there, [])
            role = await self._role(there, login)
        except (NotFound, PermanentError):
            return say.not_installed(name)
        if about.is_private and role < Role.READ:
            return say.not_installed(name)
        if why := _closed(about, there.name):
            return why
        try:
            found = await configured(self._github, there, about)
        except ConfigurationError as error:
            return say.broken(there.name, str(error.faults[0]))
        return Found(there, about, found)

    async def why_not(
        self, home: Repository, login: str, items: Sequence[PlanItem]
    ) -> str:
        """Return why somebody may not begin some *items* of other repositories at this
        moment, if so, as a sentence without its full stop. Raises ``TransientError``.
        """
        places = {i.repository.id: i.repository for i in items}
        for id_, place in places.items():
            if id_ == home.id:
                continue
            own = [item for item in items if item.repository.id == id_]
            if why := await self._why_not_there(place, login, own):
                return why
        return ""

    async def _why_not_there(
        self, place: Repository, login: str, items: Sequence[PlanItem]
    ) -> str:
        permits = list(dict.fromkeys(item.takes for item in items if item.takes))
        try:
            about, _ = await self._github.facts(place, [])
            role = await self._role(place, login)
            needed = max((permit.role for permit in permits), default=Role.WRITE)
            if role < needed:
                role = await self._github.role(place, login, permits)
        except PermanentError:
            return say.not_installed(place.name)
        if why := _closed(about, place.name):
            return why
        if role < needed:
            return say.needs_role(place.name, needed, role)
        return ""

    async def _role(self, there: Repository, login: str) -> Role:
        if login == OPERATOR:
            return Role.ADMIN
        return await self._github.role(there, login)


def _closed(about: RepositoryFacts, name: str) -> str:
    """Return why no batch of another home has an item of a repository, if so."""
    if about.is_private:
        return say.not_public(name)
    return say.archived(name) if about.is_archived else ""


def _owner(name: str) -> str:
    return name.partition("/")[0].casefold()
