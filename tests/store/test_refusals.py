import asyncio
from datetime import timedelta

from bot.store.store import Store
from tests.store.samples import NOW


async def test_a_person_is_told_once_in_24_hours(store: Store):
    async def ask(hours: float, login: str = "Eve", repository: int = 5) -> bool:
        at = NOW + timedelta(hours=hours)
        return await store.refusals.first_today(repository, login, at=at)

    assert await ask(0)
    assert not await ask(1, "eve")
    assert not await ask(23.9)
    assert await ask(24)
    assert not await ask(47.9)
    assert await ask(1, "mallory")
    assert await ask(1, repository=6)


async def test_of_two_at_once_one_is_the_first(store: Store):
    answers = await asyncio.gather(
        *(store.refusals.first_today(5, "eve", at=NOW) for _ in range(3))
    )
    assert answers == [True, False, False]
