"""``implement``: an operator's command works on an issue; the result is a pull request.

A repository's own ``{command: fix}`` is the same with another command. What the command
reads and writes is described in the README.
"""

import json
import re

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core.actions.bases import Footing, footing
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
from bot.core.durations import spell_option
from bot.core.effects import OpenPullRequest, PushBranch, Receipt
from bot.core.model import (
    CommandResult,
    Expectation,
    Link,
    Outcome,
    OutcomeKind,
    branch,
)
from bot.core.world.exits import signal_words
from bot.core.world.markdown import (
    Links,
    code_span,
    escape_line,
    escape_prose,
    join,
    paragraphs,
    plural,
)
from bot.core.world.questions import PullNow

TRANSIENT_EXIT = 75
"""EX_TEMPFAIL of sysexits.h: the command asks for another try."""

CANNOT_RUN_EXITS = (126, 127)

ITEM_FILE = "item.json"
RESULT_FILE = "result.json"
TITLE_LENGTH = 120
SUMMARY_LINES = 20
SUMMARY_LINE_LENGTH = 500
LINES_OF_SUCCESS = 8
"""How many of its last lines are kept of a command that did what was asked."""

MOST_LEFT_OUT = 10

_JOINER = "\u2060"
_LIVE = re.compile(r"[@#]|\bgh-(?=\d)|:(?=//)", re.IGNORECASE)


class Result(BaseModel):
    """What a command may write into ``result.json``."""

    model_config = ConfigDict(strict=True)

    title: str = ""
    summary: str = ""


def next_step(job: Job, seen: Seen) -> Step:
    """Run the command, push what it changed, and open a draft pull request.

    Before the workspace is made, and before the pull request is opened, it is asked
    what became of the branches that the work builds on.
    """
    result = seen.result
    head = branch(job.batch_id, job.item.id)
    if result is not None:
        if result.exit_code != 0 or result.timed_out or result.fault:
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
        return _first_step(job, ground)
    if ground.own is None and not ground.bears(result):
        return Rebase(ground.base, ground.merge)
    pushed = seen.receipts["push"]
    return Do("pull-request", _pull_request(job, ground, head, result, pushed))


def _first_step(job: Job, ground: Footing) -> Step:
    """Run the command, unless there is nothing to stand on, or no need."""
    if not ground.default_branch:
        reason = "the repository has no branch yet"
        return End(_no_start(reason, "Push a first commit, then retry."))
    others = [pull for pull in ground.others if pull.number not in job.item.beside]
    if others:
        return End(_open_already(others[-1]))
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


def _command(job: Job) -> str:
    return job.item.action.command or job.item.action.does


def _command_job(job: Job, ground: Footing) -> CommandJob:
    command = _command(job)
    return CommandJob(
        attempt=job.attempt,
        repository=job.repository,
        command=command,
        base=ground.base,
        merge=ground.merge,
        inputs={ITEM_FILE: _item_json(job, ground.base)},
        outputs=(RESULT_FILE,),
        environment={
            "BATCH_ID": job.batch_id,
            "BATCH_ITEM": str(job.item.number),
            "BATCH_REPOSITORY": job.repository.name,
            "BATCH_BASE": ground.base,
        },
        timeout_seconds=job.item.timeout_seconds,
        asked_by=job.asker.login,
        message=f"{command.capitalize()} #{job.item.number}\n\nBatch {job.batch_id}",
    )


def _item_json(job: Job, base: str) -> str:
    facts = job.facts
    assert facts is not None, "the facts of an item whose command is run"
    return json.dumps(
        {
            "batch": job.batch_id,
            "attempt": job.attempt,
            "repository": job.repository.name,
            "base": base,
            "builds_on": [before.number for before in job.predecessors],
            "action": job.item.action.name,
            "arguments": job.item.action.arguments,
            "asked_by": job.asker.login,
            "number": facts.number,
            "kind": facts.kind,
            "title": facts.title,
            "body": facts.body,
            "url": facts.url,
            "author": facts.author,
            "labels": facts.labels,
            "assignees": facts.assignees,
            "milestone": facts.milestone,
            "updated_at": facts.updated_at.isoformat(),
        },
        ensure_ascii=False,
        indent=2,
    )


