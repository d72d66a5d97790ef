"""The ledger, against a model of GitHub's counting that is told nothing of it."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import InstallationId
from bot.core.world.answers import error_of, failure_of
from bot.core.world.budget import (
    CORE,
    GRAPHQL,
    MOST_CONCURRENT,
    MOST_CONCURRENT_AWAITED,
    Call,
    call_of,
)
from bot.errors import RateLimited, TransientError
from bot.github.ledger import Account, Ledger, Pace, Ticket
from bot.github.line import APP, awaited
from bot.github.precedence import MOST_SECONDS
from bot.ports.store import Held
from tests.fakes import FakeClock, settle
from tests.github.server import HurriedClock, limits

ONE, TWO = InstallationId(1), InstallationId(2)
WRITE = Call(is_write=True)
COMMENT = Call(is_write=True, is_content=True)
EDIT = Call(is_write=True, is_content=True, lateness_seconds=15)
REACTION = Call(is_write=True, lateness_seconds=0)
QUICK = Pace(write_interval_seconds=0)


async def send(
    account: Account,
    headers: Mapping[str, str],
    *,
    call: Call | None = None,
    status: int = 200,
    message: str = "",
) -> bool:
    async with account.turn(call or Call()) as ticket:
        return account.answered(ticket, status, headers, message)


def opened(clock: FakeClock, *, pace: Pace = QUICK) -> Account:
    return Ledger(clock, pace=pace).account(ONE)


# --- the primary limit ---


async def test_the_last_request_is_sent_and_the_next_waits_for_the_reset():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, limits(clock, remaining=1, reset_in=50))
    await send(account, limits(clock, remaining=0, reset_in=50))
    assert clock.monotonic() == 0
    await send(account, {})
    assert clock.monotonic() == 51


async def test_a_wait_of_more_than_a_minute_is_an_error_at_once():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, limits(clock, remaining=0))
    with pytest.raises(RateLimited) as caught:
        await send(account, {})
    assert caught.value.until == clock.now() + timedelta(seconds=3601)
    assert caught.value.retry_after_seconds == 3601
    assert clock.slept == []


async def test_only_one_request_goes_ahead_while_nothing_is_told():
    clock = FakeClock()
    account = opened(clock)
    started: list[int] = []

    async def ask(number: int) -> None:
        async with account.turn(Call()) as ticket:
            started.append(number)
            await clock.sleep(1)
            account.answered(ticket, 200, limits(clock, remaining=4000))

    tasks = [asyncio.create_task(ask(number)) for number in range(4)]
    await settle()
    assert started == [0]
    await clock.advance(1)
    assert started == [0, 1, 2, 3]
    await clock.advance(1)
    await asyncio.gather(*tasks)


async def test_a_server_without_limits_is_not_slowed_down():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, {})
    for _ in range(20):
        async with account.turn(Call()):
            await send(account, {})
    assert clock.slept == []
    assert account.room() > 1e5


async def test_an_exhausted_resource_does_not_stop_another():
    clock = HurriedClock()
    account = opened(clock)
    query = Call(GRAPHQL)
    await send(account, limits(clock, remaining=0, resource=GRAPHQL), call=query)
    await send(account, limits(clock, remaining=4000))
    await send(account, limits(clock, remaining=3999))
    with pytest.raises(RateLimited):
        await send(account, {}, call=query)


@pytest.mark.parametrize("status", [200, 201, 204, 304, 401, 403, 404, 422, 429, 502])
@pytest.mark.parametrize("resource", [CORE, GRAPHQL])
async def test_every_answer_tells_what_is_left(status: int, resource: str):
    clock = HurriedClock()
    account = opened(clock)
    headers = limits(clock, remaining=4321, resource=resource)
    await send(account, headers, call=Call(resource), status=status)
    assert account.budgets()[resource].remaining == 4321


# --- the reserve and what is shown ---


async def test_the_budget_shows_what_github_told():
    clock = HurriedClock()
    account = opened(clock)
    assert not account.budget().is_known
    await send(account, limits(clock, remaining=9000, limit=12_500))
    shown = account.budget()
    assert (shown.limit, shown.remaining, shown.reserve) == (12_500, 9000, 1250)
    assert shown.reset_at == clock.now() + timedelta(hours=1)
    assert shown.held_until is None


async def test_past_the_reserve_no_work_begins_but_what_runs_may_end():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, limits(clock, remaining=500))
    assert account.room() < 1
    assert account.budget().held_until == clock.now() + timedelta(hours=1)
    await send(account, limits(clock, remaining=499))
    assert clock.slept == []


async def test_requests_in_flight_count_before_they_are_answered():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, limits(clock, remaining=510))
    assert account.room() >= 10
    async with account.turn(Call()):
        assert account.room() < 10
        assert account.budget().remaining == 509
    assert account.room() < 10  # no answer came: it may have counted


async def test_work_needs_points_of_graphql_as_well():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, limits(clock, remaining=5000))
    assert account.room() >= 10
    spent = limits(clock, remaining=501, resource=GRAPHQL)
    await send(account, spent, call=Call(GRAPHQL))
    assert account.room() < 10


async def test_after_the_reset_there_is_room_again():
    clock = HurriedClock()
    account = opened(clock)
    await send(account, limits(clock, remaining=0, reset_in=30))
    assert account.room() < 10
    await clock.sleep(31)
    assert account.room() >= 10
    assert account.budget().held_until is None


# --- secondary limits ---


async def test_a_retry_after_holds_the_whole_installation():
    clock = HurriedClock()
    account = opened(clock)
    assert await send(account, {"retry-after": "40"}, status=403)
    assert account.room() < 1
    assert account.budget().held_until == clock.now() + timedelta(seconds=40)
    await send(account, {}, call=Call(GRAPHQL))
    assert clock.monotonic() == 40


async def test_a_message_alone_holds_for_a_minute_and_then_for_longer():
    clock = HurriedClock()
    account = opened(clock)
    message = "You have exceeded a secondary rate limit."
    assert await send(account, {}, status=403, message=message)
    assert await send(account, {}, status=403, message=message)
    assert clock.monotonic() == 60
    with pytest.raises(RateLimited) as caught:
        await send(account, {})
    assert caught.value.retry_after_seconds == 120


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (429, {}, ""),
        (403, {"x-ratelimit-remaining": "0"}, ""),
        (403, {}, "You have exceeded a secondary rate limit."),
        (403, {}, "You have triggered an abuse detection mechanism."),
    ],
)
async def test_a_hold_goes_on_and_doubles_over_restarts(status, headers, message):
    clock = HurriedClock()
    kept: dict[InstallationId, Held | None] = {}

    def restarted() -> Ledger:
        ledger = Ledger(clock, pace=QUICK, keep=kept.__setitem__)
        ledger.go_on({one: held for one, held in kept.items() if held})
        return ledger

    async def hold_of(refused: Account) -> float:
        """Wait out the hold, be refused again, and return how long the next one is."""
        await clock.sleep(refused.held_seconds())
        await send(refused, headers, status=status, message=message)
        return restarted().account(ONE).held_seconds()

    assert [await hold_of(restarted().account(ONE)) for _ in range(4)] == [
        pytest.approx(seconds) for seconds in (60, 120, 240, 480)
    ]
    assert restarted().account(ONE).room() == 0
    with pytest.raises(RateLimited):
        await send(restarted().account(ONE), {})
    assert restarted().account(TWO).room() > 0
    await clock.sleep(480)
    await send(restarted().account(ONE), {})
    assert kept == {ONE: None}
    assert await hold_of(restarted().account(ONE)) == pytest.approx(60)


async def test_a_second_refusal_that_names_its_time_is_believed_too():
    clock = HurriedClock()
    account = opened(clock)
    for _ in range(4):
        await send(account, {"retry-after": "2"}, status=403)
        assert account.held_seconds() == 2
    assert clock.monotonic() == 6


async def test_a_hold_is_kept_again_only_when_its_end_is_another_one():
    clock = FakeClock()
    kept: list[Held | None] = []
    tickets: list[Ticket] = []
    ledger = Ledger(clock, pace=QUICK, keep=lambda _one, held: kept.append(held))
    account = ledger.account(ONE)
    await send(account, {})
    async with AsyncExitStack() as stack:
        for _ in range(4):
            ticket = await stack.enter_async_context(account.turn(Call()))
            tickets.append(ticket)
        for ticket in tickets:
            account.answered(ticket, 429, {"retry-after": "60"})
            await clock.advance(0.4)
    ends = [held.until for held in kept if held]
    assert len(ends) == 2
    assert ends[1] - ends[0] >= timedelta(seconds=1)


# --- writes ---


async def times_of(
    clock: FakeClock, account: Account, calls: list[Call]
) -> list[float]:
    at: list[float] = []

    async def write(call: Call) -> None:
        async with account.turn(call) as ticket:
            at.append(clock.monotonic())
            account.answered(ticket, 200, {})

    tasks = [asyncio.create_task(write(call)) for call in calls]
    await clock.run_until(lambda: all(task.done() for task in tasks))
    await asyncio.gather(*tasks)
    return at


async def test_writes_are_an_interval_apart():
    clock = FakeClock()
    account = opened(clock, pace=Pace(write_interval_seconds=1))
    assert await times_of(clock, account, [WRITE] * 4) == [0, 1, 2, 3]


async def test_the_interval_counts_from_the_start_of_a_write():
    clock = FakeClock()
    account = opened(clock, pace=Pace(write_interval_seconds=1))
    began: list[float] = []

    async def write(seconds: float) -> None:
        async with account.turn(WRITE) as ticket:
            began.append(clock.monotonic())
            await clock.sleep(seconds)
            account.answered(ticket, 200, {})

    tasks = [asyncio.create_task(write(seconds)) for seconds in (0.3, 2.5, 0.3, 0.3)]
    await clock.run_until(lambda: all(task.done() for task in tasks))
    assert began == [0, 1, 3.5, 4.5]


async def test_writes_are_serial_even_without_a_pace():
    clock = FakeClock()
    account = opened(clock)
    under_way = most = 0

    async def write() -> None:
        nonlocal under_way, most
        async with account.turn(WRITE) as ticket:
            under_way += 1
            most = max(most, under_way)
            await clock.sleep(1)
            under_way -= 1
            account.answered(ticket, 200, {})

    tasks = [asyncio.create_task(write()) for _ in range(5)]
    await clock.run_until(lambda: all(task.done() for task in tasks))
    assert most == 1
    assert clock.monotonic() == 5


async def test_a_minute_has_at_most_its_share_of_content():
    clock = FakeClock()
    pace = Pace(write_interval_seconds=0.1, points_per_minute=10_000)
    at = await times_of(clock, opened(clock, pace=pace), [COMMENT] * 61)
    assert at[59] == pytest.approx(5.9)
    assert at[60] == pytest.approx(60)


def most_within(at: list[float], seconds: float) -> int:
    """Return the most that any interval of *seconds* holds."""
    return max(sum(one <= other < one + seconds for other in at) for one in at)


async def test_a_day_of_comments_keeps_to_60_a_minute_and_400_an_hour():
    clock = HurriedClock()
    pace = Pace(write_interval_seconds=0.1, points_per_minute=10_000)
    account = opened(clock, pace=pace)
    at: list[float] = []
    while len(at) < 1_000:
        try:
            async with account.turn(COMMENT) as ticket:
                at.append(clock.monotonic())
                account.answered(ticket, 201, {})
        except RateLimited as error:
            await clock.sleep(error.retry_after_seconds or 0)
    assert most_within(at, 59.9) == 60
    assert most_within(at, 3599.9) == 400


async def test_searches_are_at_most_20_a_minute_and_hold_nothing_else_up():
    clock = FakeClock()
    account = opened(clock, pace=Pace(write_interval_seconds=1))
    search = call_of("GET", "/search/issues")
    at = await times_of(clock, account, [search] * 45 + [Call()] * 30)
    assert sorted(at) == [0] * 50 + [60] * 20 + [120] * 5


async def test_at_most_20_requests_are_under_way_at_once():
    clock = FakeClock()
    account = opened(clock)
    await send(account, {})
    under_way = most = 0

    async def ask() -> None:
        nonlocal under_way, most
        async with account.turn(Call()) as ticket:
            under_way += 1
            most = max(most, under_way)
            await clock.sleep(1)
            under_way -= 1
            account.answered(ticket, 200, {})

    tasks = [asyncio.create_task(ask()) for _ in range(50)]
    await clock.run_until(lambda: all(task.done() for task in tasks))
    assert most == 20
    assert clock.monotonic() == 3


async def test_an_hour_has_at_most_its_share_of_content():
    clock = HurriedClock()
    account = opened(clock, pace=Pace(content_per_hour=100))
    for _ in range(100):
        await send(account, {}, call=COMMENT)
    with pytest.raises(RateLimited):
        await send(account, {}, call=COMMENT)
    await send(account, {}, call=REACTION)


async def test_bursts_of_reads_stay_below_the_points_of_a_minute():
    clock = HurriedClock()
    account = opened(clock, pace=Pace(points_per_minute=50))
    for _ in range(50):
        await send(account, {})
    assert clock.monotonic() == 0
    await send(account, {})
    assert clock.monotonic() == 60


async def test_a_reaction_overtakes_edits_and_an_old_edit_is_not_starved():
    clock = FakeClock()
    account = opened(clock, pace=Pace(write_interval_seconds=1))
    order: list[str] = []

    async def write(name: str, call: Call) -> None:
        async with account.turn(call) as ticket:
            order.append(name)
            account.answered(ticket, 200, {})

    names = [("first", WRITE), ("edit", EDIT), ("label", WRITE), ("eyes", REACTION)]
    tasks = [asyncio.create_task(write(*one)) for one in names]
    await settle()
    for number in range(30):
        await clock.advance(1)
        tasks.append(asyncio.create_task(write(f"label {number}", WRITE)))
    await clock.run_until(lambda: all(task.done() for task in tasks))
    assert order[:3] == ["first", "eyes", "label"]
    assert 5 < order.index("edit") < 20


async def test_a_writer_that_gives_way_and_is_cancelled_leaves_the_queue_in_order():
    clock = FakeClock()
    account = opened(clock, pace=Pace(write_interval_seconds=10))
    await send(account, {}, call=WRITE)
    edit = asyncio.create_task(send(account, {}, call=EDIT))
    await settle()  # it has the turn and waits for the interval
    eyes = [asyncio.create_task(send(account, {}, call=REACTION)) for _ in range(2)]
    await clock.advance(10)
    assert [task.done() for task in (edit, *eyes)] == [False, True, False]
    edit.cancel()
    await clock.advance(10)
    assert [task.done() for task in (edit, *eyes)] == [True, True, True]
    last = asyncio.create_task(send(account, {}, call=WRITE))
    await clock.advance(10)
    assert last.done()


async def test_a_cancelled_writer_does_not_keep_its_turn():
    clock = FakeClock()
    account = opened(clock)
    release = asyncio.Event()

    async def write() -> None:
        async with account.turn(WRITE) as ticket:
            await release.wait()
            account.answered(ticket, 200, {})

    tasks = [asyncio.create_task(write()) for _ in range(3)]
    await settle()
    tasks[1].cancel()
    # Its turn comes in the same round of the loop as the next cancellation.
    release.set()
    await settle()
    assert tasks[2].done()
    assert account.budget().remaining == 0
    await asyncio.gather(tasks[0], tasks[2])


async def test_a_turn_that_comes_while_its_writer_is_cancelled_is_passed_on():
    clock = FakeClock()
    account = opened(clock)
    holder = account.turn(WRITE)
    await holder.__aenter__()
    second = asyncio.create_task(send(account, {}, call=WRITE))
    third = asyncio.create_task(send(account, {}, call=WRITE))
    await settle()
    await holder.__aexit__(None, None, None)  # hands the turn to the second
    second.cancel()
    await settle()
    assert second.cancelled()
    assert third.done()


# --- meters ---


async def test_requests_are_charged_to_the_innermost_meters_around_them():
    clock = HurriedClock()
    ledger = Ledger(clock, pace=QUICK)
    account = ledger.account(ONE)
    with ledger.metered("b7k2"):
        await send(account, {})
        with ledger.metered("b7k2", "b7k2-15-1"):
            await send(account, {})
            await asyncio.create_task(send(account, {}))
            await send(account, {}, status=304)
        with ledger.metered("c4m9"):
            await send(account, {})
    await send(account, {})
    assert ledger.spent("b7k2") == 3
    assert ledger.spent("c4m9") == 1
    assert ledger.spent("b7k2-15-1") == 2
    assert ledger.spent("other") == 0


# --- properties ---

PERIOD = 300
LATENCY = st.floats(0.0, 20.0)


@dataclass
class CountingGitHub:
    """Counts as GitHub does, and notes what it should never have been sent."""

    clock: FakeClock
    limit: int
    used: int
    reset_at: datetime
    held_until: float = 0.0
    told_at: dict[datetime, float] = field(default_factory=dict)
    offences: list[str] = field(default_factory=list)

    async def ask(self, account: Account, plan: "Plan") -> None:
        await self.clock.sleep(plan.starts_after)
        try:
            async with account.turn(Call(cost=1)) as ticket:
                sent_at = self.clock.monotonic()
                if sent_at < self.held_until:
                    self.offences.append(f"sent at {sent_at} in a hold")
                await self.clock.sleep(plan.there)
                status, headers = self.counted(plan, sent_at)
                reset_at = self.reset_at
                await self.clock.sleep(plan.back)
                if plan.kind == "lost":
                    return
                now = self.clock.monotonic()
                self.told_at.setdefault(reset_at, now)
                if "retry-after" in headers:
                    held = now + float(headers["retry-after"])
                    self.held_until = max(self.held_until, held)
                account.answered(ticket, status, headers)
        except RateLimited:
            return

    def counted(self, plan: "Plan", sent_at: float) -> tuple[int, dict[str, str]]:
        now = self.clock.now()
        if now >= self.reset_at:
            self.used = 0
            whole = now.replace(microsecond=0)
            self.reset_at = whole + timedelta(seconds=PERIOD)
        if self.used >= self.limit and self.told_at.get(self.reset_at, 1e9) <= sent_at:
            self.offences.append(f"sent at {sent_at} past zero")
        is_free = plan.kind == "unchanged"
        if not is_free:
            self.used = min(self.limit, self.used + 1)
        headers = {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.limit - self.used),
            "x-ratelimit-reset": str(int(self.reset_at.timestamp())),
            "x-ratelimit-resource": CORE,
        }
        if plan.kind == "limited":
            return 403, headers | {"retry-after": str(plan.retry_after)}
        return (304 if is_free else 200), headers


@dataclass(frozen=True)
class Plan:
    starts_after: float
    there: float
    back: float
    kind: str
    retry_after: int


PLANS = st.builds(
    Plan,
    starts_after=st.floats(0, 600),
    there=LATENCY,
    back=LATENCY,
    kind=st.sampled_from(["fine"] * 6 + ["unchanged", "lost", "lost", "limited"]),
    retry_after=st.integers(0, 40),
)


@settings(max_examples=120, deadline=None)
@given(
    plans=st.lists(PLANS, min_size=10, max_size=40),
    limit=st.integers(1, 8),
    used=st.integers(0, 4),
)
def test_nothing_is_ever_sent_past_zero_or_into_a_hold(plans, limit, used):
    async def simulate() -> list[str]:
        clock = FakeClock()
        account = opened(clock)
        reset_at = clock.now() + timedelta(seconds=PERIOD)
        github = CountingGitHub(clock, limit, min(used, limit), reset_at)
        tasks = [asyncio.create_task(github.ask(account, plan)) for plan in plans]
        await clock.run_until(lambda: all(task.done() for task in tasks))
        await asyncio.gather(*tasks)
        return github.offences

    assert asyncio.run(simulate()) == []


@settings(max_examples=60, deadline=None)
@given(plans=st.lists(PLANS, min_size=1, max_size=30), at=st.floats(0, 900))
def test_no_installation_ever_delays_another(plans, at):
    async def simulate() -> tuple[float, float]:
        clock = FakeClock()
        ledger = Ledger(clock, pace=Pace(write_interval_seconds=5))
        busy, quiet = ledger.account(ONE), ledger.account(TWO)
        github = CountingGitHub(clock, 5, 5, clock.now() + timedelta(seconds=PERIOD))
        tasks = [asyncio.create_task(github.ask(busy, plan)) for plan in plans]
        passed: list[float] = []

        async def ask_quietly() -> None:
            await clock.sleep(at)
            before = clock.monotonic()
            await send(quiet, limits(clock, remaining=100), call=WRITE)
            await send(quiet, limits(clock, remaining=99))
            passed.append(clock.monotonic() - before)

        tasks.append(asyncio.create_task(ask_quietly()))
        await clock.run_until(lambda: all(task.done() for task in tasks))
        await asyncio.gather(*tasks)
        return passed[0], 0.0

    passed, expected = asyncio.run(simulate())
    assert passed == expected


# --- precedence ---


async def test_who_had_to_wait_goes_first_and_others_go_on_when_it_does_not_come():
    clock = FakeClock()
    account = opened(clock)
    order: list[str] = []

    async def ask(name: str, call: Call) -> None:
        async with account.turn(call):
            order.append(name)

    await send(account, {"retry-after": "90"}, status=429)
    with pytest.raises(RateLimited), account.precedence.first("cancel"):
        await ask("cancel", Call())
    await clock.advance(90)
    others = [asyncio.create_task(ask(n, c)) for n, c in (("r", Call()), ("w", WRITE))]
    await settle()
    with account.precedence.first("cancel"):
        await ask("cancel", Call())
        await ask("reply", COMMENT)
    await asyncio.gather(*others)
    assert order[:2] == ["cancel", "reply"]
    assert sorted(order[2:]) == ["r", "w"]
    await send(account, {"retry-after": "90"}, status=429)
    with pytest.raises(RateLimited), account.precedence.first("pause"):
        await ask("pause", Call())
    await clock.advance(90)
    late = asyncio.create_task(ask("late", Call()))
    await settle()
    assert "late" not in order
    await clock.advance(MOST_SECONDS)
    await late


async def test_one_whose_own_question_fails_holds_nobody_up():
    clock = FakeClock()
    account = opened(clock)
    with pytest.raises(TransientError), account.precedence.first("cancel"):
        raise error_of(failure_of(502), is_change=False, said="502")
    await send(account, {})


async def test_what_a_person_waits_for_is_sent_while_an_installation_is_busy():
    clock = FakeClock()
    account = opened(clock)
    await send(account, {})
    begun = 0

    async def ask(*, for_person: bool) -> None:
        nonlocal begun
        with awaited() if for_person else nullcontext():
            async with account.turn(Call()) as ticket:
                begun += 1
                await clock.sleep(1)
                account.answered(ticket, 200, {})

    crowd = [asyncio.create_task(ask(for_person=False)) for _ in range(30)]
    await settle()
    assert begun == MOST_CONCURRENT
    people = [asyncio.create_task(ask(for_person=True)) for _ in range(30)]
    await settle()
    assert begun == MOST_CONCURRENT_AWAITED
    await clock.advance(1)
    assert begun == 60  # nobody is forgotten
    await clock.advance(5)
    await asyncio.gather(*crowd, *people)


async def test_tokens_count_as_github_counts_them_and_some_are_kept_for_people():
    clock = FakeClock()
    ledger = Ledger(clock, pace=Pace(points_per_minute=100))
    app = ledger.account(APP)
    token = call_of("POST", "/app/installations/7/access_tokens")
    asked: list[str] = []

    async def ask(who: str) -> None:
        with awaited() if who == "a person" else nullcontext():
            async with app.turn(token) as ticket:
                asked.append(who)
                app.answered(ticket, 201, {})

    tasks = [asyncio.create_task(ask("nobody")) for _ in range(30)]
    await settle()
    assert asked == ["nobody"] * 16
    tasks += [asyncio.create_task(ask("a person")) for _ in range(5)]
    await settle()
    assert asked[16:] == ["a person"] * 4
    await clock.advance(61)
    await settle()
    assert asked.count("a person") == 5
    assert asked.count("nobody") >= 16 + 14 - 1
    await clock.advance(61)
    await asyncio.gather(*tasks)
