"""Checks that failed: run again if that is wanted, else told with how they ended."""

from collections.abc import Sequence
from dataclasses import replace

from bot.core.actions import mergeable as m
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen, Step
from bot.core.effects import RerunFailedJobs
from bot.core.model import Link
from bot.core.world.job_logs import JobLogOf
from bot.core.world.pulls import PullRequest
from bot.core.world.questions import Check, CheckState


def after_failure(
    job: Job, pull: PullRequest, seen: Seen, bad: Sequence[Check], holds: str
) -> Step:
    """Run failed jobs again if that is wanted; else say what failed, and how."""
    if step := _rerun(job, pull, seen, bad, holds):
        return step
    ended = m.failed(m.broken_words(pull, bad), "Mend it, then give the command again.")
    # The link is of the check whose log is shown, where one has a log.
    told = max(bad, key=lambda check: (bool(check.job_id), bool(check.url)))
    if told.url:
        ended = replace(ended, link=Link(told.name, told.url))
    if told.job_id:
        asked = JobLogOf(job.repository, told.job_id)
        log = seen.answer(asked)
        if log is None:
            return Ask(asked)
        ended = replace(ended, log_tail=log)
    return End(ended)


def _rerun(
    job: Job, pull: PullRequest, seen: Seen, bad: Sequence[Check], holds: str
) -> Step | None:
    """Return the step of a re-run; None if none can help, or has helped."""
    if not job.item.merge_way.rerun_failed or any(not one.run_id for one in bad):
        return None
    last = {
        run: max(one.job_id for one in bad if one.run_id == run)
        for run in dict.fromkeys(one.run_id for one in bad)
    }
    receipts = {run: seen.receipts.get(f"rerun@{run}") for run in last}
    if any(r is not None and last[run] > r.id for run, r in receipts.items()):
        return None  # it failed again
    if any(r is not None and r.note for r in receipts.values()):
        return None
    going = [c.name for c in pull.checks if c.run_id in last and _is_going(c)]
    for run, receipt in receipts.items():
        if receipt is None and going:  # GitHub runs nothing again while the run goes on
            says = f"the rest of the run, to run it again: {', '.join(going)}"
            return Await(m.awaited(job, pull), says, holds=holds)
        if receipt is None:
            again = RerunFailedJobs(job.repository, run, last[run])
            return Do(f"rerun@{run}", again, holds=holds)
    says = f"the re-run of {', '.join(one.name for one in bad)}"
    return Await(m.awaited(job, pull), says, holds=holds, is_brief=True)


def _is_going(check: Check) -> bool:
    return check.state is CheckState.PENDING