# --- how it ends ------------------------------------------------------------------------


def _failed(job: Job, result: CommandResult) -> Outcome:
    last = result.log_tail[-1] if result.log_tail else ""
    code = result.exit_code
    kind, advice, retry_helps = OutcomeKind.FAILED, "", True
    if result.fault:
        reason, advice, retry_helps = result.fault, result.advice, False
    elif result.timed_out:
        reason = f"timed out after {spell_option(job.item.timeout_seconds)}"
        advice = "Give it more time with `timeout:`, or make the issue smaller."
    elif code == TRANSIENT_EXIT:
        kind = OutcomeKind.TRANSIENT
        reason = last or "the command asked for another try"
    elif code in CANNOT_RUN_EXITS:
        reason = last or "the command cannot be started"
        advice = "The operator of this server has to look at its `commands`."
        retry_helps = False
    elif words := signal_words(code):
        reason = f"the command was ended by {words}"
    else:
        reason = f"exit code {code}" + (f": {last}" if last else "")
    return Outcome(
        kind,
        reason=reason,
        advice=advice,
        retry_helps=retry_helps,
        log_tail=result.log_tail,
        isolation=result.isolation,
    )


def _no_start(reason: str, advice: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, reason=reason, advice=advice)


def _open_already(pull: PullNow) -> Outcome:
    """Return the end of an item that another batch has a pull request for."""
    return Outcome(
        OutcomeKind.UNCHANGED,
        summary="its pull request is open already",
        link=Link(f"PR {pull.number}", pull.url),
        branch=pull.head,
    )


def _unchanged(result: CommandResult) -> Outcome:
    said, _ = _said(result)
    summary = _one_line(said.summary)[:SUMMARY_LINE_LENGTH]
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
        summary="; ".join(filter(None, (opened.note, _move(result)))),
        link=link,
        branch=head,
        log_tail=result.log_tail[-LINES_OF_SUCCESS:],
        isolation=result.isolation,
    )


def _move(result: CommandResult) -> str:
    if result.stuck:
        return f"could not be moved onto {result.base}"
    return f"moved onto {result.base}" if result.moved_from else ""


# --- the pull request -------------------------------------------------------------------


def _said(result: CommandResult) -> tuple[Result, str]:
    """Return what the command says of its work, and why that could not be read.

    A faulty file is no reason to throw the work away.
    """
    text = result.outputs.get(RESULT_FILE, "")
    if not text.strip():
        return Result(), ""
    try:
        return Result.model_validate_json(text), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Result(), f"{where}: {first['msg']}" if where else first["msg"]


def _pull_request(
    job: Job, ground: Footing, head: str, result: CommandResult, pushed: Receipt
) -> OpenPullRequest:
    said, fault = _said(result)
    return OpenPullRequest(
        job.repository,
        head_branch=head,
        head_sha=pushed.head_sha,
        base_branch=result.base or ground.base,
        title=_title(job, said),
        body=_body(job, ground, result, said, fault, unverified=pushed.note),
    )


def _title(job: Job, said: Result) -> str:
    """Return a title that stays harmless as the message of a squashed commit."""
    own = f"{_command(job).capitalize()} #{job.item.number}"
    title = _one_line(said.title)[:TITLE_LENGTH]
    return _LIVE.sub(rf"\g<0>{_JOINER}", title) or own


