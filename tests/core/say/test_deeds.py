"""Headings, plans and boxes say what is done."""

from dataclasses import replace

import pytest

from bot.core.model import Action, ItemId, ItemKind
from bot.core.say.deeds import deed_of, deeds, deeds_by_name, deeds_in_short
from bot.core.say.names import Names
from bot.core.world.markdown import Links
from tests.scenes import item, plan_item

CLOSE = Action("close")


def items(*actions: Action, pulls: int = 0):
    """Return an item for each action, of which the last *pulls* are pull requests."""
    kinds = [ItemKind.ISSUE] * (len(actions) - pulls) + [ItemKind.PULL_REQUEST] * pulls
    return [
        replace(plan_item(12 + place, "x"), action=action, kind=kind)
        for place, (action, kind) in enumerate(zip(actions, kinds, strict=True))
    ]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (CLOSE, "close 1 issue"),
        (Action("close", ("not-planned",)), "close 1 issue as `not-planned`"),
        (
            Action("label", ("+bug", "-good first")),
            'label 1 issue `+bug -"good first"`',
        ),
        (Action("triaged", ("+triaged",), uses="label"), "label 1 issue `+triaged`"),
        (Action("assign", ("+ada",)), "assign 1 issue `+ada`"),
        (Action("comment", ("Done, @bob",)), "comment on 1 issue: “Done, @\u2060bob”"),
        (Action("ready"), "mark 1 issue as ready"),
        (Action("draft"), "make 1 issue a draft"),
        (
            Action("request", ("+ada", "-team:core")),
            "ask `+ada -team:core` for reviews of 1 issue",
        ),
        (Action("milestone", ("Next release",)), "put 1 issue into `Next release`"),
        (Action("milestone", ("none",)), "take 1 issue out of any milestone"),
        (Action("dispatch", ("ci.yml", "a=b")), 'dispatch `ci.yml a="b"` for 1 issue'),
        (
            Action("fix", (), uses="implement", command="fixer"),
            "run `fix` on 1 issue",
        ),
        (Action("gone"), "run `gone` on 1 issue"),
    ],
)
def test_an_action_is_said_with_what_it_is_given(action, said):
    assert deeds(items(action)) == said


def test_items_are_counted_by_what_is_done_to_them():
    assert deeds(items(CLOSE, CLOSE)) == "close 2 issues"
    assert deeds(items(CLOSE, CLOSE, pulls=1)) == "close 2 items"
    mixed = items(CLOSE, Action("merge"), Action("merge"), pulls=2)
    assert deeds(mixed) == "close 1 issue and merge 2 pull requests"
    assert deeds_in_short(mixed) == "close 1 and merge 2"
    many = items(*(Action("label", (f"+{name}",)) for name in "abcde"))
    assert deeds_in_short(many) == "label 1 `+a`, label 1 `+b`, label 1 `+c` and 2 more"


def test_what_is_done_to_one_issue_and_to_its_pull_request_is_said_once():
    opened = replace(
        plan_item(12, "x"),
        id=ItemId("12-review"),
        action=Action("review"),
        opened_by=item(12),
    )
    planned = [plan_item(12, "x"), opened]
    names = Names.of(planned, Links("acme/widgets"))
    twelve = "[#12](https://github.com/acme/widgets/issues/12)"
    said = deeds_by_name(planned, names)
    assert said == f"implement {twelve}; review the pull request of {twelve}"


def test_one_of_several_is_said_in_a_word():
    assert deed_of(items(CLOSE)[0]) == "close"
    assert deed_of(items(Action("label", ("+bug",)))[0]) == "label `+bug`"
    assert deed_of(items(Action("ready"))[0]) == "mark as ready"
    request = Action("request", ("+ada",))
    assert deed_of(items(request)[0]) == "ask `+ada` for reviews"
    assert deed_of(items(Action("milestone", ("2.4",)))[0]) == "put into `2.4`"
    assert deed_of(items(Action("comment", ("Done",)))[0]) == "comment on: “Done”"
    assert deed_of(items(Action("fix", command="x"))[0]) == "run `fix`"
