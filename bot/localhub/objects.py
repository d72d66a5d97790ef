"""Git's objects as git keeps them: files, each named by the hash of its content.

To read or write one here takes no process.
https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

FOLDER = "040000"
SUBMODULE = "160000"
KINDS = {FOLDER: "tree", SUBMODULE: "commit"}
NAME_BYTES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree has under a name."""

    mode: str  # six digits, as ``git ls-tree`` writes it
    sha: str

    @property
    def kind(self) -> str:
        """Return blob, tree or commit."""
        return KINDS.get(self.mode, "blob")


class Folder(dict[str, "Entry | Folder"]):
    """A folder that is being changed; those in it are read when they are changed."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a repository; none is in a pack (``receive.unpackLimit``)."""

    path: Path

    def read(self, sha: str) -> tuple[str, bytes] | None:
        """Return kind and content of an object; *sha* is its whole name."""
        try:
            kept = (self.path / sha[:2] / sha[2:]).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return None
        head, _, content = zlib.decompress(kept).partition(b"\0")
        return head.decode().split()[0], content

    def write(self, kind: str, content: bytes) -> str:
        """Keep an object; return its name."""
        whole = f"{kind} {len(content)}\0".encode() + content
        sha = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        file = self.path / sha[:2] / sha[2:]
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            unfinished = file.with_name(f"tmp_obj_{uuid4().hex}")
            unfinished.write_bytes(zlib.compress(whole, level=1))
            unfinished.rename(file)
        return sha

    def entries(self, tree: str) -> dict[str, Entry]:
        """Return what is in a tree, by name."""
        found = self.read(tree)
        assert found is not None
        return dict(_entries(found[1]))

    def at(self, tree: str, path: str) -> Entry | None:
        """Return what a tree has at a path, None for nothing."""
        found: Entry | None = Entry(FOLDER, tree)
        for name in filter(None, path.split("/")):
            if found is None or found.mode != FOLDER:
                return None
            found = self.entries(found.sha).get(name)
        return found

    def folder(self, tree: str | None) -> Folder:
        """Return a tree to change; without one an empty folder."""
        return Folder() if tree is None else Folder(self.entries(tree))

    def put(self, folder: Folder, path: str, entry: Entry | None) -> bool:
        """Have something else at a path, or nothing; False if nothing was there.

        What was a folder is no longer one, and the other way round.
        """
        *parents, name = path.split("/")
        for parent in parents:
            inner = folder.get(parent)
            if isinstance(inner, Entry):
                inner = self.folder(inner.sha) if inner.mode == FOLDER else None
            if inner is None and entry is None:
                return False
            folder[parent] = inner = Folder() if inner is None else inner
            folder = inner
        if entry is not None:
            folder[name] = entry
            return True
        return bool(folder.pop(name, None))

    def keep(self, folder: Folder) -> str:
        """Keep a folder and all in it as trees; return the name of its own."""
        kept = {name: self._kept(inner) for name, inner in folder.items()}
        return self.write("tree", _tree({n: e for n, e in kept.items() if e}))

    def _kept(self, inner: Entry | Folder) -> Entry | None:
        """Return the entry of a folder, None if it has become empty: git keeps none."""
        if isinstance(inner, Entry):
            return inner
        sha = self.keep(inner)
        return Entry(FOLDER, sha) if self.entries(sha) else None


def headers(commit: bytes) -> tuple[dict[str, list[str]], str]:
    """Return what stands in the head of a commit, by its word, and the message."""
    head, _, message = commit.decode(errors="replace").partition("\n\n")
    found: dict[str, list[str]] = {}
    for line in head.split("\n"):
        word, _, value = line.partition(" ")
        found.setdefault(word, []).append(value)
    return found, message


def _entries(content: bytes) -> Iterator[tuple[str, Entry]]:
    start = 0
    while start < len(content):
        end = content.index(b"\0", start)
        mode, _, name = (
            content[start:end].decode(errors="surrogateescape").partition(" ")
        )
        start = end + 1 + NAME_BYTES
        yield name, Entry(mode.rjust(6, "0"), content[end + 1 : start].hex())


def _tree(entries: Mapping[str, Entry]) -> bytes:
    """Return a tree; git sorts a folder as if its name ended with a slash."""
    lines = []
    for name, entry in entries.items():
        key = name.encode(errors="surrogateescape")
        head = entry.mode.lstrip("0").encode() + b" " + key + b"\0"
        order = key + b"/" if entry.mode == FOLDER else key
        lines.append((order, head + bytes.fromhex(entry.sha)))
    return b"".join(line for _, line in sorted(lines))
