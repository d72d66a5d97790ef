"""Hidden marks in the bot's comments: what finds a comment again, and boxes to tick.

A marker is signed, so that nobody can pass a comment off as the bot's by copying its
form. It is never the truth about a batch; the database is.
"""

import hmac
import re
from collections.abc import Mapping

from bot.core.model import Batch

BoxKey = tuple[str, tuple[str, ...]]
"""What a ticked box asks for: a verb and its arguments."""

_MARKER = re.compile(r"<!-- batch-bot:(\S+) (\S+) ([0-9a-f]{32}) -->")
_BOX = re.compile(r"- \[([ xX])\] <!-- batch:([a-z]+)((?: [\w.-]+)*) -->(?: |$)")
_FENCE = re.compile(r"`{3,}")


def marker(kind: str, name: str, key: bytes) -> str:
    """Return the first line of a comment; *kind* and *name* hold no white space."""
    return f"<!-- batch-bot:{kind} {name} {_sign(kind, name, key)} -->"


def parse_marker(body: str, key: bytes) -> tuple[str, str] | None:
    """Return kind and name of the marker that *body* begins with, if we wrote it."""
    match = _MARKER.match(body)
    if match is None:
        return None
    kind, name, signature = match.groups()
    if not hmac.compare_digest(signature, _sign(kind, name, key)):
        return None
    return kind, name


def box(verb: str, *arguments: str, text: str) -> str:
    """Return a list item with an empty box; *text* is Markdown."""
    words = " ".join((f"batch:{verb}", *arguments))
    return f"- [ ] <!-- {words} --> {text}"


def boxes(body: str) -> Mapping[BoxKey, bool]:
    """Return the boxes of a comment and whether each is ticked.

    What stands in a fence, such as the last lines of a log, is no box.
    """
    found: dict[BoxKey, bool] = {}
    open_fence = ""
    for line in re.split(r"\r?\n", body):
        ticks = match[0] if (match := _FENCE.match(line)) else ""
        if open_fence:
            is_end = len(ticks) >= len(open_fence) and line.strip() == ticks
            open_fence = "" if is_end else open_fence
        elif ticks:
            open_fence = ticks
        elif match := _BOX.match(line):
            key = (match[2], tuple(match[3].split()))
            found[key] = found.get(key, False) or match[1] != " "
    return found


def ticked(old_body: str, new_body: str) -> tuple[BoxKey, ...]:
    """Return the boxes that an edit ticked, in the order of the comment.

    A box that the old body did not have is ignored: the bot did not draw it.
    """
    old = boxes(old_body)
    new = boxes(new_body)
    return tuple(key for key, was in old.items() if not was and new.get(key, False))


def link_mark(batch: Batch, key: bytes) -> str:
    """Return what opens the page of a batch to whoever has its link.

    A name of a batch can come again, in another database: when it was asked for, and
    where, cannot.
    """
    name = f"{batch.id} {batch.repository.id} {batch.created_at.isoformat()}"
    return hmac.digest(key, f"link {name}".encode(), "sha256").hex()[:32]


def _sign(kind: str, name: str, key: bytes) -> str:
    return hmac.digest(key, f"{kind} {name}".encode(), "sha256").hex()[:32]
