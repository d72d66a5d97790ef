"""Who brought the configuration as it is onto the default branch."""

from bot.core.command.trigger import Sender
from bot.core.model import Repository
from bot.errors import Refused
from bot.github.adapter import GitHubAdapter
from bot.localhub.hub import LocalHub
from tests.github.test_localhub import NAME, adapter, hub_clock, repository

__all__ = ("adapter", "hub_clock", "repository")
PATH = ".github/batch.yml"


def push(hub: LocalHub, login: str, text: str | None, branch: str = "main") -> str:
    return hub.push(login, NAME, branch, {PATH: text}, message=f"By {login}: {text}")


async def test_the_last_push_that_changed_the_file_counts(
    hub: LocalHub, adapter: GitHubAdapter, repository: Repository
):
    github = adapter.github
    assert await github.pushed_by(repository, "main") is None  # there is none
    push(hub, "olivia", "home: 12\n")
    push(hub, "wade", "home: 13\n", "other")
    for number in range(101):  # more than a page, and more than is asked for at once
        hub.push("wade", NAME, "main", {"a.txt": f"{number}"}, message="Go on")
    assert await github.pushed_by(repository, "main") == Sender("olivia", is_bot=False)
    push(hub, "wade", "home: 14\n")
    assert await github.pushed_by(repository, "main") == Sender("wade", is_bot=False)
    push(hub, "olivia", None)
    push(hub, "olivia", "home: 14\n")
    assert await github.pushed_by(repository, "main") == Sender("olivia", is_bot=False)


async def test_whoever_merges_has_pushed_and_not_who_wrote_the_commits(
    hub: LocalHub, adapter: GitHubAdapter, repository: Repository
):
    push(hub, "wade", "home: 12\n", "topic")
    pull = hub.open_pull_request("wade", NAME, "Home", head="topic")
    hub.merge("olivia", NAME, pull.number)
    assert hub.repository(NAME).activities[-1].kind == "pr_merge"
    github = adapter.github
    assert await github.pushed_by(repository, "main") == Sender("olivia", is_bot=False)


async def test_nobody_counts_whom_the_record_does_not_name_for_sure(
    hub: LocalHub, adapter: GitHubAdapter, repository: Repository
):
    github, found = adapter.github, hub.repository(NAME)
    push(hub, "olivia", "home: 12\n")
    push(hub, "wade", "home: 13\n")
    late = found.activities.pop()
    assert await github.pushed_by(repository, "main") is None  # the list is behind
    found.activities.append(late)
    app = hub.app.bot
    found.git.set_ref("refs/heads/main", found.git.resolve("main~1"))
    hub.refs_moved(app, found)
    assert await github.pushed_by(repository, "main") == Sender(app.login, is_bot=True)


async def test_an_app_that_may_not_read_contents_is_refused(
    hub: LocalHub, adapter: GitHubAdapter, repository: Repository
):
    push(hub, "olivia", "home: 12\n")
    (installation,) = hub.state.installations.values()
    installation.permissions.pop("contents")
    try:
        await adapter.github.pushed_by(repository, "main")
    except Refused:
        return
    raise AssertionError
