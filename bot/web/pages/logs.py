"""The log of an attempt, whole or as it goes on."""

from dataclasses import dataclass
from pathlib import Path

SHOWN_BYTES = 64 * 1024
"""How much of its end a page shows at once; all of it can be downloaded."""

_STEP_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole characters of a log from one byte to another."""

    text: str
    begin: int
    end: int


def tail(path: Path) -> Piece:
    """Return the end of a log by whole lines; empty while there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            begin = max(0, size - SHOWN_BYTES)
            file.seek(begin)
            data = file.read(size - begin)
    except FileNotFoundError:
        return Piece("", 0, 0)
    cut = data.find(b"\n") + 1 if begin else 0
    return _whole(data[cut:], begin + cut)


def more(path: Path, at: int) -> Piece:
    """Return what a log has behind a byte, no more than can be sent at once."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            return _whole(file.read(_STEP_BYTES), at)
    except FileNotFoundError:
        return Piece("", at, at)


def _whole(data: bytes, begin: int) -> Piece:
    """Return text without a character at the end that is not there in full."""
    for left in range(min(3, len(data)) + 1):
        kept = data[: len(data) - left]
        try:
            return Piece(kept.decode(), begin, begin + len(kept))
        except UnicodeDecodeError:
            continue
    return Piece(data.decode(errors="replace"), begin, begin + len(data))
