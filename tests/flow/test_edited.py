"""Changes to a live batch: which items come first, and how many run at a time."""

import re

from tests.flow.test_once import last_delivery, replay
from tests.flow.world import World


def states(on: World) -> dict[str, str]:
    return dict(on.rows("SELECT item, state FROM items"))


def linked(text: str) -> str:
    """Return Markdown with its links as their texts."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def begun(on: World) -> list[str]:
    """Return the items in the order in which they were started."""
    query = "SELECT item FROM events WHERE kind = 'ItemStarted' ORDER BY seq"
    return [item for (item,) in on.rows(query)]


async def test_what_is_made_urgent_starts_first_and_more_run_at_a_time(on: World):
    for number in (12, 15, 18, 19, 20):
        on.issue(number, f"wait {on.folder / 'go'}")
    async with on.bot():
        command = on.say("/batch 12 15 18 19 20 concurrency:1")
        await on.until(lambda: begun(on) == ["12"])
        said = linked(await on.answer("/batch priority 19 20 high", by="linus"))
        assert (
            "Only people with **maintain** access can set priorities in this batch"
            in said
        )
        said = linked(await on.answer("/batch priority 12 19..20 high"))
        assert said.startswith("↕️ #19 and #20 in batch ")
        assert "now have priority `high`. #12 is not in a state for that." in said
        said = linked(await on.answer("/batch concurrency 2"))
        assert "now works on 2 items at a time." in said
        await on.until(lambda: begun(on) == ["12", "19"])
        assert "it works on 2 at a time already" in await on.answer(
            "/batch concurrency 2"
        )
        said = linked(await on.answer("/batch concurrency 9"))
        assert "now works on 3 items at a time." in said  # the limit of the server
        await on.until(lambda: begun(on) == ["12", "19", "20"])
    async with on.bot():  # it is so after a restart as well
        await on.until(lambda: list(states(on).values()).count("running") == 3)
        said = linked(await on.answer("/batch concurrency 1"))
        assert "now works on 1 item at a time." in said
        (on.folder / "go").touch()
        await on.finished(command)
        assert begun(on)[-2:] == ["15", "18"]
        assert "with 1 slot" in on.said("report")


async def test_what_is_over_or_not_there_is_not_changed(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        said = await on.answer("/batch concurrency 2")
        assert "There is no live batch in this thread" in said
        assert "No live batch has #12 unfinished" in await on.answer(
            "/batch priority 12 high"
        )
        await on.finished(on.say("/batch 12"))
        assert "no live batch" in await on.answer("/batch concurrency 2")


# --- items that are added -------------------------------------------------------------


async def test_items_are_added_and_wait_for_those_that_were_there(on: World):
    for number in (12, 15, 21, 22):
        on.issue(number, f"write a{number}.txt hello\nwait {on.folder / 'go'}")
    on.pull_request(63)
    async with on.bot():
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: begun(on) == ["12"])
        said = linked(
            await on.answer("/batch add 21 22 after:12,21 review:63 review:22")
        )
        assert said.startswith("🧺 Added to batch ")
        assert "implement 2 issues and review 2 pull requests" in said
        assert "#21 and #63 start as soon as a slot is free" in said
        assert "#22 (implement) waits for #21 and #12" in said
        assert "#22 (review) waits for #22 (implement), which opens its" in said
        await on.until(lambda: states(on).get("63") == "completed")
        assert states(on)["22"] == "pending"
        await on.until(lambda: "1 of 6 finished" in on.said("tracking"))
        assert "#22 (implement) — " in linked(on.said("tracking"))
        (on.folder / "go").touch()
        await on.finished(command)
        assert set(states(on).values()) == {"completed"}
        assert len(states(on)) == 6
        assert begun(on).index("22") > begun(on).index("21")
        assert "6 of 6 done" in on.said("report")
        # It stands on what both have made.
        said = await on.answer("/batch why 22-review")
        assert "is done: [review]" in said


async def test_nothing_is_added_twice_nor_over_a_restart(on: World):
    for number in (12, 21):
        on.issue(number, f"write a{number}.txt hello\nwait {on.folder / 'go'}")
    async with on.bot() as bot:
        command = on.say("/batch 12 concurrency:1")
        await on.until(lambda: begun(on) == ["12"])
        added = on.say("/batch add 21")
        await on.until(lambda: on.comments("add"))
        await on.dealt_with()
        await replay(on, bot, last_delivery(on))
        assert len(on.comments("add")) == 1
        again = linked(await on.answer("/batch add 21[priority:high]"))
        assert "Nothing is left to do. #21 is already in batch" in again
    async with on.bot():
        await on.until(lambda: states(on) == {"12": "running", "21": "pending"})
        (on.folder / "go").touch()
        await on.finished(command)
        assert states(on) == {"12": "completed", "21": "completed"}
        assert set(on.pull_requests()) == {12, 21}
        late = linked(await on.answer("/batch add 21"))
        assert "There is no live batch in this thread" in late
    assert on.reactions(added)


async def test_what_is_lost_skips_what_is_added_behind_it(on: World):
    on.issue(12, "exit 1")
    on.issue(15, f"wait {on.folder / 'go'}")
    on.issue(21, "write a.txt hello")
    async with on.bot():
        command = on.say("/batch 12 15")
        await on.until(lambda: states(on).get("12") == "failed")
        said = linked(await on.answer("/batch add 21 after:12"))
        assert "#21 waits for #12" in said
        assert states(on)["21"] == "skipped"
        (on.folder / "go").touch()
        await on.finished(command)


async def test_an_addition_that_would_close_a_circle_is_refused(on: World):
    for number in (12, 15, 21):
        on.issue(number, f"wait {on.folder / 'go'}")
    async with on.bot():
        command = on.say("/batch 12 15 after:21")
        await on.until(lambda: begun(on) == ["12"])
        said = linked(await on.answer("/batch add 21 after:15"))
        assert "#15 → #21 → #15" in said
        assert "nothing started" in said
        assert "21" not in states(on)
        # What was outside is inside now.
        said = linked(await on.answer("/batch add 21 after:12"))
        assert "#21 waits for #12" in said
        (on.folder / "go").touch()
        await on.finished(command)
        assert begun(on) == ["12", "21", "15"]


async def test_an_addition_is_allowed_and_limited_as_a_batch_is(on: World):
    on.configure("limits: {items: 3, confirm_over: 1}")
    for number in (12, 21, 22, 23):
        on.issue(number, f"wait {on.folder / 'go'}")
    on.pull_request(63)
    async with on.bot():
        command = on.say("/batch 12", by="linus")
        await on.until(lambda: begun(on) == ["12"])
        said = await on.answer("/batch add 21", by="tess")
        assert "Only people with **write** access" in said
        said = await on.answer("/batch add close:21", by="linus")
        assert "Only people with **maintain** access can close here" in said
        said = await on.answer("/batch add close:21", by="grace")
        assert "The batch runs for linus, who alone can add" in said
        said = await on.answer("/batch add 21 22", by="linus")
        assert "which do not start unasked" in said
        said = await on.answer("/batch add 21 22 23", by="linus")
        assert "would have 4; the limit is 3" in said
        said = await on.answer("/batch add 21 concurrency:2", by="linus")
        assert "is for the whole batch" in said
        said = await on.answer("/batch add review:21 63", by="linus")
        assert "#21 is an issue; review needs a pull request." in said
        assert re.search(r"/batch add [a-z0-9]{4} 63\n", said)
        assert states(on) == {"12": "running"}
        (on.folder / "go").touch()
        await on.finished(command)
