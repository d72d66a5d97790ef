"""What the demo can show: a command, what has to be there for it, and what it promises."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.plan.configuration import PATH as CONFIGURATION
from bot.demo.check import check
from bot.demo.seed import REPOSITORY
from bot.demo.stage import DemoFailed, Stage
from bot.localhub.hub import LocalHub
from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, RequiredCheck

Row = tuple[str, str, str, str]

TRAIN: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        101: ("docs/colours.md", "Say which colours widgets have"),
        102: ("docs/sizes.md", "Say which sizes widgets have"),
        103: ("docs/prices.md", "Say what widgets cost"),
    }
)
"""Pull requests to merge: by number the file that each adds, and its title."""
_CHECK = "test"
REVIEWED = (61, 63, 64)
_RULES = """
rules:
  - {pattern: "lru_cache", paths: "**/*.py", say: "Say when this cache is emptied."}
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One command of ada's."""

    command: str
    prepare: Callable[[LocalHub], None]
    check: Callable[[Stage], Iterator[Row]]


def _nothing(_hub: LocalHub) -> None:
    """Leave the seed as it is."""


def _strict_base(hub: LocalHub) -> None:
    """Have ``main`` demand a check on its latest commit, and open pull requests."""
    hub.plan_checks(REPOSITORY, {_CHECK: "success"})
    for number, (path, title) in TRAIN.items():
        branch, files = f"docs-{number}", {path: f"# {title}\n"}
        hub.push("grace", REPOSITORY, branch, files, message=title)
        hub.repository(REPOSITORY).last_number = number - 1
        hub.open_pull_request("grace", REPOSITORY, title, head=branch)
    rules = BranchRules(checks=(RequiredCheck(_CHECK),), is_strict=True)
    hub.repository(REPOSITORY).rules = [rules]


def _rules(hub: LocalHub) -> None:
    """Give the repository a rule of its own for reviews."""
    there = hub.repository(REPOSITORY).git.read_file("main", CONFIGURATION) or b""
    files = {CONFIGURATION: there.decode() + _RULES}
    hub.push("grace", REPOSITORY, "main", files, message="Have a rule for caches")


def _merged(on: Stage) -> Iterator[Row]:
    """Yield the pull requests that were merged, one on top of the other.

    Raises ``DemoFailed`` for what was not, or was merged out of date.
    """
    git = on.thread.repository.git
    for number, (path, _) in TRAIN.items():
        pull = pull_of(on.thread.repository.threads[number])
        if not pull.is_merged or pull.merge_commit_sha is None:
            message = f"pull request {number} is not merged"
            raise DemoFailed(message)
        commit = git.commit(pull.merge_commit_sha)
        before, head = commit.parents
        if git.merge_base(before, head) != before:
            message = f"pull request {number} was merged without all of its base"
            raise DemoFailed(message)
        yield f"✓ PR #{number}", "merged, up to date", commit.sha[:7], path


def _reviewed(on: Stage) -> Iterator[Row]:
    """Yield the reviews, one on each head. Raises ``DemoFailed`` for what has none."""
    for number in REVIEWED:
        pull = pull_of(on.thread.repository.threads[number])
        own = [one for one in pull.reviews if one.author is on.hub.app.bot]
        if [one.commit_id for one in own] != [pull.head_sha]:
            message = f"pull request {number} has no review of its head"
            raise DemoFailed(message)
        lines = sum(comment.review is own[0] for comment in pull.review_comments)
        said = own[0].body.splitlines()[1].replace("*", "").replace("`", "")
        yield f"✓ PR #{number}", "reviewed", f"{lines} on lines", said


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "implement": Scenario("/batch 12 15 18 after:12", _nothing, check),
        "merge": Scenario("/batch merge 101 102 103", _strict_base, _merged),
        "review": Scenario("/batch review 61 63 64", _rules, _reviewed),
    }
)
