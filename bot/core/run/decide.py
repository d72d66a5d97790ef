"""What starts next: whoever waits longest first, nothing past what is free."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core import events as e
from bot.core.model import InstallationId
from bot.core.run.capacity import MEMORY_LINE, Capacity
from bot.core.run.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Started:
    """A decision: the item begins its next attempt now."""

    schedule: Schedule
    event: e.ItemStarted


def decide(
    schedules: Sequence[Schedule], capacity: Capacity, *, now: datetime, turn: int
) -> list[Started]:
    """Return, applied, the starts that the capacity allows.

    Installations take turns, and so do the batches of one: whoever was served longest
    ago comes first, so that a batch of 150 does not hold up one of 2. *turn* is larger
    than in any earlier call.
    """
    started: list[Started] = []
    for schedule in schedules:
        schedule.wake(now)
    if capacity.is_stopping or capacity.memory_used > MEMORY_LINE:
        return started
    workspaces = capacity.workspaces_free
    left = capacity.copy()
    queues: dict[InstallationId, list[Schedule]] = {}
    served: dict[InstallationId, int] = {}
    slots: dict[InstallationId, int] = {}
    requests: dict[InstallationId, float] = {}
    for schedule in schedules:
        installation_id = schedule.installation_id
        queues.setdefault(installation_id, []).append(schedule)
        served[installation_id] = max(served.get(installation_id, 0), schedule.served)
    for installation_id in queues:
        free = capacity.installations[installation_id]
        slots[installation_id] = 0 if free.outage else free.slots_free
        requests[installation_id] = free.requests_fit
    waiting = [(served[key], place, key) for place, key in enumerate(queues)]
    heapq.heapify(waiting)
    while waiting:
        _, place, installation_id = waiting[0]
        queue = queues[installation_id]
        if slots[installation_id] <= 0 or not queue:
            heapq.heappop(waiting)
            continue
        schedule = min(queue, key=lambda s: s.served)
        item = schedule.first_ready(
            with_workspace=workspaces > 0,
            git_away=capacity.git_away,
            has_machine=left.has_machine,
        )
        if item is None:
            queue.remove(schedule)
            continue
        planned = schedule.planned(item)
        cost = schedule.cost_requests(item, capacity.installations[installation_id])
        # Nothing overtakes an item we cannot afford yet: letting the cheap ones pass
        # would keep the budget low and starve it.
        if cost > requests[installation_id]:
            heapq.heappop(waiting)
            continue
        turn += 1
        schedule.served = turn
        heapq.heapreplace(waiting, (turn, place, installation_id))
        slots[installation_id] -= 1
        requests[installation_id] -= cost
        workspaces -= schedule.needs_workspace.get(planned.worker, False)
        left.take_machine(planned.worker, planned.action.runs)
        started.append(Started(schedule, schedule.start(item, now)))
    return started
