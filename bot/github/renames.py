"""Repositories that have another name by now: where requests for the old one go."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from cachetools import LRUCache
from yarl import URL

from bot.core.say.problems.github import MovedAway
from bot.core.world.answers import Astray, Failure, error_of
from bot.errors import BotError, NotFound


class Renames:
    """The new names of one installation's repositories, learned from redirects."""

    def __init__(self, base_url: str, get: Callable[[str], Awaitable[Any]]) -> None:
        self._base_url = base_url
        self._get = get
        self._names: LRUCache[str, str] = LRUCache(maxsize=1024)  # old to new

    def forget(self, name: str) -> None:
        """Send what is for *name* there again: a repository has it at present."""
        self._names.pop(name.lower(), None)

    async def redirected(self, url: str, location: str) -> str:
        """Return where to send a request that was answered with a redirect.

        GitHub answers for the old name of a repository with its id, and just so for a
        single issue that was moved to another repository. Only what the repository's
        own address says tells them apart; its new name is remembered.
        """
        old = self._repository_in(url)
        found = re.search(r"/repositories/(\d+)(?=/|\?|$)", location)
        address = f"{self._base_url}/repos/{old}"
        try:
            target = str(URL(url, encoded=True).join(URL(location, encoded=True)))
        except ValueError as error:
            raise not_followed(Astray.NOWHERE) from error
        if old is None or found is None or url == address:
            return target
        repository = await self._get(address)
        if int(repository["id"]) != int(found[1]):
            raise NotFound(MovedAway(old), status=301)
        new = str(repository["full_name"])
        if new.lower() == old.lower():
            return target
        for name, now in [*self._names.items(), (old.lower(), old)]:
            if now.lower() == old.lower():
                self._names[name] = new
        return self.renamed(url)

    def renamed(self, url: str) -> str:
        """Return the address under the name that the repository has by now."""
        old = self._repository_in(url)
        new = old and self._names.get(old.lower())
        if not (old and new):
            return url
        prefix = f"{self._base_url}/repos/"
        return prefix + new + url.removeprefix(prefix + old)

    def _repository_in(self, url: str) -> str | None:
        prefix = re.escape(f"{self._base_url}/repos/")
        match = re.match(rf"{prefix}([^/?]+/[^/?]+)", url)
        return match and match[1]


def not_followed(where: Astray) -> BotError:
    """Return the error of a redirect that leads nowhere."""
    return error_of(Failure.MOVED, is_change=False, said=where, status=301)
