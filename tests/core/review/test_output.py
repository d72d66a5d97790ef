"""What reviewers write, of our own form: read, or named with what was expected."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.remarks import Remark, Said, Side, Verdict
from bot.core.review.output import (
    MOST_IN_DIFF,
    MOST_OUTSIDE,
    Unusable,
    condensed,
    read_review,
)

WHOLE = """{
  "summary": "Reads well.",
  "verdict": "REQUEST_CHANGES",
  "comments": [
    {"path": "src/a.py", "line": 4, "body": "Why?"},
    {
      "path": "./src/b.py",
      "start_line": 2,
      "line": 5,
      "side": "left",
      "body": "Gone.",
      "severity": "high"
    },
    {"path": "/srv/w/c.py", "line": 1, "suggestion": "x = 1\\n"},
    {"path": "d.py", "body": "All of it."}
  ]
}"""


def fault(text: str) -> str:
    with pytest.raises(Unusable) as found:
        read_review(text)
    return str(found.value)


def test_all_of_the_form_is_read():
    assert read_review(WHOLE, roots=["/srv/w"]) == Said(
        "Reads well.",
        Verdict.REQUEST_CHANGES,
        (
            Remark("src/a.py", "Why?", line=4),
            Remark("src/b.py", "Gone.", line=5, start_line=2, side=Side.LEFT),
            Remark("c.py", "", line=1, suggestion="x = 1\n"),
            Remark("d.py", "All of it."),
        ),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"summary": "Fine."}', Said("Fine.")),
        ('{"verdict": "approve"}', Said(verdict=Verdict.APPROVE)),
        ('{"verdict": "request-changes"}', Said(verdict=Verdict.REQUEST_CHANGES)),
        ('{"verdict": null, "comments": null, "summary": "Hm"}', Said("Hm")),
        ('\ufeff{"comments": []}', Said()),
        ('\n```json\n{"comments": []}\n```\n', Said()),
        (
            '{"comments": [{"path": "a", "start_line": 3, "body": "b"}]}',
            Said(remarks=(Remark("a", "b", line=3),)),
        ),
        (
            '{"comments": [{"path": "a", "start_line": 9, "line": 3, "body": "b"}]}',
            Said(remarks=(Remark("a", "b", line=9, start_line=3),)),
        ),
    ],
)
def test_little_is_enough(text: str, said: Said):
    assert read_review(text) == said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1, column 1: no JSON: expecting value"),
        ("\ufffdPNG\ufffd", "line 1, column 1: no JSON: expecting value"),
        ("All good!\n", "line 1, column 1: no JSON: expecting value"),
        (
            '{\n "summary": "a"\n "b": 1}',
            "line 3, column 2: no JSON: expecting ',' del",
        ),
        ("[" * 100_000, "no JSON that can be read: it is too deep"),
        ("[" + "1" * 9_999 + "]", "no JSON that can be read: it is too deep, or has"),
        ("[1]", "line 1: expected an object, {summary, verdict, comments: "),
        ('{"findings": []}', "line 1: expected {summary, verdict, comments: "),
        (
            '{\n"verdict":\n"LGTM"}',
            "line 3: verdict: “LGTM” is no verdict; there is COMMENT, APPROVE and",
        ),
        ('{"summary": 3}', "line 1: summary: expected a text"),
        ('{"comments":\n{}}', "line 2: comments: expected a list"),
        ('{"comments": [\n"a"]}', "line 2: comments[0]: expected an object"),
        (
            '{"comments": [\n{"path": "a", "body": "b"},\n{"line": 1, "body": "b"}]}',
            "line 3: comments[1].path: this is missing",
        ),
        (
            '{"comments": [{"path": "a",\n"line":\n"4", "body": "b"}]}',
            "line 3: comments[0].line: expected a whole number",
        ),
        (
            '{"comments": [{"path": "a", "line": 0, "body": "b", "side": "UP"}]}',
            "line 1: comments[0].line: expected 1 or more (and 1 more)",
        ),
        (
            '{"comments": [{"path": "a", "line": 1, "body": "b", "side": "UP"}]}',
            "line 1: comments[0].side: “UP” is no side; there is LEFT and RIGHT",
        ),
        (
            '{"comments": [{"path": "a", "line": 1, "body": " "}]}',
            "line 1: comments[0]: needs a body, a suggestion or both",
        ),
        ("```json\n\n{,}\n```", "line 3, column 2: no JSON: "),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, says: str):
    assert fault(text).startswith(says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"comments": [' + "{}," * 200_000 + "{}]}",
            "more than 200,000 objects: write what is said of the changed files alone",
        ),
        ('{"comments": [' + "1," * 900_000 + "1]}", "line 1: comments[0]: expected"),
        (
            '{"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results":\n'
            '[{"message": {}, "locations": [' + "1," * 900_000 + "1]}]}]}",
            "line 2: runs[0].results[0].locations[0]: expected an object",
        ),
        (
            '{"version": "2.1.0", "runs": [{"tool": {"extensions": [], "driver":\n'
            '{"rules": [' + "{}," * 9 + "1]}}}]}",
            "line 2: runs[0].tool.driver.rules[9]: expected an object",
        ),
        (
            '{"version": "2.1.0", "runs": [{"tool": {"driver":\n'
            '{"globalMessageStrings": {'
            + ",".join(f'"{n}": 1' for n in range(300_000))
            + "}}}}]}",
            "line 2: runs[0].tool.driver.globalMessageStrings: there are 300,000; at most"
            " 10,000 are read",
        ),
    ],
    ids=["objects", "numbers", "places", "rules", "names"],
)
def test_of_a_million_mistakes_the_first_is_told(text: str, says: str):
    # With each of them noted down it would take gigabytes, and nobody else a turn.
    tracemalloc.start()
    try:
        assert fault(text).startswith(says)
        assert tracemalloc.get_traced_memory()[1] < 200 * 1024**2
    finally:
        tracemalloc.stop()


def test_keys_in_texts_do_not_lead_astray():
    text = (
        '{"summary": "\\"comments\\": [{\\n",\n"comments": [{"path": "a", "body": 1}]}'
    )
    assert fault(text) == "line 2: comments[0].body: expected a text"


def test_what_is_kept_is_about_the_change_first():
    many = [{"path": p, "line": 1, "body": "b"} for p in ["x", "a"] * 1_000]
    said = condensed(read_review(json.dumps({"comments": many})), {"a"})
    paths = [one.path for one in said.remarks]
    assert paths == ["a"] * MOST_IN_DIFF + ["x"] * MOST_OUTSIDE
    assert said.left_out == 2_000 - len(paths)


def test_half_a_suggestion_is_none():
    comment = {"path": "a", "line": 1, "body": "b" * 9_999, "suggestion": "x" * 99_999}
    said = condensed(read_review(json.dumps({"comments": [comment]})), {"a"})
    (remark,) = said.remarks
    assert remark.suggestion is None
    assert len(remark.body) < 5_000


KEYS = (
    *("path", "line", "body", "comments", "summary", "verdict", "side", "runs"),
    *("results", "tool", "driver", "version", "message", "text", "rules"),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=9),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=3),
            inside,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(values | st.text(), st.integers(0, 3))
def test_whatever_is_written_is_read_or_named(value: object, indent: int):
    text = value if isinstance(value, str) else json.dumps(value, indent=indent)
    first, again = _outcome(text), _outcome(text)
    assert first == again != ""


def _outcome(text: str) -> Said | str:
    try:
        return condensed(read_review(text), ())
    except Unusable as error:
        return str(error)
