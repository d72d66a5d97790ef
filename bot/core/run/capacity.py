"""What is free: slots, workspaces, machines, memory, API requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf

from bot.core.model import InstallationId

MEMORY_LINE = 0.8
"""The fraction of the usable memory above which nothing new starts."""


@dataclass(frozen=True, slots=True)
class Outage:
    """GitHub lets nothing begin, since when; that is weather, and no item's fault."""

    since: datetime
    is_refusal: bool = False  # it answers, and takes no key or token of the app (401)


@dataclass(frozen=True, slots=True)
class InstallationCapacity:
    """What one installation has left."""

    slots_free: int
    slots_total: int
    requests_fit: float  # item requests that fit before the reset, over the reserve
    requests_most: float = inf  # what an item is taken to need at the most: a large one
    # would otherwise wait for ever for a window that is larger than GitHub has any
    budget_until: datetime | None = None  # when the requests come back
    outage: Outage | None = None  # nothing starts until it is over


@dataclass(frozen=True, slots=True)
class Room:
    """What is left on the machines of a pool. *needs* is what each command takes of one.

    Which machine a command runs on is the pool's affair: here it takes the plainest that
    has room, so that what only some machines have is kept for what needs it.
    """

    machines: Sequence[dict[str, float]]
    needs: Mapping[str, Mapping[str, float]]

    def copy(self) -> "Room":
        """Return one of which something can be taken."""
        return Room([dict(one) for one in self.machines], self.needs)

    def fits(self, command: str) -> bool:
        """Return whether a machine has all that a command takes."""
        return command not in self.needs or bool(self._fitting(command))

    def take(self, command: str) -> None:
        """Take what a command takes; nothing if no machine has that."""
        if found := self._fitting(command):
            machine = min(found, key=len)
            for label, many in self.needs.get(command, {}).items():
                machine[label] -= many

    def _fitting(self, command: str) -> list[dict[str, float]]:
        wanted = self.needs.get(command, {}).items()
        return [
            machine
            for machine in self.machines
            if all(machine.get(label, 0) >= many for label, many in wanted)
        ]


@dataclass(frozen=True, slots=True)
class Capacity:
    """One snapshot of what is free: slots, workspaces, pools, memory, API requests."""

    installations: Mapping[InstallationId, InstallationCapacity]
    workspaces_free: int
    workspaces_total: int
    memory_used: float = 0.0  # fraction
    is_stopping: bool = False
    git_away: Mapping[int, datetime] = field(default_factory=dict)
    """Since when git does not get through, by repository: somebody tries again there,
    and no other item that needs a workspace starts."""
    pools: Mapping[str, Room] = field(
        default_factory=dict
    )  # by worker, as far as known

    def has_machine(self, worker: str, command: str) -> bool:
        """Return whether a worker takes a command now, as far as its machines go."""
        room = self.pools.get(worker)
        return room is None or room.fits(command)

    def copy(self) -> "Capacity":
        """Return one of which machines can be taken."""
        pools = {name: room.copy() for name, room in self.pools.items()}
        return replace(self, pools=pools)

    def without(self, taken: Mapping[tuple[str, str], int]) -> "Capacity":
        """Return one without the machines that so many commands of a worker have taken."""
        left = self.copy()
        for (worker, command), many in taken.items():
            if worker in left.pools:
                for _ in range(many):
                    left.take_machine(worker, command)
        return left

    def take_machine(self, worker: str, command: str) -> None:
        """Take a machine of a worker for a command, where that is counted."""
        if room := self.pools.get(worker):
            room.take(command)
