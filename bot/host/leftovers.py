"""What programs leave behind in a workspace that nobody wants to review.

Only what is new counts, and a folder of which the repository keeps a file is never left
out: then somebody wants it.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from bot.ports.host import LeftOut

CACHE = "a cache"
INSTALLED = "installed packages"
BUILT = "build output"
AGENT = "an agent's own notes"
SECRETS = "may hold secrets"
EMPTY = "an empty file of a sandbox"
REPOSITORY = "a repository of its own"
NAME = "git takes no such name"
OWN = "left out by the settings of this server"
SUBMODULE = "a submodule: its work belongs into its own repository"

KINDS: Mapping[str, str] = {
    "__pycache__": CACHE,
    "*.pyc": CACHE,
    ".cache": CACHE,
    ".coverage": CACHE,
    ".eslintcache": CACHE,
    ".gradle": CACHE,
    ".hypothesis": CACHE,
    ".ipynb_checkpoints": CACHE,
    ".mypy_cache": CACHE,
    ".npm": CACHE,
    ".nyc_output": CACHE,
    ".parcel-cache": CACHE,
    ".pytest_cache": CACHE,
    ".ruff_cache": CACHE,
    ".sass-cache": CACHE,
    ".terraform": CACHE,
    ".turbo": CACHE,
    ".DS_Store": CACHE,
    "Thumbs.db": CACHE,
    "node_modules": INSTALLED,
    "bower_components": INSTALLED,
    ".bundle": INSTALLED,
    ".nox": INSTALLED,
    ".tox": INSTALLED,
    ".venv": INSTALLED,
    "*.egg-info": BUILT,
    "target/classes": BUILT,
    "target/debug": BUILT,
    "target/release": BUILT,
    ".aider.chat.history.md": AGENT,
    ".aider.input.history": AGENT,
    ".aider.llm.history": AGENT,
    ".aider.tags.cache.v*": AGENT,
    ".claude.json*": AGENT,
    ".claude/*.local.json": AGENT,
    ".claude/projects": AGENT,
    ".claude/shell-snapshots": AGENT,
    ".claude/statsig": AGENT,
    ".claude/todos": AGENT,
    ".codex": AGENT,
    ".env": SECRETS,
    ".env.local": SECRETS,
    ".env.*.local": SECRETS,
}
"""Names of files and folders, wherever they lie; with a slash, the ends of paths."""

_WANTED_EMPTY = frozenset((".gitkeep", ".keep", ".nojekyll", ".npmignore"))
_MARKS = {"pyvenv.cfg": INSTALLED, "CACHEDIR.TAG": CACHE}
"""Files that tell what the folder is that they lie in."""

_IS_WORK = frozenset((SECRETS, REPOSITORY, SUBMODULE))

_Reason = tuple[str, str]  # what is left out, and why


class Leftovers:
    """Tells what is left out. *own* adds patterns to ``KINDS``; ``!pattern`` takes one."""

    def __init__(self, own: Sequence[str] = ()) -> None:
        kinds = dict(KINDS)
        for pattern in own:
            if pattern.startswith("!"):
                kinds.pop(pattern[1:], None)
            else:
                kinds[pattern.strip("/")] = OWN
        self._keeps = frozenset(word[1:] for word in own if word.startswith("!"))
        self._kinds = [(_expression(pattern), why) for pattern, why in kinds.items()]
        # Most names match nothing: one look tells.
        self._any = re.compile("|".join(e.pattern for e, _ in self._kinds) or r"(?!)")

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
            if path not in folders:
                found = of_folder(_parent(path))
                if found is None and not is_tracked(path.rstrip("/")):
                    why = marked.get(path) or self._kind(path)
                    found = (path, why) if why else None
                folders[path] = found
            return folders[path]

        for name in new:
            found = of_folder(_parent(name))
            if found is None:
                why = self._kind(name)
                if not why and name.endswith("/"):
                    why = REPOSITORY
                if not why and _is_dot_file(name) and is_empty(name):
                    why = EMPTY
                found = (name, why) if why else None
            if found is None:
                kept.append(name)
            else:
                path, why = found
                out.setdefault(path, LeftOut(path, why, is_work=why in _IS_WORK))
        return kept, list(out.values())

    def _kind(self, name: str) -> str:
        path = f"/{name.rstrip('/')}"
        if path.lower().endswith("/.git"):
            return NAME
        if not self._any.search(path):
            return ""
        return next(why for kind, why in self._kinds if kind.search(path))


def _parent(path: str) -> str:
    folder = path.rstrip("/").rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _is_dot_file(name: str) -> bool:
    return name.startswith(".") and "/" not in name and name not in _WANTED_EMPTY


def _expression(pattern: str) -> re.Pattern[str]:
    """Return what finds a pattern at the end of a path that begins with a slash."""
    return re.compile(f"/{re.escape(pattern)}$".replace(r"\*", "[^/]*"))
