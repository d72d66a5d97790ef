"""Debian's Chromium for tests that look at pages as a person does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

EXECUTABLE = Path("/usr/bin/chromium")
IS_THERE = EXECUTABLE.exists()
FLAGS = [
    "--no-hub",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Yield a running browser; skip the test where there is none."""
    if not IS_THERE:
        pytest.skip(f"there is no Chromium at {EXECUTABLE}: install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(EXECUTABLE), args=FLAGS
        )
        try:
            yield browser
        finally:
            await browser.close()
