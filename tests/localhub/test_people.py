"""What people may do, and what the browser makes of a ticked box."""

from collections.abc import Callable

import pytest

from bot.localhub.errors import GitHubError
from bot.localhub.hub import LocalHub
from bot.localhub.threads import set_box
from tests.localhub.client import NAME

BODY = "Controls\n\n- [ ] retry #12\n- [x] pause\n\n```\n- [ ] code\n```\n1. [ ] stop\n"


@pytest.mark.parametrize(
    ("box", "checked", "line"),
    [
        (0, True, "- [x] retry #12"),
        (1, False, "- [ ] pause"),
        (2, True, "1. [x] stop"),
        ("pause", False, "- [ ] pause"),
        ("stop", True, "1. [x] stop"),
    ],
)
def test_a_ticked_box_changes_one_line_and_all_line_ends(
    box: int | str, checked: bool, line: str
):
    changed = set_box(BODY, box, checked=checked).split("\r\n")
    different = [
        new for new, old in zip(changed, BODY.split("\n"), strict=True) if new != old
    ]
    assert different == [line]


def test_a_box_that_is_not_there_is_refused():
    with pytest.raises(GitHubError):
        set_box(BODY, 3, checked=True)


Act = Callable[[LocalHub, str], object]


@pytest.mark.parametrize(
    ("act", "allowed"),
    [
        (lambda s, who: s.comment(who, NAME, 1, "x"), "sam rita tess wade olivia acme"),
        (lambda s, who: s.label(who, NAME, 1, "bug"), "tess wade olivia acme"),
        (lambda s, who: s.close(who, NAME, 1), "tess wade olivia acme"),
        (lambda s, who: s.edit_comment(who, NAME, 0, "y"), "wade olivia acme"),
        (
            lambda s, who: s.push(who, NAME, who, {"a": who}, message="m"),
            "wade olivia acme",
        ),
        (lambda s, who: s.delete_issue(who, NAME, 1), "acme"),
    ],
    ids=["comment", "label", "close", "edit", "push", "delete"],
)
@pytest.mark.parametrize("who", ["sam", "rita", "tess", "wade", "olivia", "acme"])
async def test_roles_decide_what_people_do(
    hub: LocalHub, who: str, act: Act, allowed: str
):
    hub.open_issue("acme", NAME, "One")
    hub.comment("acme", NAME, 1, "x").id = 0
    if who in allowed.split():
        act(hub, who)
    else:
        with pytest.raises(GitHubError) as caught:
            act(hub, who)
        assert caught.value.status == 403


async def test_a_locked_thread_is_for_those_who_write(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.lock("olivia", NAME, 1)
    with pytest.raises(GitHubError, match="locked"):
        hub.comment("sam", NAME, 1, "x")
    hub.comment("wade", NAME, 1, "x")
    hub.unlock("olivia", NAME, 1)
    hub.comment("sam", NAME, 1, "x")


async def test_an_archived_repository_takes_nothing(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.archive_repository("acme", NAME)
    with pytest.raises(GitHubError, match="read-only"):
        hub.comment("acme", NAME, 1, "x")
    with pytest.raises(GitHubError, match="read-only"):
        hub.open_issue("acme", NAME, "Two")


async def test_edits_are_remembered(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    comment = hub.comment("wade", NAME, 1, "first")
    hub.edit_comment("olivia", NAME, comment.id, "second")
    hub.edit_comment("olivia", NAME, comment.id, "second")
    edits = [(edit.editor.login, edit.before) for edit in comment.edits]
    assert edits == [("olivia", "first")]


async def test_a_part_has_one_whole_and_nothing_waits_for_itself(hub: LocalHub):
    one, two, three = (hub.open_issue("wade", NAME, t) for t in "abc")
    hub.add_sub_issue("wade", one, three)
    with pytest.raises(GitHubError):
        hub.add_sub_issue("wade", two, three)
    hub.add_sub_issue("wade", two, three, replace=True)
    assert (one.sub_issues, two.sub_issues, three.parent) == ([], [three], two)
    with pytest.raises(GitHubError):
        hub.block("wade", one, one)
