"""Answers with git what GitHub does not tell of pull requests."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.core.review.facts import ReviewFacts
from bot.core.world.pulls import (
    ConflictsOf,
    PullRequest,
    PullRequestNow,
    RebaseOf,
    conflicts_of,
)
from bot.core.world.questions import Question
from bot.engine.waits import AskAll
from bot.ports.host import Histories


def asking_git(ask: AskAll, histories: Histories) -> AskAll:
    """Return *ask* with what git knows: conflicts by name, whether a head is a rebase."""

    async def all_of_them(
        questions: Sequence[Question[Any]],
    ) -> Mapping[Question[Any], Any]:
        own = [one for one in questions if isinstance(one, RebaseOf | ConflictsOf)]
        others = [one for one in questions if one not in own]
        answers = dict(await ask(others)) if others else {}
        for question, answer in answers.items():
            if isinstance(question, PullRequestNow):
                answers[question] = await _proved(histories, question, answer)
            elif isinstance(answer, ReviewFacts) and answer.has_conflicts:
                asked = conflicts_of(question.repository, answer.pull)
                files = await _of_git(histories, asked)
                answers[question] = replace(answer, conflicting=tuple(files))
        told = await asyncio.gather(*(_of_git(histories, one) for one in own))
        answers.update(zip(own, told, strict=True))
        return answers

    return all_of_them


async def _of_git(
    histories: Histories, question: RebaseOf | ConflictsOf
) -> str | tuple[str, ...]:
    repository, number = question.repository, question.number
    head, base = question.head_sha, question.base_branch
    if isinstance(question, RebaseOf):
        return await histories.why_no_rebase(
            repository, number, head_sha=head, base=base
        )
    return await histories.conflicts(
        repository, number, head_sha=head, base_sha=question.base_sha, base=base
    )


async def _proved(
    histories: Histories, question: PullRequestNow, pull: PullRequest
) -> PullRequest:
    pinned = question.pinned_sha
    if pinned in ("", pull.head_sha):
        return pull
    onto = await histories.rebased_onto(
        question.repository,
        question.number,
        was=pinned,
        now=pull.head_sha,
        base=pull.base_branch,
    )
    return replace(pull, rebased_onto=onto)
