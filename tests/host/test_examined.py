"""What an operator is told of this machine."""

import asyncio
import os
from pathlib import Path

import pytest

from bot.core.say.problems.git import NoGit
from bot.host.examined import HostExamined
from bot.host.folders import Folders
from bot.host.git import Git
from bot.host.isolation import View, choose
from bot.ports.examined import State


def machine(tmp_path: Path, *argv: str, doubts: tuple[str, ...] = ()) -> HostExamined:
    isolation = choose("off", View())
    commands = {"implement": argv} if argv else {}
    return HostExamined(
        Folders(tmp_path),
        isolation=isolation,
        git=Git(environment=dict(os.environ), host=Folders(tmp_path).host),
        commands=commands,
        path="/usr/bin:/bin",
        doubts=doubts,
    )


async def test_all_is_fine_where_git_and_the_programs_are(tmp_path: Path):
    found = await machine(tmp_path, "sh", "-c", "true").examine()
    assert {one.state for one in found} == {State.FINE}
    assert [one.part for one in found] == ["isolation", "git", "commands"]


async def test_a_machine_without_git_cannot_work_until_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    examined = machine(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(examined._git, "fault", lambda: asyncio.sleep(0, NoGit("2.38")))
        broken = [o for o in await examined.examine() if o.state is State.BROKEN]
    assert [one.words for one in broken] == [str(NoGit("2.38"))]
    assert {one.state for one in await examined.examine()} == {State.FINE}


async def test_a_program_that_has_gone_since_the_start_is_a_note(tmp_path: Path):
    program = tmp_path / "fix"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    examined = machine(tmp_path, str(program), doubts=("commands.x: misses y",))
    notes = [o.words for o in await examined.examine() if o.state is State.NOTE]
    assert notes == ["commands.x: misses y"]
    program.unlink()
    gone, _ = [o.words for o in await examined.examine() if o.state is State.NOTE]
    assert gone.startswith("commands.implement: ")
    assert str(program) in gone
