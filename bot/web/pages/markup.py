"""The sentences of comments as HTML.

They are Markdown in which the words of others are escaped. Nothing in it is taken for
HTML here but the ``<code>`` that the bot writes itself, and no link leads anywhere but
to a page.
"""

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

_JOINER = "\u2060"  # it keeps GitHub from reading a mention; here nobody reads any
_CODE = re.compile(r"<code>([^<]*)</code>")
_ALERT = re.compile(r"^> \[!(NOTE|WARNING)\]$\n?", re.MULTILINE)
_PAGE = re.compile(r"https?://", re.IGNORECASE)


def _code_element(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - theirs
    found = _CODE.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("code_open", "code", 1)
        inside: list[Token] = []
        state.md.inline.parse(found[1], state.md, state.env, inside)
        state.tokens.extend(inside)
        state.push("code_close", "code", -1)
    state.pos = found.end()
    return True


def _reader() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}, renderer_cls=RendererHTML)
    made.disable(["image", "autolink"])
    made.inline.ruler.before("text", "code_element", _code_element)
    made.validateLink = lambda url: bool(_PAGE.match(url))  # type: ignore[method-assign]
    return made


_READER = _reader()


@lru_cache(maxsize=16_384)
def inline(markdown: str) -> Markup:
    """Return one line."""
    html = _READER.renderInline(markdown).replace(_JOINER, "")
    return Markup(html)  # noqa: S704 - the renderer has escaped it


@lru_cache(maxsize=256)
def blocks(markdown: str) -> Markup:
    """Return paragraphs, lists and quotes."""
    html = _READER.render(_ALERT.sub("", markdown)).replace(_JOINER, "")
    return Markup(html)  # noqa: S704 - the renderer has escaped it
