from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import events as e
from bot.core.model import (
    Action,
    BatchState,
    Expectation,
    InstallationId,
    ItemId,
    ItemNumber,
    ItemState,
    OnFailure,
    Options,
    Origin,
    Outcome,
    OutcomeKind,
    OutsideEdge,
    Reference,
    Repository,
)
from bot.core.run import control
from bot.core.run import reasons as why
from bot.core.run.capacity import Capacity, InstallationCapacity, Outage, Room
from bot.core.run.decide import decide
from bot.core.run.progress import fold
from bot.core.run.reasons import reasons
from bot.core.run.schedule import Schedule
from tests.plans import NOON, batch, graphs, item, plan

DONE = Outcome(OutcomeKind.COMPLETED)
FAILED = Outcome(OutcomeKind.FAILED, reason="tests failed")


def free(
    slots=3, *, workspaces=5, requests=1000, memory=0.1, installations=(7,)
) -> Capacity:
    until = NOON + timedelta(minutes=20)
    each = InstallationCapacity(slots, 3, requests, budget_until=until)
    return Capacity(
        {InstallationId(i): each for i in installations}, workspaces, 5, memory
    )


def schedule_of(waits, *, workspace=True, name="b7k2", installation=7, **kwargs):
    made = Schedule(
        batch(plan(waits, **kwargs), name=name, installation=installation),
        {},
        {"scripted": workspace},
    )
    made.apply(e.BatchStarted(NOON, "ada"))
    return made


def starts(schedules, capacity, turn=0, now=NOON):
    return [int(s.event.item) for s in decide(schedules, capacity, now=now, turn=turn)]


def end(schedule, number, outcome=DONE):
    event = e.ItemEnded(NOON, item(number), schedule.attempt_of(item(number)), outcome)
    schedule.apply(event)
    return [event, *schedule.follow_up(NOON)]


def states(schedule):
    return {
        int(one.number): str(schedule.state_of(one.id))
        for one in schedule.batch.plan.items
    }


def test_the_reference_command_starts_two_and_holds_the_third():
    schedule = schedule_of({12: [], 15: [], 18: [12]})
    assert starts([schedule], free()) == [12, 15]
    end(schedule, 15)
    assert starts([schedule], free()) == []
    end(schedule, 12)
    assert starts([schedule], free()) == [18]


def test_a_failure_skips_everything_behind_it():
    schedule = schedule_of({12: [], 15: [12], 18: [15], 20: []})
    starts([schedule], free())
    end(schedule, 12, FAILED)
    assert states(schedule) == {
        12: "failed",
        15: "skipped",
        18: "skipped",
        20: "running",
    }


def test_the_longest_chain_starts_first():
    schedule = schedule_of({1: [], 2: [], 3: [2], 4: [3]})
    assert starts([schedule], free(slots=1)) == [2]


def test_priority_comes_before_the_longest_chain():
    schedule = schedule_of({1: [], 2: [], 3: [2]}, priorities={1: 90})
    assert starts([schedule], free(slots=1)) == [1]


def test_a_batch_stays_within_its_own_concurrency():
    schedule = schedule_of({n: [] for n in range(9)}, options=Options(concurrency=2))
    assert starts([schedule], free(slots=9, workspaces=9)) == [0, 1]


def test_two_batches_take_turns():
    large = schedule_of({n: [] for n in range(100, 150)}, name="a1a1")
    small = schedule_of({1: [], 2: []}, name="b1b1")
    assert starts([large, small], free(slots=3)) == [100, 1, 101]
    for number in (100, 1, 101):
        end(large if number >= 100 else small, number)
    # The small batch was served longest ago.
    assert starts([large, small], free(slots=1), turn=3) == [2]


def test_one_installation_does_not_take_all_workspaces():
    one = schedule_of({n: [] for n in range(10)}, name="a1a1", installation=1)
    two = schedule_of({n: [] for n in range(10)}, name="b1b1", installation=2)
    started = decide(
        [one, two],
        free(slots=3, workspaces=4, installations=(1, 2)),
        now=NOON,
        turn=0,
    )
    assert Counter(s.schedule.batch.id for s in started) == {"a1a1": 2, "b1b1": 2}


def test_nothing_overtakes_an_item_that_lacks_budget():
    schedule = schedule_of(
        {1: [], 2: []},
        actions={1: "merge", 2: "label"},
        priorities={1: 90},
        workspace=False,
    )
    assert starts([schedule], free(requests=5)) == []
    found = reasons(schedule, free(requests=5), now=NOON)
    assert found[item(1)] == why.WaitsForBudget(NOON + timedelta(minutes=20))


