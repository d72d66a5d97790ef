"""What merges cost of the hourly requests: together, and while nothing happens."""

import re
from collections import Counter

from tests.flow.merging import PARKED, demand, is_merged, pulls
from tests.flow.world import REPOSITORY, World

_WRITES = re.compile(r"PUT .*/pulls/N/(?:merge|update-branch)$")
_AROUND = re.compile(r"/comments|/reactions|/access_tokens|/app\b|/pin$")


def asked(on: World, since: int = 0) -> Counter[str]:
    """Return the requests for the items: not for what the batch says of itself."""
    made = [f"{e.method} {e.path}" for e in list(on.hub.log)[since:]]
    return Counter(re.sub(r"\d+", "N", one) for one in made if not _AROUND.search(one))


async def test_a_train_of_20_costs_5_requests_each_beyond_merge_and_update(on: World):
    numbers = range(61, 81)
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    pulls(on, *numbers)
    demand(on, "ci", is_strict=True)
    async with on.bot(BATCH_CONCURRENCY="20"):
        before = len(on.hub.log)
        await on.finished(on.say("/batch merge 61..80 concurrency:20"))
        assert all(is_merged(on, number) for number in numbers)
        found = asked(on, before)
    others = {one: n for one, n in found.items() if not _WRITES.match(one)}
    assert sum(others.values()) <= 5 * len(numbers), others


async def waiting(on: World, count: int, *, hours: float) -> Counter[str]:
    """Return what was asked of GitHub while so many waited and nothing happened."""
    on.configure(f"limits: {{items: {count}, confirm_over: {count}}}")
    on.hub.push("linus", REPOSITORY, "topic", {"a.txt": "a"}, message="A")
    topic = on.repository.git.refs()["refs/heads/topic"]
    for number in range(101, 101 + count):
        branch = f"topic-{number}"
        on.repository.git.set_ref(f"refs/heads/{branch}", topic)
        on.repository.last_number = number - 1
        on.hub.open_pull_request("linus", REPOSITORY, f"Item {number}", head=branch)
    demand(on, "ci")
    async with on.bot(BATCH_CONCURRENCY="50"):
        on.say(f"/batch merge 101..{100 + count} concurrency:50 timeout:24h")
        await on.until(lambda: on.rows(PARKED) == [(count,)], seconds=3600)
        begun, before = on.clock.monotonic(), len(on.hub.log)
        until = hours * 3600
        await on.until(lambda: on.clock.monotonic() - begun > until, seconds=2 * until)
        return asked(on, before)


async def test_what_waits_is_looked_at_together_and_slowly(on: World):
    # 200 wait for 60 requests an hour: ``tests.bench.bench_merges`` measures those.
    found = await waiting(on, 30, hours=2)
    assert 0 < sum(found.values()) <= 2 * 20, found
