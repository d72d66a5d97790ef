"""The pool with real git and real processes; its machines run in this process."""

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra [dask] is not installed")

from bot.core.actions.step import CommandJob, PullHead
from bot.core.effects import PushBranch
from bot.core.model import AttemptId, CommandResult, ItemNumber
from bot.core.say.problems.server import CodeSpent, NoToken, Silence, Spent
from bot.errors import BranchMissing, Lost, PermanentError, TransientError
from bot.host.clock import SystemClock
from bot.host.commands import HostCommands
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.isolation import View, choose
from bot.host.mirrors import Mirrors
from bot.host.process import HOST_MARKER, Tree
from bot.host.push import BranchPusher
from bot.host.receiving import HostReceiving
from bot.host.shipping import HostShipping
from bot.ports.host import BUNDLE, PACKED, Parcel, Shipment
from bot.ports.work import Emit, unheard
from bot.workers.codes import Codes
from bot.workers.dask import DaskWorker
from bot.workers.pool import Pool
from bot.workers.wire import decode
from tests.core.actions.jobs import REPOSITORY
from tests.host.gitting import OneToken, Remote, git
from tests.host.test_commands import until
from tests.workers.conftest import make_job
from tests.workers.pooling import ME, NoPeople, asking, joined, scheduling

pytestmark = pytest.mark.outside

ENVIRONMENT = {"PATH": os.environ["PATH"], "PRIVATE_KEY": "the key of the app"}
BRANCH = "batch/b7k2/12"


CHANGES = 'open("paths.py", "a").write("two\\n")'


class Stage:
    """The bot's machine, one of the pool, and a repository; an agent that runs there."""

    def __init__(self, folder: Path, agent: str) -> None:
        self.remote = Remote.made_in(folder / "github")
        self.remote.commit("main", {"paths.py": "one\n"})
        self.here = Folders(folder / "here" / "host")
        self.there = Folders(folder / "there" / "host")
        for folders in (self.here, self.there):
            folders.root.mkdir(parents=True)
        self.mirrors = Mirrors(
            self.here,
            git=Git(environment=ENVIRONMENT, host=self.here.host),
            remotes=Remotes(OneToken(), lambda _: str(self.remote.bare)),
        )
        clock = SystemClock()
        self.shipping = HostShipping(self.here, mirrors=self.mirrors, clock=clock)
        self.pusher = BranchPusher(self.mirrors)
        argv = [sys.executable, "-I", "-S", "-c", textwrap.dedent(agent)]
        self.receiving = HostReceiving(
            self.there,
            git=Git(environment=ENVIRONMENT, host=self.there.host),
            commands=HostCommands(
                self.there,
                isolation=choose("best-effort", View(hidden=(self.there.root,))),
                clock=clock,
                environment=ENVIRONMENT,
            ),
            clock=clock,
            argvs={"implement": argv},
            redeem=self._redeem,
        )
        self.worker: DaskWorker
        self.codes = Codes(OneToken(), clock)
        self.meanwhile: Callable[[], None] = lambda: None
        self.packed: list[int] = []
        self._pack = self.shipping.pack
        self.shipping.pack = self._counted  # type: ignore[method-assign]

    async def _redeem(self, code: str) -> str:
        """Get the token for a code; something may happen before it does."""
        self.meanwhile()
        return await self.codes.redeem(code)

    async def _counted(self, shipment: Shipment, have: Sequence[str]) -> str | None:
        path = await self._pack(shipment, have)
        self.packed.append(await asyncio.to_thread(_size, path))
        return path

    async def run(self, job: CommandJob, emit: Emit = unheard) -> CommandResult:
        external_id = await self.worker.start(job, emit)
        return await self.worker.result(external_id, job, emit)

    async def push(self, result: CommandResult) -> None:
        await self.pusher.do(PushBranch(REPOSITORY, BRANCH, result.commit))

    def log(self, ref: str, form: str) -> str:
        return git(self.remote.bare, "log", "-1", f"--format={form}", ref)


