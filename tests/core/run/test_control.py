"""What a control does to a live batch, and what it leaves alone."""

from collections.abc import Mapping
from dataclasses import replace

from bot.core import events as e
from bot.core.model import (
    BatchState,
    CommandResult,
    ItemFacts,
    ItemId,
    ItemNumber,
    Link,
    Origin,
    Outcome,
    OutcomeKind,
    OutsideEdge,
    Reference,
)
from bot.core.run import control
from bot.core.run.progress import Progress, fold
from bot.core.run.schedule import Schedule
from tests.bench.bench_schedule import facts_of
from tests.plans import NOON, batch, item, plan

FAILED = Outcome(OutcomeKind.FAILED, reason="tests failed")
WORK = CommandResult(0)
PUBLISHING, RUNNING, PENDING, BEHIND = map(item, (12, 15, 18, 20))


def numbers(*some: int) -> list[ItemNumber]:
    return [ItemNumber(number) for number in some]


def live() -> Schedule:
    """Return a batch in which one item is being published, one works, and two wait."""
    made = Schedule(batch(plan({12: [], 15: [], 18: [], 20: [18]})), {}, {})
    for event in (
        e.BatchStarted(NOON, "ada"),
        e.ItemStarted(NOON, PUBLISHING, 1),
        e.ItemStarted(NOON, RUNNING, 1),
        e.ItemAccepted(NOON, PUBLISHING, 1, WORK),
    ):
        made.apply(event)
    return made


def test_a_cancel_stops_what_works_and_says_what_it_comes_too_late_for():
    change = control.cancel(live(), NOON, by="ada")
    assert change.stop == (RUNNING,)
    assert change.touched == (RUNNING, PENDING, BEHIND)
    assert change.too_late == (PUBLISHING,)
    assert change.events == (e.BatchCancelling(NOON, "ada"),)


def test_a_cancel_of_items_stops_them_alone_and_comes_too_late_for_what_is_published():
    change = control.cancel(live(), NOON, by="ada", names=numbers(12, 15, 20, 99))
    assert change.stop == (RUNNING,)
    assert change.touched == (RUNNING, BEHIND)
    assert change.too_late == (PUBLISHING,)
    assert change.events == (e.ItemCancelled(NOON, BEHIND, "ada"),)
    assert change.ignored == (99,)
    assert change.nothing == ""


def test_what_is_taken_back_is_stopped_after_a_kill_as_well_and_told_if_it_is_late():
    schedule, source = live(), "taken-back/15/batch"
    every = frozenset({PUBLISHING, RUNNING, BEHIND})
    change = control.take_back(schedule, NOON, by="ada", source=source, items=every)
    assert change.stop == (RUNNING,)
    assert change.events == (
        e.ItemCancelled(NOON, BEHIND, "ada"),
        e.ControlGiven(
            NOON,
            "ada",
            source,
            (RUNNING, BEHIND),
            stopping=(RUNNING,),
            too_late=(PUBLISHING,),
        ),
    )
    schedule.apply(e.ItemCancelled(NOON, BEHIND, "ada"))
    items = frozenset({BEHIND})
    again = control.take_back(schedule, NOON, by="ada", source=source, items=items)
    assert again.events == ()


def test_a_cancel_that_comes_too_late_for_all_is_an_answer_and_not_nothing():
    change = control.cancel(live(), NOON, by="ada", names=numbers(12))
    assert (change.stop, change.touched, change.too_late) == ((), (), (PUBLISHING,))
    assert (change.ignored, change.nothing) == ((), "")


def test_a_second_cancel_does_nothing_unless_the_first_was_by_a_failure():
    by_ada = live()
    by_ada.apply(e.BatchCancelling(NOON, "ada"))
    assert control.cancel(by_ada, NOON, by="grace").nothing == "it is cancelling"
    by_failure = live()
    by_failure.apply(e.BatchCancelling(NOON, ""))
    change = control.cancel(by_failure, NOON, by="grace")
    assert (change.stop, change.events) == ((RUNNING,), ())
    assert change.too_late == (PUBLISHING,)


def test_a_skip_takes_only_what_has_not_begun():
    change = control.skip(live(), NOON, by="ada", names=numbers(12, 15, 18))
    assert change.touched == (PENDING,)
    assert change.events == (e.ItemSkipped(NOON, PENDING, by="ada"),)
    assert change.ignored == (12, 15)
    nothing = control.skip(live(), NOON, by="ada", names=numbers(12, 15))
    assert nothing.events == ()
    assert nothing.nothing == "none of its items is in a state for that"


def test_a_retry_takes_what_did_not_succeed_and_nothing_that_goes_on():
    schedule = live()
    schedule.apply(e.ItemEnded(NOON, RUNNING, 1, FAILED))
    schedule.apply(e.ItemCancelled(NOON, PENDING, "ada"))
    schedule.apply(e.ItemSkipped(NOON, BEHIND))
    change = control.retry(schedule, NOON, by="ada")
    assert change.touched == (RUNNING, PENDING, BEHIND)
    named = control.retry(schedule, NOON, by="ada", names=numbers(20, 12))
    assert named.touched == (PENDING, BEHIND)  # with what it waits for
    assert named.ignored == (12,)


