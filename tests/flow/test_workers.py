"""Where commands run, told and refused before they do; actions that come and go."""

from pathlib import Path

import pytest

from tests.flow.packages import Package
from tests.flow.test_across import API, add
from tests.flow.test_command_line import cli
from tests.flow.world import World

HERE = """
class OneByOne:
    name = "one-by-one"
    outlives_the_bot = False

    def __init__(self, means):
        for name in ("takes", "why_not", "start", "find", "result", "stop", "clean"):
            setattr(self, name, getattr(means.local, name))
"""

SIGNED = """
from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Words
from bot.core.actions.step import Await, Do
from bot.core.effects import ChangeLabels
from bot.core.world.questions import ChecksOf


def next_step(job, seen):
    if "label" not in seen.receipts:
        return Do("label", ChangeLabels(job.repository, job.item.number, ("ready",)))
    return Await(ChecksOf(job.repository, "SHA"), "somebody's signature")


SIGNED = ActionSpec(
    "signed", Words("sign", "signing", "Signed", "have an issue signed"),
    AppliesTo.ISSUES, ItemNeed.OPEN, next_step,
)
"""


async def test_a_plan_shows_where_each_item_would_run(
    on: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each repository has the workers that its operator chose for it."""
    points = {"batch_bot.workers": {"one-by-one": "OneByOne"}}
    Package(tmp_path / "site", "one_by_one", HERE, points, monkeypatch)
    on.settings_file["workers"] = {"acme/widgets": ["one-by-one", "local"]}
    add(on)
    on.issue(12, "write a b")
    async with on.bot():
        said = await on.answer("/batch plan 12 acme/api#5")
        assert (
            "**Commands** that run: `implement` on `one-by-one`, for #12; `implement` on"
            " the bot's machine, for [acme/api#"
        ) in said
        _, told = await cli(on, "plan", API, "5 6")
        assert "implement on the bot's machine, for #5 and #6." in told
        command = on.say("/batch 12")
        await on.finished(command)
    assert 12 in on.pull_requests()


async def test_what_no_machine_has_is_refused_before_anything_starts(on: World):
    run = on.settings_file["commands"]["implement"]
    on.settings_file["commands"]["train"] = {"run": [*run], "needs": {"gpu": 1}}
    on.configure("actions: {train: {command: train}}")
    on.issue(12)
    async with on.bot():
        for command in ("train 12", "plan train 12", "train 12 15"):
            said = await on.answer(f"/batch {command}")
            assert "`train` needs a machine with `gpu: 1`, and the bot's own" in said
            assert "othing" in said
        on.assert_nothing_started()
        # It has become visible that there is more than one place.
        said = await on.answer("/batch plan 12")
        assert "`implement` on the bot's machine, for #12." in said


async def test_an_action_that_was_uninstalled_fails_its_items_and_no_others(
    on: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """One runs and one waits for it, while the bot is away."""
    points = {"batch_bot.actions": {"signed": "SIGNED"}}
    head = on.repository.git.refs()["refs/heads/main"]
    text = SIGNED.replace("SHA", head)
    package = Package(tmp_path / "site", "signed", text, points, monkeypatch)
    on.hub.add_label("acme/widgets", "ready")
    for number in (12, 15, 18):
        on.issue(number)
    async with on.bot():
        on.say(
            "/batch signed 12 signed:15 after:12 close:18 on-failure:continue timeout:5h"
        )
        await on.until(lambda: "somebody's signature" in on.said("tracking"))
        await on.until(lambda: on.thread(18).closed_at is not None)
    package.remove()
    async with on.bot():
        await on.until(lambda: on.comments("report"))
        report = on.said("report")
        assert await on.answer("/batch signed 15")
    assert "signed" in report
    assert dict(on.rows("SELECT item, state FROM items")) == {
        "12": "failed",
        "15": "skipped",
        "18": "completed",
    }
    assert "this server has no action `signed` any more" in report


async def test_a_repositorys_own_name_goes_before_one_from_outside(
    on: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    points = {"batch_bot.actions": {"signed": "SIGNED"}}
    Package(tmp_path / "site", "signed", SIGNED, points, monkeypatch)
    on.hub.add_label("acme/widgets", "ours")
    on.configure("actions: {signed: {uses: label, with: [+ours]}}")
    on.issue(12)
    async with on.bot():
        await on.finished(on.say("/batch signed 12"))
    assert [label.name for label in on.thread(12).labels] == ["ours"]
