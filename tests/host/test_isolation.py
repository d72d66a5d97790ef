import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.errors import SettingsError
from bot.host import isolation as isolating
from bot.host.folders import AttemptFolder, Folders
from bot.host.isolation import Isolation, View, choose, try_out
from tests.host.conftest import bubblewrap_or_skip

pytestmark = pytest.mark.slow


def nothing_works(isolation: Isolation) -> str:
    return "bwrap: No permissions to create new namespace"


def test_required_without_bubblewrap_says_what_to_do(view: View, monkeypatch):
    monkeypatch.setattr(isolating, "try_out", nothing_works)
    with pytest.raises(SettingsError) as raised:
        choose("required", view)
    message = str(raised.value)
    assert "No permissions to create new namespace" in message
    assert "apt install bubblewrap" in message
    assert "BATCH_SANDBOX=best-effort" in message


def test_required_chooses_bubblewrap(bubblewrap: Isolation, view: View):
    assert choose("required", view).name == bubblewrap.name == "bubblewrap"
    assert "network off" in bubblewrap.notes


def test_best_effort_does_with_what_works(view: View, monkeypatch):
    def only_namespaces(isolation: Isolation) -> str:
        return "" if isolation.name == "process namespace" else "no"

    monkeypatch.setattr(isolating, "try_out", only_namespaces)
    isolation = choose("best-effort", view)
    assert isolation.name == "process namespace"
    assert "commands can read and change the bot's files" in isolation.notes


def test_best_effort_without_anything_says_so(view: View, monkeypatch):
    monkeypatch.setattr(isolating, "try_out", nothing_works)
    isolation = choose("best-effort", view)
    assert isolation.name == "none"
    assert isolation.notes


def test_off_tries_nothing(view: View, monkeypatch, folders: Folders):
    monkeypatch.delattr(isolating, "try_out")
    isolation = choose("off", view)
    folder = AttemptFolder(folders.root)
    assert isolation.wrap(["agent", "-p"], folder) == ["agent", "-p"]


def test_a_way_that_does_not_exist_does_not_work():
    missing = Isolation("x", (), lambda folder, trail: ["/no/such/program"])
    assert "No such file" in try_out(missing)


def test_a_way_that_cannot_write_does_not_work():
    pretends = Isolation("x", (), lambda folder, trail: ["sh", "-c", "exit 0"])
    assert try_out(pretends)


def test_this_python_shows_even_inside_a_folder_of_the_bot(
    tmp_path: Path, bubblewrap: Isolation, monkeypatch
):
    """A database in the folder of the bot itself, beside its virtual environment."""
    for name in ("app/venv/bin", "a"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "app/venv"))
    isolation = choose("required", View(hidden=(tmp_path / "app",)))
    text = " ".join(isolation.wrap(["x"], AttemptFolder(tmp_path / "a")))
    app = tmp_path / "app"
    covered = max(text.find(f"--tmpfs {place} ") for place in (app, *app.parents))
    assert -1 < covered < text.index(f"--ro-bind {tmp_path}/app/venv ")


def test_a_checkout_in_the_temporary_folder_shows(monkeypatch):
    """With its own temporary folder laid over the real one first, not last."""
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        (folder / "venv").mkdir()
        monkeypatch.setattr(sys, "prefix", str(folder / "venv"))
        argv = bubblewrap_or_skip(View()).wrap(["x"], AttemptFolder(folder / "a"))
    text = " ".join(argv)
    assert text.index(" /tmp --bind ") < text.index(f"--ro-bind {folder}/venv ")
