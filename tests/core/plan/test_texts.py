import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.plan.texts import dependencies_in, open_tasks_in
from tests.growth import assert_linear

HERE = "acme/widgets"
URL = "https://github.com/acme/widgets/issues/9"


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
        ("Depends on #51 #52", ["#51", "#52"]),
        ("Depends on #51 / #52", ["#51", "#52"]),
        ("Depends on #51 and on #52", ["#51", "#52"]),
        ("Depends on PR#51", ["#51"]),
        ("Dependent upon #51; blocked on #52", ["#51", "#52"]),
        ("## Dependencies\n\n- [ ] #51\n- [x] #52", ["#51"]),
        ("Depends on https://github.com/acme/widgets/issues/51?x=1", ["#51"]),
        ("Depends on #51; #52", ["#51", "#52"]),
        ("Depends on #51 + #52", ["#51", "#52"]),
        ("Depends on #51\n#52", ["#51", "#52"]),
        ("### Depends on\n- #51\n- [ ] #52 the parser\n- [x] #53\n", ["#51", "#52"]),
        ("## Blocked by:\n\n#51, #52\n\n## Other\n- #53", ["#51", "#52"]),
        ("Depends on:\n- #51\n\nText about\n- #53", ["#51"]),
        ("Depends-On: #51", ["#51"]),
        ("Blocked-by: #51", ["#51"]),
        ("It is depending on #51.", ["#51"]),
        ("Depends on [#51](https://github.com/acme/widgets/issues/51)", ["#51"]),
        ("Depends on [the parser](https://github.com/acme/widgets/pull/51)", ["#51"]),
        ("Depends on **[#51](../issues/51)**", ["#51"]),
        ("Depends on <https://github.com/acme/widgets/issues/51>", ["#51"]),
        ("Depends on PR #51 and issue #52", ["#51", "#52"]),
        ("#9 depends on #51", ["#51"]),
        ("Depends on https://github.com/acme/widgets/pull/6/files#r1.", ["#6"]),
        ("Depends on https://github.com/acme/widgets/issues/6/", ["#6"]),
        ("Depends on https://github.com/acme/widgets/issues/6/../7", []),
        ("Depends on https://github.com/acme/widgets/issues/6/events", []),
        ("Depends on https://github.com/acme/widgets/issues/6-x", []),
        ("Depends on https://github.com@evil.example/acme/widgets/issues/6", []),
        ("Depends on [#6](https://evil.example/acme/widgets/issues/6)", []),
        ("Depends on [#6](https://a.example/?https://github.com/a/b/issues/6)", []),
        ("Depends on [#6](https://github.com/acme/widgets/issues/7)", ["#7"]),
        ("Depends on ![#6](https://github.com/acme/widgets/issues/6)", []),
        ("<a title='> Depends on #6'>x</a>", []),
        ("Not urgent, depends on #51", ["#51"]),
        ("~~Depends on #51~~ done elsewhere", []),
        ("<del>Depends on #51</del> done", []),
        ("Depends on ~~#51~~ #52", ["#52"]),
        ("Not blocked by #51", []),
        ("This is no longer blocked by #51", []),
        ("It isn't blocked by #51", []),
        ("Nothing depends on #51, so take your time.", []),
        ("#53 depends on #51", []),
        ("acme/docs#53 is blocked by #51", []),
        ("Is this blocked by #51?", []),
        ("Does it depend on #51? It depends on #52.", ["#52"]),
        ("Depends on https://gitlab.com/acme/widgets/issues/51", []),
        ("Depends on https://GitHub.com/acme/widgets/issues/51", ["#51"]),
        ("https://x.example/depends-on/12 and #51", []),
        ("Needs #51", ["#51"]),
        (
            "It parses.\nRequires: #51, #52 and acme/api#3.\nThanks",
            ["#51", "#52", "acme/api#3"],
        ),
        (
            "- waiting for #51\n- [ ] Waits on PR #52\n- after #53",
            ["#51", "#52", "#53"],
        ),
        ("**Needs** [the parser](https://github.com/acme/widgets/pull/51)", ["#51"]),
        ("### Requires\n- #51\n- [x] #52", ["#51"]),
        ("Waiting for:\n- #51", ["#51"]),
        ("This needs #51 first", []),
        ("After #51 was merged, it broke", []),
        ("### After\n- #51", []),
        ("After: #51", []),
        ("Needs #51?", []),
        ("#9 needs #51, #53 needs #52", []),
        ("- [x] Needs #51", []),
        ("Needs https://gitlab.com/acme/widgets/issues/51", []),
        ("", []),
    ],
)
def test_dependencies_are_read_from_prose(body, found):
    shown = [
        str(one).removeprefix(HERE)
        for one in dependencies_in(body, HERE, url=URL).references
    ]
    assert shown == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("- [ ] #1\n- [x] #2\n* [ ] #3 with words", ["#1", "#3"]),
        ("> - [ ] #1\n\n- [ ] #2", ["#2"]),
        ("1. [ ] https://github.com/acme/widgets/issues/4", ["#4"]),
        ("- one\n  - [ ] other/repo#5", ["other/repo#5"]),
        ("- [ ] <https://github.com/acme/widgets/pull/6>", ["#6"]),
        ("- [ ] write about #1", []),
        ("- [ ] **#52**\n- [ ] __#53__ with words", ["#52", "#53"]),
        ("- [ ] [#53](https://github.com/acme/widgets/issues/53)", ["#53"]),
        ("- [ ] [Parser](https://github.com/acme/widgets/issues/54)", ["#54"]),
        ("- [ ] PR #55\n- [ ] #56, #57", ["#55", "#56", "#57"]),
        ("- [ ] ~~#58~~\n- [ ] `#59`", []),
        ("- [ ] https://gitlab.com/acme/widgets/issues/60", []),
        ("[ ] #1", []),
        ("- [] #1", []),
        ("```\n- [ ] #1\n```", []),
    ],
)
def test_open_tasks_are_read_from_lists(body, found):
    shown = [
        str(one).removeprefix(HERE)
        for one in open_tasks_in(body, HERE, url=URL).references
    ]
    assert shown == found


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("Depends on 12", 1),
        ("Depends on `#12`", 1),
        ("Depends on #12 or #13", 1),
        ("Depends on #12..#14", 1),
        ("Depends on #12 \u2013 #14", 1),
        ("Depends on #12 - see #14", 0),
        ("If this depends on #12, tell me", 1),
        ("Users depend on #12 today", 1),
        ("The tests depend on #12 for data", 1),
        ("The changes here depend on #12", 0),
        ("We depend on #12", 0),
        ("Does this depend on #12", 1),
        ("Once blocked by #12", 1),
        ("Was blocked by #12 until yesterday", 1),
        ("It could depend on #12", 1),
        ("Depends on the design (see #12)", 1),
        ("Blocked by https://example.com/ticket/12", 1),
        ("Depends on the weather.", 0),
        ("Depends on #12", 0),
        ("Not blocked by 12", 0),
        ("Is it blocked by 12?", 0),
        ("Needs #12", 0),
        ("Depends on #12 (and maybe #13)", 1),
        ("Depends on #12 (#13 too)", 1),
        ("Depends on #12 (see #13)", 0),
        ("Depends on #12, perhaps also PR #13", 1),
        ("Blocked by #12 and possibly by #13.", 1),
        ("Depends on #12 (see also #13), not on #14", 0),
        ("Depends on #12. And maybe #13 is nice too", 0),
        ("This needs #12 first", 1),
        ("Do it after #12 has landed.\nRequires #13 (the parser)", 2),
        ("It does not need #12 and nothing requires #13", 0),
        ("Who needs #12?", 0),
        ("#53 needs #12", 0),
        ("This needs work, see #12", 0),
        ("The day after 12 May", 0),
    ],
)
def test_what_looks_like_a_dependency_and_is_none_that_can_be_read_is_counted(
    body, count
):
    assert dependencies_in(body, HERE, url=URL).unread == count


