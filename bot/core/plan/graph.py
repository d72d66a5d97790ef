"""The dependency graph of a batch: built from a selection, checked, and measured."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.core.actions.ability import Runner
from bot.core.actions.review import REVIEW
from bot.core.actions.table import builds_on_others, expectation, opens_pull_request
from bot.core.command.faults import CycleFound
from bot.core.model import (
    Action,
    Batch,
    Deps,
    Edge,
    Expectations,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    MergeWay,
    OpenedPull,
    Origin,
    OutsideEdge,
    Permit,
    Plan,
    PlanChange,
    PlanItem,
    Reference,
    Repository,
)
from bot.core.plan.naming import item_ids
from bot.core.plan.selection import SelectedItem, Selection
from bot.core.plan.texts import dependencies_in
from bot.core.world.markdown import code_span, some


class RunnerOf(Protocol):
    """Says what runs the command of an action: see ``Abilities``."""

    def __call__(
        self, action: Action, repository: Repository, *, is_from_fork: bool
    ) -> Runner:
        """Return it."""


_RANK = (Origin.TYPED, Origin.NATIVE, Origin.TEXT, Origin.STACK)


def build_plan(
    selection: Selection,
    *,
    repository: Repository,
    runner_of: RunnerOf,
) -> Plan | CycleFound:
    """Return the plan of a selection, or the first cycle found in it."""
    home, options = repository.name, selection.options
    chosen = _in_order(selection, repository)
    references = [Reference(one.repository.name, one.number) for one in chosen]
    actions = [one.item.action.name for one in chosen]
    behind = [one.item.is_of_its_pull for one in chosen]
    asked = list(zip(references, actions, strict=True))
    ids = item_ids(asked, home=home, behind=behind)
    named = list(zip(references, ids, chosen, strict=True))
    # Who waits for a number waits for the item that was typed first.
    first = {
        ref: id_ for ref, id_, one in reversed(named) if not one.item.is_of_its_pull
    }
    openers = {
        ref: id_
        for ref, id_, one in reversed(named)
        if opens_pull_request(one.item.action)
    }
    items = tuple(
        _plan_item(id_, one, runner_of, openers.get(ref)) for ref, id_, one in named
    )
    waits = _dependencies(chosen, ids, first, deps=options.deps)
    opened = {one.id: one.opened_by for one in items if one.opened_by}
    edges = (
        *(Edge(item, opener, Origin.OPENED) for item, opener in opened.items()),
        *(
            Edge(successor, first[predecessor], origin)
            for (successor, predecessor), origin in waits.items()
            if predecessor in first and opened.get(successor) != first[predecessor]
        ),
    )
    outside = tuple(
        OutsideEdge(successor, predecessor, origin)
        for (successor, predecessor), origin in waits.items()
        if predecessor not in first
    )
    cycle = find_cycle(ids, edges)
    if cycle is not None:
        return replace(cycle, items=items)
    notes = (*selection.notes, *_withheld(items, home))
    return Plan(items, edges, outside, options, notes)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An item with the repository that it is of, and what is selected there."""

    repository: Repository
    selection: Selection
    item: SelectedItem
    default_branch: str = ""
    takes: Permit | None = None

    @property
    def number(self) -> ItemNumber:
        return self.item.facts.number


def _in_order(selection: Selection, home: Repository) -> list[_Chosen]:
    """Return the items of all repositories in the order asked for."""
    chosen = [_Chosen(home, selection, item) for item in selection.items]
    for away in selection.away:
        chosen += [
            _Chosen(
                away.repository,
                away.selection,
                item,
                away.default_branch,
                away.permit_of(item.action),
            )
            for item in away.selection.items
        ]
    return sorted(chosen, key=lambda one: one.item.place) if selection.away else chosen


def settle_outside(
    plan: Plan, facts: Mapping[Reference, ItemFacts]
) -> tuple[Plan, tuple[OutsideEdge, ...]]:
    """Return the plan without the outside predecessors that are done already, and the
    waits for those that have ended in a way that will never satisfy anyone.
    """
    kept = tuple(
        edge
        for edge in plan.outside
        if (known := facts.get(edge.predecessor)) is None or not known.is_satisfied
    )
    lost = tuple(
        edge
        for edge in kept
        if (known := facts.get(edge.predecessor)) is not None and not known.is_open
    )
    return replace(plan, outside=kept), lost


