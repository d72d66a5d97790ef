"""README, app.yml and what surrounds the code say what the code does."""

import re
import subprocess
from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.__main__ import main
from bot.core.actions.table import ACTIONS
from bot.core.command.trigger import EVENTS, WAKING
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    CONTROLS,
    FILTERS,
    TOPICS,
)
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.keys import KEYS
from bot.core.plan.sources import read_configuration
from bot.core.say.configuration import keys
from bot.core.world.permissions import PERMISSIONS
from bot.errors import SettingsError
from bot.github.checkup import ALWAYS_SENT, NEEDED_EVENTS
from bot.localhub.api import all_routes
from bot.localhub.server import app_key
from bot.settings import Settings, load_settings, variables
from bot.settings.file import SettingsFile
from tests.flow.world import world

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = ["README.md", *sorted(map(str, Path(".github/docs").glob("*.md")))]
DOCS = "\n".join((ROOT / page).read_text() for page in PAGES)
APP = yaml.safe_load((ROOT / "app.yml").read_text())
CI = (ROOT / ".ci/run").read_text()
NEEDED = {"APP_ID": "1", "PRIVATE_KEY": app_key()[0], "WEBHOOK_SECRET": "s"}


def section(heading: str) -> str:
    """Return what stands under a heading of the pages, with its subsections."""
    level = len(heading) - len(heading.lstrip("#"))
    after = DOCS.split(f"\n{heading}\n")[1]
    return re.split(rf"^#{{1,{level}}} ", after, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of all tables, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [at for at, row in enumerate(cells) if set("".join(row)) <= set(":-")]
    return [r for n, r in enumerate(cells) if n not in rules and n + 1 not in rules]


def spans(text: str) -> list[str]:
    """Return what stands in code spans."""
    return re.findall(r"`([^`\n]+)`", text)


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(
        rf"^ *```{language}\n(.*?)^ *```$", DOCS, re.DOTALL | re.MULTILINE
    )


# --- the command language ---


@pytest.mark.parametrize("control", CONTROLS)
def test_every_control_is_in_the_readme(control: str):
    assert any(s.startswith(f"/batch {control}") for s in spans(section("## Commands")))


def test_exactly_the_options_are_in_the_readme():
    commands = section("## Commands")
    table = commands[commands.index("| Option |") : commands.index("### ")]
    assert {spans(row[0])[0] for row in rows(table)} == {
        *BATCH_OPTIONS,
        "again",
        "dry-run",
    }


@pytest.mark.parametrize("word", [*FILTERS, *COLLECTIONS])
def test_every_selector_is_in_the_readme(word: str):
    assert any(span.startswith(f"{word}:") for span in spans(section("## Commands")))


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_of_the_help_is_in_the_readme(topic: str):
    assert f"`{topic}`" in section("## Commands")


def test_every_action_is_in_the_readme_with_whether_this_version_does_it():
    commands = section("## Commands")
    table = commands[commands.index("| Action |") : commands.index("| Option |")]
    does, refuses = set[str](), set[str]()
    for row in rows(table):
        names = {span.split()[0] for span in spans(row[0])}
        (refuses if "this version refuses" in row[2] else does).update(names)
    assert does | refuses == set(ACTIONS)
    assert refuses == {name for name, spec in ACTIONS.items() if not spec.next_step}


# --- the command line and the settings ---


@pytest.mark.parametrize("command", main.commands)
def test_every_command_is_in_the_readme(command: str):
    assert re.search(rf"python -m bot {command}\b", DOCS)


def test_exactly_the_variables_are_in_the_readme_with_their_other_names():
    documented: dict[str, tuple[str, ...]] = {}
    for name, _, meaning, *_ in rows(section("## Settings")):
        also = re.search(r"also (.*?)$", meaning)
        others = tuple(spans(also[1])) if also else ()
        documented |= dict.fromkeys(spans(name), others)
    assert documented == variables()


def test_the_defaults_in_the_readme_are_those_of_the_code():
    stated = {}
    for row in rows(section("## Settings")):
        for name, value in zip(spans(row[0]), row[1].split(", "), strict=False):
            if value.startswith("`"):
                stated[name] = spans(value)[0]
    del stated["LOG_FORMAT"]  # depends on where the logs go
    assert len(stated) > 10
    default, given = (
        load_settings(NEEDED | extra, env_file=ROOT / "no.env")
        for extra in ({}, stated)
    )
    assert given.api_url == default.api_url
    same = {"github_api_url": default.github_api_url}  # empty: derived from GHE_HOST
    assert given.model_copy(update=same) == default


def test_the_settings_file_in_the_readme_has_everything_and_is_valid(tmp_path: Path):
    block = next(
        block for block in blocks("yaml") if "named by BATCH_SETTINGS_FILE" in block
    )
    content = yaml.safe_load(block)
    assert set(content) == set(SettingsFile.model_fields)
    file = tmp_path / "batch-bot.yml"
    file.write_text(block)
    settings: Settings = load_settings(
        NEEDED | {"BATCH_SETTINGS_FILE": str(file)}, env_file=ROOT / "no.env"
    )
    assert settings.commands["implement"]


def test_the_configuration_in_the_readme_is_the_default_but_for_its_own():
    block = next(block for block in blocks("yaml") if "confirm_over" in block)
    shown = read_configuration(block)
    assert replace(shown, actions={}, rules=()) == RepositoryConfiguration()
    assert shown.actions
    assert shown.rules
    text = section("### `.github/batch.yml`")
    assert [name for name in KEYS if name not in text] == []


def test_the_table_of_keys_is_the_one_that_the_file_is_read_by():
    text = (ROOT / ".github/docs/configuration.md").read_text("utf-8")
    assert keys() in text


# --- app.yml ---


def test_exactly_the_events_that_the_code_reads_are_subscribed_to():
    source = (ROOT / "bot/core/command/trigger.py").read_text()
    cases = re.findall(
        r'^            case ((?:"\w+"(?: \| )?)+), ', source, re.MULTILINE
    )
    assert len(cases) > 5
    handled = {name for case in cases for name in re.findall(r'"(\w+)"', case)}
    assert handled == EVENTS
    assert set(APP["default_events"]) == (handled - ALWAYS_SENT) | WAKING
    assert set(APP["default_events"]) == NEEDED_EVENTS  # of the doctor


def test_exactly_the_permissions_of_the_code_are_asked_for_and_explained():
    levels = {name: permission.level for name, permission in PERMISSIONS.items()}
    assert APP["default_permissions"] == levels
    explained = [
        [
            f"`{name}: {permission.level}`",
            permission.purpose,
            "yes" if permission.is_used else "not yet",
        ]
        for name, permission in PERMISSIONS.items()
    ]
    assert rows(section("## Permissions")) == explained


async def test_exactly_the_permissions_that_are_said_to_be_in_use_are(tmp_path: Path):
    """The local GitHub refuses what a permission is missing for, as GitHub does."""
    asked: dict[str, str] = dict(APP["default_permissions"])
    async with world(tmp_path) as on:
        events = tuple(APP["default_events"])
        on.hub.app = replace(on.hub.app, events=events)
        for installation in on.hub.state.installations.values():
            installation.permissions = dict(asked)
        on.issue(12, "write file12.txt hello")
        async with on.bot():
            for command in ("12", "label +x 12", "assign +linus 12", "close 12"):
                await on.finished(on.say(f"/batch {command}"))
            await on.finished(on.say('/batch comment "Thanks." 12'))
        pushed = set(on.pull_requests())
        log = list(on.hub.log)
    assert pushed == {12}
    assert [(e.method, e.path) for e in log if e.status == 403] == []
    used = {"contents": "write"}  # git pushed
    routes = {(route.method, route.template): route for route in all_routes()}
    for exchange in log:
        route = routes.get((exchange.method, exchange.template or ""))
        for permission in route.permissions if route else ():
            used[permission] = max(used.get(permission, "read"), route.level)  # type: ignore[union-attr]  # there is one
    in_use = {
        name for name, one in PERMISSIONS.items() if one.is_used and not one.is_optional
    }
    assert used == {name: asked[name] for name in in_use}


# --- the README's two commands, which are the gate's ---


def test_the_gate_runs_exactly_the_readmes_two_commands():
    function = re.search(r"^readme_command\(\) \{.*?^\}$", CI, re.DOTALL | re.MULTILINE)
    assert function
    first, second = blocks("sh")
    for number, block in enumerate((first, second), 1):
        assert f'"$(readme_command {number})"' in CI
        script = f"{function[0]}\nreadme_command {number}"
        argv = ["bash", "-euo", "pipefail", "-c", script]
        printed = subprocess.run(  # noqa: S603 - our own words
            argv, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert printed == block
    assert "-m bot demo --once" in first
    assert "-m pytest" in second


# --- what the README has room for, and how the bot is run ---


def test_the_readme_is_short_and_each_promise_names_its_test():
    assert len(README.splitlines()) < 200
    promises = re.split(r"^\d+\. ", section("## What it promises"), flags=re.MULTILINE)
    assert len(promises) == 11
    assert all(re.search(r"`tests/[\w/]+\.py`", one) for one in promises[1:])


def test_the_example_of_env_is_what_is_read_but_for_its_files(tmp_path: Path):
    block = next(block for block in blocks("ini") if ".env.example" in block)
    lines = [line.strip() for line in block.splitlines()]
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    commented = {line[2:].split("=")[0] for line in lines if re.match(r"# \w+=", line)}
    of_others = {"ANTHROPIC_API_KEY"}
    assert given.keys() - of_others <= variables().keys()
    assert commented == {"HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
    (tmp_path / ".env").write_text(block)
    options = {"PRIVATE_KEY": app_key()[0], "BATCH_SETTINGS_FILE": None}
    with pytest.raises(
        SettingsError, match="PRIVATE_KEY_PATH cannot be read as a file"
    ):
        load_settings(options, env_file=tmp_path / ".env")


def test_the_machines_of_a_pool_take_the_words_of_its_page():
    page = (ROOT / ".github/docs/pool.md").read_text()
    unit = ConfigParser()
    unit.read_string(re.findall(r"^```ini\n(.*?)^```$", page, re.DOTALL | re.M)[0])
    assert unit["Service"]["Restart"] == "always"  # its version may fit tomorrow
    given = re.findall(r"python -m bot (scheduler|worker)\b([^#`\n)]*)", page)
    assert len(given) >= 5
    for name, words in given:
        main.commands[name].make_context(name, words.split())


def test_the_unit_of_systemd_leaves_what_the_isolation_needs():
    block = next(block for block in blocks("ini") if "[Service]" in block)
    unit = ConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # as its documentation has it
    unit.read_string(block)
    service = unit["Service"]
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["ExecStart"].endswith("-m bot run")
    shutdown = Settings.model_fields["shutdown_seconds"].default
    assert int(service["TimeoutStopSec"]) > shutdown
    breaking = {
        "ProtectKernelTunables",
        "ProtectProc",
        "ProcSubset",
        "RestrictNamespaces",
        "SystemCallFilter",
        "PrivateUsers",
    }
    assert not breaking & set(service)


# --- links and words ---


@pytest.mark.parametrize("name", [*PAGES, ".github/CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name: str):
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))
    for link in links:
        if "://" not in link:
            page, _, anchor = link.partition("#")
            path = (ROOT / name).parent / page if page else ROOT / name
            assert path.exists(), link
            assert not anchor or anchor in anchors_of(path.read_text()), link


def anchors_of(text: str) -> set[str]:
    """Return the names by which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("name", [*PAGES, ".github/CONTRIBUTING.md"])
def test_files_and_modules_that_are_named_exist(name: str):
    for span in spans((ROOT / name).read_text()):
        if re.fullmatch(r"(?:bot|tests|fixtures|\.ci)(?:/[\w./]+)?", span):
            assert (ROOT / span).exists(), span
        for module in re.findall(r"python -m (tests[\w.]+)", span):
            path = ROOT / module.replace(".", "/")
            files = (path.with_suffix(".py"), path / "__main__.py")
            assert any(file.exists() for file in files), module


def test_no_tracked_file_names_a_machine_or_the_host_of_a_registry():
    hosts = ("pypi" + ".org", "python" + "hosted", "npmjs" + ".", "deb." + "debian")
    paths = ("/" + "work/", "/" + "farm/", "/" + "root/")
    banned = [*hosts, *paths]
    patterns = [part for word in banned for part in ("-e", word)]
    found = subprocess.run(  # noqa: S603 - our own words
        ["git", "grep", "-nIF", *patterns],  # noqa: S607 - git is needed anyway
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (1, "")
