"""The one place where the bot changes GitHub: from an intent to its resource."""

from datetime import datetime
from typing import assert_never

from bot.core.effects import (
    CancelRun,
    ChangeAssignees,
    ChangeBase,
    ChangeDraft,
    ChangeLabels,
    ChangeMilestone,
    ChangeReviewers,
    ChangeState,
    CreateCheckRun,
    CreateComment,
    CreateReview,
    DequeuePullRequest,
    DispatchWorkflow,
    EditCheckRun,
    EditComment,
    EnqueuePullRequest,
    HideReviews,
    Intent,
    MergePullRequest,
    OpenPullRequest,
    PinComment,
    PushBranch,
    React,
    Receipt,
    RerunFailedJobs,
    UnpinComment,
    UpdateBranch,
)
from bot.github import (
    check_runs,
    comments,
    issues,
    merges,
    pulls,
    readiness,
    reviews,
    runs,
)
from bot.github.app import App
from bot.github.client import Client, LastLook, looking_last
from bot.github.comments import Pins


class GitHubEffects:
    """Carries out every intent but ``PushBranch``, which the host does."""

    def __init__(self, client: Client, app: App) -> None:
        self._client = client
        self._app = app
        self._pins = Pins(client.unpinnable)

    async def find(self, intent: Intent, *, since: datetime) -> Receipt | None:
        """Look whether the effect has happened since *since*.

        Intents that may be repeated are never looked for: ``do`` reads what is there
        and changes only what differs.
        """
        connection = self._client.installation(intent.repository.installation_id)
        match intent:
            case CreateComment():
                return await comments.find(
                    connection, intent, app=self._app, since=since
                )
            case OpenPullRequest():
                return await pulls.find(connection, intent)
            case MergePullRequest():
                return await merges.find(connection, intent)
            case EnqueuePullRequest():
                return await merges.find_queued(connection, intent)
            case RerunFailedJobs():
                return await runs.find_rerun(connection, intent)
            case DispatchWorkflow():
                return await runs.find(connection, intent, self._app, since=since)
            case CreateReview():
                return await reviews.find(connection, intent, app=self._app)
            case CreateCheckRun():
                return await check_runs.find(connection, intent, app=self._app)
            case PushBranch():
                raise TypeError(intent)  # git on the host does that
            case (
                EditComment()
                | PinComment()
                | UnpinComment()
                | React()
                | ChangeLabels()
                | ChangeAssignees()
                | ChangeState()
                | UpdateBranch()
                | DequeuePullRequest()
                | ChangeBase()
                | ChangeMilestone()
                | ChangeDraft()
                | ChangeReviewers()
                | HideReviews()
                | EditCheckRun()
                | CancelRun()
            ):
                return None
            case _:
                assert_never(intent)

    async def do(self, intent: Intent, *, last_look: LastLook | None = None) -> Receipt:
        """Carry the effect out. Raises as ``EffectAdapter`` says, and as *last_look*,
        which is asked right before anything is sent.
        """
        with looking_last(last_look):
            return await self._do(intent)

    async def _do(self, intent: Intent) -> Receipt:
        connection = self._client.installation(intent.repository.installation_id)
        match intent:
            case CreateComment():
                return await comments.create(connection, intent)
            case EditComment():
                return await comments.edit(connection, intent)
            case PinComment():
                return await self._pins.pin(connection, intent)
            case UnpinComment():
                return await self._pins.unpin(connection, intent)
            case React():
                return await comments.react(connection, intent)
            case ChangeLabels():
                return await issues.change_labels(
                    connection, intent, known=self._client.labels
                )
            case ChangeAssignees():
                return await issues.change_assignees(connection, intent)
            case ChangeState():
                return await issues.change_state(connection, intent)
            case ChangeMilestone():
                return await issues.change_milestone(connection, intent)
            case ChangeDraft():
                return await readiness.change_draft(connection, intent)
            case ChangeReviewers():
                return await readiness.change_reviewers(connection, intent)
            case OpenPullRequest():
                return await pulls.open_pull_request(connection, intent)
            case UpdateBranch():
                return await merges.update(connection, intent)
            case MergePullRequest():
                return await merges.merge(connection, intent)
            case EnqueuePullRequest():
                return await merges.enqueue(connection, intent)
            case DequeuePullRequest():
                return await merges.dequeue(connection, intent)
            case RerunFailedJobs():
                return await runs.rerun(connection, intent)
            case DispatchWorkflow():
                at = self._client.now()
                return await runs.dispatch(connection, intent, self._app, at=at)
            case CancelRun():
                return await runs.cancel(connection, intent)
            case ChangeBase():
                return await pulls.change_base(connection, intent)
            case CreateReview():
                return await reviews.create(connection, intent)
            case HideReviews():
                return await reviews.hide(connection, intent)
            case CreateCheckRun():
                return await check_runs.create(connection, intent)
            case EditCheckRun():
                return await check_runs.edit(connection, intent)
            case PushBranch():
                raise TypeError(intent)  # git on the host does that
            case _:
                assert_never(intent)
