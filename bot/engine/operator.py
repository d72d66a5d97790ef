"""What the operator of this server asks for from its command line."""

from dataclasses import dataclass

from structlog.contextvars import bound_contextvars

from bot.core.command import syntax
from bot.core.command.faults import Refusal, Unreadable
from bot.core.command.syntax import Control, RunCommand
from bot.core.model import (
    OPERATOR,
    Asker,
    BatchId,
    ItemNumber,
    Operator,
    Request,
    Role,
)
from bot.core.run.progress import Progress
from bot.core.say import declines
from bot.core.say.refusals import render_refusal
from bot.core.say.situation import Situation
from bot.core.world.markdown import Links
from bot.engine.batches import NewBatches
from bot.engine.controls import Controls
from bot.engine.reading import Reader
from bot.engine.replies import Replies
from bot.engine.situation import Situations
from bot.errors import NotFound
from bot.ports.github import GitHub
from bot.ports.store import Batches


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a wish, in a few words, and what is said of it: Markdown."""

    outcome: str
    said: str

    @property
    def is_refused(self) -> bool:
        """Whether nothing was done."""
        return self.outcome.startswith("refused")


class OperatorDesk:
    """Carries out what the operator wants, by the same ways as for everybody else."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        reader: Reader,
        new_batches: NewBatches,
        controls: Controls,
        replies: Replies,
        situations: Situations,
    ) -> None:
        self._github = github
        self._batches = batches
        self._reader = reader
        self._new_batches = new_batches
        self._controls = controls
        self._replies = replies
        self._situations = situations

    async def control(self, batch_id: BatchId, command: Control, wish: str) -> Told:
        """Carry out a control of a batch, once for each *wish*.

        Raises ``TransientError`` if GitHub has to be asked and does not answer.
        """
        batch = await self._batches.load(batch_id)
        if batch is None:
            return Told("refused: no such batch", declines.nowhere(batch_id))
        request = Request(
            repository=batch.repository,
            thread=batch.thread,
            thread_is_pull_request=batch.request.thread_is_pull_request,
            asker=Asker(OPERATOR, batch.asker.url),
            origin=Operator(wish),
        )
        with (
            bound_contextvars(source=request.reply, repository=batch.repository.name),
            self._github.metered(request.source),
        ):
            outcome = await self._controls.control(request, batch, command, Role.ADMIN)
        said = self._replies.to_operator(request)
        # What changed nothing says so, and is no more than a refusal here.
        progress = await self._situations.progress(batch_id)
        is_new = outcome.startswith("batch ") or request.source in progress.controls
        if outcome.startswith("refused") or is_new:
            return Told(outcome, said)
        return Told(f"refused: {outcome}", said)

    async def plan(self, repository_name: str, text: str, wish: str) -> Told:
        """Return what a command would come to in a repository; nothing is kept of it.

        Raises ``ConfigurationError``, and what GitHub answers.
        """
        try:
            repository = await self._github.repository_named(repository_name)
        except NotFound:
            return Told("refused", declines.not_installed_on(repository_name))
        request = Request(
            repository=repository,
            thread=ItemNumber(0),  # no thread: ``this`` is nothing
            thread_is_pull_request=False,
            asker=Asker(OPERATOR, ""),
            origin=Operator(wish),
        )
        with self._github.metered(request.source):
            reading = await self._reader.read(request, f"/batch {text}")
            if reading is None:
                return Told("refused", declines.no_command())
            if isinstance(reading, Unreadable):
                return _refused(reading)
            command = reading.commands[0]
            run = command.run if isinstance(command, syntax.Plan) else command
            if not isinstance(run, RunCommand):
                return Told("refused", declines.no_command())
            found = await self._new_batches.preview(request, run, reading)
        if isinstance(found, str):
            return Told("plan", found.strip())
        return _refused(found)

    async def present(self, batch_id: BatchId) -> tuple[Progress, Situation] | None:
        """Return how a batch stands now; None if there is none of that name."""
        if await self._batches.load(batch_id) is None:
            return None
        progress = await self._situations.progress(batch_id)
        return progress, await self._situations.situation(progress)


def _refused(refusal: Refusal) -> Told:
    said = render_refusal(refusal, marker="", links=Links(""))
    return Told("refused", said.strip())
