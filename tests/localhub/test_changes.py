"""What happens to installations, repositories and issues while the app works there."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.localhub.accounts import Installation
from bot.localhub.errors import GitHubError
from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, REPO, Client, Receiver, client, receiver


def installation(hub: LocalHub) -> Installation:
    return next(iter(hub.state.installations.values()))


def short_names(hooks: Receiver, name: str, key: str) -> list[str]:
    """Return the repositories that the only webhook of that name lists."""
    (payload,) = [hook.payload for hook in hooks.hooks if hook.name == name]
    return [repository["full_name"] for repository in payload[key]]


async def test_a_removed_app_is_told_what_it_had(hub: LocalHub):
    async with receiver(hub) as hooks:
        hub.uninstall(installation(hub))
        hub.open_issue("wade", NAME, "Nobody is told")
    assert hooks.names == ["installation.deleted"]
    assert short_names(hooks, "installation.deleted", "repositories") == [NAME]


async def test_repositories_are_taken_from_the_app_and_given_back(hub: LocalHub):
    hub.create_repository("acme/other", files={"a": "b"})
    async with receiver(hub) as hooks:
        hub.remove_repositories(installation(hub), NAME)
        hub.open_issue("wade", NAME, "Nobody is told")
        hub.add_repositories(installation(hub), NAME)
        hub.open_issue("wade", NAME, "Seen")
    removed, added = (
        "installation_repositories.removed",
        "installation_repositories.added",
    )
    assert hooks.names == [removed, added, "issues.opened"]
    assert short_names(hooks, removed, "repositories_removed") == [NAME]
    assert short_names(hooks, added, "repositories_added") == [NAME]
    covered = [r.full_name for r in hub.covered(installation(hub))]
    assert covered == [NAME, "acme/other"]


async def test_a_renamed_repository_makes_room_for_another(hub: LocalHub):
    first = hub.rename_repository("acme", NAME, "gadgets")
    async with client(hub) as github, receiver(hub) as hooks:
        moved = await github.get(f"{REPO}/labels?page=1")
        assert moved.status == 301
        place = f"{hub.api_url}/repositories/{first.id}/labels?page=1"
        assert moved.headers["Location"] == place
        with pytest.raises(GitHubError):
            hub.create_repository("acme/gadgets", files={"a": "b"})
        second = hub.create_repository(NAME, files={"a": "b"})
        assert (await github.get(REPO)).body["id"] == second.id
        hub.delete_repository("acme", NAME)
        assert (await github.get(REPO)).status == 404
    assert hooks.names == [
        "installation_repositories.added",
        "repository.created",
        "installation_repositories.removed",
        "repository.deleted",
    ]


async def test_a_repository_goes_to_an_account_with_or_without_the_app(
    hub: LocalHub,
):
    repository = hub.repository(NAME)
    hub.add_organization("globex")
    there = hub.install("globex")
    hub.add_user("initech")
    async with client(hub) as github, receiver(hub) as hooks:
        hub.transfer_repository("acme", NAME, "globex")
        assert (await github.get(REPO)).status == 301
        refused = await github.send("POST", f"/repositories/{repository.id}/issues", {})
        assert refused.status == 403
        await hub.webhooks.drain()
        assert hooks.names == [
            "installation_repositories.removed",
            "installation_repositories.added",
            "repository.transferred",
        ]
        transferred = hooks.hooks[-1].payload
        assert transferred["repository"]["full_name"] == "globex/widgets"
        before = transferred["changes"]["owner"]["from"]["organization"]
        assert before["login"] == "acme"
        assert transferred["installation"]["id"] == there.id
        hooks.hooks.clear()
        hub.transfer_repository("globex", "globex/widgets", "initech")
        hub.open_issue("initech", "initech/widgets", "Nobody is told")
        await hub.webhooks.drain()
        assert hooks.names == ["installation_repositories.removed"]
        hub.transfer_repository("initech", "initech/widgets", "acme")
        await hub.webhooks.drain()
        again, added, _ = hooks.hooks
        assert added.name == "installation_repositories.added"
        had = added.payload["repositories_added"][0]
        assert (had["id"], had["full_name"]) == (repository.id, NAME)
        assert (await github.get(REPO)).status == 200
        assert again.payload["installation"]["id"] == there.id


FACTS = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner isArchived issueOrPullRequest(number: $number) { __typename }
  }
}"""


async def facts(github: Client, name: str = NAME, number: int = 1) -> tuple[Any, str]:
    """Return what GraphQL knows of a thread, and the type of its first error."""
    owner, _, short = name.partition("/")
    answer = await github.graphql(FACTS, owner=owner, name=short, number=number)
    errors = answer.get("errors", [{"type": ""}])
    return answer["data"]["repository"], errors[0]["type"]


