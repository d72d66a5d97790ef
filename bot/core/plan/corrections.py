"""Why a command cannot be done as it stands, and the command to copy instead."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

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
    Group,
    ItemName,
    Number,
    Qualified,
    Range,
    RunCommand,
    Search,
    Span,
    SubIssues,
    Tasks,
    Term,
    This,
    Word,
    format_command,
    format_selector,
)
from bot.core.model import ItemNumber, Reference
from bot.core.plan.expansion import (
    ITEM_FIELDS,
    Away,
    Expansion,
    Known,
    Mention,
    misspelled,
    options_of,
)
from bot.core.world.features import Feature, lacking
from bot.core.world.markdown import code_span, some

_MOST_PLACES = 5

SelectionProblem = Unreadable | UnknownItems | Declined


def faults_of(expansion: Expansion) -> list[Fault]:
    """Return what the command itself gets wrong, which facts were needed to see."""
    selected = set(expansion.selected)
    found = [
        _useless(expansion, exclusion)
        for exclusion in expansion.exclusions
        if selected.isdisjoint(exclusion.numbers.numbers)
    ]
    for mention in expansion.mentions:
        for name in mention.term.after:
            own = expansion.own(name)
            is_itself = mention.is_named and own in mention.numbers
            if is_itself and expansion.is_first(mention, mention.numbers[0]):
                mark = expansion.known.mark
                shown = f"{mark}{mention.numbers[0]} cannot wait for itself."
                found.append(_fault(name.span, shown))
    return found + list(_contradictions(expansion))


def _contradictions(expansion: Expansion) -> Iterator[Fault]:
    for wish in expansion.wishes():
        named = [mention for mention in wish.mentions if mention.is_named]
        for mention in named[1:]:
            if what := _difference(expansion, wish.number, named[0], mention):
                shown = f"{expansion.known.mark}{wish.number}"
                message = f"{shown} is asked for twice, with different {what}"
                yield _fault(mention.term.span, message)


def _difference(
    expansion: Expansion, number: ItemNumber, one: Mention, two: Mention
) -> str:
    facts = expansion.known.facts.get(number)
    if facts and expansion.action(one, facts) != expansion.action(two, facts):
        return "arguments"
    ours, theirs = options_of(one), options_of(two)
    for name, shown in ITEM_FIELDS.items():
        first, second = getattr(ours, name), getattr(theirs, name)
        if None not in (first, second) and first != second:
            return shown
    return ""


def _useless(expansion: Expansion, exclusion: Exclusion) -> Fault:
    numbers = exclusion.numbers
    shown = f"-{numbers.first}"
    if numbers.first != numbers.last:
        shown = f"-{numbers.first}..{numbers.last}"
    advice = ""
    before = _number_before(expansion, exclusion)
    if before is not None and before < numbers.last:
        advice = f" For a range write {before}-{numbers.last}."
    return _fault(exclusion.span, f"{shown} removes nothing.{advice}")


def _number_before(expansion: Expansion, exclusion: Exclusion) -> ItemNumber | None:
    at = next(i for i, w in enumerate(expansion.command.words) if w is exclusion)
    match expansion.command.words[at - 1] if at else None:
        case Term(Number(number)):
            return number
        case _:
            return None


def _fault(span: Span, message: str) -> Fault:
    return Fault(span.column, max(1, span.length), message)


# --- refusals ---------------------------------------------------------------------------


def refused(command: RunCommand, faults: Sequence[Fault]) -> Unreadable | Declined:
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


def none_of_ours(expansion: Expansion) -> Declined | None:
    """Return a refusal if items are of repositories in which the batch can have none."""
    said: dict[str, str] = {}
    gone: set[Reference] = set()
    for name in expansion.foreign:
        why = expansion.known_of(name.reference)
        if not isinstance(why, Away):
            gone.add(name.reference)
            folded = name.reference.repository.casefold()
            said.setdefault(folded, f"{code_span(str(name.reference))}: {why}.")
    if not said:
        return None
    message = " ".join([*said.values()][:_MOST_PLACES])
    corrected = _without(expansion, gone, after=set())
    return Declined(f"{message} Nothing was started.", corrected)


def unknown_items(expansion: Expansion) -> UnknownItems | None:
    """Return which of the items that were named do not exist or cannot be seen."""
    known = expansion.known
    mark = known.mark if known.home else ""
    unknown = [
        UnknownItem(
            f"{mark}{number}", _why_unknown(number, known), _existing(number, known)
        )
        for number in expansion.named
        if known.facts.get(number) is None
    ]
    gone: set[Reference] = set()
    for reference in dict.fromkeys(expansion.others):
        if known.others.get(reference) is None:
            gone.add(reference)
            problem = f"I am not installed in {reference.repository}"
            unknown.append(UnknownItem(str(reference), problem))
    if not unknown:
        return None
    for number in expansion.named:
        if known.facts.get(number) is None:
            gone.add(Reference(known.repository, number))
    asked = len({*expansion.asked, *expansion.named, *expansion.others})
    return UnknownItems(asked, tuple(unknown), _without(expansion, gone, after=gone))


def _why_unknown(number: ItemNumber, known: Known) -> str:
    start = f"there is no issue or pull request {number} in {known.repository}"
    if not known.newest_number:
        return start
    if number > known.newest_number:
        return f"{start} (the newest is {known.newest_number})"
    return f"{start} (it may have been deleted or moved, or be a discussion)"


def _existing(number: ItemNumber, known: Known) -> ItemNumber | None:
    if known.home:
        return None
    guess = misspelled(number, known)
    return guess if guess is not None and known.facts.get(guess) else None


def without_items(
    expansion: Expansion, numbers: Iterable[ItemNumber], *, terms: Sequence[Term] = ()
) -> str:
    """Return the command without some of its items, and without some of its terms;
    others may still wait for them.
    """
    here = expansion.known.repository
    gone = {Reference(here, number) for number in numbers}
    return _without(expansion, gone, after=set(), terms=terms)


def without_waits(expansion: Expansion, gone: set[Reference]) -> str:
    """Return the command with nothing in it that waits for one of *gone*."""
    return _without(expansion, set(), after=gone)


def _without(
    expansion: Expansion,
    gone: set[Reference],
    *,
    after: set[Reference],
    terms: Sequence[Term] = (),
) -> str:
    """Return the command without the items in *gone*, of which none waits for *after*;
    nothing if none would be left.
    """

    def keeps(term: Term) -> bool:
        if term in terms:
            return False
        match term.selector:
            case Number() | This() | Qualified() as name:
                return expansion.name(name) not in gone
            case SubIssues(parent) | Tasks(parent):
                return expansion.name(parent) not in gone
            case Range(first, repository=repository) if repository:
                return (
                    expansion.name(Qualified(Reference(repository, first))) not in gone
                )
            case _:
                return True

    def kept(names: tuple[ItemName, ...]) -> tuple[ItemName, ...]:
        return tuple(name for name in names if expansion.name(name) not in after)

    words: list[Word] = []
    for word in expansion.command.words:
        match word:
            case Term():
                if keeps(word):
                    words.append(_apart(replace(word, after=kept(word.after)), word))
            case Group(inner):
                left = tuple(
                    replace(term, after=kept(term.after))
                    for term in inner
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


def _apart(term: Term, before: Term) -> Word:
    """Return a term so that it still stands apart from the filters around it."""
    is_loose = before.after and not term.after and term.options == NO_OPTIONS
    is_search = isinstance(term.selector, Search)
    return Group((term,)) if is_loose and is_search else term


def parts_left_out(expansion: Expansion, *of: SubIssues | Tasks, most: int = 10) -> str:
    """Return which parts, of some lists or of all, are in other repositories; empty: none."""
    lists = [
        expansion.parts_elsewhere.get(one, ())
        for one in of or expansion.parts_elsewhere
    ]
    found = list(dict.fromkeys(one for some_list in lists for one in some_list))
    if not found:
        return ""
    shown = some([code_span(str(one)) for one in found[:most]], len(found))
    return f"Items of other repositories are **left out**: {shown}."


def nothing_matches(expansion: Expansion) -> Declined | None:
    """Return a refusal if a filter, or a list of sub-issues or tasks, is empty."""
    for mention in expansion.mentions:
        if mention.numbers or not expansion.is_own(mention.term.selector):
            continue
        match mention.term.selector:
            case Search() as search:
                shown = code_span(format_selector(search))
                kind = (
                    "pull request"
                    if search.wants_pull_requests
                    else "issue or pull request"
                )
                return Declined(f"{shown} matches no open {kind}.", is_nothing=True)
            case SubIssues() if Feature.SUB_ISSUES in expansion.known.lacks:
                return Declined(lacking([Feature.SUB_ISSUES]))
            case (SubIssues(parent) | Tasks(parent)) as parts if (
                left_out := parts_left_out(expansion, parts)
            ):
                shown = f"{expansion.known.mark}{expansion.name(parent).number}"
                what = "sub-issue" if isinstance(parts, SubIssues) else "open task"
                return Declined(
                    f"{shown} has no {what} in this repository. {left_out}"
                    " Nothing was started.",
                    is_nothing=True,
                )
            case SubIssues(parent):
                shown = f"{expansion.known.mark}{expansion.name(parent).number}"
                return Declined(
                    f"{shown} has no sub-issues in this repository.", is_nothing=True
                )
            case Tasks(parent):
                shown = f"{expansion.known.mark}{expansion.name(parent).number}"
                return Declined(
                    f"{shown} has no open task that starts with an issue, "
                    "such as `- [ ] #15`.",
                    is_nothing=True,
                )
            case _:
                continue
    return None