def moved(batch: Batch, repository: Repository) -> Batch:
    """Return *batch* as it is once one of its repositories, its home or another, has
    another name or installation.
    """
    old = name_of(batch, repository)
    outside = tuple(
        replace(edge, predecessor=renamed(edge.predecessor, old, repository.name))
        for edge in batch.plan.outside
    )
    items = tuple(
        replace(item, repository=repository)
        if item.repository.id == repository.id
        else item
        for item in batch.plan.items
    )
    batch = replace(batch, plan=replace(batch.plan, items=items, outside=outside))
    if repository.id != batch.repository.id:
        return batch
    return replace(batch, request=replace(batch.request, repository=repository))


def name_of(batch: Batch, repository: Repository) -> str:
    """Return what a batch calls one of its repositories, which may be its old name."""
    known = (one.name for one in batch.repositories if one.id == repository.id)
    return next(known, repository.name)


def hidden(batch: Batch, repository_id: int) -> Batch:
    """Return *batch* without a word of the items of one of its repositories; its notes
    may be about them.
    """
    items = tuple(
        replace(item, title="") if item.repository.id == repository_id else item
        for item in batch.plan.items
    )
    return replace(batch, plan=replace(batch.plan, items=items, notes=()))


def resolved(plan: Plan, item: ItemId, opened: OpenedPull) -> Plan:
    """Return the plan once the pull request that *item* is done to is there."""
    items = tuple(
        replace(
            one,
            number=opened.number,
            kind=ItemKind.PULL_REQUEST,
            head_sha=opened.head_sha,
            base_branch=opened.base_branch,
        )
        if one.id == item
        else one
        for one in plan.items
    )
    return replace(plan, items=items)


def edited(plan: Plan, change: PlanChange) -> Plan:
    """Return the plan after somebody changed it."""
    priorities = dict(change.priorities)
    items = tuple(
        replace(one, priority=priorities.get(one.id, one.priority))
        for one in plan.items
    )
    options = plan.options
    if change.concurrency is not None:
        options = replace(options, concurrency=change.concurrency)
    outside = (edge for edge in plan.outside if edge not in change.inside)
    return replace(
        plan,
        items=(*items, *change.items),
        edges=(*plan.edges, *change.edges),
        outside=(*outside, *change.outside),
        options=options,
    )


def joined(plan: Plan, more: Plan, *, home: str) -> PlanChange | CycleFound:
    """Return how the items of another plan are added to one: what waits for items of the
    other by their number waits inside from then on.
    """
    asked = [(_reference(one), one.action.name) for one in more.items]
    behind = [one.opened_by is not None for one in more.items]
    taken = [one.id for one in plan.items]
    ids = item_ids(asked, home=home, behind=behind, taken=taken)
    new = dict(zip((one.id for one in more.items), ids, strict=True))
    items = tuple(
        replace(
            one,
            id=new[one.id],
            opened_by=new[one.opened_by] if one.opened_by else None,
        )
        for one in more.items
    )
    every = [one for one in (*plan.items, *items) if one.opened_by is None]
    first = {_reference(one): one.id for one in reversed(every)}
    waits = [replace(edge, successor=new[edge.successor]) for edge in more.outside]
    inside = [e for e in plan.outside if first.get(e.predecessor) in new.values()]
    change = PlanChange(
        items=items,
        edges=(
            *(
                Edge(new[edge.successor], new[edge.predecessor], edge.origin)
                for edge in more.edges
            ),
            *(
                Edge(edge.successor, first[edge.predecessor], edge.origin)
                for edge in (*waits, *inside)
                if edge.predecessor in first
            ),
        ),
        outside=tuple(edge for edge in waits if edge.predecessor not in first),
        inside=tuple(inside),
    )
    whole = edited(plan, change)
    cycle = find_cycle([one.id for one in whole.items], whole.edges)
    return replace(cycle, items=whole.items) if cycle else change