def test_what_is_being_cancelled_takes_no_other_control():
    schedule = live()
    schedule.apply(e.ItemEnded(NOON, RUNNING, 1, FAILED))
    schedule.apply(e.BatchCancelling(NOON, "ada"))
    for change in (
        control.retry(schedule, NOON, by="ada"),
        control.pause(schedule, NOON, by="ada"),
        control.resume(schedule, NOON, by="ada"),
    ):
        assert (change.events, change.touched) == ((), ())
        assert change.nothing


def test_only_what_runs_is_paused_and_only_what_is_paused_goes_on():
    schedule = live()
    assert control.resume(schedule, NOON, by="ada").nothing == "it is running"
    schedule.apply(e.BatchPaused(NOON, "ada"))
    assert control.pause(schedule, NOON, by="ada").nothing == "it is paused"
    assert schedule.state is BatchState.PAUSED
    assert control.resume(schedule, NOON, by="ada").events == (
        e.BatchResumed(NOON, "ada"),
    )


def ended(*, states: Mapping[int, str], waits: Mapping[int, list[int]]) -> Progress:
    """Return a batch that has ended so; what was completed left a branch."""
    reference = Reference("acme/gadgets", ItemNumber(7))
    outside = (OutsideEdge(item(12), reference, Origin.TYPED),)
    progress = fold(batch(plan(waits, outside=outside)), [e.BatchStarted(NOON, "ada")])
    for number, state in states.items():
        match state:
            case "completed":
                done = Outcome(OutcomeKind.COMPLETED, branch=f"batch/b7k2/{number}")
                progress.advance(e.ItemStarted(NOON, item(number), 1))
                progress.advance(e.ItemEnded(NOON, item(number), 1, done))
            case "failed":
                progress.advance(e.ItemStarted(NOON, item(number), 1))
                progress.advance(e.ItemEnded(NOON, item(number), 1, FAILED))
            case _:
                progress.advance(e.ItemSkipped(NOON, item(number)))
    return progress


CHAIN = {12: [], 15: [12], 18: [15], 20: []}
LOST = {12: "failed", 15: "skipped", 18: "skipped", 20: "failed"}


def test_what_runs_again_takes_along_what_it_waits_for_and_nothing_else():
    progress = ended(states=LOST, waits=CHAIN)
    assert control.to_run_again(progress) == tuple(map(item, CHAIN))
    again = control.to_run_again(progress, numbers(18))
    assert again == (item(12), item(15), item(18))
    progress = ended(states=LOST | {12: "completed"}, waits=CHAIN)
    again = control.to_run_again(progress, numbers(18, 12))
    assert again == (item(15), item(18))


def facts_now(progress: Progress, *some: int) -> dict[ItemId, ItemFacts]:
    now = facts_of(progress.batch.plan)
    return {
        i: replace(f, title=f"{f.title} now", head_sha="b" * 40, base_branch="release")
        for i, f in now.items()
        if f.number in some
    }


def test_a_new_batch_is_pinned_to_what_its_items_are_now():
    progress = ended(states=LOST, waits=CHAIN)
    again = control.again(progress, facts_now(progress, 12, 15))
    pinned = [(i.title, i.head_sha, i.base_branch) for i in again.plan.items]
    assert pinned == [
        ("Item 12 now", "b" * 40, "release"),
        ("Item 15 now", "b" * 40, "release"),
    ]
    assert [edge.successor for edge in again.plan.edges] == [item(15)]
    assert [x.successor for x in again.plan.outside] == [item(12)]
    assert again.retry_of == progress.batch.id
    assert control.again(progress, facts_now(progress, 18)).plan.outside == ()


def test_a_new_batch_is_made_beside_what_other_actions_on_its_issue_opened():
    made = plan({12: [], 15: [], 18: []})
    twelve, fifteen, eighteen = made.items
    fix = replace(fifteen, number=twelve.number, beside=(ItemNumber(60),))
    made = replace(made, items=(twelve, fix, eighteen))
    progress = fold(batch(made), [e.BatchStarted(NOON, "ada")])
    for one, number in ((twelve, 71), (eighteen, 72)):
        url = f"https://github.com/acme/widgets/pull/{number}"
        done = Outcome(OutcomeKind.COMPLETED, link=Link(f"PR {number}", url))
        progress.advance(e.ItemStarted(NOON, one.id, 1))
        progress.advance(e.ItemEnded(NOON, one.id, 1, done))
    facts = facts_of(progress.batch.plan)
    again = control.again(progress, {fix.id: facts[fix.id]})
    assert [one.beside for one in again.plan.items] == [(60, 71)]


def test_a_new_batch_builds_on_what_succeeded_in_the_same_repository():
    progress = ended(states=LOST | {12: "completed"}, waits=CHAIN)
    again = control.again(progress, facts_now(progress, 15))
    assert again.builds_on == ((item(15), 12, "batch/b7k2/12"),)
    assert again.plan.edges == ()
    made = progress.batch.plan
    elsewhere = replace(made.items[1].repository, id=2, name="acme/gadgets")
    items = (made.items[0], replace(made.items[1], repository=elsewhere))
    progress.batch = replace(progress.batch, plan=replace(made, items=items))
    assert control.again(progress, facts_now(progress, 15)).builds_on == ()
