"""A batch written straight into the store: a command may have 500 items at most, a batch
any number.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.core.events import Event
from bot.core.model import (
    Action,
    Asker,
    Batch,
    BatchId,
    Box,
    Comment,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    Plan,
    PlanItem,
    Repository,
    Request,
)
from bot.store.store import open_store
from tests.flow.world import REPOSITORY, World

BOX = Box(1, "retry", "bench")
THREAD = f"https://github.test/{REPOSITORY}/issues/40"


async def record(
    on: World,
    numbers: Sequence[ItemNumber],
    events: Sequence[Event],
    *,
    at: datetime,
    label: str,
    by: Comment | Box = BOX,
) -> None:
    """Record a batch that labels issues, and what has happened to it."""
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    action = Action("label", (f"+{label}",))
    repository = Repository(
        on.repository.id, REPOSITORY, InstallationId(installation.id)
    )
    batch = Batch(
        id=BatchId("b7k2"),
        request=Request(
            repository=repository,
            thread=ItemNumber(40),
            thread_is_pull_request=False,
            asker=Asker("ada", THREAD),
            origin=by,
        ),
        default_branch="main",
        command=f"/batch label +{label} …",
        created_at=at,
        plan=Plan(
            tuple(
                PlanItem(
                    ItemId(str(n)),
                    repository,
                    n,
                    ItemKind.ISSUE,
                    action,
                    "",
                    f"Item {n}",
                )
                for n in numbers
            )
        ),
    )
    facts = {
        ItemId(str(n)): ItemFacts(n, ItemKind.ISSUE, f"Item {n}", "", THREAD, True, at)
        for n in numbers
    }
    async with open_store(on.settings().database, clock=on.clock) as store:
        await store.batches.create(batch, facts, events)
