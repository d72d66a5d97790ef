import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.plan.texts import dependencies_in, open_tasks_in

HERE = "acme/widgets"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Depends on #1", ["#1"]),
        ("blocked by #1.", ["#1"]),
        ("DEPENDS ON: #1", ["#1"]),
        ("**Depends on:** #1", ["#1"]),
        ("Depends on #1, #2 and #3", ["#1", "#2", "#3"]),
        ("Depends on #1 & #2, and #3 or #4", ["#1", "#2", "#3"]),
        ("- Depends on #1\n- Blocked by #2", ["#1", "#2"]),
        ("text\ndepends on #1\nblocked by #2\n", ["#1", "#2"]),
        ("It depends on acme/widgets#1 and Acme/Widgets#2", ["#1", "#2"]),
        ("Depends on other/repo#5", ["other/repo#5"]),
        ("Depends on https://github.com/acme/widgets/pull/6#issuecomment-1", ["#6"]),
        ("Depends on #1 and depends on #1", ["#1"]),
        ("Depends on\n#1", ["#1"]),
        ("`Depends on #1`", []),
        ("```\nDepends on #1\n```", []),
        ("> Depends on #1", []),
        ("<!-- Depends on #1 -->", []),
        ("x <!-- depends on #1 -->", []),
        ("Depends on 12", []),
        ("Depends on #0", []),
        ("Depends on #1234567890", []),
        ("It independs on #1", []),
        ("depends on the weather, see #1", []),
        ("", []),
    ],
)
def test_dependencies_are_read_from_prose(body, found):
    shown = [str(one).removeprefix(HERE) for one in dependencies_in(body, HERE)]
    assert shown == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("- [ ] #1\n- [x] #2\n* [ ] #3 with words", ["#1", "#3"]),
        ("1. [ ] https://github.com/acme/widgets/issues/4", ["#4"]),
        ("- one\n  - [ ] other/repo#5", ["other/repo#5"]),
        ("- [ ] <https://github.com/acme/widgets/pull/6>", ["#6"]),
        ("- [ ] write about #1", []),
        ("[ ] #1", []),
        ("- [] #1", []),
        ("```\n- [ ] #1\n```", []),
    ],
)
def test_open_tasks_are_read_from_lists(body, found):
    shown = [str(one).removeprefix(HERE) for one in open_tasks_in(body, HERE)]
    assert shown == found


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_read(text):
    assert dependencies_in(f"{text} depends on #1 {text}", HERE) is not None
    assert open_tasks_in(f"- [ ] {text}\n{text}", HERE) is not None


@pytest.mark.parametrize(
    "unit",
    ["depends on ", "depends on #1, ", "- [ ] #1\n", "depends on https://a.", ", #1"],
)
def test_long_texts_come_to_an_end(unit):
    hostile = "depends on #1" + unit * (65_536 // len(unit))
    assert len(dependencies_in(hostile, HERE)) <= 1
    assert isinstance(open_tasks_in(hostile, HERE), tuple)
