"""What stands around a line of a comment, so that no reader takes it for a paragraph's.

GitHub shows HTML elements that a blank line does not end, struck text, formulas and
tables, of which CommonMark knows nothing.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

_COVERING = frozenset(
    (
        *("a", "abbr", "b", "bdo", "big", "blockquote", "button", "caption", "center"),
        *("cite", "code", "dd", "del", "details", "dfn", "div", "dl", "dt", "em"),
        *("fieldset", "figcaption", "figure", "font", "form", "h1", "h2", "h3", "h4"),
        *("h5", "h6", "i", "iframe", "ins", "kbd", "label", "li", "mark", "math"),
        *("noscript", "object", "ol", "option", "p", "picture", "pre", "q", "ruby"),
        *("s", "samp", "script", "section", "select", "small", "span", "strike"),
        *("strong", "style", "sub", "summary", "sup", "svg", "table", "tbody", "td"),
        *("template", "textarea", "tfoot", "th", "thead", "title", "tr", "tt", "u"),
        *("ul", "var", "video"),
    )
)
"""Elements that hold text. What is none of HTML's, like ``<name>``, GitHub leaves out."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)(?=[\s/>])[^<>]*?(/?)>")
_FORMULA = re.compile(r"(?<!\\)\$\$|(?<![\\\w$])\$(?=[^\s$])|(?<=[^\s\\$])\$(?![\w$])")
_STRIKE = re.compile(r"(?<![\\~])~{1,2}(?!~)")
_DASHES = r"[ \t]*+:?+-++:?+[ \t]*+"
_DELIMITER_ROW = re.compile(rf"[ \t]*+\|?+{_DASHES}(?:\|{_DASHES})*+\|?+[ \t]*+")
_CELL_END = re.compile(r"(?<!\\)\|")


class Elements:
    """The HTML elements that are open at a place of a comment."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._count: Counter[str] = Counter()

    def __bool__(self) -> bool:
        """Return whether any is."""
        return bool(self._open)

    def read(self, html: str) -> None:
        """Go on behind a tag, or behind a block of HTML.

        An end ends what was opened inside as well: many elements need no end of theirs.
        """
        for tag in _TAG.finditer(html):
            name = tag[2].lower()
            if name not in _COVERING:
                continue
            if not tag[1]:
                self._open.append(name)
                self._count[name] += 1
            elif self._count[name]:
                while self._pop() != name:
                    pass

    def next_block(self) -> None:
        """Go on with another block, which a paragraph of HTML does not reach."""
        while self._open and self._open[-1] == "p":
            self._pop()

    def _pop(self) -> str:
        name = self._open.pop()
        self._count[name] -= 1
        return name


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where formulas, struck text and a table are in a paragraph, as start and end.

    *text* has neither code nor HTML in it any more.
    """
    yield from _paired(text, _FORMULA)
    yield from _paired(text, _STRIKE)
    if "|" in text or ":" in text:
        yield from _table(text)


def _paired(text: str, mark: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield from each mark to the next of its kind that can end what it begins."""
    opened: dict[str, int] = {}
    for found in mark.finditer(text):
        kind = found[0]
        begins = not text[found.end() : found.end() + 1].isspace()
        ends = not text[: found.start()][-1:].isspace() and found.start() > 0
        if kind == "$$":
            begins = ends = True  # its lines stand between
        start = opened.pop(kind, None) if ends else None
        if start is not None:
            yield start, found.end()
        elif begins:
            opened.setdefault(kind, found.start())


def _table(text: str) -> Iterator[tuple[int, int]]:
    """Yield the table that ends a paragraph: the line above its row of dashes begins it."""
    start = 0
    for head, row in pairwise(text.split("\n")):
        is_table = ("|" in row or ":" in row) and _DELIMITER_ROW.fullmatch(row)
        if is_table and _cells(head) == _cells(row):
            yield start, len(text)
            return
        start += len(head) + 1


def _cells(row: str) -> int:
    return len(_CELL_END.findall(row.strip().strip("|"))) + 1
