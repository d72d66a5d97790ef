"""SARIF 2.1.0 as real tools write it."""

import json
from typing import Any

import pytest

from bot.core.remarks import Edit, Level, Remark, Said
from bot.core.review.output import Unusable, read_review

ROOTS = ["/srv/b7k2/workspace"]


def log(*results: Any, **run: Any) -> dict[str, Any]:
    """Return a log of one run."""
    rules = run.pop("rules", [])
    whole = {"tool": {"driver": {"name": "lint", "rules": rules}}, "results": results}
    return {"version": "2.1.0", "runs": [{**whole, **run}]}


def at(uri: str, region: Any = None, **location: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": uri, **location}, "region": region}
    return {"locations": [{"physicalLocation": place}]}


def result(text: str = "no", **more: Any) -> dict[str, Any]:
    return {"message": {"text": text}, **more}


def read(value: dict[str, Any]) -> Said:
    return read_review(json.dumps(value), roots=ROOTS)


def only(value: dict[str, Any]) -> Remark:
    (remark,) = read(value).remarks
    return remark


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("src/a.py", "src/a.py"),
        ("./src/../src/a%20b.py", "src/a b.py"),
        ("src\\a.py", "src/a.py"),
        ("%E2%82%AC.py", "€.py"),
        ("/srv/b7k2/workspace/src/a.py", "src/a.py"),
        ("file:///srv/b7k2/workspace/src/a.py", "src/a.py"),
        ("file:/srv/b7k2/workspace/src/a.py", "src/a.py"),
        ("file://host/srv/b7k2/workspace/src/a.py", "src/a.py"),
        ("FILE:///srv/b7k2/workspace//src/./a.py", "src/a.py"),
        ("file:///usr/lib/python3/os.py", "…/os.py"),
        ("/srv/b7k2/workspace2/a.py", "…/a.py"),
        ("../other/a.py", "…/a.py"),
        ("file:///C:/build/a.cs", "…/a.cs"),
    ],
)
def test_files_are_found_however_they_are_spelled(uri: str, path: str):
    assert only(log(result(**at(uri, {"startLine": 1})))).path == path


@pytest.mark.parametrize(
    ("bases", "path"),
    [
        ({"SRCROOT": {"uri": "file:///srv/b7k2/workspace/"}}, "src/a.py"),
        ({"SRCROOT": {"uri": "file:///srv/b7k2/workspace/lib"}}, "lib/src/a.py"),
        ({"SRCROOT": {"uri": "lib/"}}, "lib/src/a.py"),
        (
            {
                "SRCROOT": {"uri": "lib/", "uriBaseId": "TOP"},
                "TOP": {"uri": "file:///srv/b7k2/workspace/"},
            },
            "lib/src/a.py",
        ),
        ({"SRCROOT": {"uri": "", "uriBaseId": "SRCROOT"}}, "src/a.py"),  # of itself
        ({"SRCROOT": {"uri": "file:///home/runner/src/"}}, "src/a.py"),
        ({}, "src/a.py"),  # %SRCROOT%, as many leave it
        (None, "src/a.py"),
    ],
)
def test_bases_of_addresses_are_followed(bases: Any, path: str):
    found = result(**at("src/a.py", {"startLine": 1}, uriBaseId="SRCROOT"))
    assert only(log(found, originalUriBaseIds=bases)).path == path


def test_a_file_may_be_named_by_its_place_in_the_list_of_artifacts():
    place = {"artifactLocation": {"index": 1}, "region": {"startLine": 3}}
    files = [{"location": {"uri": "a.py"}}, {"location": {"uri": "b.py"}}]
    found = result(locations=[{"physicalLocation": place}])
    assert only(log(found, artifacts=files)) == Remark("b.py", "no", line=3)


@pytest.mark.parametrize(
    ("region", "first", "last"),
    [
        ({"startLine": 3}, 0, 3),
        ({"startLine": 3, "startColumn": 5, "endColumn": 9}, 0, 3),
        ({"startLine": 3, "endLine": 3}, 0, 3),
        ({"startLine": 3, "endLine": 5}, 3, 5),
        ({"startLine": 3, "endLine": 5, "endColumn": 1}, 3, 4),
        ({"startLine": 3, "endLine": 4, "endColumn": 1}, 0, 3),
        ({"startLine": 5, "endLine": 3}, 0, 5),
        ({"charOffset": 10, "charLength": 3}, 0, 0),
        ({"startLine": 0}, 0, 0),
        ({}, 0, 0),
        (None, 0, 0),
    ],
)
def test_regions_are_lines(region: Any, first: int, last: int):
    remark = only(log(result(**at("a.py", region))))
    assert (remark.start_line, remark.line) == (first, last)


def test_a_result_without_a_place_is_one_of_the_whole():
    assert only(log(result())) == Remark("", "no")
    nothing: tuple[Any, ...] = ([], None, [{}])
    for none in nothing:
        assert only(log(result(locations=none))) == Remark("", "no")


RULES = [
    {
        "id": "F401",
        "helpUri": "https://lint.example/F401",
        "help": {"text": "Long help"},
        "defaultConfiguration": {"level": "error"},
        "messageStrings": {"default": {"text": "`{0}` is unused; {{see}} {1} {9}"}},
    },
    {"id": "CA1", "shortDescription": {"text": "Say it\nin full."}},
]


