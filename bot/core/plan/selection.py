"""Which items a command means, once GitHub's facts are known.

The engine asks ``wanted`` what is still to be looked up, looks it up, and repeats until
nothing is; then ``select`` decides.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bot.core.actions.ability import why_not_granted
from bot.core.actions.dispatch import DISPATCH
from bot.core.actions.merge import MERGE
from bot.core.actions.review import REVIEW
from bot.core.actions.spec import AppliesTo, ItemNeed
from bot.core.actions.table import (
    ACTIONS,
    builds_on_others,
    opens_pull_request,
    spec_of,
)
from bot.core.actions.update import UPDATE
from bot.core.command.faults import Declined
from bot.core.command.syntax import (
    GivenOptions,
    Number,
    Qualified,
    Range,
    RunCommand,
    Search,
    Term,
    This,
    Unfreeze,
    format_action,
    format_command,
    format_numbers,
    format_selector,
)
from bot.core.model import (
    Action,
    Deps,
    Dispatchable,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Options,
    Permit,
    Reference,
    Repository,
    ReviewRule,
    Role,
    UpdateMethod,
    UpdateWhen,
)
from bot.core.plan.configuration import ResolvedAction
from bot.core.plan.corrections import (
    SelectionProblem,
    faults_of,
    none_of_ours,
    nothing_matches,
    parts_left_out,
    refused,
    unknown_items,
    without_items,
)
from bot.core.plan.expansion import (
    Expansion,
    Known,
    Mention,
    Wanted,
    Wish,
    filled,
    misspelled,
    options_of,
    with_selector,
)
from bot.core.plan.labels import as_done, label_notes, labels_wanted, no_such_label
from bot.core.plan.milestones import milestones_wanted, no_such_milestone
from bot.core.plan.people import (
    no_such_person,
    nobody_to_ask,
    nobody_to_assign,
    people_wanted,
    reviewers_wanted,
)
from bot.core.plan.texts import dependencies_in, open_tasks_in
from bot.core.plan.workflows import (
    dispatchable,
    input_lacking,
    workflow_does_not_fit,
    workflow_notes,
    workflows_wanted,
)
from bot.core.remarks import Verdict
from bot.core.world.features import Feature, without_dependencies
from bot.core.world.freezes import frozen_words
from bot.core.world.markdown import code_span, escape_line, join, plural
from bot.core.world.questions import PullNow

_UPDATE_METHODS = [code_span(f"update-method:{one}") for one in UpdateMethod]


@dataclass(frozen=True, slots=True)
class SelectedItem:
    """An item with what the command says about it. None means the batch's own value."""

    facts: ItemFacts
    action: Action
    after: tuple[Reference, ...] = ()
    priority: int | None = None
    timeout_seconds: int | None = None
    retries: int | None = None
    method: str | None = None
    update: UpdateWhen | None = None
    update_method: UpdateMethod | None = None
    beside: tuple[ItemNumber, ...] = ()  # open pull requests for the same issue
    is_of_its_pull: bool = False  # of what another item opens for the issue
    place: int = 0  # of its first mention in the command
    permit: Permit | None = None  # if the repository says who may do it
    dispatchable: Dispatchable = field(default_factory=Dispatchable)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command selects, in the order asked for."""

    items: tuple[SelectedItem, ...]
    options: Options = field(default_factory=Options)
    is_dry_run: bool = False
    notes: tuple[str, ...] = ()  # Markdown written by the bot: how it was read
    must_confirm: bool = False  # more than the repository starts unasked, or the thread
    away: "tuple[SelectedAway, ...]" = ()  # what it selects of other repositories
    rules: tuple[ReviewRule, ...] = ()  # of the repository
    verdicts: tuple[Verdict, ...] = ()  # that its reviews may have


@dataclass(frozen=True, slots=True)
class SelectedAway:
    """What a command selects of another repository, and as that one sets it."""

    repository: Repository
    default_branch: str
    permit_of: Callable[[Action], Permit]
    selection: Selection


def wanted(command: RunCommand, known: Known) -> Wanted:
    """Return what is still to be asked; nothing if the command is refused anyway."""
    expansion = Expansion(command, known)
    unseen = [name.reference.repository for name in expansion.foreign]
    unseen = [one for one in unseen if one.casefold() not in known.away]
    if expansion.problem() is not None:
        return Wanted()
    numbers = [*expansion.asked, *expansion.parents, *expansion.predecessors]
    unknown = [
        guess
        for name in expansion.named
        if known.facts.get(name, _UNASKED) is None
        if (guess := misspelled(name, known)) is not None
    ]
    numbers += [
        pulls[0].number
        for wish in expansion.wishes()
        if wish.is_for_its_pull
        and len(pulls := known.open_pulls.get(wish.number, ())) == 1
    ]
    missing = [n for n in (*numbers, *unknown[:10]) if n not in known.facts]
    searches = tuple(s for s in expansion.searches if s not in known.filters)
    return Wanted(
        numbers=tuple(dict.fromkeys(missing)),
        filters=searches,
        labels=not missing and not searches and labels_wanted(expansion),
        people=() if missing or searches else people_wanted(expansion),
        reviewers=() if missing or searches else reviewers_wanted(expansion),
        milestones=not missing and not searches and milestones_wanted(expansion),
        workflows=workflows_wanted(expansion),
        others=tuple(r for r in expansion.others if r not in known.others),
        repositories=tuple(dict.fromkeys(unseen)),
    )


_UNASKED = object()


def to_be_opened(command: RunCommand, known: Known) -> tuple[ItemNumber, ...]:
    """Return the issues that a command asks for a pull request for, or of."""
    expansion = Expansion(command, known)
    if expansion.problem() is not None:
        return ()
    numbers = [
        facts.number
        for wish in expansion.wishes()
        if (facts := known.facts.get(wish.number)) is not None
        and facts.kind is ItemKind.ISSUE
        and facts.is_open
        and (
            wish.is_for_its_pull
            or opens_pull_request(
                known.configuration.resolve(
                    expansion.action(wish.mentions[0], facts)
                ).action
            )
        )
    ]
    return tuple(dict.fromkeys(numbers))


_PARTS = {
    "assignees": "The assignees of",
    "author": "The author of",
    "blockedBy": "What blocks",
    "closedByPullRequestsReferences": "The pull requests that close",
    "milestone": "The milestone of",
    "subIssues": "The sub-issues of",
}
"""What GitHub may not have told of an item: see ``ItemFacts.unread``."""


def select(command: RunCommand, known: Known) -> Selection | SelectionProblem:
    """Return what the command selects, or why it cannot be done as it stands."""
    expansions = [Expansion(command, one) for one in _places(known)]
    for expansion in expansions:
        problem = (
            expansion.problem()
            or none_of_ours(expansion)
            or unknown_items(expansion)
            or no_such_label(expansion)
            or no_such_person(expansion)
            or nobody_to_assign(expansion)
            or nobody_to_ask(expansion)
            or no_such_milestone(expansion)
            or workflow_does_not_fit(expansion)
            or nothing_matches(expansion)
        )
        if problem is not None:
            return problem
    faults = [fault for one in expansions for fault in faults_of(one)]
    if faults:
        return refused(command, faults)
    own = _Choice(expansions[0]).result()
    return _with_parts(own, expansions, known) if known.parts else own


def _places(known: Known) -> Sequence[Known]:
    return [known, *(part.known for part in known.parts)]


def _with_parts(
    own: Selection | Declined, expansions: Sequence[Expansion], known: Known
) -> Selection | Declined:
    """Return what is selected of all repositories together, as the home limits it."""
    if isinstance(own, Declined):
        return own
    parts: list[SelectedAway] = []
    for away, expansion in zip(known.parts, expansions[1:], strict=True):
        found = _Choice(expansion).result()
        if isinstance(found, Declined):
            return found
        permit_of = away.known.configuration.permit
        parts.append(
            SelectedAway(away.repository, away.default_branch, permit_of, found)
        )
    selections = [own, *(part.selection for part in parts)]
    items = [item for selection in selections for item in selection.items]
    said = [note for selection in selections for note in selection.notes]
    notes = tuple(dict.fromkeys(said))
    if not items:
        nothing = f"Nothing is left to do. {' '.join(notes)}".strip()
        return Declined(nothing, is_nothing=True)
    if (too_many := expansions[0].too_many(len(items))) is not None:
        return too_many
    choice = _Choice(expansions[0])
    if idle := choice.ways_of_no_merge(items):
        return Declined(_idle(idle, items))
    return replace(
        own,
        notes=notes,
        must_confirm=choice.is_large(items)
        or any(selection.must_confirm for selection in selections),
        away=tuple(part for part in parts if part.selection.items),
    )


class _Choice:
    """Decides about each number that was asked for."""

    def __init__(self, expansion: Expansion) -> None:
        self._expansion = expansion
        self._known = expansion.known
        self._is_part = bool(self._known.away or self._known.home)
        self._left_out: dict[_Why, list[ItemNumber]] = {}
        self._refused: dict[_Why, list[ItemNumber]] = {}
        self._unfit_terms: list[Term] = []  # refused alone; the number may stay
        self._seen: set[ItemNumber] = set()
        self._opened_already: set[ItemNumber] = set()  # left out for that
        self._opening: set[ItemNumber] = set()  # issues that get a pull request
        self._read_as: dict[ItemNumber, ItemNumber] = {}  # issue → its pull request

    def result(self) -> Selection | Declined:
        """Return the selection, or a refusal if an item does not fit or none is left."""
        command = self._expansion.command
        items = self._items()
        over: Sequence[str] = ()
        if self._refused:
            return self._refusal(has_items=bool(items))
        if command.is_untyped:
            items, over = self._within_the_limit(items)
        notes = [*self._all_notes(items), *over]
        if not items and not self._is_part:
            why = " ".join(notes)
            anew = format_command(replace(command, is_again=True))
            corrected = anew if self._opened_already else ""
            nothing = f"Nothing is left to do. {why}".strip()
            return Declined(nothing, corrected, is_nothing=True)
        if (too_many := self._expansion.too_many(len(items))) is not None:
            return too_many
        if not self._is_part and (idle := self.ways_of_no_merge(items)):
            return Declined(_idle(idle, items))
        options = command.options.over(self._known.configuration.options)
        limit = self._known.concurrency_limit
        if options.concurrency > limit:
            if command.options.concurrency is not None and not self._known.home:
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
            must_confirm=self.is_large(items) or self._takes_thread_unasked(items),
            rules=self._known.configuration.rules,
            verdicts=self._known.configuration.review.verdicts,
        )

    def is_large(self, items: Sequence[SelectedItem]) -> bool:
        """Return whether so much is not started before somebody has seen the plan."""
        limits = self._known.configuration.limits
        return len(items) > limits.confirm_over and not self._only_says(items)

    def _only_says(self, items: Sequence[SelectedItem]) -> bool:
        """Return whether nothing is changed, and nobody's command run."""
        actions = [item.action for item in items]
        return all(
            action.does == REVIEW.name and not self._known.runs_command(action)
            for action in actions
        )

    def _within_the_limit(
        self, items: list[SelectedItem]
    ) -> tuple[list[SelectedItem], Sequence[str]]:
        """Return the first items, as many as a batch may have, and what is said of the
        rest.
        """
        limit = self._known.configuration.limits.items
        rest = list(dict.fromkeys(item.facts.number for item in items[limit:]))
        if not rest:
            return items, ()
        kept = items[:limit]
        opening = {i.facts.number for i in kept if opens_pull_request(i.action)}
        kept = [i for i in kept if not i.is_of_its_pull or i.facts.number in opening]
        over = _Why(
            f"is over the limit of {limit} items",
            f"are over the limit of {limit} items",
            "a label that asks for more stays on",
        )
        verb = "It is" if len(rest) == 1 else "They are"
        return kept, [f"{_said(over, rest, self._known.mark)} {verb} **left out**."]

    def _items(self) -> list[SelectedItem]:
        """Return the items in the order asked for."""
        wishes = self._expansion.wishes()
        decided: dict[int, SelectedItem | None] = {}
        for place, wish in enumerate(wishes):
            if not wish.is_for_its_pull:
                item = self._decide(wish.number, wish.mentions)
                item = item and replace(item, place=self._expansion.place(wish))
                decided[place] = item
                if item is not None and opens_pull_request(item.action):
                    self._opening.add(wish.number)
        asked = {(i.facts.number, i.action) for i in decided.values() if i is not None}
        # What is done to the pull request of an issue depends on what opens it.
        for place, wish in enumerate(wishes):
            if wish.is_for_its_pull:
                item = self._decide_of_pull(wish)
                item = item and replace(item, place=self._expansion.place(wish))
                is_twice = item and (item.facts.number, item.action) in asked
                decided[place] = None if is_twice else item
        found = (decided[place] for place in range(len(wishes)))
        return [item for item in found if item is not None]

    def _decide_of_pull(self, wish: Wish) -> SelectedItem | None:
        """Return the item for the pull request that the batch opens for an issue, or that
        is why it opens none; else what becomes of it as of any issue.
        """
        number, mentions = wish.number, wish.mentions
        facts = self._known.facts[number]
        assert facts is not None
        if number in self._opening:
            return self._of_its_pull(facts, mentions)
        pulls = self._known.open_pulls.get(number, ())
        if number in self._opened_already and len(pulls) == 1:
            self._read_as[number] = pulls[0].number
            return self._decide(pulls[0].number, mentions)
        said = (*self._refused.values(), *self._left_out.values())
        if any(number in some for some in said):
            return None  # that says why there will be none
        item = self._decide(number, mentions)
        if any(number in some for some in self._refused.values()):
            self._unfit_terms += [mention.term for mention in mentions]
        return item

    def _of_its_pull(
        self, facts: ItemFacts, mentions: Sequence[Mention]
    ) -> SelectedItem | None:
        action = self._expansion.action(mentions[0], facts)
        resolved = self._known.configuration.resolve(action)
        spec = spec_of(resolved.action)
        why: _Why | None = None
        if reason := self._impossible(resolved.action, ItemKind.PULL_REQUEST):
            why = _Why("stays as it is", "stay as they are", reason.rstrip("."))
        elif spec is None or spec.role > Role.WRITE or spec.runs_command:
            why = _unseen(resolved.action)
        if why is None:
            return self._item(
                facts, resolved, mentions, is_first=False, is_of_its_pull=True
            )
        if mentions[0].is_named:
            _add(self._refused.setdefault(why, []), facts.number)
            self._unfit_terms += [mention.term for mention in mentions]
        else:
            self._leave_out(why, facts.number)
        return None

    def _leave_live(self, number: ItemNumber) -> bool:
        """Leave an item out that is live in a batch; return whether it is."""
        batch_id = self._known.live_items.get(number)
        if batch_id is not None:
            where = f"already in batch {self._known.batch_link(batch_id)}"
            self._leave_out(_Why(f"is {where}", f"are {where}"), number)
        return batch_id is not None

    def ways_of_no_merge(self, items: Sequence[SelectedItem]) -> Sequence[str]:
        """Return the options that say how to merge, or to update, where nothing is."""
        merging, updating = {MERGE.name}, {MERGE.name, UPDATE.name}
        typed = self._expansion.command.options
        idle = []
        for key, does in (
            ("method", merging),
            ("update", merging),
            ("update_method", updating),
        ):
            others = [item for item in items if item.action.does not in does]
            said: list[SelectedItem | GivenOptions] = [*others]
            if len(others) == len(items):
                said.append(typed)
            name = key.replace("_", "-")
            values = (getattr(one, key) for one in said)
            idle += [code_span(f"{name}:{one}") for one in values if one is not None]
        return list(dict.fromkeys(idle))

    def _decide(
        self, number: ItemNumber, mentions: Sequence[Mention]
    ) -> SelectedItem | None:
        """Return the item; what does not fit is refused if it was named, else left out."""
        is_first = number not in self._seen
        self._seen.add(number)
        facts = self._known.facts.get(number)
        if facts is None:
            self._leave_out(_Why("does not exist", "do not exist"), number)
            return None
        is_named = mentions[0].is_named and not self._expansion.command.is_untyped
        action = self._expansion.action(mentions[0], facts)
        resolved = self._known.configuration.resolve(action)
        why = self._unfit(facts, resolved, is_named=is_named)
        if why is not None:
            unfit = self._refused if is_named else self._left_out
            _add(unfit.setdefault(why, []), number)
            return None
        if self._leave_live(number):
            return None
        if self._pulls_of(facts, resolved) and not self._expansion.command.is_again:
            self._leave_out(_opened(self._known.open_pulls[number]), number)
            self._opened_already.add(number)
            return None
        return self._item(facts, resolved, mentions, is_first=is_first)

    def _pulls_of(
        self, facts: ItemFacts, resolved: ResolvedAction
    ) -> tuple[PullNow, ...]:
        """Return the open pull requests that another one would be made beside."""
        if not opens_pull_request(resolved.action):
            return ()
        return self._known.open_pulls.get(facts.number, ())

    def _unfit(
        self, facts: ItemFacts, resolved: ResolvedAction, *, is_named: bool
    ) -> "_Why | None":
        """Return why an action cannot be done to an item."""
        is_issue = facts.kind is ItemKind.ISSUE
        kind, kinds = (
            ("an issue", "issues") if is_issue else ("a pull request", "pull requests")
        )
        if not resolved.applies_to.includes(facts.kind):
            is_for_issues = resolved.applies_to is AppliesTo.ISSUES
            needs = "an issue" if is_for_issues else "a pull request"
            is_told = is_named or self._expansion.command.is_untyped
            more = f"{resolved.action.name} needs {needs}" if is_told else ""
            return _Why(f"is {kind}", f"are {kinds}", more)
        if state := _unfit_state(facts, resolved.needs, is_named=is_named):
            return _Why(f"is {state}", f"are {state}")
        if facts.is_from_fork and resolved.action.does == DISPATCH.name:
            more = "a workflow would run its code with the repository's secrets"
            return _Why("comes from a fork", "come from forks", more)
        if reason := self._impossible(resolved.action, facts.kind):
            return _Why(
                f"is {kind}",
                f"are {kinds}",
                reason[:1].lower() + reason[1:].rstrip("."),
            )
        return None

    def _impossible(self, action: Action, kind: ItemKind) -> str:
        """Return why nobody could do it, be it for want of a worker or of a permission."""
        known = self._known
        if reason := known.why_not(action, kind) or input_lacking(action, kind, known):
            return reason
        return why_not_granted(action, kind, known.grants) if known.grants else ""

    def _refusal(self, *, has_items: bool) -> Declined:
        """Return what is wrong with the items that were named, and the rest to copy."""
        message = " ".join(
            _said(why, n, self._known.mark) for why, n in self._refused.items()
        )
        numbers = dict.fromkeys(n for some in self._refused.values() for n in some)
        if len(numbers) == 1 and not self._opening.issuperset(numbers):
            facts = self._known.facts[next(iter(numbers))]
            if facts is not None and self._pulls_open_for(facts):
                return self._linked(message, facts)
        terms = self._unfit_terms
        whole = numbers.keys() - {
            number
            for mention in self._expansion.mentions
            for number in mention.numbers
            if mention.term in terms
        }
        corrected = without_items(self._expansion, whole, terms=terms)
        is_left = has_items or self._is_part
        return Declined(message, corrected if is_left else "")

    def _pulls_open_for(self, facts: ItemFacts) -> Sequence[ItemNumber]:
        """Return the open pull requests that close an issue, or that are of ours."""
        own = self._known.open_pulls.get(facts.number, ())
        both = (*facts.linked_pull_requests, *(pull.number for pull in own))
        return list(dict.fromkeys(both))

    def _selector(self, number: ItemNumber) -> Number | Qualified:
        if not self._known.home:
            return Number(number)
        return Qualified(Reference(self._known.repository, number))

    def _linked(self, message: str, facts: ItemFacts) -> Declined:
        """Return the refusal of an issue whose pull request may be meant."""
        linked = self._pulls_open_for(facts)
        shown = join([f"{self._known.mark}{number}" for number in linked])
        if len(linked) > 1:
            return Declined(f"{message} Its open pull requests are {shown}.")
        old, new = self._selector(facts.number), self._selector(linked[0])
        corrected = with_selector(
            self._expansion.command, old, new, only=self._unfit_terms
        )
        is_other = corrected != format_command(self._expansion.command)
        message = f"{message} Its open pull request is {shown}."
        return Declined(message, corrected if is_other else "")

    def _item(
        self,
        facts: ItemFacts,
        resolved: ResolvedAction,
        mentions: Sequence[Mention],
        *,
        is_first: bool,
        is_of_its_pull: bool = False,
    ) -> SelectedItem:
        after = dict.fromkeys(
            reference
            for mention in mentions
            for reference in self._expansion.after(mention)
        )
        if is_first:  # a second one on the number may wait for it
            after.pop(Reference(self._known.repository, facts.number), None)
        options = GivenOptions()
        for mention in mentions:
            options = filled(options, options_of(mention))
        return SelectedItem(
            facts,
            as_done(resolved.action, self._known),
            tuple(after),
            priority=options.priority,
            timeout_seconds=options.timeout_seconds,
            retries=options.retries,
            method=options.method,
            update=options.update,
            update_method=options.update_method,
            beside=tuple(pull.number for pull in self._pulls_of(facts, resolved)),
            is_of_its_pull=is_of_its_pull,
            permit=self._known.configuration.own_permit(resolved.action),
            dispatchable=dispatchable(resolved.action, self._known),
        )

    def _leave_out(self, why: "_Why", number: ItemNumber) -> None:
        _add(self._left_out.setdefault(why, []), number)

    def _all_notes(self, items: Sequence[SelectedItem]) -> Iterator[str]:
        for mention in self._expansion.mentions:
            selector = mention.term.selector
            if isinstance(selector, Range) and selector.was_reversed:
                typed = f"{selector.last}-{selector.first}"
                yield f"`{typed}` was read as `{format_selector(selector)}`."
            if isinstance(selector, Search) and (note := _reading_of(selector)):
                yield note
        for why, numbers in self._left_out.items():
            are = "It is" if len(numbers) == 1 else "They are"
            yield f"{_said(why, numbers, self._known.mark)} {are} **left out**."
        if left_out := parts_left_out(self._expansion):
            yield left_out
        for number, pull in self._read_as.items():
            mark = self._known.mark
            yield f"What is for the pull request of {mark}{number} is done to {mark}{pull}."
        yield from self._own_names(items)
        yield from label_notes(self._expansion)
        yield from self._frozen(items)
        yield from workflow_notes([item.action for item in items], self._known)
        yield from self._again(items)
        yield from self._unread(items)
        yield from self._untold()
        yield from self._of_the_thread(items)

    def _own_names(self, items: Sequence[SelectedItem]) -> Iterator[str]:
        """Yield what a name does that is a built-in action's elsewhere."""
        for action in dict.fromkeys(item.action for item in items):
            if action.uses and action.name in ACTIONS:
                does = replace(action, name=action.does, uses="")
                what = (
                    f"the command {code_span(action.command)}"
                    if action.command
                    else code_span(format_action(does))
                )
                whose = (
                    f"{code_span(self._known.repository)}'s own action there"
                    if self._known.home
                    else "this repository's own action here"
                )
                yield f"{code_span(action.name)} is {whose}: {what}."

    def _frozen(self, items: Sequence[SelectedItem]) -> Iterator[str]:
        """Yield which bases take no merges at this moment."""
        bases = [i.facts.base_branch for i in items if i.action.does == MERGE.name]
        for base in dict.fromkeys(bases):
            if freeze := self._known.freezes.get(base):
                ends = code_span(format_command(Unfreeze(base)))
                said = escape_line(frozen_words(freeze), 300)
                yield f"Merges wait for {said}: {ends} ends that."

    def _again(self, items: Sequence[SelectedItem]) -> Iterator[str]:
        """Yield what ``again`` does."""
        beside = [item.facts.number for item in items if item.beside]
        for number in dict.fromkeys(beside):
            yield _said(
                _beside(self._known.open_pulls[number]), [number], self._known.mark
            )
        if self._expansion.command.is_again and not beside:
            yield "`again` changes nothing: there is no open pull request of mine."

    def _unread(self, items: Sequence[SelectedItem]) -> Iterator[str]:
        """Yield what texts seem to say, in a form that cannot be read."""
        for number, count in self._expansion.unread_tasks.items():
            if count:
                entries = plural(count, "open entry", "open entries")
                verb = "does not begin" if count == 1 else "do not begin"
                are = "It is" if count == 1 else "They are"
                yield (
                    f"{entries} of {self._known.mark}{number}'s task list {verb} with an item."
                    f" {are} **left out**."
                )
        if self._expansion.command.options.deps not in (None, Deps.ALL):
            return
        here = self._known.repository
        unread = [
            item.facts.number
            for item in items
            if builds_on_others(item.action)
            and dependencies_in(item.facts.body, here, url=item.facts.url).unread
        ]
        if unread:
            mark = self._known.mark
            shown = join([f"{mark}{number}" for number in dict.fromkeys(unread)])
            text, verb = ("text", "seems") if len(unread) == 1 else ("texts", "seem")
            yield (
                f"The {text} of {shown} {verb} to name a dependency in a form that I cannot"
                " read. Write `after:` if there is one."
            )

    def _untold(self) -> Iterator[str]:
        """Yield what GitHub did not say of the items that were looked up."""
        untold: dict[tuple[str, str], list[str]] = {}
        for number, facts in self._known.facts.items():
            for one in facts.unread if facts is not None else ():
                untold.setdefault((one.part, one.why), []).append(
                    f"{self._known.mark}{number}"
                )
        for (part, why), numbers in untold.items():
            what = _PARTS.get(part, f"`{part}` of")
            said = escape_line(why, 200)
            yield f"{what} {join(numbers)} could not be read in full: {said}"

    def _of_the_thread(self, items: Sequence[SelectedItem]) -> Iterator[str]:
        """Yield warnings if the thread's own item is one of those to work on."""
        this = self._known.this
        own = self._own(items)
        if own is None:
            return
        if not self._names_thread():
            waits = self._takes_thread_unasked(items)
            more = " Nothing starts before you say so." if waits else ""
            yield (
                f"#{this}, where you comment, is **one of them**;"
                f" `-{this}` leaves it out.{more}"
            )
        elif any(
            isinstance(mention.term.selector, This)
            for mention in self._expansion.mentions
        ):
            tasks = open_tasks_in(own.facts.body, self._known.repository)
            for count, kind, words in (
                (len(own.facts.sub_issues), "sub-issue", "sub-issues:this"),
                (len(tasks.references), "open task", "tasks:this"),
            ):
                if count:
                    yield (
                        f"`this` is #{this} itself, not its {plural(count, kind)}:"
                        f" for {'that' if count == 1 else 'those'} write `{words}`."
                    )

    def _own(self, items: Sequence[SelectedItem]) -> SelectedItem | None:
        if self._known.home:
            return None
        this = self._known.this
        return next((item for item in items if item.facts.number == this), None)

    def _names_thread(self) -> bool:
        mentions = [
            m for m in self._expansion.mentions if self._known.this in m.numbers
        ]
        return any(mention.is_named for mention in mentions)

    def _takes_thread_unasked(self, items: Sequence[SelectedItem]) -> bool:
        """Return whether a filter or a range brought the thread itself in, and that ends
        it or works on it.
        """
        own = self._own(items)
        spec = spec_of(own.action) if own else None
        is_slight = spec is not None and spec.needs is ItemNeed.ANY
        return own is not None and not is_slight and not self._names_thread()


