"""What an effect changed outside, a line each."""

from typing import assert_never

from bot.core import effects as f
from bot.core.world.markdown import Links, code_span, escape_line, join, link, plural

_WIDTH = 80


def change_words(intent: f.Intent, receipt: f.Receipt | None, links: Links) -> str:
    """Return what an intent is for and, with a receipt, what came of it: Markdown."""
    what = _intended(intent, links)
    if receipt is None:
        return what
    seen = link("see it", receipt.url) if receipt.url else ""
    same = "" if receipt.changed else "it was so already"
    note = escape_line(receipt.note, 200)
    return " · ".join(filter(None, (what, same, note, seen)))


def _intended(intent: f.Intent, links: Links) -> str:
    match intent:
        case f.CreateComment(thread=thread):
            return f"a comment on {links.item(thread)}"
        case f.EditComment():
            return "an edit of a comment of the bot"
        case f.PinComment():
            return "a pin on a comment of the bot"
        case f.UnpinComment():
            return "a pin taken off a comment of the bot"
        case f.React(content=content):
            return f"the reaction {code_span(content)}"
        case f.ChangeLabels(number=number, add=add, remove=remove):
            return f"labels of {links.item(number)}: {_both(add, remove)}"
        case f.ChangeAssignees(number=number, add=add, remove=remove):
            return f"assignees of {links.item(number)}: {_both(add, remove)}"
        case f.ChangeReviewers(number=number, add=add, remove=remove):
            return f"requests for reviews of {links.item(number)}: {_both(add, remove)}"
        case f.ChangeState(number=number, is_open=is_open):
            return f"{links.item(number)} {'reopened' if is_open else 'closed'}"
        case f.ChangeMilestone(number=number, title=""):
            return f"{links.item(number)} taken out of its milestone"
        case f.ChangeMilestone(number=number, title=title):
            return f"{links.item(number)} put into {code_span(title, _WIDTH)}"
        case f.ChangeDraft(number=number, is_draft=is_draft):
            how = "a draft" if is_draft else "ready for review"
            return f"{links.item(number)} marked as {how}"
        case f.ChangeBase(number=number, base_branch=base):
            return f"{links.item(number)} goes to {code_span(base, _WIDTH)}"
        case f.PushBranch(branch=branch, sha=sha):
            return f"{_commit(sha)} pushed to {code_span(branch, _WIDTH)}"
        case f.OpenPullRequest(head_branch=head, base_branch=base):
            into = f"{code_span(head, _WIDTH)} into {code_span(base, _WIDTH)}"
            return f"a draft pull request from {into}"
        case f.UpdateBranch(number=number, head_sha=sha):
            return f"{links.item(number)} at {_commit(sha)} brought up to date"
        case f.MergePullRequest(number=number, head_sha=sha, method=method):
            return f"{links.item(number)} at {_commit(sha)} merged ({method})"
        case f.EnqueuePullRequest(number=number):
            return f"{links.item(number)} put into the merge queue"
        case f.DequeuePullRequest(number=number):
            return f"{links.item(number)} taken out of the merge queue"
        case f.RerunFailedJobs(run_id=run_id):
            return f"failed jobs of the workflow run {run_id} run again"
        case f.DispatchWorkflow(file=file, name=name):
            whose = f", for {code_span(name)}" if name else ""
            return f"a run of the workflow {code_span(file, _WIDTH)}{whose}"
        case f.CancelRun(run_id=run_id, by_force=by_force):
            return (
                f"the workflow run {run_id} cancelled{' by force' if by_force else ''}"
            )
        case f.CreateReview(number=number, comments=comments):
            return (
                f"a review of {links.item(number)}, {plural(len(comments), 'comment')}"
            )
        case f.HideReviews(number=number, reviews=reviews):
            return f"{plural(len(reviews), 'earlier review')} of {links.item(number)} folded"
        case f.CreateCheckRun(name=name, head_sha=sha):
            return f"the check run {code_span(name, _WIDTH)} on {_commit(sha)}"
        case f.EditCheckRun():
            return "an edit of a check run"
        case _:
            assert_never(intent)


def _commit(sha: str) -> str:
    return code_span(sha[:7])


def _both(add: tuple[str, ...], remove: tuple[str, ...]) -> str:
    signed = [*(f"+{one}" for one in add), *(f"-{one}" for one in remove)]
    return join([code_span(one, _WIDTH) for one in signed])
