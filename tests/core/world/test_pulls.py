"""What a pull request's own commits and checks say of it."""

import pytest

from bot.core.model import InstallationId, ItemNumber, Repository
from bot.core.world.pulls import (
    BaseRules,
    HeadCommit,
    PullRequest,
    PullRequestNow,
    is_own_update,
)
from bot.core.world.questions import Check, CheckState, PullState

PINNED = "a" * 40
REPOSITORY = Repository(1, "acme/widgets", InstallationId(7))


def pull(*commits: HeadCommit, head: str = "", **facts: object) -> PullRequest:
    return PullRequest(
        ItemNumber(32),
        "https://github.com/acme/widgets/pull/32",
        "PR_32",
        PullState.OPEN,
        head or (commits[-1].sha if commits else PINNED),
        "topic",
        "main",
        "b" * 40,
        commits=commits,
        **facts,  # type: ignore[arg-type]
    )


def update(sha: str, of: str, *, by_app: bool = True) -> HeadCommit:
    return HeadCommit(sha, (of, "tip"), by_app=by_app)


WRITTEN = HeadCommit(PINNED, ("root",))


@pytest.mark.parametrize(
    ("commits", "is_own"),
    [
        ((WRITTEN,), True),
        ((WRITTEN, update("m1", PINNED)), True),
        ((WRITTEN, update("m1", PINNED), update("m2", "m1")), True),
        ((WRITTEN, update("m1", PINNED, by_app=False)), False),
        ((WRITTEN, HeadCommit("c", (PINNED,), by_app=True)), False),
        ((WRITTEN, HeadCommit("c", (PINNED, "x", "y"), by_app=True)), False),
        ((WRITTEN, HeadCommit("c", (PINNED,)), update("m1", "c")), False),
        ((update("m1", "elsewhere"),), False),
        ((WRITTEN, update("m1", "m2"), update("m2", "m1")), False),
        # The pinned head as the *second* parent is somebody else's branch, updated.
        ((WRITTEN, HeadCommit("m", ("tip", PINNED), by_app=True)), False),
    ],
)
def test_only_the_apps_merges_of_the_pinned_head_are_its_own(commits, is_own):
    assert is_own_update(pull(*commits), PINNED) is is_own


def test_a_required_check_that_never_reported_is_pending():
    lint = Check("lint", CheckState.PASSED, "success", is_required=True)
    docs = Check("docs", CheckState.FAILED, "failure")
    build = Check("build", CheckState.PASSED, "success")
    rules = BaseRules(checks=("build", "e2e"))
    found = pull(WRITTEN, checks=(lint, docs, build), rules=rules).required
    assert [(c.name, c.state) for c in found] == [
        ("lint", CheckState.PASSED),
        ("build", CheckState.PASSED),
        ("e2e", CheckState.PENDING),
    ]


def test_the_pull_request_and_its_head_wake_who_waits_for_it():
    number = ItemNumber(32)
    assert PullRequestNow(REPOSITORY, number).wakes == {"pull request 1 32"}
    asked = PullRequestNow(REPOSITORY, number, head_sha=PINNED)
    assert asked.wakes == {"pull request 1 32", f"commit 1 {PINNED}"}
