"""A command that fills the disk is stopped, and the bot keeps some of it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import TransientError
from bot.host.clock import SystemClock
from bot.host.commands import HostCommands
from bot.host.disk import Disk, deleted_bytes, size_bytes
from bot.host.folders import Folders
from bot.host.isolation import Isolation
from bot.ports.host import Finished, Workspace
from tests.host.conftest import ATTEMPT

pytestmark = pytest.mark.slow

GIGABYTE = 1000**3


class SmallDisk(Disk):
    """As large and as full as the test wants it."""

    total = 100 * GIGABYTE
    free: Callable[[], int] = staticmethod(lambda: 50 * GIGABYTE)

    def _free(self) -> int:
        return self.free()

    def _reserve(self) -> int:
        return GIGABYTE


async def run(
    folders: Folders,
    isolation: Isolation,
    workspace: Workspace,
    script: str,
    disk: Disk,
    **more,
) -> Finished:
    commands = HostCommands(
        folders,
        isolation=isolation,
        clock=SystemClock(),
        environment={"PATH": os.environ["PATH"]},
        disk=disk,
        has_caches=bool(more),
    )
    return await commands.run(
        ATTEMPT,
        ["sh", "-c", script],
        workspace=workspace,
        inputs={},
        environment={},
        timeout_seconds=30,
        on_line=lambda line: None,
        **more,
    )


@pytest.mark.parametrize(
    "where",
    [".", "$HOME", "$BATCH_OUTPUT", "/tmp"],  # noqa: S108 - one of its own
)
async def test_a_command_that_takes_more_than_its_quota_is_stopped(
    folders: Folders, bubblewrap: Isolation, workspace: Workspace, where: str
):
    disk = Disk(folders.root, SystemClock(), quota_bytes=20_000_000)
    script = f"echo begins; head -c 30000000 /dev/zero > {where}/big; sleep 60"
    done = await run(folders, bubblewrap, workspace, script, disk)
    assert str(done.fault).startswith("it took 30")
    assert str(done.fault).endswith(" MB of disk, and may take 20 MB")
    assert done.fault
    assert "`quota`" in done.fault.advice
    assert done.log_tail == ("begins",)


async def test_all_that_a_command_has_counts_together(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    disk = Disk(folders.root, SystemClock(), quota_bytes=20_000_000)
    script = (
        "for f in . $HOME $TMPDIR; do head -c 8000000 /dev/zero > $f/x; done; sleep 60"
    )
    done = await run(folders, unprotected, workspace, script, disk)
    assert str(done.fault).startswith("it took 24")


async def test_what_is_deleted_but_held_open_counts_too(
    folders: Folders, bubblewrap: Isolation, workspace: Workspace
):
    disk = Disk(folders.root, SystemClock(), quota_bytes=20_000_000)
    script = "exec 3>big 4<big; rm big; head -c 30000000 /dev/zero >&3; sleep 60"
    done = await run(folders, bubblewrap, workspace, script, disk)
    assert str(done.fault).startswith("it took 30")


async def test_a_command_within_its_quota_goes_on(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    disk = Disk(folders.root, SystemClock(), quota_bytes=20_000_000)
    script = "head -c 8000000 /dev/zero > x; sleep 2.5; echo done"
    done = await run(folders, unprotected, workspace, script, disk)
    assert (done.exit_code, done.fault, done.log_tail) == (0, None, ("done",))


async def test_the_last_of_the_disk_is_the_bots(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    disk = SmallDisk(folders.root, SystemClock())
    big = Path(workspace.path) / "big"
    disk.free = lambda: GIGABYTE // 2 if big.exists() else 50 * GIGABYTE
    script = "head -c 8000000 /dev/zero > big; sleep 60"
    done = await run(folders, unprotected, workspace, script, disk)
    assert str(done.fault) == (
        "it took 8 MB of disk, more than any other command, and 500 MB were left"
    )
    with pytest.raises(TransientError, match="nearly full: 500 MB left"):
        await run(folders, unprotected, workspace, "true", disk)


async def test_a_cache_larger_than_the_quota_is_emptied(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    disk = Disk(folders.root, SystemClock(), quota_bytes=2_000_000)
    printed: list[str] = []
    for size in (1_000_000, 3_000_000, 1):
        folders.discard(folders.attempt(ATTEMPT).home)
        script = f"ls $XDG_CACHE_HOME | wc -l; head -c {size} /dev/zero > ~/.cache/x"
        done = await run(folders, unprotected, workspace, script, disk, cache="7-fix")
        printed += done.log_tail
    assert printed == ["0", "1", "0"]


def test_links_and_sparse_files_count_for_what_they_take(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 1_000_000)
    os.link(tmp_path / "a" / "file", tmp_path / "again")
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "circle").symlink_to(tmp_path)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1000**3)
    assert 1_000_000 <= size_bytes(tmp_path) < 1_100_000
    assert size_bytes(tmp_path / "nothing") == 0


def test_folders_count_however_deep_they_are(too_deep: Path):
    deep = os.open(too_deep, os.O_RDONLY)
    for _ in range(1_200):
        for name in ("d" * 100, "beside"):
            os.mkdir(name, dir_fd=deep)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    file = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=deep)
    os.write(file, b"x" * 1_000_000)
    os.close(file)
    os.close(deep)
    before = size_bytes(too_deep)
    assert before >= 1_000_000
    (too_deep / "beside" / "file").write_bytes(b"x" * 500_000)
    assert size_bytes(too_deep) >= before + 500_000


HOLDS = """
import mmap, os, sys
with open("big", "wb+") as file:
    file.truncate(8_000_000)
    one, two = (mmap.mmap(file.fileno(), 4_000_000, offset=o) for o in (0, 3_997_696))
os.unlink("big")
for some in (one, two):
    some[:] = b"x" * len(some)
    some.flush()
print(flush=True)
sys.stdin.read()
"""


def test_a_deleted_file_counts_that_is_only_mapped_if_the_kernel_shows_it(
    tmp_path: Path,
):
    argv = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(  # noqa: S603 - the test's own words
        argv, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdin
        holder.stdout.readline()
        held = deleted_bytes([holder.pid], tmp_path.stat().st_dev)
        elsewhere = deleted_bytes([holder.pid], 0)
        holder.stdin.close()
    # Others may not look: https://man7.org/linux/man-pages/man5/proc_pid_map_files.5.html
    least = 7_900_000 if os.geteuid() == 0 else 0
    assert least <= held < 8_100_000
    assert elsewhere == 0
