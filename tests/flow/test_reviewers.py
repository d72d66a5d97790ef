"""The reviewers of ``.github/docs/reviews.md``, run as they stand there."""

import os
import sys
from pathlib import Path

import pytest
import yaml

from bot.errors import SettingsError
from bot.host.clock import SystemClock
from bot.host.isolation import View, choose
from bot.localhub.pulls import pull_of
from tests.flow.test_review import comments, push, reviews, said
from tests.flow.world import World, world

DOCS = Path(__file__).parents[2] / ".github/docs/reviews.md"
BESIDE_PYTHON = Path(sys.executable).parent

pytestmark = pytest.mark.slow


def recipe(program: str) -> list[str]:
    """Return the command that the docs have for a program."""
    blocks = DOCS.read_text("utf-8").split("```yaml\n")[1:]
    found = [yaml.safe_load(block.partition("```")[0]) for block in blocks]
    argvs = [one["review"] for one in found if isinstance(one.get("review"), list)]
    return next(argv for argv in argvs if program in str(argv))


@pytest.fixture
def isolation(tmp_path: Path) -> str:
    try:
        choose("required", View(hidden=(tmp_path,)))
    except SettingsError:
        return "off"
    return "required"


async def look(
    on: World, monkeypatch: pytest.MonkeyPatch, program: str, isolation: str
) -> None:
    """Have #61 reviewed by what the docs say of *program*."""
    monkeypatch.setenv("PATH", f"{BESIDE_PYTHON}:{os.environ['PATH']}")
    on.settings_file["commands"]["review"] = recipe(program)
    async with on.bot(BATCH_SANDBOX=isolation):
        on.say("/batch review 61 retries:0")
        await on.until(lambda: on.comments("report"))
    assert "1 of 1 done" in on.said("report"), on.said("report")


async def test_ruff_by_sarif(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
):
    async with world(tmp_path, clock=SystemClock()) as on:
        on.hub.push(
            "ada", "acme/widgets", "main", {"old.py": "import re\n"}, message=""
        )
        on.pull_request(61)
        push(on, 61, {"src/a b.py": "import os\nimport sys\n\nprint(sys.path)\n"})
        await look(on, monkeypatch, "ruff", isolation)
        (comment,) = comments(on, 61)
        (posted,) = reviews(on, 61)
    assert (comment.path, comment.line) == ("src/a b.py", 1)
    rule = "[F401](https://docs.astral.sh/ruff/rules/unused-import)"
    assert comment.body.startswith(f"❌ **{rule}** `os` imported but unused")
    assert comment.body.endswith("```suggestion\n```")  # the line goes
    assert said(posted).startswith("**`review` has 1 remark; ")
    assert "ruff · isolation: " in said(posted)
    assert "old.py" not in said(posted)


async def test_codespell_by_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
):
    async with world(tmp_path, clock=SystemClock()) as on:
        on.pull_request(61)
        push(on, 61, {"docs/a.md": "One\nTwo wich recieve `x`.\nThree\n"})
        await look(on, monkeypatch, "codespell", isolation)
        found = {one.line: one.body for one in comments(on, 61)}
        (posted,) = reviews(on, 61)
    assert [*found] == [2]
    assert "`wich`: is that which?" in found[2]
    assert "```suggestion\nTwo which recieve `x`.\n```" in found[2]
    assert "`recieve`: is that receive?" in found[2]
    assert found[2].count("```suggestion") == 1
    assert said(posted).startswith("**`review` has 2 remarks** at `")


async def test_a_change_that_a_linter_has_nothing_to_do_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
):
    async with world(tmp_path, clock=SystemClock()) as on:
        on.hub.push(
            "ada", "acme/widgets", "main", {"old.py": "import re\n"}, message=""
        )
        on.pull_request(61)
        await look(on, monkeypatch, "ruff", isolation)
        (posted,) = reviews(on, 61)
        assert posted.commit_id == pull_of(on.thread(61)).head_sha
    assert said(posted).startswith("**`review` has no remark** at `")
