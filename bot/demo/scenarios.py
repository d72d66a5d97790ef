"""What the demo can show: a command, what has to be there for it, and what it promises."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.plan.configuration import PATH as CONFIGURATION
from bot.demo.check import BASES, check
from bot.demo.seed import REPOSITORY, REVIEWERS, ROLES
from bot.demo.stage import THREAD, DemoFailed, Stage
from bot.localhub.hub import LocalHub
from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, RequiredCheck

Row = tuple[str, str, str, str]

ENDS = frozenset({"hooray", "confused"})
"""The reactions to a command of which one comes when its batch is over."""
LABEL = "batch"

TRAIN: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        101: ("docs/colours.md", "Say which colours widgets have"),
        102: ("docs/sizes.md", "Say which sizes widgets have"),
        103: ("docs/prices.md", "Say what widgets cost"),
    }
)
"""Pull requests to merge: by number the file that each adds, and its title."""
CATALOG = "acme/catalog"
"""Another repository, which sells widgets."""
_CHECK = "test"
REVIEWED = (61, 63, 64)
_RULES = """
rules:
  - {pattern: "lru_cache", paths: "**/*.py", say: "Say when this cache is emptied."}
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What ada does: a command, unless *act* does something else.

    The batch speaks in *thread*; ``is_over`` says whether all has come of it.
    """

    command: str  # or what she does instead, as it is asked of somebody else
    prepare: Callable[[LocalHub], None]
    check: Callable[[Stage], Iterator[Row]]
    thread: int = THREAD
    act: Callable[[LocalHub], object] | None = None
    is_over: Callable[[Stage], bool] = lambda on: bool(_reactions(on) & ENDS)

    @property
    def is_typed(self) -> bool:
        """Whether it is written as a comment."""
        return self.act is None

    def begin(self, hub: LocalHub) -> None:
        """Do what ada does."""
        if self.act is None:
            hub.comment("ada", REPOSITORY, self.thread, self.command)
        else:
            self.act(hub)


def _reactions(on: Stage) -> set[str]:
    """Return the bot's reactions to the last command."""
    commands = [c for c in on.thread.comments if c.author.login == "ada"]
    return {reaction.content for reaction in commands[-1].reactions}


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


def _needs_the_other(hub: LocalHub) -> None:
    """Have #18 wait for #12, as GitHub's own dependency."""
    blocked, blocker = hub.thread(REPOSITORY, 18), hub.thread(REPOSITORY, 12)
    hub.block("ada", blocked, blocker)


def _label(hub: LocalHub) -> None:
    """Put the label on, as a script does."""
    for number in BASES:
        hub.label("ada", REPOSITORY, number, LABEL)


def _has_no_label(on: Stage) -> bool:
    """Return whether all is said, and the label is gone from all."""
    threads = on.thread.repository.threads
    left = [n for n in BASES for one in threads[n].labels if one.name == LABEL]
    return on.comment_of("report") is not None and not left


def _ask(hub: LocalHub) -> None:
    for number in REVIEWED:
        hub.request_review("ada", REPOSITORY, number, teams=[REVIEWERS])


def _requested(on: Stage) -> Iterator[Row]:
    """Yield the reviews; the team's people are still asked. Raises ``DemoFailed``."""
    threads = on.thread.repository.threads
    if not all(pull_of(threads[number]).requested_teams for number in REVIEWED):
        message = "the team is not asked any more"
        raise DemoFailed(message)
    yield from _reviewed(on)


def _catalog(hub: LocalHub) -> None:
    """Add a repository to the installation, with an issue and a pull request."""
    hub.create_repository(CATALOG, files={"prices.md": "# Prices\n"})
    for login, role in ROLES.items():
        hub.set_role("ada", CATALOG, login, role)
    hub.open_issue(
        "grace",
        CATALOG,
        "Offer the size that nobody could read",
        f"Depends on {REPOSITORY}#12",
    )
    files = {"prices.md": "# Prices\n\nA small widget costs 4.\n"}
    hub.push("linus", CATALOG, "prices", files, message="Say what a widget costs")
    hub.open_pull_request("linus", CATALOG, "Say what a widget costs", head="prices")


def _across(on: Stage) -> Iterator[Row]:
    """Yield what was done in two repositories. Raises ``DemoFailed`` for what was not."""
    here, there = on.thread.repository, on.hub.repository(CATALOG)
    opened = [
        one
        for one in here.threads.values()
        if one.pull and one.pull.head_ref.startswith("batch/")
    ]
    issue, pull = there.threads[1], pull_of(there.threads[2])
    reviews = [one for one in pull.reviews if one.author is on.hub.app.bot]
    report = on.comment_of("report")
    if len(opened) != 1 or issue.is_open or len(reviews) != 1 or report is None:
        message = f"not everything was done in {REPOSITORY} and {CATALOG}"
        raise DemoFailed(message)
    if issue.closed_at is None or issue.closed_at < opened[0].created_at:
        message = f"{CATALOG}#1 was closed before what it waits for was done"
        raise DemoFailed(message)
    yield f"✓ {REPOSITORY}#{opened[0].number}", "opened", "closes #12", opened[0].title
    yield f"✓ {CATALOG}#1", "closed", "after #12", issue.title
    yield f"✓ {CATALOG}#2", "reviewed", "", there.threads[2].title


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "implement": Scenario("/batch 12 15 18 after:12", _nothing, check),
        "merge": Scenario("/batch merge 101 102 103", _strict_base, _merged),
        "review": Scenario("/batch review 61 63 64", _rules, _reviewed),
        "across": Scenario(
            f"/batch 12 close:{CATALOG}#1 after:12 review:{CATALOG}#2",
            _catalog,
            _across,
        ),
        "labels": Scenario(
            f"put the label {LABEL} on #12, #15 and #18",
            _needs_the_other,
            check,
            thread=12,
            act=_label,
            is_over=_has_no_label,
        ),
        "reviews": Scenario(
            f"ask the team {REVIEWERS} for a review of #61, #63 and #64",
            _rules,
            _requested,
            thread=61,
            act=_ask,
            is_over=lambda on: on.comment_of("report") is not None,
        ),
    }
)
