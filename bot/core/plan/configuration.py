"""What a repository sets in its ``.github/batch.yml``: the values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.core.actions.implement import IMPLEMENT
from bot.core.actions.review import REVIEW
from bot.core.actions.spec import AppliesTo, ItemNeed
from bot.core.actions.table import ACTIONS
from bot.core.command.limits import Limits
from bot.core.command.trigger import CONFIGURATION_PATH
from bot.core.model import (
    Action,
    Deps,
    ItemKind,
    ItemNumber,
    OnFailure,
    Options,
    Permit,
    ReviewRule,
    Role,
    Speech,
    UpdateMethod,
    UpdateWhen,
)
from bot.core.plan.schedules import RecurringCommand
from bot.core.remarks import Verdict
from bot.core.world.pulls import MergeMethod

PATH = CONFIGURATION_PATH


class RunResult(StrEnum):
    """What becomes of what a run pushed."""

    PULL_REQUEST = "pull_request"


class RunRole(StrEnum):
    """The roles that may be asked for. Less than triage everyone has."""

    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may do what: start any batch, and by name actions and controls.

    Whose batch it is, and maintainers, may control it in any case.
    """

    run: Permit = field(default_factory=lambda: Permit(Role.WRITE))
    named: Mapping[str, Permit] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        """Return the role with which anybody starts a batch."""
        return self.run.role


@dataclass(frozen=True, slots=True)
class Merging:
    """How pull requests are merged where the command does not say."""

    method: MergeMethod | None = None
    update: UpdateWhen = UpdateWhen.REQUIRED
    update_method: UpdateMethod = UpdateMethod.MERGE
    rerun_failed: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """The action of an item for which none is typed."""

    issue: str = IMPLEMENT.name
    pull_request: str = REVIEW.name

    def action_for(self, kind: ItemKind) -> str:
        """Return the name of the action."""
        return self.issue if kind is ItemKind.ISSUE else self.pull_request


@dataclass(frozen=True, slots=True)
class Reviewing:
    """What reviews by the operator's commands may do."""

    verdicts: tuple[Verdict, ...] = ()  # that count; to comment is always allowed


@dataclass(frozen=True, slots=True)
class ConfiguredAction:
    """An action of the repository's own: a built-in one with fixed arguments, a command
    that the operator of the server has named, or a review by such a command.
    """

    uses: str = ""
    arguments: tuple[str, ...] = ()
    command: str = ""
    applies_to: AppliesTo | None = None
    result: RunResult | None = None  # of the run that it dispatches


@dataclass(frozen=True, slots=True)
class LabelTrigger:
    """What a label that is put on an item begins.

    ``does`` is the name of an action; empty: the default of the item's kind.
    """

    does: str = ""
    window_seconds: int | None = None  # in which labels are collected; None: as usual


class ReviewEvent(StrEnum):
    """What begins a review besides a request."""

    OPENED = "opened"
    READY_FOR_REVIEW = "ready_for_review"


@dataclass(frozen=True, slots=True)
class ReviewTrigger:
    """What a request for somebody's review begins, and what begins it without one."""

    does: str = REVIEW.name
    on: tuple[ReviewEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Comments:
    """What batches write in their threads."""

    write: Speech = Speech.ALL
    pin: bool = True


@dataclass(frozen=True, slots=True)
class ResolvedAction:
    """What an action's name stands for in a repository."""

    action: Action  # with its name, and what that stands for if it is not built in
    applies_to: AppliesTo
    needs: ItemNeed


def _default_labels() -> Mapping[str, LabelTrigger]:
    return {"batch": LabelTrigger()}


@dataclass(frozen=True, slots=True)
class RepositoryConfiguration:
    """Everything that ``.github/batch.yml`` may say, with the defaults filled in."""

    actions: Mapping[str, ConfiguredAction] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    permissions: Permissions = field(default_factory=Permissions)
    limits: Limits = field(default_factory=Limits)
    budget: int | None = None  # API requests of a batch; None: no limit
    on_failure: OnFailure = OnFailure.CONTINUE
    dependencies: Deps = Deps.ALL
    merge: Merging = field(default_factory=Merging)
    labels: Mapping[str, LabelTrigger] = field(default_factory=_default_labels)
    review_requests: Mapping[str, ReviewTrigger] = field(default_factory=dict)
    review: Reviewing = field(default_factory=Reviewing)
    rules: tuple[ReviewRule, ...] = ()
    home: ItemNumber | None = None  # where batches without a thread speak
    comments: Comments = field(default_factory=Comments)
    # Of the repository's own file alone: whoever pushed another one is of no role here.
    schedules: tuple[RecurringCommand, ...] = ()

    @property
    def options(self) -> Options:
        """Return the options of a batch for which nothing is typed."""
        return Options(
            on_failure=self.on_failure,
            budget_requests=self.budget,
            deps=self.dependencies,
            method=self.merge.method or "",
            update=self.merge.update,
            update_method=self.merge.update_method,
            rerun_failed=self.merge.rerun_failed,
            comments=self.comments.write,
            is_pinned=self.comments.pin,
        )

    def label(self, name: str) -> LabelTrigger | None:
        """Return what a label begins; GitHub takes its name in any case."""
        found = {label.casefold(): trigger for label, trigger in self.labels.items()}
        return found.get(name.casefold())

    def review_request(self, reviewer: str) -> ReviewTrigger | None:
        """Return what a request for ``team:NAME`` or ``user:LOGIN`` begins."""
        found = {name.casefold(): one for name, one in self.review_requests.items()}
        return found.get(reviewer.casefold())

    def resolve(self, action: Action) -> ResolvedAction:
        """Return what *action* does here. Its name is a built-in or configured one.

        A name of the repository's own stays its own, whatever later versions bring.
        """
        own = self.actions.get(action.name)
        if own is None:
            spec = ACTIONS[action.name]
            return ResolvedAction(action, spec.applies_to, spec.needs)
        if own.command:
            does = own.uses or IMPLEMENT.name
            uses = Action(action.name, action.arguments, uses=does, command=own.command)
            usual = ACTIONS[own.uses].applies_to if own.uses else AppliesTo.BOTH
            return ResolvedAction(uses, own.applies_to or usual, ItemNeed.OPEN)
        spec = ACTIONS[own.uses]
        uses = Action(action.name, own.arguments, uses=own.uses)
        if own.result:
            uses = replace(uses, result=own.result.value)
            return ResolvedAction(uses, AppliesTo.ISSUES, ItemNeed.OPEN)
        return ResolvedAction(uses, own.applies_to or spec.applies_to, spec.needs)

    def own_permit(self, action: Action) -> Permit | None:
        """Return what the repository itself says that an action takes."""
        named = self.permissions.named
        permit = named.get(action.name) or named.get(action.does)
        spec = ACTIONS.get(action.does)
        is_high = spec is not None and spec.role > Role.WRITE
        return replace(permit, least=Role.WRITE) if permit and is_high else permit

    def permit(self, action: Action) -> Permit:
        """Return what it takes to do an action that is resolved."""
        if own := self.own_permit(action):
            return own
        spec, run = ACTIONS.get(action.does), self.permissions.run
        if spec is not None and spec.role > Role.WRITE:
            return Permit(max(spec.role, run.role))
        return run

    @property
    def action_names(self) -> tuple[str, ...]:
        """Return every action that can be named here."""
        return tuple(dict.fromkeys((*ACTIONS, *self.actions)))
