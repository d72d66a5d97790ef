import pytest

from bot.core.effects import CreateComment, EditComment, Receipt
from bot.ports.store import EffectRecord
from bot.store.store import Store
from tests.store.samples import NOW, REPOSITORY, after, n

COMMENT = CreateComment(REPOSITORY, n(3), "<!-- m -->", "<!-- m -->\nHello")


async def test_an_intended_effect_is_known_and_not_done(store: Store):
    assert await store.effects.find("k") is None
    await store.effects.intend("k", COMMENT, at=NOW)
    assert await store.effects.find("k") == EffectRecord(COMMENT, None, NOW)


async def test_a_done_effect_has_its_receipt(store: Store):
    await store.effects.intend("k", COMMENT, at=NOW)
    await store.effects.done("k", Receipt(id=9, url="u"), at=after(1))
    assert await store.effects.find("k") == EffectRecord(
        COMMENT, Receipt(id=9, url="u"), NOW
    )


async def test_intending_again_replaces_the_note(store: Store):
    edit = EditComment(REPOSITORY, 9, "Hello again")
    await store.effects.intend("k", COMMENT, at=NOW)
    await store.effects.done("k", Receipt(id=9), at=NOW)
    await store.effects.intend("k", edit, at=after(5))
    assert await store.effects.find("k") == EffectRecord(edit, None, after(5))


async def test_what_was_not_intended_cannot_be_done(store: Store):
    with pytest.raises(LookupError, match="'k'"):
        await store.effects.done("k", Receipt(), at=NOW)
