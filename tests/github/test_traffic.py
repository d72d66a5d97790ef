"""What the ledger tells those who watch: answers, waits, what is left, and trouble."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from bot.core.model import InstallationId
from bot.core.run.capacity import Outage
from bot.core.world.budget import CORE, GRAPHQL, SEARCH, Call
from bot.core.world.permissions import PERMISSIONS
from bot.errors import RateLimited
from bot.github.examined import of_grants, of_ledger
from bot.github.ledger import Ledger, Pace
from bot.github.line import APP
from bot.ports.examined import State
from tests.fakes import FakeClock
from tests.github.server import HurriedClock, limits

ONE = InstallationId(1)
QUICK = Pace(write_interval_seconds=0)


def opened(clock: FakeClock, pace: Pace = QUICK) -> Ledger:
    return Ledger(clock, pace=pace)


async def send(
    ledger: Ledger,
    status: int | None,
    headers: dict[str, str] | None = None,
    *,
    call: Call | None = None,
    account: InstallationId = ONE,
) -> None:
    """Send a request; a *status* of None stands for no answer at all."""
    async with ledger.account(account).turn(call or Call()) as ticket:
        if status is not None:
            ledger.account(account).answered(ticket, status, headers or {})


async def test_every_request_is_counted_once_by_resource_and_class():
    ledger = opened(HurriedClock())
    for status in (200, 201, 304, 301, 404, 502, None):
        await send(ledger, status)
    await send(ledger, 429)
    await send(ledger, 200, call=Call(GRAPHQL))
    await send(ledger, 422, call=Call(SEARCH))
    assert ledger.traffic.answers == {
        (CORE, "2xx"): 2,
        (CORE, "304"): 1,
        (CORE, "3xx"): 1,
        (CORE, "4xx"): 1,
        (CORE, "5xx"): 1,
        (CORE, "lost"): 1,
        (CORE, "limited"): 1,
        (GRAPHQL, "2xx"): 1,
        (SEARCH, "4xx"): 1,
    }


async def test_waits_are_counted_in_seconds_by_what_is_waited_for():
    clock = HurriedClock()
    ledger = opened(clock, Pace(write_interval_seconds=2))
    told = limits(clock, remaining=4000, reset_in=80)
    write = Call(is_write=True)
    await send(ledger, 200, told, call=write)
    await send(ledger, 200, told, call=write)  # two seconds later
    await send(ledger, 429, {"retry-after": "30"})
    await send(ledger, 200, {**told, "x-ratelimit-remaining": "0"})
    await send(ledger, 200)
    assert ledger.traffic.waits == {"pace": 1, "hold": 1, "budget": 1}
    assert ledger.traffic.waited_seconds == {
        "pace": pytest.approx(2),
        "hold": pytest.approx(30),
        "budget": pytest.approx(80 + 1 - 2 - 30),
    }


async def test_a_request_that_would_wait_long_is_turned_away_and_counted():
    clock = HurriedClock()
    ledger = opened(clock)
    await send(ledger, 200, limits(clock, remaining=0, reset_in=600))
    with pytest.raises(RateLimited):
        await send(ledger, 200)
    assert ledger.traffic.turned_away == {"budget": 1}
    assert ledger.traffic.waits == {}


async def test_what_is_left_is_told_by_installation_and_resource():
    clock = HurriedClock()
    ledger = opened(clock)
    assert ledger.budgets() == {}
    await send(ledger, 200, limits(clock, remaining=4000))
    await send(ledger, 429, {"retry-after": "30"}, call=Call(GRAPHQL))
    core = ledger.budgets()[ONE][CORE]
    assert (core.limit, core.remaining, core.reserve) == (5000, 4000, 500)
    assert ledger.held_seconds() == {ONE: 30}
    assert GRAPHQL not in ledger.budgets()[ONE]  # GitHub told nothing of it


def said(ledger: Ledger) -> list[str]:
    """Return what is not fine."""
    found = of_ledger(ledger, ledger.account(APP)._clock.now())
    return [str(one) for one in found if one.state is not State.FINE]


async def test_github_is_out_of_reach_after_three_bad_answers_until_one_good():
    ledger = opened(HurriedClock())
    for status in (None, 502, 404, None, None):
        await send(ledger, status)
        assert said(ledger) == []
    await send(ledger, None)
    expected = "GitHub does not answer since 15:00:00 UTC (3 requests in a row)"
    assert said(ledger) == [expected]
    await send(ledger, 503)
    (words,) = said(ledger)
    assert "answers with errors since 15:00:00 UTC (4 requests" in words
    await send(ledger, 200)
    assert said(ledger) == []


async def test_a_limit_does_not_put_github_out_of_reach():
    ledger = opened(HurriedClock())
    for number in range(5):
        await send(ledger, 429, account=InstallationId(number))
    (words,) = said(ledger)
    assert words.startswith("GitHub wants nothing of 5 installations until 15:0")


async def test_a_refused_key_is_broken_until_it_is_accepted():
    ledger = opened(HurriedClock())
    await send(ledger, 401)  # an installation's token, renewed by itself
    assert said(ledger) == []
    await send(ledger, 401, account=APP)
    assert said(ledger) == []  # once is weather
    await send(ledger, 401, account=APP)
    (words,) = said(ledger)
    assert words.startswith("GitHub refuses the app's key (401): check APP_ID")
    await send(ledger, 200)
    assert said(ledger) == [words]
    await send(ledger, 200, account=APP)
    assert said(ledger) == []


async def test_tokens_that_stay_refused_are_said():
    ledger = opened(HurriedClock())
    for _ in range(6):
        assert said(ledger) == []
        await send(ledger, 401)
    assert said(ledger) == [
        "GitHub refuses tokens that it made (401): installation 1:"
        " what is accepted waits until they are taken"
    ]
    await send(ledger, 200)
    assert said(ledger) == []


async def test_what_can_be_worked_on_is_known_by_installation():
    clock = HurriedClock()
    ledger, began_at = opened(clock), clock.now()
    other = InstallationId(2)
    for _ in range(6):
        assert ledger.outage(ONE) is None
        await send(ledger, 401)
    assert ledger.outage(ONE) == Outage(began_at, is_refusal=True)
    assert ledger.outage(other) is None
    for _ in range(2):
        assert ledger.outage(other) is None
        await send(ledger, 401, account=APP)
    assert ledger.outage(other) == Outage(began_at, is_refusal=True)
    await send(ledger, 200, account=APP)
    await send(ledger, 200)
    for _ in range(3):
        assert ledger.outage(ONE) is None
        await send(ledger, None, account=other)
    assert ledger.outage(ONE) == Outage(began_at)


@pytest.mark.parametrize(
    ("github_ahead_seconds", "words"),
    [
        (0, []),
        (29, []),
        (-29, []),
        (95, ["this machine's clock is 95 s behind GitHub's"]),
        (-95, ["this machine's clock is 94 s ahead of GitHub's"]),
    ],
)
async def test_a_clock_that_is_not_githubs_is_said(
    github_ahead_seconds: float, words: list[str]
):
    clock = HurriedClock()
    ledger = opened(clock)
    told = clock.now() + timedelta(seconds=github_ahead_seconds)
    await send(ledger, 200, {"date": format_datetime(told, usegmt=True)})
    assert [one.partition(":")[0] for one in said(ledger)] == words
    for strange in ("yesterday", "", "Tue, 03 Mar 2026 11:00:00 -0000"):
        await send(ledger, 200, {"date": strange})
        assert len(said(ledger)) == len(words)
    await send(ledger, 200, {"date": format_datetime(clock.now(), usegmt=True)})
    assert said(ledger) == []


def test_a_permission_that_is_not_granted_is_said_once_for_all_who_lack_it():
    all_ = {name: permission.level for name, permission in PERMISSIONS.items()}
    reads = all_ | {"issues": "read"}
    without = {
        n: level
        for n, level in all_.items()
        if n not in ("issues", "checks", "members")
    }
    granted = {InstallationId(n): g for n, g in ((7, all_), (9, reads), (8, without))}
    found = list(of_grants(granted))
    assert {one.state for one in found} == {State.NOTE}
    assert [one.words for one in found] == [
        "issues: write is not granted by installations 8, 9",
        "checks: write is not granted by installation 8",
    ]
