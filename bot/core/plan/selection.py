"""Which items a command means, once GitHub's facts are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.core.actions.spec import AppliesTo, ItemNeed
from bot.core.command.faults import Declined
from bot.core.command.syntax import (
    GivenOptions,
    Number,
    Range,
    RunCommand,
    format_command,
    format_numbers,
    format_selector,
)
from bot.core.model import (
    Action,
    Deps,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Options,
    Reference,
)
from bot.core.plan.configuration import ResolvedAction
from bot.core.plan.corrections import (
    SelectionProblem,
    faults_of,
    nothing_matches,
    refused,
    unknown_items,
    with_selector,
)
from bot.core.plan.expansion import Expansion, Known, Mention, filled, options_of
from bot.core.world.features import Feature, without_dependencies
from bot.core.world.markdown import code_span, join


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


def select(command: RunCommand, known: Known) -> Selection | SelectionProblem:
    """Return what the command selects, or why it cannot be done as it stands."""
    expansion = Expansion(command, known)
    problem = (
        expansion.problem() or unknown_items(expansion) or nothing_matches(expansion)
    )
    if problem is not None:
        return problem
    faults = faults_of(expansion)
    if faults:
        return refused(command, faults)
    return _Choice(expansion).result()


class _Choice:
    """Decides about each number that was asked for."""

    def __init__(self, expansion: Expansion) -> None:
        self._expansion = expansion
        self._known = expansion.known
        self._left_out: dict[str, list[ItemNumber]] = {}
        self._notes: list[str] = []

    def result(self) -> Selection | Declined:
        """Return the selection, or a refusal if an item does not fit or none is left."""
        command = self._expansion.command
        items: list[SelectedItem] = []
        for wish in self._expansion.wishes():
            match self._decide(wish.number, wish.mentions):
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
        if (too_many := self._expansion.too_many(len(items))) is not None:
            return too_many
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

    def _decide(
        self, number: ItemNumber, mentions: Sequence[Mention]
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
        self, facts: ItemFacts, resolved: ResolvedAction, mentions: Sequence[Mention]
    ) -> SelectedItem:
        after = dict.fromkeys(
            reference
            for mention in mentions
            for reference in self._expansion.after(mention)
        )
        if self._expansion.is_first(mentions[0], facts.number):
            after.pop(Reference(self._known.repository, facts.number), None)
        options = GivenOptions()
        for mention in mentions:
            options = filled(options, options_of(mention))
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
            corrected = with_selector(self._expansion.command, old, new)
            if corrected == format_command(self._expansion.command):
                corrected = ""
        return Declined(message, corrected)

    def _leave_out(self, number: ItemNumber, one: str, many: str) -> None:
        numbers = self._left_out.setdefault(f"{one}\n{many}", [])
        if number not in numbers:
            numbers.append(number)

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
