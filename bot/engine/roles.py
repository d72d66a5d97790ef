"""The role that somebody counts with where the repository says who may do what.

Whoever a permission names, by role or as the member of a team, counts as having the role
that it takes; whoever it does not name, as what GitHub says.
"""

from collections.abc import Sequence

import structlog

from bot.core.command import syntax
from bot.core.command.syntax import Command
from bot.core.model import Batch, Permit, Repository, Request, Role
from bot.engine.allowed import permits_of
from bot.engine.configured import configured
from bot.engine.reading import Reading
from bot.errors import ConfigurationError, PermanentError, TransientError
from bot.ports.github import GitHub

log = structlog.get_logger()

_OF_ENDED = (syntax.Retry, syntax.Undo)


async def lifted(
    github: GitHub,
    repository: Repository,
    login: str,
    role: Role,
    permits: Sequence[Permit],
) -> Role:
    """Return the role with which somebody counts for what takes all of *permits*.

    What cannot be asked is no. Raises ``TransientError``.
    """
    short = [one for one in permits if role < one.role]
    if not short or not all(one.teams and role >= one.least for one in short):
        return role
    try:
        return await github.role(repository, login, permits)
    except PermanentError as error:
        log.warning("teams unknown", login=login, error=str(error))
        return role


async def to_run(
    github: GitHub, request: Request, role: Role, command: Command, reading: Reading
) -> Role:
    """Return the role with which somebody counts for a command that needs no batch."""
    match command:
        case syntax.RunCommand() | syntax.Plan() | syntax.Add():
            permits = [permit for _, permit in permits_of(command, reading)]
            login = request.asker.login
            return await lifted(github, request.repository, login, role, permits)
        case syntax.Freeze() | syntax.Unfreeze():
            return await _to_control(github, request, role, command)
        case _:
            return role


async def of_batch(
    github: GitHub, request: Request, role: Role, command: Command, batch: Batch
) -> Role:
    """Return the role with which somebody counts for a command about a batch.

    Whose batch it is needs no such role, and asks for nothing.
    """
    login, repository = request.asker.login, request.repository
    counts = role
    if isinstance(command, (syntax.Start, *_OF_ENDED)):
        counts = await lifted(github, repository, login, role, batch.permits)
        if isinstance(command, syntax.Start) or counts < batch.needed_role:
            return counts
    if counts >= Role.MAINTAIN or login == batch.asker.login:
        return counts
    return max(counts, await _to_control(github, request, role, command))


async def _to_control(
    github: GitHub, request: Request, role: Role, command: Command
) -> Role:
    """Return ``MAINTAIN`` for whom the repository lets control the batches of others."""
    if not Role.WRITE <= role < Role.MAINTAIN:
        return role
    repository = request.repository
    try:
        about, _ = await github.facts(repository, [])
        permissions = (await configured(github, repository, about)).permissions
    except (ConfigurationError, PermanentError, TransientError) as error:
        log.info("permissions unknown", error=str(error))
        return role
    permit = permissions.named.get(type(command).__name__.lower())
    if permit is None:
        return role
    login = request.asker.login
    counts = await lifted(github, repository, login, role, [permit])
    return Role.MAINTAIN if counts >= permit.role else role
