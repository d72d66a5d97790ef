from dataclasses import replace

import pytest

from bot.core.actions.ability import Abilities, Runner, why_not_granted
from bot.core.actions.label import LABEL
from bot.core.actions.table import (
    ACTIONS,
    expectation,
    installed,
    kind_of,
    needed_role,
    sort_of,
    spec_of,
)
from bot.core.model import Action, BatchKind, Expectation, ItemKind, ItemSort, Role
from bot.core.say.problems.server import NoCommand, NoMachine, NoProcess
from bot.core.world.permissions import Grants
from tests.core.actions.jobs import plan_item
from tests.plans import plan

ISSUE, PULL_REQUEST = ItemKind.ISSUE, ItemKind.PULL_REQUEST
SUBSCRIBE = replace(LABEL, name="subscribe")


def item(action: Action):
    return plan_item(action, ISSUE, "Item 12")


def test_a_name_of_the_repositorys_own_takes_what_it_does():
    triaged = item(Action("triaged", ("+triaged",), uses="label"))
    assert expectation({}, triaged) == LABEL.expected
    learned = {"label": Expectation(1.5, 1)}
    assert expectation(learned, triaged) == learned["label"]


def test_what_nobody_knows_is_taken_for_a_while():
    gone = item(Action("gone"))
    assert spec_of(gone.action) is None
    assert expectation({}, gone) == Expectation(300, 8)


@pytest.mark.parametrize(
    ("actions", "to_run", "role"),
    [
        ([Action("label")], Role.WRITE, Role.WRITE),
        ([Action("label")], Role.TRIAGE, Role.TRIAGE),
        ([Action("label"), Action("close")], Role.WRITE, Role.MAINTAIN),
        ([Action("stale", uses="close")], Role.TRIAGE, Role.MAINTAIN),
        ([Action("close")], Role.ADMIN, Role.ADMIN),
        # A repository's command never becomes an action that needs another role.
        ([Action("tidy", uses="implement", command="close")], Role.WRITE, Role.WRITE),
    ],
)
def test_a_batch_needs_the_role_of_its_most_serious_action(actions, to_run, role):
    assert needed_role(actions, to_run=to_run) is role


def test_an_action_from_outside_is_there_for_as_long_as_it_is_installed():
    with installed([SUBSCRIBE]):
        assert spec_of(Action("subscribe", ("+ada",))) is SUBSCRIBE
        assert list(ACTIONS)[-1] == "subscribe"
    assert "subscribe" not in ACTIONS


def test_an_action_from_outside_cannot_take_a_name_of_the_table():
    with pytest.raises(ValueError, match="label"), installed([LABEL]):
        pass


@pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
def test_every_action_has_all_its_words(spec):
    assert all((spec.words.do, spec.words.doing, spec.words.done, spec.words.effect))
    assert spec.name == spec.name.casefold()
    assert bool(spec.arguments.usage) or not spec.arguments.are_needed


ABILITIES = Abilities(
    {
        "far": lambda command: None if command == "fix" else NoCommand(command),
        "local": lambda command: None if command != "prove" else NoProcess("full"),
    }
)


@pytest.mark.parametrize(
    ("action", "kind", "worker"),
    [
        (Action("label", ("+bug",)), ISSUE, ""),
        (Action("close"), PULL_REQUEST, ""),
        (Action("implement"), ISSUE, "local"),
        (Action("mend", uses="implement", command="fix"), ISSUE, "far"),
        (Action("stale", ("+stale",), uses="label"), ISSUE, ""),
        (Action("tidy", uses="implement", command="close"), ISSUE, "local"),
    ],
)
def test_a_command_runs_on_the_first_worker_that_can(action, kind, worker):
    assert ABILITIES.why_not(action, kind) == ""
    assert ABILITIES.runner_of(action) == Runner(worker)


def test_each_repository_has_workers_of_its_own():
    here = replace(
        ABILITIES,
        workers_of=lambda name: ["local"] if name == "acme/api" else ["far", "local"],
    )
    fix = Action("mend", uses="implement", command="fix")
    assert here.of("acme/widgets").runner_of(fix) == Runner("far")
    assert here.of("acme/api").runner_of(fix) == Runner("local")


