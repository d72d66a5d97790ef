"""Which items a command means, once GitHub's facts are known.

The engine asks ``wanted`` what is still to be looked up, looks it up, and repeats until
nothing is; then ``select`` decides. Both work out the same ``_Expansion``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from bot.core.command.faults import (
    Declined,
    Fault,
    FaultyLine,
    UnknownItem,
    UnknownItems,
    Unreadable,
)
from bot.core.command.syntax import (
    NO_OPTIONS,
    Exclusion,
    Filter,
    GivenOptions,
    Group,
    ItemName,
    Number,
    Qualified,
    Range,
    RunCommand,
    Selector,
    Span,
    SubIssues,
    Tasks,
    Term,
    This,
    Word,
    format_command,
    format_numbers,
    format_selector,
)
from bot.core.command.vocabulary import AppliesTo, ItemNeed, nearest
from bot.core.model import (
    Action,
    BatchId,
    Deps,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Options,
    Reference,
)
from bot.core.plan.configuration import PATH, RepositoryConfiguration, ResolvedAction
from bot.core.plan.texts import open_tasks_in
from bot.core.world.features import Feature, lacking, without_dependencies
from bot.core.world.markdown import code_span, join, plural

Pair = tuple[str, str]
"""A filter's key and value."""


@dataclass(frozen=True, slots=True)
class SelectedItem:
    """An item with what the command says about it. None means the batch's own value."""

    facts: ItemFacts
    action: Action
    after: tuple[Reference, ...] = ()
    priority: int | None = None
    timeout_seconds: int | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command selects, in the order asked for."""

    items: tuple[SelectedItem, ...]
    options: Options = field(default_factory=Options)
    is_dry_run: bool = False
    notes: tuple[str, ...] = ()  # Markdown written by the bot: how it was read
    must_confirm: bool = False  # more items than the repository starts unasked


@dataclass(frozen=True, slots=True)
class Known:
    """What is known so far. ``facts`` and ``others`` hold None for what the app cannot
    see; a number that is missing has not been asked for.

    ``live_items`` has to be complete for all of ``facts`` when ``select`` is called.
    """

    repository: str
    this: ItemNumber
    configuration: RepositoryConfiguration = field(
        default_factory=RepositoryConfiguration
    )
    facts: Mapping[ItemNumber, ItemFacts | None] = field(default_factory=dict)
    filters: Mapping[Pair, tuple[ItemNumber, ...]] = field(default_factory=dict)
    labels: Mapping[str, int] | None = None
    newest_number: int = 0
    others: Mapping[Reference, ItemFacts | None] = field(default_factory=dict)
    live_items: Mapping[ItemNumber, BatchId] = field(default_factory=dict)
    concurrency_limit: int = 3
    batch_link: Callable[[BatchId], str] = code_span  # Markdown
    lacks: frozenset[Feature] = frozenset()  # of the server, as far as it is known


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be looked up before a command can be decided on."""

    numbers: tuple[ItemNumber, ...] = ()
    filters: tuple[Pair, ...] = ()
    labels: bool = False
    others: tuple[Reference, ...] = ()  # items of other repositories

    @property
    def is_nothing(self) -> bool:
        """Whether ``select`` can be called."""
        return self == Wanted()


SelectionProblem = Unreadable | UnknownItems | Declined


def wanted(command: RunCommand, known: Known) -> Wanted:
    """Return what is still to be asked; nothing if the command is refused anyway."""
    expansion = _Expansion(command, known)
    if expansion.problem() is not None:
        return Wanted()
    numbers = [*expansion.asked, *expansion.parents, *expansion.predecessors]
    unknown = [
        guess
        for name in expansion.named
        if known.facts.get(name, _UNASKED) is None
        if (guess := _misspelled(name, known)) is not None
    ]
    missing = [n for n in (*numbers, *unknown[:10]) if n not in known.facts]
    empty = [pair for pair in expansion.filters if known.filters.get(pair) == ()]
    return Wanted(
        numbers=tuple(dict.fromkeys(missing)),
        filters=tuple(p for p in expansion.filters if p not in known.filters),
        labels=known.labels is None and any(key == "label" for key, _ in empty),
        others=tuple(r for r in expansion.others if r not in known.others),
    )