@pytest.fixture
async def pooled(tmp_path: Path) -> AsyncIterator[Callable[[str], "Awaitable[Stage]"]]:
    async with AsyncExitStack() as stack:

        async def made(agent: str, *, has_codes: bool = False) -> Stage:
            stage = await asyncio.to_thread(Stage, tmp_path, agent)
            scheduler = await stack.enter_async_context(scheduling())
            clock = SystemClock()
            await stack.enter_async_context(joined(scheduler, stage.receiving, clock))
            stage.worker = await stack.enter_async_context(
                asking(
                    *(scheduler, stage.shipping, clock),
                    codes=stage.codes if has_codes else None,
                )
            )
            return stage

        yield made


def left(stage: Stage, attempt: AttemptId) -> list[Path]:
    """Return what is left of an attempt, here and there."""
    both = (stage.here, stage.there)
    places = [folders.attempt(attempt).root for folders in both]
    places += [folders.parcel(attempt) for folders in both]
    return [path for path in places if path.exists()]


async def test_from_an_issue_to_a_pushed_branch(pooled):
    stage: Stage = await pooled("""
        import json, os
        item = json.load(open(os.environ["BATCH_ITEM_FILE"]))
        open("paths.py", "a").write(f"# {item['title']}\\n")
        with open(os.environ["BATCH_OUTPUT"] + "/result.json", "w") as file:
            json.dump({"title": "Join paths"}, file)
        print("all tests pass")
    """)
    job = make_job()
    lines: list[str] = []
    result = await stage.run(job, lines.append)
    assert result.outputs == {"result.json": '{"title": "Join paths"}'}
    assert (result.files, result.insertions, result.deletions) == (1, 1, 0)
    assert result.log_tail == ("all tests pass",)
    assert result.isolation
    assert "waits for a machine of the pool" in lines
    await stage.push(result)
    await stage.worker.clean(job.attempt)
    assert stage.remote.show(f"{BRANCH}:paths.py") == "one\n# Paths on Windows"
    assert stage.log(BRANCH, "%an %ce %s") == f"{ME.name} {ME.address} Implement #12"
    assert stage.log(BRANCH, "%P") == stage.remote.head("main")
    # The machine deletes it when it hears that nobody wants it any more.
    await until(lambda: not left(stage, job.attempt))


async def test_what_a_machine_has_is_not_sent_again(pooled):
    stage: Stage = await pooled(CHANGES)
    stage.remote.commit("main", {"large.txt": os.urandom(60_000).hex()})
    for attempt in (1, 2):
        job = make_job(attempt=attempt)
        assert (await stage.run(job)).commit
        await stage.worker.clean(job.attempt)
    stage.remote.commit("main", {"three.txt": "3\n"})
    assert (await stage.run(make_job(attempt=3))).commit
    large, small = stage.packed  # of the second nothing
    assert large > 60_000
    assert 0 < small < 2_000


async def test_a_machine_with_a_code_fetches_by_itself(pooled):
    stage: Stage = await pooled(CHANGES, has_codes=True)
    for attempt in (1, 2):
        stage.remote.commit("main", {f"{attempt}.txt": "new\n"})
        assert (await stage.run(make_job(attempt=attempt))).files == 1
    assert stage.packed == [0, 0]


async def test_of_a_branch_that_moved_meanwhile_nothing_is_sent(pooled):
    stage: Stage = await pooled(CHANGES, has_codes=True)
    before = stage.remote.head("main")
    stage.meanwhile = lambda: _commit_more(stage)
    result = await stage.run(make_job())
    await stage.push(result)
    assert stage.packed == [0]
    assert stage.log(BRANCH, "%P") == before


async def test_of_an_item_behind_two_only_the_merge_is_sent(pooled):
    stage: Stage = await pooled(CHANGES, has_codes=True)
    stage.remote.commit("main", {"large.txt": os.urandom(60_000).hex()})
    for number in (10, 11):
        files = {f"{number}.py": f"{number}\n"}
        stage.remote.commit(f"batch/b7k2/{number}", files, start="main")
    merge = ("batch/b7k2/10", "batch/b7k2/11")
    assert (await stage.run(replace(make_job(), merge=merge))).merged == merge
    (size,) = stage.packed
    assert 0 < size < 2_000


def _away(stage: Stage) -> None:
    raise TransientError(NoToken(Silence.LATE))


def _refused(stage: Stage) -> None:
    raise PermanentError(CodeSpent(Spent.USED))


def _no_such_branch(stage: Stage) -> None:
    git(stage.remote.bare, "update-ref", "-d", "refs/heads/main")


