"""When a window closes, and what of it still stands."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core.command.trigger import LabelChanged, Sender
from bot.core.command.windows import MOST, Arrival, closes_at, standing
from bot.core.model import InstallationId, ItemNumber, Repository

REPOSITORY = Repository(7, "acme/widgets", InstallationId(3))
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=90)


def change(number: int, second: int, *, is_added: bool = True) -> LabelChanged:
    at = START + timedelta(seconds=second)
    sender = Sender("ada", is_bot=False)
    number = ItemNumber(number)
    return LabelChanged(REPOSITORY, number, "batch", is_added, sender, "", at)


def arrival(number: int, second: int, window: timedelta = WINDOW) -> Arrival:
    made = change(number, second)
    return Arrival(made, f"{number}-{second}", made.at, window)


def numbers(found: Sequence[Arrival]) -> list[int]:
    return [one.change.number for one in found]


seconds = st.integers(0, 3600)
arrivals = st.lists(st.builds(arrival, st.integers(1, 5), seconds), min_size=1)
taken_off = st.lists(
    st.builds(lambda n, s: change(n, s, is_added=False), st.integers(1, 5), seconds)
)


def test_a_window_slides_with_each_label():
    assert closes_at([arrival(12, 0)]) == START + WINDOW
    assert closes_at([arrival(12, 0), arrival(15, 60)]) == START + timedelta(
        seconds=150
    )


def test_it_stays_open_for_ten_minutes_at_most_or_for_its_own_longer_time():
    many = [arrival(n, 60 * n) for n in range(12)]
    assert closes_at(many) == START + MOST
    long = timedelta(minutes=20)
    assert closes_at([arrival(12, 0, long), arrival(15, 60)]) == START + long


@given(arrivals)
def test_no_arrival_leaves_before_the_first_one_s_most(some: list[Arrival]):
    first = min(one.received_at for one in some)
    ends = closes_at(some)
    assert first + WINDOW <= ends <= first + MOST


@given(arrivals, taken_off, st.randoms())
def test_the_order_in_which_deliveries_come_changes_nothing(some, off, chance):
    before = standing(some, off)
    chance.shuffle(some)
    chance.shuffle(off)
    assert standing([*some, *some], [*off, *off]) == before


@given(arrivals, taken_off)
def test_what_was_taken_off_later_does_not_stand_and_all_else_does(some, off):
    found = standing(some, off)
    for number in {one.change.number for one in some}:
        newest = max(one.change.at for one in some if one.change.number == number)
        ends = [one.at for one in off if one.number == number]
        stands = not ends or newest >= max(ends)
        assert numbers(found).count(number) == stands


def test_the_oldest_is_first_and_of_one_second_the_lowest_number():
    found = standing([arrival(18, 0), arrival(15, 3), arrival(12, 3)], [])
    assert numbers(found) == [18, 12, 15]
