"""What a repository demands of a branch: by rulesets, or by classic branch protection.

Anybody who reads the repository may read the rules of its rulesets. Classic protection
is shown to those who administer the repository alone; others learn of it from refusals.
https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/about-rulesets
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

DEFAULT_BRANCH = "~DEFAULT_BRANCH"
MERGE_METHODS = ("merge", "squash", "rebase")


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check or status that has to succeed; of any app unless one is named."""

    context: str
    integration_id: int | None = None


@dataclass(frozen=True, slots=True)
class QueueRule:
    """Merges go through a queue, with checks on what each would make of the base."""

    merge_method: str = "merge"  # one of MERGE_METHODS
    most_to_build: int = 5
    check_minutes: int = 60


@dataclass(frozen=True, slots=True)
class BranchRules:
    """What one ruleset, or one classic protection, demands of the branches it names."""

    pattern: str = DEFAULT_BRANCH  # of names, as in ``release/*``
    is_classic: bool = False
    checks: tuple[RequiredCheck, ...] = ()
    is_strict: bool = False  # the head has all of the base
    approvals: int | None = None  # None: no pull request is needed
    dismisses_stale_reviews: bool = False
    merge_methods: tuple[str, ...] = MERGE_METHODS
    queue: QueueRule | None = None
    is_linear: bool = False
    blocks_force_pushes: bool = False
    resolves_conversations: bool = False
    deployments: tuple[str, ...] = ()  # environments
    workflows: tuple[str, ...] = ()  # paths
    app_may_bypass: bool = False

    def holds_for(self, branch: str, *, default_branch: str) -> bool:
        """Return whether a branch is one of those that are meant."""
        if self.pattern == DEFAULT_BRANCH:
            return branch == default_branch
        return fnmatchcase(branch, self.pattern)
