"""Real agents through the isolation up to two stacked pull requests, and up to a review.

``pytest tests/agents/sweep_agents.py`` installs Claude Code and Codex from npm and
aider from PyPI (1.5 GB) into a folder that it deletes, or into the one that ``AGENTS``
names, where they stay. Their model is the one of ``standin.py``.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from bot.host.clock import SystemClock
from bot.localhub import pulls
from tests.agents.standin import REVIEW, Model, model
from tests.flow.world import world
from tests.test_docs import blocks

NPM = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}
INSTALL_SECONDS = 900
RUN_SECONDS = 120


def recipes(action: str) -> dict[str, list[str]]:
    """Return the commands of the docs' recipes, by the name of the agent."""
    lines = "\n".join(blocks("yaml")).splitlines()
    commands = [
        line[len(action) + 2 :] for line in lines if line.startswith(f"{action}: [")
    ]
    found = [yaml.safe_load(command) for command in commands]
    return {
        agent: argv
        for agent in (*NPM, "aider")
        for argv in found
        if agent in str(argv[:3])
    }


@pytest.fixture(scope="session")
def agents() -> Iterator[Path]:
    """A folder with all of them, as in someone's home."""
    kept = os.environ.get("AGENTS")
    if not which("npm"):
        pytest.skip(
            "npm, which brings the agents, is not installed: it comes with Node"
        )
    if kept:
        install(Path(kept).resolve())
        yield Path(kept).resolve()
        return
    with TemporaryDirectory(prefix="agents-") as name:
        install(Path(name).resolve())
        yield Path(name).resolve()


def install(folder: Path) -> None:
    def run(*argv: str) -> None:
        subprocess.run(argv, check=True, timeout=INSTALL_SECONDS)  # noqa: S603 - ours

    folder.mkdir(parents=True, exist_ok=True)
    for program, package in NPM.items():
        if not (folder / "npm/bin" / program).exists():
            scripts = f"--allow-scripts={package}"
            run(
                "npm",
                "install",
                "-g",
                scripts,
                "--prefix",
                str(folder / "npm"),
                package,
            )
    if not (folder / "aider/bin/aider").exists():
        run(sys.executable, "-m", "venv", str(folder / "aider"))
        run(str(folder / "aider/bin/pip"), "install", "-q", "aider-chat")


def path_of(agents: Path, agent: str, layout: str, home: Path) -> Path:
    """Return the folder of the PATH that has an agent, installed as people have it."""
    own = agents / ("aider/bin" if agent == "aider" else "npm/bin")
    if layout == "npm or venv":
        return own
    # A link to one file, as the installer of Claude Code, pipx and uv leave it.
    folder = home / ".local/bin"
    folder.mkdir(parents=True)
    (folder / agent).symlink_to(
        (own / agent).resolve() if agent != "aider" else own / agent
    )
    return folder


def variables(agent: str, standin: Model) -> dict[str, str]:
    match agent:
        case "claude":
            return {
                "ANTHROPIC_BASE_URL": standin.url,
                "ANTHROPIC_API_KEY": "sk-ant-standin-0123456789",
                "DISABLE_AUTOUPDATER": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            }
        case "codex":
            return {"OPENAI_API_KEY": "sk-standin-0123456789"}
        case _:
            return {
                "OPENAI_API_BASE": f"{standin.url}/v1",
                "OPENAI_API_KEY": "sk-standin-0123456789",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            }


def command(action: str, agent: str, standin: Model) -> list[str]:
    """Return the recipe of the docs, aimed at the stand-in."""
    argv = recipes(action)[agent]
    if agent == "codex":
        provider = (
            f'{{name="standin", base_url="{standin.url}/v1", '
            'env_key="OPENAI_API_KEY", wire_api="responses"}'
        )
        options = ["model_provider=standin", f"model_providers.standin={provider}"]
        where = argv.index("exec") + 1
        more = [word for option in options for word in ("-c", option)]
        return [*argv[:where], "--model", "gpt-5", *more, *argv[where:]]
    return [word.replace("openai/gpt-5", "openai/standin") for word in argv]


@pytest.mark.timeout(RUN_SECONDS + INSTALL_SECONDS)
@pytest.mark.parametrize("layout", ["npm or venv", "one link", "system-wide"])
@pytest.mark.parametrize("agent", ["claude", "codex", "aider"])
async def test_an_agent_makes_two_stacked_pull_requests(
    agents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    agent: str,
    layout: str,
):
    own = "npm or venv" if layout == "system-wide" else layout
    folder = path_of(agents, agent, own, tmp_path / "home")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    async with model() as standin, world(tmp_path, clock=SystemClock()) as on:
        given = variables(agent, standin)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings: dict[str, Any] = {
            "commands": {"implement": command("implement", agent, standin)},
            "pass_environment": [*given],
            "network": True,
            # As a place where nothing hides it.
            "show": [str(agents)] if layout == "system-wide" else [],
        }
        on.settings_file.update(settings)
        on.issue(12)
        on.issue(15)
        async with on.bot(BATCH_SANDBOX="required"):
            on.say("/batch 12 15 after:12 timeout:3m retries:0")
            await on.until(lambda: on.comments("report"), seconds=RUN_SECONDS)
        opened = on.pull_requests()
        assert len(opened) == 2, on.said("report") + shown(tmp_path)
        first, second = (pulls.pull_of(opened[number]) for number in (12, 15))
        assert second.base_ref == first.head_ref
        for number, branch in ((12, first.head_ref), (15, second.head_ref)):
            text = on.repository.git.read_file(branch, f"agent-{number}.txt")
            assert text == b"fixed by an agent\n"
        files = on.repository.git.changed_files("main", second.head_ref)
        assert sorted(file.path for file in files) == ["agent-12.txt", "agent-15.txt"]


@pytest.mark.timeout(RUN_SECONDS + INSTALL_SECONDS)
@pytest.mark.parametrize("agent", ["claude", "codex"])
async def test_an_agent_reviews_a_pull_request(
    agents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str
):
    folder = path_of(agents, agent, "npm or venv", tmp_path / "home")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    async with model(REVIEW) as standin, world(tmp_path, clock=SystemClock()) as on:
        given = variables(agent, standin)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings: dict[str, Any] = {
            "commands": {"review": command("review", agent, standin)},
            "pass_environment": [*given],
            "network": True,
        }
        on.settings_file.update(settings)
        on.pull_request(61)
        async with on.bot(BATCH_SANDBOX="required"):
            on.say("/batch review 61 timeout:3m retries:0")
            await on.until(lambda: on.comments("report"), seconds=RUN_SECONDS)
        pull = pulls.pull_of(on.thread(61))
        assert len(pull.reviews) == 1, on.said("report") + shown(tmp_path)
        assert "`review` says:\n\nBy an agent." in pull.reviews[0].body
        (comment,) = pull.review_comments
        assert (comment.path, comment.line, comment.body) == ("topic61.txt", 1, "Why?")


def shown(folder: Path) -> str:
    """Return what the agents said, for whoever looks for a fault."""
    logs = (folder / "data/host/logs").glob("*.log")
    return "\n".join(f"--- {log.name}\n{log.read_text()[-4000:]}" for log in logs)