@pytest.mark.parametrize("happens", [_away, _refused, _no_such_branch])
async def test_what_a_machine_cannot_fetch_is_sent(pooled, happens):
    """Here the machine does not reach the bot, and there GitHub."""
    stage: Stage = await pooled(CHANGES, has_codes=True)
    stage.meanwhile = lambda: happens(stage)
    assert (await stage.run(make_job())).files == 1
    assert stage.packed[0] > 0


async def test_machines_that_fetch_at_once_use_each_its_own_token(pooled):
    stage: Stage = await pooled(CHANGES, has_codes=True)
    jobs = [make_job(attempt=number) for number in (1, 2)]
    results = await asyncio.gather(*map(stage.run, jobs))
    assert [result.files for result in results] == [1, 1]
    assert stage.packed == [0, 0]


async def test_a_piece_of_a_bot_that_was_killed_is_not_used(pooled):
    stage: Stage = await pooled(CHANGES)
    await stage.run(make_job())
    torn = stage.there.parcel(make_job(attempt=2).attempt) / PACKED
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"# v2 git bundle\n")
    assert (await stage.run(make_job(attempt=2))).files == 1


async def test_a_pull_request_is_fetched_by_itself(pooled):
    stage: Stage = await pooled(
        'import os; print(open(os.environ["BATCH_DIFF_FILE"]).read())', has_codes=True
    )
    head = stage.remote.commit("topic", {"paths.py": "one\ntwo\n"}, start="main")
    git(stage.remote.bare, "update-ref", "refs/pull/7/head", head)
    pull = PullHead(ItemNumber(7), head)
    assert "+two" in (await stage.run(replace(make_job(), pull=pull))).log_tail
    assert stage.packed == [0]


def _commit_more(stage: Stage) -> None:
    stage.remote.commit("main", {"more.txt": "more\n"})


async def test_a_damaged_copy_is_made_again(pooled):
    stage: Stage = await pooled(CHANGES)
    await stage.run(make_job())
    mirror = stage.there.mirror(REPOSITORY)
    for pack in mirror.rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"nothing")
    for file in (mirror / "objects").glob("??/*"):
        file.chmod(0o600)
        file.write_bytes(b"nothing")
    (mirror / "HEAD").unlink()
    with pytest.raises(TransientError, match="was damaged"):
        await stage.run(make_job(attempt=2))  # nothing has begun: it is tried again
    await stage.worker.clean(make_job(attempt=2).attempt)
    assert (await stage.run(make_job(attempt=2))).commit


async def test_an_item_behind_two_gets_a_merge_that_the_bot_made(pooled):
    stage: Stage = await pooled("""
        import os
        assert os.path.exists("ten.py") and os.path.exists("eleven.py")
        open("paths.py", "a").write(os.environ["BATCH_BASE"] + "\\n")
    """)
    stage.remote.commit("batch/b7k2/10", {"ten.py": "10\n"}, start="main")
    stage.remote.commit("batch/b7k2/11", {"eleven.py": "11\n"}, start="main")
    result = await stage.run(
        replace(make_job(), merge=("batch/b7k2/10", "batch/b7k2/11"))
    )
    assert result.merged == ("batch/b7k2/10", "batch/b7k2/11")
    await stage.push(result)
    assert stage.remote.show(f"{BRANCH}^:ten.py") == "10"
    assert stage.remote.show(f"{BRANCH}:paths.py") == "one\nmain"


async def test_a_pull_request_is_looked_at(pooled):
    stage: Stage = await pooled("""
        import os
        print(open(os.environ["BATCH_DIFF_FILE"]).read())
    """)
    head = stage.remote.commit("topic", {"paths.py": "one\ntwo\n"}, start="main")
    git(stage.remote.bare, "update-ref", "refs/pull/7/head", head)
    pull = PullHead(ItemNumber(7), head)
    result = await stage.run(replace(make_job(), pull=pull))
    assert "+two" in result.log_tail
    assert result.commit == ""


async def test_a_branch_that_is_missing_is_known_before_anything_is_sent(pooled):
    stage: Stage = await pooled("")
    with pytest.raises(BranchMissing):
        await stage.worker.start(make_job(base="batch/b7k2/8"))


