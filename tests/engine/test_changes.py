"""What others do to items, threads and repositories; what GitHub says now decides."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core import events as e
from bot.core.command.trigger import InstallationChanged, ItemChanged, RepositoryChanged
from bot.core.model import (
    Cause,
    InstallationId,
    ItemFacts,
    ItemNumber,
    Origin,
    OutsideEdge,
    Reference,
    Repository,
)
from bot.core.world.answers import Answered, Failure
from bot.errors import AppUnavailable
from tests.bench.bench_schedule import facts_of
from tests.engine.house import NAME, House, house_at
from tests.plans import WIDGETS, batch, item, plan

TWELVE, THREAD = ItemNumber(12), ItemNumber(40)
ELSEWHERE = Repository(2, "acme/gadgets", WIDGETS.installation_id)
GONE = AppUnavailable(Answered(Failure.GONE, "It is gone."), why=Cause.REMOVED)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_at(tmp_path / "batch.db") as made:
        made.hub.items[THREAD] = made_up(THREAD)
        yield made


def made_up(number: int) -> ItemFacts:
    (facts,) = facts_of(plan({number: []})).values()
    return facts


def close(house: House, number: int, reason: str = "completed") -> None:
    before = house.hub.items[number]
    closed = replace(before, is_open=False, state_reason=reason)
    house.hub.items[number] = closed


async def test_an_item_that_was_closed_is_done_and_its_successors_go_on(house: House):
    await house.run()
    close(house, 12)
    await house.changes.item(ItemChanged(WIDGETS, TWELVE))
    assert await house.states() == {12: "completed", 15: "pending"}


async def test_a_delivery_that_comes_late_changes_nothing(house: House):
    await house.run()
    await house.changes.item(ItemChanged(WIDGETS, TWELVE))  # it is open again
    assert await house.states() == {12: "pending", 15: "pending"}


async def test_the_same_number_elsewhere_is_another_item(house: House):
    await house.run()
    close(house, 12)
    await house.changes.item(ItemChanged(ELSEWHERE, TWELVE))
    assert await house.states() == {12: "pending", 15: "pending"}


async def test_what_can_be_done_to_closed_items_is_done(house: House):
    await house.run(batch(plan({12: []}, actions={12: "comment"})))
    close(house, 12)
    await house.changes.item(ItemChanged(WIDGETS, TWELVE))
    assert await house.states() == {12: "pending"}
    assert house.hub.looks == 0
    del house.hub.items[12]
    await house.changes.item(ItemChanged(WIDGETS, TWELVE, is_taken_away=True))
    assert await house.states() == {12: "failed"}


async def test_items_of_other_repositories_have_numbers_of_their_own(house: House):
    made = batch(plan({12: []}))
    (there,) = made.plan.items
    items = (replace(there, repository=ELSEWHERE),)
    await house.run(replace(made, plan=replace(made.plan, items=items)))
    close(house, 12)
    await house.changes.item(ItemChanged(WIDGETS, TWELVE))
    assert await house.states() == {12: "pending"}


async def test_a_batch_ends_with_its_thread_and_with_no_other(house: House):
    await house.run()
    await house.changes.item(ItemChanged(WIDGETS, THREAD, is_taken_away=True))
    assert await house.states() == {12: "pending", 15: "pending"}  # it is there again
    del house.hub.items[THREAD]
    await house.changes.item(ItemChanged(WIDGETS, ItemNumber(41), is_taken_away=True))
    assert await house.states() == {12: "pending", 15: "pending"}
    await house.changes.item(ItemChanged(WIDGETS, THREAD, is_taken_away=True))
    assert (await house.recorder.progress(NAME)).cause is Cause.THREAD_GONE
    assert await house.states() == {12: "cancelled", 15: "cancelled"}


@pytest.mark.parametrize(
    ("reason", "state"), [("completed", "pending"), ("not_planned", "skipped")]
)
async def test_what_is_waited_for_outside_counts_as_github_says_it_ended(
    house: House, reason: str, state: str
):
    reference = Reference("acme/gadgets", ItemNumber(7))
    edge = OutsideEdge(item(12), reference, Origin.TYPED)
    await house.run(batch(plan({12: []}, outside=(edge,))))
    changed = ItemChanged(ELSEWHERE, reference.number)
    house.hub.outside[reference] = made_up(7)
    await house.changes.item(changed)
    assert "OutsideSettled" not in await house.kinds()
    ended = replace(made_up(7), is_open=False, state_reason=reason)
    house.hub.outside[reference] = ended
    await house.changes.item(changed)
    assert await house.states() == {12: state}


async def test_a_repository_that_was_archived_or_taken_away_ends_its_batches(
    house: House,
):
    await house.run()
    await house.run(batch(plan({18: []}), name="c3d4", repository=2))
    house.hub.about = replace(house.hub.about, is_archived=True)
    await house.changes.repository(RepositoryChanged(WIDGETS))
    assert (await house.recorder.progress(NAME)).cause is Cause.ARCHIVED
    live = [schedule.batch.id for schedule in house.scheduler.live()]
    assert live == ["c3d4"]


@pytest.mark.parametrize(("installation", "is_its_own"), [(7, True), (8, False)])
async def test_access_that_was_taken_away_ends_what_was_done_with_it(
    house: House, installation: int, is_its_own: bool
):
    await house.run()
    house.hub.no_access = GONE
    seen_as = replace(WIDGETS, installation_id=InstallationId(installation))
    changed = InstallationChanged(InstallationId(installation), (seen_as,))
    await house.changes.installation(changed)
    cause = (await house.recorder.progress(NAME)).cause
    assert cause is (Cause.REMOVED if is_its_own else None)


@pytest.mark.parametrize("is_archived", [True, False])
async def test_an_ended_batch_says_its_last_word_once_it_can(
    house: House, is_archived: bool
):
    now = house.clock.now()
    await house.keep(
        batch(plan({12: []})),
        e.BatchStarted(now, "ada"),
        e.BatchCancelling(now, "", Cause.ARCHIVED),
        e.ItemCancelled(now, item(12), ""),
        e.BatchFinished(now),
    )
    house.hub.about = replace(house.hub.about, is_archived=is_archived)
    await house.changes.repository(RepositoryChanged(WIDGETS))
    await house.all_said()
    assert len(house.hub.said("report")) == (not is_archived)
