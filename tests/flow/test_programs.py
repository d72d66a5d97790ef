"""An operator's program that cannot be run is said at the start, not by each item."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from tests.flow.world import world


async def test_the_start_names_every_program_that_cannot_be_run(tmp_path: Path):
    async with world(tmp_path) as on:
        on.settings_file["commands"] |= {"fix": ["no-such-agent"], "scan": ["/no/such"]}
        with pytest.raises(SettingsError) as raised:
            async with on.bot():
                pytest.fail("it started")
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("commands.fix: no-such-agent is not on the PATH")
    assert lines[1:] == ["commands.scan: /no/such does not exist"]


async def test_a_program_that_goes_meanwhile_is_named_and_tried_once(tmp_path: Path):
    program = tmp_path / "agent"
    program.write_text("#!/bin/sh\necho x > x\n")
    program.chmod(0o755)
    async with world(tmp_path) as on:
        on.issue(12)
        on.settings_file["commands"] = {"implement": [str(program)]}
        async with on.bot():
            program.unlink()
            await on.finished(on.say("/batch 12"))
            report = on.said("report")
    assert "the program agent cannot be run on this server any more" in report
    assert str(tmp_path) not in report
    assert "look at its `commands`" in report
    assert "A retry alone will not help." in report
