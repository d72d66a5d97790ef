"""A pool in this process, in front of fakes or of real git."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from distributed import Scheduler, Worker

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult, Person, Repository
from bot.core.say.problems.git import NoBranch
from bot.errors import BranchMissing
from bot.host.job import run_command_job
from bot.pooled import NO_PAGES
from bot.ports.clock import Clock
from bot.ports.host import BUNDLE, Parcel, Receiving, Shipment, Shipping
from bot.workers.codes import Codes
from bot.workers.dask import DaskWorker
from bot.workers.member import Member
from bot.workers.pool import PLENTY, SLOTS, VERSION, Address, Pool, runs
from tests.fakes import FakeClock, FakeCommands, FakeWorkspaces

ME = Person("Ada", "ada@example.org")


class NoPeople:
    """Everybody is Ada."""

    async def bot(self, repository: Repository) -> Person:
        return ME

    async def person(self, repository: Repository, login: str) -> Person | None:
        return ME


class FakeShipping:
    """Ships the branches of fake workspaces."""

    def __init__(self, folder: Path, workspaces: FakeWorkspaces) -> None:
        self._folder = folder
        self._workspaces = workspaces

    async def prepare(
        self, job: CommandJob, *, author: Person, co_author: Person | None
    ) -> Shipment:
        if job.base not in self._workspaces.branches:
            raise BranchMissing(NoBranch(job.base, job.repository.name))
        return Shipment(job, "https://nowhere", author, co_author, "a" * 40, job.base)

    async def pack(self, shipment: Shipment, have: Sequence[str]) -> str | None:
        return None

    def folder(self, attempt: AttemptId) -> str:
        return str(self._folder / attempt)

    async def take_in(
        self,
        job: CommandJob,
        parcel: Parcel,
        *,
        author: Person,
        co_author: Person | None,
    ) -> CommandResult:
        for name, size in parcel.files.items():
            assert (Path(self.folder(job.attempt)) / name).stat().st_size == size
        return parcel.result

    async def remove(self, attempt: AttemptId) -> None: ...


class FakeReceiving:
    """Runs scripted commands in fake workspaces."""

    def __init__(
        self, folder: Path, workspaces: FakeWorkspaces, commands: FakeCommands
    ) -> None:
        self._folder = folder
        self._workspaces = workspaces
        self._commands = commands

    async def have(self, repository: Repository) -> tuple[str, ...]:
        return ()

    async def fetch(self, shipment: Shipment) -> tuple[str, ...]:
        return ()

    def folder(self, attempt: AttemptId) -> str:
        return str(self._folder / attempt)

    async def run(self, shipment: Shipment, say: Callable[[str], None]) -> Parcel:
        result = await run_command_job(
            shipment.job,
            say,
            argvs={"implement": ["agent", "-p"]},
            commands=self._commands,
            workspaces=self._workspaces,
        )
        _write(Path(self.folder(shipment.job.attempt)) / BUNDLE, b"a bundle")
        return Parcel(result, {BUNDLE: 8} if result.commit else {})

    async def remove(self, attempt: AttemptId) -> None:
        await self._commands.kill(attempt)
        await self._workspaces.remove(attempt)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@asynccontextmanager
async def scheduling() -> AsyncIterator[Scheduler]:
    """Have a scheduler in this process."""
    async with Scheduler(
        dashboard=False, dashboard_address=NO_PAGES, port=0, host="127.0.0.1"
    ) as scheduler:
        yield scheduler


@asynccontextmanager
async def joined(
    scheduler: Scheduler,
    receiving: Receiving,
    clock: Clock,
    *,
    slots: int = 2,
    commands: Sequence[str] = ("implement",),
    has: Mapping[str, float] | None = None,
) -> AsyncIterator[Worker]:
    """Have a machine in the pool that runs in this process."""
    resources = {SLOTS: slots, VERSION: PLENTY, **(has or {})}
    resources |= {runs(command): PLENTY for command in commands}
    async with Worker(
        scheduler.address,
        nthreads=slots,
        resources=resources,
        plugins=[Member(receiving, clock)],
        dashboard=False,
    ) as worker:
        yield worker


@asynccontextmanager
async def asking(
    scheduler: Scheduler,
    shipping: Shipping,
    clock: Clock,
    needs: Mapping[str, float] | None = None,
    codes: Codes | None = None,
) -> AsyncIterator[DaskWorker]:
    """Have the bot's side of the pool."""
    pool = Pool(Address(scheduler.address), clock)
    try:
        yield DaskWorker(
            pool=pool,
            shipping=shipping,
            people=NoPeople(),
            clock=clock,
            commands={"implement": needs or {}},
            codes=codes,
        )
    finally:
        await pool.close()


@asynccontextmanager
async def pooled_worker(
    folder: Path, clock: FakeClock, workspaces: FakeWorkspaces, commands: FakeCommands
) -> AsyncIterator[DaskWorker]:
    """Have a pool of one machine, in front of fakes."""
    receiving = FakeReceiving(folder / "there", workspaces, commands)
    shipping = FakeShipping(folder / "here", workspaces)
    async with (
        scheduling() as scheduler,
        joined(scheduler, receiving, clock),
        asking(scheduler, shipping, clock) as worker,
    ):
        yield worker