def test_nothing_starts_above_the_memory_line():
    schedule = schedule_of({1: []})
    assert starts([schedule], free(memory=0.81)) == []
    found = reasons(schedule, free(memory=0.81), now=NOON)
    assert found == {item(1): why.LowMemory(0.81)}
    assert starts([schedule], free(memory=0.79)) == [1]


def test_nothing_starts_while_github_cannot_be_worked_with():
    here = schedule_of({1: [], 2: []}, name="a1a1", installation=7)
    there = schedule_of({3: []}, name="b1b1", installation=8)
    outage = Outage(NOON, is_refusal=True)
    usual = free(installations=(7, 8))
    refused = replace(usual.installations[InstallationId(7)], outage=outage)
    installations = {**usual.installations, InstallationId(7): refused}
    capacity = replace(usual, installations=installations)
    assert starts([here, there], capacity) == [3]
    waits = why.WaitsForGitHub(outage)
    assert reasons(here, capacity, now=NOON) == {item(1): waits, item(2): waits}
    assert starts([here, there], usual) == [1, 2]


def test_an_item_without_a_workspace_does_not_wait_for_one():
    heavy = schedule_of({1: []}, name="a1a1")
    light = schedule_of({2: []}, name="b1b1", workspace=False)
    assert starts([heavy, light], free(workspaces=0)) == [2]
    found = reasons(heavy, free(workspaces=0), now=NOON)
    assert found == {item(1): why.NoFreeSlot(5, 5, whose="host")}


def test_an_item_starts_when_a_machine_of_the_pool_has_room():
    """What only some machines have is kept for what needs it; none takes a workspace."""
    schedule = schedule_of(
        {1: [], 2: [], 3: [], 4: []}, workspace=False, options=Options(concurrency=9)
    )
    train = Action("train", uses="implement", command="train")
    items = [
        replace(one, action=train) if one.number in (2, 3) else one
        for one in schedule.batch.plan.items
    ]
    schedule = Schedule(
        replace(schedule.batch, plan=replace(schedule.batch.plan, items=tuple(items))),
        {},
        {"scripted": False},
    )
    schedule.apply(e.BatchStarted(NOON, "ada"))
    machines = [{"slots": 1.0, "gpu": 1.0}, {"slots": 1.0}]
    needs = {"implement": {"slots": 1.0}, "train": {"slots": 1.0, "gpu": 1.0}}
    capacity = replace(free(9, workspaces=0), pools={"scripted": Room(machines, needs)})
    assert starts([schedule], capacity) == [1, 2]
    assert machines == [{"slots": 1.0, "gpu": 1.0}, {"slots": 1.0}]
    full = capacity.copy()
    full.take_machine("scripted", "implement")
    full.take_machine("scripted", "train")
    assert reasons(schedule, full, now=NOON) == {
        item(3): why.WaitsForMachine("train"),
        item(4): why.WaitsForMachine("implement"),
    }
    assert starts([schedule], full) == []
    assert starts([schedule], free(9)) == [3, 4], "nobody knows of machines"


@given(
    st.lists(
        st.fixed_dictionaries({"slots": st.integers(0, 3), "gpu": st.integers(0, 2)})
    ),
    st.lists(st.sampled_from(["implement", "train"]), max_size=12),
)
def test_no_more_is_taken_of_a_pool_than_it_has(machines, commands):
    needs = {"implement": {"slots": 1.0}, "train": {"slots": 1.0, "gpu": 1.0}}
    room = Room([dict(one) for one in machines], needs)
    taken: Counter[str] = Counter()
    for command in commands:
        taken[command] += room.fits(command)
        room.take(command)
    assert all(left >= 0 for one in room.machines for left in one.values())
    assert taken.total() <= sum(one["slots"] for one in machines)
    assert taken["train"] <= sum(one["gpu"] for one in machines)


def test_an_item_that_needs_git_waits_for_whoever_tries_it():
    heavy = schedule_of({1: []}, name="a1a1")
    light = schedule_of({2: []}, name="b1b1", workspace=False)
    away = replace(free(), git_away={heavy.batch.repository.id: NOON})
    assert starts([heavy, light], away) == [2]
    assert reasons(heavy, away, now=NOON) == {item(1): why.WaitsForGit(NOON)}
    elsewhere = replace(free(), git_away={heavy.batch.repository.id + 1: NOON})
    assert starts([heavy], elsewhere) == [1]


