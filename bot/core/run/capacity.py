"""What is free: slots, workspaces, memory, API requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Capacity:
    """One snapshot of what is free: slots, workspaces, memory, API requests."""

    installations: Mapping[InstallationId, InstallationCapacity]
    workspaces_free: int
    workspaces_total: int
    memory_used: float = 0.0  # fraction
    is_stopping: bool = False
    git_away: Mapping[int, datetime] = field(default_factory=dict)
    """Since when git does not get through, by repository: somebody tries again there,
    and no other item that needs a workspace starts."""
