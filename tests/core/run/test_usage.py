"""What items took, told by hand: how often, how long, and what they waited for."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.core import events as e
from bot.core.model import (
    InstallationId,
    ItemNumber,
    ItemState,
    Origin,
    Outcome,
    OutcomeKind,
    OutsideEdge,
    Plan,
    PlanChange,
    Reference,
    Repository,
)
from bot.core.run.usage import ItemUsage, StatsDay, Wait, item_usages, without_gaps
from tests.growth import assert_linear
from tests.plans import NOON, batch, item, plan

DONE = Outcome(OutcomeKind.COMPLETED)
BROKEN = Outcome(OutcomeKind.FAILED)
HICCUP = Outcome(OutcomeKind.TRANSIENT)
API = Repository(9, "acme/api", InstallationId(7))
ELSEWHERE = Reference("acme/api", ItemNumber(3))
BEGAN = e.BatchStarted(NOON, "ada")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def ran(
    number: int, begin: float, end: float, outcome: Outcome = DONE, *, attempt: int = 1
) -> list[e.Event]:
    return [
        e.ItemStarted(at(begin), item(number), attempt),
        e.ItemEnded(at(end), item(number), attempt, outcome, requests=10),
    ]


def told(of: Plan, *events: e.Event) -> dict[str, ItemUsage]:
    """Return what the items of a plan took, in its order by their numbers."""
    made = batch(of)
    numbers = [one.id for one in made.plan.items]
    found = list(item_usages(made, [BEGAN, *events]))
    return dict(zip(numbers, found, strict=False))


def waits(usage: ItemUsage) -> dict[Wait, float]:
    """Return the minutes of each wait that was one."""
    return {
        wait: spent / timedelta(minutes=1)
        for wait, spent in usage.waits.items()
        if spent
    }


def test_what_is_pending_waits_for_others_first_and_then_for_a_slot():
    found = told(plan({12: (), 15: (12,)}), *ran(12, 2, 10), *ran(15, 13, 14))
    assert waits(found["12"]) == {Wait.SLOT: 2}
    assert waits(found["15"]) == {Wait.ITEMS: 10, Wait.SLOT: 3}
    assert found["15"].worked == timedelta(minutes=1)


def test_a_pause_counts_before_missing_requests_and_both_before_a_slot():
    """Slot to 1, requests to 3, paused to 6 though requests lack too, requests to 8."""
    found = told(
        plan({12: ()}),
        e.BudgetWaitStarted(at(1), at(60)),
        e.BatchPaused(at(3), "ada"),
        e.BatchResumed(at(6), "ada"),
        e.BudgetWaitEnded(at(8)),
        *ran(12, 9, 10),
    )
    assert waits(found["12"]) == {Wait.SLOT: 2, Wait.REQUESTS: 4, Wait.PAUSED: 3}


def test_a_retry_waits_for_its_time_and_its_tries_add_up():
    found = told(
        plan({12: ()}),
        e.ItemStarted(at(0), item(12), 1),
        e.ItemRetrying(at(4), item(12), 1, HICCUP, at(6), requests=5),
        *ran(12, 7, 10, attempt=2),
    )
    one = found["12"]
    assert waits(one) == {Wait.RETRY: 2, Wait.SLOT: 1}
    assert (one.worked, one.retries, one.requests) == (timedelta(minutes=7), 1, 15)


def test_what_is_parked_waits_outside_and_does_no_work():
    parked: list[e.Event] = [
        e.ItemStarted(at(0), item(12), 1),
        e.ItemParked(at(1), item(12), 1, "the checks"),
    ]
    back = [e.ItemUnparked(at(9), item(12), 1), *ran(12, 0, 10)[1:]]
    found = told(plan({12: ()}), *parked, *back)["12"]
    assert (waits(found), found.worked) == ({Wait.OUTSIDE: 8}, timedelta(minutes=2))
    stopped = told(plan({12: ()}), *parked, e.ItemCancelled(at(9), item(12), "ada"))
    assert waits(stopped["12"]) == {Wait.OUTSIDE: 8}
    assert stopped["12"].worked == timedelta(minutes=1)


def test_what_waits_for_one_thing_and_then_for_another_waits_all_the_time():
    """It is parked at 1, for something else at 5, for its turn at 7, and ends at 10."""
    found = told(
        plan({12: ()}),
        e.ItemStarted(at(0), item(12), 1),
        e.ItemParked(at(1), item(12), 1, "the check ci"),
        e.ItemParked(at(5), item(12), 1, "a review"),
        e.ItemParked(at(7), item(12), 1, "its turn", is_in_line=True),
        e.ItemUnparked(at(9), item(12), 1),
        *ran(12, 0, 10)[1:],
    )["12"]
    assert waits(found) == {Wait.OUTSIDE: 6, Wait.SLOT: 2}
    assert found.worked == timedelta(minutes=2)


def test_what_ends_unstarted_waited_for_what_still_kept_it():
    outside = (OutsideEdge(item(15), ELSEWHERE, Origin.TYPED),)
    kept = plan({12: (), 15: ()}, outside=outside)
    found = told(
        kept,
        e.ItemCancelled(at(5), item(12), "ada"),
        e.ItemCancelled(at(5), item(15), "ada"),
    )
    assert waits(found["12"]) == {Wait.SLOT: 5}
    assert waits(found["15"]) == {Wait.ITEMS: 5}
    assert found["15"].worked is None
    settled = e.OutsideSettled(at(3), ELSEWHERE, is_satisfied=True)
    found = told(kept, *ran(12, 0, 1), settled, *ran(15, 4, 5))
    assert waits(found["15"]) == {Wait.ITEMS: 3, Wait.SLOT: 1}


def test_a_restart_ends_an_attempt_of_which_nobody_knows_how_long_it_lived():
    found = told(
        plan({12: ()}),
        e.ItemStarted(at(0), item(12), 1),
        e.ItemReset(at(600), item(12), ""),
        *ran(12, 601, 603, attempt=2),
    )
    assert found["12"].worked == timedelta(minutes=2)
    assert waits(found["12"]) == {Wait.SLOT: 1}


def test_an_item_that_was_added_waits_since_then():
    added = plan({12: (), 15: (12,)})
    change = PlanChange(items=added.items[1:], edges=added.edges)
    made = batch(plan({12: ()}))
    change = replace(
        change,
        items=tuple(replace(x, repository=made.repository) for x in change.items),
    )
    events = [BEGAN, e.BatchEdited(at(20), "ada", change), *ran(12, 21, 30)]
    _, late = item_usages(made, [*events, *ran(15, 31, 32)])
    assert waits(late) == {Wait.ITEMS: 10, Wait.SLOT: 1}


def test_what_has_not_ended_counts_nowhere():
    began = e.ItemStarted(at(0), item(12), 1)
    assert told(plan({12: (), 15: ()}), began) == {}


def test_what_was_put_back_counts_again_from_its_last_end():
    found = told(
        plan({12: (), 15: (12,)}),
        *ran(12, 0, 2, BROKEN),
        e.ItemSkipped(at(2), item(15)),
        e.ItemReset(at(10), item(12), "ada"),
        e.ItemReset(at(10), item(15), "ada"),
        *ran(12, 11, 14, attempt=2),
        *ran(15, 16, 17),
    )
    once, behind = found["12"], found["15"]
    assert (once.state, once.ended_at) == (ItemState.COMPLETED, at(14))
    assert (once.worked, once.requests) == (timedelta(minutes=5), 20)
    assert waits(once) == {Wait.SLOT: 1}
    assert waits(behind) == {Wait.ITEMS: 2 + 4, Wait.SLOT: 2}


def test_what_was_settled_before_its_repository_was_renamed_is_known_afterwards():
    renamed = replace(API, name="acme/gateway")
    outside = (OutsideEdge(item(15), ELSEWHERE, Origin.TYPED),)
    of = plan({12: (), 15: ()}, outside=outside)
    of = replace(of, items=(replace(of.items[0], repository=API), of.items[1]))
    found = told(
        of,
        e.OutsideSettled(at(3), ELSEWHERE, is_satisfied=True),
        e.RepositoryMoved(at(4), renamed),
        *ran(15, 5, 6),
        *ran(12, 5, 6),
    )
    assert waits(found["15"]) == {Wait.ITEMS: 3, Wait.SLOT: 2}
    assert found["12"].repository == renamed


def test_long_waits_of_many_items_are_no_loop_in_a_loop():
    def count(size: int) -> None:
        flapping = [
            event(at(n + half), *more)
            for n in range(size)
            for half, event, more in (
                (0.0, e.BudgetWaitStarted, (at(size),)),
                (0.5, e.BudgetWaitEnded, ()),
            )
        ]
        ends = [event for n in range(1, size + 1) for event in ran(n, size, size + 1)]
        [first, *_] = told(
            plan(dict.fromkeys(range(1, size + 1), ())), *flapping, *ends
        ).values()
        assert waits(first) == {Wait.REQUESTS: size / 2, Wait.SLOT: size / 2}

    assert_linear(count, 1600)


def test_days_without_an_end_are_days_as_well():
    first, last = (StatsDay(date(2026, 3, n), completed=1) for n in (2, 4))
    assert without_gaps([first, last]) == (first, StatsDay(date(2026, 3, 3)), last)
    assert without_gaps([]) == ()
