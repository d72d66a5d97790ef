"""Runs one operator's command from workspace to commit, wherever that is."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.core.actions.commanded import ITEM_FILE
from bot.core.actions.step import CommandJob
from bot.core.model import CommandResult, Person
from bot.core.remarks import Said
from bot.core.review.output import (
    MOST_BYTES,
    RESULT_FILE,
    SARIF_FILE,
    condensed,
    read_written,
)
from bot.core.say import notes
from bot.host.workspaces import result_of
from bot.ports.github import People
from bot.ports.host import Commands, Finished, Workspace, Workspaces

Say = Callable[[str], None]
"""Takes a line that tells how far it is."""


async def run_command_job(
    job: CommandJob,
    say: Say,
    *,
    argvs: Mapping[str, Sequence[str]],
    commands: Commands,
    workspaces: Workspaces,
    people: People | None = None,
) -> CommandResult:
    """Return what came of the command; what it changed is one commit in the mirror.

    *argvs* are the operator's commands by name; *people* tells who commits, and who
    asked for it.

    Raises what ``Workspaces`` and ``Commands`` raise while the command has not begun.
    Cancelling stops the command; nothing of it runs when this returns.
    """
    say(notes.getting_repository())
    if job.pull is not None:
        workspace = await workspaces.check_out(
            *(job.attempt, job.repository),
            number=job.pull.number,
            head_sha=job.pull.sha,
            base=job.base,
        )
    else:
        author = await people.bot(job.repository) if people else None
        workspace = await workspaces.create(
            job.attempt, job.repository, base=job.base, merge=job.merge, author=author
        )
    say(notes.running_command())
    finished = await commands.run(
        job.attempt,
        argvs[job.command],
        workspace=workspace,
        inputs=_told(job, workspace),
        environment={**job.environment, **_named(job, workspace)},
        timeout_seconds=job.timeout_seconds,
        on_line=say,
        cache=f"{job.repository.id}-{job.command}",
        printed_bytes=MOST_BYTES if job.pull else 0,
    )
    ended = CommandResult(
        finished.exit_code,
        timed_out=finished.timed_out,
        log_tail=finished.log_tail,
        isolation=commands.isolation,
        fault=str(finished.fault or ""),
        advice=finished.fault.advice if finished.fault else "",
        base=workspace.base,
        merged=workspace.merged,
    )
    if finished.exit_code != 0 or finished.timed_out or finished.fault:
        return ended
    if job.pull is not None:
        said = await _said(job, workspace, finished, commands)
        return replace(ended, said=said)
    co_author = await _person(job, people)
    change = await workspaces.commit(
        workspace, message=job.message, co_author=co_author
    )
    written = {
        name: found.text
        for name in job.outputs
        if (found := await commands.output(job.attempt, name)) is not None
    }
    ended = replace(ended, outputs=written)
    if change is None:
        return ended
    return replace(
        result_of(ended, change, change.sha),
        template=workspace.template,
        left_out=tuple(f"{left.path} ({left.why})" for left in change.left_out),
        unfiltered=change.unfiltered,
    )


async def _said(
    job: CommandJob, workspace: Workspace, finished: Finished, commands: Commands
) -> Said:
    """Return what a command says of a pull request, of its first file that there is."""
    written = [
        found
        for name in (RESULT_FILE, SARIF_FILE)
        if (found := await commands.output(job.attempt, name, most_bytes=MOST_BYTES))
    ]
    written += [finished.printed] if finished.printed else []
    roots = [workspace.path]
    said = await asyncio.to_thread(read_written, written, roots=roots)
    return condensed(said, frozenset(workspace.changed))


def _named(job: CommandJob, workspace: Workspace) -> Mapping[str, str]:
    """Return the variables that name what is known once the workspace is made."""
    named = {"BATCH_BASE": workspace.base}
    if job.pull is None:
        return named
    return named | {
        "BATCH_HEAD": job.pull.sha,
        "BATCH_BASE_SHA": workspace.base_sha,
        "BATCH_MERGE_BASE": workspace.merge_base_sha,
        "BATCH_DIFF_FILE": workspace.diff,
    }


def _told(job: CommandJob, workspace: Workspace) -> Mapping[str, str]:
    """Return the inputs with what is known once the workspace is made."""
    if ITEM_FILE not in job.inputs:
        return job.inputs
    item = json.loads(job.inputs[ITEM_FILE])
    item |= {"base": workspace.base, "large_files_are_pointers": workspace.has_pointers}
    told = json.dumps(item, ensure_ascii=False, indent=2)
    return {**job.inputs, ITEM_FILE: told}


async def _person(job: CommandJob, people: People | None) -> Person | None:
    if people is None or not job.asked_by:
        return None
    return await people.person(job.repository, job.asked_by)
