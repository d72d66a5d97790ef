"""``review``: one review on the pinned head says what is certain about it.

Where the operator has named a command, that looks at the head first, and what it says
is part of the review.
"""

import json

from bot.core.actions import mergeable as m
from bot.core.actions.commanded import (
    ITEM_FILE,
    command_of,
    failed,
    has_failed,
    item_json,
    variables,
)
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    ItemNeed,
    Overtaken,
    Words,
    of_pull_requests,
)
from bot.core.actions.step import (
    Ask,
    Await,
    CommandJob,
    Do,
    End,
    Execute,
    Job,
    PullHead,
    Seen,
    Step,
)
from bot.core.effects import CreateReview, HideReviews, Receipt
from bot.core.model import (
    CommandResult,
    Expectation,
    ItemKind,
    Link,
    Outcome,
    OutcomeKind,
)
from bot.core.review.facts import (
    EarlierReview,
    ReviewFacts,
    ReviewFactsOf,
)
from bot.core.review.text import Reviewer, review
from bot.core.world.markdown import plural


def next_step(job: Job, seen: Seen) -> Step:
    """Post the review, then fold those of earlier heads.

    A head that has one already keeps it.
    """
    head, result = job.item.head_sha, seen.result
    posted = seen.receipts.get(f"review@{head[:12]}")
    if posted is not None:
        return _tidy(job, seen, posted)
    if result is not None and (fault := _fault(job, result)):
        return End(fault)
    asked = ReviewFactsOf(job.repository, job.item.number)
    facts = seen.answer(asked)
    if facts is None:
        return Ask(asked)
    if there := _there(job, facts):
        link = Link("review", there.url)
        summary = "this head was reviewed before"
        return End(Outcome(OutcomeKind.UNCHANGED, summary=summary, link=link))
    if ended := m.overtaken(job, facts.pull):
        return End(ended)
    if facts.pull.head_sha != head:
        return End(m.head_moved(head, facts.pull.head_sha))
    if job.item.worker and result is None:
        return Execute(_command_job(job, facts))
    if facts.has_conflicts is None:
        says = "GitHub to work out whether it can be merged"
        return Await(asked, says, is_brief=True)
    return Do(f"review@{head[:12]}", _review(job, facts, result))


def _there(job: Job, facts: ReviewFacts) -> EarlierReview | None:
    """Return the review of its kind that the head has from another time, if any."""
    found = (
        one
        for one in reversed(facts.earlier)
        if one.commit == job.item.head_sha
        and not one.is_hidden
        and _kind(one.mark) == _kind(job.mark)
    )
    return next((one for one in found if one.mark != job.mark), None)


def _kind(mark: str) -> str:
    """Return what a mark says of which command looked, and whether one did."""
    return "".join(mark.split(" ")[1:2])


def _command_job(job: Job, facts: ReviewFacts) -> CommandJob:
    base = facts.pull.base_branch
    return CommandJob(
        attempt=job.attempt,
        repository=job.repository,
        command=command_of(job),
        base=base,
        pull=PullHead(job.item.number, job.item.head_sha),
        inputs={ITEM_FILE: _item(job, facts)},
        environment=variables(job, base),
        timeout_seconds=job.item.timeout_seconds,
    )


def _item(job: Job, facts: ReviewFacts) -> str:
    """Return what the command is told: of the pull request as it is now, and of the
    issue if the batch opened it for one.
    """
    pull, accepted = facts.pull, job.facts
    item = json.loads(item_json(job, pull.base_branch)) | {
        "kind": ItemKind.PULL_REQUEST,
        "number": pull.number,
        "url": pull.url,
        "title": facts.title,
        "body": facts.body,
        "author": facts.author,
        "labels": facts.labels,
        "assignees": facts.assignees,
        "milestone": facts.milestone,
        "updated_at": facts.updated_at,
        "head": pull.head_branch,
        "head_sha": job.item.head_sha,
        "is_draft": pull.is_draft,
        "is_from_fork": pull.is_from_fork,
    }
    if accepted is not None and accepted.kind is ItemKind.ISSUE:
        of = ("number", "title", "body", "url", "labels")
        item["issue"] = {name: getattr(accepted, name) for name in of}
    return json.dumps(item, ensure_ascii=False, indent=2)


def _fault(job: Job, result: CommandResult) -> Outcome | None:
    """Return the end of an item whose command said nothing that can be posted."""
    if has_failed(result):
        return failed(
            job,
            result,
            if_late="Give it more time with `timeout:`.",
            if_it_says="Its last lines say why. A linter has to end with 0 also when it"
            " finds something (`--exit-zero`).",
        )
    fault = result.said.fault if result.said else ""
    if not fault:
        return None
    return Outcome(
        OutcomeKind.FAILED,
        reason=fault,
        advice="The operator of this server has to look at what the command writes.",
        retry_helps=True,
        log_tail=result.log_tail,
        isolation=result.isolation,
    )


def _review(job: Job, facts: ReviewFacts, result: CommandResult | None) -> CreateReview:
    reviewer = None
    if result is not None and result.said is not None:
        name, allowed = command_of(job), job.item.verdicts
        reviewer = Reviewer(name, result.said, allowed, result.isolation)
    made = review(
        facts,
        job.item.rules,
        mark=job.mark,
        reviewer=reviewer,
        withheld=job.item.withheld,
        asked=job.asked,
    )
    return CreateReview(
        job.repository,
        job.item.number,
        job.item.head_sha,
        job.mark,
        made.body,
        made.comments,
        made.body_alone,
        made.verdict.event,
    )


def _counted(result: CommandResult | None) -> str:
    """Return how much a command had to say."""
    if result is None or result.said is None:
        return ""
    count = len(result.said.remarks) + result.said.left_out
    return plural(count, "remark") if count else "no remark"


def _tidy(job: Job, seen: Seen, posted: Receipt) -> Step:
    """Fold what was said of earlier heads: it is answered, or said again."""
    head = job.item.head_sha
    link = Link("review", posted.url) if posted.url else None
    key = f"hide@{head[:12]}"
    hidden = seen.receipts.get(key)
    notes = (_counted(seen.result), posted.note, hidden.note if hidden else "")
    said = "; ".join(filter(None, notes))
    summary = said or ("" if link else "reviewed")
    isolation = seen.result.isolation if seen.result else ""
    outcome = Outcome(
        OutcomeKind.COMPLETED, summary=summary, link=link, isolation=isolation
    )
    done = End(outcome)
    if hidden is not None:
        return done
    # No request more for that: what is on GitHub since the review waits for the next.
    facts = seen.answer_before(ReviewFactsOf(job.repository, job.item.number))
    kind = _kind(job.mark)
    own = facts.earlier if facts else ()
    old = [one for one in own if one.commit != head and _kind(one.mark) == kind]
    shown = tuple(one.node_id for one in old if not one.is_hidden)
    threads = tuple(thread for one in old for thread in one.open_threads)
    if not shown and not threads:
        return done
    hide = HideReviews(job.repository, job.item.number, shown, threads)
    return Do(key, hide)


REVIEW = ActionSpec(
    "review",
    Words(
        "review",
        "reviewing",
        "Reviews posted",
        "post one review on the pinned head commit",
    ),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    next_step,
    writes=of_pull_requests,
    may_run_command=True,
    overtaken_by=Overtaken.CLOSING_OR_PUSH,
    expected=Expectation(seconds=8, requests=4),
)