def test_on_failure_stop_lets_running_items_finish_and_cancels_the_rest():
    schedule = schedule_of(
        {1: [], 2: [], 3: []}, options=Options(on_failure=OnFailure.STOP)
    )
    assert starts([schedule], free(slots=2)) == [1, 2]
    end(schedule, 1, FAILED)
    assert states(schedule) == {1: "failed", 2: "running", 3: "cancelled"}
    assert schedule.state is BatchState.CANCELLING
    assert end(schedule, 2)[-1] == e.BatchFinished(NOON)


def test_on_failure_pause_pauses_once_and_goes_on_after_resume():
    schedule = schedule_of({1: [], 2: []}, options=Options(on_failure=OnFailure.PAUSE))
    starts([schedule], free(slots=1))
    end(schedule, 1, FAILED)
    assert schedule.state is BatchState.PAUSED
    assert starts([schedule], free()) == []
    assert reasons(schedule, free(), now=NOON) == {item(2): why.IsPaused("")}
    schedule.apply(e.BatchResumed(NOON, "ada"))
    assert schedule.follow_up(NOON) == []
    assert starts([schedule], free()) == [2]


def test_whoever_resumes_knows_of_what_failed_during_the_pause():
    schedule = schedule_of({1: [], 2: []}, options=Options(on_failure=OnFailure.PAUSE))
    for event in (
        e.ItemStarted(NOON, item(1), 1),
        e.BatchPaused(NOON, "ada"),
        e.ItemEnded(NOON, item(1), 1, FAILED),
        e.BatchResumed(NOON, "ada"),
    ):
        schedule.apply(event)
    assert schedule.follow_up(NOON) == []
    assert starts([schedule], free()) == [2]


def test_a_restart_costs_an_item_no_try_and_a_person_gives_it_all_of_them():
    schedule = schedule_of({1: []})
    for attempt in (1, 2):
        schedule.apply(e.ItemStarted(NOON, item(1), attempt))
        if attempt == 1:
            again = e.ItemRetrying(NOON, item(1), 1, FAILED, next_at=NOON, requests=0)
            schedule.apply(again)
    schedule.apply(e.ItemReset(NOON, item(1), ""))
    assert (schedule.tries_of(item(1)), schedule.attempt_of(item(1))) == (1, 2)
    schedule.apply(e.ItemReset(NOON, item(1), "ada"))
    assert (schedule.tries_of(item(1)), schedule.attempt_of(item(1))) == (0, 2)


def test_a_transient_fault_delays_only_its_item():
    schedule = schedule_of({1: [], 2: [1]})
    starts([schedule], free())
    later = NOON + timedelta(seconds=40)
    fault = Outcome(OutcomeKind.TRANSIENT, reason="502")
    schedule.apply(e.ItemRetrying(NOON, item(1), 1, fault, later))
    assert starts([schedule], free()) == []
    assert reasons(schedule, free(), now=NOON)[item(1)] == why.NextTry(later)
    schedule.apply(e.BatchPaused(NOON, "ada"))  # and while it is, no time is the next
    assert reasons(schedule, free(), now=NOON)[item(1)] == why.IsPaused("ada")
    schedule.apply(e.BatchResumed(NOON, "ada"))
    assert starts([schedule], free(), now=later) == [1]
    assert schedule.attempt_of(item(1)) == 2


def test_an_item_waits_for_something_outside_until_it_is_settled():
    away = Reference("acme/widgets", ItemNumber(99))
    edge = OutsideEdge(item(1), away, Origin.TYPED)
    schedule = schedule_of({1: [], 2: [1]}, outside=(edge,))
    assert starts([schedule], free()) == []
    assert reasons(schedule, free(), now=NOON) == {
        item(1): why.WaitsOutside((away,)),
        item(2): why.WaitsFor((item(1),)),
    }
    schedule.apply(e.OutsideSettled(NOON, away, is_satisfied=True))
    assert starts([schedule], free()) == [1]


def test_what_outside_ends_is_known_by_its_name_of_that_time():
    here, away = "acme/widgets", Reference("acme/gadgets", ItemNumber(99))
    edges = (
        OutsideEdge(item(1), Reference(here, ItemNumber(98)), Origin.TYPED),
        OutsideEdge(item(1), Reference(here, ItemNumber(99)), Origin.TYPED),
    )
    schedule = schedule_of({1: []}, outside=edges)
    before = Reference(here, ItemNumber(98))
    schedule.apply(e.OutsideSettled(NOON, before, is_satisfied=True))
    moved = replace(schedule.batch.repository, name="acme/gadgets")
    schedule.apply(e.RepositoryMoved(NOON, moved))
    assert schedule.open_outside() == [away]
    schedule.apply(e.OutsideSettled(NOON, away, is_satisfied=True))
    assert starts([schedule], free()) == [1]


