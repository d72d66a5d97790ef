"""When an attempt whose work is accepted can still be stopped."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from bot.core.model import Action, AttemptId, Outcome, OutcomeKind, Repository, Role
from bot.engine.attempt import Attempts
from bot.engine.effects import Effects
from bot.errors import TransientError
from bot.ports.work import AttemptSpec, Emit, Perform, Work
from tests.engine.test_effects import COMMENT, RECEIPT, REPOSITORY, Log, Outside
from tests.fakes import FakeClock
from tests.workers.conftest import make_spec

AWAY = TransientError("GitHub is away.")


class Publisher:
    """A runner that publishes so many comments, and meets an outage before each try."""

    name = "scripted"
    needs_workspace = survives_restart = False

    def __init__(self, *, before_outage: int) -> None:
        self._before_outage = before_outage
        self.tries = 0

    async def submit(self, spec: AttemptSpec) -> str:
        return spec.id

    async def find(self, attempt: AttemptId) -> str | None:
        return None

    async def watch(self, spec: AttemptSpec, emit: Emit) -> Work | Outcome:
        return Work("")

    async def publish(self, spec: AttemptSpec, work: Work, perform: Perform) -> Outcome:
        self.tries += 1
        for number in range(self._before_outage):
            await perform(f"comment-{number}", COMMENT)
        if self.tries < 3:
            raise AWAY
        return Outcome(OutcomeKind.COMPLETED)

    async def cancel(self, attempt: AttemptId) -> None: ...

    async def clean(self, attempt: AttemptId) -> None: ...


async def owner(*_: object) -> Role:
    return Role.ADMIN


async def nobody() -> Outcome | None:
    return None


async def accepted(_: Work) -> bool:
    return True


def here() -> Repository:
    return REPOSITORY


@pytest.mark.parametrize(
    ("before_outage", "is_resumed", "may_be_stopped"),
    [(0, False, True), (1, False, False), (0, True, False)],
    ids=["untouched", "begun", "after a restart, which may have begun"],
)
async def test_it_can_be_stopped_while_nothing_of_it_is_on_github(
    before_outage: int, is_resumed: bool, may_be_stopped: bool
):
    clock = FakeClock()
    runner = Publisher(before_outage=before_outage)
    outside = Outside([RECEIPT] * 9)
    effects = Effects(
        effect_log=Log(), adapter=outside, clock=clock, fraction=lambda: 0.5
    )
    attempts = Attempts(
        runners={"builtin": runner},
        effects=effects,
        role=owner,
        clock=clock,
        fraction=lambda: 0.5,
    )
    rests: list[str] = []

    @contextmanager
    def rest() -> Iterator[None]:
        rests.append("begun")
        yield
        rests.append("over")

    running = asyncio.create_task(
        attempts.run(
            make_spec(Action("label", ("+bug",))),
            look=nobody,
            accept=accepted,
            emit=lambda _: None,
            rest=rest,
            work=Work("") if is_resumed else None,
            present=here,
        )
    )
    await clock.run_until(lambda: clock.sleepers == 1)
    assert rests == (["begun"] if may_be_stopped else [])
    await clock.run_until(running.done)
    assert running.result().is_success
    assert rests == (["begun", "over"] * 2 if may_be_stopped else [])


async def test_an_outage_before_the_start_is_no_try_of_the_item():
    clock = FakeClock()
    runner = Publisher(before_outage=0)
    runner.tries = 2  # no outage of its own
    attempts = Attempts(
        runners={"builtin": runner},
        effects=Effects(
            effect_log=Log(), adapter=Outside([]), clock=clock, fraction=lambda: 0.5
        ),
        role=owner,
        clock=clock,
        fraction=lambda: 0.5,
    )
    looks = 0

    async def look() -> Outcome | None:
        nonlocal looks
        looks += 1
        if looks < 20:
            raise AWAY
        return None

    said: list[str] = []
    running = asyncio.create_task(
        attempts.run(
            make_spec(Action("label", ("+bug",))),
            look=look,
            accept=accepted,
            emit=said.append,
            rest=nullcontext,
            work=None,
            present=here,
        )
    )
    await clock.run_until(running.done)
    assert running.result().is_success
    assert clock.monotonic() > 3000
    assert said == ["waits for GitHub: GitHub is away."] * 19 + [""]
