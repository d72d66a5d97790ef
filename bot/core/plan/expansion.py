"""What the words of a command stand for, as far as GitHub's facts are known.

``wanted`` and ``select`` both work it out anew from what is known by then.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import assert_never

from bot.core.actions.spec import AppliesTo
from bot.core.command.faults import Declined, UnknownItems
from bot.core.command.syntax import (
    NO_OPTIONS,
    Exclusion,
    GivenOptions,
    Group,
    ItemName,
    Number,
    Qualified,
    Range,
    RunCommand,
    Search,
    Selector,
    SubIssues,
    Tasks,
    Term,
    This,
    Word,
    format_command,
    format_selector,
)
from bot.core.model import (
    Action,
    BatchId,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Reference,
    Repository,
)
from bot.core.plan.configuration import PATH, RepositoryConfiguration
from bot.core.plan.texts import open_tasks_in
from bot.core.world.features import Feature
from bot.core.world.freezes import Freeze
from bot.core.world.markdown import code_span
from bot.core.world.permissions import Grants
from bot.core.world.questions import PullNow
from bot.core.world.runs import WorkflowNow


@dataclass(frozen=True, slots=True)
class Known:
    """What is known so far. ``facts`` and ``others`` hold None for what the app cannot
    see; a number that is missing has not been asked for.

    ``live_items`` has to be complete for all of ``facts`` when ``select`` is called.
    """

    repository: str
    this: ItemNumber
    home: str = ""  # where the command was given, if that is another repository
    # The other repositories that items of the command are of, by their folded names: what
    # is known there, or why none of their items can be one of the batch.
    away: Mapping[str, "Away | str"] = field(default_factory=dict)
    host: str = ""  # of the site that the command was given on; empty: any
    asker: str = ""  # the login that @me stands for
    configuration: RepositoryConfiguration = field(
        default_factory=RepositoryConfiguration
    )
    facts: Mapping[ItemNumber, ItemFacts | None] = field(default_factory=dict)
    filters: Mapping[Search, tuple[ItemNumber, ...]] = field(default_factory=dict)
    labels: Mapping[str, int] | None = None
    # Logins that a command assigns, and whether that can be; others with access.
    assignable: Mapping[str, bool] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    # Logins, and teams as ``team:core``, and whether they can be asked for reviews.
    reviewers: Mapping[str, bool] = field(default_factory=dict)
    milestones: Mapping[str, int] | None = None
    workflows: Mapping[str, WorkflowNow] = field(default_factory=dict)  # by file
    freezes: Mapping[str, Freeze] = field(default_factory=dict)  # by branch
    newest_number: int = 0
    others: Mapping[Reference, ItemFacts | None] = field(default_factory=dict)
    live_items: Mapping[ItemNumber, BatchId] = field(default_factory=dict)
    # Open pull requests of earlier batches, of the issues that ``to_be_opened`` names.
    open_pulls: Mapping[ItemNumber, tuple[PullNow, ...]] = field(default_factory=dict)
    concurrency_limit: int = 3
    batch_link: Callable[[BatchId], str] = code_span  # Markdown
    lacks: frozenset[Feature] = frozenset()  # of the server, as far as it is known
    grants: Grants | None = None  # of the installation, as far as they are known
    why_not: Callable[[Action, ItemKind], str] = lambda _action, _kind: ""
    runs_command: Callable[[Action], bool] = lambda _action: False

    @property
    def mark(self) -> str:
        """What stands before the number of an item."""
        return f"{self.repository}#" if self.home else "#"

    @property
    def parts(self) -> "tuple[Away, ...]":
        """The other repositories that items may be of."""
        return tuple(one for one in self.away.values() if isinstance(one, Away))

    def called(self, name: str) -> str:
        """Return the present name of a repository that somebody called *name*."""
        folded = name.casefold()
        for known in (self.home, self.repository):
            if known.casefold() == folded:
                return known
        found = self.away.get(folded)
        return found.repository.name if isinstance(found, Away) else name


@dataclass(frozen=True, slots=True)
class Away:
    """Another repository of the installation that items of a command are of."""

    repository: Repository
    default_branch: str
    known: Known


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be looked up before a command can be decided on."""

    numbers: tuple[ItemNumber, ...] = ()
    filters: tuple[Search, ...] = ()
    labels: bool = False
    people: tuple[str, ...] = ()  # to be assigned, or named by a filter
    reviewers: tuple[str, ...] = ()  # to be asked for reviews
    milestones: bool = False
    workflows: tuple[str, ...] = ()  # files
    others: tuple[Reference, ...] = ()  # items of other repositories
    repositories: tuple[str, ...] = ()  # that items of the command are of

    @property
    def is_nothing(self) -> bool:
        """Whether ``select`` can be called."""
        return self == Wanted()


