"""Pull requests from forks: who may update them, and where their branches are."""

from typing import Any

import pytest

from bot.localhub import pulls
from bot.localhub.errors import GitHubError
from bot.localhub.hub import LocalHub
from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread
from tests.localhub.client import NAME, REPO, client

QUERY = """{ repository(owner: "acme", name: "widgets") { pullRequest(number: 1) {
  isCrossRepository maintainerCanModify viewerCanUpdateBranch
  headRepository { nameWithOwner } headRef { name } } } }"""


def open_pull(hub: LocalHub, *, may_edit: bool) -> Thread:
    hub.add_user("forker")
    hub.fork("forker", NAME)
    hub.push("forker", "forker/widgets", "topic", {"a.txt": "1\n"}, message="A")
    thread = hub.open_pull_request(
        "forker", NAME, "A", head="forker:topic", maintainer_can_modify=may_edit
    )
    hub.push("wade", NAME, "main", {"other.txt": "1\n"}, message="Other")
    return thread


@pytest.mark.parametrize("may_edit", [True, False])
async def test_a_fork_is_updated_only_if_its_owner_lets(hub: LocalHub, may_edit: bool):
    thread = open_pull(hub, may_edit=may_edit)
    before = pull_of(thread).head_sha
    async with client(hub) as github:
        whole = (await github.get(f"{REPO}/pulls/1")).body
        head: Any = whole["head"]
        assert (head["label"], head["repo"]["full_name"], head["repo"]["fork"]) == (
            "forker:topic",
            "forker/widgets",
            True,
        )
        assert whole["maintainer_can_modify"] is may_edit
        listed = await github.get(f"{REPO}/pulls?head=forker:topic")
        assert [pull["number"] for pull in listed.body] == [1]
        assert (await github.get(f"{REPO}/pulls?head=acme:topic")).body == []
        data = (await github.graphql(QUERY))["data"]["repository"]["pullRequest"]
        assert data == {
            "isCrossRepository": True,
            "maintainerCanModify": may_edit,
            "viewerCanUpdateBranch": may_edit,
            "headRepository": {"nameWithOwner": "forker/widgets"},
            "headRef": {"name": "topic"},
        }
        update = await github.send("PUT", f"{REPO}/pulls/1/update-branch")
        await hub.jobs.drain()
    fork = hub.repository("forker/widgets")
    assert fork.git.resolve("topic") == pull_of(thread).head_sha
    if may_edit:
        assert update.status == 202
        assert fork.git.commit(pull_of(thread).head_sha).parents[0] == before
    else:
        message = "user doesn't have permission to update head repository"
        assert (update.status, update.body["message"]) == (403, message)
        assert pull_of(thread).head_sha == before


async def test_branches_of_one_name_are_not_mixed_up(hub: LocalHub):
    thread = open_pull(hub, may_edit=True)
    hub.push("wade", NAME, "topic", {"b.txt": "1\n"}, message="B", base="main")
    own = hub.open_pull_request("wade", NAME, "B", head="topic")
    pushed = hub.push("forker", "forker/widgets", "topic", {"c": "1\n"}, message="C")
    assert pull_of(thread).head_sha == pushed != pull_of(own).head_sha
    with pytest.raises(GitHubError, match="Validation"):
        hub.open_pull_request("forker", NAME, "A", head="forker:topic")
    with pytest.raises(GitHubError, match="Must have write"):
        hub.open_pull_request("forker", NAME, "B", head="topic")
    hub.repository(NAME).deletes_branch_on_merge = True
    commit = hub.merge("olivia", NAME, 1)
    subject = hub.repository(NAME).git.commit(commit).message.splitlines()[0]
    assert subject == "Merge pull request #1 from forker/topic"
    assert hub.repository("forker/widgets").git.resolve("topic") == pushed
    assert own.is_open
    assert hub.repository(NAME).git.resolve("topic") == pull_of(own).head_sha
    assert pulls.label(own) == "acme:topic"
