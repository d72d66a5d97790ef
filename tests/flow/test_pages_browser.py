"""The bot's own pages as a person sees them, in front of the real bot."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from bot.host.clock import SystemClock
from tests import contracts
from tests.flow.test_pages import OPERATOR, SET_UP
from tests.flow.world import World, world

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WIDE = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=360, height=740)
PATIENCE_MILLISECONDS = 40_000


@asynccontextmanager
async def browsing(
    browser: Browser,
    folder: Path,
    *,
    viewport: ViewportSize = WIDE,
    headers: dict[str, str] = OPERATOR,
    **how: Any,
) -> AsyncIterator[tuple[World, Page, str]]:
    """Yield a bot with pages, in everybody's time, and a page of an operator."""
    async with (
        world(folder, clock=SystemClock()) as on,
        on.bot(**SET_UP) as bot,
        await browser.new_page(
            viewport=viewport, extra_http_headers=headers, **how
        ) as page,
    ):
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda said: problems.append(said.text) if said.type == "error" else None,
        )
        yield on, page, bot.url
        assert [one for one in problems if "401" not in one] == []


async def begun(on: World, command: str) -> str:
    """Give a command; return the batch once something of it runs."""
    on.say(command)
    await on.until(lambda: "**running**" in on.said("tracking"))
    [(name,)] = on.rows("SELECT id FROM batches")
    return str(name)


async def test_a_batch_is_watched_from_start_to_report_without_a_reload(
    browser: Browser, tmp_path: Path
):
    go = tmp_path / "go"
    async with browsing(browser, tmp_path) as (on, page, url):
        on.issue(12, f"wait {go}")
        on.issue(15, "exit 1")
        on.issue(18)
        name = await begun(on, "/batch 12 15 after:12 18 after:15 retries:0")
        await page.goto(f"{url}/")
        await page.get_by_role("link", name=name, exact=True).click()
        await page.evaluate("window.isTheSamePage = true")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("is running")
        await expect(page.locator("#live")).to_have_text("live")
        await expect(page.locator("#item-15 .badge")).to_have_text("waiting")
        link = page.locator("#item-12 a").first
        await link.focus()
        go.touch()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(
            "finished — 1 of 3 done, 1 failed, 1 skipped"
        )
        await expect(page.locator("#item-15 .badge")).to_have_text("failed")
        await expect(page.locator("#node-18")).to_have_class("node skipped")
        await expect(page.get_by_role("link", name="its report")).to_be_visible()
        assert await page.evaluate("window.isTheSamePage") is True
        assert await page.evaluate("document.activeElement.textContent") == "#12"
        await page.get_by_text("Needs you 2").click()  # counted as it moved
        await expect(page.locator("#item-12")).to_be_hidden()
        await expect(page.locator("#item-15")).to_be_visible()


async def test_a_log_is_followed_to_its_end(browser: Browser, tmp_path: Path):
    go = tmp_path / "go"
    async with browsing(browser, tmp_path) as (on, page, url):
        on.issue(12, f"say <b>first</b>\nwait {go}\nsay last words\nexit 1")
        name = await begun(on, "/batch 12 retries:0")
        await page.goto(f"{url}/batches/{name}/items/12")
        log = page.locator("#log")
        await expect(log).to_contain_text("<b>first</b>")
        go.touch()
        await expect(log).to_contain_text("last words")
        await expect(page.locator("#tries-list li")).to_have_count(1)
        await expect(page.locator("#tries-list .badge")).to_have_text("failed")
        # What the browser keeps goes without the headers of a test: it is read here.
        link = page.get_by_role("link", name="Download all of it")
        kept = await page.evaluate(
            "link => fetch(link).then(it => it.text())",
            await link.get_attribute("href"),
        )
        assert "<b>first</b>" in kept
        assert "last words" in kept


async def test_a_page_is_whole_without_scripts(browser: Browser, tmp_path: Path):
    go = tmp_path / "go"
    async with browsing(browser, tmp_path, java_script_enabled=False) as (
        on,
        page,
        url,
    ):
        on.issue(12, f"say hello\nwait {go}")
        name = await begun(on, "/batch 12 close:40 after:12")
        await page.goto(f"{url}/batches/{name}")
        await expect(page.locator(".item")).to_have_count(2)
        await expect(page.locator("#item-40")).to_contain_text("waits for #12")
        go.touch()
        await on.until(lambda: on.comments("report"))
        title = page.get_by_role("heading", level=1)
        while "2 of 2 done" not in await title.inner_text():
            await page.reload()  # what is shown is a second old at most


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_and_can_be_used_by_everybody(
    browser: Browser, tmp_path: Path, viewport: ViewportSize, scheme: str
):
    """axe-core has nothing to say of any page, and none is wider than the screen."""
    how: dict[str, Any] = {"color_scheme": scheme, "bypass_csp": True}  # for axe-core
    async with browsing(browser, tmp_path, viewport=viewport, **how) as (on, page, url):
        on.issue(12, "say hello\nexit 1", title="A" * 90)
        on.issue(15)
        on.say("/batch 12 15 after:12 close:40 retries:0")
        await on.until(lambda: on.comments("report"))
        [(name,)] = on.rows("SELECT id FROM batches")
        batch = f"/batches/{name}"
        for path in (
            "/",
            batch,
            f"{batch}/items/12",
            "/installations",
            "/stats",
            "/?state=live",
        ):
            await page.goto(f"{url}{path}")
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= viewport["width"], path
            assert await violations(page) == [], path
        background = await page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        assert (
            background
            == {"light": "rgb(246, 248, 250)", "dark": "rgb(13, 17, 23)"}[scheme]
        )


async def violations(page: Page) -> Sequence[str]:
    """Return what axe-core finds on a page."""
    folder = contracts.folder()
    script = folder / "axe-core" / "axe.min.js" if folder else None
    if script is None or not script.exists():
        pytest.skip("axe-core is not installed: npm install --prefix .ci brings it")
    await page.evaluate(script.read_text())
    found: list[dict[str, Any]] = await page.evaluate(
        "axe.run().then(r => r.violations)"
    )
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


async def test_a_stranger_is_turned_away(browser: Browser, tmp_path: Path):
    async with browsing(browser, tmp_path, headers={}) as (on, page, url):
        on.say("/batch close:40")
        await on.until(lambda: re.search("1 of 1 done", on.said("tracking")))
        [(name,)] = on.rows("SELECT id FROM batches")
        for path in ("/", f"/batches/{name}", f"/batches/{name}/items/40"):
            answer = await page.goto(f"{url}{path}")
            assert answer
            assert answer.status == 401
            await expect(page.locator("body")).to_contain_text("Sign in")
            await expect(page.locator("body")).not_to_contain_text("close")
