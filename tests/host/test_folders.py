import os
import sys
from pathlib import Path

import pytest

from bot.host.folders import Folders, remove_tree


def nest(folder: Path, depth: int, name: str = "d") -> None:
    """Make folders inside each other, deeper than any path can say."""
    folder.mkdir(parents=True, exist_ok=True)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        deeper = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.mark.parametrize(("depth", "name"), [(3_000, "d"), (60, "n" * 200)])
def test_folders_go_however_deep_they_are(too_deep: Path, depth: int, name: str):
    nest(too_deep, depth, name)
    nest(too_deep / "beside", depth, name)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        remove_tree(too_deep)
    finally:
        sys.setrecursionlimit(limit)
    assert list(too_deep.parent.iterdir()) == []


def test_folders_go_that_a_command_closed(tmp_path: Path):
    nest(tmp_path / "closed", 3)
    (tmp_path / "closed" / "d" / "d").chmod(0)
    (tmp_path / "closed" / "d").chmod(0o500)
    (tmp_path / "closed").chmod(0)
    remove_tree(tmp_path / "closed")
    assert list(tmp_path.iterdir()) == []


def test_what_links_lead_to_stays(tmp_path: Path):
    kept = tmp_path / "kept"
    nest(kept, 1)
    (tmp_path / "gone" / "inside").mkdir(parents=True)
    for name in ("link", "inside/link"):
        (tmp_path / "gone" / name).symlink_to(kept)
    (tmp_path / "itself").symlink_to(kept)
    remove_tree(tmp_path / "gone")
    remove_tree(tmp_path / "itself")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "d" / "file").exists()


def test_strange_names_go_and_nothing_is_no_error(tmp_path: Path):
    strange = tmp_path / "strange"
    for name in (b"-rf", b"\xff\xfe", "nöt\nplain".encode(), b" "):
        path = strange / os.fsdecode(name)
        path.mkdir(parents=True)
        os.mkfifo(path / "fifo")
    remove_tree(strange)
    remove_tree(strange)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def stubborn(monkeypatch):
    """A file that the kernel does not let go, as an immutable one."""
    unlink = os.unlink

    def refuse(name, *rest, **more):
        if name == "stays":
            raise PermissionError(1, "Operation not permitted", name)
        unlink(name, *rest, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    return monkeypatch


def test_what_will_not_go_is_moved_aside_and_tried_again(tmp_path: Path, stubborn):
    folders = Folders(tmp_path)
    attempt = folders.attempts / "b7k2-12-1"
    for name in ("a/b/stays", "a/goes", "goes"):
        (attempt / name).parent.mkdir(parents=True, exist_ok=True)
        (attempt / name).write_text("x")
    folders.discard(attempt)
    assert not attempt.exists()
    (name,) = folders.left_aside()
    assert name.startswith("b7k2-12-1-")
    left = [path.name for path in folders.aside.rglob("*") if path.is_file()]
    assert left == ["stays"]
    folders.discard_again()
    assert folders.left_aside() == (name,)
    stubborn.undo()
    folders.discard_again()
    assert folders.left_aside() == ()
