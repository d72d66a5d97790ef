"""What a command wrote for the bot: read as a stranger's, without secrets."""

import errno
import json
import os
import re
import stat
from pathlib import Path

from bot.core.remarks import Written
from bot.core.world.redaction import Secrets

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Kept:
    """The beginning of a stream: at most so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._data = bytearray()
        self._is_whole = True

    def take(self, data: bytes) -> None:
        """Keep what there is room for."""
        self._is_whole = self._is_whole and len(self._data) + len(data) <= self._most
        self._data += data[: self._most - len(self._data)]

    def written(self, secrets: Secrets) -> Written:
        """Return it as it may be shown and kept."""
        return _written(bytes(self._data), "", secrets, is_whole=self._is_whole)


def read_output(
    folder: Path, name: str, secrets: Secrets, *, most_bytes: int
) -> Written | None:
    """Read a regular file and nothing else: the folder was a stranger's to fill."""
    assert Path(name).name == name, name
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(name, flags, dir_fd=inside)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EACCES):
            return None
        raise
    finally:
        os.close(inside)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(most_bytes + 1)
    is_whole = len(data) <= most_bytes
    return _written(data[:most_bytes], name, secrets, is_whole=is_whole)


def _written(data: bytes, name: str, secrets: Secrets, *, is_whole: bool) -> Written:
    try:
        text, is_text = data.decode("utf-8"), True
    except UnicodeDecodeError as error:
        # Where it was cut a character may be in two.
        is_text = not is_whole and error.start >= len(data) - 3
        text = data.decode("utf-8", "replace")
    return Written(_redacted(text, secrets), name, is_whole=is_whole, is_text=is_text)


def _redacted(text: str, secrets: Secrets) -> str:
    """Return a text without secrets; JSON stays JSON, and each value on its line."""
    # The keys of a long document, and most of its values, come again and again.
    known: dict[str, str] = {}

    def once(found: re.Match[str]) -> str:
        if (shown := known.get(found[0])) is None:
            shown = known[found[0]] = _hidden(found[0], secrets)
        return shown

    hidden = _STRING.sub(once, text)
    try:
        json.loads(hidden.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return secrets.hide(hidden)
    return hidden


def _hidden(string: str, secrets: Secrets) -> str:
    try:
        plain = json.loads(string)
    except ValueError:
        return string
    safe = secrets.hide(plain)
    return string if safe == plain else json.dumps(safe)
