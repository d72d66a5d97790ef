"""A small batch of every kind, told again and again while GitHub answers wrongly."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from bot.core.model import ItemState
from bot.github.client import TIMEOUT
from bot.localhub.faults import Fault, FaultKind, Faults
from bot.localhub.state import Now
from tests.flow.world import REPOSITORY, World, world

COMMAND = (
    "/batch 12 close:18 reopen:19\n"
    '/batch comment "All done." 16\n'
    "/batch label +ready 17\n"
    "/batch assign +linus 20"
)
ITEMS = (12, 16, 17, 18, 19, 20)


def _page(status: int) -> Fault:
    return Fault(FaultKind.PAGE, status=status)


def _said(status: int, message: str, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=status, message=message, headers=named)


PASSING: dict[str, Callable[[], Fault]] = {
    "reset before": lambda: Fault(FaultKind.RESET),
    "reset after": lambda: Fault(FaultKind.LOST_ANSWER),
    "cut": lambda: Fault(FaultKind.CUT),
    "page with 200": lambda: _page(200),
    "page with 502": lambda: _page(502),
    "500": lambda: Fault(status=500),
    "503": lambda: Fault(status=503),
    "504": lambda: Fault(status=504),
    "429": lambda: _said(429, "Too many", retry_after="7"),
    "secondary limit": lambda: Fault(FaultKind.SECONDARY_LIMIT),
    "limit by its words": lambda: _said(
        403, "You have exceeded a secondary rate limit"
    ),
    "401": lambda: _said(401, "Bad credentials"),
}
"""What another try cures: faults that come now and then."""

LASTING: dict[str, Callable[[], Fault]] = {
    "301 in a circle": lambda: _said(301, "Moved", location="?again"),
    "307 to nowhere": lambda: _said(307, "Moved", location="http://[nowhere"),
    "400": lambda: _said(400, "Problems parsing JSON"),
    "403 permission": lambda: _said(403, "Resource not accessible by integration"),
    "403 suspended": lambda: _said(403, "This installation has been suspended"),
    "403 archived": lambda: _said(403, "Repository was archived so is read-only."),
    "404": lambda: _said(404, "Not Found"),
    "409": lambda: _said(409, "Conflict"),
    "410": lambda: _said(410, "This issue was deleted"),
    "422": lambda: _said(422, "Validation Failed"),
    "451": lambda: _said(451, "Repository access blocked"),
}
"""What no other try cures."""

PASSED = 120
"""The call from which on all goes well again; without faults the story makes 60."""

SILENCE = Fault(FaultKind.SILENCE, delay_seconds=1.5 * (TIMEOUT.total or 0))

CALLS = {
    "token": r"POST /app/installations/\d+/access_tokens$",
    "role": "GET .*/permission$",
    "facts": "POST /graphql$",
    "reaction": "POST .*/reactions$",
    "thread": "GET .*/issues/40$",
    "own comment": "POST .*/issues/40/comments$",
    "look-up": "GET .*/issues/40/comments$",
    "edit": r"PATCH .*/comments/\d+$",
    "pin": "PUT .*/pin$",
    "unpin": "DELETE .*/pin$",
    "comment": "POST .*/issues/16/comments$",
    "item": r"GET .*/issues/(17|18|19|20)$",
    "label": "POST .*/labels$",
    "assign": "POST .*/assignees$",
    "state": r"PATCH .*/issues/\d+$",
    "pull request": "POST .*/pulls$",
    "refs": "GET .*/info/refs$",
    "fetch": "POST .*/git-upload-pack$",
    "push": "POST .*/git-receive-pack$",
    "rules": "GET .*/rules/branches/main$",
}
"""The kinds of call that the story makes."""


class Picked(Faults):
    """Faults for the calls that *is_meant* picks by their number, from 0, and kind."""

    def __init__(
        self, now: Now, is_meant: Callable[[int, str], bool], fault: Fault
    ) -> None:
        super().__init__(now)
        self.calls: list[str] = []
        self.hits: list[str] = []
        self._is_meant = is_meant
        self._fault = fault

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault if the call is meant."""
        number, call = len(self.calls), f"{method} {path}"
        self.calls.append(call)
        if not self._is_meant(number, call):
            return None
        self.hits.append(call)
        return self._fault


def every(step: int, which: int) -> Callable[[int, str], bool]:
    """Mean a *step*-th of the calls until it has passed; each by one *which* below *step*.

    There is no rule in it: who makes the same few calls again and again, as git does for
    a push, would otherwise meet one each time.
    """
    return lambda number, _: (
        number < PASSED and Random(number).randrange(step) == which  # noqa: S311
    )


def only(number: int) -> Callable[[int, str], bool]:
    """Mean one call."""
    return lambda its_number, _: its_number == number


