"""What the operator of this server asks for from its command line."""

from dataclasses import dataclass
from uuid import uuid4

from bot.core.command import syntax
from bot.core.command.faults import Refusal, Unreadable
from bot.core.command.syntax import RunCommand
from bot.core.model import (
    OPERATOR,
    Asker,
    BatchId,
    ItemNumber,
    Operator,
    Request,
)
from bot.core.run.progress import Progress
from bot.core.say import declines
from bot.core.say.refusals import render_refusal
from bot.core.say.situation import Situation
from bot.core.world.markdown import Links
from bot.engine.batches import NewBatches
from bot.engine.reading import Reader
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
    """Tells the operator what a command would do, and how batches stand."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        reader: Reader,
        new_batches: NewBatches,
        situations: Situations,
    ) -> None:
        self._github = github
        self._batches = batches
        self._reader = reader
        self._new_batches = new_batches
        self._situations = situations

    async def plan(self, repository_name: str, text: str) -> Told:
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
            origin=Operator(uuid4().hex),
        )
        with self._github.metered(request.source):
            reading = await self._reader.read(request, f"/batch {text}")
            if reading is None:
                return Told("refused", declines.no_command())
            if isinstance(reading, Unreadable):
                return refused(reading)
            command = reading.commands[0]
            run = command.run if isinstance(command, syntax.Plan) else command
            if not isinstance(run, RunCommand):
                return Told("refused", declines.no_command())
            found = await self._new_batches.preview(request, run, reading)
        if isinstance(found, str):
            return Told("plan", found.strip())
        return refused(found)

    async def present(self, batch_id: BatchId) -> tuple[Progress, Situation] | None:
        """Return how a batch stands now; None if there is none of that name."""
        if await self._batches.load(batch_id) is None:
            return None
        progress = await self._situations.progress(batch_id)
        return progress, await self._situations.situation(progress)


def refused(refusal: Refusal) -> Told:
    """Return a refusal as it is told to the operator."""
    said = render_refusal(refusal, marker="", links=Links(""))
    return Told("refused", said.strip())
