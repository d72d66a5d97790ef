"""Commands as values, and how each is written.

Everything that was typed has a span for carets, which comparison ignores: two commands
are equal if they ask for the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from bot.core.actions.milestone import NO_MILESTONE, title_in
from bot.core.actions.spec import PEOPLE, SIGNED, Form
from bot.core.actions.table import ACTIONS
from bot.core.command.guesses import nearest
from bot.core.command.start_at import StartAt
from bot.core.command.vocabulary import FILTER_VALUES, FILTERS, FLAGS, PRIORITIES
from bot.core.durations import spell_option
from bot.core.model import (
    Action,
    BatchId,
    Deps,
    ItemNumber,
    Named,
    OnFailure,
    Options,
    Reference,
    UpdateMethod,
    UpdateWhen,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a line: 0-based, in code points."""

    column: int = 0
    length: int = 0


NOWHERE = Span()


@dataclass(frozen=True, slots=True)
class Number:
    """``12``."""

    number: ItemNumber
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class This:
    """``this``: the thread's own number."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Qualified:
    """``owner/name#12``, or the URL of an item. It may well be of the same repository."""

    reference: Reference
    host: str = field(default="", compare=False)  # of a URL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


ItemName = Number | This | Qualified


@dataclass(frozen=True, slots=True)
class Range:
    """``12..18``, both ends included. ``was_reversed`` if it was typed as ``18..12``.

    ``acme/api#12..18`` is of a *repository*, which may well be the command's own.
    """

    first: ItemNumber
    last: ItemNumber
    was_reversed: bool = field(default=False, compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    repository: str = ""

    @property
    def numbers(self) -> range:
        """Return every number in it."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True, slots=True)
class Filter:
    """``label:ready``, ``label:a,label:b`` (either) or ``-label:wip`` (not so)."""

    key: str
    values: tuple[str, ...]
    is_not: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    # The server and the repository of the page that shows it, if it was a link.
    page: tuple[str, str] = field(default=("", ""), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """Filters side by side: the open items for which all of them hold."""

    filters: tuple[Filter, ...]

    @property
    def wants_pull_requests(self) -> bool:
        """Whether only a pull request can fit."""
        return any(one.key in PULL_REQUEST_FILTERS for one in self.filters)


@dataclass(frozen=True, slots=True)
class SubIssues:
    """``sub-issues:12``; its open sub-issues."""

    parent: ItemName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tasks:
    """``tasks:12``; the unticked references of its task list."""

    parent: ItemName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


PULL_REQUEST_FILTERS = ("base", "draft", "review")

Selector = ItemName | Range | Search | SubIssues | Tasks


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """The options that were typed; None where one was not."""

    concurrency: int | None = None
    on_failure: OnFailure | None = None
    timeout_seconds: int | None = None
    retries: int | None = None
    priority: int | None = None
    budget_requests: int | None = None
    deps: Deps | None = None
    method: str | None = None
    update: UpdateWhen | None = None
    update_method: UpdateMethod | None = None
    start_at: StartAt | None = None

    def over(self, defaults: Options) -> Options:
        """Return these options, with *defaults* for what was not typed.

        When it starts is no matter of the plan.
        """
        given = {name: getattr(self, name) for name in self.__slots__}
        del given["start_at"]
        typed = {name: value for name, value in given.items() if value is not None}
        return replace(defaults, **typed)


NO_OPTIONS = GivenOptions()


@dataclass(frozen=True, slots=True)
class Term:
    """A selector with what is bound to it. ``action`` is a name, None for the default."""

    selector: Selector
    action: str | None = None
    after: tuple[ItemName, ...] = ()
    options: GivenOptions = NO_OPTIONS
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """``(15 18)``: terms that what follows is bound to."""

    terms: tuple[Term, ...]
    after: tuple[ItemName, ...] = ()
    options: GivenOptions = NO_OPTIONS
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """``-15`` or ``-15..18``."""

    numbers: Range
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Word = Term | Group | Exclusion


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run items. There is at least one term."""

    words: tuple[Word, ...]
    action: Action | None = None
    after: tuple[ItemName, ...] = ()  # binds to every item
    options: GivenOptions = NO_OPTIONS
    is_dry_run: bool = False
    is_again: bool = False  # beside pull requests that are open already
    # What does not fit is left out, though it is named: nobody typed it.
    is_untyped: bool = field(default=False, compare=False, repr=False)
    line: str = field(default="", compare=False, repr=False)  # that the spans are of


@dataclass(frozen=True, slots=True)
class Plan:
    """Show what a command would do. ``run.is_dry_run`` is True."""

    run: RunCommand


@dataclass(frozen=True, slots=True)
class Add:
    """Add items to a live batch."""

    id: BatchId | None
    run: RunCommand


@dataclass(frozen=True, slots=True)
class Status:
    """Show where batches stand; all of the thread without an id."""

    id: BatchId | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Say why an item is not running."""

    item: Named


@dataclass(frozen=True, slots=True)
class Start:
    """Start a plan."""

    id: BatchId | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a batch, or only some of its items."""

    id: BatchId | None = None
    items: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Start nothing new."""

    id: BatchId | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on."""

    id: BatchId | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Run failed and skipped items again, or only some of them."""

    id: BatchId | None = None
    items: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what an ended batch did, or only to some of its items."""

    id: BatchId | None = None
    items: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave pending items out. Without an id: of the live batch that has them."""

    id: BatchId | None
    items: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Priority:
    """Have items of a live batch start before others. Without an id: of the one that
    has them.
    """

    id: BatchId | None
    items: tuple[Named, ...]
    priority: int


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Have a live batch work on another number of items at a time."""

    id: BatchId | None
    concurrency: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Keep batches from merging into a branch."""

    branch: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unfreeze:
    """Let batches merge into a branch again."""

    branch: str


@dataclass(frozen=True, slots=True)
class Help:
    """Explain. ``is_bare`` if nothing but ``/batch`` was typed."""

    topic: str = ""
    is_bare: bool = False


Control = Cancel | Pause | Resume | Retry | Undo | Skip | Priority | Concurrency
"""What is done to a batch that is there."""

Command = (
    RunCommand | Plan | Add | Status | Why | Start | Control | Freeze | Unfreeze | Help
)

_BARE = re.compile(r"[\w./:@*!?&%+-]+\Z")
_FILTER = re.compile(
    rf"(?:{'|'.join(FILTERS)}):|(?:type|state):(?:{'|'.join(FILTER_VALUES['is'])}|[cmpu])",
    re.IGNORECASE,
)
"""What may be read as a filter, if it has no quotes."""

DRY_RUN = re.compile(r"dry[-_]?run\Z", re.IGNORECASE)
NUMERIC = re.compile(
    r"#?(?P<first>[0-9]+)(?:(?P<dots>\.{2,3}|[-\u2013\u2014\u2025\u2026])#?(?P<last>[0-9]+))?\Z"
)
"""A number or a range."""

PLACE = re.compile(r"#?(?P<number>[0-9]+)-(?P<rest>[a-z][a-z0-9-]*)\Z", re.IGNORECASE)
"""``12-review``: an item by its place in the plan."""


LEVELS = {value: name for name, value in PRIORITIES.items()}
"""The words for some priorities."""


def format_command(command: Command) -> str:
    """Return the line that asks for *command*, in the one way the bot writes it."""
    match command:
        case RunCommand():
            parts = [_run(command)]
        case Plan(run):
            parts = ["plan", _run(run, is_plan=True)]
        case Add(id, run):
            parts = ["add", id or "", _run(run)]
        case Status(id) | Start(id) | Pause(id) | Resume(id):
            parts = [type(command).__name__.lower(), id or ""]
        case Cancel(id, items) | Retry(id, items) | Undo(id, items) | Skip(id, items):
            parts = [type(command).__name__.lower(), id or "", format_names(items)]
        case Priority(id, items, priority):
            level = str(LEVELS.get(priority, priority))
            parts = ["priority", id or "", format_names(items), level]
        case Concurrency(id, concurrency):
            parts = ["concurrency", id or "", str(concurrency)]
        case Why(item):
            parts = ["why", str(item)]
        case Freeze(branch, reason):
            said = quoted(reason, always=True) if reason else ""
            parts = ["freeze", quoted(branch), said]
        case Unfreeze(branch):
            parts = ["unfreeze", quoted(branch)]
        case Help(topic, is_bare):
            parts = ["" if is_bare else "help", topic]
        case _:
            assert_never(command)
    return " ".join(filter(None, ("/batch", *parts)))


def format_names(names: Sequence[Named]) -> str:
    """Return ``12 15..18 12-review``: numbers and names of items, in their order."""
    shown: list[str] = []
    numbers: list[ItemNumber] = []
    for one in names:
        if isinstance(one, int):
            numbers.append(one)
            continue
        shown += [format_numbers(numbers), one]
        numbers = []
    return " ".join(filter(None, (*shown, format_numbers(numbers))))


def format_numbers(numbers: Sequence[ItemNumber], *, mark: str = "") -> str:
    """Return ``12 15..18``: numbers in their order, with *mark* before each."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(
        f"{mark}{run[0]}..{mark}{run[-1]}"
        if len(run) > 2
        else " ".join(f"{mark}{number}" for number in run)
        for run in runs
    )


