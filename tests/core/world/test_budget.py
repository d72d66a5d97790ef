from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.world.budget import (
    ENDLESS_ROOM,
    UNLIMITED,
    Call,
    Hold,
    Reserve,
    Spent,
    Window,
    call_of,
    charged,
    is_limited,
    is_other_end,
    merged,
    named_seconds,
    primary_wait,
    relieved,
    rolled,
    rolling_wait,
    room,
    struck,
    window_of,
    write_wait,
)

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
RESERVE = Reserve(0.1)


def window(remaining: int, *, limit: int = 5000, reset_in: float = 3600) -> Window:
    reset_at = NOW + timedelta(seconds=reset_in)
    return Window(limit, remaining, reset_at, is_told=True)


# --- what a request means ---


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/repos/o/n/issues/1", Call()),
        ("GET", "/search/issues", Call("search")),
        ("GET", "/repos/search/issues/issues/1", Call("search")),
        ("POST", "/app/installations/7/access_tokens", Call(is_token=True)),
        (
            "POST",
            "/repos/o/n/issues/1/comments",
            Call(is_write=True, is_content=True, lateness_seconds=2),
        ),
        (
            "PATCH",
            "/repos/o/n/issues/comments/9",
            Call(is_write=True, is_content=True, lateness_seconds=15),
        ),
        (
            "POST",
            "/repos/o/n/issues/comments/9/reactions",
            Call(is_write=True, lateness_seconds=10),
        ),
        ("POST", "/repos/o/n/pulls", Call(is_write=True, is_content=True)),
        ("DELETE", "/repos/o/n/issues/1/labels/a", Call(is_write=True)),
        ("PUT", "/repos/o/n/issues/comments/9/pin", Call(is_write=True)),
    ],
)
def test_a_request_is_known_by_its_method_and_path(method, path, expected):
    assert call_of(method, path) == expected


def test_that_a_command_was_seen_goes_before_all_else():
    path = "/repos/o/n/issues/comments/9/reactions"
    assert call_of("POST", path, b'{"content": "eyes"}').lateness_seconds == 0
    assert call_of("POST", path, b'{"content": "rocket"}').lateness_seconds == 10


# --- windows ---


def test_headers_are_believed_as_they_are():
    headers = {
        "x-ratelimit-limit": "12500",
        "x-ratelimit-remaining": "12001",
        "x-ratelimit-reset": str(int(NOW.timestamp())),
    }
    assert window_of(headers) == Window(12500, 12001, NOW, is_told=True)


@pytest.mark.parametrize(
    "broken",
    [{"x-ratelimit-limit": "many"}, {"x-ratelimit-limit": "0"}]
    + [{"x-ratelimit-reset": value} for value in ("nan", "inf", "1e300", "")],
)
def test_headers_that_make_no_sense_say_nothing(broken):
    headers = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": "1772550000",
    }
    assert window_of(headers) is not None
    assert window_of(headers | broken) is None
    assert window_of({}) is None


def test_an_overtaken_answer_does_not_give_requests_back():
    assert merged(window(4990), window(4995), now=NOW).remaining == 4990
    assert merged(window(4990), window(4985), now=NOW).remaining == 4985


def test_a_later_window_replaces_the_one_before():
    later = window(4999, reset_in=7200)
    assert merged(window(12), later, now=NOW) == later


def test_a_late_answer_of_the_window_before_says_nothing():
    current = window(4999)
    assert merged(current, window(3, reset_in=-2), now=NOW) == current
    assert merged(current, window(3, reset_in=0.5), now=NOW) == current
    assert merged(Window(5000, 5000), window(3, reset_in=-2), now=NOW) == Window(
        5000, 5000
    )


def test_a_changed_limit_is_believed_within_the_window():
    larger = window(12_000, limit=12_500)
    assert merged(window(4000), larger, now=NOW) == larger


def test_a_window_is_full_but_untold_once_its_reset_has_passed():
    full = Window(5000, 5000)
    assert rolled(window(0, reset_in=-1), now=NOW) == full
    assert rolled(window(0, reset_in=0), now=NOW) == window(0, reset_in=0)


def test_a_request_without_an_answer_counts_until_a_later_one_is_answered():
    known = charged(window(5), Spent(at=10.0, amount=2))
    assert known.left == 3
    early = merged(known, window(5), now=NOW, sent_at=9.0)
    assert early.left == 3
    assert merged(early, window(4), now=NOW, sent_at=11.0).left == 4
    assert charged(window(0), Spent(0.0, 3)).left == 0
    assert charged(UNLIMITED, Spent(0.0, 3)) == UNLIMITED


# --- sending ---


@pytest.mark.parametrize(
    ("known", "in_flight", "cost", "expected"),
    [
        (Window(), 0, 1, 0.0),  # nothing is told: one goes ahead
        (Window(), 1, 1, None),
        (Window(5000, 5000), 1, 1, None),  # after a reset as well
        (UNLIMITED, 40, 1, 0.0),
        (window(1), 0, 1, 0.0),
        (window(1), 1, 1, None),  # the one in flight may turn out free
        (window(0), 1, 1, 3601.0),
        (window(0), 0, 1, 3601.0),
        (window(2), 0, 3, 3601.0),
        (window(2, limit=2), 0, 3, 0.0),  # dearer than the limit: all of it must do
    ],
)
def test_nothing_is_sent_past_zero(known, in_flight, cost, expected):
    assert primary_wait(known, in_flight=in_flight, cost=cost, now=NOW) == expected


# --- the reserve ---


