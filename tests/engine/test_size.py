"""The engine stays in parts that can be read: short files, few collaborators."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "bot" / "engine"
MOST_LINES = 400
MOST_COLLABORATORS = 7
PLAIN = {"bool", "bytes", "float", "int", "str", "timedelta", "datetime", "None"}
"""Types of settings; whatever else a part is given is a collaborator."""


def collaborators(part: ast.ClassDef) -> Iterator[str]:
    """Yield what a part is given to work with: by its constructor, or as fields."""
    made = [one for one in part.body if isinstance(one, ast.FunctionDef)]
    inits = [one.args for one in made if one.name == "__init__"]
    given = [arg for args in inits for arg in (*args.args[1:], *args.kwonlyargs)]
    for arg in given:
        if not _is_plain(arg.annotation):
            yield arg.arg
    works = any(isinstance(one, ast.AsyncFunctionDef) for one in part.body)
    if works and not given:  # else a value, which may have as many fields as it wants
        for field in part.body:
            if isinstance(field, ast.AnnAssign) and not _is_plain(field.annotation):
                yield ast.unparse(field.target)


def _is_plain(annotation: ast.expr | None) -> bool:
    assert annotation is not None
    names = {one.id for one in ast.walk(annotation) if isinstance(one, ast.Name)}
    return names <= PLAIN


@pytest.mark.parametrize("path", sorted(ENGINE.rglob("*.py")), ids=lambda p: p.stem)
def test_no_part_of_the_engine_is_too_large(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for part in ast.walk(ast.parse(text)):
        if isinstance(part, ast.ClassDef):
            given = list(collaborators(part))
            assert len(given) <= MOST_COLLABORATORS, f"{part.name}: {given}"


def test_what_a_part_is_given_is_counted():
    (init, fields, value) = ast.parse(
        "class A:\n  def __init__(self, a: X, *, b: Y, c: float): ...\n"
        "class B:\n  a: X\n  b: int\n  async def do(self): ...\n"
        "class C:\n  a: X\n"
    ).body
    found = [list(collaborators(one)) for one in (init, fields, value)]  # type: ignore[arg-type] # classes
    assert found == [["a", "b"], ["a"], []]