def format_selector(selector: Selector) -> str:
    """Return a selector as it is typed."""
    match selector:
        case Number(number):
            return str(number)
        case This():
            return "this"
        case Qualified(reference):
            return str(reference)
        case Range(first, last, repository=repository):
            return f"{repository}#{first}..{last}" if repository else f"{first}..{last}"
        case Search(filters):
            return " ".join(map(format_filter, filters))
        case SubIssues(parent):
            return f"sub-issues:{format_selector(parent)}"
        case Tasks(parent):
            return f"tasks:{format_selector(parent)}"
        case _:
            assert_never(selector)


def format_filter(one: Filter) -> str:
    """Return a filter as it is typed; a comma joins its values."""
    sign = "-" if one.is_not else ""
    special = "none" if one.key in ("label", "milestone") else "me"
    values = (quoted(v, always=v.casefold() == special) for v in one.values)
    return ",".join(f"{sign}{one.key}:{value}" for value in values)


def format_action(action: Action) -> str:
    """Return a leading action with its arguments."""
    return " ".join([action.name, *(_argument(action, a) for a in action.arguments)])


def quoted(value: str, *, always: bool = False) -> str:
    """Return a value as it is typed, in quotes where it needs them."""
    if _BARE.match(value) and not always:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _argument(action: Action, argument: str) -> str:
    spec = ACTIONS.get(action.name)
    form = spec.arguments.form if spec else Form.NONE
    if form is Form.TEXT:
        return quoted(argument, always=True)
    if form is Form.TITLE:
        title = title_in((argument,))
        return quoted(title, always=True) if title else NO_MILESTONE
    if form in SIGNED:
        sign, value = argument[0], argument[1:]
        if sign == MAKE:
            return f"+{quoted(value, always=value.endswith('!'))}!"
        is_person = form in PEOPLE and value.casefold() == "me"
        is_plain = is_plain_argument(sign, value) and not is_person
        return sign + quoted(value, always=not is_plain)
    key, equals, value = argument.partition("=")
    if not equals:
        return argument
    return f"{key}={quoted(value, always=is_flag(key))}"


