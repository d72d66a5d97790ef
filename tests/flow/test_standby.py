"""A second process waits for the first one's end, and takes over what it was at."""

import random
import signal
import socket
from pathlib import Path

from tests.flow.killing import (
    Child,
    assert_sound,
    is_quiet,
    mortal_world,
    open_issues,
)
from tests.flow.mortal import SwiftClock

WRITTEN = "data/host/attempts/*/workspace/a"
"""The file with which a command shows that it runs."""


def free_port() -> str:
    """Return a port that nobody has, of those that the system gives nobody by itself."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)):
                return str(port)


async def test_a_standby_goes_on_where_the_first_one_was_killed(tmp_path: Path):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, scythe, first):
        go, port = tmp_path / "go", free_port()
        open_issues(on, {12: f"write a b\nwait {go}"})
        await first.start(PORT=port)
        second = Child(on, scythe)
        try:
            await second.start(PORT=port, OPTIONS="--standby")
            assert f"process {first.pid} on" in second.lines[-1]
            command = on.say('/batch 12\n/batch comment "All done." 16')
            await on.until(lambda: list(tmp_path.glob(WRITTEN)))
            first.signal(signal.SIGKILL)
            # Nobody listens: GitHub tells of this one when it is asked.
            missed = on.say("/batch reopen 20")
            assert await first.gone() == -signal.SIGKILL
            await second.ready()
            go.touch()
            await on.finished(command)
            await on.finished(missed)
            await on.until(lambda: is_quiet(on))
            assert await second.stop() == 0
        finally:
            await second.kill()
        assert_sound(on, batches=3)


async def test_two_that_stand_by_for_each_other_take_turns(tmp_path: Path):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, scythe, first):
        variables = {"PORT": free_port(), "OPTIONS": "--standby"}
        open_issues(on)
        await first.start(**variables)
        second = Child(on, scythe)
        try:
            await second.start(**variables)
            assert await second.stop() == 0  # in order, before its time
            await second.start(**variables)
            assert await first.stop() == 0
            await second.ready()
            await first.start(**variables)
            assert f"process {second.pid} on" in first.lines[-1]
            command = on.say("/batch close 18")
            await on.finished(command)
            await on.until(lambda: is_quiet(on))
            assert await second.stop() == 0
            await first.ready()
            assert await first.stop() == 0
        finally:
            await second.kill()
        assert_sound(on, batches=1)
