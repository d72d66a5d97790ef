"""From a clone to the first batch in three minutes and four clicks, in a real browser.

Everything is as an operator has it: ``python -m bot setup`` in the clone is a process of
its own, which becomes the bot in the end. GitHub cannot reach this machine, so the bot
asks it for deliveries.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
import yaml
from playwright.async_api import Browser, Page, expect

from bot.demo.seed import REPOSITORY, seed
from bot.demo.stage import THREAD
from bot.localhub.hub import LocalHub
from bot.localhub.pages.site import add_pages
from bot.localhub.server import start_hub

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 180
MOST_CLICKS = 4
PATIENCE_MILLISECONDS = 120_000


def clone(folder: Path) -> Path:
    """Return what a clone has that the bot needs."""
    shutil.copytree(
        ROOT / "bot", folder / "bot", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "app.yml", folder)
    program = ["sh", "-c", "date > done.txt"]
    settings = {"commands": {"implement": program}}
    (folder / "batch-bot.yml").write_text(yaml.safe_dump(settings))
    (folder / ".env").write_text(
        "BATCH_SETTINGS_FILE=batch-bot.yml\nBATCH_SANDBOX=best-effort\nPORT=0\n"
    )
    return folder


@asynccontextmanager
async def setting_up(
    hub: LocalHub, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "setup", "--org", "acme"),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GITHUB_API_URL": hub.api_url,
            "PYTHONUNBUFFERED": "1",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_clone_is_at_work_in_three_minutes_and_four_clicks(
    browser: Browser, tmp_path: Path
):
    async with start_hub(
        data_dir=tmp_path / "github",
        now=lambda: datetime.now(UTC),
        sleep=asyncio.sleep,
        extra_routes=add_pages,
    ) as hub:
        await asyncio.to_thread(seed, hub)
        [before] = hub.state.installations.values()
        hub.uninstall(before)
        begun = monotonic()
        folder = clone(tmp_path / "clone")
        async with (
            setting_up(hub, folder) as process,
            await browser.new_page() as page,
        ):
            assert process.stdout is not None
            page.set_default_timeout(PATIENCE_MILLISECONDS)
            said = await _until(process.stdout, r"(http://127\.0\.0\.1:\d+/\S+)")
            clicks = await _registers(page, said[1])
            await _until(process.stdout, rf"installed on acme: {REPOSITORY}\.")
            log = asyncio.create_task(_read(process.stdout))
            await page.goto(f"{hub.html_url}/{REPOSITORY}/issues/{THREAD}")
            await page.locator("#body").fill("/batch 12")
            await page.get_by_role("button", name="Comment", exact=True).click()
            clicks += 1
            done = page.get_by_role("heading", name="finished — 1 of 1 done").first
            await expect(done).to_be_visible(timeout=PATIENCE_MILLISECONDS)
            took = monotonic() - begun
            log.cancel()
    assert clicks <= MOST_CLICKS
    assert took < MOST_SECONDS
    heads = [thread.pull.head_ref for thread in _threads(hub) if thread.pull]
    assert [head for head in heads if re.fullmatch(r"batch/\w+/12", head)]


async def _registers(page: Page, link: str) -> int:
    """Do what the pages ask for, and return how many clicks that took."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda said: problems.append(said.text) if said.type == "error" else None,
    )
    await page.goto(link)
    await page.get_by_role("button", name="Register on GitHub").click()
    await page.get_by_role("button", name="Create GitHub App for acme").click()
    await page.get_by_role("button", name="Install").click()
    await expect(
        page.get_by_role("heading", name="is installed on acme")
    ).to_be_visible()
    assert problems == []
    return 3


def _threads(hub: LocalHub):
    return hub.repository(REPOSITORY).threads.values()


async def _until(stream: asyncio.StreamReader, pattern: str) -> re.Match[str]:
    """Read what is said until it has the pattern."""
    text = ""
    while True:
        line = (await stream.readline()).decode()
        assert line, f"it ended, and had said: {text}"
        text += line
        if found := re.search(pattern, line):
            return found


async def _read(stream: asyncio.StreamReader) -> None:
    """Read on, so that nobody waits for room to write."""
    while await stream.read(65_536):
        pass