MAKE = "*"
"""The sign of a label that is made if it does not exist: ``+new!`` as it is typed."""


def is_plain_argument(sign: str, value: str) -> bool:
    """Return whether a label or login needs no quotes behind its sign.

    Without them a number would be an exclusion, ``-dry-run`` an option and ``+new!``
    a label to be made.
    """
    return (
        _BARE.match(value) is not None
        and not NUMERIC.match(value)
        and not value.endswith("!")
        and not _FILTER.match(value)
        and not DRY_RUN.match(value)
        and not (sign == "-" and (value.startswith("-") or is_flag(value)))
    )


def is_flag(word: str) -> bool:
    """Return whether a word behind dashes looks like an option of some program."""
    folded = word.casefold().strip("-").replace("_", "-")
    if len(folded) < 2 or folded in FLAGS:
        return True
    return bool(nearest(folded, FLAGS, likeness=0.8))


def _run(run: RunCommand, *, is_plan: bool = False) -> str:
    words = [
        format_action(run.action) if run.action else "",
        _after(run.after),
        *map(_word, _in_ranges(run.words) if run.is_untyped else run.words),
        *_options(run.options),
        "again" if run.is_again else "",
        "dry-run" if run.is_dry_run and not is_plan else "",
    ]
    return " ".join(filter(None, words))


def _in_ranges(words: Sequence[Word]) -> Sequence[Word]:
    """Return *words* with three numbers or more that follow each other as a range."""
    runs: list[list[Word]] = []
    for word in words:
        if runs and _follows(word, runs[-1][-1]):
            runs[-1].append(word)
        else:
            runs.append([word])
    return [word for run in runs for word in _as_range(run)]


def _follows(word: Word, before: Word) -> bool:
    match before, word:
        case Term(Number(last)), Term(Number(number)):
            is_alike = replace(before, selector=word.selector) == word
            return is_alike and number == last + 1
        case _:
            return False


def _as_range(run: Sequence[Word]) -> Sequence[Word]:
    match run:
        case [Term(Number(first)) as term, _, *_, Term(Number(last))]:
            return [replace(term, selector=Range(first, last))]
        case _:
            return run


def _word(word: Word) -> str:
    match word:
        case Term(selector, action, after, options):
            prefix = f"{action}:" if action else ""
            return prefix + format_selector(selector) + _bound(after, options)
        case Group(terms, after, options):
            inner = " ".join(_word(term) for term in terms)
            return f"({inner}){_bound(after, options)}"
        case Exclusion(numbers):
            is_one = numbers.first == numbers.last
            return f"-{numbers.first}" if is_one else f"-{format_selector(numbers)}"
        case _:
            assert_never(word)


def _bound(after: tuple[ItemName, ...], options: GivenOptions) -> str:
    typed = " ".join(_options(options))
    binding = _after(after)
    return (f"[{typed}]" if typed else "") + (f" {binding}" if binding else "")


def _after(after: tuple[ItemName, ...]) -> str:
    names = ",".join(format_selector(name) for name in after)
    return f"after:{names}" if names else ""


def _options(options: GivenOptions) -> list[str]:
    typed = (
        ("concurrency", options.concurrency),
        ("on-failure", options.on_failure),
        (
            "timeout",
            None
            if options.timeout_seconds is None
            else spell_option(options.timeout_seconds),
        ),
        ("retries", options.retries),
        (
            "priority",
            None
            if options.priority is None
            else LEVELS.get(options.priority, options.priority),
        ),
        ("budget", options.budget_requests),
        ("deps", options.deps),
        ("method", options.method),
        ("update", options.update),
        ("update-method", options.update_method),
        ("start-at", options.start_at),
    )
    return [f"{key}:{value}" for key, value in typed if value is not None]
