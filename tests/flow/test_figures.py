"""The figures that people read are those that GitHub would count."""

import re

import pytest

from bot.localhub.api_log import Exchange
from tests.flow.world import World


def counted(on: World) -> list[Exchange]:
    """Return what counts against an installation's limit: not what has not changed."""
    return [one for one in on.hub.log if one.client and one.status != 304]


def place_of_report(asked: list[Exchange]) -> int:
    """Return how many requests came before the one that posted the report."""
    return next(
        place
        for place, one in enumerate(asked)
        if one.method == "POST" and "batch-bot:report" in str(one.request)
    )


@pytest.mark.parametrize(
    "command",
    ["label +bug 12 13 15", "12 15 after:12", "review 61 62 63", "merge 61 62 63"],
)
async def test_a_report_counts_each_request_that_its_batch_caused(
    on: World, command: str
):
    for number in (12, 13, 15):
        on.issue(number, f"write {number}.txt a")
    for number in (61, 62, 63):
        on.pull_request(number)
    async with on.bot():
        await on.dealt_with()
        before = len(counted(on))
        await on.finished(on.say(f"/batch {command}"))
    figure = re.search(r"\*\*(\d+) API requests\*\*", on.said("report"))
    assert figure, on.said("report")
    assert int(figure[1]) == place_of_report(counted(on)) - before
    of_kinds = re.findall(r"(\d+) API requests?$", on.said("report"), re.M)
    assert sum(map(int, of_kinds)) <= int(figure[1])


async def test_what_a_killed_process_asked_for_is_not_made_up(on: World):
    on.issue(12, "write 12.txt a")
    on.issue(15, "hang")
    async with on.bot():
        command = on.say("/batch 12 15")
        await on.until(on.pull_requests)
    async with on.bot():
        on.say("/batch cancel")
        await on.finished(command)
    assert re.search(r"\*\*at least \d+ API requests\*\*", on.said("report"))
