"""The reply to ``plan``: waves, requests, time, budget, and a box that starts it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from bot.core.actions.table import expectation
from bot.core.durations import clock, spell_about
from bot.core.model import Expectations, ItemId, Origin, Plan, Reference
from bot.core.plan.graph import longest_chain, waves
from bot.core.run.estimate import makespan_seconds
from bot.core.run.progress import Progress
from bot.core.say.askers import began_by
from bot.core.say.deeds import deeds, deeds_by_name, is_mixed
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import order_of_work
from bot.core.say.places import Needs, where
from bot.core.say.sentences import origin_sentence
from bot.core.say.situation import Situation
from bot.core.say.start_times import had_passed, starts_by_itself
from bot.core.world.markdown import (
    alert,
    code_span,
    details,
    escape_line,
    fence,
    first_that_fits,
    join,
    paragraphs,
    plural,
    some,
)
from bot.core.world.markers import box

_MOST_WAVES = 40
_MOST_CHAIN = 8
_MOST_PLACED = 20


def render_plan(
    progress: Progress,
    situation: Situation,
    expectations: Expectations,
    *,
    marker: str,
) -> str:
    """Return what a batch would do: waves, requests, time, budget and the start box."""
    batch = progress.batch
    plan = batch.plan
    names = names_of(progress)
    parts = [
        f"### 🗒️ Plan to {deeds(plan.items)} — nothing has started",
        _differences(plan, names),
        began_by(batch, names.links),
        starts_by_itself(progress, situation.now)
        or had_passed(progress, situation.now),
        _total(progress, names, expectations),
        _waves(plan, names, expectations),
        paragraphs(
            _plan_budget(plan, situation, expectations),
            _commands(plan, names, situation.needs),
        ),
        alert("NOTE", plan.notes) if plan.notes else "",
        box("start", progress.batch.id, text=start_text(progress, situation.now))
        if progress.started_at is None
        else "",
    ]
    graph = order_of_work(plan, names, {})
    command = details("The command as understood", fence(batch.command))
    bodies = [
        [*parts, graph, command],
        [*parts, command],
        parts,
        [*parts[:7], parts[8]],
    ]
    return first_that_fits(f"{marker}\n{paragraphs(*body)}" for body in bodies)


def _total(progress: Progress, names: Names, expectations: Expectations) -> str:
    plan = progress.batch.plan
    slots = plan.options.concurrency
    every = [item.id for item in plan.items]
    seconds = makespan_seconds(progress, expectations, slots=slots)
    said = [
        f"**{spell_about(seconds)}** with {plural(slots, 'slot')}",
        f"**about {_requests(plan, every, expectations)}**",
        _chain(names, longest_chain(plan, expectations)),
    ]
    return f"**{plural(len(every), 'item')}:** {' · '.join(filter(None, said))}"


def _waves(plan: Plan, names: Names, expectations: Expectations) -> str:
    """Return a line per wave; a table of them is wider than a phone."""
    slots = plan.options.concurrency
    levels = waves(plan)
    rows = [
        f"- **Wave {place}:** {_wave_items(plan, names, wave)}"
        f" · {_why_here(plan, names, wave)}"
        f" · about {_requests(plan, wave, expectations)}"
        f", {spell_about(_wave_seconds(plan, wave, expectations, slots))}"
        for place, wave in enumerate(levels[:_MOST_WAVES], start=1)
    ]
    if len(levels) > _MOST_WAVES:
        rows.append(f"- … and {plural(len(levels) - _MOST_WAVES, 'more wave')}")
    return "\n".join(rows)


def _chain(names: Names, path: Sequence[ItemId]) -> str:
    if len(path) < 2:
        return ""
    shown = [names.plain(item) for item in path]
    if len(shown) > _MOST_CHAIN:
        shown = [*shown[: _MOST_CHAIN - 1], "…", shown[-1]]
    return f"longest chain: {' → '.join(shown)}"


def _wave_items(plan: Plan, names: Names, wave: Sequence[ItemId]) -> str:
    before: dict[ItemId, list[str]] = {}
    for edge in plan.edges:
        before.setdefault(edge.successor, []).append(names.plain(edge.predecessor))
    for outer in plan.outside:
        name = _outer(names, outer.predecessor)
        before.setdefault(outer.successor, []).append(name)
    cells = []
    for item in wave:
        others = before.get(item, [])
        after = f" (after {some(others[:2], len(others))})" if others else ""
        cells.append(f"{names.plain(item)}{after}")
    return (", " if before.keys() & set(wave) else " ").join(cells)


def _why_here(plan: Plan, names: Names, wave: Sequence[ItemId]) -> str:
    items = set(wave)
    edges = [edge for edge in plan.edges if edge.successor in items]
    outside = [edge for edge in plan.outside if edge.successor in items]
    if not edges and not outside:
        return "no dependencies"
    first: dict[Origin, str] = {}
    for edge in edges:
        first.setdefault(edge.origin, names.plain(edge.predecessor))
    reasons = [origin_sentence(origin, name) for origin, name in first.items()]
    outer: dict[Origin, str] = {}
    for one in outside:
        outer.setdefault(one.origin, _outer(names, one.predecessor))
    reasons += [
        f"{origin_sentence(origin, name)}, outside this batch"
        for origin, name in outer.items()
    ]
    return "; ".join(reasons)


def _outer(names: Names, reference: Reference) -> str:
    """Return the name of an item outside the batch, to be read and not to be clicked."""
    is_home = reference.repository == names.links.repository
    return f"#{reference.number}" if is_home else escape_line(str(reference), 60)


def _requests(plan: Plan, items: Sequence[ItemId], expectations: Expectations) -> str:
    wanted = set(items)
    needed = sum(
        expectation(expectations, item).requests
        for item in plan.items
        if item.id in wanted
    )
    return plural(round(needed), "request")


def _wave_seconds(
    plan: Plan, wave: Sequence[ItemId], expectations: Expectations, slots: int
) -> float:
    wanted = set(wave)
    times = [
        expectation(expectations, item).seconds
        for item in plan.items
        if item.id in wanted
    ]
    return max(sum(times) / slots, *times)


def _plan_budget(plan: Plan, situation: Situation, expectations: Expectations) -> str:
    budget = situation.budget
    if budget is None:
        return "**Budget:** not known yet; GitHub tells it with the first request."
    until = clock(budget.reset_at, situation.now) if budget.reset_at else ""
    text = (
        f"**Budget:** {budget.remaining:,} of {budget.limit:,} requests are left"
        f"{f' until {until}' if until else ''}, {budget.reserve:,} of them kept back."
    )
    usable = budget.remaining - budget.reserve
    waiting = 0
    for item in plan.items:
        usable -= round(expectation(expectations, item).requests)
        waiting += usable < 0
    if not waiting:
        return f"{text} The plan fits."
    when = f" until {until}" if until else " for more"
    verb = "waits" if waiting == 1 else "wait"
    return f"{text} **{plural(waiting, 'item')}** then {verb}{when}."


def _commands(plan: Plan, names: Names, needs: Needs | None) -> str:
    """Return which of the operator's commands the plan runs and, if that is not known
    to everybody, where.
    """
    runs = [item for item in plan.items if item.worker]
    if needs is None:
        counts = Counter(item.action.runs for item in runs)
        shown = [
            f"{code_span(name)} for {plural(count, 'item')}"
            for name, count in counts.items()
        ]
        return f"**Commands** that run: {join(shown)}." if shown else ""
    places: dict[str, list[str]] = {}
    for item in runs:
        place = f"{code_span(item.action.runs)} {where(item, needs)}"
        places.setdefault(place, []).append(names.plain(item.id))
    shown = [
        f"{place}, for {some(items[:_MOST_PLACED], len(items))}"
        for place, items in places.items()
    ]
    return f"**Commands** that run: {'; '.join(shown)}." if shown else ""


def _differences(plan: Plan, names: Names) -> str:
    """Return what is done to which items, if that is not the same for all."""
    if not is_mixed(plan.items):
        return ""
    return f"**Read as:** {deeds_by_name(plan.items, names)}"


def start_text(progress: Progress, now: datetime) -> str:
    """Return what starting a plan does, for its box."""
    name = progress.batch.id
    valid = ""
    at = progress.starts_at
    if progress.expires_at is not None and (at is None or at <= now):
        valid = f"; the plan stays valid until {clock(progress.expires_at, now)}"
    reply = code_span(f"/batch start {name}")
    what = deeds(progress.batch.plan.items)
    when = " now" if starts_by_itself(progress, now) else ""
    return f"**Start{when}: {what}** (or reply {reply}{valid})"
