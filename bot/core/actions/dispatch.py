"""``dispatch``: one run of a workflow of GitHub Actions per item, followed to its end.

The ref is the default branch always, for a head's own workflow would run with the
secrets of the repository; a pull request's head goes in as an input. The attempt goes in
as well, and shows in the run's name: so what was asked for without an answer is found.
"""

import re
from dataclasses import replace

from bot.core.actions.pull_request import harmless_title
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Words,
)
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen, Step
from bot.core.durations import spell_option
from bot.core.effects import (
    CancelRun,
    DispatchWorkflow,
    OpenPullRequest,
    Receipt,
    RerunFailedJobs,
)
from bot.core.model import (
    Expectation,
    ItemKind,
    ItemNumber,
    Link,
    OpenedPull,
    Outcome,
    OutcomeKind,
    branch,
)
from bot.core.world.job_logs import JobLogOf
from bot.core.world.markdown import (
    Links,
    code_span,
    cut,
    escape_line,
    join,
    paragraphs,
    plural,
    prose_code,
)
from bot.core.world.permissions import Needed
from bot.core.world.runs import (
    AnnotationsOf,
    JobsOf,
    NoBranch,
    Run,
    RunJob,
    RunJobs,
    RunOf,
    WorkBranch,
    WorkBranchOf,
)

PULL_REQUEST = "pull_request"
"""What ``result:`` of an own action says whose run pushes a branch."""

ATTEMPT, ITEM, HEAD = "batch_attempt", "batch_item", "batch_head"
BRANCH, BASE = "batch_branch", "batch_base"
OWN_INPUTS = (ATTEMPT, ITEM, HEAD, BRANCH, BASE)
"""The inputs that the bot fills in, each where the workflow declares it."""

STOPS_SECONDS = 60.0
"""How long a run has to end after it was cancelled, and again after that by force."""

_LATE = "late"
_TRIVIAL = "Process completed with exit code"
_IS_RUNNING = re.compile("already running", re.IGNORECASE)
"""Somebody else was quicker to run it again."""

_RAN = ("success", "failure")
_NAME_LENGTH = 40
"""Of a job's name, so that behind it there is room for how far it is."""


def file_of(job: Job) -> str:
    """Return the workflow's file."""
    return job.item.action.arguments[0]


def next_step(job: Job, seen: Seen) -> Step:
    """Ask for the run, wait for its end, and open a pull request for what it pushed."""
    begun = seen.receipts.get("dispatch")
    if begun is None:
        # Where the name does not tell, one at a time is asked for: so it is the only one.
        holds = _turn(job) if job.item.dispatchable.is_named else _name(job)
        return Do("dispatch", dispatched(job), holds=holds, asks_role=True)
    if _LATE in seen.in_vain:
        return _timed_out(job, seen, begun)
    run = seen.answer(RunOf(job.repository, begun.id))
    if run is None:
        return _follow(job, seen, begun)
    if not run.is_over:
        # Before it has begun there are no jobs that would tell how far it is.
        is_begun = run.status == "in_progress"
        return _wait(job, begun, _state_words(run), glimpses=is_begun)
    if step := _again(job, seen, run):
        return step
    if run.conclusion == "success":
        return _succeeded(job, seen, run)
    return _ended(job, seen, run)


def _name(job: Job) -> str:
    return f"dispatch {job.repository.name} {file_of(job)}"


def _turn(job: Job) -> str:
    """Return what a run is held for until it is over, so that none waits at GitHub."""
    return _name(job) if job.item.dispatchable.goes_alone else ""


def dispatched(job: Job) -> DispatchWorkflow:
    """Return the run to ask for: what was typed, and what of its own the file takes."""
    typed = [one.partition("=") for one in job.item.action.arguments[1:]]
    own = {
        ATTEMPT: str(job.attempt),
        ITEM: str(job.item.number),
        HEAD: job.item.head_sha,
        BRANCH: branch(job.batch_id, job.item.id),
        BASE: job.default_branch,
    }
    takes = job.item.dispatchable
    inputs = {name: value for name, _, value in typed}
    inputs |= {name: own[name] for name in takes.inputs if own.get(name)}
    return DispatchWorkflow(
        job.repository,
        file_of(job),
        job.default_branch,
        tuple(inputs.items()),
        str(job.attempt) if takes.is_named else "",
    )


