"""Other repositories of an installation: whether batches may have items there.

A batch is shown in its home, and nobody can say who reads that. Of another repository it
has what everybody may read, and else what that repository agrees to have shown there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.core.model import OPERATOR, PlanItem, Repository, Role
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.consent import Bar, bar
from bot.core.say import elsewhere as say
from bot.engine.configured import configured
from bot.errors import ConfigurationError, NotFound, PermanentError
from bot.ports.github import GitHub, Lookups, RepositoryFacts


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
            why = await self._closed(home, there, about, role)
        except (NotFound, PermanentError):
            return say.not_installed(name)
        if why:
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
            if why := await self._why_not_there(home, place, login, own):
                return why
        return ""

    async def _why_not_there(
        self,
        home: Repository,
        place: Repository,
        login: str,
        items: Sequence[PlanItem],
    ) -> str:
        permits = list(dict.fromkeys(item.takes for item in items if item.takes))
        try:
            about, _ = await self._github.facts(place, [])
            role = await self._role(place, login)
            needed = max((permit.role for permit in permits), default=Role.WRITE)
            if role < needed:
                role = await self._github.role(place, login, permits)
            why = await self._closed(home, place, about, role)
        except PermanentError:
            return say.not_installed(place.name)
        if why:
            return why
        if role < needed:
            return say.needs_role(place.name, needed, role)
        return ""

    async def _closed(
        self, home: Repository, place: Repository, about: RepositoryFacts, role: Role
    ) -> str:
        """Return why no batch of *home* has an item of a repository, if so, for somebody
        with a *role* there.
        """
        if not about.is_public and role < Role.READ:
            return say.not_installed(place.name)
        if found := await barred(self._github, home, about):
            return say.not_shown(found, place.name, home.name)
        return say.archived(place.name) if about.is_archived else ""

    async def _role(self, there: Repository, login: str) -> Role:
        if login == OPERATOR:
            return Role.ADMIN
        return await self._github.role(there, login)


async def barred(
    github: Lookups, home: Repository, about: RepositoryFacts
) -> Bar | None:
    """Return what keeps items of the repository that *about* tells of out of the threads
    of *home* at this moment, if anything. Raises ``TransientError`` and, of a home in
    which the app may not work, ``AppUnavailable``.
    """
    if about.is_public:
        return None
    try:
        at_home, _ = await github.facts(home, [])
    except NotFound:
        return Bar.TOO_PUBLIC  # nobody can say who reads it
    return bar(
        about.visibility,
        about.configuration,
        home=at_home.name or home.name,
        at_home=at_home.visibility,
    )


def _owner(name: str) -> str:
    return name.partition("/")[0].casefold()
