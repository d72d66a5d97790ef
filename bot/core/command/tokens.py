"""A line cut into words and marks, as people see them."""

import re
from dataclasses import dataclass

from bot.core.command.syntax import Span
from bot.core.command.vocabulary import FILTERS

GHOSTS = "\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Characters that nobody sees and that mean nothing, as a set of ``re``."""

GHOST = re.compile(f"[{GHOSTS}]")
_QUOTED = r'"(?:\\(?:.|\Z)|[^"\\])*+(?:"|\Z)|\u201c[^\u201d]*+(?:\u201d|\Z)'
_TOKEN = re.compile(
    rf"""
    (?P<gap>[\s,\u3001\uff0c{GHOSTS}]++)
    | (?P<after>after:[^\s()\[\]"]*+)  # its commas belong to it
    | (?P<word>(?:{_QUOTED}|(?<=\w)\[bot\]|[^\s,\u3001\uff0c()\[\]"\u201c])++)
    | (?P<mark>[()\[\]])
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
WHOLE_QUOTED = re.compile(rf"(?:{_QUOTED})\Z", re.DOTALL)
_COMMA = re.compile("[,\u3001\uff0c]")
_GHOSTS_BEHIND = re.compile(f"[{GHOSTS}]+\\Z")
_WIDE = str.maketrans(
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff03\uff0d\u2212\u2010\u2011\uff0e\uff1a",
    "0123456789#----.:",
)
_NUMBERS = re.compile(
    r"(?:[A-Za-z][\w-]*:)?[-\u2013\u2014]?#?[0-9]+(?:[-.,#\u2013\u2014\u2025\u2026]+[0-9]+)*\Z"
)
_WIDE_SIGNS = str.maketrans("\uff0b\uff0d\u2212\uff1a", "+--:")
_WIDE_KEY = re.compile("[A-Za-z][A-Za-z-]*\uff1a")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a mark, or a list of references behind ``after:``."""

    text: str
    column: int
    is_mark: bool = False
    comma: int | None = None  # the column of the comma before it

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
    comma: int | None = None
    while at < len(line):
        token = _TOKEN.match(line, at)
        # Every character fits one of the alternatives, so one always matches.
        assert token is not None
        at = token.end()
        if token.lastgroup == "gap":
            mark = _COMMA.search(token[0])
            comma = token.start() + mark.start() if mark else None
            continue
        is_mark = token.lastgroup == "mark"
        text = token[0] if is_mark else _plain(_GHOSTS_BEHIND.sub("", token[0]))
        found.append(Token(text, token.start(), is_mark, comma))
        comma = None
    return found


def _plain(word: str) -> str:
    """Return a number, range or exclusion in ASCII; of any other word, its sign or the
    colon of its key.
    """
    if word.isascii():
        return word
    if key := _WIDE_KEY.match(word):
        word = key[0].translate(_WIDE_SIGNS) + word[key.end() :]
    word = word[0].translate(_WIDE_SIGNS) + word[1:]
    plain = re.sub("\\A[\u2013\u2014](?=#?[0-9])", "-", word.translate(_WIDE))
    is_number = _NUMBERS.match(plain) and plain.partition(":")[0].lower() not in FILTERS
    return plain if is_number else word


def hidden_in(token: Token) -> str | None:
    """Return a word as people see it, if there is more in it that they do not see."""
    if not GHOST.search(token.text) or token.text[0] in '"\u201c':
        return None  # a text may have marks of direction
    return GHOST.sub("", token.text)
