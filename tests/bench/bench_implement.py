"""Twenty ``implement`` items whose command takes no time, against a shell script.

    python -m tests.bench.bench_implement

From the comment to the end of the batch, against a script that does for one issue after
the other what has to be done at least: clone the mirror with shared objects, commit,
push, open the pull request. Both talk to the same local GitHub; rounds alternate.
"""

import asyncio
import base64
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import structlog

from bot.host.clock import SystemClock
from tests.bench.figures import Figure, report
from tests.flow.world import REPOSITORY, World, world

FIRST = 100
ITEMS = 20
ROUNDS = 5

SCRIPT = r"""
set -eu
api=$API/repos/$REPOSITORY
auth="Authorization: Bearer $TOKEN"
for number in $(seq "$FIRST" "$LAST"); do
    git clone -q --shared "$MIRROR" "work$number"
    cd "work$number"
    git checkout -q -b "script/$number"
    echo "$number" > work.txt
    git add -A
    git -c user.name=Ada -c user.email=ada@example.org commit -q -m "Implement #$number"
    git -c "http.extraHeader=Authorization: Basic $BASIC" push -q "$URL" "script/$number"
    curl -sSf -o /dev/null -H "$auth" "$api/pulls" -d \
        "{\"title\": \"#$number\", \"head\": \"script/$number\", \"base\": \"main\", \"draft\": true}"
    cd ..
    rm -rf "work$number"
done
"""


async def by_script(on: World, folder: Path) -> float:
    """Return the seconds that the script takes."""

    installation = next(iter(on.hub.state.installations.values()))
    token = on.hub.new_token(installation).value
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    mirror = folder / "mirror.git"
    shutil.copytree(on.repository.git.path, mirror)
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "API": on.hub.api_url,
        "REPOSITORY": REPOSITORY,
        "TOKEN": token,
        "BASIC": basic,
        "FIRST": str(FIRST),
        "LAST": str(FIRST + ITEMS - 1),
        "MIRROR": str(mirror),
        "URL": f"{on.hub.git_url}/{REPOSITORY}.git",
    }
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", SCRIPT, cwd=folder, env=environment
    )
    assert await process.wait() == 0
    return time.perf_counter() - began


async def one_round(folder: Path) -> tuple[float, float]:
    """Return the seconds of both, with a mirror that is there already.

    Each round has a GitHub of its own, whose limits on content it stays below.
    """
    async with world(folder / "world", clock=SystemClock()) as on:
        work = ["sh", "-c", "echo done > work.txt"]
        on.settings_file["commands"] = {"implement": work}
        for number in range(FIRST - 1, FIRST + ITEMS):
            on.issue(number)
        async with on.bot():
            await on.finished(on.say(f"/batch {FIRST - 1}"))
            began = time.perf_counter()
            await on.finished(on.say(f"/batch {FIRST}-{FIRST + ITEMS - 1}"))
            ours = time.perf_counter() - began
            return ours, await by_script(on, folder)


async def measure(folder: Path) -> None:
    """Report the ratio."""
    rounds = [await one_round(folder / f"{number}") for number in range(ROUNDS)]
    ratios = [one / other for one, other in rounds]
    seconds = ", ".join(f"{one:.2f} / {other:.2f} s" for one, other in rounds)
    figure = Figure(
        f"{ITEMS} implement items",
        statistics.median(ratios),
        "a shell script",
        "lower",
        seconds,
    )
    report([figure])


def main() -> None:
    """Measure in a folder that goes away."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="batch-bot-bench-") as name:
        asyncio.run(measure(Path(name)))


if __name__ == "__main__":
    main()
