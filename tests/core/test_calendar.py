"""When times that come again are due, in every zone there is."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.calendar import (
    Times,
    due_after,
    last_due,
    likely_times,
    next_time,
    read_times,
)
from bot.core.zones import known_zones

MINUTE = timedelta(minutes=1)
BY = datetime.fromisoformat
ZONES = sorted(known_zones())


def due(text: str, zone: str, after: str) -> str:
    times = read_times(text)
    assert times is not None
    found = due_after(times, known_zones()[zone], BY(after))
    return found.astimezone(known_zones()[zone]).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("06:00", "2026-11-30T05:59+01:00", "2026-11-30T06:00+01:00"),
        ("06:00", "2026-11-30T06:00+01:00", "2026-12-01T06:00+01:00"),
        ("Mon 06:00", "2026-11-30T06:00+01:00", "2026-12-07T06:00+01:00"),
        ("Mon-Fri 06:00", "2026-12-04T07:00+01:00", "2026-12-07T06:00+01:00"),
        ("Fri-Mon 06:00", "2026-12-07T07:00+01:00", "2026-12-11T06:00+01:00"),
        ("1. 06:00", "2026-12-01T06:00+01:00", "2027-01-01T06:00+01:00"),
        ("28. 23:59", "2026-12-31T00:00+01:00", "2027-01-28T23:59+01:00"),
        # In spring the clock goes from 02:00 to 03:00, in autumn from 03:00 to 02:00.
        ("02:30", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        ("03:00", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        ("02:30", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"),
        ("02:30", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        ("02:30", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("02:30", "2026-10-25T02:10+01:00", "2026-10-26T02:30+01:00"),
    ],
)
def test_times_are_due_by_the_clock_of_their_zone(text: str, after: str, expected: str):
    assert due(text, "Europe/Zurich", after) == expected


def test_a_day_that_is_left_out_is_made_up_for_at_the_next_minute():
    after = "2011-12-29T12:00-10:00"
    assert due("Fri 06:00", "Pacific/Apia", after) == "2011-12-31T00:00+14:00"


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    at=st.times().map(lambda one: one.replace(second=0, microsecond=0, fold=0)),
    after=st.integers(0, 5_256_000),
)
def test_every_day_has_one_time_and_none_is_due_twice(zone: str, at: time, after: int):
    tz = known_zones()[zone]
    start = datetime(2025, 1, 1, tzinfo=UTC) + after * MINUTE
    found = due_after(Times(at), tz, start)
    assert start < found
    shown = found.astimezone(tz)
    # It is what was asked for, for the first time that day, or what a jump leads to.
    if shown.replace(tzinfo=None).time() == at:
        assert shown.fold == 0
    else:
        before = (found - MINUTE).astimezone(tz)
        assert before.replace(tzinfo=None).time() < at or before.date() < shown.date()
        assert shown.utcoffset() != before.utcoffset()
    # Nothing lies between; and counted back from there it is the last one.
    assert found - start <= timedelta(hours=50)
    assert last_due(Times(at), tz, after=start, until=found) == found
    assert last_due(Times(at), tz, after=start, until=found - MINUTE) is None
    assert next_time(at, tz, start) == found


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), year=st.integers(2024, 2034), at=st.times())
def test_a_year_has_as_many_times_as_days(zone: str, year: int, at: time):
    tz = known_zones()[zone]
    times = Times(at.replace(second=0, microsecond=0))
    moment = datetime(year, 1, 1, tzinfo=tz).astimezone(UTC) - MINUTE
    end = datetime(year + 1, 1, 1, tzinfo=tz).astimezone(UTC)
    count = 0
    while (moment := due_after(times, tz, moment)) < end:
        count += 1
    assert count == (end.astimezone(tz).date() - date(year, 1, 1)).days


@pytest.mark.parametrize(
    ("typed", "likely"),
    [
        ("6:00", "06:00"),
        ("Monday 06:00", "Mon 06:00"),
        ("every monday at 6am", "Mon 06:00"),
        ("mon-fri 6:30", "Mon-Fri 06:30"),
        ("Mon to Friday 18:00", "Mon-Fri 18:00"),
        ("1st 06:00", "1. 06:00"),
        ("6pm", "18:00"),
        ("12am", "00:00"),
        ("06:00:00", "06:00"),
        ("25:00", ""),
        ("31. 06:00", ""),
        ("0 6 * * 1", ""),
        ("Son 06:00", ""),
        ("T 06:00", ""),
    ],
)
def test_what_is_probably_meant_can_be_read(typed: str, likely: str):
    assert read_times(typed) is None
    assert likely_times(typed) == likely
    assert not likely or read_times(likely) is not None
