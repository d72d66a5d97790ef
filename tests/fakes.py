"""One fake for each port of the host and the runners; each passes the contract test
that the real adapter passes (``tests/host``, ``tests/workers``).
"""

import asyncio
import hashlib
import heapq
import itertools
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult, ItemNumber, Person, Repository
from bot.core.remarks import Written
from bot.core.say.problems.git import (
    ChangeConflicts,
    GitFault,
    HeadElsewhere,
    NoBranch,
    PredecessorsConflict,
)
from bot.core.say.problems.server import AttemptCancelled, AttemptUnknown
from bot.errors import BranchMissing, Lost, PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.host import (
    OUTPUT_BYTES,
    Brought,
    Change,
    Finished,
    Rebased,
    Workspace,
)
from bot.ports.work import Emit, Resource, unheard

START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)


class FakeClock:
    """Time that stands still until the test moves it."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._elapsed + seconds
        heapq.heappush(self._sleepers, (due, next(self._order), future))
        await future

    @property
    def sleepers(self) -> int:
        """How many tasks sleep at the moment."""
        return sum(not future.done() for _, _, future in self._sleepers)

    @property
    def next_due(self) -> float | None:
        """In how many seconds the next sleeper wakes, None without any."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)  # its task was cancelled
        return self._sleepers[0][0] - self._elapsed if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Let *seconds* pass: sleepers wake in order, each at its own time.

        Between two of them every task runs as far as it can.
        """
        end = self._elapsed + seconds
        await settle()
        while (due := self.next_due) is not None and self._elapsed + due <= end:
            self._elapsed, _, future = heapq.heappop(self._sleepers)
            future.set_result(None)
            await settle()
        self._elapsed = end
        await settle()

    async def run_until(
        self, condition: Callable[[], bool], *, most_seconds: float = 86_400.0
    ) -> None:
        """Let time pass, from sleeper to sleeper, until *condition* holds.

        Threads and sockets get real time to answer while nobody sleeps.
        """
        end = self._elapsed + most_seconds
        real_end = asyncio.get_running_loop().time() + 60
        await settle()
        while not condition():
            due = self.next_due
            if due is not None and self._elapsed + due <= end:
                await self.advance(due)
            else:
                assert asyncio.get_running_loop().time() < real_end, "never came true"
                await asyncio.sleep(0.001)


async def settle() -> None:
    """Let every task run until it waits for time or for something outside."""
    for _ in range(25):
        await asyncio.sleep(0)


class FakeMemory:
    """Memory of which the test says how much is used."""

    def __init__(self, used: float = 0.1) -> None:
        self.used = used

    def used_fraction(self) -> float:
        return self.used


class FakeWorkspaces:
    """Workspaces without git: folders of files by branch.

    A commit is known by the hash of its files; *branches* is what the repository has.
    """

    def __init__(self, folder: Path, branches: Mapping[str, Mapping[str, str]]) -> None:
        self._folder = folder
        self.branches = {name: dict(files) for name, files in branches.items()}
        self.commits: dict[str, dict[str, str]] = {}
        self.parents: dict[str, str] = {}
        self.alive: set[AttemptId] = set()
        self.unreachable = False  # the next fetches fail
        self._away = False

    def is_away(self, repository: Repository) -> bool:
        return self._away

    async def create(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str] = (),
        author: Person | None = None,
    ) -> Workspace:
        self._away = self.unreachable
        if self.unreachable:
            raise TransientError(GitFault("fetch", "unreachable"))
        files: dict[str, str] = {}
        for branch in (base, *merge):
            if branch not in self.branches:
                raise BranchMissing(NoBranch(branch, repository.name))
            for name, text in self.branches[branch].items():
                if branch != base and files.get(name, text) != text:
                    raise PermanentError(PredecessorsConflict(branch, [name]))
                files[name] = text
        path = self._folder / attempt
        shutil.rmtree(path, ignore_errors=True)
        for name, text in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text)
        self.alive.add(attempt)
        sha = _hash(files)
        self.commits[sha] = files
        return Workspace(attempt, str(path), sha, base, tuple(merge))

    async def check_out(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        number: ItemNumber,
        head_sha: str,
        base: str,
    ) -> Workspace:
        head = f"pull/{number}"
        if head not in self.branches or _hash(self.branches[head]) != head_sha:
            raise BranchMissing(HeadElsewhere(number, head_sha))
        before = self.branches[base]
        workspace = await self.create(attempt, repository, base=head)
        after = self.branches[head]
        changed = sorted(
            n for n in {**before, **after} if before.get(n) != after.get(n)
        )
        diff = self._folder / f"{attempt}.patch"
        diff.write_text("".join(f"diff {name}\n" for name in changed))
        return replace(
            workspace,
            base_sha=_hash(before),
            base=base,
            merge_base_sha=_hash(before),
            diff=str(diff),
            changed=tuple(changed),
        )

    async def commit(
        self, workspace: Workspace, *, message: str, co_author: Person | None = None
    ) -> Change | None:
        files = _read_files(Path(workspace.path))
        before = self.commits[workspace.base_sha]
        names = sorted(
            name for name in {**before, **files} if before.get(name) != files.get(name)
        )
        if not names:
            return None
        sha = _hash({**files, "": message})
        self.commits[sha] = files
        self.parents[sha] = workspace.base_sha
        added = sum(len(files.get(name, "").splitlines()) for name in names)
        removed = sum(len(before.get(name, "").splitlines()) for name in names)
        return Change(
            sha,
            tuple(names),
            insertions=added,
            deletions=removed,
            added=tuple(name for name in names if name not in before),
            removed=tuple(name for name in names if name not in files),
        )

    async def rebase(
        self,
        attempt: AttemptId,
        repository: Repository,
        sha: str,
        *,
        base: str,
        merge: Sequence[str] = (),
    ) -> Rebased:
        before, after = self.commits[self.parents[sha]], self.commits[sha]
        there = dict(self.branches[base])
        for branch in merge:
            there |= self.branches[branch]
        moved = dict(there)
        for name in {*before, *after}:
            if before.get(name) == after.get(name) or there.get(name) == after.get(
                name
            ):
                continue
            if there.get(name) != before.get(name):
                raise PermanentError(ChangeConflicts(base, [name]))
            moved.pop(name, None)
            if name in after:
                moved[name] = after[name]
        if moved == there:
            return Rebased("", base, tuple(merge))
        new = _hash({**moved, "": sha})
        self.commits[new], self.parents[new] = moved, _hash(there)
        self.commits[_hash(there)] = there
        return Rebased(new, base, tuple(merge))

    async def bring(
        self,
        attempt: AttemptId,
        repository: Repository,
        branch: str,
        *,
        was: str,
        merged_sha: str,
        onto: str,
    ) -> Brought:
        ours, before = _hash(self.branches[branch]), _hash(self.branches[was])
        self.commits[ours], self.parents[ours] = self.branches[branch], before
        self.commits[before] = self.branches[was]
        moved = await self.rebase(attempt, repository, ours, base=onto)
        return Brought(ours, moved.sha)

    async def remove(self, attempt: AttemptId) -> None:
        self.alive.discard(attempt)
        shutil.rmtree(self._folder / attempt, ignore_errors=True)

    async def remove_all(self) -> int:
        count = len(self.alive)
        for attempt in list(self.alive):
            await self.remove(attempt)
        return count


def _read_files(root: Path) -> dict[str, str]:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def _hash(files: Mapping[str, str]) -> str:
    return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()  # noqa: S324 - a name, no signature


@dataclass(eq=False)
class Call:
    """A command that ``FakeCommands`` runs: what it was given, where it may write."""

    attempt: AttemptId
    argv: tuple[str, ...]
    workspace: Workspace
    inputs: Mapping[str, str]
    environment: Mapping[str, str]
    timeout_seconds: float
    on_line: Callable[[str], None]
    clock: Clock
    lines: list[str] = field(default_factory=list)
    output: dict[str, str] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """Print a line."""
        self.lines.append(line)
        self.on_line(line)


Program = Callable[[Call], Awaitable[int]]
"""Stands for an executable; returns the exit code."""


class FakeCommands:
    """Commands without processes: *programs* by the first word of the command."""

    isolation = "a fake"

    def __init__(self, clock: Clock, programs: Mapping[str, Program]) -> None:
        self._clock = clock
        self.programs = dict(programs)
        self.calls: list[Call] = []
        self._running: dict[AttemptId, asyncio.Task[int]] = {}

    async def run(
        self,
        attempt: AttemptId,
        argv: Sequence[str],
        *,
        workspace: Workspace,
        inputs: Mapping[str, str],
        environment: Mapping[str, str],
        timeout_seconds: float,
        on_line: Callable[[str], None],
        cache: str = "",
        printed_bytes: int = 0,
    ) -> Finished:
        call = Call(
            attempt,
            tuple(argv),
            workspace,
            inputs,
            environment,
            timeout_seconds,
            on_line,
            self._clock,
        )
        self.calls.append(call)
        program = asyncio.ensure_future(self.programs[argv[0]](call))
        timeout = asyncio.ensure_future(self._clock.sleep(timeout_seconds))
        self._running[attempt] = program
        try:
            await asyncio.wait({program, timeout}, return_when="FIRST_COMPLETED")
        finally:
            has_ended = program.done() and not program.cancelled()
            timed_out = timeout.done()
            program.cancel()
            timeout.cancel()
            await asyncio.wait({program, timeout})
            del self._running[attempt]
        exit_code = program.result() if has_ended else -9
        timed_out = timed_out and not has_ended
        lines, printed = tuple(call.lines[-30:]), None
        if printed_bytes:
            printed = _written(
                "".join(f"{line}\n" for line in call.lines), printed_bytes
            )
        return Finished(exit_code, timed_out, lines, printed=printed)

    async def output(
        self, attempt: AttemptId, name: str, *, most_bytes: int = OUTPUT_BYTES
    ) -> Written | None:
        calls = [call for call in self.calls if call.attempt == attempt]
        text = calls[-1].output.get(name) if calls else None
        return None if text is None else _written(text, most_bytes, name)

    async def kill(self, attempt: AttemptId) -> None:
        if program := self._running.get(attempt):
            program.cancel()
            await asyncio.wait({program})

    async def kill_orphans(self) -> int:
        return 0


def _written(text: str, most_bytes: int, name: str = "") -> Written:
    data = text.encode()
    shown = data[:most_bytes].decode(errors="replace")
    return Written(shown, name, is_whole=len(data) <= most_bytes)


RAN = CommandResult(0, isolation="a fake", commit="c" * 40, files=1, insertions=2)


@dataclass(frozen=True)
class Script:
    """How the command of an item goes: one end for each try, the last one repeated."""

    ends: Sequence[CommandResult | Exception] = (RAN,)
    seconds: float = 10.0
    says: Sequence[str] = ()


class ScriptedWorker:
    """A worker whose attempts take the time and end as the test says.

    ``began`` and ``finished`` list attempts in order; ``most`` is the largest number
    that ran at the same time. Keep it over a restart of what uses it, and it is one
    that outlives the bot.
    """

    name = "scripted"
    takes = frozenset({Resource.WORKSPACE})

    def __init__(
        self,
        clock: Clock,
        scripts: Mapping[str, Script] | None = None,
        *,
        outlives_the_bot: bool = False,
    ) -> None:
        self.outlives_the_bot = outlives_the_bot
        self.scripts = dict(scripts or {})
        self._clock = clock
        self._due: dict[AttemptId, float] = {}
        self._tries: Counter[str] = Counter()
        self.jobs: dict[AttemptId, CommandJob] = {}
        self.began: list[AttemptId] = []
        self.finished: list[AttemptId] = []
        self.stopped: list[AttemptId] = []
        self.cleaned: list[AttemptId] = []
        self.running: set[AttemptId] = set()
        self.most = 0

    def script(self, job: CommandJob) -> Script:
        """Return how the attempts of an item go."""
        return self.scripts.get(job.environment["BATCH_ITEM"], Script())

    def why_not(self, command: str) -> None:
        return None

    async def start(self, job: CommandJob, emit: Emit = unheard) -> str:
        if job.attempt not in self._due:
            self.began.append(job.attempt)
            self.jobs[job.attempt] = job
            self._due[job.attempt] = self._clock.monotonic() + self.script(job).seconds
            self._tries[job.environment["BATCH_ITEM"]] += 1
            self.running.add(job.attempt)
            self.most = max(self.most, len(self.running))
        return f"scripted-{job.attempt}"

    async def find(self, attempt: AttemptId) -> str | None:
        return f"scripted-{attempt}" if attempt in self._due else None

    async def result(
        self, external_id: str, job: CommandJob, emit: Emit
    ) -> CommandResult:
        if job.attempt not in self._due or job.attempt in self.stopped:
            raise Lost(AttemptUnknown(job.attempt))
        script = self.script(job)
        for line in script.says:
            emit(line)
        await self._clock.sleep(self._due[job.attempt] - self._clock.monotonic())
        if job.attempt in self.stopped:
            raise Lost(AttemptCancelled(job.attempt))
        self.running.discard(job.attempt)
        self.finished.append(job.attempt)
        tries = self._tries[job.environment["BATCH_ITEM"]]
        end = script.ends[min(tries, len(script.ends)) - 1]
        if isinstance(end, Exception):
            raise end
        return end

    async def stop(self, attempt: AttemptId) -> None:
        self.running.discard(attempt)
        self.stopped.append(attempt)

    async def clean(self, attempt: AttemptId) -> None:
        self.running.discard(attempt)
        self._due.pop(attempt, None)
        self.cleaned.append(attempt)
