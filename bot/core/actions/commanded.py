"""What is common to all actions that run an operator's command."""

import json

from bot.core.actions.step import Job
from bot.core.durations import spell_option
from bot.core.model import CommandResult, Outcome, OutcomeKind
from bot.core.world.exits import signal_words

TRANSIENT_EXIT = 75
"""EX_TEMPFAIL of sysexits.h: the command asks for another try."""

CANNOT_RUN_EXITS = (126, 127)

ITEM_FILE = "item.json"

LINES_OF_SUCCESS = 8
"""How many of its last lines are kept of a command that did what was asked."""

_SAID_NOTHING = "It printed nothing: have the command say what goes wrong."


def command_of(job: Job) -> str:
    """Return the operator's name for what works on the item."""
    return job.item.action.runs


def has_failed(result: CommandResult) -> bool:
    """Return whether a command did not get to its end, or says itself that it failed."""
    return result.exit_code != 0 or result.timed_out or bool(result.fault)


def failed(
    job: Job, result: CommandResult, *, if_late: str, if_it_says: str
) -> Outcome:
    """Return the end of an item whose command failed.

    The rest is advice: what to do about one that takes too long, or says that it failed.
    """
    last = result.log_tail[-1] if result.log_tail else ""
    code = result.exit_code
    kind, advice, retry_helps = OutcomeKind.FAILED, "", True
    if result.fault:
        reason, advice, retry_helps = result.fault, result.advice, False
    elif result.timed_out:
        reason = f"timed out after {spell_option(job.item.timeout_seconds)}"
        advice = if_late
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
        advice = if_it_says if result.log_tail else _SAID_NOTHING
        retry_helps = False
    return Outcome(
        kind,
        reason=reason,
        advice=advice,
        retry_helps=retry_helps,
        log_tail=result.log_tail,
        isolation=result.isolation,
    )


def item_json(job: Job, base: str) -> str:
    """Return what a command is told of its item."""
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
            "number": job.item.number,
            "kind": job.item.kind,
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


def variables(job: Job, base: str) -> dict[str, str]:
    """Return the variables that every command has."""
    return {
        "BATCH_ID": job.batch_id,
        "BATCH_ITEM": str(job.item.number),
        "BATCH_REPOSITORY": job.repository.name,
        "BATCH_BASE": base,
    }
