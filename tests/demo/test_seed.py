import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.plan.sources import read_configuration
from bot.demo.seed import REPOSITORY, read_entries, read_files, seed
from bot.localhub import mergeability
from bot.localhub.hub import LocalHub
from bot.localhub.state import Thread

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IMPLEMENTED = (12, 15, 19, 22, 23, 24, 26, 27, 31, 33)


def make_hub(folder: Path) -> LocalHub:
    hub = LocalHub(
        base_url="http://github.test",
        data_dir=folder,
        now=lambda: NOW,
        private_key="",
        public_key="",
        webhook_secret="",
    )
    seed(hub)
    return hub


def make_workspace(folder: Path) -> Path:
    for name, text in read_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> LocalHub:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "workspace")


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the tests that fail before anything is repaired."""
    return failures(make_workspace(tmp_path_factory.mktemp("failing")))


def run(workspace: Path, *words: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - Python itself
        [sys.executable, "-B", *words],
        cwd=workspace,
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def repair(workspace: Path, thread: Thread) -> tuple[int, str]:
    item = workspace.parent / "item.json"
    item.write_text(
        json.dumps(
            {
                "number": thread.number,
                "kind": "issue",
                "title": thread.title,
                "body": thread.body,
                "labels": [label.name for label in thread.labels],
            }
        )
    )
    root = str(Path(__file__).parents[2])
    return run(
        workspace,
        "-P",
        "-m",
        "bot.demo.repair",
        BATCH_ITEM_FILE=str(item),
        BATCH_OUTPUT=str(workspace.parent),
        PYTHONPATH=root,
    )


def contents(workspace: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in workspace.rglob("*") if p.is_file()}


def failures(workspace: Path) -> set[str]:
    _, output = run(workspace, "-m", "unittest")
    return {
        line.split(" (")[1].rstrip(")")
        for line in output.splitlines()
        if line.startswith(("FAIL:", "ERROR:"))
    }


def open_issues(hub: LocalHub) -> list[Thread]:
    threads = hub.repository(REPOSITORY).visible_threads()
    return [t for t in threads if t.is_open and t.pull is None]


def test_every_failing_test_belongs_to_an_open_issue(
    hub: LocalHub, failing: set[str]
) -> None:
    texts = "\n".join(thread.body for thread in open_issues(hub))
    names = {name.rpartition(".")[2]: name for name in failing}
    unnamed = {name for short, name in names.items() if short not in texts} - {
        "tests.test_formatting.FormatTest.test_the_empty_tuple",
        "tests.test_catalogue.PageTest.test_the_first_page_has_the_first_widgets",
        "tests.test_catalogue.PageTest.test_the_last_page_has_the_rest",
    }
    assert unnamed == set()
    assert len(names) >= 14


@pytest.mark.parametrize("number", IMPLEMENTED)
def test_an_issue_is_repaired_on_main(
    number: int, hub: LocalHub, workspace: Path, failing: set[str]
) -> None:
    code, output = repair(workspace, hub.thread(REPOSITORY, number))
    assert code == 0, output
    assert failures(workspace) < failing
    assert f"(#{number})." in (workspace / "CHANGELOG.md").read_text()


def test_a_tuple_needs_the_parser_and_then_the_formatter(
    hub: LocalHub, workspace: Path
) -> None:
    before = contents(workspace)
    code, output = repair(workspace, hub.thread(REPOSITORY, 18))
    assert code == 1, output
    assert contents(workspace) == before

    for number in (12, 18, 20):
        code, output = repair(workspace, hub.thread(REPOSITORY, number))
        assert code == 0, output
    assert not {name for name in failures(workspace) if "uple" in name}


def test_windows_paths_need_more_than_one_line(hub: LocalHub, workspace: Path) -> None:
    code, output = repair(workspace, hub.thread(REPOSITORY, 21))
    assert code == 1
    assert "small edits" in output


def test_the_numbers_of_a_range_have_gaps_and_closed_ones(hub: LocalHub) -> None:
    threads = hub.repository(REPOSITORY).threads
    there = [number for number in range(12, 25) if number in threads]
    assert there == [12, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]
    assert [n for n in there if not threads[n].is_open] == [13, 16, 17]
    assert threads[17].state_reason == "not_planned"


def test_dependencies_stand_in_the_text_and_in_github(hub: LocalHub) -> None:
    thread = hub.thread(REPOSITORY, 24)
    assert [t.number for t in thread.blocked_by] == [23]
    assert "Depends on #18" in hub.thread(REPOSITORY, 20).body
    release = hub.thread(REPOSITORY, 40)
    assert [t.number for t in release.sub_issues] == [12, 15, 18, 19, 20]
    assert "- [ ] #23" in release.body


def test_pull_requests_are_clean_failing_and_in_conflict(hub: LocalHub) -> None:
    states = {
        number: mergeability.state(hub.thread(REPOSITORY, number), app_id=hub.app.id)
        for number in (61, 63, 64)
    }
    assert states == {61: "clean", 63: "unstable", 64: "dirty"}
    merged = hub.thread(REPOSITORY, 16)
    assert merged.pull is not None
    assert merged.pull.is_merged


def test_roles_are_as_the_page_says(hub: LocalHub) -> None:
    repository = hub.repository(REPOSITORY)
    roles = {name: repository.role(name) for name in ("ada", "grace", "linus")}
    assert roles == {"ada": "admin", "grace": "maintain", "linus": "write"}
    assert repository.role("newcomer") == "read"
    assert hub.state.installation_of(repository) is not None


def test_the_configuration_is_one_that_the_bot_reads() -> None:
    configuration = read_configuration(read_files()[".github/batch.yml"])
    assert list(configuration.review_requests) == ["team:batch-reviewers"]
    assert list(configuration.labels) == ["batch"]


def test_main_has_exactly_the_files_and_the_same_commits_every_time(
    hub: LocalHub, tmp_path: Path
) -> None:
    git = hub.repository(REPOSITORY).git
    for path, text in read_files().items():
        assert git.read_file("main", path) == text.encode()
    assert make_hub(tmp_path).repository(REPOSITORY).git.resolve("main") == git.resolve(
        "main"
    )


def test_everything_lies_in_the_past_in_the_order_of_the_numbers(
    hub: LocalHub,
) -> None:
    threads = hub.repository(REPOSITORY).visible_threads()
    assert len(threads) == len(read_entries())
    created = [thread.created_at for thread in threads]
    assert created == sorted(created)
    assert created[-1] < NOW
    for thread in threads:
        for comment in thread.comments:
            assert thread.created_at < comment.created_at < NOW