def _body(
    job: Job,
    ground: Footing,
    result: CommandResult,
    said: Result,
    fault: str,
    *,
    unverified: str,
) -> str:
    links = Links.beside(job.repository.name, job.asker.url)
    made = (
        f"Made by the command {code_span(_command(job))} "
        f"for {links.item(job.item.number)} in batch `{job.batch_id}`, as "
        f"{escape_line(job.asker.login)} asked"
    )
    size = f"{_files(result)}, +{result.insertions} -{result.deletions}"
    left_out = join([code_span(one, 80) for one in result.left_out[:MOST_LEFT_OUT]])
    more = len(result.left_out) - MOST_LEFT_OUT
    left_out += f" and {more} more" if more > 0 else ""
    unfiltered = join([code_span(one, 80) for one in result.unfiltered[:MOST_LEFT_OUT]])
    not_used = f"`{RESULT_FILE}` was not used: {escape_line(fault, 200)}"
    isolated = f" · isolation: {escape_line(result.isolation)}"
    isolation = isolated if result.isolation else ""
    return paragraphs(
        f"Closes #{job.item.number}",
        *(escape_prose(line) for line in _lines(said.summary)),
        _stacked(ground, result, links),
        _moved(ground, result, links),
        _beside(ground, links),
        not_used if fault else "",
        f"GitHub did not verify the commit, as a rule wants it: {code_span(unverified)}."
        if unverified
        else "",
        f"Left out: {left_out}." if left_out else "",
        f"Kept as they are, for want of their filter: {unfiltered}."
        if unfiltered
        else "",
        f"<sub>{made}{isolation} · {size}</sub>",
        # Last, for a comment in it that nobody closes hides all that follows.
        result.template,
    )


def _stacked(ground: Footing, result: CommandResult, links: Links) -> str:
    """Return what has to be merged first."""
    before = ground.unmerged
    if not before:
        return ""
    is_one = len(before) == 1
    names = join([links.item(fate.number) for fate in before])
    branches = f"the {'branch' if is_one else 'branches'} of {names}"
    first = "merge that one first" if is_one else "merge those first"
    base = result.base or ground.base
    verb = "Contains" if base == ground.default_branch else "Stacked on"
    closed = [f"{f.says} ({links.item(f.number)})" for f in before if f.is_closed]
    reopen = f" {join(closed)}: another one is needed." if closed else ""
    return f"{verb} {branches}: {first}.{reopen}"


def _moved(ground: Footing, result: CommandResult, links: Links) -> str:
    """Return what came of the work because its base became another one."""
    if not result.moved_from:
        return ""
    changed = [f for f in ground.fates if f.branch in result.moved_from and f.says]
    why = join([f"{f.says} ({links.item(f.number)})" for f in changed])
    onto = code_span(result.base)
    meanwhile = f"While this was made, {why or 'its base became another one'}:"
    if result.stuck:
        stuck = escape_line(result.stuck, 300)
        return f"{meanwhile} it could not be moved onto {onto}, for {stuck}."
    without = join([links.item(f.number) for f in changed if not f.where])
    return f"{meanwhile} it was moved onto {onto}{without and f', without {without}'}."


def _beside(ground: Footing, links: Links) -> str:
    if not ground.others:
        return ""
    shown = join([links.item(pull.number) for pull in ground.others])
    return f"Beside {shown}, open for the same issue."


def _files(result: CommandResult) -> str:
    """Return how many files were changed, and how."""
    changed = result.files - result.added - result.removed
    kinds = [
        f"{count} {word}"
        for count, word in (
            (result.added, "added"),
            (changed, "changed"),
            (result.removed, "removed"),
        )
        if count
    ]
    is_plain = changed == result.files
    return plural(result.files, "file") + ("" if is_plain else f" ({', '.join(kinds)})")


def _lines(text: str) -> list[str]:
    lines = [_one_line(line)[:SUMMARY_LINE_LENGTH] for line in text.splitlines()]
    kept = [line for line in lines if line]
    return [*kept[:SUMMARY_LINES], *(["…"] if len(kept) > SUMMARY_LINES else [])]


def _one_line(text: str) -> str:
    """Return without control and invisible characters, which a title would show."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
