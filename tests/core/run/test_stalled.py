"""When a batch only waits for others, and since when."""

from collections.abc import Sequence
from datetime import timedelta

from bot.core import events as e
from bot.core.model import (
    Origin,
    Outcome,
    OutcomeKind,
    OutsideEdge,
    Plan,
    Reference,
)
from bot.core.run.progress import fold
from bot.core.run.stalled import Stalled, stalled
from tests.plans import NOON, batch, item, plan

DONE = Outcome(OutcomeKind.COMPLETED)
AWAY = Reference("acme/widgets", 99)  # type: ignore[arg-type] # a number
HOUR = timedelta(hours=1)


def waits(events: Sequence[e.News], of: Plan | None = None) -> Stalled | None:
    """Return what a batch waits for of which 15 waits for #99, and 18 for 15."""
    made = of or plan(
        {12: [], 15: [], 18: [15]},
        outside=(OutsideEdge(item(15), AWAY, Origin.TYPED),),
    )
    return stalled(fold(batch(made), [e.BatchStarted(NOON, "ada"), *events]))


START = e.ItemStarted(NOON, item(12), 1)
END = e.ItemEnded(NOON + HOUR, item(12), 1, DONE, 1)


def test_a_batch_of_which_nothing_can_run_waits_since_the_last_of_it_ended():
    assert waits([]) is None  # 12 can
    assert waits([START]) is None
    assert waits([START, END]) == Stalled(NOON + HOUR, {item(15): (AWAY,)}, {})


def test_what_is_satisfied_or_paused_or_tried_again_waits_for_nothing_else():
    assert waits([START, END, e.OutsideSettled(NOON, AWAY, True)]) is None
    assert waits([START, END, e.BatchPaused(NOON, "ada")]) is None
    again = e.ItemRetrying(NOON, item(12), 1, DONE, NOON + HOUR)
    assert waits([START, again]) is None
    assert waits([START, END, e.ItemSkipped(NOON, item(15), by="ada")]) is None


def test_a_parked_attempt_is_waited_for_like_what_is_outside():
    parked = e.ItemParked(NOON + HOUR, item(12), 1, "the check build")
    both = waits([START, parked])
    assert both == Stalled(
        NOON + HOUR, {item(15): (AWAY,)}, {item(12): "the check build"}
    )
    assert waits([START, parked, e.ItemUnparked(NOON, item(12), 1)]) is None
    alone = plan({12: [], 15: [12]})
    assert waits([START, parked], alone) == Stalled(
        NOON + HOUR, {}, {item(12): "the check build"}
    )


def test_only_who_waits_for_others_alone_is_stuck():
    free = plan(
        {12: [], 15: [], 18: []}, outside=(OutsideEdge(item(15), AWAY, Origin.TYPED),)
    )
    assert waits([START, END], free) is None  # 18 can
