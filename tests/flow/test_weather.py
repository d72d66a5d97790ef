"""GitHub has bad days: what passes by itself is waited for, and is nobody's fault."""

from bot.localhub.faults import Fault
from tests.flow.world import REPOSITORY, World


async def test_a_token_that_is_not_known_everywhere_yet_is_waited_for(on: World):
    on.issue(12, "write a b")
    on.hub.token_lag_seconds = 3.0
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    assert "1 of 1 done" in on.comment("report").body
    assert "try 2" not in on.comment("report").body


async def test_a_minute_of_401_is_no_verdict_on_items(on: World):
    for number in (12, 13, 14):
        on.issue(number)
    on.hub.add_label(REPOSITORY, "bug")
    async with on.bot():
        command = on.say("/batch label +bug 12 13 14")
        await on.until(lambda: on.comments("tracking"))
        bad = "Bad credentials"
        on.hub.faults.add(Fault(status=401, message=bad, times=None, seconds=60))
        await on.finished(command)
    assert "3 of 3 done" in on.comment("report").body
    assert "try 2" not in on.comment("report").body
