"""The file ``.env``: what it has, and new values in it, with all else left as it is."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from bot.core.say import starts
from bot.errors import SettingsError

_NAME = re.compile(r"\s*(?:export\s+)?(\w+)\s*=")


def values_in(path: Path, *, interpolate: bool = True) -> Mapping[str, str | None]:
    """Return the variables of a file as settings are read; none if there is no file.

    Raises ``SettingsError`` if it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return dotenv_values(stream=stream, interpolate=interpolate)
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise SettingsError(starts.dotfile_closed(str(path))) from error
    except OSError as error:
        why = str(error.strerror)
        raise SettingsError(starts.dotfile_unreadable(str(path), why)) from error
    except UnicodeDecodeError as error:
        raise SettingsError(starts.dotfile_no_text(str(path))) from error


def changed(text: str, values: Mapping[str, str], *, without: Sequence[str]) -> str:
    """Return the text of a file with *values*, one a line, and *without* some variables.

    A value takes the place of the first line that has its name; others go to the end.
    Values are written as they are, so they have to be free of quotes and line breaks.
    """
    left, lines = dict(values), list[str]()
    skipping = ""
    for line in text.splitlines():
        if skipping:  # a value in quotes over several lines
            skipping = "" if skipping in line else skipping
            continue
        match = _NAME.match(line)
        if match is None or match[1] not in {*values, *without}:
            lines.append(line)
            continue
        quote = line[match.end() :].strip()[:1]
        if quote in ("'", '"') and line[match.end() :].count(quote) == 1:
            skipping = quote
        if match[1] in left:
            lines.append(f"{match[1]}={left.pop(match[1])}")
    lines += [f"{name}={value}" for name, value in left.items()]
    return "".join(f"{line}\n" for line in lines)


def write(path: Path, text: str) -> None:
    """Put *text* in the place of a file at once, for its owner's eyes only.

    A link is followed; whose the file is stays so. Raises ``OSError``.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=".env.", dir=target.parent)  # mode 0600
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists() and os.geteuid() == 0:
            owner = target.stat()
            os.chown(new, owner.st_uid, owner.st_gid)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Raise ``OSError`` if a file could not be put there."""
    handle, name = tempfile.mkstemp(prefix=".env.", dir=path.resolve().parent)
    os.close(handle)
    Path(name).unlink()
