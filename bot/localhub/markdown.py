"""Renders comments as GitHub does: its Markdown, its HTML subset, its references."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from secrets import token_hex

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from bot.localhub.flowchart import draw
from bot.localhub.threads import BOX

TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt",
    "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
    "ol", "p", "pre", "q", "s", "samp", "span", "strike", "strong", "sub", "summary",
    "sup", "table", "tbody", "td", "th", "thead", "tr", "tt", "ul", "var",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "details": {"open"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}
ALERTS = {
    "NOTE": "Note",
    "TIP": "Tip",
    "IMPORTANT": "Important",
    "WARNING": "Warning",
    "CAUTION": "Caution",
}
CLASSES = {
    "div": {"alert", *(f"alert-{name.lower()}" for name in ALERTS)},
    "li": {"task"},
    "p": {"alert-title"},
}
ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.IGNORECASE)
REFERENCE = re.compile(
    r"(?P<url>https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]])"
    r"|(?<![\w/#&@\u2060])(?:(?P<repository>[\w.-]+/[\w.-]+))?#(?P<number>\d{1,9})\b"
    r"|(?<![\w/#&@.\u2060])@(?P<login>[A-Za-z\d](?:[A-Za-z\d-]{0,38}))(?![\w/-])"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference leads to: an issue or pull request."""

    number: int
    title: str
    icon: str  # see templates/icons.html
    path: str


@dataclass(frozen=True, slots=True)
class Context:
    """Where a text stands: its repository, what it can refer to, who is there."""

    repository: str
    site: str
    targets: tuple[Target, ...] = ()
    logins: frozenset[str] = frozenset()

    def target(self, repository: str | None, number: int) -> Target | None:
        """Return what ``owner/name#number`` leads to."""
        if (repository or self.repository).lower() != self.repository.lower():
            return None
        return next((t for t in self.targets if t.number == number), None)


@lru_cache(maxsize=512)
def render(text: str, context: Context, *, boxes: bool = False) -> Markup:
    """Return the HTML of a comment; with *boxes* its task boxes can be clicked."""
    return _Rendering(context, boxes=boxes).render(text)


def set_line(body: str, line: int, *, checked: bool) -> str | None:
    """Return the body with the box on a line changed, and the line ends of a browser.

    None if there is no box on that line.
    """
    lines = re.split(r"\r\n|\r|\n", body)
    found = BOX.match(lines[line]) if 0 <= line < len(lines) else None
    if found is None:
        return None
    lines[line] = f"{found[1]}{'x' if checked else ' '}{found[3]}"
    return "\r\n".join(lines)


