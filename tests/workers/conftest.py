from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.effects import Intent, OpenPullRequest, Receipt
from bot.core.model import (
    Action,
    Asker,
    AttemptId,
    BatchId,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    PlanItem,
    Repository,
)
from bot.ports.work import AttemptSpec
from tests.fakes import FakeClock, FakeWorkspaces

REPOSITORY = Repository(7, "acme/widgets", InstallationId(1))
IMPLEMENT = Action("implement")


def make_spec(
    action: Action = IMPLEMENT,
    *,
    kind: ItemKind = ItemKind.ISSUE,
    predecessors: Mapping[int, str] | None = None,
    attempt: int = 1,
    title: str = "Paths on Windows",
) -> AttemptSpec:
    number = ItemNumber(12)
    runner = "local" if action.name == "implement" else "builtin"
    facts = ItemFacts(
        number,
        kind,
        title,
        body="They have backslashes. Fixes #1. Ask @bob.",
        url="https://github.com/acme/widgets/issues/12",
        is_open=True,
        updated_at=datetime(2026, 3, 1, tzinfo=UTC),
        author="mallory",
        labels=("bug",),
    )

    async def read_facts() -> ItemFacts:
        return facts

    return AttemptSpec(
        AttemptId(f"b7k2-12-{attempt}"),
        BatchId("b7k2"),
        REPOSITORY,
        default_branch="main",
        item=PlanItem(
            ItemId(str(number)),
            REPOSITORY,
            number,
            kind,
            action,
            runner,
            title,
            timeout_seconds=600,
        ),
        facts=read_facts,
        asker=Asker("ada", "https://github.com/acme/widgets/issues/40#issuecomment-9"),
        predecessors=tuple(
            (ItemNumber(before), branch)
            for before, branch in (predecessors or {}).items()
        ),
    )


class Effects:
    """Takes intents and answers with the receipts that the test wants."""

    def __init__(self, receipt: Receipt | None = None) -> None:
        self.intents: dict[str, Intent] = {}
        self.receipt = receipt

    async def perform(self, key: str, intent: Intent) -> Receipt:
        self.intents[key] = intent
        if self.receipt is not None:
            return self.receipt
        if isinstance(intent, OpenPullRequest):
            url = "https://github.com/acme/widgets/pull/71"
            return Receipt(id=71, url=url, sha=intent.head_sha)
        return Receipt()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def workspaces(tmp_path: Path) -> FakeWorkspaces:
    main = {"README.md": "Widgets\n", "paths.py": "one\n"}
    branches = {
        "main": main,
        "batch/b7k2/10": {**main, "ten.py": "10\n"},
        "batch/b7k2/11": {**main, "eleven.py": "11\n"},
    }
    return FakeWorkspaces(tmp_path, branches)
