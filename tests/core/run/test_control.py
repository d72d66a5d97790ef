"""What a control does to a live batch, and what it leaves alone."""

from bot.core import events as e
from bot.core.model import BatchState, CommandResult, ItemNumber, Outcome, OutcomeKind
from bot.core.run import control
from bot.core.run.schedule import Schedule
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
    change = control.cancel(live(), NOON, by="ada", numbers=numbers(12, 15, 20, 99))
    assert change.stop == (RUNNING,)
    assert change.touched == (RUNNING, BEHIND)
    assert change.too_late == (PUBLISHING,)
    assert change.events == (e.ItemCancelled(NOON, BEHIND, "ada"),)
    assert change.ignored == (99,)
    assert change.nothing == ""


def test_a_cancel_that_comes_too_late_for_all_is_an_answer_and_not_nothing():
    change = control.cancel(live(), NOON, by="ada", numbers=numbers(12))
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
    change = control.skip(live(), NOON, by="ada", numbers=numbers(12, 15, 18))
    assert change.touched == (PENDING,)
    assert change.events == (e.ItemSkipped(NOON, PENDING, by="ada"),)
    assert change.ignored == (12, 15)
    nothing = control.skip(live(), NOON, by="ada", numbers=numbers(12, 15))
    assert nothing.events == ()
    assert nothing.nothing == "none of its items is in a state for that"


def test_a_retry_takes_what_did_not_succeed_and_nothing_that_goes_on():
    schedule = live()
    schedule.apply(e.ItemEnded(NOON, RUNNING, 1, FAILED))
    schedule.apply(e.ItemCancelled(NOON, PENDING, "ada"))
    schedule.apply(e.ItemSkipped(NOON, BEHIND))
    change = control.retry(schedule, NOON, by="ada")
    assert change.touched == (RUNNING, PENDING, BEHIND)
    named = control.retry(schedule, NOON, by="ada", numbers=numbers(20, 12))
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
