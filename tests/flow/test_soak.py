"""Many batches, with everything going wrong now and then: memory and files level off.

50 of them in the suite; more on demand: ``BATCHES=1000 pytest tests/flow/test_soak.py``.
"""

import os
import random
from functools import partial
from itertools import cycle
from pathlib import Path

import psutil
import pytest

from bot.localhub.faults import Fault, FaultKind
from tests.flow.killing import assert_events_sound, is_quiet, mortal_world
from tests.flow.mortal import SwiftClock
from tests.flow.world import REPOSITORY, World

BATCHES = int(os.environ.get("BATCHES", "50"))
AT_ONCE = 5
SPEED = 200.0  # or GitHub's limits would be felt
GROWTH_BYTES = 4 * 1024 * 1024 + BATCHES * 12 * 1024
"""What the second half may take until caches are full and garbage is looked for."""
POOL = min(32, (os.cpu_count() or 1) + 4)
"""Threads that Python's own pool keeps, once as many were busy at a time."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 3 * BATCHES)]


async def test_memory_and_open_files_level_off(tmp_path: Path):
    chosen = random.Random(1)  # noqa: S311 - no secret
    async with mortal_world(tmp_path, clock=SwiftClock(SPEED)) as (on, _, child):
        on.hub.add_label(REPOSITORY, "ready")
        await child.start(BATCH_SWEEP_SECONDS="200", BATCH_CONCURRENCY="6", DISK="50")
        process = psutil.Process(child.pid)
        memory: list[int] = []
        files: list[int] = []
        threads: list[int] = []
        commands = cycle(
            ['comment "Done." {0} {1}', "label +ready {0} {1}", "close {0} {1}", "{0}"]
        )
        for first in range(1, BATCHES + 1, AT_ONCE):
            break_something(on, chosen)
            for number in range(first, first + AT_ONCE):
                numbers = (1000 + 2 * number, 1001 + 2 * number)
                for each in numbers:
                    on.issue(each, "write a b\nexit 75 once")
                on.say(f"/batch {next(commands).format(*numbers)}")
            await on.until(partial(are_done, on, first + AT_ONCE - 1))
            memory.append(process.memory_info().rss)
            files.append(process.num_fds())
            threads.append(process.num_threads())
        on.hub.faults.clear()
        assert await child.stop() == 0
        assert_events_sound(on)
        for kind in ("tracking", "report"):
            assert len(on.comments(kind)) == BATCHES
    half = len(memory) // 2
    # Idle connections only add to what is open, and the pool of threads fills up to its
    # size, both depending on how busy the machine is.
    assert min(files[half:]) <= min(files[1:half]) + 2, files
    assert threads[-1] <= threads[half - 1] + POOL, threads
    assert memory[-1] - memory[half] <= GROWTH_BYTES, memory


def are_done(on: World, batches: int) -> bool:
    """Whether so many batches have come to their end, and nothing else goes on."""
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    return on.rows(concluded) == [(batches,)] and is_quiet(on)


def break_something(on: World, chosen: random.Random) -> None:
    """Let some requests and some deliveries go wrong."""
    kinds = [FaultKind.ERROR, FaultKind.LOST_ANSWER, FaultKind.DELAY]
    method = chosen.choice(["GET", "POST", "PATCH", ""])
    path = r"/issues|/pulls"
    fault = Fault(chosen.choice(kinds), 502, method, path, times=2, delay_seconds=5.0)
    on.hub.faults.add(fault)
    on.hub.webhooks.faults.twice = chosen.random() < 0.3
