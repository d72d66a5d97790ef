"""A workspace of a large repository, against ``git clone --shared`` of its mirror.

    python -m tests.bench.bench_workspace [FILES]

Both read the same mirror, in alternating rounds. So does what it takes to find one
changed file among all of them afterwards, and commit it.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.core.model import AttemptId, InstallationId, Repository
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.mirrors import Mirrors
from bot.host.workspaces import GitWorkspaces
from tests.bench.figures import Figure, report
from tests.fakes import FakeClock
from tests.host.gitting import OneToken, Remote, git

FILES = 20_000
FOLDERS = 1_000
ROUNDS = 3
REPOSITORY = Repository(7, "acme/widgets", InstallationId(1))


async def measure(folder: Path, files: int) -> None:
    """Measure and print."""
    remote = make(folder, files)
    folders = Folders(folder / "data")
    folders.root.mkdir()
    tool = Git(environment={"PATH": os.environ["PATH"]}, host=folders.host)
    mirrors = Mirrors(
        folders, git=tool, remotes=Remotes(OneToken(), lambda _: str(remote.bare))
    )
    workspaces = GitWorkspaces(folders, mirrors=mirrors, clock=FakeClock())
    await workspaces.create(AttemptId("b-0-0"), REPOSITORY, base="main")  # the mirror
    await workspaces.remove(AttemptId("b-0-0"))
    ours, theirs, found = [], [], []
    for number in range(ROUNDS):
        attempt = AttemptId(f"b-{number}-1")
        began = time.perf_counter()
        workspace = await workspaces.create(attempt, REPOSITORY, base="main")
        ours.append(time.perf_counter() - began)
        (Path(workspace.path) / "folder0/file0.txt").write_text("changed\n")
        began = time.perf_counter()
        change = await workspaces.commit(workspace, message="Change")
        found.append(time.perf_counter() - began)
        assert change is not None
        assert len(change.files) == 1
        await workspaces.remove(attempt)
        theirs.append(clone(folder, remote))
    one, other, commit = map(statistics.median, (ours, theirs, found))
    report(
        [
            Figure(
                f"a workspace of {files:,} files",
                statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
                "git clone --shared",
                "lower",
                f"{one:.2f} s and {other:.2f} s",
            ),
            Figure(
                f"one of {files:,} files found and committed",
                statistics.median(a / b for a, b in zip(found, theirs, strict=True)),
                "git clone --shared",
                "lower",
                f"{commit:.2f} s",
            ),
        ]
    )


def make(folder: Path, files: int) -> Remote:
    """Return a remote with so many small files."""
    remote = Remote.made_in(folder / "github")
    for where in (remote.bare, remote.clone):
        git(where, "config", "gc.auto", "0")  # it would go on in the background
    for number in range(files):
        path = remote.clone / f"folder{number % FOLDERS}" / f"file{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"file {number}\n" * 20)
    git(remote.clone, "add", "--all")
    git(remote.clone, "commit", "-q", "-m", "Many files")
    git(remote.clone, "push", "-q", "origin", "main")
    shutil.rmtree(remote.clone)
    return remote


def clone(folder: Path, remote: Remote) -> float:
    """Return the seconds of a clone that borrows objects."""
    target = folder / "clone"
    options = ["--shared", "--single-branch", "--no-tags", "--quiet"]
    began = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own words
        ["/usr/bin/env", "git", "clone", *options, str(remote.bare), str(target)],
        check=True,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    seconds = time.perf_counter() - began
    shutil.rmtree(target)
    return seconds


def main() -> None:
    """Measure in a folder that goes away."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with tempfile.TemporaryDirectory(prefix="batch-bot-bench-") as name:
        asyncio.run(measure(Path(name), files))


if __name__ == "__main__":
    main()
