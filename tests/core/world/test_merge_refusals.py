"""What GitHub says when it does not merge or update, in its own words."""

import pytest

from bot.core.world.merge_refusals import (
    Then,
    is_head_moved,
    is_up_to_date,
    is_verdict,
    refusal,
)

SAID = {
    "Pull Request is not mergeable": Then.LOOK,
    "Base branch was modified. Review and try the merge again.": Then.LOOK,
    "Head branch was modified. Review and try the merge again.": Then.LOOK,
    "expected head sha didn\u2019t match current head ref.": Then.LOOK,
    "Head branch is out of date. Review and try the merge again.": Then.UPDATE,
    "Pull Request has merge conflicts": Then.NAME,
    "merge conflict between base and head": Then.NAME,
    "rebase conflict between base and head": Then.FAIL,
    "Pull Request is still a draft": Then.FAIL,
    "Merge commits are not allowed on this repository.": Then.FAIL,
    "Squash merges are not allowed on this repository.": Then.FAIL,
    "Rebase merges are not allowed on this repository.": Then.FAIL,
    "This branch can't be rebased": Then.FAIL,
    "This branch must not contain merge commits.": Then.FAIL,
    "At least 1 approving review is required by reviewers with write access.": Then.WAIT,
    'Required status check "build" is expected.': Then.WAIT,
    'Required status check "build" is failing.': Then.WAIT,
    "2 of 3 required status checks have not succeeded: 1 expected.": Then.WAIT,
    "3 of 5 required status checks are expected.": Then.WAIT,
    "Waiting on code owner review from acme/core.": Then.WAIT,
    "Changes must be made through the merge queue": Then.ENQUEUE,
    "Repository rule violations found\n\nChanges must be made through the merge"
    " queue\n\n": Then.ENQUEUE,
    "Repository rule violations found\n\nA conversation must be resolved before this"
    " pull request can be merged.\n\n": Then.WAIT,
    "Repository rule violations found\n\nCommits must have verified"
    " signatures.\n\n": Then.FAIL,
    "You're not authorized to push to this branch. Visit https://docs.github.com for"
    " more information.": Then.FAIL,
    "This pull request is part of a stack and must be merged using the asynchronous"
    " merge REST API.": Then.FAIL,
    "refusing to allow a GitHub App to create or update workflow"
    " `.github/workflows/ci.yml` without `workflows` permission": Then.FAIL,
    "Something of another year": Then.FAIL,
    "": Then.FAIL,
}


@pytest.mark.parametrize("said", SAID)
def test_each_refusal_has_one_consequence_and_words(said: str):
    found = refusal(said)
    assert found.then is SAID[said]
    assert "\n" not in found.words
    assert found.then is not Then.FAIL or (found.words and found.advice)


def test_the_heading_of_rules_is_left_out():
    said = "Repository rule violations found\n\nWaiting on review.\n"
    assert refusal(said).words == "Waiting on review"


def test_only_what_is_about_the_pull_request_is_a_verdict():
    said = "refusing to allow a GitHub App to create or update workflow `x`"
    assert is_verdict(405, "Pull Request is not mergeable")
    assert is_verdict(403, said)
    assert not is_verdict(403, "Resource not accessible by integration")
    assert not is_verdict(404, "Not Found")


def test_an_update_that_is_not_needed_is_told_from_one_of_another_head():
    assert is_up_to_date("There are no new commits on the base branch.")
    assert is_head_moved("expected head sha didn\u2019t match current head ref.")
    assert is_head_moved("expected head sha didn't match current head ref.")
    assert not is_head_moved("merge conflict between base and head")
