import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.model import AttemptId, InstallationId, Repository
from bot.errors import SettingsError
from bot.host.folders import Folders
from bot.host.isolation import Isolation, View, choose
from bot.ports.host import Workspace
from tests.host.gitting import Remote

REPOSITORY = Repository(7, "acme/widgets", InstallationId(1))
ATTEMPT = AttemptId("b7k2-12-1")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    root = tmp_path / "data"
    root.mkdir()
    (root / "batch.db").write_text("the database")
    return Folders(root)


@pytest.fixture
def remote(github: Remote, tmp_path: Path) -> Remote:
    """Return a copy of the module's remote repository, which is made once."""
    return github.copied_to(tmp_path / "github")


@pytest.fixture
def workspace(folders: Folders) -> Workspace:
    path = folders.attempt(ATTEMPT).workspace
    path.mkdir(parents=True)
    return Workspace(ATTEMPT, str(path), "0" * 40)


@pytest.fixture
def view(folders: Folders) -> View:
    return View(hidden=(folders.root,))


def bubblewrap_or_skip(view: View) -> Isolation:
    """Return bubblewrap; skip the test, and say what went wrong, where it fails."""
    try:
        return choose("required", view)
    except SettingsError as error:
        pytest.skip(str(error))


@pytest.fixture
def bubblewrap(view: View) -> Isolation:
    return bubblewrap_or_skip(view)


@pytest.fixture
def unprotected(view: View) -> Isolation:
    return choose("off", view)


@pytest.fixture
def too_deep(tmp_path: Path) -> Iterator[Path]:
    """Yield an empty folder that may get deeper than Python, and so pytest, can delete."""
    folder = tmp_path / "deep"
    folder.mkdir()
    yield folder
    subprocess.run(["/bin/rm", "-rf", str(folder)], check=True)  # noqa: S603
