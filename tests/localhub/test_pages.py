import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from bot.demo.seed import REPOSITORY, seed
from bot.localhub.ci import Annotation, CheckAction, CheckRun
from bot.localhub.hub import LocalHub
from bot.localhub.pages.frame import LOW_BUDGET
from bot.localhub.pages.site import add_pages
from bot.localhub.pulls import pull_of
from bot.localhub.reviews import LineComment
from bot.localhub.rules import BranchRules, QueueRule, RequiredCheck
from bot.localhub.server import start_hub
from bot.localhub.state import Comment
from tests.fakes import FakeClock

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOT = "batch-bot[bot]"
THREAD = f"/{REPOSITORY}/issues/40"
TRACKING = """\
<!-- batch-bot:tracking b7k2 -->
### ⏳ Batch `b7k2` is running

- [x] ✅ #12 — done
- [ ] ⏳ #15

- [ ] <!-- batch:pause --> Pause: start nothing new

<details><summary>Order of work</summary>

```mermaid
flowchart LR
  i12["#35;12 done"] --> i15["#35;15 waiting"]
```

</details>"""


class Restarts:
    """Counts how often the bot was started again."""

    count = 0

    async def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def restarts() -> Restarts:
    return Restarts()


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, restarts: Restarts) -> AsyncIterator[LocalHub]:
    def mount(app: web.Application, hub: LocalHub) -> None:
        add_pages(app, hub, restart_bot=restarts)

    async with start_hub(
        data_dir=tmp_path,
        now=lambda: datetime.now(UTC),
        sleep=FakeClock().sleep,
        extra_routes=mount,
    ) as hub:
        seed(hub)
        yield hub


@pytest_asyncio.fixture(loop_scope="session")
async def page(site: LocalHub, browser: Browser) -> AsyncIterator[Page]:
    """Yield a page of Chromium on which every error and dialog fails the test."""
    async with await browser.new_page(base_url=site.html_url) as page:
        page.set_default_timeout(10_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"a dialog: {dialog.message}"))
        yield page
        assert problems == []


async def post(
    site: LocalHub,
    path: str,
    *,
    origin: str | None = None,
    headers: dict[str, str] | None = None,
    **form: str,
) -> tuple[int, str]:
    """Post a form as a browser on a page of the site would."""
    sent = {"Origin": site.html_url if origin is None else origin} | (headers or {})
    async with (
        ClientSession() as session,
        session.post(
            site.html_url + path, data=form, headers=sent, allow_redirects=False
        ) as answer,
    ):
        return answer.status, await answer.text()


