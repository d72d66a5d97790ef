"""The box in which a pull request is merged: its checks, and what is in the way."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.localhub import mergeability, pulls, verdicts
from bot.localhub.ci import CommitStatus, WorkflowRun
from bot.localhub.pulls import pull_of
from bot.localhub.rules import RequiredCheck
from bot.localhub.state import Thread

MARKS = {"passing": "✅", "failing": "❌", "expected": "⚪"}
HEADINGS = {
    "clean": "Can be merged",
    "dirty": "Has conflicts with the base",
    "draft": "Is a draft",
    "blocked": "Is blocked by the rules of the base",
    "behind": "Is behind the base",
    "unstable": "Can be merged, though not all checks are green",
    "unknown": "Not known yet",
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check, or a required one that nobody has reported."""

    sha: str
    name: str
    mark: str
    says: str
    is_required: bool
    is_settable: bool  # the CI's; what the app says of itself is its own
    run_id: int = 0  # of the check run that has a page


@dataclass(frozen=True, slots=True)
class MergeBox:
    """What the box shows."""

    state: str
    heading: str
    checks: Sequence[CheckRow]
    missing: Sequence[str]  # what the base still demands, in GitHub's words
    methods: Sequence[str]
    is_behind: bool
    has_queue: bool
    position: int  # in the queue; 0: is in none
    group: Sequence[CheckRow]  # checks on what the queue would make of the base
    workflow: WorkflowRun | None  # that waits for approval
    has_failed_jobs: bool


def merge_box(thread: Thread, *, app_id: int) -> MergeBox:
    """Return the box of a pull request."""
    repository, head = thread.repository, pull_of(thread).head_sha
    rules = mergeability.rules_of(thread)
    entry = repository.queue_entry(thread)
    runs = [run for run in repository.workflow_runs if run.head_sha == head]
    newest = runs[-1] if runs else None
    state = mergeability.state(thread, app_id=app_id)
    return MergeBox(
        state,
        HEADINGS[state],
        _rows(thread, head, app_id),
        mergeability.missing(thread, rules, app_id=app_id),
        repository.merge_methods,
        is_behind=thread.is_open and pulls.is_behind(thread),
        has_queue=any(one.queue is not None for one in rules),
        position=repository.queues[entry.branch].index(entry) + 1 if entry else 0,
        group=_rows(thread, entry.group_sha, app_id) if entry is not None else (),
        workflow=newest if newest and newest.conclusion == "action_required" else None,
        has_failed_jobs=newest is not None
        and newest.status == "completed"
        and any(
            job.run.conclusion not in verdicts.PASSING for job in newest.latest_jobs()
        ),
    )


def _rows(thread: Thread, sha: str | None, app_id: int) -> Sequence[CheckRow]:
    if sha is None:
        return ()
    required = mergeability.required_checks(thread)
    found = verdicts.latest(thread.repository, sha)
    rows = [_row(required, verdict, sha, app_id) for verdict in found]
    reported = {row.name for row in rows}
    rows += [
        CheckRow(
            sha,
            one.context,
            MARKS["expected"],
            "expected",
            is_required=True,
            is_settable=True,
        )
        for one in required
        if one.context not in reported
    ]
    return rows


def _row(
    required: Sequence[RequiredCheck], verdict: verdicts.Verdict, sha: str, app_id: int
) -> CheckRow:
    if isinstance(verdict, CommitStatus):
        says, is_own = verdict.state, False
    else:
        says = verdict.conclusion or verdict.status
        says += f" · {verdict.title}" if verdict.title else ""
        is_own = verdict.by_app
    return CheckRow(
        sha,
        verdicts.name_of(verdict),
        MARKS.get(verdicts.word_of(verdict), "🟡"),
        says.replace("_", " "),
        is_required=verdicts.is_for(required, verdict, app_id=app_id),
        is_settable=not is_own,
        run_id=0 if isinstance(verdict, CommitStatus) else verdict.id,
    )
