"""What people may do, and what the browser makes of a ticked box."""

from collections.abc import Callable

import pytest

from bot.sandbox.errors import GitHubError
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.threads import set_box
from tests.sandbox.client import NAME

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


Act = Callable[[Sandbox, str], object]


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
    sandbox: Sandbox, who: str, act: Act, allowed: str
):
    sandbox.open_issue("acme", NAME, "One")
    sandbox.comment("acme", NAME, 1, "x").id = 0
    if who in allowed.split():
        act(sandbox, who)
    else:
        with pytest.raises(GitHubError) as caught:
            act(sandbox, who)
        assert caught.value.status == 403


async def test_a_locked_thread_is_for_those_who_write(sandbox: Sandbox):
    sandbox.open_issue("wade", NAME, "One")
    sandbox.lock("olivia", NAME, 1)
    with pytest.raises(GitHubError, match="locked"):
        sandbox.comment("sam", NAME, 1, "x")
    sandbox.comment("wade", NAME, 1, "x")
    sandbox.unlock("olivia", NAME, 1)
    sandbox.comment("sam", NAME, 1, "x")


async def test_an_archived_repository_takes_nothing(sandbox: Sandbox):
    sandbox.open_issue("wade", NAME, "One")
    sandbox.archive_repository("acme", NAME)
    with pytest.raises(GitHubError, match="read-only"):
        sandbox.comment("acme", NAME, 1, "x")
    with pytest.raises(GitHubError, match="read-only"):
        sandbox.open_issue("acme", NAME, "Two")


async def test_edits_are_remembered(sandbox: Sandbox):
    sandbox.open_issue("wade", NAME, "One")
    comment = sandbox.comment("wade", NAME, 1, "first")
    sandbox.edit_comment("olivia", NAME, comment.id, "second")
    sandbox.edit_comment("olivia", NAME, comment.id, "second")
    edits = [(edit.editor.login, edit.before) for edit in comment.edits]
    assert edits == [("olivia", "first")]


async def test_a_part_has_one_whole_and_nothing_waits_for_itself(sandbox: Sandbox):
    one, two, three = (sandbox.open_issue("wade", NAME, t) for t in "abc")
    sandbox.add_sub_issue("wade", one, three)
    with pytest.raises(GitHubError):
        sandbox.add_sub_issue("wade", two, three)
    sandbox.add_sub_issue("wade", two, three, replace=True)
    assert (one.sub_issues, two.sub_issues, three.parent) == ([], [three], two)
    with pytest.raises(GitHubError):
        sandbox.block("wade", one, one)
