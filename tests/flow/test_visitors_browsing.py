"""People in a real browser: in over GitHub, a control used, a stranger turned away."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from bot.host.clock import SystemClock
from bot.localhub.pages.frame import COOKIE
from tests.flow.test_visitors import newest, open_house
from tests.flow.world import World, world

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PATIENCE_MILLISECONDS = 40_000


@asynccontextmanager
async def person(browser: Browser, on: World, login: str) -> AsyncIterator[Page]:
    """Yield a page of somebody who has a browser of their own, signed in at GitHub."""
    async with await browser.new_context() as context:
        await context.add_cookies(
            [{"name": COOKIE, "value": login, "url": on.hub.html_url}]
        )
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda said: (
                problems.append(said.text)
                if "Content Security Policy" in said.text
                else None
            ),
        )
        yield page
        assert problems == []


async def sign_in(page: Page, *, choice: str = "Authorize batch-bot") -> None:
    await page.get_by_role("link", name="Sign in with GitHub").click()
    await page.get_by_role("button", name=choice).click()


async def test_somebody_comes_in_over_github_uses_a_control_and_leaves(
    browser: Browser, tmp_path: Path
):
    async with (
        world(tmp_path, clock=SystemClock(), with_pages=True) as on,
        open_house(on) as bot,
    ):
        on.repository.is_private = True
        on.issue(12, f"wait {tmp_path / 'go'}")
        on.issue(15)
        on.say("/batch 12 15 after:12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        path = f"{bot.url}/batches/{newest(on)}"
        async with person(browser, on, "ada") as page:
            answer = await page.goto(path)
            assert answer is not None
            assert answer.status == 401
            # GitHub asks, and who would rather not is told what follows.
            await sign_in(page, choice="Cancel")
            await expect(page.locator("main")).to_contain_text("did not let the app")
            await page.goto(path)
            await sign_in(page)
            await expect(page).to_have_url(path)
            await expect(page.locator(".top .who")).to_contain_text("ada")
            await page.get_by_role("button", name="Pause", exact=True).click()
            await expect(page).to_have_url(path)
            await expect(page.locator("#head h1")).to_contain_text("paused")
            await on.until(lambda: "paused" in on.said("tracking"))
            await page.get_by_role("button", name="Go on", exact=True).click()
            await expect(page.locator("#head h1")).to_contain_text("running")
            (tmp_path / "go").touch()
            # It is followed to its end, and then there is nothing left to pause.
            over = re.compile("finished — 2 of 2 done")
            await expect(page.locator("#head h1")).to_contain_text(
                over, timeout=PATIENCE_MILLISECONDS
            )
            pause = page.get_by_role("button", name="Pause", exact=True)
            await expect(pause).to_have_count(0)
            await page.get_by_role("button", name="Sign out").click()
            await page.goto(path)
            await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        async with person(browser, on, "rita") as page:
            await page.goto(path)
            await sign_in(page)
            await expect(page.locator("#head h1")).to_be_visible()
            await expect(page.locator("#offers")).to_have_count(0)
        async with person(browser, on, "linus") as page:
            await page.goto(path)
            await page.get_by_role("link", name="Sign in with GitHub").click()
            allow = page.get_by_role("button", name="Authorize batch-bot")
            await expect(allow).to_be_visible()
            # With no role any more he is a stranger: nothing of it, not even a name.
            on.repository.roles["linus"] = "none"
            await allow.click()
            await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
            assert "Item 12" not in await page.content()
