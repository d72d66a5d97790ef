"""Why a command was refused, as values; ``bot.core.say.refusals`` makes comments of them."""

from dataclasses import dataclass, field

from bot.core.model import Edge, ItemId, ItemNumber, PlanItem, Role


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at one place of a command line.

    ``column`` is 0-based, in code points; ``message`` is the bot's own plain text in
    which words of others stand as they are (it is shown inside a fence).
    """

    column: int
    length: int
    message: str


@dataclass(frozen=True, slots=True)
class FaultyLine:
    """A command line as it was typed, with its faults from left to right."""

    line: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """At least one command of the comment has a fault, so none runs."""

    lines: tuple[FaultyLine, ...]
    corrected: str = ""  # a command to copy; empty if there is none
    besides: str = ""  # Markdown: what would be wrong with it, or had to be left out


@dataclass(frozen=True, slots=True)
class UnknownItem:
    """An item that was asked for and that the app cannot see."""

    text: str  # as typed
    problem: str  # "there is no issue or pull request 999 in acme/widgets (…)"
    maybe: ItemNumber | None = None


@dataclass(frozen=True, slots=True)
class UnknownItems:
    """Some of the items asked for do not exist, so nothing runs."""

    asked: int
    unknown: tuple[UnknownItem, ...]
    corrected: str = ""
    besides: str = ""


@dataclass(frozen=True, slots=True)
class CycleFound:
    """Items wait for each other. ``path`` starts and ends with the same item; each
    must finish before the next. ``edges`` has one edge per step; ``items`` are all of
    the plan.
    """

    path: tuple[ItemId, ...]
    edges: tuple[Edge, ...]
    items: tuple[PlanItem, ...] = field(default=(), compare=False, repr=False)
    corrected: str = ""
    besides: str = ""


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """The person's role does not allow the command."""

    needed: Role
    had: Role
    what: str  # "start a batch", "cancel this batch", "merge"
    command: str
    setting: str = ""  # "permissions.run: write", if the repository set it
    teams: tuple[str, ...] = ()  # one of which would do instead of the role
    could_not_ask: bool = False  # GitHub refused to tell, which means no


@dataclass(frozen=True, slots=True)
class Declined:
    """The command can be read and still does not run. ``message`` is the bot's own
    Markdown sentence, ending in what to do; words of others in it are escaped.
    """

    message: str
    corrected: str = ""
    besides: str = ""
    is_nothing: bool = False  # nothing matches, or all of it is done, or taken


Refusal = Unreadable | UnknownItems | CycleFound | NotPermitted | Declined
