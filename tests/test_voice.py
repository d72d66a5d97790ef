"""What people read is said in the core: other rooms hand over values, not sentences."""

import ast
import builtins
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

BOT = Path(__file__).parents[1] / "bot"
ROOMS = ("engine", "github", "host", "store", "workers")
SENTENCE = re.compile(r"[a-z]+(?:[ ,:;][ ]?[a-z]+){3,}")
"""Four words of small letters in a row."""
OUTCOME = re.compile(r"(?:ignored|refused): ")
"""How an outcome of a delivery begins: a key of the log, which nobody else reads."""
CODE = re.compile(r"[$`(){}=]|[a-z][A-Z]")
"""What is in scripts and queries, and in no sentence."""


def sentences(tree: ast.Module) -> Iterator[str]:
    """Yield the strings that read like a sentence, but for those of programmers."""
    own = {id(part) for node in ast.walk(tree) for part in _of_programmers(node)}
    for node in ast.walk(tree):
        if id(node) in own:
            continue
        text = _text(node)
        if SENTENCE.search(text) and not (OUTCOME.match(text) or CODE.search(text)):
            yield text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = [one.value for one in node.values if isinstance(one, ast.Constant)]
        return " … ".join(map(str, parts))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def _of_programmers(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is told to programmers: docstrings, log lines, patterns, bugs."""
    match node:
        case ast.Expr(value=ast.Constant()):
            yield node.value
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log" | "re"))):
            yield from ast.walk(node)
        case ast.Call(func=ast.Name(id=name)) if hasattr(builtins, name):
            yield from ast.walk(node)  # a bug: KeyError(…)
        case ast.Compare():  # what GitHub or git says
            yield from ast.walk(node)
        case ast.JoinedStr():
            yield from node.values
    body = getattr(node, "body", None)
    if isinstance(body, list):
        for message, raised in pairwise(body):
            if isinstance(raised, ast.Raise) and _is_a_bug(raised):
                yield from ast.walk(message)


def _is_a_bug(raised: ast.Raise) -> bool:
    error = raised.exc
    name = error.func if isinstance(error, ast.Call) else error
    return isinstance(name, ast.Name) and hasattr(builtins, name.id)


@pytest.mark.parametrize("room", ROOMS)
def test_no_sentence_is_made_outside_the_core(room: str):
    found = {
        path.relative_to(BOT).as_posix(): said
        for path in (BOT / room).rglob("*.py")
        if (said := list(sentences(ast.parse(path.read_text()))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        'raise Refused("the branch was moved by somebody")',
        'say(f"the branch {name} was moved by somebody")',
        'ADVICE = "Let somebody look at the server."',
    ],
)
def test_a_sentence_is_found(line: str):
    assert list(sentences(ast.parse(line)))


UNSAID_CUT = re.compile(r"\[:\s*_?[A-Z_]*(?:WIDTH|LENGTH|SHOWN)\]")
"""A text cut to a width without a word. Lists are cut by counts, which have other names."""


@pytest.mark.parametrize("room", ["core", "engine", "github", "workers"])
def test_a_text_that_is_cut_says_so(room: str):
    found = [
        f"{path.relative_to(BOT)}:{number}"
        for path in sorted((BOT / room).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNSAID_CUT.search(line)
    ]
    assert found == []
