"""Where the commands of a comment are: lines of its top-level paragraphs."""

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache

from markdown_it.token import Token

from bot.core.command.prose import (
    block_tokens,
    inline_tokens,
    normal_lines,
    without_html_comments,
)
from bot.core.command.words import GHOSTS

_BEFORE = rf"[ \t\u00a0{GHOSTS}]*+"  # what nobody sees in front of a command
_COMMAND = re.compile(
    rf"^{_BEFORE}(/batch(?=[\s{GHOSTS}]|\Z)[^\n]*+)", re.IGNORECASE | re.MULTILINE
)
# A line that starts with a letter is text, and continues the text of the line before
# it if that starts with a letter too: without marks that could end anything, it says
# nothing about the structure of the page.
_TEXT_LINE = r"[^\W\d_][^`<>\[\]()'\"\\\n]*+\n"
_TEXT_RUN = re.compile(rf"^({_TEXT_LINE})(?:{_TEXT_LINE})+", re.MULTILINE)

_BLANK_LINE = re.compile(r"\n[ \t]*+(?:\n|\Z)")
_LIST_BELOW = re.compile(r"\n[ \t]{0,3}(?:[-*+]|\d{1,9}[.)])[ \t]")
_LIST_END = re.compile(r"\n[ \t]*+\n(?![ \t\n]|[-*+][ \t]|\d{1,9}[.)][ \t])")
_TASK = re.compile(r"\A\[ \]\s+")
_ITEM = re.compile(
    r"<?(?:\#?\d|GH-\d|https?://|[\w.-]+/[\w.-]+\#\d|this\s*\Z)", re.IGNORECASE
)
_PROMPT = [["cancel"], ["pause"], ["skip"], ["status"], ["why"]]
_MOST_LISTED = 500
_COVER = re.compile(
    r"<(/?)(?:details|blockquote|pre|code|del|s|strike|ul|ol|table)(?=[\s/>])",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(r"^ {0,3}\[\^[^\]\s]+\]:", re.MULTILINE)
_NOTE = "\ue002"
_PLACE = re.compile(r"\ue000(\d+)\ue001")
_MOST_MARKS = 2000
"""How many marks of links and HTML one paragraph is taken apart for."""


def may_hold_command(comment: str) -> bool:
    """Return whether a line begins like a command; cheap, however long the comment is."""
    return _COMMAND.search(normal_lines(comment)) is not None


def is_prompt(comment: str) -> bool:
    """Return whether all commands of a comment stop something or ask how it stands.

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
    text = _TEXT_RUN.sub(r"\1", text[: blank.start()] if blank else text)
    depth = 0  # of open <details>: a blank line ends an HTML block, not the element
    is_paragraph = False
    # The parser would take a footnote for the address of a link.
    tokens = block_tokens(_FOOTNOTE.sub(_NOTE, text.replace(_NOTE, " ")))
    for at, token in enumerate(tokens):
        if token.type == "html_block" and token.level == 0:
            depth = _covered(depth, without_html_comments(token.content))
        elif token.type == "inline" and is_paragraph:
            lines, depth = _in_paragraph(token.content, depth)
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


def _in_paragraph(content: str, depth: int) -> tuple[list[str], int]:
    """Return the commands that a paragraph shows as text, and what covers what follows.

    What it holds and does not show is no command: code, attributes, where links lead
    and how they are titled, what stands for an image, footnotes.
    """
    content = content.partition(_NOTE)[0]
    commands = [found[1].strip() for found in _COMMAND.finditer(content)]
    if not commands and "<" not in content:
        return [], depth
    if sum(map(content.count, "[<")) > _MOST_MARKS:
        return [], depth  # nobody writes so, and to take it apart takes long
    places = itertools.count()
    marked = _COMMAND.sub(
        lambda found: f"\ue000{next(places)}\ue001{found[1][len('/batch') :]}",
        content.replace("\ue000", " "),
    )
    found: list[str] = []
    for token in inline_tokens(marked):
        if token.type == "html_inline":
            depth = _covered(depth, token.content)
        elif token.type == "text" and not depth:
            found += [commands[int(at)] for at in _PLACE.findall(token.content)]
    return found, depth


def _covered(depth: int, html: str) -> int:
    for tag in _COVER.finditer(html):
        depth = max(0, depth - 1) if tag[1] else depth + 1
    return depth
