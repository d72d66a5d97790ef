"""A test that never ends fails the run, even where a loop swallows what is raised in it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPINS = """
import asyncio

async def test_that_spins():
    def spin():
        while True:
            pass
    asyncio.get_running_loop().call_soon(spin)
    await asyncio.sleep(0)
"""


def test_a_callback_that_spins_fails_the_run(tmp_path: Path):
    path = tmp_path / "test_spins.py"
    path.write_text(SPINS)
    settings = ["-c", str(ROOT / "pyproject.toml"), "-o", "timeout=1"]
    plain = ["-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(tmp_path)]
    ended = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-m", "pytest", "-q", *settings, *plain, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "Timeout" in ended.stdout + ended.stderr
    assert "in spin" in ended.stdout + ended.stderr