def test_a_command_that_no_machine_can_run_is_not_left_out():
    """A review without it would be another one than the operator wants."""
    nobody = Abilities({"far": NoMachine}, commands={"review"})
    assert nobody.runs_command(Action("review"))
    assert "no machine" in nobody.why_not(Action("review"), PULL_REQUEST)
    assert Abilities({"far": NoMachine}).why_not(Action("review"), PULL_REQUEST) == ""


@pytest.mark.parametrize(
    ("action", "kind", "reason"),
    [
        (Action("gone"), ISSUE, "cannot do `gone` yet: leave it out"),
        (Action("implement"), PULL_REQUEST, "on pull requests yet: leave it out"),
        (
            Action("prove", uses="implement", command="prove"),
            ISSUE,
            "this server has no command `prove`",
        ),
    ],
)
def test_what_nobody_can_do_is_said_before_anything_starts(action, kind, reason):
    assert reason in ABILITIES.why_not(action, kind)


def test_a_server_without_a_worker_says_so():
    assert Abilities().why_not(Action("implement"), ISSUE)
    assert Abilities().why_not(Action("label"), ISSUE) == ""


@pytest.mark.parametrize(
    ("action", "kind", "granted", "missing"),
    [
        (Action("label"), ISSUE, {"issues": "write"}, ""),
        (
            Action("label"),
            ISSUE,
            {"issues": "read", "pull_requests": "write"},
            "issues",
        ),
        (Action("label"), PULL_REQUEST, {"issues": "write"}, ""),
        (Action("label"), PULL_REQUEST, {"pull_requests": "write"}, ""),
        (Action("label"), PULL_REQUEST, {"contents": "write"}, "pull_requests"),
        (Action("close"), PULL_REQUEST, {"issues": "write"}, "pull_requests"),
        (Action("close"), ISSUE, {"issues": "admin"}, ""),
        (Action("implement"), ISSUE, {"pull_requests": "write"}, "contents"),
        (
            Action("mend", uses="implement"),
            ISSUE,
            {"contents": "write"},
            "pull_requests",
        ),
    ],
)
def test_what_has_to_be_granted_for_an_action_is_named(action, kind, granted, missing):
    said = why_not_granted(action, kind, Grants(granted, "https://x.test/9"))
    assert (f"granted `{missing}: write`" in said) == bool(missing) == bool(said)
    assert ("[in the app's settings](https://x.test/9)" in said) == bool(missing)


@pytest.mark.parametrize(
    ("actions", "kind"),
    [
        (["implement", "implement"], BatchKind.ISSUE_IMPLEMENTATION),
        (["review", "review"], BatchKind.PR_REVIEW),
        (["implement", "review"], BatchKind.MIXED),
        (["implement", "close"], BatchKind.MIXED),
        (["label", "label"], BatchKind.MIXED),
        (["close"], BatchKind.MIXED),
        (["merge"], BatchKind.MIXED),
    ],
)
def test_a_batch_is_of_the_kind_of_all_its_items_or_mixed(actions, kind):
    of = plan(
        {place: [] for place in range(len(actions))}, actions=dict(enumerate(actions))
    )
    assert kind_of(of.items) is kind


def test_a_name_of_ones_own_is_of_the_sort_of_what_it_does():
    (item,) = plan({12: []}).items
    fix = replace(item, action=Action("fix", uses="implement", command="fixer"))
    look = replace(item, action=Action("look", uses="review"))
    assert kind_of([fix]) is BatchKind.ISSUE_IMPLEMENTATION
    assert kind_of([look]) is BatchKind.PR_REVIEW
    assert sort_of(look) is ItemSort.REVIEW
    assert sort_of(replace(fix, action=Action("close"))) is ItemSort.ISSUE
    # What is done to a pull request is that before it is there.
    ready = replace(item, action=Action("ready"), opened_by=item.id)
    assert sort_of(ready) is ItemSort.PULL_REQUEST
