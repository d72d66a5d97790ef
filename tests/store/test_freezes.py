from dataclasses import replace
from typing import Any

from bot.core.world.freezes import Freeze
from bot.store.store import Store
from tests.store.samples import NOW, after

HERE, ELSEWHERE = 5, 6
MAIN = Freeze("main", "ada", NOW, "release", "https://x.test/9", "issue_comment:9.0")
LATER = replace(MAIN, by="grace", at=after(60), reason="", source="issue_comment:12.0")


async def test_a_branch_is_frozen_once_and_stays_whose_it_is(store: Store):
    assert await store.freezes.of(HERE) == {}
    assert await store.freezes.freeze(HERE, MAIN) == MAIN
    assert await store.freezes.freeze(HERE, LATER) == MAIN
    other = replace(LATER, branch="release/2")
    assert await store.freezes.freeze(ELSEWHERE, other) == other
    assert await store.freezes.of(HERE) == {"main": MAIN}
    assert await store.freezes.of(ELSEWHERE) == {"release/2": other}


async def test_what_was_ended_is_frozen_anew_by_another_request_alone(store: Store):
    await store.freezes.freeze(HERE, MAIN)
    ends: Any = {"source": "issue_comment:11.0", "at": after(30)}
    assert await store.freezes.unfreeze(HERE, "main", **ends) == MAIN
    assert await store.freezes.of(HERE) == {}
    # The request that froze it is come to again: it was dealt with.
    assert await store.freezes.freeze(HERE, MAIN) == MAIN
    assert await store.freezes.of(HERE) == {}
    assert await store.freezes.freeze(HERE, LATER) == LATER
    assert await store.freezes.of(HERE) == {"main": LATER}


async def test_an_end_is_told_again_to_the_same_request_and_to_no_other(store: Store):
    await store.freezes.freeze(HERE, MAIN)
    first: Any = {"source": "issue_comment:11.0", "at": after(30)}
    second: Any = {"source": "issue_comment:13.0", "at": after(40)}
    assert await store.freezes.unfreeze(HERE, "dev", **first) is None
    assert await store.freezes.unfreeze(HERE, "main", **first) == MAIN
    assert await store.freezes.unfreeze(HERE, "main", **first) == MAIN
    assert await store.freezes.unfreeze(HERE, "main", **second) is None
