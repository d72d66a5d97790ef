"""The one table of actions: the language, plans, estimates and attempts look here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from bot.core.actions.assign import ASSIGN
from bot.core.actions.comment import COMMENT
from bot.core.actions.dispatch import DISPATCH, PULL_REQUEST
from bot.core.actions.draft import DRAFT, READY
from bot.core.actions.implement import IMPLEMENT
from bot.core.actions.label import LABEL
from bot.core.actions.merge import MERGE
from bot.core.actions.milestone import MILESTONE
from bot.core.actions.request import REQUEST
from bot.core.actions.review import REVIEW
from bot.core.actions.spec import UNKNOWN_EXPECTATION, ActionSpec, at_once
from bot.core.actions.state import CLOSE, REOPEN
from bot.core.actions.update import UPDATE
from bot.core.model import (
    Action,
    BatchKind,
    Expectation,
    Expectations,
    ItemKind,
    ItemSort,
    PlanItem,
    Role,
)

_BUILT_IN = (
    IMPLEMENT,
    REVIEW,
    MERGE,
    UPDATE,
    LABEL,
    ASSIGN,
    CLOSE,
    REOPEN,
    COMMENT,
    READY,
    DRAFT,
    REQUEST,
    MILESTONE,
    DISPATCH,
)
_actions: dict[str, ActionSpec] = {spec.name: spec for spec in _BUILT_IN}

AT_ONCE_SECONDS = 5

ACTIONS: Mapping[str, ActionSpec] = MappingProxyType(_actions)
"""The actions by name, in the order in which help shows them."""


@contextmanager
def installed(specs: Iterable[ActionSpec]) -> Iterator[None]:
    """Have actions from outside in the table, for as long as the bot runs.

    Raises ``ValueError`` for a name that the table has.
    """
    added = {spec.name: spec for spec in specs}
    if known := sorted(added.keys() & _actions.keys()):
        message = f"there is an action {known[0]} already"
        raise ValueError(message)
    _actions.update(added)
    try:
        yield
    finally:
        for name in added:
            del _actions[name]


def spec_of(action: Action) -> ActionSpec | None:
    """Return what an action does; None if this server does not have it any more."""
    return _actions.get(action.does)


def is_refused(name: str) -> bool:
    """Return whether this version reads an action and refuses it before anything starts."""
    spec = _actions.get(name)
    return spec is not None and spec.next_step is None


def is_one_change(items: Sequence[PlanItem]) -> bool:
    """Return whether all that is to be done is one change that GitHub makes at once."""
    spec = spec_of(items[0].action) if len(items) == 1 else None
    return spec is not None and spec.expected.seconds <= AT_ONCE_SECONDS


def stops_by_steps(item: PlanItem) -> bool:
    """Return whether a cancelled attempt has something to do before it is over."""
    spec = spec_of(item.action)
    return spec is not None and spec.cancel_step is not at_once


def builds_on_others(action: Action) -> bool:
    """Return whether an action takes dependencies that nobody typed."""
    spec = spec_of(action)
    return spec is not None and spec.builds_on_predecessors


def opens_pull_request(action: Action) -> bool:
    """Return whether an action ends in a pull request for the issue."""
    spec = spec_of(action)
    is_asked = action.result == PULL_REQUEST
    return spec is not None and (spec.opens_pull_request or is_asked)


def sort_of(item: PlanItem) -> ItemSort:
    """Return what is worked on in an item; its pull request need not be there yet."""
    if item.action.does == REVIEW.name:
        return ItemSort.REVIEW
    is_issue = item.kind is ItemKind.ISSUE and item.opened_by is None
    return ItemSort.ISSUE if is_issue else ItemSort.PULL_REQUEST


def kind_of(items: Iterable[PlanItem]) -> BatchKind:
    """Return what a plan of *items* is about as a whole."""
    sorts = {
        BatchKind.PR_REVIEW
        if sort_of(item) is ItemSort.REVIEW
        else BatchKind.ISSUE_IMPLEMENTATION
        if opens_pull_request(item.action)
        else BatchKind.MIXED
        for item in items
    }
    return sorts.pop() if len(sorts) == 1 else BatchKind.MIXED


def estimate_key(item: PlanItem) -> str:
    """Return under which name it is learned what an item takes.

    The effects of the bot itself take the same everywhere. A command takes what its
    repository makes of it.
    """
    action = item.action
    spec = spec_of(action)
    if spec is not None and not spec.runs_command and not _runs_more(item, spec):
        return action.does
    return f"{action.runs}@{item.repository.id}"


def expectation(expectations: Expectations, item: PlanItem) -> Expectation:
    """Return what an item usually takes: learned, else static, else a default."""
    if known := expectations.get(estimate_key(item)):
        return known
    spec = spec_of(item.action)
    if spec is None:
        return UNKNOWN_EXPECTATION
    if _runs_more(item, spec):  # a command takes time, and asks GitHub for nothing
        return replace(spec.expected, seconds=UNKNOWN_EXPECTATION.seconds)
    return spec.expected


def _runs_more(item: PlanItem, spec: ActionSpec) -> bool:
    """Return whether an action that does without a command runs one here."""
    return spec.may_run_command and bool(item.worker)


def mark_kind(item: PlanItem) -> str:
    """Return by what kind of mark on GitHub the work of an item is found again.

    What one command says of a pull request does not stand for what another would say.
    """
    spec = spec_of(item.action)
    if spec is not None and _runs_more(item, spec):
        return f"{item.action.does}:{item.action.runs}"
    return item.action.does


def needed_role(actions: Iterable[Action], *, to_run: Role) -> Role:
    """Return the role that starting a batch of these actions needs.

    *to_run* is what the repository asks of whoever starts any batch, less than *write*
    too; only what needs more than that is asked for beside it.
    """
    specs = filter(None, map(spec_of, actions))
    return max([to_run, *(s.role for s in specs if s.role > Role.WRITE)])