_UNNAMED = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """One term with the numbers that it stands for, and what its group adds."""

    term: Term
    numbers: tuple[ItemNumber, ...]
    group: Group | None

    @property
    def is_named(self) -> bool:
        """Whether the item was asked for by itself, not as one of many."""
        return isinstance(self.term.selector, Number | This | Qualified)


@dataclass(frozen=True, slots=True)
class Wish:
    """A number with all who want the same done to it; mentions by name come first, for
    they say most.
    """

    number: ItemNumber
    mentions: tuple[Mention, ...]
    is_for_its_pull: bool = (
        False  # the number is an issue's, and pull requests are meant
    )


class Expansion:
    """The numbers behind the words, as far as they are known."""

    def __init__(self, command: RunCommand, known: Known) -> None:
        self.command = command
        self.known = known
        self.mentions: list[Mention] = []
        self.exclusions: list[Exclusion] = []  # of the command's own repository
        self.searches: list[Search] = []
        self._typed: dict[Search, Search] = {}
        self.parents: list[ItemNumber] = []
        self.others: list[Reference] = []  # of other repositories, wherever they stand
        self.foreign: list[Qualified] = []  # of other repositories, asked for as items
        # Parts in other repositories, which no batch does, of each list.
        self.parts_elsewhere: dict[SubIssues | Tasks, list[Reference]] = {}
        self.unread_tasks: dict[ItemNumber, int] = {}  # open entries without an item
        self.elsewhere: list[Qualified] = []  # on another server
        self.other_pages: list[str] = []  # repositories whose searches were pasted
        for word in command.words:
            match word:
                case Exclusion():
                    self.exclusions += () if known.home else (word,)
                case Term():
                    self._mention(word, None)
                case Group(terms):
                    for term in terms:
                        self._mention(term, word)
        self.predecessors = tuple(self._predecessors())
        excluded = {n for e in self.exclusions for n in e.numbers.numbers}
        counted = dict.fromkeys(n for m in self.mentions for n in m.numbers)
        self.selected = tuple(counted)
        self.asked = tuple(n for n in counted if n not in excluded)
        self.named = tuple(
            dict.fromkeys(
                (
                    *(
                        n
                        for m in self.mentions
                        if m.is_named
                        for n in m.numbers
                        if n not in excluded
                    ),
                    *self.parents,
                    *self.predecessors,
                )
            )
        )

    def name(self, name: ItemName) -> Reference:
        """Return what a name stands for; items of the repository with its own name."""
        match name:
            case Number(number):
                return Reference(self._home, number)
            case This():
                return Reference(self._home, self.known.this)
            case Qualified(reference, host):
                if host and self.known.host not in ("", host):
                    self.elsewhere.append(name)
                called = self.known.called(reference.repository)
                return Reference(called, reference.number)
            case _:
                assert_never(name)

    def known_of(self, reference: Reference) -> Away | str | None:
        """Return what is known of the repository of an item, if it was looked at."""
        return self.known.away.get(reference.repository.casefold())

    @property
    def is_away(self) -> bool:
        """Whether it is of another repository than that of the command."""
        return bool(self.known.home)

    @property
    def _home(self) -> str:
        return self.known.home or self.known.repository

    def own(self, name: ItemName) -> ItemNumber | None:
        """Return the number of an item of this repository, else None."""
        reference = self.name(name)
        is_own = reference.repository == self.known.repository
        return reference.number if is_own else None

    def problem(self) -> Declined | UnknownItems | None:
        """Return why nothing more need be asked: too much, or not of this repository."""
        here = self.known.configuration.action_names
        for action in self.actions if self.is_away else ():
            if action.name not in here:
                return Declined(
                    f"{code_span(action.name)} is no action of"
                    f" {code_span(self.known.repository)}: its `{PATH}` says what is done"
                    " to its items."
                )
        for name in self.elsewhere[:1]:
            return Declined(
                f"{code_span(str(name.reference))} is on another server, {code_span(name.host)};"
                f" this is {code_span(self.known.host)}."
            )
        for shown in self.other_pages[:1]:
            return Declined(
                f"That page lists items of {code_span(shown)}; a batch finds items of"
                f" {code_span(self.known.repository)}."
            )
        limit = self.known.configuration.limits.items
        for mention in self.mentions:
            selector = mention.term.selector
            if isinstance(selector, Search) and len(mention.numbers) > limit:
                shown = code_span(format_selector(selector))
                return Declined(
                    f"{shown} matches more than {limit} items, the limit of a command. "
                    f"Narrow it down, or raise `limits.items` in `{PATH}`."
                )
        return self.too_many(len(self.asked))

    def too_many(self, items: int) -> Declined | None:
        """Return why a command for so many items is refused, if it is."""
        limit = self.known.configuration.limits.items
        if items <= limit or self.command.is_untyped:
            return None
        return Declined(
            f"That is {items} items, and the limit of a command is "
            f"{limit}. Split it, or raise `limits.items` in `{PATH}`."
        )

    def wishes(self) -> list[Wish]:
        """Return what is asked for, in that order: a number once for each action that
        is named for it.
        """
        asked = set(self.asked)
        found: dict[tuple[ItemNumber, str], list[Mention]] = {}
        named: dict[ItemNumber, list[str]] = {}
        of_many: dict[ItemNumber, list[str]] = {}
        apart: set[tuple[ItemNumber, str]] = set()
        for mention in self.mentions:
            for number in dict.fromkeys(mention.numbers):
                if number not in asked:
                    continue
                action = self._action_named(mention, number)
                if self.is_for_its_pull(mention, number):
                    apart.add((number, action))
                elif mention.is_named:
                    named.setdefault(number, []).append(action)
                elif action:
                    of_many.setdefault(number, []).append(action)
                found.setdefault((number, action), []).append(mention)
        # One of many asks for what is named for the number, wherever that stands.
        rules = {**of_many, **named}

        def meant(number: ItemNumber, action: str) -> str:
            ruling = rules.get(number, [_UNNAMED])
            gives_way = action not in ruling and (number, action) not in apart
            return ruling[0] if gives_way else action

        placed: dict[tuple[ItemNumber, str], list[Mention]] = {}
        for (number, action), mentions in found.items():
            placed.setdefault((number, meant(number, action)), []).extend(mentions)
        return [
            Wish(
                number,
                tuple(sorted(mentions, key=_says_less)),
                is_for_its_pull=(number, action) in apart,
            )
            for (number, action), mentions in placed.items()
        ]

    def is_for_its_pull(self, mention: Mention, number: ItemNumber) -> bool:
        """Return whether *number* is an issue, and something is to be done to it that
        is done to pull requests alone.
        """
        facts = self.known.facts.get(number)
        if facts is None or facts.kind is not ItemKind.ISSUE:
            return False
        resolved = self.known.configuration.resolve(self.action(mention, facts))
        return resolved.applies_to is AppliesTo.PULL_REQUESTS

    def place(self, wish: "Wish") -> int:
        """Return where a wish stands in the command: the place of its first mention."""
        return min(self._places[mention] for mention in wish.mentions)

    def is_first(self, mention: Mention, number: ItemNumber) -> bool:
        """Return whether *mention* means the item that was typed first on *number*."""
        first = self._first.get(number)
        return first is None or mention in first.mentions

    def typed(self, search: Search) -> Search:
        """Return filters as they were typed."""
        return self._typed[search]

    @property
    def actions(self) -> tuple[Action, ...]:
        """Return the actions that the command may come to."""
        own = [m.term for m in self.mentions if self.is_own(m.term.selector)]
        is_shared = len(own) < len(self.mentions)
        is_nameless = not is_shared or any(term.action is None for term in own)
        named = [self.command.action] if is_nameless else []
        named += [Action(term.action) for term in own if term.action is not None]
        defaults = self.known.configuration.defaults
        if self.command.action is None and is_nameless:
            named += [Action(defaults.action_for(kind)) for kind in ItemKind]
        return tuple(dict.fromkeys(action for action in named if action is not None))

    def action(self, mention: Mention, facts: ItemFacts) -> Action:
        """Return what is to be done to an item that *mention* brought in."""
        if mention.term.action is not None:
            return Action(mention.term.action)
        if self.command.action is not None:
            return self.command.action
        return Action(self.known.configuration.defaults.action_for(facts.kind))

    def after(self, mention: Mention) -> tuple[Reference, ...]:
        """Return what the items of a mention wait for."""
        group = mention.group.after if mention.group else ()
        names = (*mention.term.after, *group, *self.command.after)
        return tuple(dict.fromkeys(map(self.name, names)))

    @cached_property
    def _places(self) -> "Mapping[Mention, int]":
        return {mention: i for i, mention in reversed([*enumerate(self.mentions)])}

    @cached_property
    def _first(self) -> Mapping[ItemNumber, Wish]:
        wishes = [wish for wish in self.wishes() if not wish.is_for_its_pull]
        return {wish.number: wish for wish in reversed(wishes)}

    def _action_named(self, mention: Mention, number: ItemNumber) -> str:
        """Return the action of a mention by name, or with one of its own; of another it
        is one of many, but for what is done to the pull requests of issues.
        """
        has_own = mention.is_named or mention.term.action is not None
        if not has_own and not self.is_for_its_pull(mention, number):
            return _UNNAMED
        facts = self.known.facts.get(number)
        return self.action(mention, facts).name if facts else mention.term.action or "?"

    def _mention(self, term: Term, group: Group | None) -> None:
        numbers = tuple(self._numbers(term.selector))
        self.mentions.append(Mention(term, numbers, group))

    def _numbers(self, selector: Selector) -> Iterable[ItemNumber]:
        if self.is_away and not self.is_own(selector):
            return ()
        match selector:
            case Range() as numbers if self.is_own(numbers):
                return map(ItemNumber, numbers.numbers)
            case Range(first, repository=repository):
                self.foreign.append(Qualified(Reference(repository, first)))
                return ()
            case Search():
                search = _of_somebody(selector, self.known.asker)
                self._typed[search] = selector
                self._note_page(selector)
                self.searches.append(search)
                return self.known.filters.get(search, ())
            case SubIssues(parent) | Tasks(parent):
                return self._children(selector, parent)
            case Number() | This() | Qualified():
                number = self._own_or_foreign(selector)
                return () if number is None else (number,)
            case _:
                assert_never(selector)

    def _note_page(self, search: Search) -> None:
        """Note the page that shows some filters, if it is not one of this repository."""
        here, server = self.known.repository.casefold(), self.known.host
        for host, name in dict.fromkeys(one.page for one in search.filters):
            is_server = not host or server in ("", host)
            if name and not (is_server and name.casefold() == here):
                self.other_pages.append(name if is_server else f"{host}/{name}")

    def is_own(self, selector: Selector) -> bool:
        """Return whether a selector names what is of this repository, not of another."""
        match selector:
            case Number() | This() | Qualified() as name:
                return self.own(name) is not None
            case SubIssues(parent) | Tasks(parent):
                return self.own(parent) is not None
            case Range(repository=repository) if repository:
                return self.known.called(repository) == self.known.repository
            case _:
                return not self.is_away

    def _own_or_foreign(self, name: ItemName) -> ItemNumber | None:
        number = self.own(name)
        if number is None:
            assert isinstance(name, Qualified)
            self.foreign.append(name)
        return number

    def _children(
        self, selector: SubIssues | Tasks, parent: ItemName
    ) -> list[ItemNumber]:
        number = self._own_or_foreign(parent)
        if number is None:
            return []
        self.parents.append(number)
        facts = self.known.facts.get(number)
        if facts is None:
            return []
        repository = self.known.repository
        if isinstance(selector, SubIssues):
            references = facts.sub_issues
        else:
            tasks = open_tasks_in(facts.body, repository, url=facts.url)
            references = tasks.references
            self.unread_tasks[number] = tasks.unread
        own = [self.own(Qualified(reference)) for reference in references]
        self.parts_elsewhere[selector] = [
            reference
            for reference, one in zip(references, own, strict=True)
            if one is None
        ]
        return [one for one in own if one is not None and one != number]

    def _predecessors(self) -> Iterator[ItemNumber]:
        names: list[ItemName] = list(self.command.after)
        for mention in self.mentions:
            names += mention.term.after
            names += mention.group.after if mention.group else ()
        for name in dict.fromkeys(names):
            reference = self.name(name)
            if reference.repository == self.known.repository:
                yield reference.number
            elif not self.is_away and not self.known_of(reference):
                self.others.append(reference)


