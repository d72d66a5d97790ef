"""The way to the pool's scheduler: one connection, made again when it is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import structlog
from distributed import Client, Future, Security
from distributed.comm import CommClosedError

from bot.core.model import AttemptId
from bot.core.say.problems.server import PoolAway
from bot.errors import TransientError
from bot.ports.clock import Clock
from bot.workers.member import NAME, call, work

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""How long the scheduler, or a machine, may take to answer; more means that it is away."""

AWAY_SECONDS = 2.0
"""For how long nobody else tries to reach a scheduler that did not answer."""

SLOTS = "slots"
"""The resource of which each command takes one."""

VERSION = f"batch-bot {version('batch-bot')}"
"""The resource that only machines with this version have."""

PLENTY = 1_000_000
"""How much a machine has of what it cannot run out of: a version, a command."""

_AWAY = (OSError, CommClosedError, TimeoutError, RuntimeError)

log = structlog.get_logger()


def runs(command: str) -> str:
    """Return the resource of the machines that have a command."""
    return f"command {command}"


def takes(command: str, needs: Mapping[str, float]) -> Mapping[str, float]:
    """Return the resources that a command takes of its machine."""
    return {SLOTS: 1, VERSION: 1, runs(command): 1, **needs}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the scheduler is, and the files that open it."""

    url: str
    ca: str = ""
    cert: str = ""
    key: str = ""

    @property
    def security(self) -> Security:
        """The files, for each part that anybody may play; nothing without encryption."""
        if not self.url.startswith("tls://"):
            return Security()
        own = {
            f"tls_{part}_{what}": path
            for part in ("client", "worker", "scheduler")
            for what, path in (("cert", self.cert), ("key", self.key))
        }
        return Security(tls_ca_file=self.ca, require_encryption=True, **own)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the pool, as the scheduler knows it."""

    address: str
    name: str
    resources: Mapping[str, float]

    @property
    def slots(self) -> int:
        """How many commands run there at a time; none, if it is of another version."""
        return int(self.resources.get(SLOTS, 0)) if VERSION in self.resources else 0


class _Once(Client):  # type: ignore[misc]  # distributed has no types
    """A connection that ends when it is lost: who makes it again knows what to do."""

    async def _reconnect(self) -> None:
        await self._close()


class Pool:
    """The scheduler. *hear* is told what machines say: an attempt, and what of it."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._failed: tuple[float, str] | None = None
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self.hear: Callable[[Mapping[str, Any]], None] = lambda _: None
        self.known: Sequence[Machine] | None = None
        """The machines as they were last; None while the scheduler does not answer."""

    async def close(self) -> None:
        """Let go of the scheduler; what runs there goes on."""
        client, self._client = self._client, None
        if client is not None:
            await client.close(timeout=2)

    async def submit(self, attempt: AttemptId, takes: Mapping[str, float]) -> Future:
        """Have an attempt begin on whatever machine has what it takes; return it.

        Unless it is kept it goes with this process. Raises ``TransientError``.
        """
        async with self._asked() as client:
            return client.submit(
                *(work, attempt),
                key=str(attempt),
                resources=dict(takes),
                retries=0,
                pure=False,
            )

    async def keep(self, attempt: AttemptId, future: Future, machine: str) -> None:
        """Have an attempt go on whoever asked for it is away, before that machine begins
        it. Raises ``TransientError``.
        """
        async with self._asked() as client:
            kept = (future, machine)
            await client.publish_dataset(kept, name=str(attempt), override=True)

    async def find(self, attempt: AttemptId) -> tuple[Future, str] | None:
        """Return an attempt that was kept, and its machine. Raises ``TransientError``."""
        async with self._asked() as client:
            try:
                future, machine = await client.get_dataset(str(attempt))
            except KeyError:
                return None
            return future, str(machine)

    async def forget(self, attempt: AttemptId) -> None:
        """Keep an attempt no more: its machine ends it. Raises ``TransientError``."""
        async with self._asked() as client:
            with suppress(KeyError):
                await client.unpublish_dataset(str(attempt))

    async def call(
        self,
        machine: str,
        method: str,
        *arguments: object,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """Return what a machine answers. Raises ``TransientError`` if it does not."""
        async with self._asked(seconds) as client:
            answers = await client.run(call, method, *arguments, workers=[machine])
            return answers[machine]

    async def machines(self) -> Sequence[Machine]:
        """Return the machines of the pool. Raises ``TransientError``."""
        try:
            async with self._asked() as client:
                found = (await client.scheduler.identity())["workers"]
        except TransientError:
            self.known = None
            raise
        self.known = [
            Machine(address, str(one["name"]), one["resources"])
            for address, one in found.items()
        ]
        return self.known

    @asynccontextmanager
    async def _asked(self, seconds: float = ANSWER_SECONDS) -> AsyncIterator[Client]:
        """Have the scheduler to ask something. Raises ``TransientError`` for no answer."""
        try:
            async with asyncio.timeout(seconds):
                yield await self._connected()
        except TransientError:
            raise
        except _AWAY as error:
            raise TransientError(PoolAway(str(error))) from error

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None or self._client.status != "running":
                self._client = None  # what is lost is closed already
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Client:
        """Connect, not at once again where that has just failed."""
        now = self._clock.monotonic()
        if self._failed and now - self._failed[0] < AWAY_SECONDS:
            raise TransientError(PoolAway(self._failed[1]))
        client = _Once(
            self._address.url,
            asynchronous=True,
            security=self._address.security,
            timeout=CONNECT_SECONDS,
            set_as_default=False,
        )
        try:
            await client
            client.subscribe_topic(NAME, self._heard)
            await client.set_metadata([NAME, "version"], VERSION)
        except BaseException as error:
            self._failed = (self._clock.monotonic(), str(error))
            await client.close(timeout=1)
            raise
        self._failed = None
        return client

    def _heard(self, event: tuple[float, Mapping[str, Any]]) -> None:
        self.hear(event[1])
