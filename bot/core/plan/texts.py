"""What the text of an issue or pull request says about other items.

Only what says so plainly counts: not what is struck out, denied, asked, said of another
item, or on another server. What looks like a dependency all the same is told apart, so
that the plan can name it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from bot.core.command.prose import block_tokens, veil
from bot.core.model import Reference
from bot.core.world.references import REFERENCE, host_in, references_in

_LINKED = re.sub(r"\(\?P<\w+>", "(?:", REFERENCE)
_KIND = r"(?:(?:PRs?|pull\ requests?|issues?|items?)(?:\s{1,3}|(?=\#)))?"
_AND = r"(?:and\s(?:(?:also\s)?(?:on|by)\s)?)"
_LIST = rf"{_KIND}{_LINKED}(?:\s{{0,9}}(?:[,;+&/|]|\band\b)?\s{{0,9}}{_AND}?{_KIND}{_LINKED})*"
_SAYS = re.compile(
    r"(?<![\w-])(?:depend(?:s|ing|ent)?[\s-]{1,9}(?:up)?on|blocked[\s-]{1,9}(?:by|on))(?![\w-])",
    re.IGNORECASE,
)
_NEEDS = (
    r"(?:needs|requires|wait(?:s|ing)?[\s-]{1,9}(?:for|on)|builds[\s-]{1,9}(?:up)?on)"
)
_MAY_SAY = re.compile(rf"(?<![\w-])(?:{_NEEDS}|after)(?![\w-])", re.IGNORECASE)
"""Words that mean much else too: they say so on a line, or above a list, of their own."""

_HEADS = re.compile(r"(?<![\w-])(?:dependencies|prerequisites|blockers)(?![\w-])", re.I)
_HEDGED = (
    r"(?:and|or|also|maybe|perhaps|possibly|probably|likely|ideally|later|even|on|by)"
)
_MORE = re.compile(
    rf"(?:\s{{1,9}}(?:to|through)\s{{1,9}}|\s?(?:\.{{2,3}}|[-\u2013\u2014\u2026])\s?"
    rf"|\s?\(\s?|[\s,;(]{{1,4}}(?:{_HEDGED}[\s,]{{1,3}}){{1,5}}){_KIND}{_LINKED}",
    re.IGNORECASE | re.VERBOSE,
)
"""What stands behind a list and is more than it: an alternative, a range, a maybe, an aside."""
_REFERENCES = re.compile(
    rf"\s{{0,9}}:?\s{{0,9}}(?P<references>{_LIST})", re.IGNORECASE | re.VERBOSE
)
_TITLE = re.compile(
    rf"\s*(?:{_SAYS.pattern}|{_HEADS.pattern}|{_NEEDS})\s*:?\s*\Z", re.IGNORECASE
)
_OWN_LINE = re.compile(
    rf"(?:\[[ ]\]\s{{1,9}})?(?:{_NEEDS}\s{{0,9}}:?|after)\s{{1,9}}(?P<references>{_LIST})\s{{0,9}}[.!;]?",
    re.IGNORECASE | re.VERBOSE,
)
_ENTRY = re.compile(rf"\s*<?(?P<references>{_LIST})", re.IGNORECASE | re.VERBOSE)
_OPEN_TASK = re.compile(r"\[[ ]\]\s{1,9}")
_BOX = re.compile(r"\[[ xX]\]\s{1,9}")
_NAMES_SOMETHING = re.compile(r"[^.!?\n]{0,40}?(?:\#\d|\d|://|\0)")

_STRUCK = re.compile(
    r"~~.{1,2000}?~~|<(del|s)>.{0,2000}?</\1>", re.DOTALL | re.IGNORECASE
)
_LINK = re.compile(
    r"!?\[([^\[\]]{0,200}+)\]\(\s{0,9}+<?([^)\s<>]{1,500}+)>?[^)\n]{0,200}+\)"
)
_ADDRESS = re.compile(r"<(https?://[^\s<>]{1,500}+)>", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*+|(?<!\w)_+|_+(?!\w)")
_DENIED = re.compile(
    r"\b(?:not|no|never|nothing|nobody|none|neither|nor|hardly|without|un)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_DOUBTED = re.compile(
    r"\b(?:if|whether|unless|could|might|was|were|used to|formerly|previously|once)\b",
    re.IGNORECASE,
)
_OURS = re.compile(
    r"\b(?:this|these|here|it|we|i|changes?|and|also|should|must|will|would|to)\b",
    re.IGNORECASE,
)
_ONE = re.compile(REFERENCE, re.IGNORECASE | re.VERBOSE)
_CLAUSE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says: items, and how many places could not be read."""

    references: tuple[Reference, ...] = ()
    unread: int = 0