def test_what_outside_ends_badly_skips_all_that_waits_for_it():
    away = Reference("acme/widgets", ItemNumber(99))
    edge = OutsideEdge(item(1), away, Origin.TYPED)
    schedule = schedule_of({1: [], 2: [1]}, outside=(edge,))
    schedule.apply(e.OutsideSettled(NOON, away, False, "not_planned"))
    followed = schedule.follow_up(NOON)
    assert followed[0] == e.ItemSkipped(NOON, item(1), away, ended="not_planned")
    assert schedule.state is BatchState.FINISHED


def test_the_requests_of_every_attempt_are_used():
    schedule = schedule_of({1: [], 2: []})
    starts([schedule], free())
    fault = Outcome(OutcomeKind.TRANSIENT, reason="502")
    done = Outcome(OutcomeKind.COMPLETED)
    one, two = item(1), item(2)
    schedule.apply(e.ItemRetrying(NOON, one, 1, fault, NOON, requests=3))
    starts([schedule], free())
    schedule.apply(e.ItemEnded(NOON, one, 2, done, requests=4))
    schedule.apply(e.ItemCancelled(NOON, two, "ada", requests=5))
    assert schedule.requests_used == 12


def test_a_batch_pauses_when_its_own_budget_is_used_and_resume_lifts_it():
    schedule = schedule_of({1: [], 2: []}, options=Options(budget_requests=5))
    starts([schedule], free(slots=1))
    schedule.requests_used = 5
    end(schedule, 1)
    assert schedule.state is BatchState.PAUSED
    assert reasons(schedule, free(), now=NOON) == {item(2): why.OverBatchBudget(5, 5)}
    schedule.apply(e.BatchResumed(NOON, "ada"))
    assert schedule.follow_up(NOON) == []
    assert starts([schedule], free()) == [2]


def test_cancel_cancels_what_is_pending_and_names_what_runs():
    schedule = schedule_of({1: [], 2: [1], 3: []})
    starts([schedule], free(slots=2))
    change = control.cancel(schedule, NOON, by="ada")
    assert set(change.stop) == {"1", "3"}
    for event in change.events:
        schedule.apply(event)
    schedule.follow_up(NOON)
    assert states(schedule) == {1: "running", 2: "cancelled", 3: "running"}
    for number in (1, 3):
        schedule.apply(e.ItemCancelled(NOON, item(number), "ada"))
    assert schedule.follow_up(NOON) == [e.BatchFinished(NOON)]
    assert schedule.state is BatchState.CANCELLED


def test_a_control_means_all_items_on_a_number_that_are_in_question():
    made = plan({1: [], 2: [], 3: []})
    one, two, three = made.items
    review = replace(one, id=ItemId("1-review"))
    api = Repository(9, "acme/api", InstallationId(7))
    away = replace(two, id=ItemId("api-2"), repository=api)
    items = (one, review, away, three)
    schedule = Schedule(batch(replace(made, items=items)), {}, {"scripted": True})
    schedule.apply(e.BatchStarted(NOON, "ada"))
    schedule.apply(e.ItemStarted(NOON, one.id, 1))
    numbers = [ItemNumber(1), ItemNumber(2), ItemNumber(3)]
    change = control.cancel(schedule, NOON, by="ada", names=numbers)
    assert change.stop == (one.id,)
    assert change.touched == (one.id, review.id, three.id)
    assert change.ignored == (2,)  # that of the batch's own repository
    schedule.apply(e.ItemEnded(NOON, one.id, 1, DONE))
    change = control.skip(schedule, NOON, by="ada", names=numbers[:1])
    assert (change.touched, change.ignored) == ((review.id,), ())
    change = control.retry(schedule, NOON, by="ada", names=numbers[:1])
    assert (change.touched, change.ignored) == ((), (1,))
    assert change.nothing


def test_retry_puts_an_item_back_with_what_it_waits_for():
    schedule = schedule_of({1: [], 2: [1], 3: []})
    starts([schedule], free(slots=1))
    end(schedule, 1, FAILED)
    change = control.retry(schedule, NOON, by="ada", names=[ItemNumber(2)])
    assert set(change.touched) == {"1", "2"}
    for event in change.events:
        schedule.apply(event)
    schedule.follow_up(NOON)
    assert starts([schedule], free(slots=1)) == [1]
    end(schedule, 1)
    assert starts([schedule], free(slots=1)) == [2]


