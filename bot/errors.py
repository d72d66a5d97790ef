"""Every error, grouped by what a caller can do about it.

``UserError`` is answered in a comment. ``TransientError`` is tried again.
``PermanentError`` ends the item with its message. Any other exception is a bug: the
supervisor logs it, the item fails, the process lives.

What went wrong is a value: who raises an error hands over a ``Problem`` with its facts.
How that reads stands in ``bot.core.say.problems``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class Problem(ABC):
    """What went wrong, as facts: a frozen dataclass. ``str`` gives its words."""

    __slots__ = ()

    @abstractmethod
    def __str__(self) -> str:
        """Say what is wrong, and where."""

    @property
    def advice(self) -> str:
        """A sentence on what somebody can do about it, if there is anything."""
        return ""


class BotError(Exception):
    """The base of all errors that are no bugs."""


class UserError(BotError):
    """Somebody can put this right; the message is shown to them."""


class SettingsError(UserError):
    """The server's settings do not fit; shown at start, the process ends with 2."""


@dataclass(frozen=True, slots=True)
class ConfigurationFault:
    """What is wrong at one place of a configuration file.

    Lines and columns count from 1; 0: of the whole file.
    """

    file: str
    says: str
    line: int = 0
    column: int = 0
    end_column: int = 0  # the last one, if it ends on its line
    key: str = ""  # such as limits.items
    example: str = ""  # of how that is written

    def __str__(self) -> str:
        """Say what is wrong, and where."""
        return f"{self.file}{self.where}: {self.words}"

    @property
    def where(self) -> str:
        """Where it is in its file, behind the file's name."""
        if not self.line:
            return ""
        column = f", column {self.column}" if self.column else ""
        return f", line {self.line}{column}"

    @property
    def words(self) -> str:
        """What is wrong, without where."""
        key = f"{self.key}: " if self.key else ""
        for_example = " For example" if self.says.endswith("?") else "; for example"
        example = f"{for_example} {self.example}" if self.example else ""
        return f"{key}{self.says}{example}"


class ConfigurationError(UserError):
    """The repository's ``.github/batch.yml`` does not fit; nothing starts."""

    def __init__(self, faults: Sequence[ConfigurationFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class TransientError(BotError):
    """Another try may help, after ``retry_after_seconds`` if that is known."""

    def __init__(
        self, problem: Problem, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds


class RateLimited(TransientError):
    """GitHub, or our own ledger, wants us to wait until ``until``."""

    def __init__(self, problem: Problem, *, until: datetime, seconds: float) -> None:
        super().__init__(problem, retry_after_seconds=seconds)
        self.until = until


class Unauthorized(TransientError):
    """GitHub does not take who the bot says it is: weather, and no verdict on anything."""


class Uncertain(TransientError):
    """A write was sent and no answer came: it may have happened. Look before repeating."""


class Lost(TransientError):
    """A runner no longer knows an attempt that it was given."""


class StoreUnavailable(TransientError):
    """The disk is busy, full or failing."""


class PermanentError(BotError):
    """Trying again would end the same way."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def advice(self) -> str:
        """What somebody can do about it, if anything."""
        return self.problem.advice


class BranchMissing(PermanentError):
    """A branch that work builds on is not there (any more)."""


class Refused(PermanentError):
    """GitHub answered 4xx. ``status`` is the HTTP status."""

    def __init__(self, problem: Problem, *, status: int) -> None:
        super().__init__(problem)
        self.status = status


class NotFound(Refused):
    """GitHub answered 404 or 410: gone, or not visible to the app."""


class BatchOver(PermanentError):
    """The batch ends with it, not only an item.

    ``why`` is a value of ``bot.core.model.Cause``.
    """

    def __init__(self, problem: Problem, *, why: str) -> None:
        super().__init__(problem)
        self.why = why


class AppUnavailable(BatchOver):
    """The app is suspended or removed, or the repository takes no changes."""


class RoleLost(BatchOver):
    """Whoever started the batch may not run it any more."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, why="role lost")
