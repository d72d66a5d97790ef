"""How many API requests a batch takes, as the journal of the local GitHub counts them.

Run ``python -m tests.bench.bench_requests``. The items' own effects are what the command
asks for: a label written, a review posted, a pull request opened (a push goes through git
and is no API request). All else is counted beside them, at the pace of a real server:
roles, facts, tokens, reactions, the tracking comment with its pin and its edits, the
report.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from bot.localhub.api_log import Exchange
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.flow.world import World, world

ITEM_EFFECTS = {
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number}/labels"),
    ("POST", "/repos/{owner}/{repo}/pulls"),
    ("POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
}
EDIT = ("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}")


async def count(on: World, action: str, command: str, items: int) -> Figure:
    """Run a batch and return how many requests it takes."""
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        begun = len(on.hub.log)
        said = on.say(command)
        await on.until(lambda: on.comments("plan") or "rocket" in on.reactions(said))
        if plans := on.comments("plan"):
            name = plans[0].body.split("batch:start ")[1].split(" ")[0]
            said = on.say(f"/batch start {name}")
        await on.until(lambda: on.comments("report"))
        await on.until(lambda: "finished" in on.comment("tracking").body)
    asked = Counter(map(_what, list(on.hub.log)[begun:]))
    own = sum(asked[what] for what in ITEM_EFFECTS)
    rest = asked.total() - own
    return Figure(
        f"requests of {items} items, {action}",
        asked.total() / own,
        "their own effects",
        "lower",
        f"{rest / items:.2f} an item beyond these; {asked[EDIT]} edits",
    )


def _what(exchange: Exchange) -> tuple[str, str]:
    return exchange.method, exchange.template or exchange.path


async def main() -> None:
    """Measure and print."""
    configure_logging(level="warning", style="json")
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name)) as on:
            for number in (12, 15, 18):
                on.issue(number, f"write file{number}.txt hello")
            command = "/batch 12 15 18 after:12"
            report([await count(on, "implement", command, 3)])
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name)) as on:
            on.configure("limits: {items: 100}\n")
            for number in range(101, 201):
                on.issue(number)
            on.hub.add_label("acme/widgets", "bug")
            command = "/batch label +bug 101..200"
            report([await count(on, "label", command, 100)])
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name)) as on:
            for number in range(101, 141):
                on.pull_request(number)
            report([await count(on, "review", "/batch review 101..140", 40)])


if __name__ == "__main__":
    asyncio.run(main())
