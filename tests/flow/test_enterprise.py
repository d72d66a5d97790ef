"""An older Enterprise server: what it lacks is looked for once, done without, and said."""

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from bot.localhub.api_log import Exchange
from tests.flow.merging import demand, is_merged, pulls, report
from tests.flow.world import REPOSITORY, World

PIN = "/repos/{owner}/{repo}/issues/comments/{comment_id}/pin"
NO_DEPENDENCIES = "This GitHub server has no dependencies between issues."


def requests(on: World) -> Counter[tuple[str, str | None]]:
    return Counter((e.method, e.template) for e in on.hub.log)


def unknown_fields(on: World) -> list[Exchange]:
    """Return the queries that asked for what the server's schema does not have."""
    return [
        e
        for e in on.hub.log
        if e.template == "/graphql"
        and any("extensions" in one for one in e.response.get("errors") or ())
    ]


async def test_what_a_server_lacks_is_probed_once_and_said(on: World, tmp_path: Path):
    on.hub.lacks = {"pins", "dependencies", "sub-issues"}
    go = tmp_path / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(13, "write c d")
    for number in (14, 15):
        on.issue(number)
    async with on.bot():
        first = on.say("/batch 12 13 after:12")
        await on.until(lambda: requests(on)["PUT", PIN])
        go.touch()
        await on.finished(first)
        assert NO_DEPENDENCIES in on.comment("tracking").body
        assert "`after:` and the texts of the items say" in on.comment("tracking").body
        assert "2 of 2 done" in on.comment("report").body
        assert on.thread().pinned_comment is None
        plan = await on.answer("/batch plan label +bug 14 15 deps:native")
        assert f"{NO_DEPENDENCIES} Only `after:` say" in plan
        typed = await on.answer("/batch plan label +bug 14 15 deps:typed")
        assert NO_DEPENDENCIES not in typed
        none = await on.answer("/batch label +bug sub-issues:12")
        assert "This GitHub server has no sub-issues." in none
        second = on.say("/batch label +bug 14")
        await on.finished(second)
        # One item needs no order.
        assert NO_DEPENDENCIES not in on.comments("tracking")[-1].body
        told = await on.answer("/batch help")
        assert (
            "This GitHub server has no pinned comments, no dependencies between issues"
            " and no sub-issues." in told
        )
    assert requests(on)["PUT", PIN] == 1
    assert requests(on)["DELETE", PIN] == 0
    assert len(unknown_fields(on)) == 1


async def test_a_server_that_has_everything_is_said_to_lack_nothing(on: World):
    on.issue(12)
    on.issue(13)
    async with on.bot():
        await on.finished(on.say("/batch label +bug 12 13"))
        assert "This GitHub server" not in on.comment("tracking").body
        assert "This GitHub server" not in await on.answer("/batch help")


async def test_a_server_that_says_little_of_its_rules_tells_them_by_refusing(
    on: World,
):
    on.hub.lacks = {"merge states", "rules of bases", "merge queues"}
    pulls(on, 61, 62, 63)
    demand(on, "lint", is_strict=True)
    on.hub.push("ada", REPOSITORY, "main", {"topic63.txt": "mine"}, message="Mine")
    async with on.bot():
        plan = await on.answer("/batch plan merge 61 62 63")
        assert "#61 and #62 would be merged now" in plan
        assert "#63 would fail: it conflicts with `main`" in plan
        assert "This GitHub server has no readable rules of bases." in plan
        command = on.say("/batch merge 61 62 timeout:6h")
        words = 'waits for Required status check "lint" is expected'
        await on.until(lambda: words in on.said("tracking"))
        assert words in await on.answer("/batch why 61")
        on.hub.plan_checks(REPOSITORY, {"lint": "success"})
        report(on, 61, "lint")
        report(on, 62, "lint")
        await on.finished(command)
        assert is_merged(on, 61)
        assert is_merged(on, 62)
    assert len(unknown_fields(on)) == 1


async def test_the_host_alone_names_a_server(on: World):
    on.issue(12, "write a b")
    host = urlsplit(on.hub.api_url).netloc
    async with on.bot(GITHUB_API_URL="", GHE_HOST=host, GHE_PROTOCOL="http"):
        await on.finished(on.say("/batch 12"))
    assert list(on.pull_requests()) == [12]
    versions = {e.request_headers["x-github-api-version"] for e in on.hub.log}
    assert versions == {"2022-11-28"}