def _reference(item: PlanItem) -> Reference:
    return Reference(item.repository.name, item.number)


def renamed(reference: Reference, old: str, new: str) -> Reference:
    """Return *reference* after the repository *old* was renamed to *new*."""
    is_there = reference.repository == old
    return replace(reference, repository=new) if is_there else reference


def find_cycle(items: Sequence[ItemId], edges: Sequence[Edge]) -> CycleFound | None:
    """Return one cycle among the items, or None if there is an order for all."""
    left = set(items) - set(topological_order(items, edges))
    if not left:
        return None
    # Whoever could not be ordered waits, at some distance, for a cycle: walking back
    # along predecessors that could not be ordered either must come round.
    behind = {e.successor: e for e in edges if {e.successor, e.predecessor} <= left}
    trail = [next(item for item in items if item in left)]
    while (before := behind[trail[-1]].predecessor) not in trail:
        trail.append(before)
    loop = trail[trail.index(before) :]
    first = min(range(len(loop)), key=lambda place: items.index(loop[place]))
    loop = [*loop[first::-1], *loop[:first:-1]]  # predecessors first
    path = (*loop, loop[0])
    return CycleFound(path, tuple(behind[item] for item in path[1:]))


def topological_order(
    items: Iterable[ItemId], edges: Iterable[Edge]
) -> tuple[ItemId, ...]:
    """Return the items with each after its predecessors, else in the order given.

    Items on a cycle, and all behind them, are left out (Kahn 1962).
    """
    unmet = dict.fromkeys(items, 0)
    successors: dict[ItemId, list[ItemId]] = {}
    for edge in edges:
        unmet[edge.successor] += 1
        successors.setdefault(edge.predecessor, []).append(edge.successor)
    queue = deque(item for item, count in unmet.items() if not count)
    order = []
    while queue:
        item = queue.popleft()
        order.append(item)
        for successor in successors.get(item, ()):
            unmet[successor] -= 1
            if not unmet[successor]:
                queue.append(successor)
    return tuple(order)


def waves(plan: Plan) -> tuple[tuple[ItemId, ...], ...]:
    """Return the items by depth: wave *n* has those whose longest chain of
    predecessors has *n* - 1 items. For people to read; the scheduler has no levels.
    """
    depth: dict[ItemId, int] = {}
    before = predecessors(plan)
    for item in topological_order(before, plan.edges):
        depth[item] = 1 + max((depth[p] for p in before[item]), default=0)
    return tuple(
        tuple(item.id for item in plan.items if depth[item.id] == level)
        for level in range(1, max(depth.values(), default=0) + 1)
    )


def predecessors(plan: Plan) -> Mapping[ItemId, tuple[ItemId, ...]]:
    """Return, per item, the items of the plan that it waits for."""
    before: dict[ItemId, list[ItemId]] = {i.id: [] for i in plan.items}
    for edge in plan.edges:
        before[edge.successor].append(edge.predecessor)
    return {item: tuple(others) for item, others in before.items()}


def chain_seconds(plan: Plan, expectations: Expectations) -> list[float]:
    """Return, per item in the plan's order, the longest chain of work from its start to
    the end of the plan, in seconds.

    The largest is a lower bound on the makespan. Starting long tails first is list
    scheduling: on *m* slots, while nothing else is scarce, it stays within 2 - 1/m of
    the shortest makespan (Graham 1969).
    """
    index = {item.id: place for place, item in enumerate(plan.items)}
    successors: list[list[int]] = [[] for _ in plan.items]
    for edge in plan.edges:
        successors[index[edge.predecessor]].append(index[edge.successor])
    chains = [expectation(expectations, i).seconds for i in plan.items]
    for item in reversed(topological_order(index, plan.edges)):
        place = index[item]
        chains[place] += max((chains[s] for s in successors[place]), default=0.0)
    return chains


def longest_chain(plan: Plan, expectations: Expectations) -> tuple[ItemId, ...]:
    """Return the items of the critical path, first to last."""
    if not plan.items:
        return ()
    chains = dict(
        zip(
            (i.id for i in plan.items),
            chain_seconds(plan, expectations),
            strict=True,
        )
    )
    successors: dict[ItemId, list[ItemId]] = {}
    for edge in plan.edges:
        successors.setdefault(edge.predecessor, []).append(edge.successor)
    path = [max(chains, key=lambda item: chains[item])]
    while behind := successors.get(path[-1]):
        path.append(max(behind, key=lambda item: chains[item]))
    return tuple(path)


