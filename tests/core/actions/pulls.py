"""Pull requests as values, and the walk of a machine that acts on one of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.core.actions.spec import NextStep
from bot.core.actions.step import Ask, Await, End, Job, Predecessor, Seen, Step
from bot.core.effects import Receipt
from bot.core.model import Action, ItemKind, ItemNumber, MergeWay, Outcome
from bot.core.world.pulls import (
    ConflictsOf,
    HeadCommit,
    MergeState,
    PullRequest,
    PullRequestNow,
)
from bot.core.world.questions import Check, CheckState, PullState
from tests.core.actions.jobs import REPOSITORY, TWELVE, job

PINNED, TIP = "a" * 40, "b" * 40
UPDATED = "e" * 40
URL = "https://github.com/acme/widgets/pull/12"
ASKED = PullRequestNow(REPOSITORY, TWELVE)
WRITTEN = HeadCommit(PINNED, ("root",))
OWN = HeadCommit(UPDATED, (PINNED, TIP), by_app=True)
CONFLICTS = tuple(f"{name}.py" for name in "abcdefg")
DONE = Receipt(id=12)
NOTHING = Receipt(id=12, changed=False)


def refused(said: str) -> Receipt:
    return Receipt(id=12, changed=False, note=said)


def pull(**facts: Any) -> PullRequest:
    """Return a pull request that can be merged at once."""
    facts = {"merge_state": MergeState.CLEAN, "commits": (WRITTEN,), **facts}
    return PullRequest(
        TWELVE,
        URL,
        "PR_12",
        facts.pop("state", PullState.OPEN),
        facts.pop("head_sha", PINNED),
        "topic-12",
        facts.pop("base_branch", "main"),
        TIP,
        **facts,
    )


def check(name: str, state: CheckState, says: str = "", **facts: Any) -> Check:
    words = {CheckState.PASSED: "success", CheckState.FAILED: "failure"}
    facts = {"is_required": True, "url": f"https://ci/{name}", **facts}
    return Check(name, state, says or words.get(state, "in_progress"), **facts)


def merge_job(
    way: MergeWay | None = None,
    *,
    does: str = "merge",
    base: str = "main",
    predecessors: Mapping[int, str] | None = None,
) -> Job:
    made = job(Action(does), kind=ItemKind.PULL_REQUEST)
    item = replace(
        made.item, head_sha=PINNED, base_branch=base, merge_way=way or MergeWay()
    )
    below = tuple(
        Predecessor(ItemNumber(number), branch)
        for number, branch in (predecessors or {}).items()
    )
    return replace(made, item=item, predecessors=below)


def step(
    machine: NextStep,
    at: Job,
    found: PullRequest,
    receipts: Mapping[str, Receipt] | None = None,
) -> Step:
    """Return what comes next once *found* was seen."""
    seen = Seen()
    for key, receipt in (receipts or {}).items():
        seen = seen.done(key, receipt)
    asked = machine(at, seen)
    assert isinstance(asked, Ask | Await), asked
    question = asked.question if isinstance(asked, Ask) else asked.what
    seen = seen.told(question, found)
    following = machine(at, seen)
    if isinstance(following, Ask) and isinstance(following.question, ConflictsOf):
        return machine(at, seen.told(following.question, CONFLICTS))
    return following


def end(found: Step) -> Outcome:
    assert isinstance(found, End), found
    return found.outcome
