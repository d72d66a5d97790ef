"""Small edits of Python source that often repair a bug: the search space of repair.

``edits_of_source`` proposes replacements of a few characters on one line, found in the
syntax tree, each with a price: the lower, the likelier the slip it undoes.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bot.demo.repair.hints import Hints

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">", ">=")),
    ast.LtE: ("<=", ("<", ">=", "==")),
    ast.Gt: (">", (">=", "<", "<=", "==")),
    ast.GtE: (">=", (">", "<=", "==")),
    ast.Eq: ("==", ("!=", "<=", ">=")),
    ast.NotEq: ("!=", ("==",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Is: ("is", ("is not", "==")),
    ast.IsNot: ("is not", ("is", "!=")),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-", "*")),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("/", "+", "**")),
    ast.Div: ("/", ("//", "*")),
    ast.FloorDiv: ("//", ("/", "%")),
    ast.Mod: ("%", ("//",)),
    ast.Pow: ("**", ("*",)),
    ast.BitAnd: ("&", ("|",)),
    ast.BitOr: ("|", ("&",)),
}
SIBLINGS = (
    ("strip", "lstrip", "rstrip"),
    ("lower", "upper", "casefold"),
    ("startswith", "endswith"),
    ("split", "rsplit"),
    ("partition", "rpartition"),
    ("find", "rfind"),
    ("index", "rindex"),
    ("append", "extend"),
    ("min", "max"),
    ("any", "all"),
    ("floor", "ceil"),
    ("keys", "values", "items"),
    ("union", "intersection", "difference"),
)
ENDINGS = (".strip()", ".lower()", "[:-1]", "[1:]", ".rstrip()", ".upper()", "[::-1]")
WRAPPERS = ("str", "int", "sorted", "list", "tuple", "len", "abs", "set", "float")
EXCEPTIONS = (
    "ValueError", "TypeError", "KeyError", "IndexError", "LookupError",
    "DeprecationWarning", "UserWarning", "OSError", "AttributeError",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``old`` by ``new`` from a byte offset on of a line, counted from 1."""

    line: int
    offset: int
    old: str
    new: str
    price: int

    def apply(self, source: bytes) -> bytes:
        """Return the source with this edit."""
        lines = source.split(b"\n")
        line = lines[self.line - 1]
        end = self.offset + len(self.old.encode())
        lines[self.line - 1] = line[: self.offset] + self.new.encode() + line[end:]
        return b"\n".join(lines)


def edits_of_source(source: bytes, hints: Hints) -> list[Edit]:
    """Return the edits worth trying; a few of them leave no valid Python."""
    edits = dict.fromkeys(_Module(source, hints).edits())
    return [edit for edit in edits if edit.old != edit.new]


