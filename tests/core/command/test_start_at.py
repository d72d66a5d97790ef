"""When ``start-at:`` is, by the clock of its zone."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from bot.core import zones
from bot.core.command.options import Wrong, read_option
from bot.core.command.start_at import StartAt
from bot.host.zones import install_zones

TUESDAY = datetime.fromisoformat("2026-03-03T15:00Z")


@pytest.fixture(autouse=True)
def every_zone() -> Iterator[None]:
    before = zones.known_zones()
    install_zones()
    yield
    zones.install(before)


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("22:00", "2026-03-03T22:00Z"),
        ("15:00", "2026-03-04T15:00Z"),  # it is 15:00 now
        ("22:00@Europe/Zurich", "2026-03-03T21:00Z"),
        ("15:30@Asia/Kolkata", "2026-03-04T10:00Z"),
        ("Mon-06:00", "2026-03-09T06:00Z"),
        ("Tue-15:00", "2026-03-10T15:00Z"),  # a week at most
    ],
)
def test_it_is_the_next_time_that_the_clock_shows(typed: str, at: str):
    found = read_option("start-at", typed)
    assert isinstance(found, StartAt)
    assert str(found) == typed
    assert found.after(TUESDAY) == datetime.fromisoformat(at)
    assert found.after(TUESDAY) - TUESDAY <= timedelta(days=7)


def test_a_time_that_the_clock_skips_is_the_next_that_it_shows():
    found = StartAt("02:30", "Europe/Zurich")
    before = datetime.fromisoformat("2026-03-28T23:00Z")
    assert found.after(before) == datetime.fromisoformat("2026-03-29T01:00Z")


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("9:00", "09:00"),
        ("9pm@europe/zurich", "21:00@europe/zurich"),
        ("monday-06:00", "Mon-06:00"),
        ("22:00@zurich", "22:00@Europe/Zurich"),
        ("22:00@Europe/Zurch", "22:00@Europe/Zurich"),
        ("22:00@", None),
        ("mon-fri-06:00", None),
        ("tomorrow", None),
        ("1.-06:00", None),
    ],
)
def test_what_is_no_time_is_led_to_one(typed: str, fix: str | None):
    found = read_option("start-at", typed)
    assert isinstance(found, Wrong)
    assert found.fix == fix
