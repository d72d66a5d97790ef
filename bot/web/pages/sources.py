"""What the pages read, once the engine is there."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.core.events import News
from bot.core.model import AttemptId, BatchId, InstallationId
from bot.core.run.capacity import Capacity
from bot.core.run.progress import Progress
from bot.core.say.situation import BudgetView, Situation
from bot.ports.clock import Clock
from bot.ports.github import Budgets
from bot.ports.store import Batches, BatchLists, Costs, Deliveries, EffectList

Listener = Callable[[BatchId, Sequence[News]], None]


class Presents(Protocol):
    """What the engine says of batches and installations at this moment."""

    async def progress(self, batch_id: BatchId) -> Progress:
        """Return the progress of a batch as of now. Raises ``LookupError``."""

    async def situation(self, progress: Progress) -> Situation:
        """Return the present of a batch."""

    def budget(self, installation_id: InstallationId) -> BudgetView | None:
        """Return what is left of the installation's requests, None while unknown."""


class Slots(Protocol):
    """What is free."""

    def capacity(self, of: Collection[InstallationId] | None = None) -> Capacity:
        """Return one snapshot of what is free, *of* some installations or of all."""


@dataclass(frozen=True, slots=True)
class PageSources:
    """All of it; nothing of this writes."""

    presents: Presents
    batches: Batches
    lists: BatchLists
    costs: Costs
    deliveries: Deliveries  # what came of them
    effects: EffectList
    slots: Slots
    budgets: Budgets
    listen: Callable[[Listener], None]  # to what is recorded
    log: Callable[[AttemptId], Path]  # where an attempt's log is, if it has printed
    clock: Clock