def _add(numbers: list[ItemNumber], number: ItemNumber) -> None:
    if number not in numbers:
        numbers.append(number)


@dataclass(frozen=True, slots=True)
class _Why:
    """Why items are unwanted: of one, of several, and what to add."""

    one: str
    many: str
    more: str = ""


def _unseen(action: Action) -> _Why:
    """Return why something is not done to what the same batch opens."""
    more = f"{code_span(action.name)} is for one that people could look at before"
    one = "gets its pull request by this very command"
    return _Why(one, "get their pull requests by this very command", more)


def _opened(pulls: Sequence[PullNow]) -> _Why:
    words = f"open already ({_shown(pulls)}); `again` makes another one"
    return _Why(f"has its pull request {words}", f"have their pull request {words}")


def _beside(pulls: Sequence[PullNow]) -> _Why:
    words = f"another pull request beside {_shown(pulls)}"
    return _Why(f"gets {words}", f"get {words}")


def _shown(pulls: Sequence[PullNow]) -> str:
    return join([f"[PR {pull.number}]({pull.url})" for pull in pulls])


def _said(why: _Why, numbers: Sequence[ItemNumber], mark: str = "#") -> str:
    shown = join(format_numbers(numbers, mark=mark).split(" "))
    verb = why.one if len(numbers) == 1 else why.many
    return f"{shown} {verb}{f'; {why.more}' if why.more else ''}."


