"""Markdown as GitHub reads it: escaping the texts of others, links, tables and folds.

GitHub looks for mentions, references and closing keywords in the *rendered* text, so
backslashes and entities do not hold them off: a word joiner does. It looks at nothing
inside code, which therefore stays as it is and can be copied.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.core.model import ItemNumber, Reference

GITHUB = "https://github.com"
BODY_LIMIT = 60_000
"""UTF-16 units that a body may have; GitHub answers 422 above 65,536."""

_JOINER = "\u2060"
_ZERO_WIDTH_JOINER = "\u200d"
_TEXT_SHAPERS = "\u200c" + _ZERO_WIDTH_JOINER  # emoji and Persian need them
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x1b\\|\x07)?"  # titles and links
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LIVE = re.compile(
    r"[@#]"  # mentions, references, owner/name#12, owner/name@sha
    r"|gh-(?=\d)"
    r"|[0-9a-f]{6}(?=[0-9a-f])"  # commits: 7 to 40 digits in a row
    r"|:(?=//)"
    r"|www(?=\.)",
    re.I,
)
_ORDERS = re.compile(
    r"\[(?=(?:(?:skip|no)[ -]ci|ci[ -]skip|skip[ -]actions|actions[ -]skip|ci[ -]no)\])"
    r"|\*{3}(?=NO_CI\*{3})"
    r"|^/(?=(?!batch\b)[a-z][a-z0-9-]*(?:\s|\Z))"  # /approve, but not /usr/bin
    r"|^[ \t]*(?:[a-z]+-)+by(?=:)|^[ \t]*skip-checks(?=:)",
    re.IGNORECASE | re.MULTILINE,
)
"""What other machines obey where they find it: in commits, squashed bodies, comments."""

_JOINERS = re.compile(
    r"(?<=[^\x00-\x7f\s\u200c\u200d])([\u200c\u200d])(?=[^\x00-\x7f\s\u200c\u200d])"
    r"|[\u200c\u200d]"
)
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters that nobody sees."""