def _says_less(mention: Mention) -> tuple[bool, bool]:
    is_of_many = not mention.is_named
    return is_of_many, is_of_many and mention.term.action is None


def _of_somebody(search: Search, asker: str) -> Search:
    """Return filters with the login of whoever asks in the place of ``@me``."""
    if not asker:
        return search
    return Search(
        tuple(
            replace(one, values=tuple(asker if v == "@me" else v for v in one.values))
            if one.key in ("author", "assignee")
            else one
            for one in search.filters
        )
    )


ITEM_FIELDS = {
    "priority": "priorities",
    "timeout_seconds": "time-outs",
    "retries": "retries",
    "method": "methods",
    "update": "updates",
    "update_method": "update methods",
}


def options_of(mention: Mention) -> GivenOptions:
    """Return a term's options, with its group's where it has none of its own."""
    group = mention.group.options if mention.group else NO_OPTIONS
    return filled(mention.term.options, group)


def filled(given: GivenOptions, rest: GivenOptions) -> GivenOptions:
    """Return the options of an item, with those of *rest* where *given* has none."""
    return GivenOptions(
        **{
            name: getattr(rest, name) if value is None else value
            for name in ITEM_FIELDS
            for value in (getattr(given, name),)
        }
    )


def misspelled(number: ItemNumber, known: Known) -> ItemNumber | None:
    """Return the first smaller number that one digit too many may stand for."""
    digits = str(number)
    for at in range(len(digits)):
        left = (digits[:at] + digits[at + 1 :]).lstrip("0")
        if left and int(left) <= known.newest_number:
            return ItemNumber(int(left))
    return None


def with_selector(
    command: RunCommand, old: Selector, new: Selector, *, only: Sequence[Term] = ()
) -> str:
    """Return the command with one selector in the place of another, in all terms or
    those of *only*.
    """

    def changed(term: Term) -> Term:
        is_meant = term.selector == old and (term in only or not only)
        return replace(term, selector=new) if is_meant else term

    words: list[Word] = []
    for word in command.words:
        match word:
            case Term():
                words.append(changed(word))
            case Group(terms):
                words.append(replace(word, terms=tuple(map(changed, terms))))
            case Exclusion():
                words.append(word)
    return format_command(replace(command, words=tuple(words)))


def with_argument(command: RunCommand, old: str, new: Sequence[str]) -> str:
    """Return the command with others in the place of one argument of its action; nothing
    if there are none.
    """
    if not new or command.action is None:
        return ""
    typed = command.action.arguments
    arguments = (part for one in typed for part in (new if one == old else (one,)))
    action = replace(command.action, arguments=tuple(dict.fromkeys(arguments)))
    return format_command(replace(command, action=action))
