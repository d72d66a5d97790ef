"""The repository under repair, and the program's way to speak and to give up."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

TEST_SECONDS = 10.0

Line = tuple[str, int]  # a path below the workspace, a line counted from 1


class NoRepair(Exception):
    """Nothing was changed, and the message says why."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The repository under repair and how its tests are imported."""

    root: Path
    import_paths: tuple[Path, ...]
    test_folder: Path
    test_seconds: float = TEST_SECONDS  # of processor time, then a test has failed

    @property
    def sources(self) -> list[Path]:
        """The Python files that may be edited, below the root."""
        files = (p.relative_to(self.root) for p in self.root.rglob("*.py"))
        return sorted(p for p in files if not is_test_file(p) and not _is_hidden(p))


@dataclass(frozen=True, slots=True)
class Reporter:
    """Prints progress, slowly enough for a person to follow if that is asked for."""

    pace_seconds: float = 0.0

    def step(self, number: int, text: str) -> None:
        """Announce one of the four steps."""
        self.say(f"step {number} of 4: {text}")
        time.sleep(self.pace_seconds)

    def say(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def open_workspace(root: Path, *, test_seconds: float = TEST_SECONDS) -> Workspace:
    """Return how the repository is laid out: ``src`` and ``tests``, or neither."""
    root = root.resolve()
    tests = root / "tests"
    folder = tests if tests.is_dir() else root
    paths = [root]
    if (root / "src").is_dir():
        paths.insert(0, root / "src")
    if folder != root and not (folder / "__init__.py").is_file():
        paths.insert(0, folder)
    return Workspace(root, tuple(paths), folder, test_seconds)


def is_test_file(path: Path) -> bool:
    """Return whether a file belongs to the tests and is never edited."""
    folders = {"tests", "test"}.intersection(path.parts[:-1])
    name = path.stem
    return bool(folders) or name == "conftest" or name.startswith("test_")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