class _Rendering:
    """One text on its way to HTML.

    What is made here and not allowed to the author (boxes, icons, drawings) goes
    through the cleaner as a word that nobody can guess, and is put in afterwards.
    """

    def __init__(self, context: Context, *, boxes: bool) -> None:
        self._context = context
        self._boxes = boxes
        self._nonce = token_hex(16)
        self._own: list[Markup] = []
        self._parser = MarkdownIt("commonmark", {"breaks": True}).enable(
            ["table", "strikethrough"]
        )
        self._parser.add_render_rule("fence", _fence_rule(self))

    def render(self, text: str) -> Markup:
        tokens = self._parser.parse(text)
        _align_cells(tokens)
        tokens = _make_alerts(tokens)
        self._make_boxes(tokens, re.split(r"\r\n|\r|\n", text))
        self._make_references(tokens)
        html = self._parser.renderer.render(tokens, self._parser.options, {})
        clean = nh3.clean(
            html,
            tags=TAGS,
            attributes=ATTRIBUTES,
            allowed_classes=CLASSES,
            url_schemes={"http", "https", "mailto"},
            link_rel="nofollow noopener",
        )
        return Markup(  # noqa: S704 - the cleaner has seen it
            re.sub(f"x{self._nonce}x(\\d+)x", lambda m: self._own[int(m[1])], clean)
        )

    def _put(self, html: Markup) -> str:
        """Return the word that stands for our own HTML."""
        self._own.append(html)
        return f"x{self._nonce}x{len(self._own) - 1}x"

    def fence(self, token: Token) -> str:
        """Return a block of code; flowcharts are drawn."""
        drawing = draw(token.content) if token.info.strip() == "mermaid" else None
        if drawing is not None:
            return f"<div>{self._put(drawing)}</div>\n"
        return f"<pre><code>{escape(token.content)}</code></pre>\n"

    def _make_boxes(self, tokens: list[Token], lines: list[str]) -> None:
        for index, token in enumerate(tokens):
            if (
                token.type != "inline"
                or not token.map
                or index < 2
                or tokens[index - 2].type != "list_item_open"
                or not token.children
                or not re.match(r"\[[ xX]\]\s", token.content)
                or BOX.match(lines[token.map[0]]) is None
            ):
                continue
            first = token.children[0]
            box = Markup('<input type="checkbox" data-line="{}"{}{}>').format(
                token.map[0],
                Markup("") if first.content[1] == " " else Markup(" checked"),
                Markup("") if self._boxes else Markup(" disabled"),
            )
            first.content = f"{self._put(box)}{first.content[3:]}"
            tokens[index - 2].attrSet("class", "task")

    def _make_references(self, tokens: list[Token]) -> None:
        in_item = 0
        for token in tokens:
            in_item += (token.type == "list_item_open") - (
                token.type == "list_item_close"
            )
            if token.type == "inline" and token.children:
                token.children = list(self._linked(token.children, unfurl=in_item > 0))

    def _linked(self, tokens: list[Token], *, unfurl: bool) -> Iterator[Token]:
        depth = 0
        for token in tokens:
            depth += (token.type == "link_open") - (token.type == "link_close")
            if token.type != "text" or depth:
                yield token
                continue
            end = 0
            for match in REFERENCE.finditer(token.content):
                link = self._link(match, unfurl=unfurl)
                if link is None:
                    continue
                yield _text(token.content[end : match.start()])
                yield _text(self._put(link))
                end = match.end()
            yield _text(token.content[end:])

    def _link(self, match: re.Match[str], *, unfurl: bool) -> Markup | None:
        if match["login"]:
            known = match["login"].lower() in self._context.logins
            return (
                Markup("<strong>@{}</strong>").format(match["login"]) if known else None
            )
        if match["url"]:
            target = self._target_of_url(match["url"])
            text = f"#{target.number}" if target else match["url"]
        else:
            target = self._context.target(match["repository"], int(match["number"]))
            text = match[0]
        if target is None:
            return (
                Markup('<a href="{0}" rel="nofollow noopener">{0}</a>').format(text)
                if match["url"]
                else None
            )
        if unfurl:
            return unfurled(target)
        return Markup('<a href="{}" title="{}">{}</a>').format(
            target.path, target.title, text
        )

    def _target_of_url(self, url: str) -> Target | None:
        if not url.startswith(self._context.site + "/"):
            return None
        path = url.removeprefix(self._context.site)
        return next((t for t in self._context.targets if t.path == path), None)


def _fence_rule(rendering: _Rendering) -> Callable[..., str]:
    """Return the renderer's rule for fences: it is bound to the renderer."""

    def rule(
        _renderer: RendererHTML,
        tokens: Sequence[Token],
        index: int,
        _options: OptionsDict,
        _environment: Mapping[str, object],
    ) -> str:
        return rendering.fence(tokens[index])

    return rule


def unfurled(target: Target) -> Markup:
    """Return a reference with state and title, as it stands in lists."""
    return Markup(
        '<a class="unfurled" href="{}">{}<b>{}</b> <span>#{}</span></a>'
    ).format(target.path, icon(target.icon), target.title, target.number)


def icon(name: str) -> Markup:
    """Return one of the icons that the page defines."""
    return Markup(
        '<svg class="icon {0}" role="img" aria-label="{1}"><use href="#{0}"/></svg>'
    ).format(name, name.replace("-", " "))


def _align_cells(tokens: list[Token]) -> None:
    """Say with ``align`` what the parser says with ``style``, which is not allowed."""
    for token in tokens:
        style = str(token.attrs.pop("style", ""))
        if style.startswith("text-align:"):
            token.attrSet("align", style.removeprefix("text-align:"))


def _make_alerts(tokens: list[Token]) -> list[Token]:
    """Turn quotes that begin with ``[!NOTE]`` and the like into alerts."""
    result: list[Token] = []
    closing: list[bool] = []
    for index, token in enumerate(tokens):
        if token.type == "blockquote_open":
            kind = _alert_kind(tokens, index)
            closing.append(kind is not None)
            if kind is not None:
                result.append(_html(f'<div class="alert alert-{kind.lower()}">'))
                result.append(_html(f'<p class="alert-title">{ALERTS[kind]}</p>'))
                continue
        elif token.type == "blockquote_close" and closing.pop():
            result.append(_html("</div>"))
            continue
        result.append(token)
    return result


def _alert_kind(tokens: list[Token], index: int) -> str | None:
    inline = tokens[index + 2] if index + 2 < len(tokens) else None
    if inline is None or inline.type != "inline" or not inline.children:
        return None
    first = inline.children[0]
    match = ALERT.fullmatch(first.content)
    if match is None:
        return None
    rest = inline.children[1:]
    if rest and rest[0].type in ("softbreak", "hardbreak"):
        rest = rest[1:]
    inline.children = rest
    return match[1].upper()


def _html(content: str) -> Token:
    return Token("html_block", "", 0, content=content)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
