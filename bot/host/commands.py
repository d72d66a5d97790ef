"""Runs the operator's commands: isolated, limited, watched, and ended with all they began."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.core.model import AttemptId
from bot.core.remarks import Written
from bot.core.say import programs
from bot.core.say.problems.server import NoProcess, ProgramGone
from bot.core.world.redaction import Secrets
from bot.errors import Problem, TransientError
from bot.host.disk import Disk, size_bytes
from bot.host.folders import AttemptFolder, Folders
from bot.host.isolation import Isolation
from bot.host.output import CommandLog
from bot.host.process import (
    ATTEMPT_MARKER,
    GRACE_SECONDS,
    HOST_MARKER,
    INHERITED,
    Guarded,
    ProcessLimits,
    Tree,
    clean_environment,
    end_tree,
    guarded,
    read_pipe,
    to_the_end,
)
from bot.host.programs import Trail, trail_of
from bot.host.written import Kept, read_output
from bot.ports.clock import Clock
from bot.ports.host import OUTPUT_BYTES, Finished, Workspace

CANNOT_START = 127
"""The exit code, as shells have it, of a command that is not there."""

LOGS_KEPT = timedelta(days=30)
LOOKED_EVERY = timedelta(hours=1)
"""How often old logs are looked for: there may be tens of thousands."""

_DRAIN_SECONDS = 2.0

_SHOW_SECONDS = 0.1
"""The least time between two looks at what a command says."""


_log = structlog.get_logger()


class HostCommands:
    """Commands as child processes of the bot.

    *environment* is the bot's own, of which commands get the variables it *inherits*;
    *extra* is what the operator wants them to have. *secrets* must not
    show in a log.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        isolation: Isolation,
        clock: Clock,
        environment: Mapping[str, str],
        extra: Mapping[str, str] | None = None,
        secrets: Secrets | None = None,
        limits: ProcessLimits | None = None,
        has_caches: bool = False,
        inherits: Sequence[str] = INHERITED,
        disk: Disk | None = None,
    ) -> None:
        self._folders = folders
        self._isolation = isolation
        self._clock = clock
        self._environment = clean_environment(environment, inherits) | dict(extra or {})
        self._secrets = secrets or Secrets()
        self._limits = limits or ProcessLimits()
        self._has_caches = has_caches
        self._disk = disk or Disk(folders.root, clock)
        self._looked_at: datetime | None = None
        self._roots: dict[AttemptId, int | None] = {}

    @property
    def isolation(self) -> str:
        """How commands are isolated, such as ``bubblewrap``."""
        return self._isolation.name

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
        """Run until it ends, or kill it at the time-out.

        An input ``item.json`` is also named by ``BATCH_ITEM_FILE``, and so on. Raises
        ``TransientError`` when the machine cannot start another process.
        """
        self._disk.check()
        folder = self._folders.attempt(attempt)
        if cache and self._has_caches:
            folder = replace(folder, cache=self._folders.cache(cache))
            await asyncio.to_thread(self._empty_large_cache, folder)
        await asyncio.to_thread(self._make_ready, folder, inputs)
        variables = self._variables(attempt, folder, inputs) | dict(environment)
        log = CommandLog(self._folders.log(attempt))
        printed = Kept(printed_bytes)
        fresh = asyncio.Event()

        def take(data: bytes) -> None:
            log.take(data)
            fresh.set()

        def take_printed(data: bytes) -> None:
            printed.take(data)
            take(data)

        showing = asyncio.create_task(
            self._show(log, fresh, on_line), name=f"show {attempt}"
        )
        try:
            trail = await asyncio.to_thread(_trail, argv, folder, variables["PATH"])
            if trail.faults:
                # The words are the operator's: they hold paths of this server.
                _log.warning("program missing", why=trail.faults[0])
                gone = ProgramGone(Path(argv[0]).name)
                return Finished(CANNOT_START, timed_out=False, log_tail=(), fault=gone)
            wrapped = self._isolation.wrap(argv, folder, trail)
            streams = (take_printed, take) if printed_bytes else (take,)
            code, timed_out, fault = await self._supervise(
                attempt, wrapped, variables, timeout_seconds, streams
            )
        finally:
            showing.cancel()
            await to_the_end(asyncio.wait({showing}))
            rest = await to_the_end(asyncio.to_thread(log.close, self._secrets))
        for line in rest:
            on_line(line)
        if not printed_bytes:
            return Finished(code, timed_out, log.tail, fault)
        apart = await asyncio.to_thread(printed.written, self._secrets)
        return Finished(code, timed_out, log.tail, fault, apart)

    async def _show(
        self, log: CommandLog, fresh: asyncio.Event, on_line: Callable[[str], None]
    ) -> None:
        while True:
            await fresh.wait()
            fresh.clear()
            showing = asyncio.ensure_future(asyncio.to_thread(log.show, self._secrets))
            try:
                await to_the_end(asyncio.wait({showing}))
            finally:  # what was taken is shown, also when the command ends meanwhile
                for line in showing.result():
                    on_line(line)
            await self._clock.sleep(_SHOW_SECONDS)

    async def output(
        self, attempt: AttemptId, name: str, *, most_bytes: int = OUTPUT_BYTES
    ) -> Written | None:
        """Return a file that the command wrote into its output folder."""
        folder = self._folders.attempt(attempt).output
        return await asyncio.to_thread(
            read_output, folder, name, self._secrets, most_bytes=most_bytes
        )

    async def log(self, attempt: AttemptId) -> str | None:
        """Return what an attempt's command has printed, redacted; None if it has not."""
        return await asyncio.to_thread(_read_log, self._folders.log(attempt))

    async def kill(self, attempt: AttemptId) -> None:
        """Kill the whole tree of an attempt; nothing of it is left on return.

        What an earlier process of the bot left is for ``kill_orphans``.
        """
        if attempt in self._roots:  # else its guard has ended all of it, or none began
            tree = self._tree(attempt)
            await end_tree(tree, self._clock, grace_seconds=GRACE_SECONDS)

    async def kill_orphans(self) -> int:
        """Kill what an earlier process of the bot left; return how many."""
        tree = Tree({HOST_MARKER: self._folders.host})
        orphans = await asyncio.to_thread(tree.processes)
        await end_tree(tree, self._clock, grace_seconds=0)
        return len(orphans)

    def _tree(self, attempt: AttemptId) -> Tree:
        markers = {HOST_MARKER: self._folders.host, ATTEMPT_MARKER: attempt}
        return Tree(markers, self._roots.get(attempt), self._isolation.is_wrapper)

    async def _supervise(
        self,
        attempt: AttemptId,
        argv: Sequence[str],
        environment: Mapping[str, str],
        timeout_seconds: float,
        streams: Sequence[Callable[[bytes], None]],
    ) -> tuple[int, bool, Problem | None]:
        """Return the exit code, whether it timed out, and what it took too much of.

        Nothing is left of it then. *streams* take what it prints: all, or standard
        output and standard error.
        """
        pipes = _pipes(len(streams))
        reading = {
            asyncio.create_task(read_pipe(read_end, take), name=f"log {attempt}")
            for (read_end, _), take in zip(pipes, streams, strict=True)
        }
        async with AsyncExitStack() as stack:
            timed_out, fault, process = False, None, None
            grace_seconds = GRACE_SECONDS
            watching = asyncio.create_task(
                self._disk.watch(
                    self._folders.attempt(attempt),
                    lambda: [
                        process.pid for process in self._tree(attempt).processes()
                    ],
                ),
                name=f"disk {attempt}",
            )
            self._roots[attempt] = None
            try:
                write_ends = [write_end for _, write_end in pipes]
                process = await self._start(
                    stack, attempt, argv, environment, write_ends
                )
                waiting = asyncio.create_task(process.wait(), name=f"end {attempt}")
                try:
                    async with asyncio.timeout(timeout_seconds):
                        await asyncio.wait(
                            {waiting, watching}, return_when="FIRST_COMPLETED"
                        )
                    fault = watching.result() if watching.done() else None
                    grace_seconds = 0.0  # the guard has asked what was left
                except TimeoutError:
                    timed_out = True
            finally:
                watching.cancel()
                if process is not None and process.is_clean:
                    self._roots.pop(attempt, None)
                await to_the_end(self._finish(attempt, reading, grace_seconds))
            return await waiting, timed_out, fault

    async def _start(
        self,
        stack: AsyncExitStack,
        attempt: AttemptId,
        argv: Sequence[str],
        environment: Mapping[str, str],
        write_ends: Sequence[int],
    ) -> Guarded:
        try:
            process = await stack.enter_async_context(
                guarded(
                    argv,
                    environment=environment,
                    cwd=self._folders.attempt(attempt).workspace,
                    limits=self._limits,
                    stdout=write_ends[0],
                    stderr=write_ends[-1],
                )
            )
        except OSError as error:
            raise TransientError(NoProcess(str(error.strerror))) from error
        finally:
            for write_end in write_ends:
                os.close(write_end)
        self._roots[attempt] = process.pid
        return process

    async def _finish(
        self,
        attempt: AttemptId,
        reading: Set[asyncio.Task[None]],
        grace_seconds: float,
    ) -> None:
        if attempt in self._roots and await end_tree(
            self._tree(attempt), self._clock, grace_seconds=grace_seconds
        ):
            self._roots.pop(attempt, None)
        # Everyone who could write is dead, so the pipe ends; a process that could not
        # be killed may still hold it.
        await asyncio.wait(reading, timeout=_DRAIN_SECONDS)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    def _variables(
        self, attempt: AttemptId, folder: AttemptFolder, inputs: Mapping[str, str]
    ) -> dict[str, str]:
        cache = {}
        if folder.cache:
            # Not every program looks into ~/.cache, which leads there too.
            inside = str(folder.cache)
            cache = {"XDG_CACHE_HOME": inside, "npm_config_cache": f"{inside}/npm"}
        files = {
            f"BATCH_{Path(name).stem.upper()}_FILE": str(folder.input / name)
            for name in inputs
        }
        return {
            **self._environment,
            HOST_MARKER: self._folders.host,
            ATTEMPT_MARKER: attempt,
            "BATCH_INPUT": str(folder.input),
            "BATCH_OUTPUT": str(folder.output),
            "HOME": str(folder.home),
            "TMPDIR": str(folder.temporary),
            "GIT_CEILING_DIRECTORIES": str(folder.root),  # git looks no further up
            **cache,
            **files,
        }

    def _empty_large_cache(self, folder: AttemptFolder) -> None:
        if folder.cache and size_bytes(folder.cache) > self._disk.quota_bytes:
            _log.info("cache emptied", cache=folder.cache.name)
            self._folders.discard(folder.cache)

    def _make_ready(self, folder: AttemptFolder, inputs: Mapping[str, str]) -> None:
        _prepare(folder, inputs)
        now, logs = self._clock.now(), self._folders.logs
        logs.mkdir(parents=True, exist_ok=True)
        if self._looked_at is None or now - self._looked_at > LOOKED_EVERY:
            self._looked_at = now
            _drop_old(logs, now - LOGS_KEPT)


