"""Whether a pull request can be merged, and what its base still demands."""

from collections.abc import Sequence
from functools import lru_cache

from bot.localhub import pulls, verdicts
from bot.localhub.git import GitRepository, MergeConflict
from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, RequiredCheck
from bot.localhub.state import ROLES, Review, Thread

OPINIONS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
VIOLATIONS = "Repository rule violations found"


def is_mergeable(thread: Thread) -> bool | None:
    """Return whether the merge has no conflict; None once it is merged or closed."""
    pull = pull_of(thread)
    base = pulls.base_head(thread)
    if not thread.is_open or base is None:
        return None
    return _merges(thread.repository.git, base, pull.head_sha)


def is_rebaseable(thread: Thread) -> bool:
    """Return whether each commit can be put on the base, one after the other."""
    base = pulls.base_head(thread)
    if not thread.is_open or base is None:
        return False
    return _rebases(thread.repository.git, base, pull_of(thread).head_sha)


def is_known(thread: Thread, asker: object, *, looks: int) -> bool:
    """Return whether GitHub has tried the merge by now; if not, it begins to.

    It tries after somebody has looked, and again after base or head moved. The first
    *looks* askers hear that it does not know yet. One asker hears one thing.
    """
    pull, base = pull_of(thread), pulls.base_head(thread) or ""
    if pull.tried != (base, pull.head_sha):
        pull.tried, pull.tried_for = (base, pull.head_sha), []
    if not any(one is asker for one in pull.tried_for):
        if len(pull.tried_for) >= looks:
            return True
        pull.tried_for.append(asker)
    return False


def state(thread: Thread, *, app_id: int) -> str:
    """Return GitHub's word: clean, dirty, draft, blocked, behind, unstable, unknown."""
    mergeable = is_mergeable(thread)
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    if pull_of(thread).is_draft:
        return "draft"
    rules = rules_of(thread)
    if any(_missing(thread, one, app_id) for one in rules):
        return "blocked"
    if any(one.is_strict for one in rules) and pulls.is_behind(thread):
        return "behind"
    found = checks_of(thread)
    return "clean" if verdicts.rollup(found) == "SUCCESS" else "unstable"


def rules_of(thread: Thread) -> list[BranchRules]:
    """Return what the base demands."""
    return thread.repository.rules_of(pull_of(thread).base_ref)


def checks_of(thread: Thread) -> list[verdicts.Verdict]:
    """Return the newest check runs and statuses of the head."""
    return verdicts.latest(thread.repository, pull_of(thread).head_sha)


def required_checks(thread: Thread) -> list[RequiredCheck]:
    """Return the checks that the base demands."""
    return [check for one in rules_of(thread) for check in one.checks]


def missing(thread: Thread, rules: Sequence[BranchRules], *, app_id: int) -> list[str]:
    """Return all that these rules miss, in GitHub's words."""
    return [one for rule in rules for one in _missing(thread, rule, app_id)]


def violations(
    thread: Thread, rules: Sequence[BranchRules], *, app_id: int
) -> str | None:
    """Return why the base takes no merge yet, in GitHub's words; None if it does.

    Classic protection says one thing, rulesets all that they miss.
    """
    for rule in rules:
        found = _missing(thread, rule, app_id) if rule.is_classic else []
        if found:
            return found[0]
    found = missing(thread, [r for r in rules if not r.is_classic], app_id=app_id)
    return "\n\n".join([VIOLATIONS, *found, ""]) if found else None


def opinions(thread: Thread) -> list[Review]:
    """Return the last review of each reviewer that takes a side."""
    reviews = [r for r in pull_of(thread).reviews if r.state in OPINIONS]
    newest = {review.author.login: review for review in reviews}
    return [one for one in newest.values() if one.state != "DISMISSED"]


def review_decision(thread: Thread) -> str | None:
    """Return APPROVED, CHANGES_REQUESTED or REVIEW_REQUIRED; None if nothing is asked."""
    wanted = [one for one in rules_of(thread) if one.approvals]
    states = [review.state for review in _weighty(thread)]
    if "CHANGES_REQUESTED" in states:
        return "CHANGES_REQUESTED"
    if not wanted:
        return "APPROVED" if "APPROVED" in states else None
    is_enough = all(_approvals(thread, one) >= (one.approvals or 0) for one in wanted)
    return "APPROVED" if is_enough else "REVIEW_REQUIRED"


def _missing(thread: Thread, rules: BranchRules, app_id: int) -> list[str]:
    """Return what one set of rules still misses, in GitHub's words."""
    missing = []
    if rules.approvals:
        if any(r.state == "CHANGES_REQUESTED" for r in _weighty(thread)):
            missing.append("Changes have been requested.")
        elif _approvals(thread, rules) < rules.approvals:
            count = rules.approvals
            reviews = "review is" if count == 1 else "reviews are"
            missing.append(
                f"At least {count} approving {reviews} required by reviewers with"
                " write access."
            )
    if rules.resolves_conversations and not _is_resolved(thread):
        missing.append("All comments must be resolved.")
    unmet = verdicts.unmet(rules.checks, checks_of(thread), app_id=app_id)
    if unmet is not None:
        missing.append(unmet)
    missing += [
        f"Required deployment to {environment} is missing."
        for environment in rules.deployments
    ]
    missing += [
        f"Required workflow '{path}' is not satisfied"
        for path in rules.workflows
        if not _has_succeeded(thread, path)
    ]
    return missing


def _is_resolved(thread: Thread) -> bool:
    comments = pull_of(thread).review_comments
    return all(one.is_resolved for one in comments if one.in_reply_to is None)


def _has_succeeded(thread: Thread, path: str) -> bool:
    """Return whether a workflow that a ruleset wants has succeeded for the head."""
    head = pull_of(thread).head_sha
    runs = [
        run
        for run in thread.repository.workflow_runs
        if (run.head_sha, run.path) == (head, path)
    ]
    return bool(runs) and runs[-1].conclusion == "success"


def _weighty(thread: Thread) -> list[Review]:
    """Return the opinions that count: of those who may write."""
    repository = thread.repository
    return [
        review
        for review in opinions(thread)
        if ROLES.index(repository.role(review.author.login)) >= ROLES.index("write")
    ]


def _approvals(thread: Thread, rules: BranchRules) -> int:
    head = pull_of(thread).head_sha
    return sum(
        review.state == "APPROVED"
        and (not rules.dismisses_stale_reviews or review.commit_id == head)
        for review in _weighty(thread)
    )


# Commits never change, so what follows from two of them can be remembered for good.


@lru_cache(maxsize=2048)
def _merges(git: GitRepository, base: str, head: str) -> bool:
    try:
        git.merged_tree(base, head)
    except MergeConflict:
        return False
    return True


@lru_cache(maxsize=2048)
def _rebases(git: GitRepository, base: str, head: str) -> bool:
    commits = git.commits(base, head)
    if any(len(commit.parents) > 1 for commit in commits):
        return False
    try:
        for commit in commits:
            base = git.replay(commit, onto=base, at=commit.at)
    except MergeConflict:
        return False
    return True