@given(graphs(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_every_batch_ends_and_every_start_is_topological(waits, random, slots):
    schedule = schedule_of(waits)
    recorded: list[e.Event] = [e.BatchStarted(NOON, "ada")]
    completed: set[int] = set()
    begun: Counter[int] = Counter()
    turns = 0
    while schedule.state.is_live:
        turns += 1
        assert turns < 1000, "the batch does not end"
        capacity = free(slots=slots - len(schedule.running))
        for started in decide([schedule], capacity, now=NOON, turn=turns * 100):
            recorded.append(started.event)
            number = int(started.event.item)
            begun[number] += 1
            assert set(waits[number]) <= completed
        assert len(schedule.running) <= slots
        number = int(random.choice(sorted(schedule.running)))
        outcome = random.choice([DONE, DONE, DONE, FAILED])
        if outcome is DONE:
            completed.add(number)
        recorded += end(schedule, number, outcome)
    assert all(count == 1 for count in begun.values())
    assert all(schedule.state_of(item(n)).is_final for n in waits)
    # What people see is the same as what the scheduler knows.
    progress = fold(schedule.batch, recorded)
    assert {int(n): str(v.state) for n, v in progress.items.items()} == states(schedule)
    # And a restart that applies the recorded events again knows it too.
    again = Schedule(schedule.batch, {}, {"scripted": True})
    for event in recorded:
        again.apply(event)
    assert states(again) == states(schedule)
    assert again.state is schedule.state


def test_what_was_retried_is_not_skipped_by_a_restart():
    one, two = item(1), item(2)
    schedule = schedule_of({1: [], 2: [1]})
    for event in (
        e.ItemStarted(NOON, one, 1),
        e.ItemEnded(NOON, one, 1, FAILED),
        e.ItemSkipped(NOON, two, Reference("acme/widgets", ItemNumber(1))),
        e.ItemReset(NOON, one, "ada"),
        e.ItemReset(NOON, two, "ada"),
    ):
        schedule.apply(event)
    assert schedule.follow_up(NOON) == []
    assert starts([schedule], free()) == [1]


@given(graphs(), st.integers(1, 4))
def test_every_pending_item_has_a_reason(waits, slots):
    schedule = schedule_of(waits)
    decide([schedule], free(slots=slots), now=NOON, turn=0)
    pending = schedule.items_in(ItemState.PENDING)
    found = reasons(schedule, free(slots=slots - len(schedule.running)), now=NOON)
    assert set(found) == set(pending)
    # Nothing that is merely "next" is left behind by the scheduler.
    assert not any(isinstance(reason, why.IsNext) for reason in found.values())


@pytest.mark.parametrize("seconds", [1.0, 100.0])
def test_expected_times_decide_the_order(seconds):
    schedule = Schedule(
        batch(plan({1: [], 2: []}, actions={1: "review", 2: "label"}, worker="")),
        {"review": Expectation(seconds, 1), "label": Expectation(50, 1)},
        {},
    )
    schedule.apply(e.BatchStarted(NOON, "ada"))
    assert starts([schedule], free(slots=1)) == [1 if seconds > 50 else 2]


def test_an_item_larger_than_any_window_does_not_wait_for_ever():
    schedule = schedule_of({1: []}, actions={1: "merge"})
    schedule.expectations = {"merge": Expectation(60, 9000)}
    each = InstallationCapacity(3, 3, requests_fit=2300, requests_most=2250)
    capacity = Capacity({InstallationId(7): each}, 5, 5)
    assert starts([schedule], capacity) == [1]


def test_a_batch_starts_no_more_than_its_own_budget_has_room_for():
    schedule = schedule_of(
        {n: [] for n in range(5)}, options=Options(budget_requests=9)
    )
    assert starts([schedule], free(slots=5)) == [
        0,
        1,
    ]  # four requests are expected each
    found = reasons(schedule, free(), now=NOON)
    assert found[item(2)] == why.OverBatchBudget(0, 9)
    assert schedule.state is BatchState.RUNNING


def test_a_pause_by_a_person_does_not_lift_the_budget():
    schedule = schedule_of({1: [], 2: []}, options=Options(budget_requests=5))
    starts([schedule], free(slots=1))
    for event in (e.BatchPaused(NOON, "ada"), e.BatchResumed(NOON, "ada")):
        schedule.apply(event)
    schedule.requests_used = 5
    assert end(schedule, 1)[-1] == e.BatchPaused(NOON, "", "budget")
