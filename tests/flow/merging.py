"""Pull requests and what their base demands, as stories of merges need them."""

from typing import Any

from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, RequiredCheck
from tests.flow.world import REPOSITORY, World

MERGES = "SELECT count(*) FROM effects WHERE key GLOB '*/merge@*'"
UPDATES = "SELECT count(*) FROM effects WHERE key GLOB '*/update@*'"
PARKED = "SELECT count(*) FROM events WHERE kind = 'ItemParked'"


def pulls(on: World, *numbers: int) -> None:
    """Open pull requests that change one file each."""
    for number in numbers:
        on.pull_request(number)


def stack(on: World, number: int, *, on_: int) -> None:
    """Open a pull request into the branch of another one."""
    branch, base = f"topic-{number}", f"topic-{on_}"
    files = {f"topic{number}.txt": "topic\n"}
    on.hub.push("linus", REPOSITORY, branch, files, message="Go on", base=base)
    on.repository.last_number = number - 1
    title = f"Item {number}"
    on.hub.open_pull_request("linus", REPOSITORY, title, head=branch, base=base)


def demand(on: World, *checks: str, **rules: Any) -> None:
    """Have ``main`` demand checks, and what else a ruleset can."""
    required = tuple(RequiredCheck(name) for name in checks)
    on.repository.rules = [BranchRules(checks=required, **rules)]


def head(on: World, number: int) -> str:
    return pull_of(on.thread(number)).head_sha


def report(
    on: World, number: int, *names: str, conclusion: str | None = "success"
) -> None:
    """Have the CI say the same of some checks of a pull request's head."""
    for name in names:
        on.hub.check(REPOSITORY, head(on, number), name, conclusion=conclusion)


def is_merged(on: World, number: int) -> bool:
    return pull_of(on.thread(number)).is_merged


def main(on: World) -> str:
    return on.repository.git.refs()["refs/heads/main"]
