"""What a comment shows besides the events: time, slots, budget, reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.model import ItemId
from bot.core.run import reasons as why
from bot.core.run.stalled import Stalled
from bot.core.say.places import Needs


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What is left of the installation's hourly API requests."""

    remaining: int
    limit: int
    reset_at: datetime | None
    reserve: int


@dataclass(frozen=True, slots=True)
class Situation:
    """What a comment shows besides the events: the present, and the addresses."""

    now: datetime
    marker_key: bytes
    reasons: Mapping[ItemId, why.Reason] = field(default_factory=dict)
    seconds_left: float | None = None
    budget: BudgetView | None = None  # None while GitHub has not told
    used_requests: int = 0  # by this batch
    is_counted_whole: bool = True  # False: a process that has ended used more of them
    needed_requests: float = 0  # by the rest of it, as far as is known
    slots_busy: int = 0
    slots_total: int = 0
    web_url: str = ""  # of the bot's pages; empty: no links to logs and pages
    link_key: bytes = field(
        default=b"", repr=False
    )  # marks such links; empty: unmarked
    isolation: str = ""  # of commands, such as bubblewrap
    needs: Needs | None = None  # None where the bot's own machine runs all commands
    is_stopping: bool = False
    lacks_checks: bool = False  # the app may show none on the pull request
    stalled: Stalled | None = None  # what alone the batch waits for
