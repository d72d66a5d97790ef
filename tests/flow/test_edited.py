"""Changes to a live batch: which items come first, and how many run at a time."""

import re

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
