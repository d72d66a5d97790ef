"""What a start of the bot does not pay for."""

import json
import subprocess
import sys

import pytest

EXTRA = ("graphql", "mdit_py_plugins", "nh3")
"""What comes with the extra [demo]."""

PAGES = ("aiohttp_sse", "jinja2")
"""What only a bot with pages needs."""

DEMO = ("bot.demo", "bot.localhub")


def imported(script: str) -> set[str]:
    """Return the names of the modules that a new Python has after *script*."""
    script += "\nimport json, sys; print(json.dumps([*sys.modules]))"
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


COMMANDS = ("bot.commandline.batches", "bot.commandline.database")
"""What reads or asks, and ends."""

BOT = ("bot.app", "bot.wiring", "bot.engine", "bot.github", "gidgethub")
"""What only a bot that runs needs."""


@pytest.mark.parametrize("module", ["bot.app", *COMMANDS])
def test_the_bot_imports_nothing_of_the_demo_and_the_pages(module: str):
    assert not imported(f"import {module}") & {*EXTRA, *DEMO, *PAGES}


def test_the_bot_starts_without_what_only_the_demo_needs():
    hidden = "import sys\n" + "\n".join(f"sys.modules[{n!r}] = None" for n in EXTRA)
    found = imported(f"{hidden}\nimport bot.app, bot.__main__")
    assert "bot.app" in found


@pytest.mark.parametrize("module", ["bot.__main__", *COMMANDS])
def test_a_command_imports_nothing_of_the_bot_that_runs(module: str):
    assert not imported(f"import {module}") & {*BOT}
    assert "aiohttp" not in imported("import bot.__main__")
