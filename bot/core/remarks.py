"""What a reviewer says of a pull request: remarks on lines, a summary, a verdict."""

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """The side of a diff, in GitHub's words."""

    LEFT = "LEFT"  # as it was
    RIGHT = "RIGHT"  # as it is


class Verdict(StrEnum):
    """What a reviewer wants to become of the whole."""

    COMMENT = "comment"
    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"

    @property
    def event(self) -> str:
        """GitHub's word for it."""
        return self.value.upper()


class Level(StrEnum):
    """How much a remark matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a file, and what is to stand there. Lines and columns count from 1;
    the stretch ends before its last column.
    """

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said of a file, or of lines of it. All its words are a stranger's."""

    path: (
        str  # below the root of the repository; one that begins with "…/" is elsewhere
    )
    body: str
    line: int = 0  # the last one, counted from 1; 0: the whole file
    start_line: int = 0  # 0: ``line`` alone
    side: Side = Side.RIGHT
    level: Level = Level.WARNING
    suggestion: str | None = None  # instead of the lines; empty: they go
    edits: tuple[Edit, ...] = ()  # another way to spell that
    rule: str = ""  # the name of what was broken
    rule_url: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a command wrote for the bot, without secrets; JSON has its lines still."""

    text: str
    name: str = ""  # of its file; empty: its standard output
    is_whole: bool = True  # whether there was no more than may be read
    is_text: bool = True  # whether all of it is UTF-8


@dataclass(frozen=True, slots=True)
class Said:
    """All that a reviewer said, or why what it wrote is no review."""

    summary: str = ""
    verdict: Verdict = Verdict.COMMENT
    remarks: tuple[Remark, ...] = ()
    left_out: int = 0  # remarks beyond those that are kept
    tools: tuple[str, ...] = ()  # the names that they have themselves
    fault: str = ""  # where it stops being a review, and what was expected there
