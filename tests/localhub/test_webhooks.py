"""Which webhooks go out, in which order, and what is kept of them."""

import asyncio
import hashlib
import hmac

from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, REPO, client, receiver


async def test_webhooks_arrive_in_order_with_who_where_and_what(hub: LocalHub):
    async with receiver(hub) as hooks:
        hub.open_issue("wade", NAME, "One", labels=["bug"], assignees=["wade"])
        comment = hub.comment("wade", NAME, 1, "- [ ] box\n")
        hub.tick("olivia", NAME, comment.id, 0)
        hub.react("olivia", comment, "eyes")
        hub.edit_comment("olivia", NAME, comment.id, comment.body)
        await hub.webhooks.drain()
    assert hooks.names == [
        "issues.opened",
        "issues.labeled",
        "issues.assigned",
        "issue_comment.created",
        "issue_comment.edited",
    ]
    edited = hooks.hooks[-1].payload
    assert edited["changes"] == {"body": {"from": "- [ ] box\n"}}
    assert edited["comment"]["body"] == "- [x] box\r\n"
    assert edited["sender"]["login"] == "olivia"
    assert edited["comment"]["user"]["login"] == "wade"
    assert edited["repository"]["full_name"] == NAME
    assert edited["organization"]["login"] == "acme"
    (installation,) = hub.state.installations
    assert edited["installation"]["id"] == installation


