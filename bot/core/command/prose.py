"""The Markdown of others, taken apart far enough to know what a reader sees as text.

Blocks come from a CommonMark parser. What could make it slow is taken out before:
comments are written by anyone, and must not stop the process for a second.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MAX_LINES = 3000

# The parser looks at each line once per level of quotes around it.
_MARKER = r"[ \t]*+(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))"
_DEEP_NESTING = re.compile(rf"^((?:{_MARKER}){{6}})(?:{_MARKER})++", re.MULTILINE)

_BLOCKS = MarkdownIt("commonmark").disable("inline")
_INLINE = MarkdownIt("commonmark").disable(["emphasis", "entity"])

_INLINE_MARK = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<(?=[!?/A-Za-z])")
_ATTRIBUTE = (
    r"\s++[A-Za-z_:][\w.:-]*+(?:\s*+=\s*+(?:[^\s\"'=<>`]++|'[^']*+'|\"[^\"]*+\"))?+"
)
_TAG = re.compile(
    rf"<(?:[A-Za-z][A-Za-z0-9-]*+(?:{_ATTRIBUTE})*+\s*+/?+|/[A-Za-z][A-Za-z0-9-]*+\s*+"
    r"|![A-Za-z][^>]*+|[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*+)>"
)
_NAMED_ADDRESS = re.compile(
    r"^[ \t>*+\-\d.)]{0,20}(\[(?:[^\]\[\n]|\n(?![ \t]*\n)){1,200}\]:"
    r"[ \t]*\n?[^\n]{1,500})",
    re.MULTILINE,
)
_MOST_NAMES = 100
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Veiled:
    """Inline Markdown in which code and HTML are blotted out.

    ``text`` has the same length and lines; ``tags`` holds what was HTML, with the
    column where each begins.
    """

    text: str
    tags: tuple[tuple[int, str], ...]


def normal_lines(text: str) -> str:
    """Return *text* with ``\\n`` as its only line ends."""
    return text.replace("\r\n", "\n").replace("\r", " ")


def block_tokens(text: str) -> Sequence[Token]:
    """Return markdown-it's block tokens; ``inline`` ones hold text, not yet parsed.

    What stands below some thousand lines is not read.
    """
    text = _DEEP_NESTING.sub(r"\1", normal_lines(text))
    return _BLOCKS.parse("\n".join(text.split("\n", _MAX_LINES)[:_MAX_LINES]))


Addresses = Mapping[str, object]
"""What links by name lead to, as markdown-it has it."""


def addresses_in(text: str) -> Addresses:
    """Return the addresses that a comment gives names to."""
    named = _NAMED_ADDRESS.findall(text)[:_MOST_NAMES]
    found: dict[str, object] = {}
    if named:
        _BLOCKS.parse("\n\n".join(named), found)
    return found


def names_of(addresses: Addresses) -> Collection[str]:
    """Return the names, in capitals and with single spaces."""
    found = addresses.get("references", {})
    return found.keys() if isinstance(found, dict) else ()


def inline_tokens(text: str, addresses: Addresses) -> Sequence[Token]:
    """Return markdown-it's tokens of a paragraph: text, code, HTML, links, images."""
    return _INLINE.parseInline(text, dict(addresses))[0].children or ()


def without_html_comments(html: str) -> str:
    """Return an HTML block without its comments."""
    return _COMMENT.sub("", html)


def veil(text: str) -> Veiled:
    """Blot out code spans, HTML tags and HTML comments of inline Markdown."""
    seen: list[str] = []
    tags: list[tuple[int, str]] = []
    finder = _Finder(text)
    at = 0
    while mark := _INLINE_MARK.search(text, at):
        end = finder.end_of(mark)
        seen.append(text[at : mark.start()])
        at = max(end, mark.end())
        if end > mark.start():
            seen.append(re.sub(r"[^\n]", "\0", text[mark.start() : end]))
            if mark[0] == "<":
                tags.append((mark.start(), text[mark.start() : end]))
        else:
            seen.append(mark[0])
    seen.append(text[at:])
    return Veiled("".join(seen), tuple(tags))


class _Finder:
    """Finds ends, each character of the text being looked at a few times at most."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: dict[str, int] = {}
        self._ticks: dict[int, list[int]] | None = None

    def end_of(self, mark: re.Match[str]) -> int:
        """Return where the code span or tag that begins here ends, 0 if none does."""
        if mark[0][0] == "`":
            return self._code_end(mark)
        if mark[0] != "<":
            return 0
        start = mark.start()
        for opening, closing in (
            ("<!--", "-->"),
            ("<?", "?>"),
            ("<![CDATA[", "]]>"),
        ):
            if self._text.startswith(opening, start):
                # <!--> and <!---> are whole comments.
                end = self._find(closing, start + len(opening) - len(closing) + 1)
                return end + len(closing) if end >= 0 else 0
        # Without any end of a tag behind it none is looked for at length.
        tag = _TAG.match(self._text, start) if self._find(">", start) >= 0 else None
        return tag.end() if tag else 0

    def _find(self, closing: str, start: int) -> int:
        known = self._next.get(closing, 0)
        if 0 <= known < start or closing not in self._next:
            self._next[closing] = known = self._text.find(closing, start)
        return known

    def _code_end(self, mark: re.Match[str]) -> int:
        if self._ticks is None:
            self._ticks = {}
            for run in re.finditer("`+", self._text):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
            for starts in self._ticks.values():
                starts.reverse()
        length = len(mark[0])
        starts = self._ticks.get(length, [])
        while starts and starts[-1] <= mark.start():
            starts.pop()
        return starts[-1] + length if starts else 0