# --- while it goes on -----------------------------------------------------------------


def _follow(job: Job, seen: Seen, begun: Receipt) -> Step:
    """Wait for the end; between deliveries a look at the jobs tells how far it is.

    Where none goes on, or none was made, the run may be over: of one that GitHub could
    not begin no delivery tells.
    """
    jobs = seen.answer(JobsOf(job.repository, begun.id))
    if jobs is None:
        if _tries(job) > 1:
            return Ask(RunOf(job.repository, begun.id))
        return _wait(job, begun, f"the run of {file_of(job)}")
    if not jobs.going:
        return Ask(RunOf(job.repository, begun.id))
    return _wait(job, begun, _jobs_words(jobs))


def _wait(
    job: Job,
    begun: Receipt,
    says: str,
    *,
    glimpses: bool = True,
    is_brief: bool = False,
) -> Await:
    return Await(
        RunOf(job.repository, begun.id),
        says,
        holds=_turn(job),
        is_brief=is_brief,
        glimpse=JobsOf(job.repository, begun.id) if glimpses else None,
        url=begun.url,
        named=_LATE,
    )


def _state_words(run: Run) -> str:
    match run.status:
        case "waiting":
            return "somebody's approval of the run"
        case "pending":
            return "another run of its concurrency group to end"
        case "queued" | "requested":
            return "GitHub to begin the run"
        case _:
            return "the run to end"


def _jobs_words(jobs: RunJobs) -> str:
    """Return how far a run is of which a job goes on: “test (3 of 5)”."""
    running = [one for one in jobs.going if one.status == "in_progress"]
    if running:
        shown = [f"{cut(one.name, _NAME_LENGTH)}{_place(one)}" for one in running[:2]]
        more = len(running) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")
    first = jobs.going[0]
    name = cut(first.name, _NAME_LENGTH)
    if first.status == "waiting":
        return f"somebody's approval of {name}"
    if first.status == "pending":
        return f"another run of the concurrency group of {name} to end"
    return f"a runner for {name}"


def _place(one: RunJob) -> str:
    steps = one.steps
    if not steps:
        return ""
    done = sum(step.status == "completed" for step in steps)
    return f" ({min(done + 1, len(steps))} of {len(steps)})"


# --- once it is over ------------------------------------------------------------------


def _tries(job: Job) -> int:
    return int(job.attempt.rpartition("-")[2])


def _again(job: Job, seen: Seen, run: Run) -> Step | None:
    """Run the failed jobs again if the item is tried again."""
    if run.conclusion == "success":
        return None
    if run.attempt >= _tries(job):
        return None
    key = f"rerun@{run.id}-{run.attempt}"
    receipt = seen.receipts.get(key)
    if receipt is None:
        jobs = seen.answer(JobsOf(job.repository, run.id))
        if jobs is None:
            return Ask(JobsOf(job.repository, run.id))
        passed = ("success", "neutral", "skipped")
        bad = [one.id for one in jobs.all if one.conclusion not in passed]
        if not bad:
            return End(_not_again(run, "it has no failed job"))
        again = RerunFailedJobs(job.repository, run.id, max(bad))
        return Do(key, again, holds=_turn(job), asks_role=True)
    if receipt.note and not _IS_RUNNING.search(receipt.note):
        return End(_not_again(run, receipt.note))
    begun = Receipt(id=run.id, url=run.url)
    says = "the failed jobs to run again"
    return _wait(job, begun, says, glimpses=False, is_brief=True)


def _not_again(run: Run, why: str) -> Outcome:
    reason = f"GitHub does not run it again: {why}"
    return _failed(run, reason, "Give the command again: that begins another run.")


def _link(run: Run) -> Link:
    return Link(f"run {run.id}", run.url)


