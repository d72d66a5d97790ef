"""``implement``: an operator's command works on an issue; the result is a pull request.

A repository's own ``{command: fix}`` is the same with another command. What the command
reads and writes is described in the README.
"""

import json
import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Overtaken, Words
from bot.core.actions.step import CommandJob, Do, End, Execute, Job, Seen, Step
from bot.core.durations import spell_option
from bot.core.effects import OpenPullRequest, PushBranch, Receipt
from bot.core.model import (
    CommandResult,
    Expectation,
    ItemNumber,
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

TRANSIENT_EXIT = 75
"""EX_TEMPFAIL of sysexits.h: the command asks for another try."""

CANNOT_RUN_EXITS = (126, 127)

ITEM_FILE = "item.json"
RESULT_FILE = "result.json"
TITLE_LENGTH = 120
SUMMARY_LINES = 20
SUMMARY_LINE_LENGTH = 500
MOST_LEFT_OUT = 10

_JOINER = "\u2060"
_LIVE = re.compile(r"[@#]|\bgh-(?=\d)|:(?=//)", re.IGNORECASE)


class Result(BaseModel):
    """What a command may write into ``result.json``."""

    model_config = ConfigDict(strict=True)

    title: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an attempt's work starts from."""

    base: str
    merge: tuple[str, ...] = ()
    contains: tuple[ItemNumber, ...] = ()


def next_step(job: Job, seen: Seen) -> Step:
    """Run the command, push what it changed, and open a draft pull request."""
    start = _start(job)
    result = seen.result
    if result is None:
        return Execute(_command_job(job, start))
    if result.exit_code != 0 or result.timed_out or result.fault:
        return End(_failed(job, result))
    if not result.commit:
        return End(_unchanged(result))
    head = branch(job.batch_id, job.item.id)
    if "push" not in seen.receipts:
        return Do("push", PushBranch(job.repository, head, result.commit))
    opened = seen.receipts.get("pull-request")
    if opened is None:
        return Do("pull-request", _pull_request(job, start, head, result))
    return End(_published(head, result, opened))


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
    builds_on_predecessors=True,
    overtaken_by=Overtaken.CLOSING,
    expected=Expectation(seconds=420, requests=4),
)


def _start(job: Job) -> _Start:
    """Return where to start: from the branch of the one predecessor that has one."""
    contains = tuple(before.number for before in job.predecessors)
    branches = tuple(before.branch for before in job.predecessors)
    if len(branches) == 1:
        return _Start(branches[0], contains=contains)
    return _Start(job.default_branch, merge=branches, contains=contains)


def _command(job: Job) -> str:
    return job.item.action.command or job.item.action.does


def _command_job(job: Job, start: _Start) -> CommandJob:
    command = _command(job)
    return CommandJob(
        attempt=job.attempt,
        repository=job.repository,
        command=command,
        base=start.base,
        merge=start.merge,
        inputs={ITEM_FILE: _item_json(job, start)},
        outputs=(RESULT_FILE,),
        environment={
            "BATCH_ID": job.batch_id,
            "BATCH_ITEM": str(job.item.number),
            "BATCH_REPOSITORY": job.repository.name,
            "BATCH_BASE": start.base,
        },
        timeout_seconds=job.item.timeout_seconds,
        asked_by=job.asker.login,
        message=f"{command.capitalize()} #{job.item.number}\n\nBatch {job.batch_id}",
    )


def _item_json(job: Job, start: _Start) -> str:
    facts = job.facts
    assert facts is not None, "the facts of an item whose command is run"
    return json.dumps(
        {
            "batch": job.batch_id,
            "attempt": job.attempt,
            "repository": job.repository.name,
            "base": start.base,
            "builds_on": start.contains,
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


def _unchanged(result: CommandResult) -> Outcome:
    said, _ = _said(result)
    return Outcome(
        OutcomeKind.UNCHANGED,
        summary=_one_line(said.summary)[:SUMMARY_LINE_LENGTH],
        log_tail=result.log_tail,
        isolation=result.isolation,
    )


def _published(head: str, result: CommandResult, opened: Receipt) -> Outcome:
    link = Link(f"PR {opened.id}", opened.url)
    if opened.sha and opened.sha != result.commit:
        return Outcome(
            OutcomeKind.FAILED,
            link=link,
            reason=f"PR {opened.id} exists, but {opened.note}",
            advice="Look at the pull request: somebody else may work on it.",
            isolation=result.isolation,
        )
    return Outcome(
        OutcomeKind.COMPLETED,
        summary=opened.note,
        link=link,
        branch=head,
        isolation=result.isolation,
    )


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
    job: Job, start: _Start, head: str, result: CommandResult
) -> OpenPullRequest:
    said, fault = _said(result)
    return OpenPullRequest(
        job.repository,
        head_branch=head,
        head_sha=result.commit,
        base_branch=result.base or start.base,
        title=_title(job, said),
        body=_body(job, start, result, said, fault),
    )


def _title(job: Job, said: Result) -> str:
    """Return a title that stays harmless as the message of a squashed commit."""
    own = f"{_command(job).capitalize()} #{job.item.number}"
    title = _one_line(said.title)[:TITLE_LENGTH]
    return _LIVE.sub(rf"\g<0>{_JOINER}", title) or own


def _body(
    job: Job, start: _Start, result: CommandResult, said: Result, fault: str
) -> str:
    links = Links.beside(job.repository.name, job.asker.url)
    builds_on = join([links.item(number) for number in start.contains])
    stacked = ""
    if len(start.contains) == 1:
        stacked = f"Stacked on the branch of {builds_on}: merge that one first."
    elif start.contains and result.base not in ("", start.base):
        stacked = f"Stacked on the branches of {builds_on}: merge those first."
    elif start.contains:
        stacked = f"Contains the branches of {builds_on}: merge those first."
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
        stacked,
        not_used if fault else "",
        f"Left out: {left_out}." if left_out else "",
        f"Kept as they are, for want of their filter: {unfiltered}."
        if unfiltered
        else "",
        f"<sub>{made}{isolation} · {size}</sub>",
    )


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
