"""What can go wrong with this server: its disk, its programs, its workers, its database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.say.places import spelled
from bot.errors import Problem


@dataclass(frozen=True, slots=True)
class DiskFull(Problem):
    """The disk has no room left."""

    def __str__(self) -> str:
        return "the disk of this server is full"


@dataclass(frozen=True, slots=True)
class DiskNearlyFull(Problem):
    """There is too little room for a command to begin."""

    left_bytes: int

    def __str__(self) -> str:
        left = amount(self.left_bytes)
        return f"the disk of this server is nearly full: {left} left"


_TAKE_LESS = (
    "Let it take less, or have the operator of this server look at its `quota`."
)


@dataclass(frozen=True, slots=True)
class OverQuota(Problem):
    """A command took more of the disk than one may."""

    taken_bytes: int
    most_bytes: int
    advice = _TAKE_LESS

    def __str__(self) -> str:
        taken, most = amount(self.taken_bytes), amount(self.most_bytes)
        return f"it took {taken} of disk, and may take {most}"


@dataclass(frozen=True, slots=True)
class TookMost(Problem):
    """The disk is nearly full, and of all commands this one took most of it."""

    taken_bytes: int
    left_bytes: int
    advice = _TAKE_LESS

    def __str__(self) -> str:
        return (
            f"it took {amount(self.taken_bytes)} of disk, more than any other command,"
            f" and {amount(self.left_bytes)} were left"
        )


@dataclass(frozen=True, slots=True)
class NoProcess(Problem):
    """The system starts no further process."""

    why: str

    def __str__(self) -> str:
        return f"this server cannot start a process: {self.why}"


@dataclass(frozen=True, slots=True)
class ProgramGone(Problem):
    """An operator's command is not there any more. Where it was is not for everybody."""

    program: str
    advice = "The operator of this server has to look at its `commands`."

    def __str__(self) -> str:
        return f"the program {self.program} cannot be run on this server any more"


@dataclass(frozen=True, slots=True)
class NoCommand(Problem):
    """The operator has named no such command."""

    name: str

    def __str__(self) -> str:
        return (
            f"this server has no command `{self.name}`: its operator has to name one"
            " under `commands` in the settings file"
        )


@dataclass(frozen=True, slots=True)
class NoMachine(Problem):
    """Where commands run no machine has what one needs."""

    name: str
    needs: Mapping[str, float] = field(default_factory=dict)
    is_pool: bool = True

    def __str__(self) -> str:
        what = spelled(self.needs)
        if not self.is_pool:
            return (
                f"`{self.name}` needs a machine with {what}, and the bot's own is none:"
                " its operator has to run that command in a pool"
            )
        has = f" has {what} and" if what else ""
        return f"no machine of this server's pool{has} runs `{self.name}` now"


@dataclass(frozen=True, slots=True)
class AttemptUnknown(Problem):
    """A worker does not know an attempt."""

    attempt: str

    def __str__(self) -> str:
        return f"attempt {self.attempt} is not known here"


@dataclass(frozen=True, slots=True)
class AttemptCancelled(Problem):
    """A worker stopped an attempt."""

    attempt: str

    def __str__(self) -> str:
        return f"attempt {self.attempt} was cancelled"


@dataclass(frozen=True, slots=True)
class WorkerGone(Problem):
    """A machine of the pool ended, or froze, with an attempt on it."""

    machine: str = ""

    def __str__(self) -> str:
        which = f"machine {self.machine}" if self.machine else "a machine"
        return f"{which} of the pool was lost while it worked on this"


@dataclass(frozen=True, slots=True)
class PoolAway(Problem):
    """The scheduler of the pool does not answer."""

    why: str = ""

    def __str__(self) -> str:
        return "the pool does not answer" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class SaidByWorker(Problem):
    """What went wrong on a machine of the pool, in its words."""

    words: str
    advice: str = ""

    def __str__(self) -> str:
        return self.words


class Breach(StrEnum):
    """What a machine of the pool never sends."""

    NO_ANSWER = "it is no answer"
    UNREADABLE = "its answer cannot be read"
    NO_RESULT = "its answer has no result"
    NAMES = "its files have other names"
    SIZE = "its files are too large"
    PIECES = "its files are not whole"
    NO_COMMIT = "its commit is not in its files"
    REFS = "its bundle has other refs"
    BASE = "its work stands on another commit"
    CONTENT = "a large file has other contents"


@dataclass(frozen=True, slots=True)
class NotAsAgreed(Problem):
    """A machine of the pool sent what a worker never sends."""

    why: Breach | Problem
    advice = (
        "Nothing of it was used. The operator of this server has to look at the"
        " machines of the pool."
    )

    def __str__(self) -> str:
        return f"what a machine of the pool sent was not taken: {self.why}"


class Spent(StrEnum):
    """Why a code opens nothing."""

    UNKNOWN = "it is not known here"
    USED = "it was used before"
    OLD = "it is too old"


@dataclass(frozen=True, slots=True)
class CodeSpent(Problem):
    """Somebody showed a code for a token that is good for none, or for none any more."""

    why: Spent

    def __str__(self) -> str:
        return f"the code is good for no token: {self.why}"

    @property
    def advice(self) -> str:
        """What to do about a code that two have shown."""
        if self.why is not Spent.USED:
            return ""
        return (
            "No machine shows one twice: somebody else may have read it. Look at the"
            " machines of the pool."
        )


class Silence(StrEnum):
    """How the bot fails to answer a machine of its pool."""

    LATE = "it does not answer in time"
    UNREADABLE = "its answer cannot be read"


@dataclass(frozen=True, slots=True)
class NoToken(Problem):
    """A machine of the pool was given no token."""

    why: Silence | str  # what the bot, or the system, says

    def __str__(self) -> str:
        return f"the bot gave no token: {self.why}"


@dataclass(frozen=True, slots=True)
class DatabaseFails(Problem):
    """SQLite, or the disk below it, does not do what is asked."""

    why: str

    def __str__(self) -> str:
        return f"the database cannot be used: {self.why}"


@dataclass(frozen=True, slots=True)
class DatabaseClosed(Problem):
    """The bot is ending."""

    def __str__(self) -> str:
        return "the store is closed"


@dataclass(frozen=True, slots=True)
class FolderClosed(Problem):
    """The folder of the database cannot be looked into."""

    why: str

    def __str__(self) -> str:
        return f"the database's folder cannot be read: {self.why}"


@dataclass(frozen=True, slots=True)
class BackupFailed(Problem):
    """A backup could not be written."""

    target: str
    why: str

    def __str__(self) -> str:
        return f"the backup {self.target} could not be written: {self.why}"


@dataclass(frozen=True, slots=True)
class FromNewerVersion(Problem):
    """A row of the database is none that this version knows. *kind* is its kind."""

    kind: str
    is_known: bool  # whether only what it holds cannot be read
    advice = "Run the newer version again, or restore the backup from before it."

    def __str__(self) -> str:
        what = (
            f"a stored {self.kind} cannot be read"
            if self.is_known
            else f"stored kind {self.kind!r}"
        )
        return f"{what}: it was probably written by a newer version of batch-bot"


def amount(size_bytes: int) -> str:
    """Return a size for people."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB")):
        if size_bytes >= 1000**power:
            return f"{size_bytes / 1000**power:.1f} {unit}".replace(".0 ", " ")
    return f"{size_bytes / 1000:.0f} kB"