def test_open_tasks_that_name_no_item_first_are_counted():
    body = "- [ ] #1\n- [ ] write about #1\n- [ ] `#2`\n- [x] this\n- [ ] \n"
    assert open_tasks_in(body, HERE, url=URL).unread == 2


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_read(text):
    assert dependencies_in(f"{text} depends on #1 {text}", HERE) is not None
    assert open_tasks_in(f"- [ ] {text}\n{text}", HERE) is not None


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "depends on ",
            "depends on #1, ",
            "- [ ] #1\n",
            "depends on https://a.",
            ", #1",
        ),
        *(
            "~~",
            "~~a~~",
            "[",
            "[a](",
            "[a](b",
            "*",
            "_",
            "not ",
            "#1 depends on ",
            "<del>",
        ),
        *("needs #1, ", "after #1 ", "\nneeds #1 x", " needs"),
        *("### Depends on\n- #1\n", "? ", " #1", "PR #1 ", "- [ ] [#1](x)\n"),
    ],
)
def test_long_texts_come_to_an_end(unit):
    hostile = "depends on #1" + unit * (65_536 // len(unit))
    assert len(dependencies_in(hostile, HERE).references) <= 1
    assert len(open_tasks_in(hostile, HERE).references) <= 1
    assert_linear(lambda size: dependencies_in(hostile[:size], HERE), 65_536)
    assert_linear(lambda size: open_tasks_in(hostile[:size], HERE), 65_536)