async def test_an_attempt_that_was_kept_and_not_sent_is_sent_after_a_restart(
    pooled, tmp_path: Path
):
    """The bot may be killed between the two; nothing has begun then."""
    stage: Stage = await pooled(CHANGES)
    pool, job, kept = stage.worker._pool, make_job(), asyncio.Event()

    async def dying(*arguments: object, **more: object) -> None:
        kept.set()
        await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "call", dying)
        starting = asyncio.ensure_future(stage.worker.start(job))
        await asyncio.wait_for(kept.wait(), 30)
        starting.cancel()
        await asyncio.wait({starting})
        await pool.close()
    again = DaskWorker(
        pool=Pool(pool._address, SystemClock()),
        shipping=stage.shipping,
        people=NoPeople(),
        clock=SystemClock(),
        commands={"implement": {}},
    )
    external_id = await again.find(job.attempt)
    assert external_id is not None
    async with asyncio.timeout(30):
        assert (await again.result(external_id, job, unheard)).files == 1
    await again.clean(job.attempt)
    await again._pool.close()


async def test_what_the_pool_gives_up_before_it_begins_takes_no_place(pooled):
    """The bot is killed at once after it has asked for a machine."""
    stage: Stage = await pooled(CHANGES)
    runs = 0
    run = stage.receiving.run

    async def counted(*given):
        nonlocal runs
        runs += 1
        return await run(*given)

    stage.receiving.run = counted  # type: ignore[method-assign]
    job, pool = make_job(), stage.worker._pool
    submit = pool.submit

    async def dying(*given):
        future = await submit(*given)
        await pool.close()
        return future

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "submit", dying)
        starting = asyncio.ensure_future(stage.worker.start(job))
        await asyncio.sleep(0.3)
        starting.cancel()
        await asyncio.wait({starting})
    assert await stage.worker.find(job.attempt) is None
    async with asyncio.timeout(30):
        assert (await stage.run(job)).files == 1
    assert runs == 1


async def test_what_the_pool_begins_once_more_runs_once(pooled):
    """The scheduler may have a machine compute again what that has computed."""
    stage: Stage = await pooled(CHANGES)
    job, ran = make_job(), []
    run = stage.receiving.run

    async def counted(shipment, say):
        ran.append(shipment.job.attempt)
        return await run(shipment, say)

    stage.receiving.run = counted  # type: ignore[method-assign]
    external_id = await stage.worker.start(job)
    first = await stage.worker.result(external_id, job, unheard)
    again = await stage.worker._pool.call(
        stage.worker._attempts[job.attempt].machine, "work", job.attempt
    )
    assert decode(again).kind == "stopped"  # its task is over
    assert (ran, first.files) == ([job.attempt], 1)


async def test_who_starts_an_attempt_twice_at_once_runs_it_once(pooled):
    stage: Stage = await pooled(CHANGES)
    job = make_job()
    async with asyncio.timeout(30):
        first, second = await asyncio.gather(
            stage.worker.start(job), stage.worker.start(job)
        )
        assert first == second
        assert (await stage.worker.result(first, job, unheard)).files == 1


async def test_large_files_come_along(pooled):
    stage: Stage = await pooled('open("film.bin", "w").write("a film" * 1000)')
    stage.remote.commit("main", {".gitattributes": "*.bin filter=lfs\n"})
    result = await stage.run(make_job())
    (kept,) = stage.mirrors.large(REPOSITORY).of(make_job().attempt)
    assert kept.read_text() == "a film" * 1000
    assert result.files == 1


async def test_stopping_ends_all_processes_there(pooled):
    stage: Stage = await pooled("""
        import subprocess, sys, time
        wait = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
        subprocess.Popen(wait, start_new_session=True)
        print("working", flush=True)
        time.sleep(1000)
    """)
    job, started = make_job(), asyncio.Event()

    def emit(line: str) -> None:
        if line == "working":
            started.set()

    waiting = asyncio.ensure_future(stage.run(job, emit))
    await asyncio.wait_for(started.wait(), 60)
    tree = Tree({HOST_MARKER: stage.there.host})
    assert len(tree.processes()) >= 2
    async with asyncio.timeout(10):
        await stage.worker.stop(job.attempt)
        with pytest.raises(Lost):
            await waiting
    assert tree.processes() == []
    await stage.worker.clean(job.attempt)
    assert await stage.worker.find(job.attempt) is None


