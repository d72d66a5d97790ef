"""Keeps batches from merging into a branch for a time, as maintainers want it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.core.command.faults import Declined
from bot.core.command.guesses import slip_of
from bot.core.command.syntax import Freeze as FreezeCommand
from bot.core.command.syntax import Unfreeze, format_command
from bot.core.model import Request
from bot.core.say.freezes import (
    no_branch,
    not_frozen,
    render_frozen,
    render_unfrozen,
)
from bot.core.world.freezes import Freeze
from bot.core.world.markdown import Links
from bot.core.world.pulls import PullRequest
from bot.core.world.questions import Question
from bot.engine.gate import Gate
from bot.engine.replies import Replies
from bot.engine.waits import AskAll
from bot.ports.clock import Clock
from bot.ports.github import GitHub
from bot.ports.store import Freezes as Kept


class Freezes:
    """Freezes branches and ends that; answers questions about pull requests with it."""

    def __init__(
        self,
        *,
        kept: Kept,
        gate: Gate,
        github: GitHub,
        replies: Replies,
        wake: Callable[[int], None],
        clock: Clock,
    ) -> None:
        self._kept = kept
        self._gate = gate
        self._github = github
        self._replies = replies
        self._wake = wake
        self._clock = clock

    async def freeze(self, request: Request, command: FreezeCommand) -> str | Declined:
        """Freeze a branch that there is; what is in its merge queue learns of it."""
        repository, now = request.repository, self._clock.now()
        wish = Freeze(
            command.branch,
            request.asker.login,
            now,
            command.reason,
            request.asker.url,
            request.source,
        )
        if not await self._github.has_branch(repository, command.branch):
            about, _ = await self._github.facts(repository, [])
            guess = slip_of(command.branch, [about.default_branch])
            corrected = format_command(replace(command, branch=guess)) if guess else ""
            return Declined(no_branch(command.branch, guess), corrected)
        kept = await self._kept.freeze(repository.id, wish)
        is_new = kept.source == request.source
        passed = await self._gate.passed(repository.id, command.branch)
        self._wake(repository.id)
        links = Links.beside(repository.name, request.asker.url)
        await self._replies.say(
            request,
            "freeze",
            lambda first: render_frozen(
                kept, is_new=is_new, now=now, marker=first, passed=passed, links=links
            ),
        )
        return f"froze {command.branch}" if is_new else "was frozen already"

    async def unfreeze(self, request: Request, command: Unfreeze) -> str | Declined:
        """End a freeze, and wake what waits for that."""
        repository, now = request.repository, self._clock.now()
        ended = await self._kept.unfreeze(
            repository.id, command.branch, source=request.source, at=now
        )
        if ended is None:
            others = list(await self._kept.of(repository.id))
            return Declined(not_frozen(command.branch, others))
        self._wake(repository.id)
        await self._replies.say(
            request,
            "unfreeze",
            lambda first: render_unfrozen(ended, now=now, marker=first),
        )
        return f"unfroze {command.branch}"


def asking(ask: AskAll, kept: Kept) -> AskAll:
    """Return *ask* with what GitHub does not know: whether a pull request's base is
    frozen.
    """

    async def both(questions: Sequence[Question[Any]]) -> Mapping[Question[Any], Any]:
        answers = await ask(questions)
        pulls = {q: a for q, a in answers.items() if isinstance(a, PullRequest)}
        if not pulls:
            return answers
        frozen = await kept.of(next(iter(pulls)).repository.id)
        told = {
            q: replace(a, frozen=frozen.get(a.base_branch)) for q, a in pulls.items()
        }
        return {**answers, **told}

    return both