def _succeeded(job: Job, seen: Seen, run: Run) -> Step:
    if job.item.action.result != PULL_REQUEST:
        summary = f"ran {prose_code(file_of(job))}"
        done = Outcome(OutcomeKind.COMPLETED, summary=summary, link=_link(run))
        return End(done)
    opened = seen.receipts.get("pull-request")
    asked = WorkBranchOf(
        job.repository, branch(job.batch_id, job.item.id), job.default_branch
    )
    if opened is not None:
        return End(_published(job, opened))
    pushed = seen.answer(asked)
    if pushed is None:
        return Ask(asked)
    if isinstance(pushed, NoBranch) or (pushed.is_related and not pushed.ahead):
        summary = "the run pushed no change"
        return End(Outcome(OutcomeKind.UNCHANGED, summary=summary, link=_link(run)))
    if not pushed.is_related:
        base = prose_code(job.default_branch)
        return End(
            Outcome(
                OutcomeKind.FAILED,
                reason=f"what the run pushed has no commit in common with {base}",
                advice="Have the workflow check the default branch out, and commit on it.",
                link=_link(run),
            )
        )
    return Do("pull-request", _pull_request(job, run, asked.branch, pushed))


def _pull_request(job: Job, run: Run, head: str, pushed: WorkBranch) -> OpenPullRequest:
    links = Links.beside(job.repository.name, job.asker.url)
    file, number = file_of(job), job.item.number
    title = harmless_title(pushed.subject) or f"Run {file} for #{number}"
    made = (
        f"Made by [a run]({run.url}) of {code_span(file)} for {links.item(number)} in"
        f" batch `{job.batch_id}`, as {escape_line(job.asker.login)} asked"
    )
    people = join([escape_line(login) for login in pushed.others])
    commits = plural(pushed.ahead, "commit")
    return OpenPullRequest(
        job.repository,
        head_branch=head,
        head_sha=pushed.sha,
        base_branch=job.default_branch,
        title=title,
        body=paragraphs(
            f"Closes #{number}",
            f"Among its commits are some by {people}." if people else "",
            f"<sub>{made} · {commits}</sub>",
        ),
    )


def _published(job: Job, opened: Receipt) -> Outcome:
    head = branch(job.batch_id, job.item.id)
    return Outcome(
        OutcomeKind.COMPLETED,
        summary=opened.note,
        link=Link(f"PR {opened.id}", opened.url),
        branch=head,
        opened=OpenedPull(ItemNumber(opened.id), opened.sha, job.default_branch),
    )


def _ended(job: Job, seen: Seen, run: Run) -> Step:
    """End what did not succeed, with the step that failed and what it says."""
    match run.conclusion:
        case "neutral":
            return End(_unchanged(run, "the run ended as neutral"))
        case "skipped":
            return End(_unchanged(run, "every job of the run was skipped"))
        case "failure" | "timed_out":
            return _broken(job, seen, run)
        case "cancelled":
            return _cancelled(job, seen, run)
        case "action_required":
            reason = "the run needs an approval that GitHub does not wait for"
            advice = "Approve it on its page, then retry the item."
        case "stale":
            reason = "GitHub gave the run up: nothing had become of it for two weeks"
            advice = "Give the command again: that begins another run."
        case "startup_failure":
            reason = f"GitHub could not begin the run of {prose_code(file_of(job))}"
            advice = (
                "Its page says why: mend the workflow, then give the command again."
            )
        case other:
            reason = f"the run ended as {prose_code(other)}"
            advice = "Its page says why."
    return End(_failed(run, reason, advice))


def _cancelled(job: Job, seen: Seen, run: Run) -> Step:
    asked = JobsOf(job.repository, run.id)
    jobs = seen.answer(asked)
    if jobs is None:
        return Ask(asked)
    ran = [s for one in jobs.all for s in one.steps if s.conclusion in _RAN]
    how = "retry the item" if jobs.all else "give the command again"
    reason = "the run was cancelled on GitHub"
    if not ran:
        # GitHub does not say which.
        reason += " before it began, by somebody or for a newer one of its"
        reason += " concurrency group"
    advice = f"If it is wanted after all, {how}."
    return End(_failed(run, reason, advice, retry_helps=bool(jobs.all)))


def _unchanged(run: Run, summary: str) -> Outcome:
    return Outcome(OutcomeKind.UNCHANGED, summary=summary, link=_link(run))


def _failed(
    run: Run, reason: str, advice: str, *, retry_helps: bool = False
) -> Outcome:
    return Outcome(
        OutcomeKind.FAILED,
        reason=reason,
        advice=advice,
        link=_link(run),
        retry_helps=retry_helps,
    )


