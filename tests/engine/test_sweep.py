"""What the sweep takes in, what it leaves alone, and that it goes on whatever fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.core.model import (
    BatchId,
    InstallationId,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Reference,
)
from bot.core.world.answers import Answered, Failure
from bot.core.world.markers import box, marker
from bot.engine.sweep import (
    GITHUB_KEEPS,
    KEEP_GUIDS,
    Awaited,
    Forgotten,
    Missed,
    Short,
    Sweep,
    Untold,
)
from bot.errors import BotError, TransientError
from bot.ports.github import HookDelivery
from bot.ports.store import Delivery
from tests.fakes import START, FakeClock

KEY = b"key"
SEVEN = InstallationId(7)
AWAY = Reference("acme/gears", ItemNumber(5))


def listed(
    guid: str, *, accepted: bool, event: str = "issue_comment", action: str = "created"
) -> HookDelivery:
    return HookDelivery(len(guid), guid, event, START, accepted, action)


def facts(*, is_open: bool, reason: str = "") -> ItemFacts:
    return ItemFacts(
        ItemNumber(5), ItemKind.ISSUE, "", "", "", is_open, START, state_reason=reason
    )


@dataclass
class World:
    """GitHub's list of deliveries, the store that knows some, and who waits."""

    listed: list[HookDelivery] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    waiting: dict[InstallationId, frozenset[Reference]] = field(default_factory=dict)
    seen: dict[Reference, ItemFacts] = field(default_factory=dict)
    faults: list[BotError] = field(default_factory=list)
    asked_since: list[datetime] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    pruned: list[tuple[datetime, datetime]] = field(default_factory=list)
    settled: dict[Reference, bool] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    known_batches: set[BatchId] = field(default_factory=set)
    forgotten: Forgotten | None = None
    untold: list[BatchId] = field(default_factory=list)
    told: set[BatchId] = field(default_factory=set)
    caught_up: list[BatchId] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    sweeping: asyncio.Task[None] | None = None

    async def after(self, seconds: float) -> None:
        """Let time pass; with the first second the sweep begins."""
        if self.sweeping is None:
            part: Any = self
            missed = Missed(
                deliveries=part,
                past=part,
                inbox=part,
                forgotten=Forgotten(past=part, batches=part, marker_key=KEY),
                clock=self.clock,
            )
            self.forgotten = missed._forgotten
            chores = Awaited(part, part), missed, Untold(part, part)
            sweep = Sweep(chores, clock=self.clock, every_seconds=300)
            self.sweeping = asyncio.create_task(sweep.run())
        await self.clock.advance(seconds)

    async def since(self, instant: datetime) -> Sequence[HookDelivery]:
        self.asked_since.append(instant)
        if self.faults:
            raise self.faults.pop()
        return self.listed

    async def get(self, delivery: HookDelivery) -> Delivery:
        self.read.append(delivery.guid)
        comment = {
            "body": self.bodies.get(delivery.guid, ""),
            "html_url": f"https://x.test/{delivery.guid}",
        }
        body = json.dumps({"comment": comment}).encode()
        return Delivery(delivery.guid, delivery.event, START, body)

    async def load(self, batch_id: BatchId) -> object | None:
        return batch_id if batch_id in self.known_batches else None

    async def known_guids(self, guids: Sequence[str]) -> frozenset[str]:
        return frozenset(self.known & set(guids))

    async def add(self, delivery: Delivery) -> bool:
        self.taken.append(delivery.guid)
        self.known.add(delivery.guid)
        return True

    async def prune(self, *, before: datetime, bodies_before: datetime) -> int:
        self.pruned.append((before, bodies_before))
        return 0

    def open_outside(self) -> Mapping[InstallationId, frozenset[Reference]]:
        return self.waiting

    async def settle_outside(
        self, reference: Reference, facts: ItemFacts | None
    ) -> None:
        self.settled[reference] = facts is not None and facts.is_satisfied

    async def unconcluded(self) -> list[BatchId]:
        return [name for name in self.untold if name not in self.told]

    def catch_up(self, batch_id: BatchId) -> None:
        self.caught_up.append(batch_id)

    async def references(
        self, installation_id: InstallationId, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        return {r: self.seen[r] for r in references if r in self.seen}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    assert made.sweeping is not None
    made.sweeping.cancel()
    with suppress(asyncio.CancelledError):
        await made.sweeping


async def test_what_nobody_accepted_is_taken_in_once(world: World):
    world.listed = [listed("lost", accepted=False), listed("lost", accepted=False)]
    await world.after(1)
    await world.after(300)
    assert world.taken == ["lost"]


async def test_what_was_accepted_and_is_unknown_is_left_alone(world: World):
    """The database is an older one: to run its commands again would double them."""
    world.listed = [listed("before the backup", accepted=True)]
    await world.after(1)
    assert world.taken == []
    assert world.forgotten is not None
    assert world.forgotten.deliveries == {"before the backup": START}
    assert world.forgotten.running == {}


async def test_of_the_news_of_check_runs_only_buttons_are_kept_and_so_missed(
    world: World,
):
    world.listed = [
        listed(
            f"{action} {accepted}", accepted=accepted, event="check_run", action=action
        )
        for action in ("created", "completed", "requested_action")
        for accepted in (True, False)
    ]
    await world.after(1)
    assert world.taken == ["requested_action False"]
    assert world.forgotten is not None
    assert list(world.forgotten.deliveries) == ["requested_action True"]


async def test_batches_that_are_said_to_run_and_are_unknown_are_named(world: World):
    def tracking(name: str, *, is_live: bool) -> str:
        box_ = box("cancel", text="Cancel") if is_live else ""
        return f"{marker('tracking', name, KEY)}\n{box_}"

    bodies = {
        "1": tracking("a1a1", is_live=True),
        "2": tracking("b2b2", is_live=True),
        "3": tracking("b2b2", is_live=False),
        "4": tracking("c3c3", is_live=True),
        "5": marker("tracking", "d4d4", b"another") + "\n- [ ] <!-- batch:cancel -->",
        "6": "no comment of the bot",
    }
    world.bodies = bodies
    world.known_batches = {BatchId("c3c3")}
    world.listed = [listed(guid, accepted=True) for guid in bodies]
    await world.after(1)
    assert world.forgotten is not None
    assert world.forgotten.running == {"a1a1": "https://x.test/1"}
    assert len(world.forgotten.deliveries) == 6
    asked = len(world.read)
    await world.after(300)
    assert len(world.read) == asked


async def test_what_was_redelivered_with_success_is_left_alone(world: World):
    world.listed = [listed("again", accepted=False), listed("again", accepted=True)]
    await world.after(1)
    assert world.taken == []


async def test_what_is_known_or_no_reason_to_act_is_left_alone(world: World):
    world.known = {"known"}
    world.listed = [
        listed("known", accepted=False),
        listed("chatter", accepted=False, event="star"),
    ]
    await world.after(1)
    assert world.taken == []


async def test_it_asks_for_all_that_github_has_and_then_for_what_is_new(world: World):
    await world.after(1)
    await world.after(300)
    first, second = world.asked_since
    slack = timedelta(minutes=10)
    assert first == START - GITHUB_KEEPS - slack
    assert second == START - slack


async def test_after_a_fault_it_asks_again_for_the_same_time(world: World):
    world.faults = [TransientError(Answered(Failure.LATE))]
    world.listed = [listed("lost", accepted=False)]
    await world.after(1)
    assert world.taken == []
    await world.after(300)
    assert world.taken == ["lost"]
    assert world.asked_since[0] == world.asked_since[1]


async def test_guids_are_kept_longer_than_bodies(world: World):
    await world.after(1)
    assert world.pruned == [(START - KEEP_GUIDS, START - GITHUB_KEEPS)]


@pytest.mark.parametrize(
    ("seen", "settled"),
    [
        ({AWAY: facts(is_open=False, reason="completed")}, {AWAY: True}),
        ({AWAY: facts(is_open=False, reason="not_planned")}, {AWAY: False}),
        ({AWAY: facts(is_open=True)}, {}),
        ({}, {AWAY: False}),  # nothing can ever tell that it is done
    ],
)
async def test_what_is_waited_for_outside_is_looked_at(world: World, seen, settled):
    world.waiting = {SEVEN: frozenset({AWAY})}
    world.seen = seen
    await world.after(1)
    assert world.settled == settled


async def test_what_ended_batches_have_left_to_say_is_tried_until_it_is_out(
    world: World,
):
    first, second = BatchId("a1a1"), BatchId("b2b2")
    world.untold = [first, second]
    world.faults = [TransientError(Answered(Failure.LATE))]
    await world.after(1)
    assert world.caught_up == [first, second]
    world.told = {first}
    await world.after(300)
    assert world.caught_up == [first, second, second]


async def test_where_requests_are_short_what_is_left_is_asked_for_anew():
    looks: list[object] = []

    class Waiting:
        short = frozenset({SEVEN})

        def short_of_requests(self) -> frozenset[InstallationId]:
            return self.short

        def look_again(self) -> None:
            looks.append("look")

    async def learn(installation_id: InstallationId) -> None:
        looks.append(installation_id)

    waiting: Any = Waiting()
    await Short(waiting, learn).sweep()
    assert looks == [SEVEN, "look"]
    waiting.short = frozenset()
    await Short(waiting, learn).sweep()
    assert looks == [SEVEN, "look"]


class Flaky:
    """A chore that fails when it is told to."""

    fails = True

    async def sweep(self) -> None:
        if self.fails:
            raise TransientError(Answered(Failure.LATE))


async def test_a_fault_that_lasts_is_warned_of_once_and_its_end_is_told():
    clock, flaky = FakeClock(), Flaky()
    with capture_logs() as lines:
        sweep = Sweep((flaky,), clock=clock, every_seconds=6)
        sweeping = asyncio.create_task(sweep.run())
        await clock.advance(60)
        flaky.fails = False
        await clock.advance(60)
        flaky.fails = True
        await clock.advance(60)
        sweeping.cancel()
    told = [(one["log_level"], one["event"]) for one in lines]
    assert [one for one in told if one[0] != "debug"] == [
        ("warning", "sweep failed"),
        ("info", "sweep works again"),
        ("warning", "sweep failed"),
    ]
