"""Runs the operator's commands on this machine; what they change becomes a pull request."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core.durations import spell_option
from bot.core.effects import OpenPullRequest, PushBranch, Receipt
from bot.core.model import (
    Action,
    AttemptId,
    ItemFacts,
    ItemKind,
    Link,
    Outcome,
    OutcomeKind,
    Person,
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
from bot.errors import Lost
from bot.ports.clock import Clock
from bot.ports.github import People
from bot.ports.host import Change, Commands, Finished, Workspaces
from bot.ports.work import AttemptSpec, Emit, Perform, Work

TRANSIENT_EXIT = 75
"""EX_TEMPFAIL of sysexits.h: the command asks for another try."""

CANNOT_RUN_EXITS = (126, 127)

PROGRESS_SECONDS = 2.0
"""The least time between two progress lines that are passed on."""

RESULT_FILE = "result.json"
TITLE_LENGTH = 120
SUMMARY_LINES = 20
SUMMARY_LINE_LENGTH = 500

_JOINER = "\u2060"
_LIVE = re.compile(r"[@#]|\bgh-(?=\d)|:(?=//)", re.IGNORECASE)


class Result(BaseModel):
    """What a command may write into ``result.json``."""

    model_config = ConfigDict(strict=True)

    title: str = ""
    summary: str = ""


class LocalWork(BaseModel):
    """What it takes to publish a commit, also after a restart."""

    sha: str
    base: str
    branch: str
    command: str
    files: int
    insertions: int
    deletions: int
    contains: tuple[int, ...] = ()  # items whose branches the commit is built on
    result: Result = Result()
    fault: str = ""  # why result.json was not used


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an attempt's work starts from."""

    base: str
    merge: tuple[str, ...] = ()
    contains: tuple[int, ...] = ()


@dataclass(eq=False, slots=True)
class _Attempt:
    task: asyncio.Task[Work | Outcome]
    line: str = ""
    printed: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, line: str) -> None:
        self.line = line
        self.printed.set()


