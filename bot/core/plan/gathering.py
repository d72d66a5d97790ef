"""From labels and requests for reviews to the command that they stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.actions.review import REVIEW
from bot.core.command.syntax import Number, RunCommand, Selector, SubIssues, Tasks, Term
from bot.core.model import Action, ItemFacts, ItemKind, ItemNumber, Mark, Reference
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.expansion import Known
from bot.core.plan.texts import open_tasks_in


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a label, or a request for a review, asks for in a repository."""

    action: str = ""  # its name; empty: the default of each item
    window_seconds: float | None = None  # None: the server's


def meaning(
    name: str, *, is_label: bool, configuration: RepositoryConfiguration
) -> Meaning | None:
    """Return what a mark called *name* asks for; None if it is of no concern to the bot."""
    if is_label:
        label = configuration.label(name)
        return Meaning(label.does, label.window_seconds) if label else None
    asked = configuration.review_request(name)
    if asked is None:
        on = (
            one
            for one in configuration.review_requests.values()
            if name in map(str, one.on)
        )
        asked = next(on, None)
    return Meaning(asked.does) if asked else None


def meant(
    marks: Sequence[Mark], *, are_labels: bool, configuration: RepositoryConfiguration
) -> tuple[Mark, ...]:
    """Return *marks* with the action that each asks for, without those of no concern."""
    found = (
        (mark, meaning(mark.name, is_label=are_labels, configuration=configuration))
        for mark in marks
    )
    return tuple(replace(mark, action=it.action) for mark, it in found if it)


def still_on(
    marks: Sequence[Mark], facts: Mapping[ItemNumber, ItemFacts | None]
) -> tuple[Mark, ...]:
    """Return the labels that are on their items at this moment."""
    return tuple(
        mark
        for mark in marks
        if (fact := facts.get(mark.number)) is not None
        and mark.name.casefold() in map(str.casefold, fact.labels)
    )


def still_asked(
    marks: Sequence[Mark], facts: Mapping[ItemNumber, ItemFacts | None]
) -> tuple[Mark, ...]:
    """Return the requests for reviews that stand at this moment, as far as GitHub tells.

    What merely happened to a pull request, as that it was opened, stands.
    """
    return tuple(mark for mark in marks if _is_asked(mark, facts.get(mark.number)))


def drafts(
    marks: Sequence[Mark], facts: Mapping[ItemNumber, ItemFacts | None]
) -> tuple[Mark, ...]:
    """Return the requests for a review of what is not ready for one."""
    return tuple(m for m in marks if (f := facts.get(m.number)) and f.is_draft)


def is_keyless(mark: Mark, known: Known) -> bool:
    """Return whether *mark* asks for a review that runs nobody's command."""
    named = Action(mark.action or REVIEW.name)
    action = known.configuration.resolve(named).action
    return action.does == REVIEW.name and not known.runs_command(action)


def command_of(marks: Sequence[Mark], known: Known) -> RunCommand:
    """Return the command that *marks*, of items that are known, stand for.

    An issue stands for its sub-issues and the open items of its task list; if it has
    neither, and always a pull request, for itself.
    """
    terms: dict[Term, None] = {}
    for mark in marks:
        own = Number(mark.number)
        sub_issues, tasks = _children(mark, known)
        selectors: list[Selector] = [SubIssues(own)] if sub_issues else []
        selectors += [Tasks(own)] if tasks else []
        for selector in selectors or [own]:
            terms[Term(selector, mark.action or None)] = None
    return RunCommand(tuple(terms), is_untyped=True)


def with_numbers(marks: Sequence[Mark], known: Known) -> tuple[Mark, ...]:
    """Return *marks* with the open items that each stands for, once these are known, and
    whether it has parts in other repositories.
    """

    def told(mark: Mark) -> Mark:
        sub_issues, tasks = _children(mark, known)
        parts = list(dict.fromkeys((*sub_issues, *tasks)))
        if not parts:
            return replace(mark, numbers=(mark.number,))
        own = known.repository.casefold()
        here = [one.number for one in parts if one.repository.casefold() == own]
        facts = known.facts
        numbers = tuple(n for n in here if (fact := facts.get(n)) and fact.is_open)
        is_elsewhere = len(here) < len(parts)
        return replace(mark, numbers=numbers, has_parts_elsewhere=is_elsewhere)

    return tuple(map(told, marks))


def thread_for(
    marks: Sequence[Mark], items: Sequence[ItemFacts], home: ItemNumber | None = None
) -> ItemNumber:
    """Return where a batch of *items* that *marks* ask for speaks.

    It is the one parent whose children it works on, else its only item, else *home*,
    else its issue with the lowest number, else its pull request with the lowest.
    """
    numbers = {item.number for item in items}
    parents = {
        mark.number
        for mark in marks
        if mark.numbers != (mark.number,) and numbers & set(mark.numbers)
    }
    if len(parents) == 1:
        return parents.pop()
    if not numbers:  # nothing is begun, which is said at the first one
        return marks[0].number
    if len(numbers) == 1:
        return numbers.pop()
    issues = [item.number for item in items if item.kind is ItemKind.ISSUE]
    if home is not None and (home in issues or home not in numbers):
        return home
    return min(issues or numbers)


def _is_asked(mark: Mark, facts: ItemFacts | None) -> bool:
    kind, colon, _ = mark.name.partition(":")
    if not colon or facts is None or facts.reviewers is None:
        return True
    asked = [name.casefold() for name in facts.reviewers]
    return mark.name.casefold() in asked or (kind == "team" and "team:" in asked)


def _children(
    mark: Mark, known: Known
) -> tuple[Sequence[Reference], Sequence[Reference]]:
    """Return the sub-issues of what is marked, and the open items of its task list."""
    facts = known.facts.get(mark.number)
    if facts is None or facts.kind is ItemKind.PULL_REQUEST:
        return (), ()
    tasks = open_tasks_in(facts.body, known.repository, url=facts.url)
    return facts.sub_issues, tasks.references