async def test_a_suspended_app_is_refused_everywhere(hub: LocalHub):
    said = "This installation has been suspended"
    async with client(hub) as github:
        tokens = f"/app/installations/{github.installation.id}/access_tokens"
        query = {"query": "{ rateLimit { cost } }"}
        for refuse in (hub.suspend_installation, hub.uninstall):
            refuse(github.installation)
            status, answers = (
                (403, [await github.app("POST", tokens)])
                if hub.state.installations
                else (401, [])
            )
            answers += [
                await github.get(REPO),
                await github.send("POST", "/graphql", query),
                await github.send("POST", f"{REPO}/issues", {"title": "x"}),
            ]
            message = said if status == 403 else "Bad credentials"
            for answer in answers:
                assert (answer.status, answer.body["message"]) == (status, message)


async def test_a_revoked_token_is_a_bad_credential(hub: LocalHub):
    async with client(hub) as github:
        hub.revoke_tokens(github.installation)
        refused = await github.get(REPO)
        assert (refused.status, refused.body["message"]) == (401, "Bad credentials")
        another = hub.new_token(github.installation).value
        hub.add_user("initech")
        hub.revoke_tokens(hub.install("initech"))
        assert (await github.get(REPO, token=another)).status == 200
        hub.revoke_tokens()
        assert (await github.get(REPO, token=another)).status == 401


async def test_a_repository_out_of_reach_is_read_if_public_and_never_changed(
    hub: LocalHub,
):
    hub.create_repository("acme/shut", files={"a": "b"}, is_private=True)
    hub.open_issue("acme", "acme/shut", "One")
    hub.open_issue("wade", NAME, "One")
    async with client(hub) as github:
        tokens = f"/app/installations/{github.installation.id}/access_tokens"
        wanted = {"repositories": ["shut"]}
        scoped = (await github.app("POST", tokens, wanted)).body["token"]
        hub.remove_repositories(github.installation, "acme/shut", NAME)
        for path, method, status in (
            ("acme/shut", "GET", 404),
            ("acme/shut/issues", "POST", 404),
            (NAME, "GET", 200),
            (f"{NAME}/issues/1", "GET", 200),
            (f"{NAME}/issues", "POST", 403),
            (f"{NAME}/issues/1/reactions", "POST", 403),
            (f"{NAME}/collaborators/wade/permission", "GET", 403),
        ):
            body = {"title": "x", "content": "eyes"} if method == "POST" else None
            answer = await github.send(method, f"/repos/{path}", body)
            assert (path, answer.status) == (path, status)
        assert (await github.get("/repos/acme/shut", token=scoped)).status == 404
        assert (await github.app("POST", tokens, wanted)).status == 422
        assert await facts(github, "acme/shut") == (None, "NOT_FOUND")
        hub.add_repositories(github.installation, "acme/shut")
        assert (await github.get("/repos/acme/shut", token=scoped)).status == 200
        assert (await facts(github, "acme/shut"))[1] == ""


async def test_the_name_of_a_private_repository_leads_nobody_there(hub: LocalHub):
    hub.create_repository("acme/shut", files={"a": "b"}, is_private=True)
    hub.add_user("initech")
    async with client(hub) as github:
        hub.rename_repository("acme", "acme/shut", "closed")
        assert (await github.get("/repos/acme/shut")).status == 301
        found, _ = await facts(github, "acme/shut")
        assert found["nameWithOwner"] == "acme/closed"
        hub.transfer_repository("acme", "acme/closed", "initech")
        for name in ("acme/shut", "acme/closed", "initech/closed"):
            assert (await github.get(f"/repos/{name}")).status == 404
            assert await facts(github, name) == (None, "NOT_FOUND")


async def test_an_archived_repository_is_read_and_changed_by_nobody(hub: LocalHub):
    hub.open_issue("rita", NAME, "One")
    comment = hub.comment("wade", NAME, 1, "x")
    acts: list[Callable[[], object]] = [
        lambda: hub.react("wade", comment, "eyes"),
        lambda: hub.edit_thread("rita", NAME, 1, title="Two"),
        lambda: hub.close("rita", NAME, 1),
        lambda: hub.reopen("rita", NAME, 1),
    ]
    async with client(hub) as github, receiver(hub) as hooks:
        hub.archive_repository("acme", NAME)
        for act in acts:
            with pytest.raises(GitHubError, match="read-only"):
                act()
        reactions = f"{REPO}/issues/comments/{comment.id}/reactions"
        for method, path, body in (
            ("POST", f"{REPO}/issues/1/comments", {"body": "x"}),
            ("POST", reactions, {"content": "eyes"}),
            ("POST", f"{REPO}/issues/1/labels", {"labels": ["bug"]}),
            ("PATCH", f"{REPO}/issues/1", {"state": "closed"}),
            ("POST", f"{REPO}/labels", {"name": "bug"}),
        ):
            refused = await github.send(method, path, body)
            assert refused.status == 403
            said = "Repository was archived so is read-only."
            assert refused.body["message"] == said
        assert (await github.get(REPO)).body["archived"] is True
        assert (await facts(github))[0]["isArchived"] is True
        hub.unarchive_repository("acme", NAME)
        hub.close("rita", NAME, 1)
        made = await github.send("POST", reactions, {"content": "eyes"})
        assert made.status == 201
        await hub.webhooks.drain()
    names = ["repository.archived", "repository.unarchived", "issues.closed"]
    assert hooks.names == names


