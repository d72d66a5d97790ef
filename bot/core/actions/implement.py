"""``implement``: an operator's command works on an issue; the result is a pull request.

A repository's own ``{command: fix}`` is the same with another command. What the command
reads and writes is described in the README.
"""

from bot.core.actions.bases import Footing, footing
from bot.core.actions.commanded import (
    ITEM_FILE,
    LINES_OF_SUCCESS,
    command_of,
    failed,
    has_failed,
    item_json,
    variables,
)
from bot.core.actions.pull_request import RESULT_FILE, pull_request, summary_of
from bot.core.actions.retarget import as_it_is, retarget, told
from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Overtaken, Words
from bot.core.actions.step import (
    Ask,
    CommandJob,
    Do,
    End,
    Execute,
    Job,
    Rebase,
    Seen,
    Step,
)
from bot.core.effects import PushBranch, Receipt
from bot.core.model import (
    CommandResult,
    Expectation,
    ItemNumber,
    Link,
    OpenedPull,
    Outcome,
    OutcomeKind,
    branch,
)
from bot.core.world.markdown import some
from bot.core.world.questions import PullNow

MOST_NAMED = 3
"""Of what is left out, in a line of the report; the pull request names more."""


def next_step(job: Job, seen: Seen) -> Step:
    """Run the command, push what it changed, and open a draft pull request.

    Before the workspace is made, and before the pull request is opened, it is asked
    what became of the branches that the work builds on.
    """
    result = seen.result
    head = branch(job.batch_id, job.item.id)
    if result is not None:
        if has_failed(result):
            return End(_failed(job, result))
        if not result.commit:
            return End(_unchanged(result))
        pushed = seen.receipts.get("push")
        if pushed is None or pushed.sha != result.commit:
            base = job.default_branch
            push = PushBranch(job.repository, head, result.commit, base_branch=base)
            return Do("push", push)
        opened = seen.receipts.get("pull-request")
        if opened is not None:
            return End(_published(head, result, pushed, opened))
    ground = footing(job, seen)
    if isinstance(ground, Ask):
        return ground
    if result is None:
        return _first_step(job, seen, ground)
    if ground.own is None and not ground.bears(result):
        return Rebase(ground.base, ground.merge)
    pushed = seen.receipts["push"]
    return Do("pull-request", pull_request(job, ground, head, result, pushed))


def _first_step(job: Job, seen: Seen, ground: Footing) -> Step:
    """Run the command, unless there is nothing to stand on, or no need."""
    if not ground.default_branch:
        reason = "the repository has no branch yet"
        return End(_no_start(reason, "Push a first commit, then retry."))
    others = [pull for pull in ground.others if pull.number not in job.item.beside]
    if others:
        pull, stranded = others[-1], ground.stranded
        if (
            stranded
            and stranded.pull == pull
            and (step := retarget(job, seen, stranded))
        ):
            return step
        return End(_open_already(pull, seen))
    for lost in ground.lost:
        reason = f"it builds on #{lost.number}, and {lost.says}"
        advice = (
            "Run that item again and then this one, or give the command for this one"
            " alone."
        )
        return End(_no_start(reason, advice))
    return Execute(_command_job(job, ground))


IMPLEMENT = ActionSpec(
    "implement",
    Words(
        "implement",
        "implementing",
        "Issues implemented",
        "work on the issue; the result is a pull request",
    ),
    AppliesTo.ISSUES,
    ItemNeed.OPEN,
    next_step,
    writes=lambda _: (("contents",), ("pull_requests",)),
    runs_command=True,
    opens_pull_request=True,
    builds_on_predecessors=True,
    overtaken_by=Overtaken.CLOSING,
    expected=Expectation(seconds=420, requests=4),
)


def _command_job(job: Job, ground: Footing) -> CommandJob:
    command = command_of(job)
    return CommandJob(
        attempt=job.attempt,
        repository=job.repository,
        command=command,
        base=ground.base,
        merge=ground.merge,
        inputs={ITEM_FILE: item_json(job, ground.base)},
        outputs=(RESULT_FILE,),
        environment=variables(job, ground.base),
        timeout_seconds=job.item.timeout_seconds,
        asked_by=job.asker.login,
        message=f"{command.capitalize()} #{job.item.number}\n\nBatch {job.batch_id}",
    )


# --- how it ends ------------------------------------------------------------------------


def _failed(job: Job, result: CommandResult) -> Outcome:
    return failed(
        job,
        result,
        if_late="Give it more time with `timeout:`, or make the issue smaller.",
        if_it_says="Its last lines say why: change the issue, or what the command does.",
    )


def _no_start(reason: str, advice: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, reason=reason, advice=advice)


def _open_already(pull: PullNow, seen: Seen) -> Outcome:
    """Return the end of an item that another batch has a pull request for."""
    return Outcome(
        OutcomeKind.UNCHANGED,
        summary=told(seen),
        link=Link(f"PR {pull.number}", pull.url),
        branch=pull.head,
        opened=as_it_is(pull, seen),
    )


def _unchanged(result: CommandResult) -> Outcome:
    summary = summary_of(result)
    if result.moved_from:
        summary = f"{result.base} has all of it already"
    return Outcome(
        OutcomeKind.UNCHANGED,
        summary=summary,
        log_tail=result.log_tail,
        isolation=result.isolation,
    )


def _published(
    head: str, result: CommandResult, pushed: Receipt, opened: Receipt
) -> Outcome:
    link = Link(f"PR {opened.id}", opened.url)
    if opened.sha and opened.sha != pushed.head_sha:
        return Outcome(
            OutcomeKind.FAILED,
            link=link,
            reason=f"PR {opened.id} exists, but {opened.note}",
            advice="Look at the pull request: somebody else may work on it.",
            isolation=result.isolation,
        )
    return Outcome(
        OutcomeKind.COMPLETED,
        summary="; ".join(
            filter(None, (opened.note, _move(result), _kept_out(result)))
        ),
        link=link,
        branch=head,
        log_tail=result.log_tail[-LINES_OF_SUCCESS:],
        isolation=result.isolation,
        opened=OpenedPull(ItemNumber(opened.id), pushed.head_sha, result.base),
    )


def _kept_out(result: CommandResult) -> str:
    names = some(result.left_out[:MOST_NAMED], len(result.left_out))
    return names and f"left out {names}"


def _move(result: CommandResult) -> str:
    if result.stuck:
        return f"could not be moved onto {result.base}"
    return f"moved onto {result.base}" if result.moved_from else ""
