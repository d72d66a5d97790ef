from datetime import UTC, datetime, timedelta

import pytest

from bot.core.durations import clock, span, spell, spell_about, spell_option


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [
        (-3, "0s"),
        (48.4, "48s"),
        (59.6, "1m 00s"),
        (252, "4m 12s"),
        (3599.7, "1h 00m"),
        (18_480, "5h 08m"),
        (183_600, "2d 3h"),
    ],
)
def test_a_duration_has_no_seconds_above_an_hour(seconds, spelled):
    assert spell(seconds) == spell(timedelta(seconds=seconds)) == spelled


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [
        (20, "less than a minute"),
        (650, "about 11m"),
        (3590, "about 1h 00m"),
        (4190, "about 1h 10m"),
    ],
)
def test_an_estimate_is_in_minutes(seconds, spelled):
    assert spell_about(seconds) == spelled


@pytest.mark.parametrize(
    ("seconds", "spelled"), [(90, "90s"), (1800, "30m"), (7200, "2h"), (5400, "90m")]
)
def test_an_option_is_spelled_as_it_can_be_typed(seconds, spelled):
    assert spell_option(seconds) == spelled


def test_a_clock_names_the_day_when_it_is_not_today():
    now = datetime(2025, 11, 10, 23, 50, tzinfo=UTC)
    assert clock(now, now) == "23:50 UTC"
    assert clock(now + timedelta(minutes=20), now) == "00:10 UTC on 11 Nov"


@pytest.mark.parametrize(
    ("text", "hours"), [("12h", 12), ("30d", 720), ("8w", 1344), ("9999w", 1679832)]
)
def test_a_span_is_read_as_operators_write_it(text: str, hours: int):
    assert span(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "10000w", "1.5d", "30D", "३d"])
def test_what_is_no_span_is_none(text: str):
    assert span(text) is None