def _reading_of(search: Search) -> str:
    """Return how several filters were read, if there are several."""
    shown = code_span(format_selector(search))
    has_either = any(len(one.values) > 1 for one in search.filters)
    if len(search.filters) > 1:
        either = ", with a comma for “or”" if has_either else ""
        hold = "both hold" if len(search.filters) == 2 else "all hold"
        return f"{shown} was read as the open items for which {hold}{either}."
    return f"{shown} was read as the open items with either." if has_either else ""


def _unfit_state(facts: ItemFacts, need: ItemNeed, *, is_named: bool) -> str:
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


def _idle(words: Sequence[str], items: Sequence[SelectedItem]) -> str:
    """Return that options say how to do what nobody does there."""
    say, it = ("says", "it") if len(words) == 1 else ("say", "them")
    is_of_updates = all(word.startswith("`update-method:") for word in words)
    how, done = ("update", "updated") if is_of_updates else ("merge", "merged")
    leave = f"{join(words)} {say} how to {how}, and nothing there is {done}: leave {it}"
    methods = [word.replace("`method:", "`update-method:") for word in words]
    meant = [one for one in methods if one in _UPDATE_METHODS and one not in words]
    is_meant = meant and any(item.action.does == UPDATE.name for item in items)
    return f"{leave} out." + (f" Updates take {meant[0]}." if is_meant else "")
