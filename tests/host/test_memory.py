from pathlib import Path

import psutil
import pytest

from bot.host.clock import SystemClock
from bot.host.memory import HostMemory
from bot.ports.host import Memory
from tests.fakes import FakeClock, FakeMemory

TOTAL = psutil.virtual_memory().total


def machine(root: Path, *, membership: str, files: dict[str, str]) -> HostMemory:
    cgroup = root / "proc/self/cgroup"
    cgroup.parent.mkdir(parents=True)
    cgroup.write_text(membership)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return HostMemory(SystemClock(), root)


@pytest.mark.parametrize("memory", [HostMemory(SystemClock()), FakeMemory(0.3)])
def test_the_fraction_is_between_none_and_all(memory: Memory):
    assert 0 < memory.used_fraction() <= 1


def test_without_control_groups_the_machine_counts(tmp_path: Path):
    machine_memory = psutil.virtual_memory()
    expected = 1 - machine_memory.available / machine_memory.total
    assert HostMemory(SystemClock(), tmp_path).used_fraction() == pytest.approx(
        expected, abs=0.05
    )


def test_a_limit_of_version_2_counts_without_the_file_cache(tmp_path: Path):
    memory = machine(
        tmp_path,
        membership="0::/app\n",
        files={
            "app/memory.max": "1000\n",
            "app/memory.current": "990\n",
            "app/memory.stat": "anon 900\ninactive_file 20\n",
        },
    )
    assert memory.used_fraction() == pytest.approx(0.97)


def test_a_limit_around_the_own_group_counts_too(tmp_path: Path):
    memory = machine(
        tmp_path,
        membership="0::/pod/app\n",
        files={
            "pod/app/memory.max": "max\n",
            "pod/app/memory.current": "10\n",
            "pod/memory.max": "1000\n",
            "pod/memory.current": "980\n",
        },
    )
    assert memory.used_fraction() == pytest.approx(0.98)


def test_a_limit_of_version_1_counts(tmp_path: Path):
    memory = machine(
        tmp_path,
        membership="9:cpu:/\n4:memory:/box\n0::/\n",
        files={
            "memory/box/memory.limit_in_bytes": "1000\n",
            "memory/box/memory.usage_in_bytes": "1100\n",
            "memory/box/memory.stat": "total_inactive_file 10\n",
        },
    )
    assert memory.used_fraction() == 1.0


def test_a_limit_above_the_machine_is_none(tmp_path: Path):
    memory = machine(
        tmp_path,
        membership="0::/\n",
        files={
            "memory.max": f"{TOTAL * 2}\n",
            "memory.current": f"{TOTAL * 2 - 1}\n",
        },
    )
    assert memory.used_fraction() < 1.0


async def test_a_reading_is_used_again_for_a_second(tmp_path: Path):
    clock = FakeClock()
    machine(
        tmp_path,
        membership="0::/app\n",
        files={"app/memory.max": "1000\n", "app/memory.current": "970\n"},
    )
    memory = HostMemory(clock, tmp_path)
    assert memory.used_fraction() == pytest.approx(0.97)
    (tmp_path / "sys/fs/cgroup/app/memory.current").write_text("990\n")
    await clock.advance(0.9)
    assert memory.used_fraction() == pytest.approx(0.97)
    await clock.advance(0.1)
    assert memory.used_fraction() == pytest.approx(0.99)
