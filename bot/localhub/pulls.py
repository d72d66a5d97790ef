"""What git knows of a pull request: its size, where it stands, what it closes."""

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.localhub.git import ChangedFile, CommitInfo, GitRepository
from bot.localhub.state import PullRequest, Repository, Thread

CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#([0-9]{1,9})\b", re.IGNORECASE
)
HUNK = re.compile(r"^@@ -([0-9]+)(?:,[0-9]+)? \+([0-9]+)(?:,[0-9]+)? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a pull request adds to its base."""

    commits: tuple[CommitInfo, ...]
    files: tuple[ChangedFile, ...]

    @property
    def additions(self) -> int:
        """Lines added."""
        return sum(file.additions for file in self.files)

    @property
    def deletions(self) -> int:
        """Lines removed."""
        return sum(file.deletions for file in self.files)


def changes(thread: Thread) -> Changes:
    """Return what the pull request adds to its base."""
    pull = pull_of(thread)
    return _changes(thread.repository.git, pull.base_sha, pull.head_sha)


def is_behind(thread: Thread) -> bool:
    """Return whether the base has commits that the head lacks."""
    base = base_head(thread)
    if base is None:
        return False
    return not thread.repository.git.is_ancestor(base, pull_of(thread).head_sha)


def closes(thread: Thread) -> list[Thread]:
    """Return the issues that merging closes: those named after a closing keyword."""
    repository = thread.repository
    if pull_of(thread).base_ref != repository.default_branch:
        return []
    numbers = dict.fromkeys(int(found) for found in CLOSING.findall(thread.body))
    found = (repository.threads.get(number) for number in numbers)
    return [t for t in found if t is not None and t.pull is None and not t.is_deleted]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a line is in a diff: in which hunk, and that as far as the line."""

    hunk: int
    text: str


def changes_at(thread: Thread, commit: str) -> Changes:
    """Return what a pull request changed when its head was at one of its commits."""
    pull = pull_of(thread)
    return _changes(thread.repository.git, pull.base_sha, commit)


def spot(file: ChangedFile, line: int, side: str) -> Spot | None:
    """Return where a line of one side is in a file's diff, None if it is not there."""
    for place, hunk in enumerate(re.split(r"(?m)^(?=@@ )", file.patch or "")):
        head = HUNK.match(hunk)
        if head is None:
            continue
        number = int(head[1] if side == "LEFT" else head[2])
        lines = hunk.rstrip("\n").split("\n")
        for index, text in enumerate(lines[1:], start=1):
            if text[:1] in (" ", "-" if side == "LEFT" else "+"):
                if number == line:
                    return Spot(place, "\n".join(lines[: index + 1]))
                number += 1
    return None


def base_head(thread: Thread) -> str | None:
    """Return the present commit of the base branch."""
    return thread.repository.git.resolve(f"refs/heads/{pull_of(thread).base_ref}")


def home(thread: Thread) -> Repository:
    """Return the repository in which the head is."""
    return pull_of(thread).fork or thread.repository


def label(thread: Thread) -> str:
    """Return the head as ``owner:branch``."""
    return f"{home(thread).owner.login}:{pull_of(thread).head_ref}"


def pull_of(thread: Thread) -> PullRequest:
    """Return the pull request part of a thread that is known to be one."""
    assert thread.pull is not None
    return thread.pull


# Commits never change, so what follows from two of them can be remembered for good.


@lru_cache(maxsize=2048)
def _changes(git: GitRepository, base: str, head: str) -> Changes:
    start = git.merge_base(base, head) or base
    return Changes(
        tuple(git.commits(base, head)), tuple(git.changed_files(start, head))
    )
