"""What is asked of GitHub before an item starts, and what the answers mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.model import Cause, ItemFacts, ItemId, ItemNumber, Repository, Role
from bot.core.world.answers import Answered, Failure
from bot.engine.present import Findings, Present
from bot.errors import AppUnavailable, BotError, RoleLost, TransientError
from bot.ports.github import RepositoryFacts
from tests.bench.bench_schedule import facts_of
from tests.fakes import FakeClock
from tests.plans import batch, plan

BATCH = batch(plan({12: [], 15: []}))
ITEMS = BATCH.plan.items
OPEN = facts_of(BATCH.plan)
CLOSED = {
    n: replace(f, is_open=False, state_reason="not_planned") for n, f in OPEN.items()
}
HERE = RepositoryFacts("main", None, name="acme/widgets")
GONE = AppUnavailable(Answered(Failure.GONE, "It is gone."), why=Cause.REMOVED)


@dataclass
class GitHub:
    """What GitHub says, and what it was asked."""

    facts_of_items: Mapping[ItemId, ItemFacts] = field(default_factory=lambda: OPEN)
    about: RepositoryFacts = HERE
    no_access: BotError | None = None
    roles: list[Role | BotError] = field(default_factory=lambda: [Role.ADMIN] * 9)
    asked: list[str] = field(default_factory=list)

    async def facts(
        self, repository: Repository, numbers: Sequence[ItemNumber]
    ) -> tuple[RepositoryFacts, Mapping[ItemNumber, ItemFacts]]:
        self.asked.append("facts")
        found = self.facts_of_items
        return self.about, {f.number: f for f in found.values() if f.number in numbers}

    async def check_access(self, repository: Repository, **_: object) -> None:
        if self.no_access is not None:
            raise self.no_access

    async def role(
        self, repository: Repository, login: str, permits: object = ()
    ) -> Role:
        self.asked.append(f"role in {repository.name}")
        answer = self.roles.pop(0)
        if isinstance(answer, BotError):
            raise answer
        return answer


class Desk:
    """A ``Present`` for which the batch is ten minutes old."""

    def __init__(self, github: GitHub) -> None:
        self.clock = FakeClock()
        self.batch = replace(BATCH, created_at=self.clock.now() - timedelta(minutes=10))
        anything: Any = github
        self.present = Present(github=anything, clock=self.clock)

    async def before_start(self, place: int = 0) -> Findings:
        others = [item for item in ITEMS if item is not ITEMS[place]]
        return await self.present.before_start(
            self.batch, "ada", ITEMS[place], lambda most: others[:most]
        )


async def test_one_look_answers_for_the_items_that_come_next():
    github = GitHub()
    desk = Desk(github)
    assert (await desk.before_start(0)).is_nothing
    assert (await desk.before_start(1)).is_nothing
    assert github.asked == ["facts", "role in acme/widgets"]


async def test_what_was_found_overtaken_is_looked_at_again():
    github = GitHub(CLOSED)
    desk = Desk(github)
    for _ in range(2):
        found = await desk.before_start()
        assert set(found.overtaken) == {"12", "15"}
    assert github.asked.count("facts") == 2


async def test_after_a_restart_nothing_is_taken_for_granted_however_quick_it_was():
    github = GitHub()
    desk = Desk(github)
    desk.batch = replace(desk.batch, created_at=desk.clock.now())
    await desk.before_start()
    assert github.asked == []
    desk.present.doubt_all(desk.batch.id)
    await desk.before_start()
    assert github.asked == ["facts", "role in acme/widgets"]
    await desk.before_start()
    assert len(github.asked) == 2


async def test_findings_are_not_lost_where_the_role_cannot_be_asked_for():
    github = GitHub(CLOSED, roles=[TransientError(Answered(Failure.LATE)), Role.ADMIN])
    desk = Desk(github)
    with pytest.raises(TransientError):
        await desk.before_start()
    assert set((await desk.before_start()).overtaken) == {"12", "15"}


async def test_the_role_is_asked_for_under_the_present_name():
    about = RepositoryFacts("main", None, name="acme/gadgets")
    github = GitHub(about=about)
    found = await Desk(github).before_start()
    assert found.moved_to == replace(BATCH.repository, name="acme/gadgets")
    assert github.asked == ["facts", "role in acme/gadgets"]


async def test_who_has_no_access_is_told_so_and_not_that_somebody_lost_a_role():
    github = GitHub(no_access=GONE, roles=[Role.NONE])
    with pytest.raises(AppUnavailable, match="gone"):
        await Desk(github).before_start()


async def test_a_lost_role_ends_the_batch():
    with pytest.raises(RoleLost, match="ada has read access now, not write"):
        await Desk(GitHub(roles=[Role.READ])).before_start()


@pytest.mark.parametrize(
    ("no_access", "cause"), [(None, None), (GONE, Cause.TRANSFERRED)]
)
async def test_an_owner_with_a_new_name_is_no_new_owner(
    no_access: BotError | None, cause: Cause | None
):
    about = RepositoryFacts("main", None, name="acme-corp/widgets")
    found = await Desk(GitHub(about=about, no_access=no_access)).before_start()
    assert found.cause is cause
    assert found.moved_to is not None
