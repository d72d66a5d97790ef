"""Who deals with a command, by what it asks for."""

from dataclasses import dataclass

from bot.core.command import syntax
from bot.core.command.faults import Refusal
from bot.core.command.syntax import Command, RunCommand
from bot.core.model import Batch, Request, Role
from bot.engine.additions import Additions
from bot.engine.allowed import may_give
from bot.engine.batches import NewBatches
from bot.engine.controls import Controls
from bot.engine.freezes import Freezes
from bot.engine.questions import Help, Questions
from bot.engine.reading import Reading
from bot.engine.starts import Starts


@dataclass(frozen=True, slots=True)
class Answers:
    """Who deals with the commands, by what they ask for."""

    batches: NewBatches
    additions: Additions
    starts: Starts
    controls: Controls
    questions: Questions
    freezes: Freezes
    help: Help

    async def command(
        self, request: Request, command: Command, reading: Reading, role: Role
    ) -> str | Refusal:
        """Deal with a command of whoever may give it; return what became of it, or why
        nothing did.
        """
        match command:
            case RunCommand():
                return await self.batches.run(request, command, reading)
            case syntax.Plan(run):
                return await self.batches.run(request, run, reading)
            case syntax.Add():
                return await self.additions.add(request, command, reading, role)
            case syntax.Start(batch_id):
                return await self.starts.start(request, batch_id, role)
            case syntax.Status(batch_id):
                return await self.questions.status(request, batch_id)
            case syntax.Why(item):
                return await self.questions.why(request, item)
            case syntax.Freeze():
                return await self.freezes.freeze(request, command)
            case syntax.Unfreeze():
                return await self.freezes.unfreeze(request, command)
            case syntax.Help(_, is_bare):
                parts = await self.batches.suggestions(request) if is_bare else {}
                allowed = [text for text, one in parts.items() if may_give(one, role)]
                return await self.help.answer(request, command, allowed)
            case _:  # a control: the type of the next line holds that
                return await self.controls.command(request, command, role)

    async def batch_of(self, request: Request, command: Command) -> Batch | None:
        """Return the batch that a command changes or starts, if it is one."""
        match command:
            case syntax.Start(batch_id):
                batch = await self.starts.meant(request, batch_id)
            case syntax.Cancel() | syntax.Pause() | syntax.Resume() | syntax.Skip():
                batch = await self.controls.meant(request, command)
            case syntax.Retry() | syntax.Undo():
                batch = await self.controls.meant(request, command)
            case _:
                return None
        return batch if isinstance(batch, Batch) else None

    async def why_not(self, request: Request, command: Command, role: Role) -> str:
        """Return why a command about a batch that is there would be refused, if so."""
        match command:
            case RunCommand() | syntax.Plan() | syntax.Help():
                return ""
            case syntax.Add():
                return await self.additions.why_not(request, command, role)
            case syntax.Why(item):
                return await self.questions.why_not(request, item)
            case syntax.Status(None) | syntax.Freeze() | syntax.Unfreeze():
                return ""
            case syntax.Start(batch_id) | syntax.Status(batch_id):
                batch = await self.starts.meant(request, batch_id)
                return batch if isinstance(batch, str) else ""
            case _:
                return await self.controls.why_not(request, command, role)
