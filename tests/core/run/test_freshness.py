"""What becomes of an item that others closed, merged, moved or pushed to meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.core.model import (
    Action,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    OutcomeKind,
    PlanItem,
)
from bot.core.run.freshness import overtaken
from tests.plans import WIDGETS

OPEN = ItemFacts(
    number=ItemNumber(12),
    kind=ItemKind.ISSUE,
    title="Item",
    body="",
    url="",
    is_open=True,
    updated_at=datetime(2026, 3, 3, tzinfo=UTC),
)
DONE = replace(OPEN, is_open=False, state_reason="completed")
PULL = replace(OPEN, kind=ItemKind.PULL_REQUEST, head_sha="a" * 40)


def item(
    action: str, kind: ItemKind = ItemKind.ISSUE, *, command: str = ""
) -> PlanItem:
    head = "a" * 40 if kind is ItemKind.PULL_REQUEST else ""
    named = Action(action, uses="implement" if command else "", command=command)
    return PlanItem(
        ItemId("12"),
        WIDGETS,
        ItemNumber(12),
        kind,
        named,
        "local",
        "Item",
        head_sha=head,
    )


PULL_ITEM = item("review", ItemKind.PULL_REQUEST)


@pytest.mark.parametrize(
    ("planned", "facts", "kind", "words"),
    [
        (item("implement"), None, OutcomeKind.FAILED, "issue was deleted, moved or"),
        (item("label"), None, OutcomeKind.FAILED, "issue was deleted, moved or"),
        (PULL_ITEM, None, OutcomeKind.FAILED, "pull request was deleted"),
        (item("implement"), DONE, OutcomeKind.UNCHANGED, "somebody else closed it"),
        (
            item("mine", command="x"),
            DONE,
            OutcomeKind.UNCHANGED,
            "somebody else",
        ),
        (
            item("implement"),
            replace(DONE, state_reason="not_planned"),
            OutcomeKind.FAILED,
            "closed as not planned after the command",
        ),
        (
            item("implement"),
            replace(DONE, state_reason="duplicate"),
            OutcomeKind.FAILED,
            "closed as a duplicate after the command",
        ),
        (
            PULL_ITEM,
            replace(PULL, is_open=False, is_merged=True),
            OutcomeKind.UNCHANGED,
            "somebody else merged it",
        ),
        (
            PULL_ITEM,
            replace(PULL, is_open=False),
            OutcomeKind.FAILED,
            "closed without a merge after the command",
        ),
        (
            PULL_ITEM,
            replace(PULL, head_sha="b" * 40),
            OutcomeKind.FAILED,
            "head moved: aaaaaaa is now bbbbbbb",
        ),
    ],
)
def test_it_ends_with_a_true_reason(planned, facts, kind, words):
    outcome = overtaken(planned, facts)
    assert outcome is not None
    assert outcome.kind is kind
    assert words in outcome.summary + outcome.reason
    assert bool(outcome.advice) is (kind is OutcomeKind.FAILED)


@pytest.mark.parametrize("action", ["label", "assign", "comment", "close", "reopen"])
@pytest.mark.parametrize("facts", [OPEN, DONE])
def test_what_any_state_allows_runs(action, facts):
    assert overtaken(item(action), facts) is None


def test_a_label_does_not_care_where_the_head_is():
    label = item("label", ItemKind.PULL_REQUEST)
    assert overtaken(label, replace(PULL, head_sha="b" * 40)) is None


@pytest.mark.parametrize(
    ("planned", "facts"), [(item("implement"), OPEN), (PULL_ITEM, PULL)]
)
def test_what_is_as_it_was_runs(planned, facts):
    assert overtaken(planned, facts) is None
