"""How long the rest takes, and from whose times."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import pytest

from bot.core import events as e
from bot.core.actions.implement import IMPLEMENT
from bot.core.model import Expectation, ItemState, Outcome, OutcomeKind
from bot.core.run.estimate import (
    learned,
    makespan_seconds,
    requests_left,
    seconds_left,
)
from bot.core.run.progress import Progress, fold
from tests.plans import NOON, batch, item, plan

DONE = Outcome(OutcomeKind.COMPLETED)
FAILED = Outcome(OutcomeKind.FAILED, reason="tests failed")
OWN = "implement@1"
USUAL = {OWN: Expectation(100, 8)}


def at(seconds: float):
    return NOON + timedelta(seconds=seconds)


def progress(
    waits: Mapping[int, Iterable[int]],
    *events: e.Event,
    priorities: Mapping[int, int] | None = None,
) -> Progress:
    """Return a batch that runs, after these events."""
    made = batch(plan(waits, priorities=priorities))
    return fold(made, [e.BatchStarted(NOON, "ada"), *events])


def took(number: int, seconds: float, *, outcome: Outcome = DONE) -> list[e.Event]:
    """Return the events of an item that began at noon."""
    n = item(number)
    return [e.ItemStarted(NOON, n, 1), e.ItemEnded(at(seconds), n, 1, outcome, 2)]


def test_a_batch_learns_the_median_of_its_own_items_and_no_requests():
    times = (*took(1, 30), *took(2, 50), *took(3, 900))
    known = learned(progress({1: [], 2: [], 3: [], 4: []}, *times), USUAL)
    assert known == {OWN: Expectation(50, 8)}


@pytest.mark.parametrize(
    "times",
    [took(1, 30), [*took(1, 30), *took(2, 1, outcome=FAILED)]],
    ids=["one alone", "one and a failure"],
)
def test_too_few_that_were_completed_say_nothing(times: list[e.Event]):
    some = progress({1: [], 2: [], 3: []}, *times)
    assert learned(some, USUAL) == USUAL
    assert seconds_left(some, USUAL, slots=3, now=at(60)) is None


@pytest.mark.parametrize(
    ("waits", "slots", "seconds"),
    [
        ({3: [], 4: [], 5: []}, 1, 120),
        ({3: [], 4: [], 5: []}, 2, 80),  # two at once, then one
        ({3: [], 4: [], 5: []}, 3, 40),
        ({3: [], 4: [3], 5: [4]}, 3, 120),  # a chain takes no more slots than one
        ({3: [1], 4: [1, 2], 5: []}, 3, 40),  # what has ended holds nothing up
        ({3: [], 4: [], 5: []}, 0, 120),  # a full server still works at one
    ],
)
def test_the_rest_is_scheduled_ahead(waits, slots, seconds):
    times = (*took(1, 40), *took(2, 40))
    some = progress({1: [], 2: [], **waits}, *times)
    assert seconds_left(some, USUAL, slots=slots, now=at(60)) == seconds


@pytest.mark.parametrize(
    ("spent", "seconds"),
    [(10, 30), (36, 4), (4000, 4)],  # over its time: a tenth of it more
)
def test_what_runs_takes_the_rest_of_its_time(spent, seconds):
    running = e.ItemStarted(at(60), item(3), 1)
    some = progress({1: [], 2: [], 3: []}, *took(1, 40), *took(2, 40), running)
    now = at(60 + spent)
    assert seconds_left(some, USUAL, slots=3, now=now) == pytest.approx(seconds)


def test_the_slot_of_what_runs_is_taken():
    running = e.ItemStarted(at(60), item(3), 1)
    times = (*took(1, 40), *took(2, 40))
    some = progress({1: [], 2: [], 3: [], 4: []}, *times, running)
    assert seconds_left(some, USUAL, slots=1, now=at(70)) == 30 + 40


def test_nobody_says_when_a_paused_batch_ends():
    times = (*took(1, 40), *took(2, 40))
    some = progress({1: [], 2: [], 3: []}, *times, e.BatchPaused(at(60), "ada"))
    assert seconds_left(some, USUAL, slots=3, now=at(60)) is None


def test_a_long_chain_begins_first_and_what_is_urgent_before_it():
    """On two slots: the chain 2-3-4 beside 1 and 5 ends at 300. If 5 and 1 went first,
    it would begin at 100 and end at 400."""
    waits = {1: [], 2: [], 3: [2], 4: [3], 5: []}
    assert makespan_seconds(progress(waits), USUAL, slots=2) == 300
    urgent = progress(waits, priorities={1: 90, 5: 90})
    assert makespan_seconds(urgent, USUAL, slots=2) == 400


def test_only_what_has_not_ended_takes_requests():
    running = e.ItemStarted(at(60), item(2), 1)
    some = progress({1: [], 2: [], 3: []}, *took(1, 40), running)
    assert [view.state for view in some.items.values()] == [
        ItemState.COMPLETED,
        ItemState.RUNNING,
        ItemState.PENDING,
    ]
    assert requests_left(some, USUAL) == 16
    unknown = IMPLEMENT.expected.requests
    assert requests_left(some, {}) == 2 * unknown
