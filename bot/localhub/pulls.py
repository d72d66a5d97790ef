"""What git knows of a pull request: its size, and whether it can be merged."""

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.localhub.git import ChangedFile, CommitInfo, GitRepository, MergeConflict
from bot.localhub.state import CheckRun, PullRequest, Thread

CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#([0-9]{1,9})\b", re.IGNORECASE
)
HUNK = re.compile(r"^@@ -([0-9]+)(?:,[0-9]+)? \+([0-9]+)(?:,[0-9]+)? @@", re.MULTILINE)
FAILING = ("failure", "timed_out", "cancelled", "action_required", "startup_failure")


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


def is_mergeable(thread: Thread) -> bool | None:
    """Return whether the merge has no conflict; None once it is merged or closed."""
    pull = pull_of(thread)
    base = base_head(thread)
    if not thread.is_open or base is None:
        return None
    return _merges(thread.repository.git, base, pull.head_sha)


def mergeable_state(thread: Thread) -> str:
    """Return GitHub's word: clean, dirty, draft, blocked, behind, unstable, unknown."""
    pull = pull_of(thread)
    mergeable = is_mergeable(thread)
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    if pull.is_draft:
        return "draft"
    runs = latest_checks(thread)
    if missing_checks(thread):
        return "blocked"
    if thread.repository.requires_up_to_date and is_behind(thread):
        return "behind"
    if any(run.conclusion in FAILING or run.status != "completed" for run in runs):
        return "unstable"
    return "clean"


def missing_checks(thread: Thread) -> set[str]:
    """Return the required checks that have not succeeded on the head commit."""
    repository, pull = thread.repository, pull_of(thread)
    if pull.base_ref != repository.default_branch:
        return set()
    passed = {
        run.name
        for run in latest_checks(thread)
        if run.conclusion in ("success", "neutral", "skipped")
    }
    return set(repository.required_checks) - passed


def latest_checks(thread: Thread) -> list[CheckRun]:
    """Return the newest check run of each name on the head commit."""
    head = pull_of(thread).head_sha
    runs = (run for run in thread.repository.check_runs if run.head_sha == head)
    return list({run.name: run for run in runs}.values())


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


def hunk_at(thread: Thread, path: str, line: int, side: str) -> str | None:
    """Return the part of the diff that ends at a line, None if it is not in the diff."""
    patch = next((f.patch for f in changes(thread).files if f.path == path), None)
    for hunk in re.split(r"(?m)^(?=@@ )", patch or ""):
        head = HUNK.match(hunk)
        if head is None:
            continue
        number = int(head[1] if side == "LEFT" else head[2])
        lines = hunk.splitlines()
        for index, text in enumerate(lines[1:], start=1):
            if text[:1] in (" ", "-" if side == "LEFT" else "+"):
                if number == line:
                    return "\n".join(lines[: index + 1])
                number += 1
    return None


def base_head(thread: Thread) -> str | None:
    """Return the present commit of the base branch."""
    return thread.repository.git.resolve(f"refs/heads/{pull_of(thread).base_ref}")


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


@lru_cache(maxsize=2048)
def _merges(git: GitRepository, base: str, head: str) -> bool:
    try:
        git.merged_tree(base, head)
    except MergeConflict:
        return False
    return True
