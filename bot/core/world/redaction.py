"""Keeps secrets out of what people read: those that are known, and what looks like one."""

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
_WORD = re.compile(rf"[A-Za-z0-9+/=_-]{{{_SHORTEST_PART},}}")


def hide_lookalikes(text: str) -> str:
    """Return *text* without what has the form of a token, a key or a password."""
    return _LOOKALIKE.sub(REDACTED, text)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return *text* without *secrets*, in any form, and without what looks like one.

    The lines of a key and base64 count as forms, also where only a piece of them shows.
    """
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


def hide_inside(value: Any, secrets: Sequence[str]) -> Any:
    """Return *value* as plain JSON, without secrets in any of its texts."""
    if isinstance(value, int | float | bool | None):
        return value
    if isinstance(value, Mapping):
        return {
            hide(str(k), secrets): hide_inside(v, secrets) for k, v in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [hide_inside(one, secrets) for one in value]
    return hide(str(value), secrets)


def _unless_secret(word: str, forms: Iterable[str]) -> str:
    # The ends of a word in base64 depend on what stands before and after it.
    middle = word[4:-8]
    is_piece = len(middle) >= _SHORTEST_PART and any(middle in form for form in forms)
    is_whole = any(form in word for form in forms)
    return REDACTED if is_piece or is_whole else word


@lru_cache(maxsize=256)
def _parts(secret: str) -> tuple[str, ...]:
    """Return a secret as it is, and each long line of it."""
    lines = [line for line in secret.split() if len(line) >= _SHORTEST_PART]
    return tuple(dict.fromkeys([secret, *lines]))


@lru_cache(maxsize=256)
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
