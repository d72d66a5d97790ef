"""Forty commands that do next to nothing on a pool of two workers, against ``client.map``.

    python -m tests.bench.bench_pool    (with the extra [dask])

Two real workers and a scheduler, with two slots each. The bot's side has each attempt
run, takes in what it made and removes it; that is held to what dask does with the same
machines where nothing is asked of it: a function that clones the same mirror, runs the
same command, commits, and returns a bundle. Each is first in every second round: a file
system may be slow for a while after many files were deleted.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import cloudpickle
import structlog
import yaml
from distributed import Client

from bot.host.clock import SystemClock
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.mirrors import Mirrors
from bot.host.process import wait_by_descriptors
from bot.host.shipping import HostShipping
from bot.pooled import quiet
from bot.workers.dask import DaskWorker
from bot.workers.pool import SLOTS, Address, Pool
from tests.bench.figures import Figure, report
from tests.host.gitting import OneToken, Remote
from tests.workers.conftest import make_job
from tests.workers.pooling import NoPeople

ITEMS = 40
ROUNDS = 6
COMMAND = ["sh", "-c", "echo done > work.txt"]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def machines(folder: Path) -> AsyncIterator[str]:
    """Have a scheduler and two workers; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    file = folder / "batch-bot.yml"
    file.write_text(yaml.safe_dump({"commands": {"implement": COMMAND}}))
    more = {"BATCH_DASK": url, "BATCH_SETTINGS_FILE": str(file), "BATCH_SANDBOX": "off"}
    running = []
    for words in (
        ["scheduler"],
        *(
            ["worker", "--slots", "2", "--folder", str(folder / f"worker{n}")]
            for n in (1, 2)
        ),
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            cwd=folder,
            env={**ENVIRONMENT, "LOG_LEVEL": "error", **more},
        )
        running.append(process)
    try:
        yield url
    finally:
        for process in reversed(running):
            process.terminate()
            await process.wait()


def by_hand(number: int) -> bytes:
    """Do on a machine what has to be done at least; return the bundle."""
    import shutil  # noqa: PLC0415 - the machine does not know this module
    import subprocess  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from distributed import get_worker  # noqa: PLC0415

    home = Path(get_worker().local_directory).parents[1]
    (mirror,) = (home / "host" / "mirrors").glob("*.git")
    place = home / f"by-hand-{number}"

    def git(*words: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, "-C", place, *words], check=True)  # noqa: S603, S607

    clone = ["git", "clone", "-q", "--shared", "-n", str(mirror), str(place)]
    subprocess.run(clone, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
    git("checkout", "-q", "-b", f"work/{number}", START)
    subprocess.run(COMMAND, cwd=place, check=True)  # noqa: S603
    git("add", "-A")
    git("commit", "-q", "-m", f"Implement #{number}")
    git("bundle", "create", "-q", "made", f"work/{number}", "^HEAD^")
    made = (place / "made").read_bytes()
    shutil.rmtree(place)
    return made


START = ""
"""The commit that all work stands on."""


async def bare(client: Client, numbers: range) -> float:
    """Return the seconds that dask takes."""
    began = time.perf_counter()
    futures = client.map(by_hand, numbers, pure=False, resources={SLOTS: 1})
    assert all(await client.gather(futures))
    return time.perf_counter() - began


async def ours(worker: DaskWorker, numbers: range) -> float:
    """Return the seconds that the bot takes."""

    async def one(number: int) -> None:
        job = make_job(attempt=number)
        result = await worker.result(await worker.start(job), job, lambda _: None)
        assert result.commit
        await worker.clean(job.attempt)

    began = time.perf_counter()
    await asyncio.gather(*map(one, numbers))
    return time.perf_counter() - began


async def measure(folder: Path) -> None:
    """Report the ratio."""
    global START  # noqa: PLW0603 - travels with the function
    remote = Remote.made_in(folder / "github")
    files = {f"src/part{n}.py": f"{n}\n" * 200 for n in range(200)}
    START = remote.commit("main", files)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    folders = Folders(folder / "here" / "host")
    folders.root.mkdir(parents=True)
    git = Git(environment=ENVIRONMENT, host=folders.host)
    remotes = Remotes(OneToken(), lambda _: str(remote.bare))
    mirrors, clock = Mirrors(folders, git=git, remotes=remotes), SystemClock()
    async with machines(folder) as url:
        pool = Pool(Address(url), clock)
        worker = DaskWorker(
            pool=pool,
            shipping=HostShipping(folders, mirrors=mirrors, clock=clock),
            people=NoPeople(),
            clock=clock,
            commands={"implement": {}},
        )
        client = await Client(url, asynchronous=True, timeout=120, set_as_default=False)
        await client.wait_for_workers(2, timeout=120)
        await ours(worker, range(1, 9))  # both have the repository then
        rounds = []
        for number in range(ROUNDS):
            numbers = range(100 * (number + 1), 100 * (number + 1) + ITEMS)
            if number % 2:
                other = await bare(client, numbers)
                rounds.append((await ours(worker, numbers), other))
            else:
                rounds.append(
                    (await ours(worker, numbers), await bare(client, numbers))
                )
        await client.close()
        await pool.close()
    ratios = [one / other for one, other in rounds]
    figure = Figure(
        f"{ITEMS} commands on a pool of two workers",
        statistics.median(ratios),
        "client.map of clone, command, commit and bundle",
        "lower",
        ", ".join(f"{one:.2f} / {other:.2f} s" for one, other in rounds),
    )
    report([figure])


def main() -> None:
    """Measure in a folder that goes away."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    wait_by_descriptors()  # as the bot does
    with quiet(), tempfile.TemporaryDirectory(prefix="batch-bot-bench-") as name:
        asyncio.run(measure(Path(name)))


if __name__ == "__main__":
    main()
