"""What git prints and reads: names that end in a zero byte, and need not be text."""

from collections.abc import Iterable


def names(printed: bytes) -> list[str]:
    """Return names as git printed them with ``-z``."""
    text = printed.decode("utf-8", "surrogateescape")
    return [name for name in text.split("\0") if name]


def zeroed(given: Iterable[str]) -> bytes:
    """Return names as git reads them with ``-z``."""
    return "".join(f"{name}\0" for name in given).encode("utf-8", "surrogateescape")


def text(printed: bytes) -> str:
    """Return a line that git printed."""
    return printed.decode().strip()


def readable(name: str) -> str:
    """Return a file's name as text; names are bytes and need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
