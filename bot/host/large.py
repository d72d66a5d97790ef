"""Files that a repository keeps with Git LFS: pointers in git, contents beside it.

The format of pointers: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

import hashlib
import re
import secrets
from pathlib import Path
from typing import BinaryIO

from bot.core.model import AttemptId
from bot.core.say.problems.change import OtherLargeFiles
from bot.errors import PermanentError
from bot.host.folders import children
from bot.host.snapshot import read_regular
from bot.ports.github import LargeObject

MOST_POINTER_BYTES = 1024
MOST_BYTES = 2 * 1024**3
"""What GitHub takes of one file on every plan."""

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-\S+ \S+\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d+)\n"
)
_OWN_SERVER = re.compile(rb"^\s*(?:lfs|push)?url\s*=", re.MULTILINE | re.IGNORECASE)


class LargeStore:
    """Contents by their hashes, below a folder of the repository's own.

    Each attempt has a folder in it, which goes when the attempt is forgotten.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, source: BinaryIO, attempt: AttemptId) -> bytes:
        """Keep a file's content; return its pointer. A pointer stays what it is."""
        block = source.read(MOST_POINTER_BYTES + 1)
        if len(block) <= MOST_POINTER_BYTES and (
            _POINTER.fullmatch(block) or not block
        ):
            return block
        folder = self._folder / attempt
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{secrets.token_hex(8)}.partial"
        digest, size = hashlib.sha256(), 0
        with partial.open("wb") as target:
            while block:
                digest.update(block)
                size += len(block)
                target.write(block)
                block = source.read(1024 * 1024)
        oid = digest.hexdigest()
        partial.rename(folder / oid)
        version = "version https://git-lfs.github.com/spec/v1"
        return f"{version}\noid sha256:{oid}\nsize {size}\n".encode()

    def put(self, file: Path, attempt: AttemptId) -> None:
        """Keep a file that is named by its hash, which has been looked at."""
        folder = self._folder / attempt
        folder.mkdir(parents=True, exist_ok=True)
        file.rename(folder / file.name)

    def of(self, attempt: AttemptId) -> list[Path]:
        """Return the contents that an attempt keeps, each named by its hash."""
        return [
            path
            for path in children(self._folder / attempt)
            if path.suffix != ".partial"
        ]

    def behind(self, content: bytes) -> LargeObject | None:
        """Return what a blob is the pointer of, if it is kept here."""
        found = _POINTER.fullmatch(content)
        if found is None:
            return None
        oid = found["oid"].decode()
        path = next(self._folder.glob(f"*/{oid}"), None)
        return None if path is None else LargeObject(oid, int(found["size"]), str(path))

    def attempts(self) -> list[Path]:
        """Return the folders of the attempts that keep something here."""
        return children(self._folder)


def check_server(workspace: Path) -> None:
    """Raise ``PermanentError`` if the repository names an LFS server of its own.

    A file of the repository does not decide where the installation's token goes.
    """
    configured = read_regular(workspace, ".lfsconfig")
    if _OWN_SERVER.search(configured):
        raise PermanentError(OtherLargeFiles())
