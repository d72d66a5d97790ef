"""The dependency graph of a batch: built from a selection, checked, and measured."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from bot.core.command.faults import CycleFound
from bot.core.model import (
    Action,
    Batch,
    Deps,
    Edge,
    Expectation,
    Expectations,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Options,
    Origin,
    OutsideEdge,
    Plan,
    PlanItem,
    Reference,
    Repository,
)
from bot.core.plan.selection import SelectedItem, Selection
from bot.core.plan.texts import dependencies_in

DEFAULT_EXPECTATION = Expectation(seconds=300, requests=8)
STATIC_EXPECTATIONS: Expectations = {
    "implement": Expectation(seconds=420, requests=4),
    "review": Expectation(seconds=120, requests=6),
    "merge": Expectation(seconds=180, requests=10),
    "update": Expectation(seconds=60, requests=4),
    "label": Expectation(seconds=2, requests=1),
    "assign": Expectation(seconds=2, requests=2),
    "close": Expectation(seconds=2, requests=2),
    "reopen": Expectation(seconds=2, requests=2),
    "comment": Expectation(seconds=2, requests=1),
    "dispatch": Expectation(seconds=300, requests=6),
}
"""What an action takes until the bot has seen some itself."""

WORKING_ACTIONS = frozenset({"implement", "merge", "update", "dispatch"})
"""Actions that build on the state of what an item depends on.

