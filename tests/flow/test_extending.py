"""What the page on extending shows is installed as a package, and does what it says."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from bot.errors import SettingsError
from tests.flow.world import world

PAGE = Path(__file__).parents[2] / ".github/docs/extending.md"
BLOCK = re.compile(r"^```\w+\n# (?P<file>\S+)\n(?P<text>.*?)^```$", re.DOTALL | re.M)
MOST_LINES = 40


def write_package(folder: Path) -> None:
    """Write the files of the page."""
    blocks = list(BLOCK.finditer(PAGE.read_text()))
    assert len(blocks) == 3
    for block in blocks:
        assert len(block["text"].splitlines()) <= MOST_LINES, block["file"]
        file = folder / block["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block["text"])


async def install(folder: Path, target: Path) -> None:
    """Install the package of a folder, as pip does."""
    options = ["--quiet", "--no-deps", "--disable-pip-version-check"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "install", *options, "--target", str(target)),
        str(folder),
    )
    assert await process.wait() == 0


@pytest.mark.outside
async def test_the_package_of_the_page_brings_an_action_and_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await asyncio.to_thread(write_package, tmp_path / "package")
    await install(tmp_path / "package", tmp_path / "installed")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    async with world(tmp_path) as on:
        on.hub.add_label("acme/widgets", "triaged")
        on.settings_file["workers"] = ["one-by-one"]
        go = tmp_path / "go"
        for number in (12, 15):
            on.issue(number, f"write file{number} hello\nwait {go}")
        async with on.bot():
            await on.finished(on.say("/batch triaged 12 15"))
            assert {label.name for label in on.thread(12).labels} == {"triaged"}
            assert "This is triaged" in on.thread(15).comments[0].body
            command = on.say("/batch 12 15")
            await on.until(lambda: "waits for its turn" in on.said("tracking"))
            go.touch()
            await on.finished(command)
        assert sorted(on.pull_requests()) == [12, 15]


async def test_a_worker_that_nobody_brings_is_said_at_the_start(tmp_path: Path):
    async with world(tmp_path) as on:
        on.settings_file["workers"] = ["slurm"]
        with pytest.raises(
            SettingsError, match="workers names slurm, and there is local"
        ):
            async with on.bot():
                pytest.fail("it started")
