"""A maintainer freezes a base; it stays so over restarts, until somebody ends that."""

from bot.localhub.faults import Fault, FaultKind
from tests.flow.merging import MERGES, PARKED, is_merged, pulls
from tests.flow.world import REPOSITORY, World


async def test_a_base_is_frozen_until_a_maintainer_ends_that(on: World):
    async with on.bot():
        first = on.say('/batch freeze main "release 2.4"', by="grace")
        await on.until(lambda: on.comments("freeze"))
        assert "`main` is frozen (“release 2.4”)" in on.comment("freeze").body
        assert (
            "until somebody writes `/batch unfreeze main`" in on.comment("freeze").body
        )
        assert on.reactions(first) == {"eyes"}
    async with on.bot():
        on.say("/batch freeze main", on=40)
        await on.until(lambda: len(on.comments("freeze")) == 2)
        assert "`main` is frozen already, by [grace](" in on.said("freeze")
        on.later(hours=2)
        on.say("/batch unfreeze main")
        await on.until(lambda: on.comments("unfreeze"))
        said = on.comment("unfreeze").body
        assert "It was for 2h" in said
        assert "by [grace](" in said
        answer = await on.answer("/batch unfreeze main")
        assert "`main` is not frozen." in answer
    assert on.rows("SELECT id FROM batches") == []


async def test_merges_wait_for_a_frozen_base_over_a_restart_and_go_on_at_once(
    on: World,
):
    pulls(on, 61, 62)
    on.hub.push("ada", REPOSITORY, "release", {"b.txt": "b"}, message="Branch off")
    on.hub.set_base("linus", REPOSITORY, 62, "release")
    words = "waits for main, frozen by grace since 15:00 UTC on 3 Mar (release)"
    async with on.bot():
        await on.answer('/batch freeze main "release"', by="grace")
        plan = await on.answer("/batch plan merge 61 62")
        assert "Merges wait for main, frozen by grace since" in plan
        assert "#61 would wait for main, frozen by grace since" in plan
        assert "#62 would be merged now" in plan
        command = on.say("/batch merge 61 62")
        await on.until(lambda: is_merged(on, 62) and on.rows(PARKED) == [(1,)])
        await on.until(lambda: words in on.said("tracking"))
        assert words in await on.answer("/batch why 61")
    async with on.bot():
        assert words in await on.answer("/batch why 61")
        assert not is_merged(on, 61)
        before = on.clock.monotonic()
        on.say("/batch unfreeze main")
        await on.finished(command)
        assert on.clock.monotonic() - before < 30
    assert is_merged(on, 61)
    assert on.rows(MERGES) == [(2,)]


async def test_a_merge_that_was_sent_before_the_freeze_is_named(on: World):
    pulls(on, 61, 62)
    slow = Fault(FaultKind.DELAY, path="/pulls/61/merge$", delay_seconds=8.0)
    on.hub.faults.add(slow)
    async with on.bot():
        command = on.say("/batch merge 61 62")
        await on.until(lambda: slow.times == 0)
        on.say("/batch freeze main")
        await on.until(lambda: on.comments("freeze"))
        assert is_merged(on, 61)
        said = on.said("freeze")
        assert "[#61](" in said
        assert "was being merged in that moment, and went in." in said
        assert "#62" not in said
        await on.until(lambda: "waits for main, frozen by ada" in on.said("tracking"))
        assert not is_merged(on, 62)
        on.say("/batch unfreeze main")
        await on.finished(command)
        assert is_merged(on, 62)


async def test_only_maintainers_freeze_and_only_what_there_is(on: World):
    async with on.bot():
        on.say("/batch freeze main", by="linus")
        await on.until(lambda: on.comments("error"))
        assert "maintain" in on.said("error")
        assert "freeze a branch" in on.said("error")
        answer = await on.answer("/batch freeze mian")
        assert (
            "There is no branch `mian`, so nothing was frozen. Did you mean `main`?"
            in (answer)
        )
        assert "/batch freeze main" in answer
    assert on.rows("SELECT branch FROM freezes") == []


async def test_an_action_of_the_repositorys_own_is_meant_by_its_name(on: World):
    on.configure("actions: {freeze: {uses: label, with: [+frozen!]}}")
    on.issue(12)
    async with on.bot():
        await on.finished(on.say("/batch freeze 12"))
    assert [label.name for label in on.thread(12).labels] == ["frozen"]
