"""What merges and updates would do at this moment, for a plan."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bot.core.actions import mergeable
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen, Step
from bot.core.actions.table import spec_of
from bot.core.effects import (
    ChangeBase,
    DequeuePullRequest,
    EnqueuePullRequest,
    Intent,
    MergePullRequest,
    RerunFailedJobs,
    UpdateBranch,
)
from bot.core.model import AttemptId, Batch, PlanItem, Reference
from bot.core.world.features import Feature, without_rules
from bot.core.world.job_logs import JobLogOf
from bot.core.world.markdown import escape_line, some
from bot.core.world.pulls import (
    ConflictsOf,
    PullRequest,
    PullRequestNow,
    RebaseOf,
)

_MOST_NAMED = 10
_OF = ("merge", "update")
_DETAILS: Mapping[type, object] = {JobLogOf: (), ConflictsOf: (), RebaseOf: ""}
"""What a plan is not made to wait for, and what is taken for it."""


def asked(batch: Batch) -> Mapping[PlanItem, PullRequestNow]:
    """Return what has to be asked of GitHub for each item that can be told about.

    Of what waits for another one the plan says that, and it may be otherwise by then.
    """
    at, plan = batch.created_at, batch.plan
    waiting = {edge.successor for edge in plan.edges}
    waiting |= {edge.successor for edge in plan.outside}
    return {
        item: mergeable.question(_job(batch, item, at))
        for item in plan.items
        if item.action.does in _OF and item.id not in waiting
    }


def outlook(
    batch: Batch,
    found: Mapping[PlanItem, PullRequest | None],
    *,
    lacks: Collection[Feature] = (),
) -> Sequence[str]:
    """Return what would be done now, and waited for: a line for all of whom it is said.

    *lacks* is what this GitHub is known not to have.
    """
    home = batch.repository.name
    said: dict[str, list[str]] = {}
    for item, pull in found.items():
        if pull is not None:
            words = _words(_first_step(batch, item, pull))
            reference = Reference(item.repository.name, item.number)
            said.setdefault(words, []).append(reference.beside(home))
    lines = [
        f"{some(items[:_MOST_NAMED], len(items))} {words}."
        for words, items in said.items()
    ]
    if lines and Feature.BASE_RULES in lacks:
        lines.append(without_rules())
    return lines


def not_told() -> str:
    """GitHub did not answer; the plan stands without it."""
    return "GitHub did not say how the pull requests stand now."


def _first_step(batch: Batch, item: PlanItem, pull: PullRequest) -> Step:
    """Return the first step that would be seen from outside."""
    job = _job(batch, item, batch.created_at)
    spec = spec_of(item.action)
    assert spec is not None
    assert spec.next_step is not None
    step = spec.next_step(job, Seen().told(mergeable.question(job), pull))
    if isinstance(step, Ask) and type(step.question) in _DETAILS:
        detail = _DETAILS[type(step.question)]
        seen = Seen().told(mergeable.question(job), pull).told(step.question, detail)
        return spec.next_step(job, seen)
    return step


def _words(step: Step) -> str:
    match step:
        case Do(intent=intent):
            return _deed(intent)
        case Await(says=says):
            return f"would wait for {escape_line(says)}"
        case End(outcome) if outcome.reason:
            return f"would fail: {outcome.reason}"
        case End(outcome):
            return f"would end at once: {outcome.summary}"
        case _:
            return "would be looked at first"


def _deed(intent: Intent) -> str:
    match intent:
        case UpdateBranch():
            return "would be brought up to date first"
        case MergePullRequest(method=method):
            return f"would be merged now (`{method}`)"
        case EnqueuePullRequest():
            return "would go into the merge queue now"
        case DequeuePullRequest():
            return "would be taken out of the merge queue"
        case RerunFailedJobs():
            return "would have its failed jobs run again"
        case ChangeBase(base_branch=base):
            return f"would go to {escape_line(base)} first"
        case _:
            return "would be changed now"


def _job(batch: Batch, item: PlanItem, at: datetime) -> Job:
    return Job(
        attempt=AttemptId(""),
        batch_id=batch.id,
        item=item,
        repository=item.repository,
        default_branch=item.default_branch or batch.default_branch,
        asker=batch.asker,
        started_at=at,
        mark="",
    )