def first_like(kind: str) -> Callable[[int, str], bool]:
    """Mean the first call of a kind."""
    seen: list[int] = []

    def is_meant(number: int, call: str) -> bool:
        if re.match(CALLS[kind], call):
            seen.append(number)
        return seen[:1] == [number]

    return is_meant


def all_like(kind: str) -> Callable[[int, str], bool]:
    """Mean all calls of a kind."""
    return lambda _, call: re.match(CALLS[kind], call) is not None


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[World]:
    """Yield a world with the items of the story."""
    async with world(folder) as on:
        on.issue(12, "write file12.txt hello")
        for number in ITEMS[1:]:
            on.issue(number)
        on.hub.close("ada", REPOSITORY, 19)
        on.hub.add_label(REPOSITORY, "ready")
        yield on


async def play(
    folder: Path, is_meant: Callable[[int, str], bool], fault: Fault
) -> Picked:
    """Play the whole story and hold its end to what was promised; return the faults."""
    async with stage(folder) as on:
        picked = on.hub.faults = Picked(on.hub.now, is_meant, fault)
        async with on.bot() as bot:
            on.say(COMMAND)
            await on.until(lambda: is_over(on))
            assert not bot.stopped.is_set()
        try:
            assert_true(on)
        except AssertionError as error:
            error.add_note("\n".join(["The faults hit:", *picked.hits, *told(on)]))
            raise
    return picked


def is_over(on: World) -> bool:
    """Whether everything that was begun has had its last word, or could not have it."""
    (deliveries,) = on.rows(
        "SELECT count(*), count(outcome) FROM deliveries WHERE event = 'issue_comment'"
        " OR outcome IS NULL"
    )
    (live,) = on.rows(
        "SELECT count(*) FROM batches WHERE id NOT IN"
        " (SELECT batch FROM events WHERE kind = 'BatchConcluded')"
        " AND id || '/reaction' NOT IN (SELECT key FROM effects)"
    )
    arrived, settled = deliveries
    return bool(arrived) and arrived == settled and live == (0,)


def assert_true(on: World) -> None:
    """Check that nothing is doubled, and that what was said is so."""
    firsts = Counter(c.body.splitlines()[0] for c in on.thread().comments)
    assert {n for first, n in firsts.items() if "batch-bot:" in first} <= {1}, firsts
    for number, kind in ((17, "labeled"), (18, "closed"), (20, "assigned")):
        found = [e for e in on.thread(number).events if e.kind == kind]
        assert len(found) <= 1, (number, found)
    assert len([e for e in on.thread(19).events if e.kind == "reopened"]) <= 1
    assert len(on.comments("comment", on=16)) <= 1
    assert len(on.pull_requests()) == len([t for t in _threads(on) if t.pull]) <= 1
    ended = dict(on.rows("SELECT number, state FROM items"))
    for number, is_done in done(on).items():
        state = ended.get(number)
        reason = reasons(on).get(number, "")
        assert state in (None, *ItemState), state
        assert state not in (ItemState.PENDING, ItemState.RUNNING)
        assert (state == ItemState.COMPLETED) is is_done or "check by hand" in reason, (
            f"#{number} is {state} ({reason}), on GitHub {is_done}"
        )
        assert state in (None, ItemState.COMPLETED) or reason
        assert "internal error" not in reason
    assert not [o for (o,) in _outcomes(on) if "internal error" in o]
    assert ended or is_answered(on)


def done(on: World) -> dict[int, bool]:
    """Return what can be seen on GitHub to be done."""
    return {
        12: 12 in on.pull_requests(),
        16: bool(on.comments("comment", on=16)),
        17: bool(on.thread(17).labels),
        18: not on.thread(18).is_open,
        19: on.thread(19).is_open,
        20: bool(on.thread(20).assignees),
    }


def is_answered(on: World) -> bool:
    """Whether a command that started nothing was answered, where GitHub let it be."""
    says = [o for (o,) in _outcomes(on)]
    return bool(on.replies()) or any(o.startswith("failed: ") for o in says)


def reasons(on: World) -> dict[int, str]:
    """Return why items did not complete, as recorded."""
    rows = on.rows(
        "SELECT item, data FROM events WHERE kind IN"
        " ('ItemEnded', 'ItemSkipped', 'ItemCancelled')"
    )
    return {int(item): data for item, data in rows}


def told(on: World) -> Iterator[str]:
    """Yield what people read, and what became of the deliveries."""
    yield from (c.body for c in on.thread().comments)
    yield from (str(row) for row in _outcomes(on))


def _outcomes(on: World) -> list[tuple[str]]:
    return on.rows("SELECT outcome FROM deliveries WHERE outcome IS NOT NULL")


def _threads(on: World):
    return on.repository.threads.values()