@pytest.mark.parametrize(
    ("named", "rule", "level"),
    [
        ({"ruleId": "F401"}, "F401", Level.ERROR),
        ({"ruleIndex": 0}, "F401", Level.ERROR),
        ({"rule": {"id": "F401"}}, "F401", Level.ERROR),
        ({"rule": {"index": 0, "toolComponent": {"index": 0}}}, "E1", Level.NOTE),
        ({"ruleId": "F401", "ruleIndex": -1}, "F401", Level.ERROR),
        ({"ruleId": "F401", "level": "note"}, "F401", Level.NOTE),
        ({"ruleId": "F401", "level": "none"}, "F401", Level.NOTE),
        ({"ruleId": "F401", "kind": "review"}, "F401", Level.NOTE),
        ({"ruleId": "F401", "kind": "fail"}, "F401", Level.ERROR),
        ({"ruleId": "X", "ruleIndex": 99}, "X", Level.WARNING),
        ({}, "", Level.WARNING),
    ],
)
def test_rules_tell_the_level(named: Any, rule: str, level: Level):
    extension = {
        "name": "more",
        "rules": [{"id": "E1", "defaultConfiguration": {"level": "note"}}],
    }
    tool = {"driver": {"name": "lint", "rules": RULES}, "extensions": [extension]}
    remark = only(log(result(**named), tool=tool))
    assert (remark.rule, remark.level) == (rule, level)


def test_a_rule_is_shown_with_its_page_or_its_own_words():
    first, second = read(
        log(result(ruleId="F401"), result(ruleId="CA1/2"), rules=RULES)
    ).remarks
    assert (first.body, first.rule_url) == ("no", "https://lint.example/F401")
    assert (second.body, second.rule_url) == ("no\n\nSay it in full.", "")


def test_no_page_is_linked_but_one_of_the_web():
    rules = [{"id": "A", "helpUri": "javascript:alert(1)"}]
    assert only(log(result(ruleId="A"), rules=rules)).rule_url == ""


def test_messages_are_put_together():
    message = {"id": "default", "arguments": ["os", "it"]}
    remark = only(log({"ruleId": "F401", "message": message}, rules=RULES))
    assert remark.body == "`os` is unused; {see} it {9}"
    linked = result(r"from [a \[b\]](1) to [c](https://x.example/(y\)) and \[d\]")
    assert only(log(linked)).body == "from a [b] to c and [d]"


@pytest.mark.parametrize(
    ("more", "is_shown"),
    [
        ({"suppressions": []}, True),
        ({"suppressions": [{"kind": "inSource"}]}, False),
        ({"suppressions": [{"kind": "external", "status": "accepted"}]}, False),
        ({"suppressions": [{"kind": "external", "status": "underReview"}]}, True),
        ({"suppressions": [{"kind": "inSource"}, {"status": "rejected"}]}, True),
        ({"kind": "pass"}, False),
        ({"kind": "notApplicable"}, False),
        ({"kind": "open"}, True),
        ({"baselineState": "absent"}, False),
        ({"baselineState": "unchanged"}, False),
        ({"baselineState": "new"}, True),
    ],
)
def test_what_nobody_has_to_look_at_is_left_out(more: Any, is_shown: bool):
    assert bool(read(log(result(**more))).remarks) is is_shown


def test_several_runs_are_one_review():
    value = log(result("a"))
    value["runs"] += log(result("b"), tool={"driver": {"name": "other"}})["runs"]
    value["runs"] += log(tool={"driver": {"name": "third"}}, results=None)["runs"]
    said = read(value)
    assert [one.body for one in said.remarks] == ["a", "b"]
    assert said.tools == ("lint", "other", "third")


def test_a_fix_is_read_if_it_changes_that_file_alone():
    region = {"startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 1}
    change = {
        "artifactLocation": {"uri": "a.py"},
        "replacements": [{"deletedRegion": region, "insertedContent": {"text": "x\n"}}],
    }
    found = result(**at("a.py", {"startLine": 1}))
    one = only(log({**found, "fixes": [{"artifactChanges": [change]}]}))
    assert one.edits == (Edit(1, 1, 2, 1, "x\n"),)
    both = {"artifactChanges": [change, change]}
    assert only(log({**found, "fixes": [both]})).edits == ()
    elsewhere = {**change, "artifactLocation": {"uri": "b.py"}}
    fixes = [{"artifactChanges": [elsewhere]}]
    assert only(log({**found, "fixes": fixes})).edits == ()


def test_a_tool_that_did_not_get_to_its_end_is_named():
    said = {"level": "error", "message": {"text": "no\nconfig"}}
    failed = {"executionSuccessful": False, "toolExecutionNotifications": [said]}
    summary = read(log(invocations=[{"executionSuccessful": True}, failed])).summary
    assert summary == "lint says that it did not get to its end.\n- no config"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"version": "1.0.0", "runs": []}, "version: this is SARIF 1.0.0; 2.1.0 is"),
        ({"runs": []}, "version: this is missing"),
        ({"version": "2.1.0", "runs": {}}, "runs: expected a list"),
        ({"version": "2.1.0", "runs": [{}]}, "runs[0].tool: this is missing"),
        (log({}), "runs[0].results[0].message: this is missing"),
        (log({"message": "no"}), "runs[0].results[0].message: expected an object"),
        (
            log(result(**at("a", {"startLine": "x"}))),
            "runs[0].results[0].locations[0].physicalLocation.region.startLine: expect",
        ),
    ],
)
def test_what_is_no_sarif_is_named(value: Any, says: str):
    with pytest.raises(Unusable) as found:
        read(value)
    assert str(found.value).partition(": ")[2].startswith(says)
