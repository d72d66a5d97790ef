import pytest

from bot.core.model import Action, ItemKind
from bot.errors import PermanentError
from bot.workers.builtin import BuiltinRunner
from bot.workers.local import LocalRunner
from bot.workers.registry import Registry
from tests.fakes import FakeClock, FakeCommands, FakeWorkspaces

ISSUE, PULL_REQUEST = ItemKind.ISSUE, ItemKind.PULL_REQUEST


@pytest.fixture
def registry(clock: FakeClock, workspaces: FakeWorkspaces) -> Registry:
    local = LocalRunner(
        commands=FakeCommands(clock, {}),
        workspaces=workspaces,
        clock=clock,
        argvs={"implement": ["agent"], "close": ["closer"]},
    )
    return Registry([BuiltinRunner(marker=lambda kind, name: ""), local])


@pytest.mark.parametrize(
    ("action", "kind", "runner"),
    [
        (Action("label", ("+bug",)), ISSUE, "builtin"),
        (Action("close"), PULL_REQUEST, "builtin"),
        (Action("implement"), ISSUE, "local"),
        (Action("fix", uses="implement"), ISSUE, "local"),
        (Action("fix", command="implement"), ISSUE, "local"),
        (Action("stale", ("+stale",), uses="label"), ISSUE, "builtin"),
        # A repository's command never becomes an action that needs another role.
        (Action("tidy", command="close"), ISSUE, "local"),
    ],
)
def test_each_action_has_its_runner(registry: Registry, action, kind, runner):
    assert registry.why_not(action, kind) == ""
    assert registry.runner_of(action, kind) == runner
    assert registry.runners[runner].name == runner


@pytest.mark.parametrize(
    ("action", "kind", "reason"),
    [
        (Action("merge"), PULL_REQUEST, "cannot do `merge` yet"),
        (Action("dispatch", ("ci.yml",)), ISSUE, "cannot do `dispatch` yet"),
        (Action("review"), PULL_REQUEST, "cannot do `review` on pull requests yet"),
        (Action("fix", command="deploy"), ISSUE, "has no command `deploy`"),
    ],
)
def test_what_nobody_can_do_has_a_reason(registry: Registry, action, kind, reason):
    assert reason in registry.why_not(action, kind)
    with pytest.raises(PermanentError, match=reason):
        registry.runner_of(action, kind)


def test_without_a_command_implementing_says_who_has_to_name_one(
    clock: FakeClock, workspaces: FakeWorkspaces
):
    local = LocalRunner(
        commands=FakeCommands(clock, {}), workspaces=workspaces, clock=clock, argvs={}
    )
    registry = Registry([BuiltinRunner(marker=lambda kind, name: ""), local])
    reason = registry.why_not(Action("implement"), ISSUE)
    assert "no command `implement`" in reason
    assert "operator" in reason
