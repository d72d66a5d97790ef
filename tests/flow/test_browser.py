"""What a person does in a browser, and what the real bot makes of it.

Everything is as in ``python -m bot demo``: the bot is a process of its own.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from bot.demo.seed import REPOSITORY
from bot.demo.stage import THREAD, Stage, stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WIDE = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
PATIENCE_MILLISECONDS = 40_000


@asynccontextmanager
async def browsing(
    browser: Browser, viewport: ViewportSize, *, pace_seconds: float = 0
) -> AsyncIterator[tuple[Stage, Page]]:
    """Yield the running demo and a page that shows the thread for commands."""
    async with (
        stage(with_pages=True, pace_seconds=pace_seconds) as on,
        await browser.new_page(viewport=viewport) as page,
    ):
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{on.hub.html_url}/{REPOSITORY}/issues/{THREAD}")
        yield on, page
        assert problems == []


async def say(page: Page, command: str) -> None:
    await page.locator("#body").fill(command)
    await page.get_by_role("button", name="Comment", exact=True).click()


def comment_with(page: Page, text: str | re.Pattern[str]) -> Locator:
    """Return the last comment whose heading has the text."""
    heading = page.get_by_role("heading", name=text)
    return page.locator("article").filter(has=heading).last


def box(comment: Locator, text: str) -> Locator:
    """Return the control box of a comment that stands before the text."""
    return comment.locator("li.task").filter(has_text=text).locator("input")


async def sees(what: Locator) -> None:
    await expect(what).to_be_visible(timeout=PATIENCE_MILLISECONDS)


async def test_a_command_typed_in_the_page_becomes_a_batch_and_a_report(
    browser: Browser,
):
    async with browsing(browser, WIDE, pace_seconds=0.2) as (_, page):
        await say(page, "/batch 12 15 18 after:12")
        running = comment_with(page, re.compile(r"is running"))
        await sees(running.locator("li").filter(has_text="waits for #12"))
        await sees(page.locator(".pinned").filter(has_text="batch-bot"))
        tracking = page.locator(f"#{await running.get_attribute('id')}")
        ticked = tracking.locator("input[type=checkbox]:checked")
        await expect(ticked).not_to_have_count(0, timeout=PATIENCE_MILLISECONDS)
        await sees(tracking.get_by_role("heading", name="finished — 3 of 3 done"))
        await expect(ticked).to_have_count(3)
        report = page.locator("article").filter(has_text="Figures")
        await sees(report.get_by_role("heading", name="finished — 3 of 3 done"))
        command = page.locator("article").filter(has_text="/batch 12 15 18 after:12")
        await sees(command.first.get_by_title("hooray"))
        await expect(page.locator(".pinned")).to_have_count(0)
        # The link of an item leads to its pull request, a draft that closes the issue.
        await tracking.get_by_role("link", name=re.compile(r"^PR ")).first.click()
        await sees(page.locator(".state").get_by_text("draft"))
        await sees(page.locator("article").first.get_by_text("Closes"))


async def test_a_ticked_box_pauses_a_batch_and_another_one_resumes_it(browser: Browser):
    async with browsing(browser, WIDE, pace_seconds=0.5) as (_, page):
        await say(page, "/batch 12 15 18 after:12")
        await box(comment_with(page, re.compile("is running")), "Pause").click()
        paused = comment_with(page, re.compile("paused"))
        await sees(paused)
        await box(paused, "Go on").click()
        await sees(comment_with(page, "finished — 3 of 3 done"))


async def test_a_ticked_box_cancels_what_has_not_ended(browser: Browser):
    async with browsing(browser, WIDE, pace_seconds=30) as (on, page):
        await say(page, "/batch 12 15 18 after:12")
        await box(comment_with(page, re.compile("is running")), "Cancel").click()
        report = page.locator("article").filter(has_text="Figures")
        await sees(report.get_by_role("heading", name=re.compile("cancelled")))
        threads = on.thread.repository.threads.values()
        pulls = [thread.pull for thread in threads if thread.pull]
        assert not any(pull.head_ref.startswith("batch/") for pull in pulls)


@pytest.mark.parametrize(
    "command",
    ["/batch help", "/batch help options", "/batch plan 12..24", "/batch 12 l8"],
)
async def test_answers_fit_a_phone(browser: Browser, command: str):
    async with browsing(browser, PHONE) as (_, page):
        await say(page, command)
        answer = page.locator("article").filter(has=page.locator(".badge")).last
        await sees(answer)
        tables = answer.locator("table")
        cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
        assert await tables.evaluate_all(cut) == 0
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width == PHONE["width"]


async def test_a_comment_leads_to_the_bots_own_pages(browser: Browser):
    async with browsing(browser, WIDE, pace_seconds=0.2) as (on, page):
        await say(page, "/batch 12 15 after:12")
        await page.get_by_role("link", name="live view").last.click()
        await expect(page).to_have_url(re.compile(rf"{on.url}/batches/[a-z0-9]{{4}}"))
        await page.get_by_role("link", name="Sign in").click()
        await page.get_by_role("button", name="Authorize batch-bot").click()
        await sees(page.locator("#offers").get_by_role("button").first)
        await sees(page.get_by_role("heading", name="finished — 2 of 2 done"))
        await page.goto(f"{on.hub.html_url}/{REPOSITORY}/issues/{THREAD}")
        await page.get_by_role("link", name="Dashboard").first.click()
        await expect(page).to_have_title("Batches · batch-bot")


async def test_an_empty_budget_holds_a_batch_until_it_is_filled_again(browser: Browser):
    async with browsing(browser, WIDE, pace_seconds=0.2) as (_, page):
        await page.get_by_role("button", name="Drop the budget").click()
        await say(page, "/batch 12 15 18 after:12")
        await sees(comment_with(page, re.compile(r"waits for the API budget")))
        await page.get_by_role("button", name="Fill the budget").click()
        await sees(comment_with(page, "finished — 3 of 3 done"))