def _plan_item(
    id_: ItemId, chosen: _Chosen, runner_of: RunnerOf, opener: ItemId | None
) -> PlanItem:
    selected, selection = chosen.item, chosen.selection
    facts, options = selected.facts, selection.options
    is_review = selected.action.does == REVIEW.name
    runner = runner_of(
        selected.action, chosen.repository, is_from_fork=facts.is_from_fork
    )
    return PlanItem(
        id=id_,
        repository=chosen.repository,
        number=facts.number,
        kind=facts.kind,
        action=selected.action,
        worker=runner.worker,
        title=facts.title,
        priority=_or(selected.priority, options.priority),
        timeout_seconds=_or(selected.timeout_seconds, options.timeout_seconds),
        retries=_or(selected.retries, options.retries),
        head_sha=facts.head_sha,
        base_branch=facts.base_branch,
        beside=selected.beside,
        merge_way=MergeWay(
            method=selected.method or options.method,
            update=selected.update or options.update,
            update_method=selected.update_method or options.update_method,
            rerun_failed=options.rerun_failed,
        ),
        rules=selection.rules if is_review else (),
        permit=selected.permit,
        opened_by=opener if selected.is_of_its_pull else None,
        verdicts=selection.verdicts if is_review else (),
        withheld=runner.withheld,
        default_branch=chosen.default_branch,
        takes=chosen.takes,
        dispatchable=selected.dispatchable,
    )


def _withheld(items: Sequence[PlanItem], home: str) -> Iterator[str]:
    """Yield which commands are not run on what comes from forks."""
    for command in dict.fromkeys(item.withheld for item in items if item.withheld):
        own = [_reference(item) for item in items if item.withheld == command]
        shown = some([one.beside(home) for one in own[:8]], len(own))
        come, them = (
            ("comes from a fork", "it") if not own[1:] else ("come from forks", "them")
        )
        yield (
            f"{shown} {come}: the command {code_span(command)} is not run on {them}, for"
            " the operator of this server does not allow that."
        )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _dependencies(
    chosen: Sequence[_Chosen],
    ids: Sequence[ItemId],
    first: Mapping[Reference, ItemId],
    *,
    deps: Deps,
) -> dict[tuple[ItemId, Reference], Origin]:
    """Return every edge once, with the strongest of its origins."""
    heads = {
        (one.repository.name, one.item.facts.head_branch): _named(one)
        for one in chosen
        if one.item.facts.head_branch and not one.item.facts.is_from_fork
    }
    called = {one.repository.name.casefold(): one.repository.name for one in chosen}
    found: dict[tuple[ItemId, Reference], Origin] = {}

    def add(item: ItemId, references: Iterable[Reference], origin: Origin) -> None:
        for one in references:
            name = called.get(one.repository.casefold(), one.repository)
            reference = replace(one, repository=name)
            if first.get(reference) != item:
                key = (item, reference)
                found[key] = min(found.get(key, origin), origin, key=_RANK.index)

    for id_, one in zip(ids, chosen, strict=True):
        item, facts, repository = one.item, one.item.facts, one.repository.name
        add(id_, item.after, Origin.TYPED)
        is_alone = deps is Deps.TYPED or item.is_of_its_pull
        if is_alone or not builds_on_others(item.action):
            continue
        others = [(facts.blocked_by, Origin.NATIVE)]
        if (base := heads.get((repository, facts.base_branch))) is not None:
            others.append(((base,), Origin.STACK))
        if deps is Deps.ALL:
            said = dependencies_in(facts.body, repository, url=facts.url)
            others.append((said.references, Origin.TEXT))
        itself = _named(one)
        for references, origin in others:
            add(id_, [other for other in references if other != itself], origin)
    return found


def _named(chosen: _Chosen) -> Reference:
    return Reference(chosen.repository.name, chosen.number)
