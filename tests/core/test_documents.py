import pytest

from bot.core.documents import DocumentError, line_of, read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("a: on\nb: off\nc: no\nd: yes\ne: y", dict(zip("abcde", ["on", "off", "no", "yes", "y"], strict=True))),
        ("on: true\nno: False", {"on": True, "no": False}),
        ("a: ~\nb: null\nc: 12\nd: 0x1f\ne: 1_000\nf: 1:30", {"a": None, "b": None, "c": 12, "d": 31, "e": "1_000", "f": "1:30"}),
        ("a: 2026-03-03\nb: 1.5", {"a": "2026-03-03", "b": 1.5}),
        ("- 1\n- [x, 'true']", [1, ["x", "true"]]),
    ],
)  # fmt: skip
def test_words_are_words(text: str, value: object):
    assert read_document(text)[0] == value


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: 1\nb: 2\na: 3", "“a” stands here twice", 3),
        ("a: &x 1\nb: *x", "aliases", 2),
        ("a: [", "a bracket is not closed", 1),
        ("[1]: 2", "a key must be a word", 1),
        ("[" * 20, "too deep", 1),
        ("a: \x01", "U.0001 stands here", 1),
    ],
)
def test_what_is_no_document_is_named_with_its_line(text: str, problem: str, line: int):
    with pytest.raises(DocumentError, match=problem) as caught:
        read_document(text)
    assert caught.value.line == line


def test_each_value_is_known_by_its_line():
    _, lines = read_document("a:\n  - x\n  - y: 1\n")
    assert line_of(("a", 1, "y"), lines) == 3
    assert line_of(("a", 1, "z"), lines) == 3
    assert line_of(("b",), lines) == 1