async def get(site: LocalHub, path: str) -> tuple[int, str]:
    headers = {"Accept": "text/html"}
    async with (
        ClientSession() as session,
        session.get(site.html_url + path, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


def track(site: LocalHub) -> Comment:
    return site.comment(BOT, REPOSITORY, 40, TRACKING)


async def sign_in(page: Page, login: str) -> None:
    async with page.expect_navigation():
        await page.get_by_label("signed in as").select_option(login)


# --- in the browser


async def test_a_comment_is_written_and_appears(page: Page, site: LocalHub) -> None:
    await page.goto(THREAD)
    await page.get_by_role("button", name="/batch 12 15 18 after:12").click()
    await page.get_by_role("button", name="Comment", exact=True).click()
    await expect(page.locator("article").last).to_contain_text("/batch 12 15 18 after")
    comment = site.thread(REPOSITORY, 40).comments[-1]
    assert (comment.author.login, comment.body) == ("ada", "/batch 12 15 18 after:12")


async def test_the_page_shows_what_the_bot_does_without_loading_again(
    page: Page, site: LocalHub
) -> None:
    await page.goto(THREAD)
    await page.evaluate("window.first = true")
    comment = track(site)
    shown = page.locator(f"#issuecomment-{comment.id}")
    await expect(shown.locator("h3")).to_have_text("⏳ Batch b7k2 is running")
    await expect(shown.locator(".badge")).to_have_text("bot")
    await shown.locator("summary").click()
    await expect(shown.locator("svg.flowchart")).to_be_visible()

    site.edit_comment(BOT, REPOSITORY, comment.id, TRACKING.replace("running", "done"))
    site.pin_comment(BOT, REPOSITORY, comment.id)
    site.react("ada", comment, "hooray")
    await expect(shown.locator("h3")).to_have_text("⏳ Batch b7k2 is done")
    await expect(page.locator(".pinned")).to_have_text("Pinned by batch-bot")
    await expect(shown).to_contain_text("edited")
    await expect(shown.locator(".reactions")).to_contain_text("🎉 1")
    await expect(shown.locator("svg.flowchart")).to_be_visible()
    assert await page.evaluate("window.first")


async def test_a_comment_half_written_survives_the_news(
    page: Page, site: LocalHub
) -> None:
    await page.goto(THREAD)
    await page.get_by_label("Comment as ada").fill("half a sen")
    comment = track(site)
    await expect(page.locator(f"#issuecomment-{comment.id}")).to_be_visible()
    await expect(page.get_by_label("Comment as ada")).to_have_value("half a sen")
    site.delete_comment(BOT, REPOSITORY, comment.id)
    await expect(page.locator(f"#issuecomment-{comment.id}")).to_have_count(0)


async def test_a_ticked_box_edits_the_comment_as_the_person(
    page: Page, site: LocalHub
) -> None:
    comment = track(site)
    await page.goto(THREAD)
    await sign_in(page, "linus")
    box = page.locator("li.task", has_text="Pause").locator("input")
    await box.check()
    await expect(page.locator(f"#issuecomment-{comment.id}")).to_contain_text(
        "edited by linus"
    )
    await expect(box).to_be_checked()
    ticked = TRACKING.replace("- [ ] <!--", "- [x] <!--").replace("\n", "\r\n")
    assert comment.body == ticked
    assert comment.edits[-1].editor.login == "linus"


async def test_who_may_not_edit_cannot_tick(page: Page, site: LocalHub) -> None:
    track(site)
    await page.goto(THREAD)
    await sign_in(page, "newcomer")
    box = page.locator("li.task", has_text="Pause").locator("input")
    await expect(box).to_be_disabled()


async def test_texts_of_others_run_nothing(page: Page, site: LocalHub) -> None:
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    link = "[x](javascript:alert(3)) <a href='javascript:alert(4)'>here</a>"
    site.add_label(REPOSITORY, attack)
    issue = site.open_issue("newcomer", REPOSITORY, attack, f"{attack}\n\n{link}")
    site.label("ada", REPOSITORY, issue.number, attack)
    site.comment("newcomer", REPOSITORY, issue.number, f"- #{issue.number}\n\n{attack}")
    for path in (f"/{REPOSITORY}/issues/{issue.number}", f"/{REPOSITORY}/issues"):
        await page.goto(path)
        shown = page.get_by_text(attack).locator("visible=true")
        await expect(shown.first).to_be_visible()
        bad = page.locator("main script, main [onerror], main a[href^=javascript]")
        await expect(bad).to_have_count(0)
    await page.goto(f"/{REPOSITORY}/issues/{issue.number}")
    await page.get_by_text("here", exact=True).click()


async def test_labels_are_added_and_removed(page: Page, site: LocalHub) -> None:
    thread = site.thread(REPOSITORY, 12)
    await page.goto(f"/{REPOSITORY}/issues/12")
    await page.get_by_role("button", name="Add").click()
    await expect(page.locator(".event").last).to_contain_text("added the label batch")
    assert [label.name for label in thread.labels] == ["bug", "release", "batch"]
    await page.get_by_role("button", name="Remove the label bug").click()
    await expect(page.locator(".event").last).to_contain_text("removed the label bug")
    assert [label.name for label in thread.labels] == ["release", "batch"]


async def test_a_label_is_put_on_many_at_once(page: Page, site: LocalHub) -> None:
    await page.goto(f"/{REPOSITORY}/issues")
    for number in (12, 15, 61):
        await page.get_by_label(f"Choose #{number}", exact=True).check()
    await page.get_by_role("button", name="Label what is chosen").click()
    await expect(page.locator("li", has_text="#15 by").locator(".label")).to_have_count(
        len(site.thread(REPOSITORY, 15).labels)
    )
    found = [n for n in (12, 15, 19, 61) if "batch" in names(site, n)]
    assert found == [12, 15, 61]
    await page.get_by_label("Choose #15", exact=True).check()
    await page.get_by_label("Choose #19", exact=True).check()
    await page.get_by_role("button", name="Take it off").click()
    await expect(page.get_by_label("Choose #15", exact=True)).not_to_be_checked()
    assert "batch" not in names(site, 15)


def names(site: LocalHub, number: int) -> list[str]:
    return [label.name for label in site.thread(REPOSITORY, number).labels]


async def test_an_issue_is_closed_and_reopened(page: Page, site: LocalHub) -> None:
    await page.goto(f"/{REPOSITORY}/issues/36")
    await page.get_by_role("button", name="Close issue").click()
    await expect(page.locator(".state")).to_contain_text("closed")
    assert site.thread(REPOSITORY, 36).state_reason == "completed"
    await page.get_by_role("button", name="Reopen issue").click()
    await expect(page.locator(".state")).to_contain_text("open")
    assert site.thread(REPOSITORY, 36).is_open


async def test_the_budget_is_dropped_and_things_are_broken(
    page: Page, site: LocalHub, restarts: Restarts
) -> None:
    await page.goto(THREAD)
    client = next(iter(site.state.installations))
    await page.get_by_role("button", name="Drop the budget").click()
    await expect(page.get_by_text(f"{LOW_BUDGET} of 5,000")).to_be_visible()
    assert site.limits.window(client, "core").remaining == LOW_BUDGET
    await page.get_by_role("button", name="Send every webhook twice").click()
    await expect(page.get_by_role("button", name="once again")).to_be_visible()
    assert site.webhooks.faults.twice
    await page.get_by_role("button", name="502 for 10 s").click()
    await expect(page.get_by_role("button", name="answering 502")).to_be_disabled()
    fault = site.faults.take("GET", "/anything")
    assert fault is not None
    assert fault.status == HTTPStatus.BAD_GATEWAY
    await page.get_by_role("button", name="Kill the bot").click()
    await page.wait_for_url(f"**{THREAD}")
    assert restarts.count == 1


async def test_a_pull_request_shows_its_diff_and_is_merged(
    page: Page, site: LocalHub
) -> None:
    line = LineComment("widgets/config.py", "And if it *changes*?", line=14)
    site.review(
        BOT, REPOSITORY, 63, event="REQUEST_CHANGES", body="Red.", comments=[line]
    )
    await page.goto(f"/{REPOSITORY}/pull/63")
    await expect(page.locator(".on-line em")).to_have_text("changes")
    files = f"/{REPOSITORY}/pull/63/files"
    await page.goto(files)
    said = page.locator(".diff tr:has-text('14') + tr.said em")
    await expect(said).to_have_text("changes")
    whole = LineComment("widgets/config.py", "Why this *file*?")
    site.review(BOT, REPOSITORY, 63, event="COMMENT", comments=[whole])
    line_comment = pull_of(site.thread(REPOSITORY, 63)).review_comments[0]
    line_comment.is_resolved = True
    await page.goto(files)
    # What is said of a file stands above its lines, once; what is resolved is folded.
    await expect(page.locator(".diff tr:first-child em")).to_have_text("file")
    await expect(page.locator("tr.said")).to_have_count(2)
    await expect(said).to_be_hidden()
    await page.get_by_text("resolved").click()
    await expect(said).to_have_text("changes")
    pull_of(site.thread(REPOSITORY, 63)).reviews[-2].minimized_as = "outdated"
    await page.goto(f"/{REPOSITORY}/pull/63")
    await expect(page.locator(".on-line em", has_text="changes")).to_be_hidden()
    await page.get_by_text("This was marked as outdated.").click()
    await expect(page.locator(".on-line em", has_text="changes")).to_be_visible()
    await expect(page.locator(".merge")).to_contain_text("❌ tests")
    await page.get_by_role("link", name="files changed").click()
    await expect(page.locator("tr.added").first).to_contain_text("lru_cache")
    await page.get_by_role("link", name="Conversation").click()
    await page.get_by_role("button", name="Ask for a review").click()
    await expect(page.locator(".merge")).to_contain_text("asked: batch-reviewers")
    await page.get_by_role("button", name="Merge", exact=True).click()
    await expect(page.locator(".state")).to_contain_text("merged")


async def test_a_check_run_has_a_page_with_what_it_says_and_its_buttons(
    page: Page, site: LocalHub
) -> None:
    repository = site.repository(REPOSITORY)
    head = pull_of(site.thread(REPOSITORY, 63)).head_sha
    suite = site.suite(repository, head, by_app=True)
    run = CheckRun(
        site.state.next_id(), suite, "Batch b7k2", "completed", site.now(), "neutral",
        title="Finished: 2 of 3 done", summary="**1** failed",
        annotations=[Annotation("a.yml", 3, 3, "failure", "No such key", "Key")],
        actions=(CheckAction("Retry", "Run again what failed", "retry"),),
    )  # fmt: skip
    site.add_check(site.app.bot, repository, run)
    await page.goto(f"/{REPOSITORY}/pull/63")
    await expect(page.locator(".merge")).to_contain_text("Finished: 2 of 3 done")
    await page.get_by_role("link", name="Batch b7k2").click()
    await expect(page.locator(".markdown strong")).to_have_text("1")
    await expect(page.locator(".on-line")).to_contain_text("a.yml:3 failure Key")
    site.set_webhook_url("http://127.0.0.1:9/")
    await page.get_by_role("button", name="Retry").click()
    await expect(page.get_by_role("heading", name="Batch b7k2")).to_be_visible()
    assert site.webhooks.deliveries[-1].action == "requested_action"


async def test_checks_are_set_and_the_queue_merges_on_the_page(
    page: Page, site: LocalHub
) -> None:
    checks = (RequiredCheck("tests"), RequiredCheck("build (linux)"))
    rules = BranchRules(checks=checks, approvals=1, queue=QueueRule())
    site.repository(REPOSITORY).rules = [rules]
    await page.goto(f"/{REPOSITORY}/pull/63")
    box = page.locator(".merge")
    await expect(box).to_contain_text("Is blocked by the rules of the base")
    await expect(box).to_contain_text("⚪ build (linux) expected · required")
    await expect(box).to_contain_text("1 expected and 1 failing.")
    for name in ("tests", "build (linux)"):
        await page.get_by_role("button", name=f"Let {name} succeed").click()
        await expect(box).to_contain_text(f"✅ {name} success · required")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(box).to_contain_text("Can be merged")
    await page.get_by_role("button", name="Merge when ready").click()
    await expect(box).to_contain_text("Is number 1 in the merge queue")
    for name in ("tests", "build (linux)"):
        await page.get_by_role("button", name=f"Let {name} succeed").last.click()
    await expect(page.locator(".state")).to_contain_text("merged")


@pytest.mark.parametrize("width", [390, 1440])
async def test_no_page_is_wider_than_the_screen(
    width: int, page: Page, site: LocalHub
) -> None:
    track(site)
    site.comment("ada", REPOSITORY, 40, "| a |\n|--|\n| " + "`wide` " * 60 + " |")
    site.comment("ada", REPOSITORY, 40, "```\n" + "x" * 300 + "\n```\n" + "y" * 300)
    await page.set_viewport_size({"width": width, "height": 800})
    for path in (
        THREAD,
        f"/{REPOSITORY}/issues",
        f"/{REPOSITORY}/pull/63",
        f"/{REPOSITORY}/pull/64/files",
        f"/{REPOSITORY}/blob/main/widgets/cli.py",
        "/-/webhooks",
        "/-/api",
    ):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, (
            path
        )


# --- over HTTP


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("https://evil.test", {}),
        ("http://localhost:1", {}),
        ("null", {}),
        ("", {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        ("http://evil.test", {"Host": "evil.test"}),
    ],
    ids=["site", "port", "opaque", "none", "cross-site", "rebound name"],
)
async def test_forms_of_other_sites_are_refused(
    origin: str | None, headers: dict[str, str], site: LocalHub
) -> None:
    before = len(site.thread(REPOSITORY, 40).comments)
    status, _ = await post(
        site, f"{THREAD}/comments", origin=origin, headers=headers, body="hi"
    )
    assert status == HTTPStatus.FORBIDDEN
    assert len(site.thread(REPOSITORY, 40).comments) == before


async def test_who_may_not_is_told_so_and_nothing_changes(site: LocalHub) -> None:
    newcomer = {"Cookie": "hub_user=newcomer"}
    comment = track(site)
    status, text = await post(
        site, f"{THREAD}/boxes", headers=newcomer, comment=str(comment.id), line="6",
        checked="true",
    )  # fmt: skip
    assert (status, text) == (403, "Must have write rights to Repository.")
    assert comment.body == TRACKING
    status, _ = await post(site, f"{THREAD}/labels", headers=newcomer, add="batch")
    assert status == HTTPStatus.FORBIDDEN


async def test_a_cookie_makes_nobody_the_bot(site: LocalHub) -> None:
    cookie = {"Cookie": f"hub_user={BOT}"}
    await post(site, f"{THREAD}/comments", headers=cookie, body="hi")
    assert site.thread(REPOSITORY, 40).comments[-1].author.login == "ada"


async def test_a_box_that_has_moved_is_not_ticked(site: LocalHub) -> None:
    comment = track(site)
    status, text = await post(
        site, f"{THREAD}/boxes", comment=str(comment.id), line="1", checked="true"
    )
    assert status == HTTPStatus.CONFLICT
    assert "no box now" in text
    status, _ = await post(site, f"{THREAD}/boxes", comment="x", line="1")
    assert status == HTTPStatus.BAD_REQUEST


async def test_a_box_of_the_issue_itself_is_ticked(site: LocalHub) -> None:
    thread = site.thread(REPOSITORY, 40)
    line = thread.body.split("\n").index("- [ ] #24")
    status, _ = await post(
        site, f"{THREAD}/boxes", comment="0", line=str(line), checked="true"
    )
    assert status == HTTPStatus.NO_CONTENT
    assert "- [ ] #23\r\n- [x] #24\r\n" in thread.body


async def test_the_first_page_says_what_to_try(site: LocalHub) -> None:
    async with ClientSession() as session, session.get(site.html_url) as answer:
        text = await answer.text()
    assert "<h2>Try this</h2>" in text
    assert f'href="/{REPOSITORY}/issues/40"' in text
    assert "/batch 12 15 18 after:12" in text


async def test_an_issue_is_opened_and_may_not_be_empty(site: LocalHub) -> None:
    status, _ = await post(site, f"/{REPOSITORY}/issues", title="New", body="text")
    assert status == HTTPStatus.SEE_OTHER
    assert site.thread(REPOSITORY, 65).title == "New"
    status, text = await post(site, f"/{REPOSITORY}/issues", title=" ")
    assert (status, text) == (422, "Validation Failed — title")


@pytest.mark.parametrize(
    "path",
    [
        f"/{REPOSITORY}/issues/14",
        f"/{REPOSITORY}/pull/12/files",
        f"/{REPOSITORY}/blob/main/no/such/file",
        f"/{REPOSITORY}/blob/main/../secret",
        f"/{REPOSITORY}/commit/0000000",
        "/nobody/nothing/issues",
        "/-/webhooks/1",
    ],
)
async def test_what_is_not_there_is_not_found(path: str, site: LocalHub) -> None:
    status, text = await get(site, path)
    assert status == HTTPStatus.NOT_FOUND
    assert "Traceback" not in text


async def test_addresses_that_github_gives_out_lead_somewhere(site: LocalHub) -> None:
    head = site.repository(REPOSITORY).git.resolve("main")
    for path, text in (
        ("/", "Issues and pull requests"),
        (f"/{REPOSITORY}", "Issues and pull requests"),
        (f"/{REPOSITORY}/issues/63", "Cache the parsed config"),
        (f"/{REPOSITORY}/pulls", "Refactor the CLI entry points"),
        (f"/{REPOSITORY}/issues?state=closed", "Read catalogues from Excel"),
        (f"/{REPOSITORY}/commit/{head}", "Name the exit codes"),
        (f"/{REPOSITORY}/blob/main/.github/batch.yml", "review_requests"),
    ):
        status, shown = await get(site, path)
        assert status == HTTPStatus.OK, path
        assert text in shown, path


async def test_webhooks_are_listed_shown_and_sent_again(site: LocalHub) -> None:
    received: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        received.append(request.headers["X-GitHub-Delivery"])
        return web.Response(status=202, text="thank you")

    app = web.Application()
    app.router.add_post("/", receive)
    async with TestServer(app) as server:
        site.set_webhook_url(str(server.make_url("/")))
        site.comment("ada", REPOSITORY, 40, "hello <there>")
        await site.webhooks.drain()
        _, shown = await get(site, "/-/webhooks")
        found = re.search(r'href="(/-/webhooks/\d+)">issue_comment\.created', shown)
        assert found is not None
        _, shown = await get(site, found[1])
        assert "hello &lt;there&gt;" in shown
        assert "thank you" in shown
        status, _ = await post(site, found[1])
        await site.webhooks.drain()
    assert status == HTTPStatus.SEE_OTHER
    assert len(received) == 2
    assert len(set(received)) == 1


async def test_requests_of_the_api_are_listed(site: LocalHub) -> None:
    await get(site, f"/api/v3/repos/{REPOSITORY}")
    _, shown = await get(site, "/-/api")
    assert f"<code>/repos/{REPOSITORY}</code>" in shown


async def test_without_a_bot_there_is_no_button_to_kill_it(tmp_path: Path) -> None:
    async with start_hub(
        data_dir=tmp_path,
        now=lambda: datetime.now(UTC),
        sleep=FakeClock().sleep,
        extra_routes=add_pages,
    ) as hub:
        seed(hub)
        _, shown = await get(hub, THREAD)
        assert "Break something" in shown
        assert "Kill the bot" not in shown
        status, _ = await post(hub, "/-/bot")
        assert status == HTTPStatus.NOT_FOUND


async def test_pages_load_nothing_from_elsewhere(site: LocalHub) -> None:
    async with (
        ClientSession() as session,
        session.get(site.html_url + THREAD) as answer,
    ):
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in text
    sources = re.findall(r'(?:src|href)="(https?:[^"]+)"', text)
    assert [url for url in sources if not url.startswith(site.html_url)] == []
