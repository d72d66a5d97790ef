"""The one place that keeps secrets out of what people read.

Those that are known, and what looks like one. Whatever GitHub, a proxy, git or a command
says goes through it at the moment when it becomes words of the bot: an error, a line.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

_SHORTEST = 6
"""Characters of a secret that is worth hiding; shorter ones stand in any text."""

_SHORTEST_PART = 16
"""Characters of a piece of a secret, such as a line of a key, that give it away."""

_MOST_LEARNED = 4096
"""How many of the newest tokens are known; GitHub's live for an hour. An installation has
one, and others for its repositories.
"""

_BLOCK = _SHORTEST_PART // 2
"""Characters of a token by which it is looked up. One begins at every so many of them:
each piece that gives the token away holds one whole.
"""

_LONG = 128
"""Characters of a token of which a piece gives nothing away that is shorter than 64: such
a one has a block at every 48.
"""

_MOST_SHARE = 16
"""How many tokens may have a block that leads to them: what more have, such as the head
of all that are JSON web tokens, is none's secret.
"""

_UNSEEN = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x1b\\|\x07)?"  # titles and links
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""What nobody sees, and what would part a secret that everybody sees as one."""

_LOOKALIKE = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r".*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-)[\w-]{10,}(?:\.[\w-]+)*"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{6,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"  # https://user:password@host
    r"|(?i:(?<=authorization: )\w+ [\w.~+/=-]+)",
    re.DOTALL,
)
_RUN = re.compile(rf"\S{{{_SHORTEST_PART},}}")
_WORD = re.compile(rf"[A-Za-z0-9+/=_-]{{{_SHORTEST_PART},}}")


def hide_lookalikes(text: str) -> str:
    """Return *text* without what has the form of a token, a key or a password."""
    return _LOOKALIKE.sub(REDACTED, text)


class Secrets:
    """What must show nowhere: what is known from the start, and tokens as they come.

    With many installations there are thousands of tokens: a text is held only to those of
    which it has a block, so that its length decides what that takes.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = tuple(known)
        self._learned: dict[str, None] = {}
        self._by_block: dict[str, dict[str, None]] = {}

    def learn(self, token: str) -> None:
        """Hide *token* from now on, and forget the oldest of very many."""
        if token in self._learned:
            return
        if not _RUN.fullmatch(token):  # a key, a short one: there are few
            self._known = tuple(dict.fromkeys([*self._known, token]))
            return
        self._learned[token] = None
        for block in _blocks(token):
            self._by_block.setdefault(block, {})[token] = None
        if len(self._learned) > _MOST_LEARNED:
            self._forget(next(iter(self._learned)))

    def _forget(self, token: str) -> None:
        del self._learned[token]
        for block in _blocks(token):
            del self._by_block[block][token]
            if not self._by_block[block]:
                del self._by_block[block]

    def hide(self, text: str) -> str:
        """Return *text* as it may be shown and kept: without secrets, in any form, and
        without what looks like one.

        The lines of a key and base64 count as forms, also where only a piece of them
        shows. What is hidden is looked for in the text as it is seen: without what is
        invisible. Any thread may ask.
        """
        text = _hidden(text, self._in(text))
        if text.isascii() and text.isprintable():
            return text
        seen = _UNSEEN.sub("", text)
        hidden = seen if seen == text else _hidden(seen, self._in(seen))
        return text if hidden == seen else hidden

    def _in(self, text: str) -> tuple[str, ...]:
        """Return those that *text* may show."""
        if len(text) < _SHORTEST_PART:
            return tuple(s for s in self._known if len(s) < _SHORTEST_PART)
        found = dict.fromkeys(self._known)
        look = self._by_block.get
        for run in _RUN.findall(text) if self._by_block else ():
            for start in range(len(run) - _BLOCK + 1):
                tokens = look(run[start : start + _BLOCK])
                if tokens is not None and len(tokens) <= _MOST_SHARE:
                    found |= dict.fromkeys(tuple(tokens))
        return tuple(found)

    def hide_inside(self, value: Any) -> Any:
        """Return *value* as plain JSON that may be shown and kept: without secrets in any
        of its texts.
        """
        if isinstance(value, int | float | bool | None):
            return value
        if isinstance(value, Mapping):
            return {self.hide(str(k)): self.hide_inside(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.hide_inside(one) for one in value]
        return self.hide(str(value))


def _hidden(text: str, secrets: Sequence[str]) -> str:
    # The longest first: a secret may hold a shorter one.
    known = sorted((s for s in secrets if len(s) >= _SHORTEST), key=len, reverse=True)
    for secret in known:
        for part in _parts(secret):
            if part in text:
                text = text.replace(part, REDACTED)
    if _WORD.search(text):
        forms = [form for secret in known for form in _forms(secret)]
        text = _WORD.sub(lambda word: _unless_secret(word[0], forms), text)
    return hide_lookalikes(text)


def _unless_secret(word: str, forms: Iterable[str]) -> str:
    # The ends of a word in base64 depend on what stands before and after it.
    middle = word[4:-8]
    is_piece = len(middle) >= _SHORTEST_PART and any(middle in form for form in forms)
    is_whole = any(form in word for form in forms)
    return REDACTED if is_piece or is_whole else word


def _blocks(token: str) -> frozenset[str]:
    """Return the blocks of every form of a token, which has no spaces."""
    step = _BLOCK if len(token) < _LONG else 6 * _BLOCK
    return frozenset(
        form[start : start + _BLOCK]
        for form in (*_parts(token), *_forms(token))
        for start in (*range(0, len(form) - _BLOCK, step), len(form) - _BLOCK)
    )


@lru_cache
def _parts(secret: str) -> tuple[str, ...]:
    """Return a secret as it is, as addresses have it, and each long line of it."""
    lines = [line for line in secret.split() if len(line) >= _SHORTEST_PART]
    return tuple(dict.fromkeys([secret, _quoted(secret), *lines]))


def _quoted(secret: str) -> str:
    return re.sub(
        r"[^A-Za-z0-9_.~-]",
        lambda found: "".join(f"%{b:02X}" for b in found[0].encode(errors="replace")),
        secret,
    )


@lru_cache
def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret on one line, and in base64 wherever in a text it may stand."""
    joined = "".join(secret.split())
    found = [joined] if len(joined) >= _SHORTEST_PART else []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
        # What stands before and after the secret shows in the first and last digits.
        inner = encoded[(0, 2, 3)[offset] :].rstrip("=")[:-1]
        found += [inner, inner.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(found))
