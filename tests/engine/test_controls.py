"""Who may control a batch, what comes of it, and that a wish is carried out once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core import events as e
from bot.core.command import syntax
from bot.core.effects import Reaction
from bot.core.model import (
    Batch,
    BatchId,
    ItemNumber,
    Outcome,
    OutcomeKind,
    Role,
)
from tests.engine.house import NAME, House, asks, house_at
from tests.plans import batch, item, plan

FAILED = Outcome(OutcomeKind.FAILED, reason="tests failed")
TWELVE = ItemNumber(12)
OTHER = BatchId("c3d4")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_at(tmp_path / "batch.db") as made:
        yield made


async def ended(house: House, made: Batch | None = None) -> Batch:
    """Have a batch in which item 12 failed and nothing else was to do."""
    now = house.clock.now()
    return await house.keep(
        made or batch(plan({12: []})),
        e.BatchStarted(now, "ada"),
        e.ItemStarted(now, item(12), 1),
        e.ItemEnded(now, item(12), 1, FAILED),
        e.BatchFinished(now),
        e.Reported(now, 1, "https://x.test/report"),
        e.BatchConcluded(now),
    )


@pytest.mark.parametrize(
    ("by", "role", "is_done"),
    [
        ("ada", Role.WRITE, True),
        ("grace", Role.WRITE, True),  # who started it
        ("linus", Role.WRITE, False),
        ("linus", Role.MAINTAIN, True),
    ],
)
async def test_who_may_control_a_batch(
    house: House, by: str, role: Role, is_done: bool
):
    now = house.clock.now()
    await house.keep(batch(plan({12: []})), e.BatchStarted(now, "grace"))
    await house.scheduler.adopt(NAME)
    told = await house.controls.command(asks(1, by=by), syntax.Pause(None), role)
    assert told == (f"pause {NAME}" if is_done else "refused: role")
    assert ("BatchPaused" in await house.kinds()) is is_done
    assert len(house.hub.said("pause" if is_done else "error")) == 1


async def test_a_wish_that_comes_again_is_answered_and_not_carried_out_again(
    house: House,
):
    await house.run()
    for source, command in (
        (1, syntax.Pause(None)),
        (2, syntax.Resume(None)),
        (1, syntax.Pause(None)),
    ):
        await house.controls.command(asks(source), command, Role.WRITE)
    kinds = await house.kinds()
    assert kinds.count("BatchPaused") == kinds.count("BatchResumed") == 1
    assert (await house.recorder.progress(NAME)).state == "running"
    assert len(house.hub.said("pause")) == 1
    assert house.hub.reactions == []


async def test_the_wish_that_ended_a_batch_is_known_again_without_its_name(
    house: House,
):
    await house.run()
    for _ in range(2):
        told = await house.controls.command(asks(1), syntax.Cancel(None), Role.WRITE)
        assert told == f"cancel {NAME}"
    assert (await house.kinds()).count("BatchCancelling") == 1
    assert await house.states() == {12: "cancelled", 15: "cancelled"}
    assert house.hub.said("error") == []


async def test_what_changes_nothing_says_so_and_is_frowned_at(house: House):
    await house.run()
    await house.controls.command(asks(1), syntax.Resume(None), Role.WRITE)
    assert len(house.hub.said("resume")) == 1
    assert house.hub.reactions == [Reaction.REFUSED]
    assert "ControlGiven" not in await house.kinds()


@pytest.mark.parametrize("is_paused", [True, False])
async def test_a_box_is_answered_only_if_it_changes_nothing(
    house: House, is_paused: bool
):
    now = house.clock.now()
    made = await house.run(None, *[e.BatchPaused(now, "ada")] * is_paused)
    box = asks(1, in_box=True)
    await house.controls.control(box, made, syntax.Pause(NAME), Role.WRITE)
    assert len(house.hub.said("pause")) == is_paused
    assert (await house.kinds()).count("BatchPaused") == 1


async def test_a_skip_means_the_live_batch_that_has_the_item(house: House):
    await house.run()
    skip = syntax.Skip(None, (TWELVE,))
    assert await house.controls.command(asks(1), skip, Role.WRITE) == f"skip {NAME}"
    assert await house.states() == {12: "skipped", 15: "skipped"}
    again = await house.controls.command(asks(2), skip, Role.WRITE)
    assert again == "refused: which batch"


async def test_a_skip_of_several_says_which_it_could_not_leave_out(house: House):
    await house.run()
    skip = syntax.Skip(None, (TWELVE, ItemNumber(99)))
    assert await house.controls.command(asks(1), skip, Role.WRITE) == f"skip {NAME}"
    (told,) = house.hub.said("skip")
    assert "Skipped [#12]" in told
    assert "#99](https://github.com/acme/widgets/issues/99) is not in a state" in told


async def test_a_skip_of_items_in_different_batches_changes_nothing(house: House):
    await house.run()
    await house.run(replace(batch(plan({16: []})), id=OTHER, request=asks(9)))
    skip = syntax.Skip(None, (TWELVE, ItemNumber(16)))
    told = await house.controls.command(asks(1), skip, Role.WRITE)
    assert told == "refused: which batch"
    assert {
        *(await house.states()).values(),
        *(await house.states(OTHER)).values(),
    } == {"pending"}
    named = syntax.Skip(OTHER, (ItemNumber(16),))
    assert await house.controls.command(asks(2), named, Role.WRITE) == f"skip {OTHER}"
    assert await house.states(OTHER) == {16: "skipped"}


async def test_a_retry_of_what_has_ended_is_one_new_batch_however_often_it_comes(
    house: House,
):
    await ended(house)
    retry = syntax.Retry(None, ())
    told = [await house.controls.command(asks(1), retry, Role.WRITE) for _ in "ab"]
    assert told[0] == told[1] != f"retry {NAME}"
    again = BatchId(told[0].removeprefix("batch "))
    assert (await house.store.batches.load(again)).retry_of == NAME  # type: ignore[union-attr]
    assert (await house.kinds()).count("BatchRetried") == 1
    assert await house.states(again) == {12: "pending"}


async def test_a_retry_takes_the_role_that_the_batch_took(house: House):
    made = batch(plan({12: []}, actions={12: "close"}))
    await ended(house, replace(made, needed_role=Role.MAINTAIN))
    for source, role, is_done in ((1, Role.WRITE, False), (2, Role.MAINTAIN, True)):
        retry = syntax.Retry(NAME, ())
        told = await house.controls.command(asks(source), retry, role)
        assert told.startswith("batch ") is is_done, told
        assert ("BatchRetried" in await house.kinds()) is is_done


async def test_a_retry_leaves_alone_what_another_batch_does(house: House):
    await ended(house)
    await house.run(batch(plan({12: []}), name=OTHER))
    told = await house.controls.command(asks(1), syntax.Retry(NAME, ()), Role.WRITE)
    assert told == "refused: cannot retry"
    assert f"`{OTHER}`" in house.hub.said("error")[0]


async def test_a_plan_starts_until_it_expires_and_no_later(house: House):
    for name, waits, told in (
        (OTHER, timedelta(days=7, seconds=1), "refused: cannot start"),
        (NAME, timedelta(days=7), f"batch {NAME}"),
    ):
        expires_at = house.clock.now() + timedelta(days=7)
        made = batch(plan({12 if name == NAME else 15: []}), name=name)
        await house.keep(made, e.BatchPlanned(house.clock.now(), expires_at))
        await house.clock.advance(waits.total_seconds())
        request = asks(int.from_bytes(name.encode()) + 1)
        assert await house.starts.start(request, name, Role.WRITE) == told
        assert ("BatchStarted" in await house.kinds(name)) is told.startswith("batch")


async def test_a_plan_is_started_once_and_by_whoever_has_its_role(house: House):
    made = replace(batch(plan({12: []})), needed_role=Role.MAINTAIN)
    now = house.clock.now()
    await house.keep(made, e.BatchPlanned(now, now + timedelta(days=7)))
    start = house.starts.start
    assert await start(asks(1, by="linus"), NAME, Role.WRITE) == "refused: role"
    assert await start(asks(2), NAME, Role.MAINTAIN) == f"batch {NAME}"
    assert await start(asks(2), NAME, Role.MAINTAIN) == f"batch {NAME}"
    told = await start(asks(3), NAME, Role.MAINTAIN)
    assert told == f"batch {NAME} runs already"
    assert (await house.kinds()).count("BatchStarted") == 1
