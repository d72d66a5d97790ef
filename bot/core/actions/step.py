"""An attempt as a small pure state machine: what it has seen, and what comes next.

The engine carries steps out. After a crash the machine is asked again from the start:
effects answer from their log, looks are looked again, waits that are over end at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from bot.core.effects import Intent, Receipt
from bot.core.model import (
    Asker,
    AttemptId,
    BatchId,
    CommandResult,
    ItemFacts,
    ItemNumber,
    Outcome,
    PlanItem,
    Repository,
)
from bot.core.world.questions import Question

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Predecessor:
    """An item that this one waited for, and the branch that it pushed."""

    number: ItemNumber
    branch: str


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one item, as its steps see it."""

    attempt: AttemptId
    batch_id: BatchId
    item: PlanItem
    repository: Repository  # of the item, with its present name
    default_branch: str  # when the command was accepted
    asker: Asker  # whose role counts: the login is that of who started the batch
    started_at: datetime
    mark: str  # the first line of a comment that is to be found again
    predecessors: tuple[Predecessor, ...] = ()  # those that pushed a branch
    facts: ItemFacts | None = None  # as accepted; of actions that run a command
    asked: tuple[str, ...] = ()  # teams and logins whose review was asked for


@dataclass(frozen=True, slots=True)
class PullHead:
    """A commit of a pull request that a command looks at."""

    number: ItemNumber
    sha: str


@dataclass(frozen=True, slots=True)
class CommandJob:
    """An operator's command to run for an attempt, as plain data."""

    attempt: AttemptId
    repository: Repository
    command: str  # the operator's name for it
    base: str  # the branch that the workspace starts from, or is compared with
    merge: tuple[str, ...] = ()  # branches that are merged into it
    pull: PullHead | None = None  # to be reviewed: the workspace has its files instead
    inputs: Mapping[str, str] = field(default_factory=dict)  # files by name
    outputs: tuple[str, ...] = ()  # files that are read when it has ended
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 1800
    message: str = ""  # of the commit that holds what it changed
    asked_by: str = ""  # the login of whom the commit names as co-author


@dataclass(frozen=True, slots=True)
class Do:
    """Carry one effect out, exactly once.

    ``key`` is unique within the item: a verb, and what it acts on if there are several
    (``update@4f2c1ab``). The attempt has ``holds`` for itself until a step holds
    something else; who has to wait for that looks at GitHub again before anything is
    done.
    """

    key: str
    intent: Intent
    holds: str = ""
    is_minor: bool = False  # *write* is enough for it, whatever its action needs
    asks_role: bool = False  # again, though *write* is enough


@dataclass(frozen=True, slots=True)
class Ask:
    """Look at GitHub now."""

    question: Question[Any]


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until somebody outside has done something; no slot, no workspace.

    After each look the machine is asked again: an equal ``Await`` goes on waiting.
    ``says`` completes "waits for"; ``gives_up_at`` is None for the item's own time-out.
    ``is_brief`` is what GitHub itself ends in seconds: it is looked at again soon.
    """

    what: Question[Any]
    says: str
    gives_up_at: datetime | None = None
    holds: str = ""
    is_brief: bool = False
    # What is looked at instead while no delivery has told of ``what``, to show how it
    # goes: the wait goes on as another one that only ``says`` something else.
    glimpse: Question[Any] | None = None
    url: str = ""  # of what is waited for
    # Once its time is over the attempt does not end, but finds this in ``in_vain``.
    named: str = ""
    for_seconds: float | None = None  # its time; None: that of the item

    def goes_on_as(self, step: "Step") -> bool:
        """Return whether *step* is the same wait, in other words perhaps."""
        return isinstance(step, Await) and replace(step, says=self.says) == self


@dataclass(frozen=True, slots=True)
class Execute:
    """Run an operator's command on a worker."""

    job: CommandJob


@dataclass(frozen=True, slots=True)
class Rebase:
    """Make the command's commit again on branches as they are now, if that goes."""

    base: str
    merge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Follow:
    """Bring a branch that stands on ``was`` to where that was merged, if that goes."""

    head: str
    was: str
    merged_sha: str  # where that stood when it was merged
    onto: str


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of a ``Follow``: a commit to be pushed to the branch, if it needs one."""

    step: Follow
    head_sha: str = ""  # where the branch was
    sha: str = ""  # empty: there is nothing to push
    stuck: str = ""  # why it cannot be brought there


@dataclass(frozen=True, slots=True)
class End:
    """The attempt has ended."""

    outcome: Outcome


Step = Do | Ask | Await | Execute | Rebase | Follow | End


@dataclass(frozen=True, slots=True)
class Seen:
    """What an attempt has learned so far."""

    receipts: Mapping[str, Receipt] = field(default_factory=dict)  # by the effect's key
    result: CommandResult | None = None
    followed: Followed | None = None
    in_vain: frozenset[str] = frozenset()  # waits whose time was over, by name
    _answers: Mapping[Question[Any], Any] = field(default_factory=dict)
    _before: Mapping[Question[Any], Any] = field(default_factory=dict)

    def answer(self, question: Question[A]) -> A | None:
        """Return what GitHub said last, None if it was not asked since a change."""
        return cast("A | None", self._answers.get(question))

    def answer_before(self, question: Question[A]) -> A | None:
        """Return what GitHub said right before the last effect, None if not asked."""
        return cast("A | None", self._before.get(question))

    def done(self, key: str, receipt: Receipt) -> "Seen":
        """Return what is seen after an effect: earlier answers are old."""
        receipts = {**self.receipts, key: receipt}
        return replace(self, receipts=receipts, _answers={}, _before=self._answers)

    def told(self, question: Question[A], answer: A) -> "Seen":
        """Return what is seen after a look."""
        return replace(self, _answers={**self._answers, question: answer})

    def told_after_waiting(self, question: Question[A], answer: A) -> "Seen":
        """Return what is seen after a wait: all but its own answer is old."""
        return replace(self, _answers={question: answer})

    def waited_in_vain(self, name: str) -> "Seen":
        """Return what is seen once the time of a wait is over."""
        return replace(self, in_vain=self.in_vain | {name})

    def ran(self, result: CommandResult) -> "Seen":
        """Return what is seen after the command, or a rebase: earlier answers are old."""
        return replace(self, result=result, _answers={})

    def brought(self, followed: Followed) -> "Seen":
        """Return what is seen once a branch could be brought elsewhere, or not."""
        return replace(self, followed=followed)

    def looking_again(self) -> "Seen":
        """Return what is seen once it is known that the answers are old."""
        return replace(self, _answers={})