class LocalRunner:
    """*argvs* are the operator's commands, by name."""

    name = "local"
    needs_workspace = True
    survives_restart = False

    def __init__(
        self,
        *,
        commands: Commands,
        workspaces: Workspaces,
        clock: Clock,
        argvs: Mapping[str, Sequence[str]],
        people: People | None = None,
    ) -> None:
        self._commands = commands
        self._workspaces = workspaces
        self._clock = clock
        self._argvs = argvs
        self._people = people
        self._attempts: dict[AttemptId, _Attempt] = {}

    def is_meant_by(self, action: Action) -> bool:
        """Return whether a command stands behind the action."""
        known = {"implement", "review", *self._argvs}
        return bool(action.command) or _command(action) in known

    def why_not(self, action: Action, kind: ItemKind) -> str:
        """Return why it cannot do *action* to an item of *kind*; empty if it can."""
        name = _command(action)
        if kind is ItemKind.PULL_REQUEST:
            shown = code_span(action.name)
            return f"This server cannot do {shown} on pull requests yet: leave it out."
        if name not in self._argvs:
            return (
                f"This server has no command {code_span(name)}: its operator has to "
                "name one under `commands` in the settings file."
            )
        return ""

    async def submit(self, spec: AttemptSpec) -> str:
        """Begin an attempt; submitting it again begins nothing."""
        if spec.id not in self._attempts:
            work = self._work(spec)
            task = asyncio.create_task(work, name=f"local {spec.id}")
            self._attempts[spec.id] = _Attempt(task)
        return spec.id

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt of this process; none survives a restart."""
        return attempt if attempt in self._attempts else None

    async def watch(self, spec: AttemptSpec, emit: Emit) -> Work | Outcome:
        """Wait for the end of an attempt, passing on the last line from time to time.

        Raises ``Lost``, and what ``Workspaces`` raises.
        """
        attempt = self._attempts.get(spec.id)
        if attempt is None:
            message = f"attempt {spec.id} is not known here"
            raise Lost(message)
        relay = asyncio.create_task(self._relay(attempt, emit), name=f"log {spec.id}")
        try:
            await asyncio.wait({attempt.task, relay}, return_when="FIRST_COMPLETED")
        finally:
            relay.cancel()
            await asyncio.wait({relay})
        if not relay.cancelled():
            relay.result()  # only a fault ends it by itself
        if attempt.task.cancelled():
            message = f"attempt {spec.id} was cancelled"
            raise Lost(message)
        return attempt.task.result()

    async def publish(self, spec: AttemptSpec, work: Work, perform: Perform) -> Outcome:
        """Push the commit and open a draft pull request for it."""
        done = LocalWork.model_validate_json(work.data)
        push = PushBranch(spec.repository, done.branch, done.sha)
        await perform("push", push)
        pull_request = OpenPullRequest(
            spec.repository,
            head_branch=done.branch,
            head_sha=done.sha,
            base_branch=done.base,
            title=_title(spec, done),
            body=_body(spec, done, self._commands.isolation),
        )
        receipt = await perform("pull-request", pull_request)
        return self._published(done, receipt)

    async def cancel(self, attempt: AttemptId) -> None:
        """Stop an attempt; nothing of it runs any more when this returns."""
        running = self._attempts.get(attempt)
        if running is not None:
            running.task.cancel()
            await asyncio.wait({running.task})
        await self._commands.kill(attempt)

    async def clean(self, attempt: AttemptId) -> None:
        """Remove the workspace and what the command left beside it."""
        ended = self._attempts.pop(attempt, None)
        if ended is not None and ended.task.done() and not ended.task.cancelled():
            ended.task.exception()  # seen by whoever watched, if anyone did
        await self._workspaces.remove(attempt)

    async def _work(self, spec: AttemptSpec) -> Work | Outcome:
        say = self._attempts[spec.id].say
        say("getting the repository")
        start = _start(spec)
        author, co_author = await self._credits(spec)
        workspace = await self._workspaces.create(
            spec.id,
            spec.repository,
            base=start.base,
            merge=start.merge,
            author=author,
        )
        command = _command(spec.item.action)
        finished = await self._commands.run(
            spec.id,
            self._argvs[command],
            workspace=workspace,
            inputs={"item.json": _item_json(spec, start, await spec.facts())},
            environment={
                "BATCH_ID": spec.batch_id,
                "BATCH_ITEM": str(spec.item.number),
                "BATCH_REPOSITORY": spec.repository.name,
                "BATCH_BASE": start.base,
            },
            timeout_seconds=spec.item.timeout_seconds,
            on_line=say,
            cache=f"{spec.repository.id}-{command}",
        )
        if finished.exit_code != 0 or finished.timed_out or finished.fault:
            return self._failed(spec, finished)
        result, fault = _read_result(await self._commands.output(spec.id, RESULT_FILE))
        message = f"{command.capitalize()} #{spec.item.number}\n\nBatch {spec.batch_id}"
        change = await self._workspaces.commit(
            workspace, message=message, co_author=co_author
        )
        if change is None:
            return Outcome(
                OutcomeKind.UNCHANGED,
                summary=_one_line(result.summary)[:SUMMARY_LINE_LENGTH],
                log_tail=finished.log_tail,
                isolation=self._commands.isolation,
            )
        return Work(_work_json(spec, start, command, change, result, fault))

    async def _credits(self, spec: AttemptSpec) -> tuple[Person | None, Person | None]:
        """Return who commits, and who asked for it."""
        if self._people is None:
            return None, None
        bot = await self._people.bot(spec.repository)
        return bot, await self._people.person(spec.repository, spec.asker.login)

    async def _relay(self, attempt: _Attempt, emit: Emit) -> None:
        shown = ""
        while True:
            await attempt.printed.wait()
            attempt.printed.clear()
            if attempt.line != shown:
                shown = attempt.line
                emit(shown)
                await self._clock.sleep(PROGRESS_SECONDS)

    def _failed(self, spec: AttemptSpec, finished: Finished) -> Outcome:
        last = finished.log_tail[-1] if finished.log_tail else ""
        code = finished.exit_code
        kind, advice, retry_helps = OutcomeKind.FAILED, "", True
        if finished.fault:
            reason, advice, retry_helps = finished.fault, finished.advice, False
        elif finished.timed_out:
            reason = f"timed out after {spell_option(spec.item.timeout_seconds)}"
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
            log_tail=finished.log_tail,
            isolation=self._commands.isolation,
        )

    def _published(self, done: LocalWork, receipt: Receipt) -> Outcome:
        link = Link(f"PR {receipt.id}", receipt.url)
        if receipt.sha and receipt.sha != done.sha:
            return Outcome(
                OutcomeKind.FAILED,
                link=link,
                reason=f"PR {receipt.id} exists, but {receipt.note}",
                advice="Look at the pull request: somebody else may work on it.",
                isolation=self._commands.isolation,
            )
        return Outcome(
            OutcomeKind.COMPLETED,
            summary=receipt.note,
            link=link,
            branch=done.branch,
            isolation=self._commands.isolation,
        )


def _command(action: Action) -> str:
    return action.command or action.uses or action.name


def _start(spec: AttemptSpec) -> _Start:
    """Return where to start: from the branch of the one predecessor that has one."""
    pushed = [(number, branch) for number, branch in spec.predecessors if branch]
    numbers = tuple(int(number) for number, _ in pushed)
    branches = tuple(branch for _, branch in pushed)
    if len(pushed) == 1:
        return _Start(branches[0], contains=numbers)
    return _Start(spec.default_branch, merge=branches, contains=numbers)


def _item_json(spec: AttemptSpec, start: _Start, facts: ItemFacts) -> str:
    return json.dumps(
        {
            "batch": spec.batch_id,
            "attempt": spec.id,
            "repository": spec.repository.name,
            "base": start.base,
            "builds_on": start.contains,
            "action": spec.item.action.name,
            "arguments": spec.item.action.arguments,
            "asked_by": spec.asker.login,
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


def _read_result(text: str | None) -> tuple[Result, str]:
    """Return what the command says of its work, and why that could not be read.

    A faulty file is no reason to throw the work away.
    """
    if text is None or not text.strip():
        return Result(), ""
    try:
        return Result.model_validate_json(text), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Result(), f"{where}: {first['msg']}" if where else first["msg"]


def _work_json(
    spec: AttemptSpec,
    start: _Start,
    command: str,
    change: Change,
    result: Result,
    fault: str,
) -> str:
    work = LocalWork(
        sha=change.sha,
        base=start.base,
        branch=branch(spec.batch_id, spec.item.id),
        command=command,
        files=len(change.files),
        insertions=change.insertions,
        deletions=change.deletions,
        contains=start.contains,
        result=Result(
            title=_one_line(result.title)[:TITLE_LENGTH],
            summary="\n".join(_lines(result.summary)),
        ),
        fault=fault,
    )
    return work.model_dump_json()


def _title(spec: AttemptSpec, done: LocalWork) -> str:
    """Return a title that stays harmless as the message of a squashed commit."""
    own = f"{done.command.capitalize()} #{spec.item.number}"
    return _LIVE.sub(rf"\g<0>{_JOINER}", done.result.title) or own


def _body(spec: AttemptSpec, done: LocalWork, isolation: str) -> str:
    links = Links.beside(spec.repository.name, spec.asker.url)
    builds_on = join([links.item(number) for number in done.contains])
    stacked = ""
    if len(done.contains) == 1:
        stacked = f"Stacked on the branch of {builds_on}: merge that one first."
    elif done.contains:
        stacked = f"Contains the branches of {builds_on}: merge those first."
    made = (
        f"Made by the command {code_span(done.command)} "
        f"for {links.item(spec.item.number)} in batch `{spec.batch_id}`, as "
        f"{escape_line(spec.asker.login)} asked"
    )
    size = f"{plural(done.files, 'file')}, +{done.insertions} -{done.deletions}"
    fault = f"`{RESULT_FILE}` was not used: {escape_line(done.fault, 200)}"
    footer = f"<sub>{made} · isolation: {escape_line(isolation)} · {size}</sub>"
    return paragraphs(
        f"Closes #{spec.item.number}",
        *(escape_prose(line) for line in done.result.summary.splitlines()),
        stacked,
        fault if done.fault else "",
        footer,
    )


def _lines(text: str) -> list[str]:
    lines = [_one_line(line)[:SUMMARY_LINE_LENGTH] for line in text.splitlines()]
    kept = [line for line in lines if line]
    return [*kept[:SUMMARY_LINES], *(["…"] if len(kept) > SUMMARY_LINES else [])]


def _one_line(text: str) -> str:
    """Return without control and invisible characters, which a title would show."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
