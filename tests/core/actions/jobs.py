"""Jobs of the machines under test: item 12 of batch b7k2, asked for by ada."""

from collections.abc import Mapping
from datetime import UTC, datetime

from bot.core.actions.step import Job, Predecessor
from bot.core.model import (
    Action,
    Asker,
    AttemptId,
    BatchId,
    CommandResult,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    PlanItem,
    Repository,
)

REPOSITORY = Repository(7, "acme/widgets", InstallationId(1))
TWELVE = ItemNumber(12)
MARK = "<!-- batch-bot:comment b7k2-12 -->"
SHA = "c" * 40
STARTED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RAN = CommandResult(
    0, isolation="a fake", commit=SHA, files=1, insertions=2, deletions=1
)


def job(
    action: Action,
    *,
    kind: ItemKind = ItemKind.ISSUE,
    predecessors: Mapping[int, str] | None = None,
    attempt: int = 1,
    title: str = "Paths on Windows",
) -> Job:
    """Return a job at item 12."""
    facts = ItemFacts(
        TWELVE,
        kind,
        title,
        body="They have backslashes. Fixes #1. Ask @bob.",
        url="https://github.com/acme/widgets/issues/12",
        is_open=True,
        updated_at=datetime(2026, 3, 1, tzinfo=UTC),
        author="mallory",
        labels=("bug",),
    )
    return Job(
        attempt=AttemptId(f"b7k2-12-{attempt}"),
        batch_id=BatchId("b7k2"),
        item=plan_item(action, kind, title),
        repository=REPOSITORY,
        default_branch="main",
        asker=Asker("ada", "https://github.com/acme/widgets/issues/40#issuecomment-9"),
        started_at=STARTED,
        mark=MARK,
        predecessors=tuple(
            Predecessor(ItemNumber(number), branch)
            for number, branch in (predecessors or {}).items()
        ),
        facts=facts,
    )


def plan_item(action: Action, kind: ItemKind, title: str) -> PlanItem:
    """Return item 12 as a plan has it."""
    worker = "local" if action.command or action.does == "implement" else ""
    return PlanItem(
        ItemId("12"),
        REPOSITORY,
        TWELVE,
        kind,
        action,
        worker,
        title,
        timeout_seconds=600,
    )
