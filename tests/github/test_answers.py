"""Each class of wrong answer that the local GitHub can give has its row in the table."""

from collections.abc import AsyncIterator

import pytest

from bot.core.model import InstallationId
from bot.core.world.answers import TABLE, Failure, First, Next
from bot.errors import AppUnavailable, RateLimited, Refused, TransientError, Uncertain
from bot.github.adapter import GitHubAdapter, GitHubSettings
from bot.github.client import Connection
from bot.localhub.faults import Faults
from bot.localhub.hub import APP_ID, LocalHub
from tests.flow.faults import LASTING, PASSING, Picked
from tests.github.server import HurriedClock

PATH = "/repos/acme/widgets/issues/1"
CLASSES = {
    "reset before": Failure.BROKEN,  # after the request was sent, as far as one can tell
    "reset after": Failure.BROKEN,
    "cut": Failure.BROKEN,
    "page with 200": Failure.UNREADABLE,
    "page with 502": Failure.BROKEN_INSIDE,
    "500": Failure.BROKEN_INSIDE,
    "503": Failure.BROKEN_INSIDE,
    "504": Failure.BROKEN_INSIDE,
    "429": Failure.LIMITED,
    "secondary limit": Failure.LIMITED,
    "limit by its words": Failure.LIMITED,
    "401": Failure.UNAUTHORIZED,
    "301 in a circle": Failure.MOVED,
    "307 to nowhere": Failure.MOVED,
    "400": Failure.MALFORMED,
    "403 permission": Failure.FORBIDDEN,
    "403 suspended": Failure.SUSPENDED,
    "403 archived": Failure.ARCHIVED,
    "404": Failure.NOT_FOUND,
    "409": Failure.CONFLICT,
    "410": Failure.GONE,
    "422": Failure.INVALID,
    "451": Failure.BLOCKED,
}
ERRORS = {
    Next.RETRY: TransientError,
    Next.LOOK_UP: Uncertain,
    Next.WAIT: RateLimited,
    Next.FAIL: Refused,
    Next.END: AppUnavailable,
}


@pytest.fixture
def hub_clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
async def connection(
    hub: LocalHub, hub_clock: HurriedClock
) -> AsyncIterator[Connection]:
    settings = GitHubSettings(str(APP_ID), hub.private_key, hub.api_url)
    (installation_id,) = hub.state.installations
    hub.open_issue("wade", "acme/widgets", "One")
    async with GitHubAdapter.open(settings, hub_clock, lambda: 0.5) as opened:
        client = opened.github._client
        yield client.installation(InstallationId(installation_id))


def break_from_now_on(hub: LocalHub, what: str) -> Picked:
    fault = (PASSING | LASTING)[what]()
    picked = Picked(hub.now, lambda _, call: PATH in call, fault)
    hub.faults = picked
    return picked


def test_every_class_of_fault_is_here():
    assert CLASSES.keys() == (PASSING | LASTING).keys()


@pytest.mark.parametrize("what", CLASSES)
async def test_a_question_that_goes_wrong(
    hub: LocalHub, connection: Connection, what: str
):
    picked = break_from_now_on(hub, what)
    row = TABLE[CLASSES[what]]
    with pytest.raises(ERRORS[row.question]) as caught:
        await connection.get(PATH)
    assert not isinstance(caught.value, Uncertain)
    assert getattr(caught.value, "advice", "") == row.advice
    shown = {First.REPEAT: 3, First.RENEW: 5}  # a new token three times more
    assert row.first not in shown or len(picked.hits) == shown[row.first]


@pytest.mark.parametrize("what", CLASSES)
async def test_a_change_that_goes_wrong(
    hub: LocalHub, connection: Connection, what: str
):
    await connection.get(PATH)
    picked = break_from_now_on(hub, what)
    row = TABLE[CLASSES[what]]
    with pytest.raises(ERRORS[row.change]) as caught:
        await connection.send("POST", f"{PATH}/comments", {"body": "Hi"})
    assert getattr(caught.value, "advice", "") == row.advice
    hub.faults = Faults(hub.now)
    thread = hub.repository("acme/widgets").threads[1]
    assert len(thread.comments) <= 1
    if row.change is not Next.LOOK_UP:
        assert thread.comments == []
    else:
        assert len(picked.hits) == 1