def _prepare(folder: AttemptFolder, inputs: Mapping[str, str]) -> None:
    for path in (folder.input, folder.output, folder.home, folder.temporary):
        path.mkdir(parents=True, exist_ok=True)
    if folder.cache:
        folder.cache.mkdir(parents=True, exist_ok=True)
        (folder.home / ".cache").symlink_to(folder.cache)
    for name, text in inputs.items():
        (folder.input / name).write_text(text, encoding="utf-8")


def _pipes(count: int) -> list[tuple[int, int]]:
    """Return new pipes. Raises ``TransientError`` where there are not so many."""
    made: list[tuple[int, int]] = []
    try:
        for _ in range(count):
            made.append(os.pipe())  # noqa: PERF401 - those before are closed
    except OSError as error:
        for end in (end for pipe in made for end in pipe):
            os.close(end)
        raise TransientError(NoProcess(str(error.strerror))) from error
    return made


def _drop_old(logs: Path, before: datetime) -> None:
    for log in logs.iterdir():
        if log.stat().st_mtime < before.timestamp():
            log.unlink(missing_ok=True)


def _trail(argv: Sequence[str], folder: AttemptFolder, path: str) -> Trail:
    trail = trail_of(argv, path)
    program = argv[0]
    is_inside = "/" in program and not program.startswith("/")
    if is_inside and not (folder.workspace / program).exists():
        trail.faults.append(programs.missing_in_repository(program))
    return trail


def _read_log(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
