"""What runs on the machines of a pool: its scheduler, and its workers.

Both end with what they are told to, and both may be started again at any time: a worker
whose scheduler has gone ends what runs, for nobody waits for it, and joins again.
"""

import asyncio
import fcntl
import logging
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import dask
import structlog
from distributed import Scheduler, Worker, rpc
from distributed.core import Status

from bot.core.say import findings, starts
from bot.core.world.redaction import Secrets
from bot.errors import SettingsError
from bot.host.clock import SystemClock
from bot.host.receiving import HostReceiving
from bot.ports.clock import Clock
from bot.ports.host import Redeem
from bot.settings import Settings, environment
from bot.wiring import Host, address_of, encryption
from bot.workers.encryption import called
from bot.workers.member import NAME, Member
from bot.workers.pool import PLENTY, SLOTS, VERSION, Address, runs
from bot.workers.redeeming import Redeeming

CONFIGURATION: Mapping[str, object] = {
    # What a lost machine ran is tried again by the bot, which knows what that costs.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": "30s",
    # Their pages are open to whoever finds them, and told all that goes on.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""How the scheduler and the workers differ from what dask makes of them."""

NO_PAGES = "127.0.0.1:0"

JOIN_SECONDS = 10
AGAIN_SECONDS = 3.0

log = structlog.get_logger()


async def schedule(settings: Settings) -> None:
    """Run the scheduler until SIGTERM or SIGINT. Raises ``SettingsError``."""
    address, ended = _address(settings), _ended()
    parts = urlsplit(address.url)
    host = parts.hostname if parts.scheme == "tcp" else None
    with quiet():
        try:
            async with Scheduler(
                protocol=f"{parts.scheme}://",
                host=host,
                port=parts.port,
                security=address.security,
                dashboard=False,
                dashboard_address=NO_PAGES,
            ) as scheduler:
                log.info("the pool is open", address=scheduler.address)
                await ended.wait()
        except (OSError, ValueError) as error:
            raise SettingsError(
                starts.pool_not_opened(address.url, str(error))
            ) from error


async def work(
    settings: Settings,
    secrets: Secrets,
    *,
    slots: int,
    has: Mapping[str, int],
    folder: Path,
) -> None:
    """Take part in the pool until SIGTERM or SIGINT.

    *slots* is how many commands run here at a time; *has* what commands may need. Raises
    ``SettingsError`` where that cannot be, before anything is joined.
    """
    address, ended, clock = _address(settings), _ended(), SystemClock()
    with quiet(), alone(folder):
        host = await asyncio.to_thread(
            lambda: Host.of(settings, environment(), secrets, root=folder / "host")
        )
        if fault := await host.git.fault():
            raise SettingsError(starts.git_unfit(str(fault)))
        receiving = HostReceiving(
            host.folders,
            git=host.git,
            commands=host.commands(settings, clock),
            clock=clock,
            argvs=settings.commands,
            leave_out=settings.file.leave_out,
            redeem=redeem_of(settings, secrets),
        )
        await receiving.remove_all()
        resources = {SLOTS: slots, VERSION: PLENTY, **has}
        resources |= {runs(command): PLENTY for command in settings.commands}
        while not ended.is_set():
            try:
                await _join(address, Member(receiving, clock), resources, folder, ended)
            except (OSError, TimeoutError, RuntimeError) as error:
                log.warning(findings.pool_silent(address.url, str(error)))
            await _pause(clock, ended)


def redeem_of(settings: Settings, secrets: Secrets) -> Redeem | None:
    """Return what gets tokens of the bot; None where all repositories are sent.

    *secrets* learn each token. Raises ``SettingsError`` for files that do not fit.
    """
    if not settings.tokens_at:
        return None
    context = encryption(settings, called)
    return Redeeming(settings.tokens_at, context=context, secrets=secrets)


async def _join(
    address: Address,
    member: Member,
    resources: Mapping[str, float],
    folder: Path,
    ended: asyncio.Event,
) -> None:
    """Be in the pool until it goes, or this is told to end.

    Raises ``SettingsError`` if the bot has another version.
    """
    security = address.security
    connection = security.get_connection_args("worker")
    async with (
        asyncio.timeout(JOIN_SECONDS),
        rpc(address.url, connection_args=connection) as scheduler,
    ):
        found = await scheduler.get_metadata(keys=[NAME, "version"], default="")
    if found not in ("", VERSION):
        raise SettingsError(starts.other_version(VERSION, found))
    async with Worker(
        address.url,
        name=f"{socket.gethostname()}-{os.getpid()}",
        nthreads=int(resources[SLOTS]),
        memory_limit=0,  # commands have limits of their own
        resources=dict(resources),
        security=security,
        plugins=[member],
        death_timeout=JOIN_SECONDS,
        local_directory=str(folder),
        dashboard=False,
        dashboard_address=NO_PAGES,
    ) as worker:
        log.info("joined the pool", address=address.url, name=worker.name)
        gone = asyncio.ensure_future(worker.finished())
        told = asyncio.ensure_future(ended.wait())
        await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, told):
            task.cancel()
        if worker.status is not Status.running:
            log.warning("the scheduler has gone", address=address.url)


@contextmanager
def quiet() -> Iterator[None]:
    """Have dask as it is to be here, and silent about what is as it should be."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    with dask.config.set(CONFIGURATION):
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have a folder for this process. Raises ``SettingsError`` if another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(starts.folder_in_use(str(folder))) from None
        yield


def _address(settings: Settings) -> Address:
    if not settings.dask:
        raise SettingsError(starts.no_pool_named())
    files = settings.file.dask.files if settings.file.dask else ()
    if missing := [str(path) for path in files if not path.is_file()]:
        raise SettingsError(starts.no_pool_files(missing))
    return address_of(settings)


def _ended() -> asyncio.Event:
    """Return what is set once this process is told to end."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    return ended


async def _pause(clock: Clock, ended: asyncio.Event) -> None:
    waiting = {
        asyncio.ensure_future(clock.sleep(AGAIN_SECONDS)),
        asyncio.ensure_future(ended.wait()),
    }
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