Only these take dependencies that nobody typed: a label need not wait for a blocker.
"""

_RANK = (Origin.TYPED, Origin.NATIVE, Origin.TEXT, Origin.STACK)


def expectation(expectations: Expectations, action: str) -> Expectation:
    """Return what *action* usually takes: learned, else static, else a default."""
    known = expectations.get(action) or STATIC_EXPECTATIONS.get(action)
    return known or DEFAULT_EXPECTATION


def build_plan(
    selection: Selection,
    *,
    repository: str,
    runner_of: Callable[[Action, ItemKind], str],
) -> Plan | CycleFound:
    """Return the plan of a selection, or the first cycle found in it."""
    numbers = {item.facts.number for item in selection.items}
    waits = _dependencies(selection, repository=repository)
    edges = tuple(
        Edge(successor, predecessor.number, origin)
        for (successor, predecessor), origin in waits.items()
        if predecessor.repository == repository and predecessor.number in numbers
    )
    outside = tuple(
        OutsideEdge(successor, predecessor, origin)
        for (successor, predecessor), origin in waits.items()
        if predecessor.repository != repository or predecessor.number not in numbers
    )
    cycle = find_cycle([item.facts.number for item in selection.items], edges)
    if cycle is not None:
        return cycle
    options = selection.options
    items = tuple(_plan_item(item, options, runner_of) for item in selection.items)
    return Plan(items, edges, outside, options, selection.notes)


def settle_outside(
    plan: Plan, facts: Mapping[Reference, ItemFacts]
) -> tuple[Plan, Mapping[Reference, bool]]:
    """Return the plan without the outside predecessors that are done already, and the
    outside ones that have ended in a way that will never satisfy anyone (as False).
    """
    kept = tuple(
        edge
        for edge in plan.outside
        if (known := facts.get(edge.predecessor)) is None or not known.is_satisfied
    )
    lost = {
        edge.predecessor: False
        for edge in kept
        if (known := facts.get(edge.predecessor)) is not None and not known.is_open
    }
    return replace(plan, outside=kept), lost


def moved(batch: Batch, repository: Repository) -> Batch:
    """Return *batch* as it is once its repository has another name or installation."""
    old = batch.repository.name
    outside = tuple(
        replace(edge, predecessor=renamed(edge.predecessor, old, repository.name))
        for edge in batch.plan.outside
    )
    plan = replace(batch.plan, outside=outside)
    return replace(batch, repository=repository, plan=plan)


def renamed(reference: Reference, old: str, new: str) -> Reference:
    """Return *reference* after the repository *old* was renamed to *new*."""
    is_there = reference.repository == old
    return replace(reference, repository=new) if is_there else reference


def find_cycle(
    numbers: Sequence[ItemNumber], edges: Sequence[Edge]
) -> CycleFound | None:
    """Return one cycle among the items, or None if there is an order for all."""
    left = set(numbers) - set(topological_order(numbers, edges))
    if not left:
        return None
    # Whoever could not be ordered waits, at some distance, for a cycle: walking back
    # along predecessors that could not be ordered either must come round.
    behind = {e.successor: e for e in edges if {e.successor, e.predecessor} <= left}
    trail = [next(number for number in numbers if number in left)]
    while (before := behind[trail[-1]].predecessor) not in trail:
        trail.append(before)
    loop = trail[trail.index(before) :]
    first = min(range(len(loop)), key=lambda place: numbers.index(loop[place]))
    loop = [*loop[first::-1], *loop[:first:-1]]  # predecessors first
    path = (*loop, loop[0])
    return CycleFound(path, tuple(behind[number] for number in path[1:]))


def topological_order(
    numbers: Iterable[ItemNumber], edges: Iterable[Edge]
) -> tuple[ItemNumber, ...]:
    """Return the items with each after its predecessors, else in the order given.

    Items on a cycle, and all behind them, are left out (Kahn 1962).
    """
    unmet = dict.fromkeys(numbers, 0)
    successors: dict[ItemNumber, list[ItemNumber]] = {}
    for edge in edges:
        unmet[edge.successor] += 1
        successors.setdefault(edge.predecessor, []).append(edge.successor)
    queue = deque(number for number, count in unmet.items() if not count)
    order = []
    while queue:
        number = queue.popleft()
        order.append(number)
        for successor in successors.get(number, ()):
            unmet[successor] -= 1
            if not unmet[successor]:
                queue.append(successor)
    return tuple(order)


def waves(plan: Plan) -> tuple[tuple[ItemNumber, ...], ...]:
    """Return the items by depth: wave *n* has those whose longest chain of
    predecessors has *n* - 1 items. For people to read; the scheduler has no levels.
    """
    depth: dict[ItemNumber, int] = {}
    before = predecessors(plan)
    for number in topological_order((i.number for i in plan.items), plan.edges):
        depth[number] = 1 + max((depth[p] for p in before[number]), default=0)
    return tuple(
        tuple(item.number for item in plan.items if depth[item.number] == level)
        for level in range(1, max(depth.values(), default=0) + 1)
    )


def predecessors(plan: Plan) -> Mapping[ItemNumber, tuple[ItemNumber, ...]]:
    """Return, per item, the items of the plan that it waits for."""
    before: dict[ItemNumber, list[ItemNumber]] = {i.number: [] for i in plan.items}
    for edge in plan.edges:
        before[edge.successor].append(edge.predecessor)
    return {number: tuple(items) for number, items in before.items()}


def chain_seconds(plan: Plan, expectations: Expectations) -> list[float]:
    """Return, per item in the plan's order, the longest chain of work from its start to
    the end of the plan, in seconds.

    The largest is a lower bound on the makespan. Starting long tails first is list
    scheduling: on *m* slots, while nothing else is scarce, it stays within 2 - 1/m of
    the shortest makespan (Graham 1969).
    """
    index = {item.number: place for place, item in enumerate(plan.items)}
    successors: list[list[int]] = [[] for _ in plan.items]
    for edge in plan.edges:
        successors[index[edge.predecessor]].append(index[edge.successor])
    chains = [expectation(expectations, i.action.name).seconds for i in plan.items]
    for number in reversed(topological_order(index, plan.edges)):
        place = index[number]
        chains[place] += max((chains[s] for s in successors[place]), default=0.0)
    return chains


def longest_chain(plan: Plan, expectations: Expectations) -> tuple[ItemNumber, ...]:
    """Return the items of the critical path, first to last."""
    if not plan.items:
        return ()
    chains = dict(
        zip(
            (i.number for i in plan.items),
            chain_seconds(plan, expectations),
            strict=True,
        )
    )
    successors: dict[ItemNumber, list[ItemNumber]] = {}
    for edge in plan.edges:
        successors.setdefault(edge.predecessor, []).append(edge.successor)
    path = [max(chains, key=lambda number: chains[number])]
    while behind := successors.get(path[-1]):
        path.append(max(behind, key=lambda number: chains[number]))
    return tuple(path)


def _plan_item(
    selected: SelectedItem,
    options: Options,
    runner_of: Callable[[Action, ItemKind], str],
) -> PlanItem:
    facts = selected.facts
    return PlanItem(
        number=facts.number,
        kind=facts.kind,
        action=selected.action,
        runner=runner_of(selected.action, facts.kind),
        title=facts.title,
        priority=_or(selected.priority, options.priority),
        timeout_seconds=_or(selected.timeout_seconds, options.timeout_seconds),
        retries=_or(selected.retries, options.retries),
        head_sha=facts.head_sha,
        base_branch=facts.base_branch,
    )


def _works(action: Action) -> bool:
    return bool(action.command) or (action.uses or action.name) in WORKING_ACTIONS


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _dependencies(
    selection: Selection, *, repository: str
) -> dict[tuple[ItemNumber, Reference], Origin]:
    """Return every edge once, with the strongest of its origins."""
    deps = selection.options.deps
    heads = {
        item.facts.head_branch: item.facts.number
        for item in selection.items
        if item.facts.head_branch and not item.facts.is_from_fork
    }
    found: dict[tuple[ItemNumber, Reference], Origin] = {}

    def add(
        item: SelectedItem, references: Iterable[Reference], origin: Origin
    ) -> None:
        itself = Reference(repository, item.facts.number)
        for reference in references:
            if reference != itself:
                key = (item.facts.number, reference)
                found[key] = min(found.get(key, origin), origin, key=_RANK.index)

    for item in selection.items:
        add(item, item.after, Origin.TYPED)
        if deps is Deps.TYPED or not _works(item.action):
            continue
        add(item, item.facts.blocked_by, Origin.NATIVE)
        if (base := heads.get(item.facts.base_branch)) is not None:
            add(item, [Reference(repository, base)], Origin.STACK)
        if deps is Deps.ALL:
            text = dependencies_in(item.facts.body, repository)
            add(item, text, Origin.TEXT)
    return found
