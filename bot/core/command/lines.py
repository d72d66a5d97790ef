"""Where the commands of a comment are: lines of its top-level paragraphs."""

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache

from markdown_it.token import Token

from bot.core.command.cover import Elements, spans
from bot.core.command.prose import (
    Addresses,
    addresses_in,
    block_tokens,
    inline_tokens,
    names_of,
    normal_lines,
    veil,
    without_html_comments,
)
from bot.core.command.tokens import GHOSTS

_BEFORE = rf"[ \t\u00a0{GHOSTS}]*+"  # what nobody sees in front of a command
_COMMAND = re.compile(
    rf"^{_BEFORE}(/batch(?=[\s{GHOSTS}]|\Z)[^\n]*+)", re.IGNORECASE | re.MULTILINE
)
# A line that starts with a letter is text, and continues the text of the line before
# it if that starts with a letter too: without marks that could end anything, it says
# nothing about the structure of the page.
_TEXT_LINE = r"[^\W\d_][^`<>\[\]()'\"\\$~|\n]*+\n"
_TEXT_RUN = re.compile(rf"^({_TEXT_LINE})(?:{_TEXT_LINE})+", re.MULTILINE)

_BLANK_LINE = re.compile(r"\n[ \t]*+(?:\n|\Z)")
_LIST_BELOW = re.compile(r"\n[ \t]{0,3}(?:[-*+]|\d{1,9}[.)])[ \t]")
_LIST_END = re.compile(r"\n[ \t]*+\n(?![ \t\n]|[-*+][ \t]|\d{1,9}[.)][ \t])")
_TASK = re.compile(r"\A\[ \]\s+")
_ITEM = re.compile(
    r"<?(?:\#?\d|GH-\d|https?://|[\w.-]+/[\w.-]+\#\d|this\s*\Z)", re.IGNORECASE
)
_PROMPT = [
    [x] for x in ("cancel", "pause", "skip", "priority", "concurrency", "status", "why")
]
_MOST_LISTED = 500
_FOOTNOTE = re.compile(r"^ {0,3}\[\^[^\]\s]+\]:", re.MULTILINE)
_NOTE = "\ue002"
_PLACE = re.compile(r"\ue000(\d+)\ue001")
_MOST_MARKS = 2000
"""How many marks of links and HTML one paragraph is taken apart for."""


def may_hold_command(comment: str) -> bool:
    """Return whether a line begins like a command; cheap, however long the comment is."""
    return _COMMAND.search(normal_lines(comment)) is not None


def is_prompt(comment: str) -> bool:
    """Return whether all commands of a comment stop or reorder what runs, or ask how it
    stands.

    Those wait for no other command. What is misspelt is none of them.
    """
    lines = find_command_lines(comment)
    return bool(lines) and all(
        line.split()[1:2] in _PROMPT for line in map(str.lower, lines)
    )


@lru_cache(maxsize=16)  # a comment that is dealt with is asked for its lines again
def find_command_lines(comment: str) -> tuple[str, ...]:
    """Return the lines of a comment that are commands, from ``/batch`` on.

    A command stands in a paragraph of its own level: what is code, quoted, part of a
    list, an HTML block or inside ``<details>`` is not meant for the bot. Items in a list
    right below a command belong to it.
    """
    text = normal_lines(comment)
    if not may_hold_command(text):
        return ()
    candidates = list(_COMMAND.finditer(text))
    # A paragraph ends at a blank line, so what follows decides nothing; a list goes on.
    end = candidates[-1].end()
    has_list = _LIST_BELOW.match(text, end) is not None
    blank = (_LIST_END if has_list else _BLANK_LINE).search(text, end)
    found: list[str] = []
    addresses = addresses_in(text)
    text = _TEXT_RUN.sub(r"\1", text[: blank.start()] if blank else text)
    cover = Elements()  # a blank line ends an HTML block, not the element
    is_paragraph = False
    # The parser would take a footnote for the address of a link.
    tokens = block_tokens(_FOOTNOTE.sub(_NOTE, text.replace(_NOTE, " ")))
    for at, token in enumerate(tokens):
        if token.type == "html_block" and token.level == 0:
            cover.read(without_html_comments(token.content))
        elif token.type == "inline" and is_paragraph:
            cover.next_block()
            lines = _in_paragraph(token.content, cover, addresses)
            if lines and token.content.rstrip().endswith(lines[-1]):
                lines[-1] += _listed_items(tokens, at + 2)
            found += lines
        is_paragraph = token.type == "paragraph_open" and token.level == 0
    return tuple(found)


def addressed_lines(comment: str, login: str) -> tuple[str, ...]:
    """Return the lines that begin with the bot's name, with ``/batch`` in its place."""
    name = re.escape(login.removesuffix("[bot]"))
    if f"@{login.removesuffix('[bot]')}".casefold() not in comment.casefold():
        return ()
    mention = re.compile(
        rf"^{_BEFORE}@{name}(?:\[bot\])?(?=[\s,:;.!?]|\Z)[,:;.!?]*",
        re.IGNORECASE | re.MULTILINE,
    )
    return find_command_lines(mention.sub("/batch", normal_lines(comment)))


def _listed_items(tokens: Sequence[Token], start: int) -> str:
    """Return the words of the list that begins at *start*, if it is one of items."""
    if start >= len(tokens) or tokens[start].type not in _LISTS:
        return ""
    entries: list[str] = []
    for token in tokens[start:]:
        if token.type in _LIST_ENDS and token.level == tokens[start].level:
            break
        if token.type == "inline" and len(entries) < _MOST_LISTED:
            entry = _TASK.sub("", token.content.lstrip())
            entries.append(" ".join(entry.split()))
    is_meant = any(_ITEM.match(entry) for entry in entries)
    return f" {' '.join(entries)}" if is_meant else ""


_LISTS = ("bullet_list_open", "ordered_list_open")
_LIST_ENDS = ("bullet_list_close", "ordered_list_close")


def _in_paragraph(content: str, cover: Elements, addresses: Addresses) -> list[str]:
    """Return the commands that a paragraph shows as text; *cover* goes on behind it.

    What it holds and does not show so is no command: code, attributes, links with their
    titles and addresses, what stands for an image, footnotes, formulas, tables.
    """
    content = content.partition(_NOTE)[0]
    hits = list(_COMMAND.finditer(content))
    if not hits and "<" not in content:
        return []
    if sum(map(content.count, "[<")) > _MOST_MARKS:
        return []  # nobody writes so, and to take it apart takes long
    hidden = list(spans(veil(content).text)) if hits else []
    commands = [
        ""
        if any(start <= hit.start(1) < end for start, end in hidden)
        else without_html_comments(hit[1])
        for hit in hits
    ]
    places = itertools.count()
    marked = _COMMAND.sub(
        lambda found: f"\ue000{next(places)}\ue001{found[1][len('/batch') :]}",
        content.replace("\ue000", " "),
    )
    if any("/batch" in name.casefold() for name in names_of(addresses)):
        # Part of the name of a link: marked, it would be another one.
        tokens = inline_tokens(content, addresses)
        shown = "".join(one.content or "\n" for one in tokens if not one.level)
        commands = [one if one.strip() in shown else "" for one in commands]
    found: list[str] = []
    for token in inline_tokens(marked, addresses):
        if token.type == "html_inline":
            cover.read(token.content)
        elif token.type == "text" and not cover and not token.level:
            found += [commands[int(at)] for at in _PLACE.findall(token.content)]
    return [command.strip() for command in found if command]
