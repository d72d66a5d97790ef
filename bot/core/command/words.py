"""A command line as words: cut apart, each understood by itself, faults noted.

A fault may know the edits that mend it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.command.faults import Fault
from bot.core.command.limits import Limits
from bot.core.command.syntax import (
    NUMERIC,
    Filter,
    ItemName,
    Number,
    Qualified,
    Range,
    Selector,
    Span,
    SubIssues,
    Tasks,
    This,
)
from bot.core.command.vocabulary import COLLECTIONS, FILTERS
from bot.core.model import ItemNumber
from bot.core.world.references import MAX_DIGITS, qualified_reference

_QUOTED = r'"(?:\\(?:.|\Z)|[^"\\])*+(?:"|\Z)|\u201c[^\u201d]*+(?:\u201d|\Z)'
_TOKEN = re.compile(
    rf"""
    (?P<gap>[\s,]++)
    | (?P<mark>[()\[\]])
    | (?P<after>after:[^\s()\[\]"]*+)  # its commas belong to it
    | (?P<word>(?:{_QUOTED}|[^\s,()\[\]"\u201c])++)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WHOLE_QUOTED = re.compile(rf"(?:{_QUOTED})\Z", re.DOTALL)
KEYED = re.compile(r"(?P<key>[A-Za-z][\w-]*):(?P<value>.*)", re.DOTALL)
_GITHUB_NUMBER = re.compile(rf"GH-([1-9][0-9]{{0,{MAX_DIGITS - 1}}})\Z", re.IGNORECASE)
_LOOKALIKES = str.maketrans("lIOo", "1100")

ITEM_HELP = "use a number, a range like 12..18, review:63 or a link"


@dataclass(frozen=True, slots=True)
class Edit:
    """A text to be written in the place of what is there."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault with the edits that mend it; None if nobody can say."""

    fault: Fault
    edits: tuple[Edit, ...] | None


def mended(line: str, flaws: Sequence[Flaw]) -> str:
    """Return the line with all edits made, or nothing if a flaw has none."""
    edits: list[Edit] = []
    for flaw in flaws:
        if flaw.edits is None:
            return ""
        edits.extend(flaw.edits)
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.span.column):
        if edit.span.column < at:
            return ""
        parts += (line[at : edit.span.column], edit.text)
        at = edit.span.column + edit.span.length
    parts.append(line[at:])
    return re.sub(r"[ \t]{2,}", " ", "".join(parts)).strip()


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a mark, or a list of references behind ``after:``."""

    text: str
    column: int
    is_mark: bool = False

    @property
    def folded(self) -> str:
        """Return the word as it is compared."""
        return self.text.casefold()

    @property
    def end(self) -> int:
        """Return the column behind it."""
        return self.column + len(self.text)

    @property
    def span(self) -> Span:
        """Return its place."""
        return Span(self.column, len(self.text))

    def part(self, start: int) -> "Token":
        """Return what stands from *start* on."""
        return Token(self.text[start:], self.column + start)


def split_words(line: str, start: int) -> list[Token]:
    """Return the words and marks from *start* on."""
    found: list[Token] = []
    at = start
    while at < len(line):
        token = _TOKEN.match(line, at)
        # Every character fits one of the alternatives, so one always matches.
        assert token is not None
        at = token.end()
        if token.lastgroup != "gap":
            found.append(
                Token(token[0], token.start(), is_mark=token.lastgroup == "mark")
            )
    return found


class Words:
    """The words of one line, read from left to right."""

    def __init__(self, line: str, start: int, limits: Limits) -> None:
        self.flaws: list[Flaw] = []
        self.line = line
        self.limits = limits
        self.tokens = split_words(line, start)
        self.at = 0  # the index of the next word

    @property
    def end(self) -> int:
        """Return the column behind the last word."""
        return self.tokens[-1].end if self.tokens else len(self.line)

    @property
    def following(self) -> Token | None:
        """Return the next word or mark, if there is one."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def flaw(self, span: Span, message: str, *, fix: str | None) -> None:
        """Note a fault that writing *fix* in its place would mend."""
        edits = None if fix is None else (Edit(span, fix),)
        self.flaw_with(span, message, edits)

    def flaw_with(
        self, span: Span, message: str, edits: tuple[Edit, ...] | None
    ) -> None:
        """Note a fault that *edits* would mend; None if nobody can say what was meant."""
        fault = Fault(span.column, max(1, span.length), message)
        self.flaws.append(Flaw(fault, edits))

    def value_missing(self, token: Token, key: str) -> None:
        """Note a key with nothing behind it, or with a space before its value."""
        following = self.following
        if following is None or following.is_mark:
            self.flaw(token.span, f"value missing behind {key}:", fix=None)
            return
        self.at += 1
        span = Span(token.column, following.end - token.column)
        joined = f"{key}:{following.text}"
        self.flaw(span, f"value missing: write {joined} without the space", fix=joined)

    def item_name(self, token: Token) -> ItemName | None:
        """Return the one item that *token* names, or note why it names none."""
        match self.selector(token):
            case Number() | This() | Qualified() as name:
                return name
            case Range() as numbers:
                listed = ",".join(map(str, numbers.numbers))
                fix = listed if len(numbers.numbers) <= 20 else None
                hint = f": {fix}" if fix else ""
                message = f"write each item, with commas{hint}"
                self.flaw(token.span, message, fix=fix)
            case Filter() | SubIssues() | Tasks():
                message = "one item is needed here: a number or a link"
                self.flaw(token.span, message, fix=None)
            case None:
                pass
        return None

    def selector(self, token: Token) -> Selector | None:
        """Return the selector that *token* is, or note why it is none."""
        text = token.text
        if token.folded == "this":
            return This(token.span)
        if NUMERIC.match(text):
            return self.numeric(token)
        if found := _GITHUB_NUMBER.match(text):
            return Number(ItemNumber(int(found[1])), token.span)
        if reference := qualified_reference(text):
            return Qualified(reference, token.span)
        if "://" in text:
            message = "not the address of an issue or pull request"
            self.flaw(token.span, message, fix=None)
            return None
        if found := KEYED.match(text):
            key = found["key"].casefold()
            rest = token.part(found.start("value"))
            if key in (*FILTERS, *COLLECTIONS) and not rest.text:
                self.value_missing(token, key)
                return None
            if key in FILTERS:
                return self._filter(token, key, rest)
            if key in COLLECTIONS:
                parent = self.item_name(rest)
                kind = SubIssues if key == "sub-issues" else Tasks
                return kind(parent, token.span) if parent else None
        self.flaw(token.span, f"not an item: {ITEM_HELP}", fix=meant_number(text))
        return None

    def _filter(self, token: Token, key: str, rest: Token) -> Filter | None:
        value = self.unquoted(rest)
        if value is None:
            return None
        if key in ("author", "assignee"):
            value = value.removeprefix("@")
        if not value.strip():
            self.flaw(token.span, f"value missing behind {key}:", fix=None)
            return None
        return Filter(key, value, token.span)

    def numeric(self, token: Token) -> Number | Range | None:
        """Return what a number or range means, or note why it means nothing."""
        found = NUMERIC.match(token.text)
        assert found is not None
        ends = (
            [found["first"]]
            if found["last"] is None
            else [found["first"], found["last"]]
        )
        if any(len(end.lstrip("0")) > MAX_DIGITS for end in ends):
            self.flaw(token.span, "no item has a number as long as that", fix=None)
            return None
        numbers = [ItemNumber(int(end)) for end in ends]
        if not all(numbers):
            self.flaw(token.span, "there is no item 0", fix=None)
            return None
        if len(numbers) == 1:
            return Number(numbers[0], token.span)
        first, last = sorted(numbers)
        count = last - first + 1
        if count > self.limits.items:
            message = f"{count} items, and the limit is {self.limits.items} a command"
            self.flaw(token.span, message, fix=None)
            return None
        return Range(first, last, numbers[0] > numbers[1], token.span)

    def unquoted(self, token: Token) -> str | None:
        """Return a value without its quotes, or note what is wrong with them."""
        text = token.text
        opening = text[:1]
        if opening not in ('"', "\u201c"):
            if '"' in text or "\u201c" in text:
                message = "quotes go around the whole value"
                bare = re.sub('["\u201c\u201d]', "", text)
                self.flaw(token.span, message, fix=f'"{bare}"')
                return None
            return text
        closing = '"' if opening == '"' else "\u201d"
        inner = text[1:-1]
        is_escaped = (len(inner) - len(inner.rstrip("\\"))) % 2 == 1 and opening == '"'
        if len(text) < 2 or not text.endswith(closing) or is_escaped:
            self.flaw(token.span, "this quote is never closed", fix=None)
            return None
        if not _WHOLE_QUOTED.match(text):
            message = 'quotes go around the whole value, and \\" is a quote inside'
            self.flaw(token.span, message, fix=None)
            return None
        return re.sub(r'\\(["\\])', r"\1", inner) if opening == '"' else inner


def is_item(text: str) -> bool:
    """Return whether a word can be nothing else than an item."""
    return (
        NUMERIC.match(text) is not None
        or text.casefold() == "this"
        or "://" in text
        or _GITHUB_NUMBER.match(text) is not None
        or qualified_reference(text) is not None
    )


def meant_number(text: str) -> str | None:
    """Return the number that was probably meant by something close to one."""
    if len(text) > MAX_DIGITS + 1 or not text.isascii():
        return None
    plain = text.removeprefix("#").translate(_LOOKALIKES)
    digits = re.sub(r"[^0-9]", "", plain)
    has_one_stray = len(plain) - len(digits) <= 1 and plain[:1].isdigit()
    return digits if has_one_stray and digits.strip("0") else None
