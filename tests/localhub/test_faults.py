"""What can be broken on demand, as a client of the API and of git sees it."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from bot.localhub.faults import Fault, FaultKind
from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, REPO, client
from tests.localhub.test_git_http import address, git, new_token

COMMENTS = f"{REPO}/issues/1/comments"


@pytest.mark.parametrize(
    ("kind", "is_done"),
    [
        (FaultKind.RESET, False),
        (FaultKind.LOST_ANSWER, True),
        (FaultKind.CUT, True),
    ],
)
async def test_the_line_breaks_before_or_after_the_work(
    hub: LocalHub, kind: FaultKind, is_done: bool
):
    thread = hub.open_issue("wade", NAME, "One")
    hub.faults.add(Fault(kind, method="POST", path="/comments$"))
    async with client(hub) as user:
        with pytest.raises(aiohttp.ClientError):
            await user.send("POST", COMMENTS, {"body": "Hi"})
    assert len(thread.comments) == is_done


@pytest.mark.parametrize(("status", "is_done"), [(502, False), (201, True)])
async def test_a_page_comes_instead_of_json(hub: LocalHub, status: int, is_done: bool):
    thread = hub.open_issue("wade", NAME, "One")
    hub.faults.add(Fault(FaultKind.PAGE, status=status, method="POST"))
    async with (
        client(hub) as user,
        user.session.post(
            hub.api_url + COMMENTS,
            json={"body": "Hi"},
            headers={"Authorization": f"Bearer {user.token}"},
        ) as answer,
    ):
        assert answer.status == status
        assert answer.content_type == "text/html"
        assert "<title>" in await answer.text()
    assert len(thread.comments) == is_done


async def test_an_error_has_the_words_and_headers_that_are_asked_for(hub: LocalHub):
    fault = Fault(status=403, message="No", headers={"X-Why": "so"})
    hub.faults.add(fault)
    async with client(hub) as user:
        answer = await user.get(REPO)
    assert (answer.status, answer.body) == (403, {"message": "No"})
    assert answer.headers["X-Why"] == "so"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "is_done"),
    [
        (Fault(status=503), False),
        (Fault(FaultKind.RESET), False),
        (Fault(FaultKind.LOST_ANSWER), True),
        (Fault(FaultKind.CUT), True),
    ],
)
async def test_a_push_breaks_before_or_after_the_work(
    hub: LocalHub, tmp_path: Path, fault: Fault, is_done: bool
):
    url = address(hub, new_token(hub))
    assert (await git(tmp_path, "clone", "-q", url, "work"))[0] == 0
    # curl sends again by itself what broke before an answer came.
    fault.path, fault.times = "/git-receive-pack$", None
    hub.faults.add(fault)
    async with asyncio.timeout(30):
        code, output = await git(tmp_path / "work", "push", "origin", "HEAD:new")
    assert code != 0, output
    assert ("refs/heads/new" in hub.repository(NAME).git.refs()) is is_done