def _size(path: str | None) -> int:
    return Path(path).stat().st_size if path else 0


async def _sent(stage: Stage, change: Callable[[Stage, Parcel], Parcel]) -> None:
    """Run a job on a machine that changes what it sends."""
    run = stage.receiving.run

    async def lying(shipment, say):
        return await asyncio.to_thread(change, stage, await run(shipment, say))

    stage.receiving.run = lying  # type: ignore[method-assign]
    await stage.run(make_job())


def _commit(stage: Stage, parcel: Parcel) -> Parcel:
    """Send a commit in place of a tree."""
    mirror = stage.there.mirror(REPOSITORY)
    sha = git(mirror, "commit-tree", parcel.result.commit, "-m", "More")
    return _bundled(stage, parcel, sha, sha)


def _broken(stage: Stage, parcel: Parcel) -> Parcel:
    """Send a tree without what is new in it."""
    return _bundled(stage, parcel, parcel.result.commit, stage.remote.head("main"))


def _dangerous(stage: Stage, parcel: Parcel) -> Parcel:
    """Send a tree that git itself never makes."""
    mirror, file = stage.there.mirror(REPOSITORY), stage.there.root / "tree"
    file.write_bytes(b"40000 .git\0" + bytes.fromhex(parcel.result.commit))
    tree = git(mirror, "hash-object", "-t", "tree", "-w", "--literally", str(file))
    return _bundled(stage, parcel, tree, tree)


def _other_base(stage: Stage, parcel: Parcel) -> Parcel:
    """Have the bot prepare the same attempt once more, when the branch has moved."""
    _commit_more(stage)
    head = stage.remote.head("main")
    git(stage.here.mirror(REPOSITORY), "fetch", "-q", str(stage.remote.bare), "main")
    ref = f"refs/base/{make_job().attempt}"
    git(stage.here.mirror(REPOSITORY), "update-ref", ref, head)
    return parcel


def _other_ref(stage: Stage, parcel: Parcel) -> Parcel:
    """Send a branch besides."""
    sha = parcel.result.commit
    return _bundled(stage, parcel, sha, sha, f"{sha} refs/heads/main\n")


def _bundled(
    stage: Stage, parcel: Parcel, sha: str, packed: str, more: str = ""
) -> Parcel:
    """Send something else in the form in which a change comes."""
    file = stage.there.parcel(make_job().attempt) / BUNDLE
    mirror = stage.there.mirror(REPOSITORY)
    pack = subprocess.run(  # noqa: S603 - the test's own words
        ["git", "-C", mirror, "pack-objects", "--revs", "--stdout", "-q"],  # noqa: S607
        input=f"{packed}\n".encode(),
        capture_output=True,
        check=True,
    ).stdout
    base = stage.remote.head("main")
    header = f"# v2 git bundle\n-{base} \n{sha} refs/changed\n{more}\n"
    file.write_bytes(header.encode() + pack)
    size = file.stat().st_size
    return Parcel(replace(parcel.result, commit=sha), {BUNDLE: size})


def _other_name(stage: Stage, parcel: Parcel) -> Parcel:
    return Parcel(
        parcel.result, {**parcel.files, "../../host/mirrors/1.git/HEAD": 10**6}
    )


def _too_much(stage: Stage, parcel: Parcel) -> Parcel:
    return Parcel(parcel.result, {BUNDLE: 10**12})


def _other_content(stage: Stage, parcel: Parcel) -> Parcel:
    name = "a" * 64
    (stage.there.parcel(make_job().attempt) / name).write_text("a film")
    return Parcel(parcel.result, {**parcel.files, name: 6})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_commit, "not a valid 'tree' object"),
        (_broken, "unable to read|bad object|not a tree|missing"),
        (_dangerous, "fsck error"),
        (_other_base, "stands on another commit"),
        (_other_ref, "other refs"),
        (_other_name, "other names"),
        (_too_much, "too large"),
        (_other_content, "other contents"),
    ],
)
async def test_what_no_worker_sends_is_not_taken(pooled, change, why: str):
    stage: Stage = await pooled(CHANGES)
    with pytest.raises(PermanentError, match=why) as raised:
        await _sent(stage, change)
    assert "Nothing of it was used" in raised.value.advice
