"""Workflows that a command dispatches: held to what their files say, before anything
starts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.actions.dispatch import (
    ATTEMPT,
    BRANCH,
    OWN_INPUTS,
    PULL_REQUEST,
)
from bot.core.actions.spec import Form
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import nearest, slip_of
from bot.core.documents import parse_document
from bot.core.model import Action, Dispatchable
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, Known
from bot.core.world.markdown import code_span, escape_line, join, some
from bot.core.world.runs import WorkflowNow

FOLDER = ".github/workflows"
MOST_INPUTS = 25
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_MOST_OPTIONS = 8
_STATES = {
    "disabled_manually": "somebody has disabled it",
    "disabled_inactivity": "GitHub has disabled it, for nothing happened for 60 days",
    "disabled_fork": "GitHub has disabled it, as in every new fork",
    "deleted": "it was deleted",
}


@dataclass(frozen=True, slots=True)
class Input:
    """An input that a workflow declares."""

    kind: str = "string"  # boolean, choice, number, environment
    is_needed: bool = False  # and has no default
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """What a workflow's file says, as far as whoever dispatches it has to know.

    ``fault`` is why it cannot be read, or not be dispatched.
    """

    inputs: Mapping[str, Input] = field(default_factory=dict)
    run_name: str = ""
    fault: str = ""

    @property
    def takes(self) -> Dispatchable:
        """Return what it takes of the bot."""
        own = tuple(name for name in OWN_INPUTS if name in self.inputs)
        shows = rf"\$\{{\{{[^}}]*\binputs\.{ATTEMPT}\b"
        is_named = ATTEMPT in own and re.search(shows, self.run_name) is not None
        return Dispatchable(own, is_named)


def read_workflow(text: str) -> WorkflowFile:
    """Return what the text of a workflow says. Never raises."""
    document = parse_document(text)
    found = document.value
    if not isinstance(found, dict):
        for fault in document.faults:
            where = f"line {fault.place.line}: " if fault.place.line else ""
            return WorkflowFile(fault=f"cannot be read: {where}{fault.problem}")
        return WorkflowFile(fault="cannot be read: it is no list of settings")
    trigger = found.get("on")
    names = [trigger] if isinstance(trigger, str) else trigger
    if not isinstance(names, list | dict) or "workflow_dispatch" not in names:
        return WorkflowFile(fault="cannot be dispatched: it has no `workflow_dispatch`")
    asked = trigger.get("workflow_dispatch") if isinstance(trigger, dict) else None
    given = asked.get("inputs") if isinstance(asked, dict) else None
    inputs = given if isinstance(given, dict) else {}
    run_name = found.get("run-name")
    return WorkflowFile(
        {str(name): _input(one) for name, one in inputs.items()},
        run_name if isinstance(run_name, str) else "",
    )


def workflows_wanted(expansion: Expansion) -> tuple[str, ...]:
    """Return the files of workflows that have to be asked for."""
    files = [action.arguments[0] for action in _dispatching(expansion)]
    return tuple(f for f in dict.fromkeys(files) if f not in expansion.known.workflows)


def workflow_does_not_fit(expansion: Expansion) -> Declined | None:
    """Return a refusal with everything that keeps GitHub from running a workflow."""
    said: list[str] = []
    for action in _dispatching(expansion):
        found = expansion.known.workflows.get(action.arguments[0])
        if found is not None:
            said += _faults(action, found)
    if not said:
        return None
    whose = [
        f"{code_span(action.name)} in `{PATH}` says what is run."
        for action in _dispatching(expansion)
        if action.uses
    ]
    return Declined(" ".join([*dict.fromkeys(said), *dict.fromkeys(whose)]))


def dispatchable(action: Action, known: Known) -> Dispatchable:
    """Return what the workflow of an action takes of the bot."""
    found = known.workflows.get(action.arguments[0]) if action.arguments else None
    if found is None or found.text is None or not _is_dispatched(action):
        return Dispatchable()
    return read_workflow(found.text).takes


def workflow_notes(actions: Sequence[Action], known: Known) -> Iterator[str]:
    """Yield which workflows do not show in their runs what those are for."""
    for file in dict.fromkeys(a.arguments[0] for a in actions if _is_dispatched(a)):
        found = known.workflows.get(file)
        if found is None or found.text is None:
            continue
        if not read_workflow(found.text).takes.is_named:
            yield (
                f"{code_span(file)} has no input {code_span(ATTEMPT)} that its"
                " `run-name` shows: should GitHub's answer be lost, nobody may be able"
                " to say which run is whose."
            )


def _input(given: Any) -> Input:
    one = given if isinstance(given, dict) else {}
    options = one.get("options")
    return Input(
        str(one.get("type") or "string"),
        one.get("required") is True and one.get("default") in (None, ""),
        tuple(map(_spelled, options)) if isinstance(options, list) else (),
    )


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _is_dispatched(action: Action) -> bool:
    spec = spec_of(action)
    is_of_workflow = spec is not None and spec.arguments.form is Form.WORKFLOW
    return is_of_workflow and bool(action.arguments)


def _dispatching(expansion: Expansion) -> Iterator[Action]:
    """Yield the actions of the command that run a workflow."""
    for action in expansion.actions:
        resolved = expansion.known.configuration.resolve(action).action
        if _is_dispatched(resolved):
            yield resolved


def _faults(action: Action, found: WorkflowNow) -> Iterator[str]:
    name = action.arguments[0]
    shown = code_span(name)
    if found.text is None:
        guess = slip_of(name, found.names) or nearest(name, found.names)
        near = f" The nearest is {code_span(guess)}." if guess else ""
        yield f"The default branch has no workflow {shown} in `{FOLDER}`.{near}"
        return
    if found.state != "active":
        why = _STATES.get(found.state, f"GitHub calls it {found.state}")
        yield f"{shown} does not run: {escape_line(why)}."
    file = read_workflow(found.text)
    if file.fault:
        yield f"{shown} {file.fault}."
        return
    given = dict(one.split("=", 1) for one in action.arguments[1:])
    yield from _faults_of_inputs(shown, file, given)
    if action.result == PULL_REQUEST and BRANCH not in file.inputs:
        yield (
            f"{shown} has no input {code_span(BRANCH)}, which names the branch to push"
            " for a pull request."
        )


def _faults_of_inputs(
    shown: str, file: WorkflowFile, given: Mapping[str, str]
) -> Iterator[str]:
    for name, value in given.items():
        one = file.inputs.get(name)
        if name in OWN_INPUTS:
            yield f"{code_span(name)} is filled in by me: leave it out."
        elif one is None:
            yield _unknown(shown, name, file)
        elif problem := _problem(one, value):
            yield f"{code_span(name)} of {shown} {problem}."
    missing = [
        code_span(name)
        for name, one in file.inputs.items()
        if one.is_needed and name not in given and name not in OWN_INPUTS
    ]
    if missing:
        yield f"{shown} needs {join(missing)}."
    count = len({*given} | {*file.takes.inputs})
    if count > MOST_INPUTS:
        yield f"GitHub takes {MOST_INPUTS} inputs, and {shown} would get {count}."


def _unknown(shown: str, name: str, file: WorkflowFile) -> str:
    own = [one for one in file.inputs if one not in OWN_INPUTS]
    guess = slip_of(name, own) or nearest(name, own)
    said = f"{shown} has no input {code_span(name)}"
    if guess:
        return f"{said}; did you mean {code_span(guess)}?"
    there = join([code_span(one) for one in own[:_MOST_OPTIONS]])
    return f"{said}; there is {there}." if own else f"{said}: it takes none."


def _problem(one: Input, value: str) -> str:
    match one.kind:
        case "choice" if one.options and value not in one.options:
            options = [code_span(o) for o in one.options[:_MOST_OPTIONS]]
            shown = some(options, len(one.options))
            return f"is one of {shown}, not {code_span(value)}"
        case "boolean" if value not in ("true", "false"):
            return f"is `true` or `false`, not {code_span(value)}"
        case "number" if not _NUMBER.match(value):
            return f"is a number, not {code_span(value)}"
        case _:
            return ""
