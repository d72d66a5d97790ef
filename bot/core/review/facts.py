"""What is known of a pull request when it is reviewed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.core.model import ItemNumber
from bot.core.world.pulls import PullRequest
from bot.core.world.questions import Question


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of the diff; GitHub gives no ``patch`` of binary files and of big ones."""

    path: str
    status: str  # added, removed, modified, renamed, copied, changed, unchanged
    additions: int = 0
    deletions: int = 0
    patch: str | None = None
    previous_path: str = ""
    is_empty: bool = False  # after the change
    submodule: tuple[str, str] | None = (
        None  # its commits before and after, "" for none
    )

    @property
    def changes(self) -> int:
        """Lines added and removed."""
        return self.additions + self.deletions


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a check says of a line."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class EarlierReview:
    """A review by this app."""

    node_id: str
    url: str
    commit: str
    mark: str  # its first line
    is_hidden: bool = False
    open_threads: tuple[str, ...] = ()  # node ids of its conversations


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """A pull request at its head: how it stands, what it changes, what was said."""

    pull: PullRequest
    files: tuple[ChangedFile, ...] = ()
    files_in_all: int = 0  # more than ``files`` where GitHub lists no more
    annotations: Mapping[str, tuple[Annotation, ...]] = field(default_factory=dict)
    # None: GitHub is working it out; until then the files are not read.
    has_conflicts: bool | None = False
    # Files that the base changed too since the branch left it; only with conflicts.
    changed_on_both: tuple[str, ...] = ()
    conflicting: tuple[str, ...] = ()  # of these, if git has said so
    earlier: tuple[EarlierReview, ...] = ()  # oldest first
    is_own: bool = False  # whether the app opened it: GitHub takes no verdict then
    additions: int = 0  # lines, in all files
    deletions: int = 0
    title: str = ""
    body: str = ""
    author: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    updated_at: str = ""

    @property
    def hides_lines(self) -> bool:
        """Whether GitHub tells less of the listed files than they change: past some size
        of a diff it gives neither lines nor counts.
        """
        told = sum(file.changes for file in self.files)
        return told < self.additions + self.deletions


@dataclass(frozen=True, slots=True)
class ReviewFactsOf(Question[ReviewFacts]):
    """All that a review of a pull request goes by."""

    number: ItemNumber
