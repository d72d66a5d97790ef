"""How this machine stands: the isolation, git, the operator's commands, what is left."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from bot.core.say import findings
from bot.host.folders import Folders
from bot.host.git import Git
from bot.host.isolation import Isolation
from bot.host.programs import trail_of
from bot.ports.examined import Finding, State


class HostExamined:
    """Looks at what commands and git need.

    *path* is the ``PATH`` that commands get; *doubts*, found at the start, are what
    they may miss.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        isolation: Isolation,
        git: Git,
        commands: Mapping[str, tuple[str, ...]],
        path: str,
        doubts: Sequence[str] = (),
    ) -> None:
        self._isolation = isolation
        self._folders = folders
        self._git = git
        self._git_works = False
        self._commands = commands
        self._path = path
        self._doubts = doubts

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        how = findings.isolated(self._isolation.name, self._isolation.notes)
        return [
            Finding("isolation", State.FINE, *how),
            await self._of_git(),
            *await asyncio.to_thread(lambda: list(self._of_files())),
        ]

    async def _of_git(self) -> Finding:
        """Ask git for its version until it is there and new enough."""
        fault = None if self._git_works else await self._git.fault()
        self._git_works = fault is None
        if fault is not None:
            return Finding("git", State.BROKEN, *findings.told(fault))
        return Finding("git", State.FINE, *findings.git_works())

    def _of_files(self) -> Iterator[Finding]:
        yield from self._of_commands()
        if left := self._folders.left_aside():
            yield Finding("workspaces", State.NOTE, *findings.left_aside(left))

    def _of_commands(self) -> Iterator[Finding]:
        trails = {n: trail_of(argv, self._path) for n, argv in self._commands.items()}
        gone = [(name, fault) for name, one in trails.items() for fault in one.faults]
        for name, fault in gone:
            words = findings.program_gone(name, fault)
            yield Finding("commands", State.NOTE, *words)
        if not gone:
            found = {
                name: str(one.programs[0]) if one.programs else self._commands[name][0]
                for name, one in trails.items()
            }
            words = findings.programs_work(found)
            yield Finding("commands", State.FINE, *words)
        for doubt in self._doubts:
            yield Finding("commands", State.NOTE, doubt)
