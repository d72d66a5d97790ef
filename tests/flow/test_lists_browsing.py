"""The list of batches as an operator has it: in by token, followed, and used."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from bot.host.clock import SystemClock
from bot.web.pages import crowd, streams
from tests.flow.test_pages import OPERATOR, TOKEN
from tests.flow.test_pages_browser import (
    PATIENCE_MILLISECONDS,
    PHONE,
    WIDE,
    violations,
)
from tests.flow.test_visitors import newest, open_house
from tests.flow.test_visitors_browsing import person, sign_in
from tests.flow.world import World, world

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

HIDE = """isHidden => {
    Object.defineProperty(document, "hidden", {get: () => isHidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@asynccontextmanager
async def operating(
    browser: Browser, folder: Path, **how: Any
) -> AsyncIterator[tuple[World, Page, str]]:
    """Yield a bot in everybody's time, and a page of an operator who has signed in."""
    async with (
        world(folder, clock=SystemClock()) as on,
        open_house(on, OPERATOR_TOKEN=TOKEN) as bot,
        await browser.new_context(**how) as context,
    ):
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(bot.url)
        await page.get_by_role("link", name="Sign in as the operator").click()
        await page.get_by_label("The operator's token").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("h1", has_text="Batches")).to_be_visible()
        yield on, page, bot.url
        assert problems == []


async def fails_once(on: World, folder: Path) -> str:
    """Have a batch fail whose item would wait the next time; return its name."""
    thread = on.issue(12, "exit 1")
    on.say("/batch 12 retries:0")
    await on.until(lambda: on.comments("report"))
    thread.body = f"wait {folder / 'go'}"
    return newest(on)


def chip(page: Page, label: str) -> Any:
    return page.get_by_role("navigation", name="Which batches").get_by_text(label)


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
async def test_an_operator_retries_from_the_list_and_sees_it_move(
    browser: Browser, tmp_path: Path, viewport: Any, scheme: str
):
    how = {"viewport": viewport, "color_scheme": scheme, "bypass_csp": True}
    async with operating(browser, tmp_path, **how) as (on, page, url):
        name = await fails_once(on, tmp_path)
        await expect(chip(page, "With failures")).to_have_text("With failures 1")
        await expect(chip(page, "With work left")).to_have_text("With work left 0")
        await page.get_by_role("button", name=f"Retry 1: batch {name}").click()
        await expect(page).to_have_url(f"{url}/")
        await expect(page.locator(".batch")).to_have_count(2)
        await page.evaluate("window.isTheSamePage = true")
        await expect(page.locator(f"#retry-{name}")).to_have_count(0)
        again = newest(on)
        assert again != name
        await expect(chip(page, "With work left")).to_have_text("With work left 1")
        await expect(page.locator("section:has(> #slots)")).to_contain_text("1 of 3")
        await expect(page.locator(f"#pause-{again}")).to_be_visible()
        for path in (
            *("/", "/?state=failed", f"/batches/{again}", "/installations"),
            *("/batches/z9z9", "/?state=nonsense", "/sign-in/operator"),
        ):
            await page.goto(f"{url}{path}")
            assert await fits(page, viewport["width"]) == [], path
        await page.goto(f"{url}/")
        await page.evaluate("window.isTheSamePage = true")
        # What somebody types stays while the list moves, and so does the cursor.
        search = page.get_by_label("Search")
        await search.press_sequentially("implement")
        await search.press("ArrowLeft")
        (tmp_path / "go").touch()
        await expect(chip(page, "With work left")).to_have_text("With work left 0")
        await expect(page.locator("section:has(> #slots)")).to_contain_text("0 of 3")
        assert await page.evaluate("window.isTheSamePage") is True
        await expect(search).to_be_focused()
        await search.press_sequentially("_")
        await expect(search).to_have_value("implemen_t")


async def test_a_list_is_whole_and_used_without_scripts(
    browser: Browser, tmp_path: Path
):
    how = {"java_script_enabled": False}
    async with operating(browser, tmp_path, **how) as (on, page, url):
        name = await fails_once(on, tmp_path)
        await page.reload()
        await expect(chip(page, "With failures")).to_have_text("With failures 1")
        await expect(page.locator(".budget + p")).to_contain_text(
            "of 5,000 API requests"
        )
        await expect(page.locator("section:has(> #slots)")).to_contain_text("0 of 3")
        await page.get_by_role("button", name=f"Retry 1: batch {name}").click()
        await expect(page).to_have_url(f"{url}/")
        await expect(page.locator(f"#batch-{newest(on)}")).to_contain_text("running")
        await expect(page.locator("section:has(> #slots)")).to_contain_text("1 of 3")
        assert newest(on) != name


async def test_who_may_not_use_a_control_of_a_row_is_told_why_and_led_back(
    browser: Browser, tmp_path: Path
):
    async with (
        world(tmp_path, clock=SystemClock(), with_pages=True) as on,
        open_house(on) as bot,
    ):
        on.issue(12, f"wait {tmp_path / 'go'}")
        on.say("/batch 12")  # ada's
        await on.until(lambda: "**running**" in on.said("tracking"))
        async with person(browser, on, "linus") as page:
            here = f"{bot.url}/?state=live"
            await page.goto(here)
            await sign_in(page)
            await page.get_by_role("button", name=f"Pause: batch {newest(on)}").click()
            await expect(page.locator("main")).to_contain_text("That was not done")
            await expect(page.locator("main")).to_contain_text("maintain")
            await page.get_by_role("link", name="Back").click()
            await expect(page).to_have_url(here)
            await expect(page.locator(".batch .look")).to_contain_text("running")


async def fits(page: Page, width: int) -> Sequence[str]:
    """Return what axe-core finds, and whether a page is wider than the screen."""
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return [*await violations(page), *(["too wide"] if wide > width else [])]


async def test_a_hidden_page_takes_no_connection_and_catches_up(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with (
        operating(browser, tmp_path) as (on, page, url),
        aiohttp.ClientSession(headers=OPERATOR) as session,
    ):

        async def follow() -> int:
            async with session.get(f"{url}/live") as answer:
                return answer.status

        await expect(page.locator("#live")).to_have_text("live")
        monkeypatch.setattr(crowd, "MOST", 1)
        assert await follow() == 503
        await page.evaluate(HIDE, True)
        while await follow() == 503:
            pass  # until the server has noticed
        on.say("/batch close:40")
        await on.until(lambda: re.search("1 of 1 done", on.said("tracking")))
        await expect(page.locator(".batch")).to_have_count(0)
        await page.evaluate(HIDE, False)
        await expect(page.locator(".batch")).to_have_count(1)


@pytest.mark.parametrize("path", ["/", "/batches/{}", "/batches/{}/items/40"])
async def test_who_is_signed_out_is_told_so(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
):
    monkeypatch.setattr(streams, "SEEN_SECONDS", 0.2)
    async with operating(browser, tmp_path) as (on, page, url):
        on.say("/batch close:40")
        await on.until(lambda: re.search("1 of 1 done", on.said("tracking")))
        await page.goto(url + path.format(newest(on)))
        await expect(page.locator("#live")).to_have_text("live")
        other = await page.context.new_page()
        await other.goto(url)
        await other.get_by_role("button", name="Sign out").click()
        await expect(page.locator("#live")).to_have_text("sign in again")
        await page.get_by_role("link", name="sign in again").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
