"""How many API requests a batch takes, as the local GitHub counts them.

Run ``python -m tests.bench.bench_requests``. The items' own effects are what the command
asks for: a label written, a pull request opened (a push goes through git and is no API
request). The batch's own effects are what its comments take: reactions, the tracking
comment with its pin, the report. All else is overhead: roles, facts, reads before
writes, edits while it runs, tokens.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bot.logs import configure_logging
from bot.sandbox.api_log import Exchange
from tests.flow.world import World, world

COMMENTS = "/repos/{owner}/{repo}/issues/comments/{comment_id}"
ITEM_EFFECTS = {
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number}/labels"),
    ("POST", "/repos/{owner}/{repo}/pulls"),
}
BATCH_EFFECTS = {
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("POST", f"{COMMENTS}/reactions"),
    ("PUT", f"{COMMENTS}/pin"),
    ("DELETE", f"{COMMENTS}/pin"),
}
LAST_EDIT = ("PATCH", COMMENTS)


async def count(on: World, command: str, items: int) -> str:
    """Run a batch and return a line about its requests."""
    async with on.bot():
        begun = len(list(on.sandbox.log))
        said = on.say(command)
        await on.until(lambda: on.comments("plan") or "rocket" in on.reactions(said))
        if plans := on.comments("plan"):
            name = plans[0].body.split("batch:start ")[1].split(" ")[0]
            said = on.say(f"/batch start {name}")
        await on.until(lambda: on.comments("report"))
        await on.until(lambda: "finished" in on.comment("tracking").body)
    asked = Counter(map(_what, list(on.sandbox.log)[begun:]))
    own = sum(asked[what] for what in ITEM_EFFECTS)
    batch = sum(asked[what] for what in BATCH_EFFECTS) + min(1, asked[LAST_EDIT])
    rest = asked.total() - own - batch
    return (
        f"{items:4} items: {asked.total():4} requests ="
        f" {own / items:.2f} own + {batch / items:.2f} of the batch's comments"
        f" + {rest / items:.2f} overhead an item"
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
            line = await count(on, "/batch 12 15 18 after:12", 3)
            sys.stdout.write(f"implement {line}\n")
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name)) as on:
            on.configure("limits: {items: 100}\n")
            for number in range(101, 201):
                on.issue(number)
            on.sandbox.add_label("acme/widgets", "bug")
            line = await count(on, "/batch label +bug 101..200", 100)
            sys.stdout.write(f"label     {line}\n")


if __name__ == "__main__":
    asyncio.run(main())
