"""What people write to the bot: their role, their commands, one after the other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bot.core.command import syntax
from bot.core.command.faults import NotPermitted, Refusal, Unreadable
from bot.core.command.lines import find_command_lines, is_prompt
from bot.core.command.trigger import CommentWritten
from bot.core.durations import spell
from bot.core.effects import Reaction
from bot.core.model import Asker, Comment, Request, Role
from bot.core.say import configuration, declines, refusals
from bot.core.say.help import render_addressed
from bot.engine import roles
from bot.engine.allowed import denied_for, not_permitted
from bot.engine.answers import Answers
from bot.engine.reading import Reader, Reading
from bot.engine.replies import Replies
from bot.engine.withdrawals import Withdrawals
from bot.errors import (
    ConfigurationError,
    PermanentError,
)
from bot.ports.clock import Clock
from bot.ports.github import GitHub

IN_TIME = timedelta(minutes=5)
"""How long a comment's repository is taken to have the name that the delivery says."""

FRESH = timedelta(minutes=1)
"""How long a comment is taken to say what the delivery says."""

MOST_CORRECTIONS = 6
"""How often a correction is corrected before none is offered."""

log = structlog.get_logger()


class Conversation:
    """Hears comments, and answers what is asked in them."""

    def __init__(
        self,
        *,
        github: GitHub,
        reader: Reader,
        replies: Replies,
        answers: Answers,
        withdrawals: Withdrawals,
        clock: Clock,
    ) -> None:
        self._github = github
        self._withdrawals = withdrawals
        self._reader = reader
        self._replies = replies
        self._answers = answers
        self._clock = clock

    async def hear(self, written: CommentWritten) -> str:
        """Deal with a comment of somebody who may speak; return what became of it.

        What that takes is charged to what asks for it.
        """
        with self._github.metered(request_of(written).source):
            return await self._heard_out(written)

    async def _heard_out(self, written: CommentWritten) -> str:
        if written.addressed:
            return await self._addressed(request_of(written), written.addressed[0])
        if not find_command_lines(written.body):
            return "ignored: no command"
        if is_prompt(written.body):
            return await self._hear(written)
        with self._withdrawals.in_hand(request_of(written)):
            return await self._hear(written)

    async def _hear(self, written: CommentWritten) -> str:
        if self._clock.now() - written.created_at > IN_TIME:
            # Its repository may have another name by now, and its name another one.
            about, _ = await self._github.facts(written.repository, [])
            name = about.name or written.repository.name
            present = replace(written.repository, name=name)
            written = replace(written, repository=present)
        request = request_of(written)
        if await self._replies.has_given_up(request):
            await self._give_up(request, declines.no_answer_for_an_hour())
            return "gave up"
        if await self._replies.is_withdrawn(request):
            return "withdrawn"
        if self._clock.now() - written.created_at > FRESH:
            changed = await self._changed_since(request, written)
            if changed:
                return changed
        # A cancel does not wait until other changes let this one through.
        seen = asyncio.create_task(self._replies.react(request, Reaction.SEEN))
        try:
            return await self._heard(request, written)
        except asyncio.CancelledError:
            seen.cancel()
            raise
        finally:
            await asyncio.wait({seen})

    async def _addressed(self, request: Request, line: str) -> str:
        """Say to whoever speaks to the bot by name how it is spoken to: *line* is what
        they said, as a command.
        """
        role = await self._role(request)
        if role is None or role < Role.TRIAGE:
            return "ignored: no command"
        is_bare = line.split() == ["/batch"]
        offer = await self._acceptable(request, "" if is_bare else line, role, None)
        if not await self._replies.may_explain(request):
            return "ignored: explained today already"
        await self._replies.say(
            request, "help", lambda first: render_addressed(offer.text, marker=first)
        )
        return "help"

    async def tell(self, written: CommentWritten, words: str) -> None:
        """Tell whoever gave a command why it was not dealt with (*words*)."""
        self._withdrawals.end(request_of(written))
        await self._give_up(request_of(written), words)

    async def _give_up(self, request: Request, words: str) -> None:
        first = await self._answers.batches.before(request)
        await self._replies.give_up(request, words, is_begun=first is not None)

    async def _changed_since(self, request: Request, written: CommentWritten) -> str:
        """Return what became of a comment that no longer says what it said; what was
        begun by it goes on.
        """
        if await self._answers.batches.before(request) is not None:
            return ""
        assert isinstance(request.origin, Comment)
        body = await self._github.said(
            request.repository, request.thread, request.origin
        )
        if body is None:
            return "ignored: the comment is gone"
        if not await self._replies.has_seen(request):
            # Another database, or an older one, may have known it.
            since = written.created_at
            if await self._github.is_answered(request, since=since):
                age = spell(self._clock.now() - since)
                return f"ignored: answered before, it is {age} old"
        if find_command_lines(body) == find_command_lines(written.body):
            return ""
        await self._replies.decline(request, declines.edited())
        return "refused: edited"

    async def _heard(self, request: Request, written: CommentWritten) -> str:
        role = await self._role(request)
        if role is None or role < Role.TRIAGE:
            # Nothing is read for strangers, and they get no lesson in grammar.
            line = find_command_lines(written.body)[0]
            return await self._deny(
                request, denied_for(Role.WRITE, role, refusals.START, line)
            )
        try:
            return await self._read(request, role, written)
        except PermanentError as error:
            log.warning("command failed", error=str(error))
            await self._replies.decline(request, declines.went_wrong(error.problem))
            return f"failed: {error}"

    async def _read(self, request: Request, role: Role, written: CommentWritten) -> str:
        try:
            reading = await self._reader.read(request, written.body)
        except ConfigurationError as error:
            await self._replies.decline(request, configuration.refused(error.faults))
            return "refused: .github/batch.yml"
        if reading is None:
            return "ignored"
        if isinstance(reading, Unreadable):
            begun = await self._answers.batches.before(request)
            if begun is not None:  # before an action went away with a restart
                return await self._answers.batches.begun(request, begun)
            return await self._refuse(request, reading, role, "refused: unreadable")
        if reading.about.is_archived:
            return "refused: the repository is archived"  # and takes no answer
        if missing := reading.not_granted_to_answer(request):
            # Nothing runs of which nobody can be told; ``/readyz`` names it as well.
            log.warning("a command cannot be answered", not_granted=missing)
            return f"refused: {missing} not granted"
        for command in reading.commands:
            counts = await roles.to_run(self._github, request, role, command, reading)
            denied = not_permitted(command, counts, reading)
            if denied is not None:
                return await self._deny(request, denied)
        if len(reading.commands) > 1:
            problem = await self._answers.batches.first_refusal(request, reading)
            if problem is not None:
                return await self._refuse(request, problem, role, before=reading)
        if self._withdrawals.by(request) is not None:
            return "withdrawn"
        reading = replace(reading, given_at=written.created_at)
        age = self._clock.now() - written.created_at
        if age > IN_TIME:
            reading = replace(reading, notes=(declines.comes_late(spell(age)),))
        outcomes: list[str] = []
        for part, command in enumerate(reading.commands):
            one = replace(request, part=part)
            counts = role
            if (batch := await self._answers.batch_of(one, command)) is not None:
                counts = await roles.of_batch(self._github, one, role, command, batch)
            outcome = await self._answers.command(one, command, reading, counts)
            if not isinstance(outcome, str):
                outcome = await self._refuse(one, outcome, role, before=reading)
            outcomes.append(outcome)
        by, begun = self._withdrawals.by(request), None
        if by is not None:  # while this began something
            begun = await self._answers.batches.before(request)
        if by is not None and begun is not None:
            controls, cancel = self._answers.controls, syntax.Cancel()
            await controls.control(by, begun, cancel, Role.MAINTAIN)
        return ", ".join(outcomes)

    async def _refuse(
        self,
        request: Request,
        refusal: Refusal,
        role: Role,
        outcome: str = "refused",
        *,
        before: Reading | None = None,
    ) -> str:
        """Say what is wrong; what is offered instead would be accepted."""
        if not isinstance(refusal, NotPermitted):
            offer = await self._acceptable(request, refusal.corrected, role, before)
            refusal = replace(refusal, corrected=offer.text, besides=offer.besides)
        await self._replies.refuse(request, refusal)
        return outcome

    async def _acceptable(
        self, request: Request, text: str, role: Role, before: Reading | None
    ) -> "_Offer":
        """Return a correction that would be accepted now: *text*, or what that in turn
        is corrected to; nothing if none would.
        """
        found: list[Refusal | str] = []
        for _ in range(MOST_CORRECTIONS):
            if not text:
                break
            try:
                if before is None:
                    again = await self._reader.read(request, text)
                else:
                    again = await self._reader.read_again(request, text, before)
            except PermanentError as error:
                log.warning("correction not checked", error=str(error))
                break
            if again is None:
                break
            if isinstance(again, Unreadable):
                text = again.corrected
                continue
            before = again
            refusal = await self._answers.batches.refusal(request, again)
            if refusal is None:
                why_not = await self._why_not(request, again, role)
                if not why_not:
                    return _Offer(text, found)
                found.append(why_not)
                break
            found.append(refusal)
            text = refusal.corrected if len(again.commands) == 1 else ""
        return _Offer("", found)

    async def _why_not(
        self, request: Request, reading: Reading, role: Role
    ) -> Refusal | str:
        """Return why whoever asks may not give these commands here, if so."""
        for command in reading.commands:
            denied = not_permitted(command, role, reading)
            if denied is not None:
                return denied
            if why_not := await self._answers.why_not(request, command, role):
                return why_not
        return ""

    async def _role(self, request: Request) -> Role | None:
        """Return the role at this moment; None if GitHub refuses to say, which means no.

        Raises ``TransientError``.
        """
        try:
            return await self._github.role(request.repository, request.asker.login)
        except PermanentError as error:
            log.warning("role unknown", login=request.asker.login, error=str(error))
            return None

    async def _deny(self, request: Request, denied: NotPermitted) -> str:
        await self._replies.deny(request, denied)
        return "refused: role"


@dataclass(frozen=True, slots=True)
class _Offer:
    """A command to copy, if there is one, and what was wrong with those before it."""

    text: str
    refusals: Sequence[Refusal | str]

    @property
    def besides(self) -> str:
        """Return what is said of that beside the command's own faults."""
        said = (
            one if isinstance(one, str) else refusals.in_a_sentence(one)
            for one in self.refusals
        )
        return " ".join(dict.fromkeys(filter(None, said)))


def request_of(written: CommentWritten) -> Request:
    """Return what somebody asks for with a comment."""
    return Request(
        repository=written.repository,
        thread=written.thread,
        thread_is_pull_request=written.is_pull_request,
        asker=Asker(written.sender.login, written.url),
        origin=Comment(written.comment_id, written.kind, written.node_id),
    )
