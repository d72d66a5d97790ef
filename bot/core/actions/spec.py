"""What an action is: everything else is looked up in its ``ActionSpec``."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.core.actions.step import End, Job, Seen, Step
from bot.core.model import Expectation, ItemKind, Outcome, OutcomeKind, Role
from bot.core.world.permissions import Needed

NextStep = Callable[[Job, Seen], Step]


class AppliesTo(StrEnum):
    """What an action can be done to."""

    ISSUES = "issues"
    PULL_REQUESTS = "pull_requests"
    BOTH = "both"

    def includes(self, kind: ItemKind) -> bool:
        """Return whether items of *kind* are meant."""
        match self:
            case AppliesTo.BOTH:
                return True
            case AppliesTo.ISSUES:
                return kind is ItemKind.ISSUE
            case AppliesTo.PULL_REQUESTS:
                return kind is ItemKind.PULL_REQUEST


class ItemNeed(StrEnum):
    """The state that an item must be in for an action to make sense."""

    OPEN = "open"
    CLOSED = "closed"
    ANY = "any"


class Overtaken(StrEnum):
    """What others may do between the command and the start that ends an item."""

    NOTHING = "nothing"  # it reads the state itself, whatever that is
    CLOSING = "closing"
    CLOSING_OR_PUSH = "closing or push"  # it was asked for on the pinned head
    UNTIL_IT_RUNS = "closing or push, until it runs"  # then it sees to that itself


@dataclass(frozen=True, slots=True)
class Words:
    """The words for an action: in a sentence, as a heading, and in the help."""

    do: str  # "close", "mark … as ready"
    doing: str  # "closing"
    done: str  # "Closed": a heading of the report
    effect: str  # one sentence for the help


class Form(StrEnum):
    """How the arguments of an action are typed; the language reads and writes by it."""

    NONE = "none"
    LABELS = "labels"  # +bug -triage +new!
    LOGINS = "logins"  # +ada -bob
    REVIEWERS = "reviewers"  # +ada +team:core -bob
    WORDS = "words"  # one of ``words``
    TEXT = "text"  # one, in quotes
    TITLE = "title"  # of a milestone, or none
    WORKFLOW = "workflow"  # a file, and key=value pairs


PEOPLE = (Form.LOGINS, Form.REVIEWERS)
SIGNED = (Form.LABELS, *PEOPLE)
"""What is put on with a plus, and taken off with a minus."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What is typed behind an action's name, before the items."""

    form: Form = Form.NONE
    usage: str = ""  # as it is typed
    are_needed: bool = False
    words: tuple[str, ...] = ()


NO_ARGUMENTS = Arguments()
UNKNOWN_EXPECTATION = Expectation(seconds=300, requests=8)
"""What is taken for an action of which nobody says what it takes."""


def at_once(job: Job, seen: Seen) -> Step:
    """End a cancelled attempt without anything more."""
    return End(Outcome(OutcomeKind.UNCHANGED))


def of_the_item(kind: ItemKind) -> Needed:
    """Return what has to be granted to write at an item: labels, comments, people."""
    if kind is ItemKind.PULL_REQUEST:
        return (("pull_requests", "issues"),)  # GitHub takes either
    return of_its_state(kind)


def of_pull_requests(kind: ItemKind) -> Needed:
    """Return what has to be granted to change what pull requests alone have."""
    return (("pull_requests",),)


def of_its_state(kind: ItemKind) -> Needed:
    """Return what has to be granted to close or open an item."""
    is_issue = kind is ItemKind.ISSUE
    return (("issues",),) if is_issue else (("pull_requests",),)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action of the table.

    ``next_step`` says what comes next, from what has been seen; None: this version can
    read the action and refuses it before anything starts. ``cancel_step`` is asked
    instead once a person has cancelled a running attempt; the summary of its ``End``
    says what stays.
    """

    name: str
    words: Words
    applies_to: AppliesTo
    needs: ItemNeed
    next_step: NextStep | None
    role: Role = Role.WRITE  # MAINTAIN is asked for again before each effect
    arguments: Arguments = NO_ARGUMENTS
    runs_command: bool = False  # of the operator's, in a workspace
    may_run_command: bool = False  # it does without, where the operator has named none
    opens_pull_request: bool = False  # for the issue
    builds_on_predecessors: bool = False  # takes dependencies that nobody typed
    overtaken_by: Overtaken = Overtaken.NOTHING
    writes: Callable[[ItemKind], Needed] = of_the_item  # what an owner has to grant
    expected: Expectation = UNKNOWN_EXPECTATION
    cancel_step: NextStep = at_once
    cancel_reads: tuple[str, ...] = ()  # keys of effects that ``cancel_step`` goes by
