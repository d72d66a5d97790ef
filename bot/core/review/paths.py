"""Paths as tools spell them, and where that is in the repository."""

import re
from collections.abc import Sequence

ELSEWHERE = "…/"
"""What a path begins with that is not below the root of the repository."""

_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_FILE_URI = re.compile(r"file:(?://(?P<host>[^/?#]*))?(?P<path>[^?#]*)", re.I)
_DRIVE = re.compile(r"/?[A-Za-z]:[/\\]")


def of_uri(uri: str) -> str:
    """Return the path that a ``file:`` address, or a relative one, stands for."""
    found = _FILE_URI.match(uri)
    return _PERCENT.sub(_decoded, found["path"] if found else uri)


def is_absolute(path: str) -> bool:
    """Return whether a path begins at the root of a machine."""
    return path.startswith("/") or _DRIVE.match(path) is not None


def below(path: str, roots: Sequence[str]) -> str:
    """Return where a path is in the repository, whose root has these absolute names.

    Of one that is elsewhere only the last part is told: it is a machine's own business.
    """
    if "\\" in path and "/" not in path:
        path = path.replace("\\", "/")
    inside = next(
        (
            path.removeprefix(f"{root}/").lstrip("/")
            for root in (one.rstrip("/") for one in roots)
            if path.startswith(f"{root}/")
        ),
        path,
    )
    parts: list[str] = []
    for part in inside.split("/"):
        if part == ".." and not parts:
            return ELSEWHERE + path.rpartition("/")[2]
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if is_absolute(inside):
        return ELSEWHERE + (parts[-1] if parts else "")
    return "/".join(parts)


def _decoded(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace")
