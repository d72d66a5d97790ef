"""Why a pending item is not running, as values; the sentences are in ``tracking``."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.model import ItemId, Reference


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """Predecessors in the batch have not completed."""

    items: tuple[ItemId, ...]


@dataclass(frozen=True, slots=True)
class WaitsOutside:
    """Something outside the batch has not been closed or merged."""

    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class NoFreeSlot:
    """All slots are taken; ``whose`` says which: batch, installation or host."""

    busy: int
    total: int
    whose: str = "batch"


@dataclass(frozen=True, slots=True)
class WaitsForBudget:
    """Its requests do not fit before the reset."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class OverBatchBudget:
    """The batch has used the requests that ``budget:`` allows it."""

    used: int
    allowed: int


@dataclass(frozen=True, slots=True)
class LowMemory:
    """The host's memory is above the line where nothing new starts."""

    used_fraction: float


@dataclass(frozen=True, slots=True)
class IsPaused:
    """The batch is paused; ``by`` is empty when ``on-failure:pause`` did it."""

    by: str


@dataclass(frozen=True, slots=True)
class NextTry:
    """A transient fault is being waited out."""

    at: datetime


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The plan waits for its start box."""


@dataclass(frozen=True, slots=True)
class BotStopping:
    """The bot is shutting down and goes on after its restart."""


@dataclass(frozen=True, slots=True)
class IsNext:
    """It starts in a moment."""


Reason = (
    WaitsFor
    | WaitsOutside
    | NoFreeSlot
    | WaitsForBudget
    | OverBatchBudget
    | LowMemory
    | IsPaused
    | NextTry
    | NotStarted
    | BotStopping
    | IsNext
)
