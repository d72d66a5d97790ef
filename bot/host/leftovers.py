"""What programs leave behind in a workspace that nobody wants to review.

Only what is new counts, and a folder of which the repository keeps a file is never left
out: then somebody wants it.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from bot.core.say.notes import Leftover
from bot.ports.host import LeftOut

KINDS: Mapping[str, Leftover] = {
    "__pycache__": Leftover.CACHE,
    "*.pyc": Leftover.CACHE,
    ".cache": Leftover.CACHE,
    ".coverage": Leftover.CACHE,
    ".eslintcache": Leftover.CACHE,
    ".gradle": Leftover.CACHE,
    ".hypothesis": Leftover.CACHE,
    ".ipynb_checkpoints": Leftover.CACHE,
    ".mypy_cache": Leftover.CACHE,
    ".npm": Leftover.CACHE,
    ".nyc_output": Leftover.CACHE,
    ".parcel-cache": Leftover.CACHE,
    ".pytest_cache": Leftover.CACHE,
    ".ruff_cache": Leftover.CACHE,
    ".sass-cache": Leftover.CACHE,
    ".terraform": Leftover.CACHE,
    ".turbo": Leftover.CACHE,
    ".DS_Store": Leftover.CACHE,
    "Thumbs.db": Leftover.CACHE,
    "node_modules": Leftover.INSTALLED,
    "bower_components": Leftover.INSTALLED,
    ".bundle": Leftover.INSTALLED,
    ".nox": Leftover.INSTALLED,
    ".tox": Leftover.INSTALLED,
    ".venv": Leftover.INSTALLED,
    "*.egg-info": Leftover.BUILT,
    "target/classes": Leftover.BUILT,
    "target/debug": Leftover.BUILT,
    "target/release": Leftover.BUILT,
    ".aider.chat.history.md": Leftover.AGENT,
    ".aider.input.history": Leftover.AGENT,
    ".aider.llm.history": Leftover.AGENT,
    ".aider.tags.cache.v*": Leftover.AGENT,
    ".claude.json*": Leftover.AGENT,
    ".claude/*.local.json": Leftover.AGENT,
    ".claude/projects": Leftover.AGENT,
    ".claude/shell-snapshots": Leftover.AGENT,
    ".claude/statsig": Leftover.AGENT,
    ".claude/todos": Leftover.AGENT,
    ".codex": Leftover.AGENT,
    ".env": Leftover.SECRETS,
    ".env.local": Leftover.SECRETS,
    ".env.*.local": Leftover.SECRETS,
}
"""Names of files and folders, wherever they lie; with a slash, the ends of paths."""

_WANTED_EMPTY = frozenset((".gitkeep", ".keep", ".nojekyll", ".npmignore"))
_MARKS = {"pyvenv.cfg": Leftover.INSTALLED, "CACHEDIR.TAG": Leftover.CACHE}
"""Files that tell what the folder is that they lie in."""

_IS_WORK = frozenset((Leftover.SECRETS, Leftover.REPOSITORY, Leftover.NAME))

_Reason = tuple[str, Leftover]  # what is left out, and why


class Leftovers:
    """Tells what is left out. *own* adds patterns to ``KINDS``; ``!pattern`` takes one."""

    def __init__(self, own: Sequence[str] = ()) -> None:
        kinds = dict(KINDS)
        for pattern in own:
            if pattern.startswith("!"):
                kinds.pop(pattern[1:], None)
            else:
                kinds[pattern.strip("/")] = Leftover.OWN
        self._keeps = frozenset(word[1:] for word in own if word.startswith("!"))
        self._kinds = [(_expression(pattern), why) for pattern, why in kinds.items()]
        # Most names match nothing: one look tells, and the others are not compiled.
        self._any = re.compile("|".join(kind for kind, _ in self._kinds) or r"(?!)")

    def sort(
        self,
        new: Sequence[str],
        *,
        is_tracked: Callable[[str], bool],
        is_empty: Callable[[str], bool],
    ) -> tuple[list[str], list[LeftOut]]:
        """Return the files that count, and what is left out: each folder once.

        *new* are untracked paths; one that ends in a slash is a repository.
        *is_tracked* says whether the repository keeps something in a folder.
        """
        kept: list[str] = []
        out: dict[str, LeftOut] = {}
        folders: dict[str, _Reason | None] = {"": None}
        marked = {
            f"{folder}/": _MARKS[last]
            for folder, _, last in (name.rpartition("/") for name in new)
            if last in _MARKS and folder and last not in self._keeps
        }

        def of_folder(path: str) -> _Reason | None:
            unknown = []  # a command may nest them deeper than functions may
            while path not in folders:
                unknown.append(path)
                path = _parent(path)
            found = folders[path]
            for inner in reversed(unknown):
                if found is None and not is_tracked(inner.rstrip("/")):
                    why = marked.get(inner) or self._kind(inner)
                    found = (inner, why) if why else None
                folders[inner] = found
            return found

        for name in new:
            found = of_folder(_parent(name))
            if found is None:
                why = self._kind(name)
                if not why and name.endswith("/"):
                    why = Leftover.REPOSITORY
                if not why and _is_dot_file(name) and is_empty(name):
                    why = Leftover.EMPTY
                found = (name, why) if why else None
            if found is None:
                kept.append(name)
            else:
                path, why = found
                out.setdefault(path, LeftOut(path, why, is_work=why in _IS_WORK))
        return kept, list(out.values())

    def _kind(self, name: str) -> Leftover | None:
        path = f"/{name.rstrip('/')}"
        if path.lower().endswith("/.git"):
            return Leftover.NAME
        if not self._any.search(path):
            return None
        return next(why for kind, why in self._kinds if re.search(kind, path))


def _parent(path: str) -> str:
    folder = path.rstrip("/").rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _is_dot_file(name: str) -> bool:
    return name.startswith(".") and "/" not in name and name not in _WANTED_EMPTY


def _expression(pattern: str) -> str:
    """Return what finds a pattern at the end of a path that begins with a slash."""
    return f"/{re.escape(pattern)}$".replace(r"\*", "[^/]*")