async def test_a_deleted_issue_is_gone_for_all_who_named_it(hub: LocalHub):
    whole, part, waiting = (hub.open_issue("wade", NAME, t) for t in "abc")
    hub.add_sub_issue("wade", whole, part)
    hub.block("wade", waiting, part)
    async with client(hub) as github, receiver(hub) as hooks:
        hub.delete_issue("acme", NAME, part.number)
        for path in ("", "/comments", "/labels"):
            answer = await github.get(f"{REPO}/issues/{part.number}{path}")
            said = "This issue was deleted"
            assert (answer.status, answer.body["message"]) == (410, said)
        _, error = await facts(github, number=part.number)
        assert error == "NOT_FOUND"
    assert hooks.names == ["issues.deleted"]
    assert (whole.sub_issues, waiting.blocked_by) == ([], [])


async def test_a_transferred_issue_has_its_own_address_lead_to_the_new_one(
    hub: LocalHub,
):
    other = hub.create_repository("acme/other", files={"a": "b"})
    hub.add_label("acme/other", "bug", color="00ff00")
    hub.set_role("acme", "acme/other", "wade", "write")
    thread = hub.open_issue(
        "acme", NAME, "One", labels=["bug", "odd"], assignees=["wade", "tess"]
    )
    old_id = thread.id
    async with client(hub) as github, receiver(hub) as hooks:
        hub.transfer_issue("wade", NAME, 1, "acme/other")
        place = f"{hub.api_url}/repositories/{other.id}/issues/1"
        for method, body in (("GET", None), ("PATCH", {"state": "closed"})):
            answer = await github.send(method, f"{REPO}/issues/1", body)
            assert (answer.status, answer.headers["Location"]) == (301, place)
        assert (await github.get(f"{REPO}/issues/1/comments")).status == 404
        assert (await facts(github))[1] == "NOT_FOUND"
        assert (await facts(github, "acme/other"))[1] == ""
        found = (await github.get("/repos/acme/other/issues/1")).body
        assert [label["color"] for label in found["labels"]] == ["00ff00"]
        assert [user["login"] for user in found["assignees"]] == ["wade"]
        hub.remove_repositories(github.installation, "acme/other")
        other.is_private = True
        assert (await github.get(f"{REPO}/issues/1")).status == 404
    transferred, opened = hooks.hooks[:2]
    assert (transferred.name, opened.name) == ("issues.transferred", "issues.opened")
    payload, changes = transferred.payload, transferred.payload["changes"]
    assert payload["repository"]["full_name"] == NAME
    assert (payload["issue"]["id"], payload["issue"]["number"]) == (old_id, 1)
    assert changes["new_issue"]["id"] == thread.id != old_id
    assert changes["new_repository"]["full_name"] == "acme/other"
    assert opened.payload["repository"]["full_name"] == "acme/other"
    assert opened.payload["changes"]["old_issue"]["id"] == old_id


async def test_issues_stay_in_their_account(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.create_repository("wade/other", files={"a": "b"})
    for to in ("wade/other", NAME):
        with pytest.raises(GitHubError) as caught:
            hub.transfer_issue("acme", NAME, 1, to)
        assert caught.value.status in (403, 422)


async def test_a_discussion_leaves_an_issue_that_nobody_can_comment_on(
    hub: LocalHub,
):
    hub.open_issue("wade", NAME, "One")
    async with client(hub) as github, receiver(hub) as hooks:
        hub.convert_to_discussion("tess", NAME, 1)
        await hub.webhooks.drain()
        assert hooks.names == ["issues.closed", "issues.locked"]
        hub.unlock("olivia", NAME, 1)
        refused = await github.send("POST", f"{REPO}/issues/1/comments", {"body": "x"})
        said = "Unable to create comment because issue is locked."
        assert (refused.status, refused.body["message"]) == (403, said)
        assert (await github.get(f"{REPO}/issues/1")).body["state"] == "closed"
    kinds = [event.kind for event in hub.thread(NAME, 1).events]
    assert "converted_to_discussion" in kinds


async def test_people_undo_what_the_bot_did_to_its_comment(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    bot = hub.app.bot.login
    comment = hub.comment(bot, NAME, 1, "x")
    hub.pin_comment(bot, NAME, comment.id)
    async with client(hub) as github, receiver(hub) as hooks:
        hub.edit_comment("wade", NAME, comment.id, "y")
        hub.unpin_comment("tess", NAME, comment.id)
        assert (await github.get(f"{REPO}/issues/1")).body["pinned_comment"] is None
        hub.delete_comment("olivia", NAME, comment.id)
        gone = await github.get(f"{REPO}/issues/comments/{comment.id}")
        assert gone.status == 404
        await hub.webhooks.drain()
    told = [(hook.name, hook.payload["sender"]["login"]) for hook in hooks.hooks]
    assert told == [
        ("issue_comment.edited", "wade"),
        ("issue_comment.unpinned", "tess"),
        ("issue_comment.deleted", "olivia"),
    ]
