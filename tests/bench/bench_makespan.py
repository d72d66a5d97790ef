"""How close the shipped scheduling comes to the shortest possible end of a batch.

Run ``python -m tests.bench.bench_makespan``. Generated batches are driven on a
virtual clock through the same ``decide`` and events as in production. The bound is
max(longest chain of work, all work / slots); no schedule can end before it, and often
none can meet it either.
"""

import heapq
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import mean, quantiles

from bot.core import events as e
from bot.core.actions.table import estimate_key
from bot.core.model import (
    Expectation,
    Expectations,
    InstallationId,
    ItemId,
    Options,
    Outcome,
    OutcomeKind,
)
from bot.core.plan.graph import chain_seconds
from bot.core.run.capacity import Capacity, InstallationCapacity
from bot.core.run.decide import decide
from bot.core.run.schedule import Schedule
from tests.bench.figures import Figure, report
from tests.plans import NOON, batch, plan

GRAPHS = 300
DONE = Outcome(OutcomeKind.COMPLETED)


@dataclass(frozen=True, slots=True)
class Case:
    """A batch, what each of its items really takes, and its slots."""

    waits: Mapping[int, list[int]]
    seconds: Mapping[int, float]
    slots: int


def generate(seed: int) -> Case:
    """Return a batch as maintainers make them: some chains, some fans, many loose
    items. Times are spread as those of real work are: log-normal, half of them between
    3 and 8 minutes, none above the time-out of 30.
    """
    rng = random.Random(seed)  # noqa: S311  # a graph, no secret
    count = rng.randint(10, 300)
    density = rng.choice([0.0, 0.3, 0.8, 1.5])
    waits: dict[int, list[int]] = {}
    for number in range(1, count + 1):
        near = range(max(1, number - 12), number)
        wanted = min(len(near), math.floor(rng.expovariate(1) * density))
        waits[number] = sorted(rng.sample(near, wanted))
    seconds = {n: min(1800.0, rng.lognormvariate(math.log(310), 0.7)) for n in waits}
    return Case(waits, seconds, rng.choice([2, 3, 4, 6]))


def drive(case: Case, *, is_known: bool) -> tuple[float, float]:
    """Return the makespan of the shipped policy and its lower bound, in seconds."""
    work = plan(
        case.waits,
        actions={n: f"action-{n}" for n in case.waits},
        options=Options(concurrency=case.slots),
    )
    times: Expectations = {
        estimate_key(item): Expectation(case.seconds[int(item.id)], 1)
        for item in work.items
    }
    schedule = Schedule(batch(work), times if is_known else {}, {"scripted": True})
    schedule.apply(e.BatchStarted(NOON, "ada"))
    now, turn = 0.0, 0
    ends: list[tuple[float, ItemId]] = []
    while schedule.state.is_live:
        at = NOON + timedelta(seconds=now)
        free = InstallationCapacity(case.slots - len(ends), case.slots, 10**9)
        capacity = Capacity({InstallationId(7): free}, 10**9, 10**9)
        for start in decide([schedule], capacity, now=at, turn=turn):
            turn += 1
            item = start.event.item
            heapq.heappush(ends, (now + case.seconds[int(item)], item))
        now, item = heapq.heappop(ends)
        at = NOON + timedelta(seconds=now)
        schedule.apply(e.ItemEnded(at, item, 1, DONE))
        schedule.follow_up(at)
    longest = max(chain_seconds(work, times))
    return now, max(longest, sum(case.seconds.values()) / case.slots)


def ratios(*, is_known: bool, graphs: int = GRAPHS) -> list[float]:
    """Return makespan / lower bound for each generated batch."""
    found = []
    for seed in range(graphs):
        makespan, bound = drive(generate(seed), is_known=is_known)
        found.append(makespan / bound)
    return found


def main() -> None:
    """Measure and print."""
    for is_known, name in ((True, "known times"), (False, "no times")):
        found = ratios(is_known=is_known)
        note = f"95 % below {quantiles(found, n=20)[-1]:.3f}, worst {max(found):.3f}"
        what = f"makespan of {len(found)} batches, {name}"
        report([Figure(what, mean(found), "its lower bound", "lower", note)])


if __name__ == "__main__":
    main()