async def test_each_is_signed_over_its_body(hub: LocalHub):
    async with receiver(hub) as hooks:
        hub.webhooks.secret = "another"  # noqa: S105 - as after a rotation
        hub.open_issue("wade", NAME, "Ünïcode")
        await hub.webhooks.drain()
    (hook,) = hooks.hooks
    digest = hmac.new(b"another", hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert hook.headers["Content-Type"] == "application/json"
    assert hook.headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert hook.headers["X-GitHub-Hook-Installation-Target-ID"] == str(hub.app.id)


async def test_what_the_bot_writes_is_told_too(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    async with client(hub) as github, receiver(hub) as hooks:
        await github.send("POST", f"{REPO}/issues/1/comments", {"body": "x"})
        await hub.webhooks.drain()
    (hook,) = hooks.hooks
    sender = hook.payload["sender"]
    assert (sender["login"], sender["type"]) == ("batch-bot[bot]", "Bot")
    assert hook.payload["comment"]["performed_via_github_app"]["slug"] == "batch-bot"


async def test_a_push_and_a_merge_tell_all_that_follows(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    async with receiver(hub) as hooks:
        old = hub.push("wade", NAME, "topic", {"a": "1"}, message="One")
        hub.open_pull_request("wade", NAME, "Two", head="topic", body="Closes #1")
        new = hub.push("wade", NAME, "topic", {"a": "2"}, message="Two")
        hub.merge("olivia", NAME, 2)
        await hub.webhooks.drain()
    assert hooks.names == [
        "push",
        "check_suite.requested",
        "pull_request.opened",
        "push",
        "check_suite.requested",
        "pull_request.synchronize",
        "pull_request.closed",
        "issues.closed",
        "push",
        "check_suite.requested",
    ]
    pushed, moved = hooks.hooks[3].payload, hooks.hooks[5].payload
    assert (pushed["before"], pushed["after"]) == (old, new)
    assert [commit["message"] for commit in pushed["commits"]] == ["Two"]
    assert (moved["before"], moved["after"]) == (old, new)
    assert moved["pull_request"]["head"]["sha"] == new
    assert hooks.hooks[6].payload["pull_request"]["merged"] is True


async def test_only_what_the_app_may_see_is_told(hub: LocalHub):
    hub.create_repository("other/thing", files={"a": "b"})
    (installation,) = hub.state.installations.values()
    async with receiver(hub) as hooks:
        hub.open_issue("other", "other/thing", "Elsewhere")
        hub.suspend_installation(installation)
        hub.open_issue("wade", NAME, "While suspended")
        hub.unsuspend_installation(installation)
        hub.open_issue("wade", NAME, "Seen")
        await hub.webhooks.drain()
    assert hooks.names == [
        "installation.suspend",
        "installation.unsuspend",
        "issues.opened",
    ]


async def test_a_failed_delivery_is_listed_and_sent_again_with_its_guid(
    hub: LocalHub,
):
    async with client(hub) as github, receiver(hub) as hooks:
        hooks.status = 500
        hub.open_issue("wade", NAME, "One")
        await hub.webhooks.drain()
        hooks.status = 202
        failed = await github.app("GET", "/app/hook/deliveries?status=failure")
        (item,) = failed.body
        assert (item["status_code"], item["redelivery"]) == (500, False)
        assert item["event"] == "issues"
        path = f"/app/hook/deliveries/{item['id']}"
        assert (await github.app("POST", f"{path}/attempts")).status == 202
        await hub.webhooks.drain()
        newest = (await github.app("GET", "/app/hook/deliveries")).body[0]
        whole = (await github.app("GET", path)).body
    assert (newest["guid"], newest["redelivery"]) == (item["guid"], True)
    assert newest["id"] != item["id"]
    first, second = hooks.hooks
    assert (first.guid, first.body) == (second.guid, second.body)
    assert whole["request"]["payload"] == first.payload
    assert whole["request"]["headers"]["X-GitHub-Delivery"] == first.guid


async def test_deliveries_are_paged_by_cursor(hub: LocalHub):
    seen: list[int] = []
    async with client(hub) as github, receiver(hub):
        for number in range(5):
            hub.open_issue("wade", NAME, f"Issue {number}")
        await hub.webhooks.drain()
        path = "/app/hook/deliveries?per_page=2"
        while path:
            answer = await github.app("GET", path)
            seen += [item["id"] for item in answer.body]
            link = answer.headers.get("Link", "")
            path = link.partition(">")[0].removeprefix(f"<{hub.api_url}")
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5


async def test_webhooks_come_twice_or_not_at_all_on_demand(hub: LocalHub):
    async with client(hub) as github, receiver(hub) as hooks:
        hub.webhooks.faults.twice = True
        hub.open_issue("wade", NAME, "Twice")
        await hub.webhooks.drain()
        assert len(hooks.hooks) == 2
        assert len({hook.guid for hook in hooks.hooks}) == 1
        hub.webhooks.faults.twice = False
        hub.webhooks.faults.dropped = True
        hub.open_issue("wade", NAME, "Lost")
        await hub.webhooks.drain()
        assert len(hooks.hooks) == 2
        failed = await github.app("GET", "/app/hook/deliveries?status=failure")
        assert [item["status"] for item in failed.body] == ["failed to connect"]


async def test_webhooks_overtake_each_other_on_demand(hub: LocalHub):
    async with receiver(hub) as hooks:
        hub.webhooks.faults.shuffled = True
        for title in "abc":
            hub.open_issue("wade", NAME, title)
        await hub.webhooks.drain()
    titles = [hook.payload["issue"]["title"] for hook in hooks.hooks]
    assert titles == ["c", "b", "a"]


async def test_an_app_that_is_not_there_costs_nothing_but_the_delivery(
    hub: LocalHub, unused_tcp_port: int
):
    hub.set_webhook_url(f"http://127.0.0.1:{unused_tcp_port}/")
    hub.open_issue("wade", NAME, "One")
    await asyncio.wait_for(hub.webhooks.drain(), 60)
    (delivery,) = hub.webhooks.deliveries
    assert (delivery.status, delivery.status_code) == ("failed to connect", 502)


async def test_a_milestone_is_told_with_all_that_it_was_made_with(hub: LocalHub):
    async with receiver(hub) as hooks, client(hub) as github:
        new = {"title": "v1", "description": "The first"}
        assert (await github.send("POST", f"{REPO}/milestones", new)).status == 201
        await hub.webhooks.drain()
    (told,) = [h.payload["milestone"] for h in hooks.hooks if h.event == "milestone"]
    assert (told["title"], told["description"]) == ("v1", "The first")