_SPECIAL = re.compile(r"[\\`*_~\[\]!|$]")
_BLOCK_START = re.compile(r"^(\d{1,9})?(?=[-+=.)])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CODE = re.compile(r"(?<!`)`([^`]*[^`\s][^`]*)`(?!`)")
_BOLD = re.compile(r"\*\*(?=[^\s*])([^*]*[^\s*])\*\*")
_FENCE = re.compile(
    r" {0,3}(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[\w+#.-]{0,20})[^`]*\Z"
)
_BULLET = re.compile(
    r"(?P<indent>[ \t]*)(?P<mark>[-*+]|\d{1,3}[.)])[ \t]+(?P<rest>\S.*)"
)
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?P<rest>.*?)[ \t#]*\Z")
_DRAWN = frozenset(["geojson", "math", "mermaid", "stl", "suggestion", "topojson"])
"""Words after a fence for which GitHub shows more than code."""

_UNSAFE_IN_URL = re.compile(r"[\s()<>\[\]\\`\"|\x00-\x20\x7f\ud800-\udfff]")


def utf16_length(text: str) -> int:
    """Return the length as GitHub counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escape_line(text: str, width: int | None = None) -> str:
    """Return a text of others so that it reads as it is and does nothing.

    Fits in a paragraph, at the start of a list item, in a table cell and as the text
    of a link. Line ends become spaces; what is longer than *width* code points is cut
    before it is escaped, so that no escape is cut in two.
    """
    return _inert(cut(_one_line(text), width))


# An edit says of most items what the last one said: their texts are escaped once.
@lru_cache(maxsize=2048)
def escape_prose(text: str, width: int | None = None) -> str:
    """Return like ``escape_line``, with pairs of single backticks shown as code."""
    # split() with one group returns plain text and code in turns.
    parts = _CODE.split(cut(_one_line(text), width))
    parts[0] = _inert(parts[0])
    parts[1::2] = [code_span(part) for part in parts[1::2]]
    parts[2::2] = [_inert(part, at_start=False) for part in parts[2::2]]
    return "".join(parts)


def escape_blocks(text: str, *, most_lines: int = 80, width: int = 1_000) -> str:
    """Return a longer text of others as Markdown that does nothing.

    Paragraphs, lists, code, and words in bold stay; headings become bold. Each line is
    cut to *width*, the whole to *most_lines*.
    """
    shown: list[str] = []
    lines = _BREAKS.split(_ANSI.sub("", text).strip())
    at = 0
    while at < len(lines):
        if len(shown) >= most_lines:
            shown.append("…")
            break
        opened = _FENCE.match(lines[at])
        if opened is None:
            shown.append(_block_line(lines[at], width))
            at += 1
            continue
        ticks = opened["ticks"]
        end = at + 1
        while end < len(lines) and not _closes(lines[end], ticks):
            end += 1
        code = [cut(line, width) for line in lines[at + 1 : end][:most_lines]]
        info = opened["info"].lower()
        shown.append(fence(code, "text" if info in _DRAWN else info or "text"))
        at = end + 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip("\n")


def suggestion(text: str) -> str:
    """Return the block that offers *text* in place of the lines that a comment is on.

    Empty where it would not be taken over as it is: with what nobody sees in it.
    """
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    if any(_visible(line) != line for line in lines):
        return ""
    body = "".join(f"{line}\n" for line in lines)
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}suggestion\n{body}{ticks}"


def code_span(text: str, width: int | None = None) -> str:
    """Return a text of others as inline code; fits in a table cell too."""
    text = disarm(cut(_one_line(text), width))
    if not text:
        return ""
    if "|" in text:
        # In a cell GitHub cannot write "\|" inside backticks; the element can.
        return f"<code>{_inert(text)}</code>"
    ticks = "`" * (_longest_run(text) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def prose_code(text: str, width: int | None = None) -> str:
    """Return a name of others, to stand as code in what ``escape_prose`` escapes later.

    A backtick in it becomes one that looks the same and ends nothing.
    """
    name = cut(_one_line(text), width).replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}")
    return f"`{name}`" if name else ""


def fence(text: str | Iterable[str], info: str = "text") -> str:
    """Return a fenced block of a text of others, or of its lines; *info* is ours."""
    whole = text if isinstance(text, str) else "\n".join(text)
    lines = [_visible(line) for line in _BREAKS.split(_ANSI.sub("", whole))]
    body = disarm("\n".join(lines))
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}{info}\n{body}\n{ticks}"


def disarm(text: str) -> str:
    """Return words of others so that no other machine takes them for an order.

    Such as ``[skip ci]``, and at the start of a line ``/approve`` and ``Co-authored-by:``.
    """
    return _ORDERS.sub(rf"\g<0>{_JOINER}", text)


def link(text: str, url: str) -> str:
    """Return a link; *text* is Markdown already, *url* may be anyone's."""
    safe = _UNSAFE_IN_URL.sub(_percent, url)
    return f"[{text}]({safe})"


def item_link(
    repository: str,
    number: int,
    is_pull_request: bool = False,  # noqa: FBT001, FBT002 - a fact about the number
    *,
    site: str = GITHUB,
) -> str:
    """Return a link that reads ``#12``."""
    kind = "pull" if is_pull_request else "issues"
    return f"[#{number}]({site}/{repository}/{kind}/{number})"


@dataclass(frozen=True, slots=True)
class Links:
    """Writes links to a repository's items on one GitHub site."""

    repository: str
    site: str = GITHUB

    @classmethod
    def beside(cls, repository: str, url: str) -> "Links":
        """Return links to the site that *url*, a page of *repository*, is on."""
        site, found, _ = url.partition(f"/{repository}/")
        return cls(repository, site if found else GITHUB)

    def item(self, number: int) -> str:
        """Return a link to an issue; GitHub leads on to the pull request."""
        return item_link(self.repository, number, site=self.site)

    def items(self, numbers: Sequence[ItemNumber], most: int = 8) -> str:
        """Return ``#12, #15 and #18`` as links, with the rest as a count."""
        return some([self.item(number) for number in numbers[:most]], len(numbers))

    def reference(self, reference: Reference) -> str:
        """Return a link to an item of any repository on the site."""
        if reference.repository == self.repository:
            return self.item(reference.number)
        return link(escape_line(str(reference)), self.address(reference))

    def address(self, reference: Reference) -> str:
        """Return where an item is read; GitHub leads on to the pull request."""
        return f"{self.site}/{reference.repository}/issues/{reference.number}"


def join(parts: Sequence[str], last: str = "and") -> str:
    """Return ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def some(shown: Sequence[str], total: int) -> str:
    """Return ``a, b and c``, or ``a, b and 4 more`` if there are more than are shown."""
    if total > len(shown):
        return f"{', '.join(shown)} and {total - len(shown)} more"
    return join(shown)


def plural(count: int, one: str, many: str = "") -> str:
    """Return ``1 item`` or ``1,200 items``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def table(head: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown; *align* has a letter of lrc a column."""
    marks = {"l": ":--", "r": "--:", "c": ":---:"}
    lines = [head, [marks[letter] for letter in align], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def details(summary: str, body: str) -> str:
    """Return a folded section; both are Markdown or HTML of our own."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def alert(kind: str, lines: Sequence[str]) -> str:
    """Return a coloured quote, ``NOTE`` or ``WARNING``; several lines become a list."""
    bullet = "- " if len(lines) > 1 else ""
    return "\n".join([f"> [!{kind}]", *(f"> {bullet}{line}" for line in lines)])


def paragraphs(*parts: str) -> str:
    """Return the parts that are not empty, as blocks of their own."""
    return "\n\n".join(part for part in parts if part)


def first_that_fits(bodies: Iterable[str]) -> str:
    """Return the first body that GitHub takes, else the last; the longest come first."""
    body = ""
    for body in bodies:
        if utf16_length(body) <= BODY_LIMIT:
            break
    return body


def _one_line(text: str) -> str:
    spaced = _BREAKS.sub(" ", _ANSI.sub("", text))
    return " ".join(_visible(spaced).split())


def _visible(text: str) -> str:
    """Return without control, bidirectional and other invisible characters."""
    seen = "".join(
        "\ufffd" if category == "Cs" else character
        for character in text
        for category in [unicodedata.category(character)]
        if character in _TEXT_SHAPERS + "\t"
        or (category not in ("Cc", "Cf") and character not in _BLANKS)
    )
    # A joiner that joins nothing can only hide something.
    return _JOINERS.sub(r"\1", seen)


def cut(text: str, width: int | None) -> str:
    """Return at most *width* characters; a text that loses some ends in “…”."""
    if width is None or len(text) <= width:
        return text
    end = max(0, width - 1)
    while end > 0 and _belong_together(text[end - 1], text[end]):
        end -= 1
    return text[:end].rstrip() + "…"


def _belong_together(before: str, after: str) -> bool:
    is_skin_tone = "\U0001f3fb" <= after <= "\U0001f3ff"
    is_mark = unicodedata.category(after).startswith("M")
    return is_mark or is_skin_tone or _ZERO_WIDTH_JOINER in (before, after)


def _inert(text: str, *, at_start: bool = True) -> str:
    text = _LIVE.sub(rf"\g<0>{_JOINER}", disarm(text))
    text = _SPECIAL.sub(r"\\\g<0>", text)
    if at_start:
        text = _BLOCK_START.sub(r"\1\\", text)
    return re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], text)


def _closes(line: str, ticks: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(ticks) and bare == ticks[0] * len(bare)


def _block_line(line: str, width: int) -> str:
    """Return a line of a text of others: a list item stays one, a heading is bold."""
    line = _visible(line)
    if found := _HEADING.match(line):
        inside = cut(found["rest"].replace("*", ""), width)
        return f"**{_inline(inside)}**" if inside.strip() else ""
    if found := _BULLET.match(line):
        indent = "  " * min(3, len(found["indent"].expandtabs(4)) // 2)
        mark = found["mark"] if found["mark"][0].isdigit() else "-"
        return f"{indent}{mark} {_inline(cut(found['rest'].strip(), width))}"
    return _inline(cut(line.strip(), width))


def _inline(text: str) -> str:
    parts = _CODE.split(text)
    parts[1::2] = [code_span(part) for part in parts[1::2]]
    for place in range(0, len(parts), 2):
        words = _BOLD.split(parts[place])
        words[0] = _inert(words[0], at_start=place == 0)
        words[1::2] = [f"**{_inert(word, at_start=False)}**" for word in words[1::2]]
        words[2::2] = [_inert(word, at_start=False) for word in words[2::2]]
        parts[place] = "".join(words)
    whole = "".join(parts)
    return re.sub(r"^/(?=batch\b)", f"/{_JOINER}", whole)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode(errors="replace"))