def select(command: RunCommand, known: Known) -> Selection | SelectionProblem:
    """Return what the command selects, or why it cannot be done as it stands."""
    expansion = _Expansion(command, known)
    problem = (
        expansion.problem() or _unknown_items(expansion) or _nothing_matches(expansion)
    )
    if problem is not None:
        return problem
    faults = expansion.faults()
    if faults:
        return _refused(command, faults)
    return _Choice(expansion).result()


# --- from words to numbers --------------------------------------------------------------

_UNASKED = object()


@dataclass(frozen=True, slots=True)
class _Mention:
    """One term with the numbers that it stands for, and what its group adds."""

    term: Term
    numbers: tuple[ItemNumber, ...]
    group: Group | None

    @property
    def is_named(self) -> bool:
        """Whether the item was asked for by itself, not as one of many."""
        return isinstance(self.term.selector, Number | This | Qualified)


class _Expansion:
    """The numbers behind the words, as far as they are known."""

    def __init__(self, command: RunCommand, known: Known) -> None:
        self.command = command
        self.known = known
        self.mentions: list[_Mention] = []
        self.exclusions: list[Exclusion] = []
        self.filters: list[Pair] = []
        self.parents: list[ItemNumber] = []
        self.others: list[Reference] = []  # of other repositories, wherever they stand
        self.foreign: list[Qualified] = []  # of other repositories, asked for as items
        self.left_out_references: list[Reference] = []
        for word in command.words:
            match word:
                case Exclusion():
                    self.exclusions.append(word)
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
                return Reference(self.known.repository, number)
            case This():
                return Reference(self.known.repository, self.known.this)
            case Qualified(reference):
                if reference.repository.casefold() == self.known.repository.casefold():
                    return Reference(self.known.repository, reference.number)
                return reference
            case _:
                assert_never(name)

    def own(self, name: ItemName) -> ItemNumber | None:
        """Return the number of an item of this repository, else None."""
        reference = self.name(name)
        is_own = reference.repository == self.known.repository
        return reference.number if is_own else None

    def problem(self) -> Declined | UnknownItems | None:
        """Return why nothing more need be asked: too much, or not of this repository."""
        limit = self.known.configuration.limits.items
        for mention in self.mentions:
            selector = mention.term.selector
            if isinstance(selector, Filter) and len(mention.numbers) > limit:
                shown = code_span(format_selector(selector))
                return Declined(
                    f"{shown} matches more than {limit} items, the limit of a command. "
                    f"Narrow it down, or raise `limits.items` in `{PATH}`."
                )
        if len(self.asked) > limit:
            return Declined(
                f"That is {len(self.asked)} items, and the limit of a command is "
                f"{limit}. Split it, or raise `limits.items` in `{PATH}`."
            )
        return None

    def faults(self) -> list[Fault]:
        """Return what the command itself gets wrong, which facts were needed to see."""
        selected = set(self.selected)
        found = [
            self._useless(exclusion)
            for exclusion in self.exclusions
            if selected.isdisjoint(exclusion.numbers.numbers)
        ]
        for mention in self.mentions:
            for name in mention.term.after:
                if mention.is_named and self.own(name) in mention.numbers:
                    shown = f"#{mention.numbers[0]} cannot wait for itself."
                    found.append(_fault(name.span, shown))
        return found + list(self._contradictions())

    def _contradictions(self) -> Iterator[Fault]:
        seen: dict[ItemNumber, _Mention] = {}
        asked = set(self.asked)
        for mention in self.mentions:
            if not mention.is_named:
                continue
            for number in asked.intersection(mention.numbers):
                first = seen.setdefault(number, mention)
                if what := self._difference(first, mention, number):
                    message = f"#{number} is asked for twice, with different {what}"
                    yield _fault(mention.term.span, message)

    def _difference(self, one: _Mention, two: _Mention, number: ItemNumber) -> str:
        facts = self.known.facts.get(number)
        if facts and self.action(one, facts) != self.action(two, facts):
            return "actions"
        ours, theirs = _options_of(one), _options_of(two)
        for name, shown in _ITEM_FIELDS.items():
            first, second = getattr(ours, name), getattr(theirs, name)
            if None not in (first, second) and first != second:
                return shown
        return ""

    def _useless(self, exclusion: Exclusion) -> Fault:
        numbers = exclusion.numbers
        shown = f"-{numbers.first}"
        if numbers.first != numbers.last:
            shown = f"-{numbers.first}..{numbers.last}"
        advice = ""
        before = self._number_before(exclusion)
        if before is not None and before < numbers.last:
            advice = f" For a range write {before}-{numbers.last}."
        return _fault(exclusion.span, f"{shown} removes nothing.{advice}")

    def _number_before(self, exclusion: Exclusion) -> ItemNumber | None:
        at = next(i for i, w in enumerate(self.command.words) if w is exclusion)
        match self.command.words[at - 1] if at else None:
            case Term(Number(number)):
                return number
            case _:
                return None

    def action(self, mention: _Mention, facts: ItemFacts) -> Action:
        """Return what is to be done to an item that *mention* brought in."""
        if mention.term.action is not None:
            return Action(mention.term.action)
        if self.command.action is not None:
            return self.command.action
        return Action(self.known.configuration.defaults.action_for(facts.kind))

    def after(self, mention: _Mention) -> tuple[Reference, ...]:
        """Return what the items of a mention wait for."""
        group = mention.group.after if mention.group else ()
        names = (*mention.term.after, *group, *self.command.after)
        return tuple(dict.fromkeys(map(self.name, names)))

    def _mention(self, term: Term, group: Group | None) -> None:
        numbers = tuple(self._numbers(term.selector))
        self.mentions.append(_Mention(term, numbers, group))

    def _numbers(self, selector: Selector) -> Iterable[ItemNumber]:
        match selector:
            case Range() as numbers:
                return map(ItemNumber, numbers.numbers)
            case Filter() as filtered:
                self.filters.append(filtered.pair)
                return self.known.filters.get(filtered.pair, ())
            case SubIssues(parent) | Tasks(parent):
                return self._children(selector, parent)
            case Number() | This() | Qualified():
                number = self._own_or_foreign(selector)
                return () if number is None else (number,)
            case _:
                assert_never(selector)

    def _own_or_foreign(self, name: ItemName) -> ItemNumber | None:
        number = self.own(name)
        if number is None:
            assert isinstance(name, Qualified)
            self.others.append(name.reference)
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
            references = open_tasks_in(facts.body, repository)
        own = [self.own(Qualified(reference)) for reference in references]
        self.left_out_references += [
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
            else:
                self.others.append(reference)


_ITEM_FIELDS = {
    "priority": "priorities",
    "timeout_seconds": "time-outs",
    "retries": "retries",
}


def _options_of(mention: _Mention) -> GivenOptions:
    """Return a term's options, with its group's where it has none of its own."""
    group = mention.group.options if mention.group else NO_OPTIONS
    return _filled(mention.term.options, group)


def _filled(given: GivenOptions, rest: GivenOptions) -> GivenOptions:
    """Return the options of an item, with those of *rest* where *given* has none."""
    return GivenOptions(
        **{
            name: getattr(rest, name) if value is None else value
            for name in _ITEM_FIELDS
            for value in (getattr(given, name),)
        }
    )


def _fault(span: Span, message: str) -> Fault:
    return Fault(span.column, max(1, span.length), message)


# --- refusals ---------------------------------------------------------------------------


def _refused(command: RunCommand, faults: Sequence[Fault]) -> Unreadable | Declined:
    """Return the faults under the line; in words if the command was never typed."""
    corrected = _as_ranges(command, faults)
    if not command.line:
        return Declined(" ".join(fault.message for fault in faults), corrected)
    ordered = tuple(sorted(faults, key=lambda fault: fault.column))
    return Unreadable((FaultyLine(command.line, ordered),), corrected)


def _as_ranges(command: RunCommand, faults: Sequence[Fault]) -> str:
    """Return the command with ``12 -15`` as ``12..15``, if that mends every fault."""
    if not all("For a range write" in fault.message for fault in faults):
        return ""
    columns = {fault.column for fault in faults}
    words: list[Word] = []
    for word in command.words:
        before = words[-1] if words else None
        if (
            isinstance(word, Exclusion)
            and word.span.column in columns
            and isinstance(before, Term)
            and isinstance(before.selector, Number)
        ):
            numbers = Range(before.selector.number, word.numbers.last)
            words[-1] = replace(before, selector=numbers)
        else:
            words.append(word)
    return format_command(replace(command, words=tuple(words)))


def _unknown_items(expansion: _Expansion) -> UnknownItems | None:
    known = expansion.known
    unknown = [
        UnknownItem(str(number), _why_unknown(number, known), _existing(number, known))
        for number in expansion.named
        if known.facts.get(number) is None
    ]
    foreign = {name.reference for name in expansion.foreign}
    for reference in dict.fromkeys(expansion.others):
        if known.others.get(reference) is None:
            problem = f"I am not installed in {reference.repository}"
            unknown.append(UnknownItem(str(reference), problem))
        elif reference in foreign:
            problem = (
                "a batch works on the items of one repository; "
                f"after:{reference} can wait for it"
            )
            unknown.append(UnknownItem(str(reference), problem))
    if not unknown:
        return None
    gone = foreign | {r for r in expansion.others if known.others.get(r) is None}
    for number in expansion.named:
        if known.facts.get(number) is None:
            gone.add(Reference(known.repository, number))
    asked = len({*expansion.asked, *expansion.named, *expansion.others})
    return UnknownItems(asked, tuple(unknown), _without(expansion, gone))


def _why_unknown(number: ItemNumber, known: Known) -> str:
    start = f"there is no issue or pull request {number} in {known.repository}"
    if not known.newest_number:
        return start
    if number > known.newest_number:
        return f"{start} (the newest is {known.newest_number})"
    return f"{start} (it may have been deleted or moved, or be a discussion)"


def _misspelled(number: ItemNumber, known: Known) -> ItemNumber | None:
    """Return the first smaller number that one digit too many may stand for."""
    digits = str(number)
    for at in range(len(digits)):
        left = (digits[:at] + digits[at + 1 :]).lstrip("0")
        if left and int(left) <= known.newest_number:
            return ItemNumber(int(left))
    return None


def _existing(number: ItemNumber, known: Known) -> ItemNumber | None:
    guess = _misspelled(number, known)
    return guess if guess is not None and known.facts.get(guess) else None


def _without(expansion: _Expansion, gone: set[Reference]) -> str:
    """Return the command without the items in *gone*; nothing if none would be left."""

    def keeps(term: Term) -> bool:
        match term.selector:
            case Number() | This() | Qualified() as name:
                return expansion.name(name) not in gone
            case SubIssues(parent) | Tasks(parent):
                return expansion.name(parent) not in gone
            case _:
                return True

    def kept(names: tuple[ItemName, ...]) -> tuple[ItemName, ...]:
        return tuple(name for name in names if expansion.name(name) not in gone)

    words: list[Word] = []
    for word in expansion.command.words:
        match word:
            case Term():
                if keeps(word):
                    words.append(replace(word, after=kept(word.after)))
            case Group(terms):
                left = tuple(
                    replace(term, after=kept(term.after))
                    for term in terms
                    if keeps(term)
                )
                if left:
                    words.append(replace(word, terms=left, after=kept(word.after)))
            case Exclusion():
                words.append(word)
    if all(isinstance(word, Exclusion) for word in words):
        return ""
    command = expansion.command
    return format_command(
        replace(command, words=tuple(words), after=kept(command.after))
    )


def _nothing_matches(expansion: _Expansion) -> Declined | None:
    """Return a refusal if a filter, or a list of sub-issues or tasks, is empty."""
    for mention in expansion.mentions:
        if mention.numbers:
            continue
        match mention.term.selector:
            case Filter("label", value) as found:
                return _no_label(expansion, found, value)
            case Filter() as found:
                return _no_match(found)
            case SubIssues() if Feature.SUB_ISSUES in expansion.known.lacks:
                return Declined(lacking([Feature.SUB_ISSUES]))
            case SubIssues(parent):
                shown = f"#{expansion.name(parent).number}"
                return Declined(f"{shown} has no sub-issues in this repository.")
            case Tasks(parent):
                shown = f"#{expansion.name(parent).number}"
                return Declined(
                    f"{shown} has no open task that starts with an issue, "
                    "such as `- [ ] #15`."
                )
            case _:
                continue
    return None


def _no_match(found: Filter) -> Declined:
    shown = code_span(format_selector(found))
    return Declined(f"{shown} matches no open issue or pull request.")


def _no_label(expansion: _Expansion, found: Filter, value: str) -> Declined:
    labels = expansion.known.labels or {}
    if any(label.casefold() == value.casefold() for label in labels):
        return _no_match(found)
    message = f"There is no label {code_span(value)}."
    guess = nearest(value, labels)
    if not guess:
        return Declined(message)
    count = plural(labels[guess], "open item")
    corrected = _replaced(
        expansion.command, found, Filter("label", guess, span=found.span)
    )
    return Declined(
        f"{message} The nearest is {code_span(guess)} ({count}).", corrected
    )


def _replaced(command: RunCommand, old: Selector, new: Selector) -> str:
    """Return the command with one selector in the place of another."""

    def changed(term: Term) -> Term:
        return replace(term, selector=new) if term.selector == old else term

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


# --- from numbers to items --------------------------------------------------------------


class _Choice:
    """Decides about each number that was asked for."""

    def __init__(self, expansion: _Expansion) -> None:
        self._expansion = expansion
        self._known = expansion.known
        self._left_out: dict[str, list[ItemNumber]] = {}
        self._notes: list[str] = []

    def result(self) -> Selection | Declined:
        """Return the selection, or a refusal if an item does not fit or none is left."""
        command = self._expansion.command
        items: list[SelectedItem] = []
        by_number = self._mentions_by_number()
        for number in self._expansion.asked:
            match self._decide(number, by_number[number]):
                case SelectedItem() as item:
                    items.append(item)
                case Declined() as problem:
                    return problem
                case None:
                    pass
        notes = self._all_notes()
        if not items:
            why = " ".join(notes)
            return Declined(f"Nothing is left to do. {why}".strip())
        options = command.options.over(Options())
        limit = self._known.concurrency_limit
        if options.concurrency > limit:
            if command.options.concurrency is not None:
                notes.append(
                    f"`concurrency:{options.concurrency}` was lowered to {limit}, "
                    "the limit of this server."
                )
            options = replace(options, concurrency=limit)
        takes_native = options.deps is not Deps.TYPED and len(items) > 1
        if takes_native and Feature.DEPENDENCIES in self._known.lacks:
            notes.append(without_dependencies(options.deps))
        return Selection(
            items=tuple(items),
            options=options,
            is_dry_run=command.is_dry_run,
            notes=tuple(notes),
            must_confirm=len(items) > self._known.configuration.limits.confirm_over,
        )

    def _mentions_by_number(self) -> dict[ItemNumber, list[_Mention]]:
        """Return who mentions each number; mentions by name come first: they say most."""
        found: dict[ItemNumber, list[_Mention]] = {}
        mentions = self._expansion.mentions
        for mention in sorted(mentions, key=lambda mention: not mention.is_named):
            for number in dict.fromkeys(mention.numbers):
                found.setdefault(number, []).append(mention)
        return found

    def _decide(
        self, number: ItemNumber, mentions: Sequence[_Mention]
    ) -> SelectedItem | Declined | None:
        facts = self._known.facts.get(number)
        if facts is None:
            self._leave_out(number, "does not exist", "do not exist")
            return None
        is_named = mentions[0].is_named
        action = self._expansion.action(mentions[0], facts)
        resolved = self._known.configuration.resolve(action)
        if not resolved.applies_to.includes(facts.kind):
            if is_named:
                return self._wrong_kind(facts, action, resolved)
            kind = "an issue" if facts.kind is ItemKind.ISSUE else "a pull request"
            kinds = "issues" if facts.kind is ItemKind.ISSUE else "pull requests"
            self._leave_out(number, f"is {kind}", f"are {kinds}")
            return None
        if state := _unfit(facts, resolved.needs, is_named=is_named):
            self._leave_out(number, f"is {state}", f"are {state}")
            return None
        if (batch_id := self._known.live_items.get(number)) is not None:
            where = self._known.batch_link(batch_id)
            where = f"already in batch {where}"
            self._leave_out(number, f"is {where}", f"are {where}")
            return None
        return self._item(facts, resolved, mentions)

    def _item(
        self, facts: ItemFacts, resolved: ResolvedAction, mentions: Sequence[_Mention]
    ) -> SelectedItem:
        itself = Reference(self._known.repository, facts.number)
        after = dict.fromkeys(
            reference
            for mention in mentions
            for reference in self._expansion.after(mention)
            if reference != itself
        )
        options = GivenOptions()
        for mention in mentions:
            options = _filled(options, _options_of(mention))
        return SelectedItem(
            facts,
            resolved.action,
            tuple(after),
            priority=options.priority,
            timeout_seconds=options.timeout_seconds,
            retries=options.retries,
        )

    def _wrong_kind(
        self, facts: ItemFacts, action: Action, resolved: ResolvedAction
    ) -> Declined:
        is_issue = facts.kind is ItemKind.ISSUE
        kind = "an issue" if is_issue else "a pull request"
        needs = (
            "an issue" if resolved.applies_to is AppliesTo.ISSUES else "a pull request"
        )
        message = f"#{facts.number} is {kind}; {action.name} needs {needs}."
        linked = facts.linked_pull_requests
        if not is_issue or not linked:
            return Declined(message)
        shown = join([f"#{number}" for number in linked])
        is_one = len(linked) == 1
        message += f" Its open pull request{' is' if is_one else 's are'} {shown}."
        corrected = ""
        if is_one:
            old, new = Number(facts.number), Number(linked[0])
            corrected = _replaced(self._expansion.command, old, new)
            if corrected == format_command(self._expansion.command):
                corrected = ""
        return Declined(message, corrected)

    def _leave_out(self, number: ItemNumber, one: str, many: str) -> None:
        self._left_out.setdefault(f"{one}\n{many}", []).append(number)

    def _all_notes(self) -> list[str]:
        notes = [
            f"`{mention.term.selector.last}-{mention.term.selector.first}` was read as "
            f"`{format_selector(mention.term.selector)}`."
            for mention in self._expansion.mentions
            if isinstance(mention.term.selector, Range)
            and mention.term.selector.was_reversed
        ]
        for why, numbers in self._left_out.items():
            one, _, many = why.partition("\n")
            shown = join(format_numbers(numbers, mark="#").split(" "))
            if len(numbers) == 1:
                notes.append(f"{shown} {one}. It is **left out**.")
            else:
                notes.append(f"{shown} {many}. They are **left out**.")
        if elsewhere := dict.fromkeys(self._expansion.left_out_references):
            shown = join([code_span(str(reference)) for reference in elsewhere])
            notes.append(f"Items of other repositories are **left out**: {shown}.")
        return notes


def _unfit(facts: ItemFacts, need: ItemNeed, *, is_named: bool) -> str:
    """Return the state that an item is in, if it must not be in it."""
    match need:
        case ItemNeed.CLOSED if facts.is_open:
            return "already open"
        case ItemNeed.CLOSED if facts.is_merged:
            return "merged and cannot be reopened"
        case ItemNeed.OPEN if facts.is_merged:
            return "already merged"
        case ItemNeed.OPEN if not facts.is_open:
            return "already closed"
        case ItemNeed.ANY if not facts.is_open and not is_named:
            return "already closed"
        case _:
            return ""