def is_valid(source: bytes) -> bool:
    """Return whether Python takes the source."""
    try:
        compile(source, "candidate", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


class _Module:
    """One source file and the walk over its tree."""

    def __init__(self, source: bytes, hints: Hints) -> None:
        self._lines = source.split(b"\n")
        self._tree = ast.parse(source)
        self._hints = hints
        self._functions = {
            node.name: len(node.args.args)
            for node in ast.walk(self._tree)
            if isinstance(node, ast.FunctionDef)
        }
        self._imported = [
            alias.asname or alias.name
            for node in self._tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        ]
        self._constants = [
            target.id
            for node in self._tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        self._classes = [n.name for n in self._tree.body if isinstance(n, ast.ClassDef)]

    def edits(self) -> Iterator[Edit]:
        yield from self._visit(self._tree, parameters=())

    def _visit(self, parent: ast.AST, *, parameters: tuple[str, ...]) -> Iterator[Edit]:
        for node in ast.iter_child_nodes(parent):
            inner = parameters
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = tuple(argument.arg for argument in node.args.args)
                inner += tuple(argument.arg for argument in node.args.kwonlyargs)
            if not _is_docstring(parent, node):
                yield from self._of_node(node, parent, inner)
                yield from self._visit(node, parameters=inner)

    def _of_node(
        self, node: ast.AST, parent: ast.AST, parameters: tuple[str, ...]
    ) -> Iterator[Edit]:
        match node:
            case ast.Compare():
                yield from self._comparison(node)
            case ast.BoolOp(op=op, values=values):
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                for left, right in pairwise(values):
                    yield from self._between(left, right, old, (new,), 10)
            case ast.BinOp():
                yield from self._arithmetic(node)
            case ast.AugAssign(target=target, op=op, value=value):
                old, others = ARITHMETIC.get(type(op), ("", ()))
                news = (*(f"{other}=" for other in others), "=")
                if old:
                    yield from self._between(target, value, f"{old}=", news, 14)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield from self._replace(node, self._text(operand), 12)
            case ast.Constant():
                yield from self._constant(node, parent)
            case ast.Call():
                yield from self._call(node)
            case ast.Attribute(attr=name):
                for new in _siblings(name):
                    yield from self._name_at_end(node, name, new, 18)
            case ast.Name(id=name, ctx=ast.Load()):
                yield from self._name(node, name, parent, parameters)
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield from self._negation(test)
            case ast.Expr(value=value) if not isinstance(value, ast.Yield | ast.Await):
                yield from self._insert(value, "return ", 16)
            case ast.Break():
                yield from self._replace(node, "continue", 20)
            case ast.Continue():
                yield from self._replace(node, "break", 20)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                for left, right in pairwise(elements):
                    yield from self._swap(left, right, 34)
            case _:
                pass
        if isinstance(node, ast.expr):
            yield from self._ending(node, parent)

    def _comparison(self, node: ast.Compare) -> Iterator[Edit]:
        operands = [node.left, *node.comparators]
        for (left, right), operator in zip(pairwise(operands), node.ops, strict=True):
            old, news = COMPARISONS[type(operator)]
            yield from self._between(left, right, old, news, 10)
            yield from self._swap(left, right, 36)

    def _arithmetic(self, node: ast.BinOp) -> Iterator[Edit]:
        old, news = ARITHMETIC.get(type(node.op), ("", ()))
        if old:
            yield from self._between(node.left, node.right, old, news, 14)
            if old in ("-", "/", "//", "%"):
                yield from self._swap(node.left, node.right, 22)
        for operand in (node.left, node.right):
            if isinstance(operand, ast.Name | ast.Attribute | ast.Call):
                for step in ("- 1", "+ 1"):
                    yield from self._replace(
                        operand, f"({self._text(operand)} {step})", 24
                    )

    def _constant(self, node: ast.Constant, parent: ast.AST) -> Iterator[Edit]:
        match node.value:
            case bool(value):
                yield from self._replace(node, str(not value), 12)
            case int(value):
                target: ast.expr = node
                if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub):
                    target, value = parent, -value
                for price, number in _numbers(value, self._hints):
                    yield from self._replace(target, str(number), price)
            case None:
                for new in ("True", "False"):
                    yield from self._replace(node, new, 40)
            case str(value) if not isinstance(parent, ast.JoinedStr):
                yield from self._string(node, value)

    def _string(self, node: ast.Constant, value: str) -> Iterator[Edit]:
        text = self._text(node)
        if re.search(r"\{[A-Za-z_]", value) and text[:1] in "\"'":
            yield from self._insert(node, "f", 14)
        if text[:1] in "\"'":
            for new in self._hints.strings:
                yield from self._replace(node, f'"{_escaped(new)}"', 42)

    def _call(self, node: ast.Call) -> Iterator[Edit]:
        for left, right in pairwise(node.args):
            if not isinstance(left, ast.Starred) and not isinstance(right, ast.Starred):
                yield from self._swap(left, right, 16)
        for argument in node.args:
            if isinstance(argument, ast.Name | ast.Call | ast.BinOp | ast.Attribute):
                for step in (" + 1", " - 1"):
                    yield from self._append(argument, step, 24)
        if isinstance(node.func, ast.Attribute) and not node.args:
            yield from self._replace(node, self._text(node.func.value), 28)
        if isinstance(node.func, ast.Name) and len(node.args) == 1:
            yield from self._replace(node, self._text(node.args[0]), 30)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "sorted" and not any(k.arg == "reverse" for k in node.keywords):
            end = node.args[-1] if not node.keywords else node.keywords[-1].value
            yield from self._append(end, ", reverse=True", 20)
        if name in self._functions or name in self._imported:
            for other in (*self._functions, *self._imported):
                known, wanted = self._functions.get(other), self._functions.get(name)
                if known is None or wanted is None or known == wanted:
                    yield from self._replace(node.func, other, 26)

    def _name(
        self,
        node: ast.Name,
        name: str,
        parent: ast.AST,
        parameters: tuple[str, ...],
    ) -> Iterator[Edit]:
        for new in _siblings(name):
            yield from self._replace(node, new, 18)
        if _is_exception(name) or name in self._classes:
            news = (*self._hints.names, *self._classes, *EXCEPTIONS)
            for new in dict.fromkeys(news):
                if _is_exception(new) or new in self._classes:
                    yield from self._replace(node, new, 16)
        if name in parameters:
            for new in parameters:
                if new not in ("self", "cls"):
                    yield from self._replace(node, new, 26)
        if name in self._constants:
            for new in self._constants:
                yield from self._replace(node, new, 18)
        if isinstance(parent, ast.Slice):
            for step in (" + 1", " - 1"):
                yield from self._append(node, step, 20)

    def _negation(self, test: ast.expr) -> Iterator[Edit]:
        text = self._text(test)
        if not isinstance(test, ast.UnaryOp | ast.Compare):
            simple = isinstance(test, ast.Name | ast.Attribute | ast.Call)
            yield from self._replace(
                test, f"not {text}" if simple else f"not ({text})", 14
            )

    def _ending(self, node: ast.expr, parent: ast.AST) -> Iterator[Edit]:
        """Yield calls and slices that may have been forgotten behind a value."""
        if not isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            return
        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return
        places = (
            ast.Return, ast.Assign, ast.Compare, ast.Dict, ast.Tuple, ast.List,
            ast.Call, ast.For, ast.Yield, ast.comprehension, ast.keyword,
            ast.Subscript, ast.BinOp, ast.FormattedValue, ast.IfExp, ast.DictComp,
            ast.ListComp, ast.Attribute, ast.AugAssign,
        )  # fmt: skip
        if not isinstance(parent, places):
            return
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        text = self._text(node)
        for rank, ending in enumerate(ENDINGS):
            yield from self._append(node, ending, 22 + rank)
        if not isinstance(parent, ast.Attribute):
            for rank, wrapper in enumerate(WRAPPERS):
                yield from self._replace(node, f"{wrapper}({text})", 30 + rank)

    def _between(
        self,
        left: ast.expr,
        right: ast.expr,
        old: str,
        news: tuple[str, ...],
        price: int,
    ) -> Iterator[Edit]:
        """Yield replacements of the operator that stands between two operands."""
        if left.end_lineno != right.lineno or left.end_col_offset is None:
            yield from self._operator_on_next_line(left, right, old, news, price)
            return
        line = self._lines[right.lineno - 1]
        gap = line[left.end_col_offset : right.col_offset]
        at = gap.find(old.encode())
        if at < 0:
            return
        for rank, new in enumerate(news):
            yield Edit(right.lineno, left.end_col_offset + at, old, new, price + rank)

    def _operator_on_next_line(
        self,
        left: ast.expr,
        right: ast.expr,
        old: str,
        news: tuple[str, ...],
        price: int,
    ) -> Iterator[Edit]:
        before = self._lines[right.lineno - 1][: right.col_offset]
        at = before.rfind(old.encode())
        if left.end_lineno != right.lineno - 1 or at < 0 or before[:at].strip():
            return
        for rank, new in enumerate(news):
            yield Edit(right.lineno, at, old, new, price + rank)

    def _swap(self, left: ast.expr, right: ast.expr, price: int) -> Iterator[Edit]:
        if left.lineno != right.end_lineno or left.end_col_offset is None:
            return
        first, second = self._text(left), self._text(right)
        line = self._lines[left.lineno - 1]
        middle = line[left.end_col_offset : right.col_offset].decode()
        old, new = first + middle + second, second + middle + first
        yield Edit(left.lineno, left.col_offset, old, new, price)

    def _replace(self, node: ast.AST, new: str, price: int) -> Iterator[Edit]:
        text = self._text(node)
        if text and isinstance(node, ast.expr | ast.stmt):
            yield Edit(node.lineno, node.col_offset, text, new, price)

    def _insert(self, node: ast.expr, new: str, price: int) -> Iterator[Edit]:
        yield Edit(node.lineno, node.col_offset, "", new, price)

    def _append(self, node: ast.expr, new: str, price: int) -> Iterator[Edit]:
        if node.end_lineno == node.lineno and node.end_col_offset is not None:
            yield Edit(node.lineno, node.end_col_offset, "", new, price)

    def _name_at_end(
        self, node: ast.Attribute, old: str, new: str, price: int
    ) -> Iterator[Edit]:
        if node.end_lineno is not None and node.end_col_offset is not None:
            offset = node.end_col_offset - len(old.encode())
            yield Edit(node.end_lineno, offset, old, new, price)

    def _text(self, node: ast.AST) -> str:
        """Return the text of a node on one line; empty if it spans several."""
        if not isinstance(node, ast.expr | ast.stmt) or node.end_lineno != node.lineno:
            return ""
        line = self._lines[node.lineno - 1]
        return line[node.col_offset : node.end_col_offset].decode()


def _siblings(name: str) -> list[str]:
    return [other for group in SIBLINGS if name in group for other in group]


def _is_exception(name: str) -> bool:
    known = getattr(builtins, name, None)
    if isinstance(known, type):
        return issubclass(known, BaseException)
    return name.endswith(("Error", "Warning", "Exception"))


def _numbers(value: int, hints: Hints) -> Iterator[tuple[int, int]]:
    """Yield (price, number): neighbours first, then what the tests mention."""
    yield 12, value - 1
    yield 12, value + 1
    for number in (0, 1, -1, -value, *hints.numbers):
        yield 20, number


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _is_docstring(parent: ast.AST, node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and getattr(parent, "body", [None])[:1] == [node]
    )
