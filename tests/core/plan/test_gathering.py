"""What labels stand for, and where a batch of theirs speaks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.core.command.faults import Declined
from bot.core.command.syntax import format_command
from bot.core.model import ItemFacts, ItemKind, ItemNumber, Mark, Reference
from bot.core.plan.expansion import Known
from bot.core.plan.gathering import command_of, still_on, thread_for, with_numbers
from bot.core.plan.selection import select

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
HERE = "acme/widgets"


def facts(
    number: int,
    *children: int,
    body: str = "",
    pull: bool = False,
    labels: tuple[str, ...] = ("batch",),
    is_open: bool = True,
) -> ItemFacts:
    return ItemFacts(
        number=ItemNumber(number),
        kind=ItemKind.PULL_REQUEST if pull else ItemKind.ISSUE,
        title=f"Item {number}",
        body=body,
        url=f"https://github.test/{HERE}/issues/{number}",
        is_open=is_open,
        updated_at=NOW,
        labels=labels,
        sub_issues=tuple(Reference(HERE, ItemNumber(n)) for n in children),
    )


def known(*items: ItemFacts) -> Known:
    return Known(
        repository=HERE, this=ItemNumber(0), facts={i.number: i for i in items}
    )


def mark(number: int, *numbers: int, action: str = "", name: str = "batch") -> Mark:
    given = tuple(map(ItemNumber, numbers))
    return Mark(ItemNumber(number), name, f"guid-{number}", NOW, given, action)


@pytest.mark.parametrize(
    ("item", "command"),
    [
        (facts(12), "/batch 12"),
        (facts(12, 15, 18), "/batch sub-issues:12"),
        (facts(12, body="- [ ] #15\n- [x] #18"), "/batch tasks:12"),
        (facts(12, 15, body="- [ ] #18"), "/batch sub-issues:12 tasks:12"),
        (facts(12, body="- [x] #18"), "/batch 12"),
        (facts(12, body="- [ ] #15", pull=True), "/batch 12"),
    ],
)
def test_an_issue_stands_for_its_parts_or_itself(item: ItemFacts, command: str):
    assert format_command(command_of([mark(12)], known(item))) == command


def test_each_label_has_its_action_and_twice_the_same_is_once():
    marks = [mark(12, action="close"), mark(12, action="close", name="b"), mark(15)]
    run = command_of(marks, known(facts(12), facts(15)))
    assert format_command(run) == "/batch close:12 15"


def test_the_command_of_many_labels_is_short():
    numbers = [*range(1, 601), 700, 701]
    marks = [*map(mark, numbers), *(mark(n, action="close") for n in (702, 703, 704))]
    run = command_of(marks, known(*map(facts, (*numbers, 702, 703, 704))))
    assert format_command(run) == "/batch 1..600 700 701 close:702..704"


def test_a_parent_stands_for_its_open_parts():
    parent = facts(30, 12, 15, body="- [ ] #18\n- [ ] #12")
    all_known = known(parent, facts(12), facts(15, is_open=False), facts(18))
    (found,) = with_numbers([mark(30)], all_known)
    assert found.numbers == (12, 18)
    (itself,) = with_numbers([mark(12)], all_known)
    assert itself.numbers == (12,)


def test_a_parent_is_known_to_have_parts_in_other_repositories():
    tasks = facts(30, body="- [ ] other/repo#3\n- [ ] #12")
    below = replace(facts(31, 12), sub_issues=(Reference("other/repo", ItemNumber(3)),))
    found = with_numbers(
        [mark(n) for n in (30, 31, 12)], known(tasks, below, facts(12))
    )
    assert [one.has_parts_elsewhere for one in found] == [True, True, False]
    assert [one.numbers for one in found] == [(12,), (), (12,)]


@pytest.mark.parametrize(
    ("parent", "what"),
    [
        (facts(31, body="- [ ] other/repo#3\n- [x] #12"), "open task"),
        (
            replace(facts(31), sub_issues=(Reference("other/repo", ItemNumber(3)),)),
            "sub-issue",
        ),
    ],
)
def test_of_a_parent_with_parts_elsewhere_alone_that_is_said(parent, what):
    items = known(parent, facts(12))
    declined = select(command_of([mark(31)], items), items)
    assert isinstance(declined, Declined)
    assert declined.message == (
        f"#31 has no {what} in this repository. Items of other repositories are"
        " **left out**: `other/repo#3`. Nothing was started."
    )


def test_a_label_is_known_in_any_case_and_gone_with_its_item():
    items = {12: facts(12, labels=("Batch",)), 15: facts(15, labels=()), 18: None}
    found = still_on([mark(12), mark(15), mark(18), mark(99)], items)  # type: ignore[arg-type]
    assert [one.number for one in found] == [12]


@pytest.mark.parametrize(
    ("marks", "items", "home", "thread"),
    [
        ([mark(30, 12, 15)], [facts(12), facts(15)], 40, 30),
        ([mark(30, 12), mark(63, 63)], [facts(12), facts(63, pull=True)], 40, 30),
        ([mark(30, 12), mark(31, 15)], [facts(12), facts(15)], 40, 40),
        ([mark(30, 12), mark(31, 15)], [facts(12), facts(15)], None, 12),
        ([mark(30, 12), mark(31, 15)], [facts(15)], 40, 31),
        ([mark(15, 15)], [facts(15)], 40, 15),
        ([mark(15, 15), mark(12, 12)], [facts(15), facts(12)], None, 12),
        (
            [mark(9, 9), mark(15, 15)],
            [facts(9, pull=True), facts(15)],
            None,
            15,
        ),
        (
            [mark(61, 61), mark(9, 9)],
            [facts(61, pull=True), facts(9, pull=True)],
            None,
            9,
        ),
        ([mark(15, 15), mark(12, 12)], [], 40, 15),
    ],
)
def test_a_batch_speaks_where_people_will_look(marks, items, home, thread):
    assert thread_for(marks, items, home) == thread