def _broken(job: Job, seen: Seen, run: Run) -> Step:
    """Say which step failed, with its annotations; with its log where they say little."""
    asked = JobsOf(job.repository, run.id)
    jobs = seen.answer(asked)
    if jobs is None:
        return Ask(asked)
    late = run.conclusion == "timed_out"
    bad = [one for one in jobs.all if one.conclusion in ("failure", "timed_out")]
    if not bad:
        reason = "the run took too long" if late else "the run failed"
        return End(_failed(run, reason, "Its page says why."))
    ended = _failed(
        run,
        _broken_words(bad, late=late),
        "A retry runs its failed jobs again, of the same commit: once that is mended,"
        " give the command again.",
        retry_helps=True,
    )
    notes = AnnotationsOf(job.repository, bad[0].id)
    lines = seen.answer(notes)
    if lines is None:
        return Ask(notes)
    if all(_TRIVIAL in line for line in lines):
        log = JobLogOf(job.repository, bad[0].id)
        written = seen.answer(log)
        if written is None:
            return Ask(log)
        lines = written or lines
    return End(replace(ended, log_tail=lines))


def _broken_words(bad: list[RunJob], *, late: bool) -> str:
    first, more = bad[0], len(bad) - 1
    verb = "took too long" if late else "failed"
    steps = [s.name for s in first.steps if s.conclusion in ("failure", "timed_out")]
    at = f" at the step {prose_code(steps[0])}" if steps else ""
    others = f", and so did {plural(more, 'other job')}" if more else ""
    return f"{prose_code(first.name)} {verb}{at}{others}"


# --- cancelled ------------------------------------------------------------------------


def cancel_step(job: Job, seen: Seen) -> Step:
    """Cancel the run; what has not stopped a minute later is cancelled by force."""
    begun = seen.receipts.get("dispatch")
    return _left("") if begun is None else _stop(job, seen, begun)


def _timed_out(job: Job, seen: Seen, begun: Receipt) -> Step:
    """Let a run that took too long go on no more than one that a person cancelled."""
    step = _stop(job, seen, begun)
    if not isinstance(step, End):
        return step
    spent = spell_option(job.item.timeout_seconds)
    return End(
        Outcome(
            OutcomeKind.FAILED,
            reason=f"timed out after {spent}; {step.outcome.summary}",
            advice="Give it more time with `timeout:`.",
            link=Link(f"run {begun.id}", begun.url),
            retry_helps=True,
        )
    )


def _stop(job: Job, seen: Seen, begun: Receipt) -> Step:
    asked = RunOf(job.repository, begun.id)
    run = seen.answer(asked)
    if run is not None and run.is_over:
        was = "was cancelled" if run.conclusion == "cancelled" else "had ended"
        return _left(f"its run {was}")
    cancel = CancelRun(job.repository, begun.id)
    for key, intent in (
        ("cancel", cancel),
        ("cancel-by-force", replace(cancel, by_force=True)),
    ):
        receipt = seen.receipts.get(key)
        if receipt is None:
            return Do(key, intent, is_minor=True)
        if key not in seen.in_vain:
            says = "the run to stop"
            wait = _wait(job, begun, says, glimpses=False, is_brief=True)
            return replace(wait, for_seconds=STOPS_SECONDS, named=key, holds="")
    return _left("its run goes on, for GitHub did not stop it")


def _left(summary: str) -> End:
    return End(Outcome(OutcomeKind.UNCHANGED, summary=summary))


def needed(_: ItemKind) -> Needed:
    """Return what has to be granted to run a workflow."""
    return (("actions",),)


DISPATCH = ActionSpec(
    "dispatch",
    Words(
        "dispatch",
        "dispatching",
        "Workflows run",
        "one GitHub Actions run per item, followed to its end",
    ),
    AppliesTo.BOTH,
    ItemNeed.ANY,
    next_step,
    arguments=Arguments(Form.WORKFLOW, "workflow.yml [key=value …]", are_needed=True),
    builds_on_predecessors=True,
    writes=needed,
    expected=Expectation(seconds=300, requests=3),
    cancel_step=cancel_step,
    cancel_reads=("dispatch",),
)
