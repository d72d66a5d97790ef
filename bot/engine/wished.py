"""Controls that the operator of this server types, or that people use on the bot's pages,
dealt with in turn as deliveries are.

A wish is kept on disk with what GitHub delivers, and waits in the lane of its
repository: it is done once, also if the bot is killed meanwhile, and never beside a
command of a comment that wants the same.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from bot.core.command.faults import Unreadable
from bot.core.command.parser import parse_comment
from bot.core.command.syntax import Control, Start
from bot.core.command.trigger import OPERATOR_EVENT, OperatorWished
from bot.core.model import (
    OPERATOR,
    Asker,
    Batch,
    BatchId,
    Operator,
    Page,
    Request,
    Role,
)
from bot.core.say import declines
from bot.core.say.controls import has_begun
from bot.engine import roles
from bot.engine.boxes import command_of
from bot.engine.controls import Controls
from bot.engine.operator import Told, refused
from bot.engine.replies import Replies
from bot.engine.situation import Situations
from bot.engine.starts import Starts
from bot.errors import PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.github import GitHub
from bot.ports.people import Account
from bot.ports.store import Batches, Delivery

ANSWER_SECONDS = 40.0
"""How long a terminal, or a browser, is kept waiting for the turn of its wish."""


class Wished:
    """Takes controls in that no comment asks for, and carries them out in their turn."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        controls: Controls,
        starts: Starts,
        replies: Replies,
        situations: Situations,
        clock: Clock,
    ) -> None:
        self._github = github
        self._batches = batches
        self._controls = controls
        self._starts = starts
        self._replies = replies
        self._situations = situations
        self._clock = clock
        self._terminals: dict[str, asyncio.Future[Told]] = {}

    async def ask(
        self,
        verb: str,
        batch_id: BatchId,
        names: Sequence[str],
        add: Callable[[Delivery], Awaitable[bool]],
        *,
        by: Account | None = None,
        form: str = "",
    ) -> Told:
        """Have a control of a batch carried out; return what became of it, or that it
        waits. *add* puts it into the inbox.

        It is the operator's, unless *by* says who sent which *form* of a page: each is
        taken once, however often it is sent. Raises ``StoreUnavailable``, and what carrying it out does.
        """
        batch = await self._batches.load(batch_id)
        if batch is None:
            return Told("refused: no such batch", declines.nowhere(batch_id))
        wish, repository = form or uuid4().hex, batch.repository
        body = {
            "repository": {"id": repository.id, "full_name": repository.name},
            "installation": {"id": repository.installation_id},
            "batch": batch_id,
            "command": " ".join(("/batch", verb, batch_id, *names)),
            "wish": wish,
            "form": form,
            **({"by": {"login": by.login, "id": by.id}} if by else {}),
        }
        if wish in self._terminals:
            return Told("sent before", declines.sent_before())
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._terminals[wish] = told
        late = asyncio.ensure_future(self._clock.sleep(ANSWER_SECONDS))
        try:
            now = self._clock.now()
            guid = f"page-{wish}" if form else wish
            delivery = Delivery(guid, OPERATOR_EVENT, now, json.dumps(body).encode())
            if not await add(delivery):
                return Told("sent before", declines.sent_before())
            either: set[asyncio.Future[Any]] = {told, late}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                told.set_result(Told("waiting", declines.waits_its_turn(batch_id)))
            return await told
        finally:
            late.cancel()
            del self._terminals[wish]

    async def carry_out(self, wished: OperatorWished) -> str:
        """Carry out a wish whose turn it is, once; return what became of it.

        Raises ``TransientError`` if GitHub has to be asked and does not answer.
        """
        terminal = self._terminals.get(wished.wish)
        answers = terminal is not None and not terminal.done()
        try:
            told = await self._carry_out(wished)
        except TransientError as error:
            if terminal and answers:
                said = declines.waits_for(wished.batch_id, str(error))
                terminal.set_result(Told("waiting", said))
            raise
        except Exception as error:
            if terminal and answers:
                terminal.set_exception(error)
            raise
        if terminal and answers:
            terminal.set_result(told)
        return told.outcome

    def unsaid(self, wished: OperatorWished) -> asyncio.Task[object] | None:
        """Return what still tells the thread of a wish that was carried out, if anything
        does. A wish that is settled before would leave nobody to tell it after a crash.
        """
        return self._replies.unsaid(str(_origin(wished)))

    async def _carry_out(self, wished: OperatorWished) -> Told:
        batch = await self._batches.load(wished.batch_id)
        if batch is None:
            return Told("refused: no such batch", declines.nowhere(wished.batch_id))
        command = _command(wished)
        if isinstance(command, Unreadable):
            return refused(command)
        if command is None:
            return Told("refused: no control", declines.no_control())
        request = _request(wished, batch)
        with self._github.metered(request.source):
            role = await self._role(wished, request, command, batch)
            if role < Role.TRIAGE:
                return Told("refused: role", declines.needs_role(Role.TRIAGE))
            if isinstance(command, Start):
                outcome = await self._starts.start(request, batch.id, role)
            else:
                outcome = await self._controls.control(request, batch, command, role)
        said = self._replies.told_apart(request)
        if not said and outcome.startswith("batch "):
            where = f"{batch.repository.name}#{batch.thread}"
            said = has_begun(outcome.removeprefix("batch "), where)
        # What changed nothing says so, and is no more than a refusal here.
        progress = await self._situations.progress(batch.id)
        is_new = outcome.startswith("batch ") or request.source in progress.controls
        if outcome.startswith("refused") or is_new:
            return Told(outcome, said)
        return Told(f"refused: {outcome}", said)

    async def _role(
        self,
        wished: OperatorWished,
        request: Request,
        command: Control | Start,
        batch: Batch,
    ) -> Role:
        """Return the role with which somebody counts, as for a command of a comment."""
        if not wished.by_login:
            return Role.ADMIN
        account = Account(wished.by_id, wished.by_login)
        try:
            role = await self._github.role_of(request.repository, account)
        except PermanentError:
            return Role.NONE
        if role < Role.TRIAGE:
            return role
        return await roles.of_batch(self._github, request, role, command, batch)


def _command(wished: OperatorWished) -> Control | Start | Unreadable | None:
    """Return what is asked for; None if that is no control of a batch.

    Forms name items by their places, which people do not type.
    """
    _, verb, batch_id, *names = wished.command.split()
    if wished.form:
        return command_of(verb, names, BatchId(batch_id))
    match parse_comment(wished.command):
        case Unreadable() as unreadable:
            return unreadable
        case (command,) if isinstance(command, Control):
            return command
        case _:
            return None


def _request(wished: OperatorWished, batch: Batch) -> Request:
    login = wished.by_login
    return Request(
        repository=batch.repository,
        thread=batch.thread,
        thread_is_pull_request=batch.request.thread_is_pull_request,
        asker=Asker(login or OPERATOR, batch.asker.url),
        origin=_origin(wished),
    )


def _origin(wished: OperatorWished) -> Page | Operator:
    return Page(wished.wish) if wished.by_login else Operator(wished.wish)
