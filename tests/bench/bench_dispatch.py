"""How many API requests a run of a workflow takes that lasts under five minutes.

Run ``python -m tests.bench.bench_dispatch``. Counted is what the bot asks of GitHub
Actions for each run, as the journal of the local GitHub has it: the run asked for, a look
at how far it is, and its end. What the batch needs besides (roles, comments, edits) is in
the note.
"""

import asyncio
import tempfile
from pathlib import Path

from bot.localhub.ci import RunPlan
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.flow.test_dispatch import add_workflow, plan, requests, runs
from tests.flow.world import World, world

ITEMS, MOST = 20, 3
STEP_SECONDS = 58.0  # of five steps


async def count(on: World) -> Figure:
    """Dispatch a run for each of some items, and return what they take."""
    for number in range(41, 41 + ITEMS):
        on.issue(number)
    add_workflow(on)
    plan(on, RunPlan(step_seconds=STEP_SECONDS))
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        begun = len(on.hub.log)
        await on.finished(
            on.say(f"/batch dispatch deploy.yml env=prod 41..{40 + ITEMS}")
        )
    assert [run.conclusion for run in runs(on)] == ["success"] * ITEMS
    asked = sum(one != "GET workflows/{workflow_id}" for one in requests(on))
    rest = len(on.hub.log) - begun - asked
    first = runs(on)[0]
    lasted = (first.updated_at - first.created_at).total_seconds()
    return Figure(
        f"requests of {ITEMS} dispatched runs",
        asked / ITEMS / MOST,
        f"{MOST} a run",
        "lower",
        f"{asked / ITEMS:.2f} a run of {lasted:.0f} s; {rest / ITEMS:.2f} an item beyond"
        " these",
    )


async def main() -> None:
    """Measure and print."""
    configure_logging(level="warning", style="json")
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name)) as on:
            report([await count(on)])


if __name__ == "__main__":
    asyncio.run(main())