def dependencies_in(body: str, repository: str, *, url: str = "") -> Said:
    """Return the items that *body* says it depends on or is blocked by, in order.

    *url* is the item's own: what is on another server is none of its dependencies.
    Code, quotes and HTML comments are not read.
    """
    if not any(one.search(body) for one in (_SAYS, _HEADS, _MAY_SAY)):
        return Said()
    host = host_in(url)
    own = set(references_in(url, repository))
    found: list[Reference] = []
    unread = 0
    for text in _texts(block_tokens(body)):
        if text.is_below_title:
            if listed := _ENTRY.match(text.words):
                found += references_in(listed["references"], repository, host=host)
            continue
        for said in _SAYS.finditer(text.words):
            before = _clause_before(text.words, said)
            if not _is_meant(text.words, said, before, repository, own):
                continue
            listed = _REFERENCES.match(text.words, said.end())
            if listed and _is_doubtful(said[0], before):
                unread += 1
            elif listed:
                found += references_in(listed["references"], repository, host=host)
                unread += _MORE.match(text.words, listed.end()) is not None
            elif _NAMES_SOMETHING.match(text.words, said.end()):
                unread += 1
        for line in text.words.split("\n"):
            if listed := _OWN_LINE.fullmatch(line.strip()):
                found += references_in(listed["references"], repository, host=host)
                continue
            for said in _MAY_SAY.finditer(line):
                before = _clause_before(line, said)
                is_meant = _is_meant(line, said, before, repository, own)
                unread += is_meant and _REFERENCES.match(line, said.end()) is not None
    return Said(tuple(dict.fromkeys(found)), unread)


def open_tasks_in(body: str, repository: str, *, url: str = "") -> Said:
    """Return the items that lead the unticked entries of the task lists in *body*."""
    if "[ ]" not in body:
        return Said()
    host = host_in(url)
    found: list[Reference] = []
    unread = 0
    tokens = block_tokens(body)
    quotes = 0
    for at, token in enumerate(tokens):
        if token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        if quotes:
            continue
        is_entry = token.type == "inline" and tokens[at - 2].type == "list_item_open"
        box = _OPEN_TASK.match(token.content) if is_entry else None
        if box is None:
            continue
        words = _plain(token.content[box.end() :])
        listed = _ENTRY.match(words)
        named = listed and list(
            references_in(listed["references"], repository, host=host)
        )
        if named:
            found += named
        elif words.strip():
            unread += 1
    return Said(tuple(dict.fromkeys(found)), unread)


def _clause_before(text: str, said: re.Match[str]) -> str:
    start = max(0, said.start() - _CLAUSE_LENGTH)
    return re.split(r"[.!?;:,(\n]", text[start : said.start()])[-1]


def _is_doubtful(verb: str, before: str) -> bool:
    """Return whether a statement may be about other times or about other things: those
    that "depend" are several, and an item is one.
    """
    is_plural = re.match(r"depend\s", verb, re.IGNORECASE) is not None
    is_others = is_plural and before.strip() != "" and not _OURS.search(before)
    is_asked = re.match(r"\s*(?:does|do|did)\b", before, re.IGNORECASE) is not None
    return is_others or is_asked or _DOUBTED.search(before) is not None


def _is_meant(
    text: str,
    said: re.Match[str],
    before: str,
    repository: str,
    own: set[Reference],
) -> bool:
    """Return whether a dependency is stated, of the item itself."""
    if _DENIED.search(before):
        return False
    others = set(references_in(before, repository)) - own
    if others:
        return False
    behind = re.split(
        r"(?<=[!?])(?=\s|\Z)|[.\n](?=\s|\Z)",
        text[said.end() : said.end() + _CLAUSE_LENGTH],
    )[0]
    return not behind.rstrip().endswith("?")


@dataclass(frozen=True, slots=True)
class _Text:
    words: str
    is_below_title: bool = False  # an entry of a list headed "Depends on"


def _texts(tokens: Sequence[Token]) -> Iterator[_Text]:
    quotes = 0
    title = ""  # the kind of block that says "Depends on" and nothing else
    for at, token in enumerate(tokens):
        if token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "heading_open":
            title = ""
        elif token.type == "inline" and not quotes:
            words = _plain(token.content)
            kind = tokens[at - 1].type
            is_entry = tokens[at - 2].type == "list_item_open"
            if _TITLE.match(words):
                title = kind
            elif title and is_entry:
                if not re.match(r"\[[xX]\]", words):
                    yield _Text(_BOX.sub("", words, count=1), is_below_title=True)
            elif title == "heading_open" and _ENTRY.match(words):
                yield _Text(words, is_below_title=True)
            else:
                title = title if title == "heading_open" else ""
                yield _Text(words)


def _plain(content: str) -> str:
    """Return inline Markdown as words: without code, HTML, emphasis and what is struck;
    of a link its address, or its words if only they name an item.
    """
    text = veil(_ADDRESS.sub(r"\1", _STRUCK.sub(" ", content))).text
    return _EMPHASIS.sub("", _LINK.sub(_target, text))


def _target(link: re.Match[str]) -> str:
    """Return what a link is to: an address that is whole says more than its words."""
    if link[0].startswith("!"):
        return ""
    is_whole = "://" in link[2] or link[2].startswith("//")
    return link[1] if not is_whole and _ONE.match(link[1].strip("*_ ")) else link[2]
