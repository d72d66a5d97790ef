"""A talkative command: what it costs itself, and the bot.

``python -m tests.bench.bench_output`` runs commands that print 500,000 coloured lines
(150 MB) below the bot, into ``/dev/null`` and into ``cat``, in turn, and asks ``/healthz`` meanwhile.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import structlog

from bot.host.clock import SystemClock
from tests.bench.figures import Figure, report
from tests.flow.world import world

TIMES = 5
SCRIPT = """
import sys
line = "\\x1b[32m" + "a line of the build log that says nothing " * 7 + "\\x1b[0m\\n"
for number in range(500_000):
    sys.stdout.write(line)
"""


async def healthz(url: str, until: asyncio.Event) -> list[float]:
    """Ask a hundred times a second; return the milliseconds of each answer."""
    taken = []
    async with aiohttp.ClientSession() as session:
        while not until.is_set():
            began = time.perf_counter()
            async with session.get(f"{url}/healthz") as answer:
                await answer.read()
            taken.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.01)
    return taken


def shown(taken: list[float]) -> str:
    ordered = sorted(taken)
    p99 = ordered[int(0.99 * len(ordered))]
    return f"median {statistics.median(ordered):.2f} ms, p99 {p99:.2f} ms, {len(ordered)} asked"


async def alone(program: Path, into: str) -> float:
    """Return the seconds that the program takes without the bot."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f"{sys.executable} {program} {into}")
    )
    began = time.perf_counter()
    await process.wait()
    return time.perf_counter() - began


def paired(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of runs that followed each other."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="bench-output-") as name:
        program = Path(name) / "talk.py"
        program.write_text(SCRIPT)
        times = Path(name) / "times"
        script = (
            f"import subprocess, sys, time; began = time.perf_counter();"
            f"subprocess.run([sys.executable, {str(program)!r}]);"
            f"open({str(times)!r}, 'a').write(f'{{time.perf_counter() - began}}\\n')"
        )
        async with world(Path(name) / "world", clock=SystemClock()) as on:
            on.settings_file["commands"] = {"implement": [sys.executable, "-c", script]}
            for number in range(100, 100 + TIMES):
                on.issue(number)
            async with on.bot() as bot:
                idle, busy, nothing, piped = [], [], [], []
                for number in range(100, 100 + TIMES):
                    nothing.append(await alone(program, "> /dev/null"))
                    piped.append(await alone(program, "| cat > /dev/null"))
                    ended = asyncio.Event()
                    asking = asyncio.create_task(healthz(bot.url, ended))
                    await asyncio.sleep(1.5)
                    ended.set()
                    idle += await asking
                    ended = asyncio.Event()
                    command = on.say(f"/batch {number}")
                    asking = asyncio.create_task(healthz(bot.url, ended))
                    await on.finished(command)
                    ended.set()
                    busy += await asking
            below = [float(line) for line in times.read_text().split()]
    lines = [
        f"healthz idle: {shown(idle)}",
        f"healthz busy: {shown(busy)}",
        "into /dev/null: " + " ".join(f"{one:.2f}" for one in nothing),
        "into cat:       " + " ".join(f"{one:.2f}" for one in piped),
        "below the bot:  " + " ".join(f"{one:.2f}" for one in below),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    report(
        [
            Figure(
                "a command that prints 150 MB",
                paired(below, nothing),
                "the same into /dev/null",
                "lower",
                f"{paired(below, piped):.2f} times the same into cat",
            ),
            Figure(
                "an answer of /healthz meanwhile",
                statistics.median(busy) / statistics.median(idle),
                "one of an idle bot",
                "lower",
            ),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
