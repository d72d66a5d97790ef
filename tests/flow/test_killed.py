"""The bot is killed with SIGKILL, at one moment after another, and goes on by itself."""

import os
import signal
from pathlib import Path

import pytest

from tests.flow.killing import (
    Child,
    assert_sound,
    is_quiet,
    live,
    mortal_world,
    open_issues,
    processes_of,
)
from tests.flow.mortal import Book, SwiftClock
from tests.flow.stories import STORIES
from tests.flow.world import World

pytestmark = [pytest.mark.slow]

POINTS = {
    "work": 90,
    "cancel": 40,
    "pause": 60,
    "move": 40,
    "change": 60,
    "undo": 30,
    "mix": 60,
    "look": 40,
    "add": 50,
    "label": 60,
    "schedule": 30,
    "show": 60,
    "dispatch": 20,
    "across": 40,
}
"""How many moments there are at least in which the bot can die in a story."""

WRITTEN = "data/host/attempts/*/workspace/a"
"""The file with which a command shows that it runs."""


@pytest.mark.parametrize(
    ("name", "seed", "share"),
    [
        *(("work", order, f"{order}/3") for order in range(2)),
        *(("cancel", moment, f"{moment}/6") for moment in range(3)),
        ("pause", 0, "0/3"),
        ("change", 0, "0/5"),
        ("undo", 0, "0/4"),
        ("mix", 0, "0/5"),
        ("look", 0, "0/4"),
        ("add", 0, "0/4"),
        ("label", 0, "0/5"),
        ("schedule", 0, "0/4"),
        ("show", 0, "0/5"),
        ("dispatch", 0, "0/4"),
        ("across", 0, "0/4"),
    ],
)
async def test_it_dies_at_each_point_and_goes_on(
    tmp_path: Path, name: str, seed: int, share: str
):
    """Each life ends at the first point at which none has ended before.

    The seed is the order of the work, and the moment of the cancel. A share of the
    points is tried here; ``sweep_killed.py`` has all of them with more seeds.
    """
    story = STORIES[name]
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, scythe, child):
        story.open(on)
        book = scythe.book = Book(tmp_path / "deaths", share=share)
        play = story.play(on, seed, book)
        await live(on, child, play, BOOK=str(book.path), SHARE=share, SEED=str(seed))
        assert len(book.points) * int(share[-1]) >= POINTS[name] * 0.7, book.points
        story.check(on)


@pytest.mark.parametrize(
    ("safeguard", "point"),
    [
        ("look-up", "after request: POST /issues/40/comments batch-bot:tracking"),
        ("look-up", "after request: POST /issues/16/comments batch-bot:comment"),
        ("key", "after commit: */report done"),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
async def test_the_same_checks_fail_without_a_safeguard(
    tmp_path: Path, safeguard: str, point: str, is_there: bool
):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, scythe, child):
        open_issues(on)
        book = scythe.book = Book(tmp_path / "deaths", only=point)
        book.open()
        without = "" if is_there else safeguard

        async def say() -> None:
            on.say('/batch comment "All done." 16\n/batch 12')
            done = "SELECT count(*) FROM batches WHERE is_concluded"
            await on.until(lambda: on.rows(done) == [(2,)])

        deaths = await live(
            on, child, say(), BOOK=str(book.path), ONLY=point, WITHOUT=without
        )
        assert deaths == 1
        if is_there:
            assert_sound(on, batches=2)
        else:
            with pytest.raises(AssertionError):
                assert_sound(on, batches=2)


@pytest.mark.parametrize("is_there", [True, False])
async def test_processes_that_stay_behind_are_noticed(tmp_path: Path, is_there: bool):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, _, child):
        go = tmp_path / "go"
        open_issues(on, {12: f"fork\nwrite a b\nwait {go}"})
        without = {} if is_there else {"WITHOUT": "reaping"}
        await child.start(**without)
        command = on.say("/batch 12")
        await on.until(lambda: list(tmp_path.glob(WRITTEN)))
        await child.kill()
        go.touch()
        await child.start(**without)
        await on.finished(command)
        await on.until(lambda: is_quiet(on))
        assert await child.stop() == 0
        if is_there:
            assert_sound(on, batches=1)
        else:
            with pytest.raises(AssertionError):
                assert_sound(on, batches=1)
            for pid in processes_of(tmp_path):
                os.kill(pid, signal.SIGKILL)


def is_settled(on: World) -> bool:
    """Whether everything that was begun so far is done: nothing is being written."""
    undone = on.rows("SELECT 1 FROM effects WHERE receipt IS NULL")
    waiting = on.rows("SELECT 1 FROM deliveries WHERE outcome IS NULL")
    return on.thread().pinned_comment is not None and not undone and not waiting


@pytest.mark.parametrize("is_there", [True, False])
async def test_two_bots_on_one_database_are_noticed(tmp_path: Path, is_there: bool):
    """One stands still while another is started, and wakes up when that one is done."""
    # In everybody's time no edit falls due while it is being stopped.
    async with mortal_world(tmp_path) as (on, scythe, child):
        go = tmp_path / "go"
        open_issues(on, {12: f"write a b\nwait {go}"})
        without = {} if is_there else {"WITHOUT": "lock"}
        await child.start(**without)
        command = on.say("/batch 12")
        await on.until(lambda: list(tmp_path.glob(WRITTEN)) and is_settled(on))
        child.signal(signal.SIGSTOP)
        second = Child(on, scythe)
        try:
            await second.start(**without)
            if is_there:
                assert await second.gone() == 2
                assert f"process {child.pid} on" in second.lines[-1]
            go.touch()
            if not is_there:
                await on.finished(command)
                await on.until(lambda: is_quiet(on))
        finally:
            child.signal(signal.SIGCONT)
            await second.kill()
        if not is_there:
            ends = "SELECT 1 FROM events WHERE kind IN ('ItemEnded', 'ItemRetrying')"
            await on.until(lambda: len(on.rows(ends)) == 2)
        await on.finished(command)
        await on.until(lambda: is_quiet(on))
        assert await child.stop() == 0
        if is_there:
            assert_sound(on, batches=1)
        else:
            with pytest.raises(AssertionError):
                assert_sound(on, batches=1)