@pytest.mark.parametrize(
    ("reserve", "limit", "kept"),
    [
        (Reserve(0.1), 5000, 500),
        (Reserve(0.1), 12_500, 1250),
        (Reserve(0, 300), 5000, 300),
        (Reserve(0), 5000, 0),
        (Reserve(0, 9000), 5000, 4500),  # never all of it
    ],
)
def test_a_reserve_is_a_part_or_a_number(reserve, limit, kept):
    assert reserve.of(limit) == kept


def test_work_fits_while_the_reserve_stays_untouched():
    assert room(window(520), in_flight=0, reserve=RESERVE) == 20
    assert room(window(520), in_flight=1, reserve=RESERVE) == 19
    assert room(window(499), in_flight=0, reserve=RESERVE) == 0


def test_everything_fits_where_no_limit_is_known():
    assert room(Window(), in_flight=9, reserve=RESERVE) == ENDLESS_ROOM
    assert room(UNLIMITED, in_flight=9, reserve=RESERVE) == ENDLESS_ROOM


# --- secondary limits ---


@pytest.mark.parametrize(
    ("status", "headers", "message", "expected"),
    [
        (429, {}, "", True),
        (403, {"retry-after": "30"}, "", True),
        (403, {"x-ratelimit-remaining": "0"}, "", True),
        (403, {}, "You have exceeded a secondary rate limit. Please wait", True),
        (403, {}, "You have triggered an abuse detection mechanism", True),
        (403, {}, "API rate limit exceeded for installation ID 7.", True),
        (403, {"x-ratelimit-remaining": "5"}, "Resource not accessible", False),
        (200, {"x-ratelimit-remaining": "0"}, "", False),
        (503, {"retry-after": "30"}, "", False),
    ],
)
def test_a_limit_is_known_in_all_its_shapes(status, headers, message, expected):
    assert is_limited(status, headers, message) is expected


def left(remaining: str, seconds: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-reset": str(int(NOW.timestamp() + seconds)),
    }


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        (left("0", 20), 21),
        (left("0", -20), 0),
        (left("0", 90_000), 3600),
        (left("7", 20), None),
        (left("0", 20) | {"retry-after": "30"}, 30),
    ],
)
def test_an_answer_names_its_time_in_two_ways(headers, seconds):
    assert named_seconds(headers, now=NOW) == seconds


def test_the_first_hold_is_what_github_asks_for_or_a_minute():
    assert struck(Hold(), sent_at=0, now=10, named=30).until == 40
    assert struck(Hold(), sent_at=0, now=10, named=None).until == 70


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]),
        (2.0, [2] * 9),
    ],
)
def test_holds_double_while_github_refuses_and_names_no_time(named, expected):
    hold, waits, now = Hold(), [], 0.0
    for _ in range(9):
        hold = struck(hold, sent_at=now, now=now, named=named)
        waits.append(hold.until - now)
        now = hold.until
    assert waits == expected


def test_an_end_is_another_one_from_a_second_on():
    later, soon = NOW + timedelta(seconds=1), NOW + timedelta(seconds=0.9)
    assert [is_other_end(NOW, end) for end in (NOW, soon, later, None)] == [
        False,
        False,
        True,
        True,
    ]
    assert is_other_end(later, NOW)
    assert is_other_end(None, NOW)
    assert not is_other_end(None, None)


def test_requests_that_were_on_their_way_count_as_one_strike():
    hold = struck(Hold(), sent_at=0, now=1, named=None)
    again = struck(hold, sent_at=0.5, now=2, named=None)
    assert again == Hold(until=62, strikes=1)


def test_a_good_answer_ends_the_strikes_only_if_it_was_asked_after_the_hold():
    hold = struck(Hold(), sent_at=0, now=0, named=None)
    assert relieved(hold, sent_at=59) == hold
    assert relieved(hold, sent_at=60) == Hold()


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.none() | st.floats(0, 5000), st.booleans()),
        max_size=30,
    )
)
def test_a_hold_is_never_shortened_and_never_below_a_retry_after(steps):
    hold, now = Hold(), 0.0
    for passed, retry_after, is_late in steps:
        now += passed
        before = hold
        sent_at = now if not is_late else max(0.0, now - 30)
        hold = struck(hold, sent_at=sent_at, now=now, named=retry_after)
        assert hold.until >= before.until
        if retry_after is not None:
            assert hold.until >= now + retry_after


# --- the pace ---


def test_writes_keep_their_distance():
    assert write_wait(None, now=5, interval=1) == 0
    assert write_wait(4.5, now=5, interval=1) == 0.5
    assert write_wait(3, now=5, interval=1) == 0


def test_a_rolling_limit_waits_for_the_oldest_to_age():
    spent = [Spent(0, 1), Spent(10, 1), Spent(20, 1)]
    assert rolling_wait(spent, now=20, most=4, seconds=60) == 0
    assert rolling_wait(spent, now=20, most=3, seconds=60) == 40
    assert rolling_wait(spent, now=20, most=3, seconds=60, cost=2) == 50
    assert rolling_wait(spent, now=60, most=3, seconds=60) == 0


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=80),
    st.integers(5, 20),
)
def test_no_minute_holds_more_than_its_limit(steps, most):
    spent: list[Spent] = []
    now = 0.0
    for passed, cost in steps:
        now += passed
        while wait := rolling_wait(spent, now=now, most=most, seconds=60, cost=cost):
            now = max(now + wait, float.__add__(now, 1e-9))
        spent.append(Spent(now, cost))
    for one in spent:
        minute = [s.amount for s in spent if one.at <= s.at < one.at + 59.999]
        assert sum(minute) <= most
