"""Boxes that people tick in the comments of the bot, buttons beside its check runs."""

import re
from collections.abc import Sequence
from hashlib import sha256

from structlog.contextvars import bound_contextvars

from bot.core.command import syntax
from bot.core.command.syntax import Control
from bot.core.command.trigger import BoxesTicked, ButtonPressed
from bot.core.model import (
    Asker,
    Batch,
    BatchId,
    Box,
    Button,
    ItemId,
    ItemNumber,
    Request,
    Role,
    source_of,
)
from bot.core.say.checks import RETRY
from bot.core.world.markers import BoxKey, parse_marker, ticked
from bot.engine import roles
from bot.engine.controls import Controls
from bot.engine.situation import Situations
from bot.engine.starts import Starts
from bot.engine.tracker import Tracker
from bot.errors import PermanentError
from bot.ports.github import GitHub
from bot.ports.store import Batches

_NAME = re.compile(r"[0-9]{1,18}|[a-z0-9][a-z0-9-]*")


class Boxes:
    """Carries out what was ticked, and draws the comment again."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        situations: Situations,
        tracker: Tracker,
        starts: Starts,
        controls: Controls,
        marker_key: bytes,
    ) -> None:
        self._github = github
        self._batches = batches
        self._situations = situations
        self._tracker = tracker
        self._starts = starts
        self._controls = controls
        self._marker_key = marker_key

    async def carry_out(self, edited: BoxesTicked) -> str:
        """Carry out the boxes that a person ticked in one of the bot's own comments.

        Whatever was ticked or written there, the comment is drawn again.
        """
        boxes = ticked(edited.old_body, edited.new_body)
        named = parse_marker(edited.old_body, self._marker_key)
        if named is None:
            return "ignored: not the bot's comment"
        kind, name = named
        batch = await self._batch_of_comment(edited, kind, name)
        if batch is None:
            return "ignored: no batch"
        outcomes = [await self._box(edited, batch, box) for box in boxes]
        if kind == "tracking":
            with bound_contextvars(batch=batch.id):
                await self._tracker.redraw(batch.id)
        return ", ".join(outcomes) or "redrawn"

    async def press(self, pressed: ButtonPressed) -> str:
        """Carry out a button of the check run that shows a batch, or its being run again:
        both try again what did not succeed.
        """
        batch = await self._batches.load(BatchId(pressed.external_id))
        if batch is None or batch.repository.id != pressed.repository.id:
            return "ignored: no batch"
        progress = await self._situations.progress(batch.id)
        if progress.check_run_id != pressed.check_run_id:
            return "ignored: the batch is shown elsewhere"
        if pressed.button not in ("", RETRY):
            return "ignored: unknown button"
        request = self._request(batch, pressed, Button(pressed.check_run_id, RETRY))
        with bound_contextvars(batch=batch.id), self._github.metered(request.source):
            return await self._ticked(request, batch, syntax.Retry(batch.id))

    async def _batch_of_comment(
        self, edited: BoxesTicked, kind: str, name: str
    ) -> Batch | None:
        if kind == "plan":
            batch = await self._batches.by_source(source_of(name))
        else:
            batch = await self._batches.load(BatchId(name))
        if batch is None or batch.repository.id != edited.repository.id:
            return None
        if kind == "tracking":
            progress = await self._situations.progress(batch.id)
            if progress.tracking_comment_id != edited.comment_id:
                return None
        return batch

    async def _box(self, edited: BoxesTicked, batch: Batch, box: BoxKey) -> str:
        verb, arguments = box
        command = command_of(verb, arguments, batch.id)
        if command is None:
            return "ignored: unknown box"
        # The same edit delivered again is the same wish; a later tick is a new one.
        edit = sha256((edited.old_body + edited.new_body).encode()).hexdigest()[:16]
        request = self._request(batch, edited, Box(edited.comment_id, verb, edit))
        with self._github.metered(request.source):
            return await self._ticked(request, batch, command)

    def _request(
        self, batch: Batch, done: BoxesTicked | ButtonPressed, origin: Box | Button
    ) -> Request:
        return Request(
            repository=done.repository,
            thread=batch.thread,
            thread_is_pull_request=batch.request.thread_is_pull_request,
            asker=Asker(done.sender.login, batch.asker.url),
            origin=origin,
        )

    async def _ticked(
        self, request: Request, batch: Batch, command: Control | syntax.Start
    ) -> str:
        try:
            role = await self._github.role(request.repository, request.asker.login)
        except PermanentError:
            return "refused: GitHub did not say which role"
        if role < Role.WRITE:  # who may edit comments of others
            return "refused: role"
        role = await roles.of_batch(self._github, request, role, command, batch)
        if isinstance(command, syntax.Start):
            return await self._starts.start(request, batch.id, role)
        return await self._controls.control(request, batch, command, role)


def command_of(
    verb: str, arguments: Sequence[str], batch_id: BatchId
) -> Control | syntax.Start | None:
    """Return the command that a box stands for, None for a forged one."""
    if not all(map(_NAME.fullmatch, arguments)) and verb != "start":
        return None
    items = tuple(ItemNumber(int(a)) if a.isdecimal() else ItemId(a) for a in arguments)
    match verb:
        case "start":
            return syntax.Start(batch_id)
        case "pause":
            return syntax.Pause(batch_id)
        case "resume":
            return syntax.Resume(batch_id)
        case "cancel":
            return syntax.Cancel(batch_id, items)
        case "retry":
            return syntax.Retry(batch_id, items)
        case "undo":
            return syntax.Undo(batch_id, items)
        case "skip" if items:
            return syntax.Skip(batch_id, items)
        case _:
            return None
