"""What the failing tests mention, which may be what the code should say."""

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hints:
    """Numbers, strings and names, in the order in which they were found."""

    numbers: tuple[int, ...] = ()
    strings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read_hints(source: bytes, names: frozenset[str]) -> Hints:
    """Return the literals and names in the functions of a test file so called."""
    numbers: dict[int, None] = {}
    strings: dict[str, None] = {}
    mentioned: dict[str, None] = {}
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or function.name not in names:
            continue
        for node in ast.walk(function):
            match node:
                case ast.Constant(value=bool()):
                    pass
                case ast.Constant(value=int(number)):
                    numbers[number] = None
                case ast.Constant(value=str(text)) if len(text) <= 20:
                    strings[text] = None
                case ast.Name(id=name):
                    mentioned[name] = None
                case _:
                    pass
    return Hints(tuple(numbers), tuple(strings), tuple(mentioned))
