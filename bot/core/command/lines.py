"""Where the commands of a comment are: lines of its top-level paragraphs."""

import re

from bot.core.command.prose import (
    block_tokens,
    normal_lines,
    veil,
    without_html_comments,
)

_COMMAND = re.compile(r"^[ \t]*+/batch(?=\s|\Z)[^\n]*+", re.IGNORECASE | re.MULTILINE)
# A line that starts with a letter is text, and continues the text of the line before
# it if that starts with a letter too: without marks that could end anything, it says
# nothing about the structure of the page.
_TEXT_LINE = r"[^\W\d_][^`<>\[\]()'\"\\\n]*+\n"
_TEXT_RUN = re.compile(rf"^({_TEXT_LINE})(?:{_TEXT_LINE})+", re.MULTILINE)

_BLANK_LINE = re.compile(r"\n[ \t]*+(?:\n|\Z)")
_COVER = re.compile(r"<(/?)(?:details|blockquote)(?=[\s/>])", re.IGNORECASE)


def find_command_lines(comment: str) -> tuple[str, ...]:
    """Return the lines of a comment that are commands, from ``/batch`` on.

    A command stands in a paragraph of its own level: what is code, quoted, part of a
    list, an HTML block or inside ``<details>`` is not meant for the bot.
    """
    text = normal_lines(comment)
    candidates = list(_COMMAND.finditer(text))
    if not candidates:
        return ()
    # A paragraph ends at a blank line, so what follows decides nothing.
    blank = _BLANK_LINE.search(text, candidates[-1].end())
    found: list[str] = []
    text = _TEXT_RUN.sub(r"\1", text[: blank.start()] if blank else text)
    depth = 0  # of open <details>: a blank line ends an HTML block, not the element
    is_paragraph = False
    for token in block_tokens(text):
        if token.type == "html_block" and token.level == 0:
            depth = _covered(depth, without_html_comments(token.content))
        elif token.type == "inline" and is_paragraph:
            lines, depth = _in_paragraph(token.content, depth)
            found += lines
        is_paragraph = token.type == "paragraph_open" and token.level == 0
    return tuple(found)


def _in_paragraph(content: str, depth: int) -> tuple[list[str], int]:
    veiled = veil(content)
    found: list[str] = []
    tags = list(reversed(veiled.tags))
    for command in _COMMAND.finditer(veiled.text):
        while tags and tags[-1][0] < command.start():
            depth = _covered(depth, tags.pop()[1])
        if not depth:
            found.append(content[command.start() : command.end()].strip())
    while tags:
        depth = _covered(depth, tags.pop()[1])
    return found, depth


def _covered(depth: int, html: str) -> int:
    for tag in _COVER.finditer(html):
        depth = max(0, depth - 1) if tag[1] else depth + 1
    return depth
