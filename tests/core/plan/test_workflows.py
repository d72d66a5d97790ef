"""What a command gives a workflow, held to what its file says before anything starts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.command.faults import Declined
from bot.core.command.parser import parse_command
from bot.core.command.syntax import RunCommand
from bot.core.model import Dispatchable, ItemFacts, ItemKind, ItemNumber
from bot.core.plan.expansion import Known
from bot.core.plan.selection import Selection, select
from bot.core.plan.sources import read_configuration
from bot.core.plan.workflows import MOST_INPUTS, read_workflow
from bot.core.world.runs import WorkflowNow

ISSUE, PULL = 12, 63
INPUTS = """\
on:
  workflow_dispatch:
    inputs:
      env: {type: choice, options: [prod, staging], required: true}
      fast: {type: boolean, default: false, required: true}
      count: {type: number}
      where: {type: environment}
      note: {default: hello, required: true}
      batch_item: {required: true}
"""


def said(
    text: str, *given: str, item: int = ISSUE, state: str = "active", own: str = ""
) -> str:
    """Return why a command is refused that runs a workflow of this text; else nothing."""
    command = parse_command(
        f"/batch {own or 'dispatch go.yml'} {' '.join(given)} {item}",
        actions=(configuration := read_configuration(own and FIX)).actions,
    )
    assert isinstance(command, RunCommand), command
    facts = ItemFacts(
        ItemNumber(item),
        ItemKind.PULL_REQUEST if item == PULL else ItemKind.ISSUE,
        f"Item {item}",
        body="",
        url="",
        is_open=True,
        updated_at=datetime(2026, 3, 2, tzinfo=UTC),
        head_sha="c" * 40 if item == PULL else "",
    )
    known = Known(
        "acme/widgets",
        ItemNumber(40),
        configuration=configuration,
        facts={facts.number: facts},
        workflows={"go.yml": WorkflowNow(text, ("go.yml",), state)},
        newest_number=99,
    )
    found = select(command, known)
    if isinstance(found, Selection):
        return ""
    assert isinstance(found, Declined), found
    return found.message


FIX = "actions: {fix: {uses: dispatch, with: [go.yml], result: pull_request}}"


@pytest.mark.parametrize(
    "given",
    [
        ("env=prod",),
        ("env=staging", "fast=true", "count=-1.5e3", "where=anything", "note=hi"),
        ("env=prod", 'note="two words"', "fast=false"),
    ],
)
def test_what_fits_is_run(given: tuple[str, ...]):
    assert said(INPUTS, *given) == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((), "`go.yml` needs `env`."),
        (("env=",), "`go.yml` needs `env`."),
        (("env=prod", "fast="), "`go.yml` needs `fast`."),
        (("env=prod", "note="), "`go.yml` needs `note`."),
        (("env=Prod",), "`env` of `go.yml` is one of `prod` and `staging`, not `Prod`."),
        (("env=prod", "fast=yes"), "`fast` of `go.yml` is `true` or `false`, not `yes`."),
        (("env=prod", "fast=True"), "is `true` or `false`, not `True`."),
        (("env=prod", "count="), "`count` of `go.yml` is a number, not empty."),
        (("env=prod", "count=few"), "`count` of `go.yml` is a number, not `few`."),
        (("env=prod", "fsat=true"), "has no input `fsat`; did you mean `fast`?"),
        (("env=prod", "xyz=1"), "no input `xyz`; there is `env`, `fast`, `count`"),
        (("env=prod", "batch_item=3"), "`batch_item` is filled in by me: leave it out."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(given: tuple[str, ...], says: str):
    assert says in said(INPUTS, *given)


def test_all_that_does_not_fit_is_named_at_once():
    found = said(INPUTS, "fast=1", "count=x", "nope=1")
    for one in ("`fast`", "`count`", "`nope`", "needs `env`"):
        assert one in found


HEAD = "on: {workflow_dispatch: {inputs: {batch_head: {required: true}}}}"


def test_a_workflow_that_needs_a_head_is_not_run_on_an_issue():
    assert said(HEAD, item=PULL) == ""
    needs = "`go.yml` needs `batch_head`, which only pull requests have"
    assert needs in said(HEAD)


@pytest.mark.parametrize(
    "trigger",
    [
        "on: workflow_dispatch",
        "on: [push, workflow_dispatch]",
        "on: {push: {}, workflow_dispatch: }",
        "on:\n  workflow_dispatch:\n",
        "'on': {workflow_dispatch: null}",
        "on: {workflow_dispatch: {inputs: }}",
        "on: &on [workflow_dispatch]\nagain: *on",
        "env: &on {workflow_dispatch: }\non: *on",
    ],
)
def test_each_way_to_write_the_trigger_is_understood(trigger: str):
    assert read_workflow(trigger).fault == ""
    assert said(trigger) == ""
    assert "`go.yml` has no input `x`: it takes none." in said(trigger, "x=1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("on: push", "cannot be dispatched: it has no `workflow_dispatch`"),
        ("on: [push]", "cannot be dispatched: it has no `workflow_dispatch`"),
        ("on: {push: }", "cannot be dispatched: it has no `workflow_dispatch`"),
        ("jobs: {}", "cannot be dispatched: it has no `workflow_dispatch`"),
        ("on: 12", "cannot be dispatched: it has no `workflow_dispatch`"),
        ("", "cannot be read: it is empty"),
        ("- on", "cannot be read: it is no list of settings"),
        ("on: [workflow_dispatch\njobs: {", "cannot be read: line 2"),
        ("on: workflow_dispatch\non: push", "cannot be read: line 2"),
        ("on: *nothing", "cannot be read: line 1"),
        ("on: workflow_dispatch\na: &a [*a]", "cannot be read: line 2"),
        ("on: workflow_dispatch\n\x00", "cannot be read: line 2"),
    ],
)
def test_a_file_that_github_would_not_run_is_said_to_be_one(text: str, says: str):
    assert f"`go.yml` {says}" in said(text)


def test_a_value_that_is_written_once_for_several_inputs_counts_for_each():
    text = (
        "on:\n  workflow_dispatch:\n    inputs:\n"
        "      one: {type: choice, options: &all [a, b]}\n"
        "      two: &two {type: choice, options: *all}\n"
        "      three: *two\n"
    )
    assert said(text, "one=a", "two=b", "three=a") == ""
    for name in ("one", "two", "three"):
        assert f"`{name}` of `go.yml` is one of `a` and `b`" in said(text, f"{name}=c")


def test_a_file_that_stands_for_a_huge_one_is_read_in_no_time():
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)]
    text = "\n".join(["a0: &a0 [x]", *rows, "on: workflow_dispatch"])
    assert read_workflow(text).fault == ""


@pytest.mark.parametrize(
    ("written", "meant", "other"),
    [
        ("3.10", "3.1", "3.10"),
        ("2.0", "2", "2.0"),
        ("'3.10'", "3.10", "3.1"),
        ("true", "true", "True"),
        ("on", "on", "true"),
        ("012", "12", "012"),
    ],
)
def test_an_option_is_what_yaml_makes_of_it(written: str, meant: str, other: str):
    declared = f"{{v: {{type: choice, options: [{written}, z]}}}}"
    text = f"on: {{workflow_dispatch: {{inputs: {declared}}}}}"
    assert said(text, f"v={meant}") == ""
    assert f"is one of `{meant}` and `z`, not `{other}`" in said(text, f"v={other}")


@given(
    declared=st.integers(0, MOST_INPUTS + 3), own=st.integers(0, 5), typed=st.integers(0, 28)
)  # fmt: skip
def test_no_more_inputs_are_declared_or_given_than_github_takes(
    declared: int, own: int, typed: int
):
    ours = ["batch_attempt", "batch_item", "batch_branch", "batch_base", "batch_head"]
    theirs = [f"x{n}" for n in range(declared)]
    names = [*ours[:own], *theirs]
    inputs = ", ".join(f"{name}: {{}}" for name in names)
    text = f"on: {{workflow_dispatch: {{inputs: {{{inputs}}}}}}}"
    found = said(text, *(f"{name}=1" for name in theirs[:typed]))
    too_many = f"GitHub takes {MOST_INPUTS} inputs, and `go.yml` declares {len(names)}."
    assert found == (too_many if len(names) > MOST_INPUTS else "")


@pytest.mark.parametrize("state", ["disabled_manually", "disabled_inactivity", "new"])
def test_one_that_is_not_active_does_not_run(state: str):
    assert "`go.yml` does not run: " in said("on: workflow_dispatch", state=state)


def test_a_pull_request_needs_the_branch_and_the_settings_say_what_is_run():
    found = said("on: workflow_dispatch", own="fix")
    assert "`go.yml` has no input `batch_branch`" in found
    assert "`fix` in `.github/batch.yml` says what is run." in found


@pytest.mark.parametrize(
    ("run_name", "is_named"),
    [
        ("${{ inputs.batch_attempt }}", True),
        ("Deploy (${{github.event.inputs.batch_attempt}})", True),
        ("${{ format('{0}', inputs.batch_attempt) }}", True),
        ("${{ inputs['batch_attempt'] }}", True),
        ("${{ Inputs.Batch_Attempt }}", True),
        ("inputs.batch_attempt", False),
        ("${{ inputs.batch_attempts }}", False),
        ("${{ inputs.env }}", False),
        ("", False),
    ],
)
def test_a_run_is_found_again_if_its_name_shows_the_attempt(
    run_name: str, is_named: bool
):
    inputs = "{batch_attempt: {}, env: {}}"
    text = f'run-name: "{run_name}"\non: {{workflow_dispatch: {{inputs: {inputs}}}}}'
    assert read_workflow(text).takes == Dispatchable(("batch_attempt",), is_named)
    other = text.replace("{batch_attempt: {}, ", "{")
    assert read_workflow(other).takes == Dispatchable()


SHARED = [
    "concurrency: deploy",
    "concurrency: {group: deploy, cancel-in-progress: true}",
    "concurrency: {group: 'deploy ${{ inputs.env }}'}",
    "concurrency: batch_item",
    "jobs: {a: {concurrency: {group: deploy}}, b: {}}",
]
APART = [
    "concurrency: ${{ inputs.batch_item }}",
    "concurrency: {group: '${{ github.workflow }} ${{ github.run_id }}'}",
    "concurrency: {group: deploy, queue: max}",
    "concurrency: {group: '${{ github.event.inputs.BATCH_ATTEMPT }}'}",
    "jobs: {a: {concurrency: '${{ inputs.batch_branch }}'}}",
    "jobs: [a]",
    "concurrency: ",
    "env: {concurrency: deploy}",
]


@pytest.mark.parametrize("text", [*SHARED, *APART])
def test_runs_that_would_cancel_each_other_go_one_after_another(text: str):
    found = read_workflow(f"on: workflow_dispatch\n{text}\n")
    assert found.fault == ""
    assert found.takes.goes_alone is (text in SHARED)
