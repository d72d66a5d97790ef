from bot.core.model import InstallationId
from bot.ports.store import Held
from bot.store.store import Store
from tests.store.samples import NOW, after

ONE, TWO = InstallationId(1), InstallationId(2)


async def test_the_last_hold_of_each_installation_is_kept(store: Store):
    assert await store.holds.all() == {}
    await store.holds.keep(ONE, Held(NOW, 1))
    await store.holds.keep(TWO, Held(after(60), 3))
    await store.holds.keep(ONE, Held(after(120), 2))
    assert await store.holds.all() == {
        ONE: Held(after(120), 2),
        TWO: Held(after(60), 3),
    }
    await store.holds.keep(TWO, None)
    await store.holds.keep(TWO, None)
    assert await store.holds.all() == {ONE: Held(after(120), 2)}
