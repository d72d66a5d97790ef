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
    HEAD,
    ITEM,
    OWN_INPUTS,
    PULL_REQUEST,
)
from bot.core.actions.spec import Form
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import nearest, slip_of
from bot.core.documents import parse_document
from bot.core.model import Action, Dispatchable, ItemKind
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, Known
from bot.core.world.markdown import code_span, escape_line, join, some
from bot.core.world.runs import WorkflowNow

FOLDER = ".github/workflows"
MOST_INPUTS = 25
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_SHOWS_ATTEMPT = re.compile(
    rf"\binputs(?:\.{ATTEMPT}(?![\w-])|\[\s*'{ATTEMPT}'\s*\])", re.IGNORECASE
)
_TELLS_RUNS_APART = re.compile(
    rf"\bgithub\.run_(?:id|number)\b|\b(?:{'|'.join((ATTEMPT, ITEM, HEAD, BRANCH))})\b",
    re.IGNORECASE,
)
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
    is_required: bool = False
    has_default: bool = False
    options: tuple[str, ...] = ()

    def lacks(self, given: str | None) -> bool:
        """Return whether GitHub would miss something if it gets this, or nothing."""
        is_there = self.has_default if given is None else bool(given)
        return self.is_required and not is_there


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """What a workflow's file says, as far as whoever dispatches it has to know.

    ``fault`` is why it cannot be read, or not be dispatched.
    """

    inputs: Mapping[str, Input] = field(default_factory=dict)
    run_name: str = ""
    goes_alone: bool = False  # its runs are of one concurrency group
    fault: str = ""

    @property
    def takes(self) -> Dispatchable:
        """Return what it takes of the bot."""
        own = tuple(name for name in OWN_INPUTS if name in self.inputs)
        shown = _EXPRESSION.findall(self.run_name)
        is_named = ATTEMPT in own and any(map(_SHOWS_ATTEMPT.search, shown))
        return Dispatchable(own, is_named, self.goes_alone)


def read_workflow(text: str) -> WorkflowFile:
    """Return what the text of a workflow says. Never raises."""
    document = parse_document(text, is_workflow=True)
    found = document.value
    for fault in document.faults:
        where = f"line {fault.place.line}: " if fault.place.line else ""
        problem = escape_line(fault.problem)
        return WorkflowFile(fault=f"cannot be read: {where}{problem}")
    if not isinstance(found, dict):
        what = "empty" if found is None else "no list of settings"
        return WorkflowFile(fault=f"cannot be read: it is {what}")
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
        any(_is_shared(one.get("concurrency")) for one in (found, *_jobs(found))),
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


def input_lacking(action: Action, kind: ItemKind, known: Known) -> str:
    """Return which input a workflow needs that items of a kind do not have; else nothing."""
    found = known.workflows.get(action.arguments[0]) if action.arguments else None
    if found is None or found.text is None or not _is_dispatched(action):
        return ""
    head = read_workflow(found.text).inputs.get(HEAD)
    if kind is ItemKind.PULL_REQUEST or head is None or not head.lacks(None):
        return ""
    file = code_span(action.arguments[0])
    return f"{file} needs {code_span(HEAD)}, which only pull requests have"


def workflow_notes(actions: Sequence[Action], known: Known) -> Iterator[str]:
    """Yield which workflows do not show in their runs what those are for."""
    for file in dict.fromkeys(a.arguments[0] for a in actions if _is_dispatched(a)):
        found = known.workflows.get(file)
        if found is None or found.text is None:
            continue
        takes = read_workflow(found.text).takes
        if not takes.is_named:
            yield (
                f"{code_span(file)} has no input {code_span(ATTEMPT)} that its"
                " `run-name` shows: should GitHub's answer be lost, nobody may be able"
                " to say which run is whose."
            )
        is_one = sum(_is_dispatched(a) and a.arguments[0] == file for a in actions) == 1
        if takes.goes_alone and not is_one:
            yield (
                f"Runs of {code_span(file)} go one after another: of those that wait for"
                " others of its `concurrency` group GitHub cancels all but the newest."
            )


def _input(given: Any) -> Input:
    one = given if isinstance(given, dict) else {}
    options = one.get("options")
    return Input(
        str(one.get("type") or "string"),
        one.get("required") is True,
        one.get("default") not in (None, ""),
        tuple(map(_spelled, options)) if isinstance(options, list) else (),
    )


def _jobs(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    jobs = found.get("jobs")
    some = jobs.values() if isinstance(jobs, dict) else ()
    return [one for one in some if isinstance(one, dict)]


def _is_shared(concurrency: Any) -> bool:
    """Return whether runs for several items are of one concurrency group."""
    one = concurrency if isinstance(concurrency, dict) else {"group": concurrency}
    shown = " ".join(_EXPRESSION.findall(str(one.get("group") or "")))
    is_own = not one.get("group") or _TELLS_RUNS_APART.search(shown) is not None
    return not is_own and one.get("queue") != "max"


def _spelled(value: Any) -> str:
    """Return an option as GitHub does: 3.10 without quotes is the number 3.1."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


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
        elif not one.lacks(value) and (problem := _problem(one, value)):
            yield f"{code_span(name)} of {shown} {problem}."
    missing = [
        code_span(name)
        for name, one in file.inputs.items()
        if one.lacks(given.get(name)) and name not in OWN_INPUTS
    ]
    if missing:
        yield f"{shown} needs {join(missing)}."
    if (count := len(file.inputs)) > MOST_INPUTS:
        yield f"GitHub takes {MOST_INPUTS} inputs, and {shown} declares {count}."


def _unknown(shown: str, name: str, file: WorkflowFile) -> str:
    own = [one for one in file.inputs if one not in OWN_INPUTS]
    guess = slip_of(name, own) or nearest(name, own)
    said = f"{shown} has no input {code_span(name)}"
    if guess:
        return f"{said}; did you mean {code_span(guess)}?"
    there = join([code_span(one) for one in own[:_MOST_OPTIONS]])
    return f"{said}; there is {there}." if own else f"{said}: it takes none."


def _problem(one: Input, value: str) -> str:
    shown = code_span(value) if value else "empty"
    match one.kind:
        case "choice" if one.options and value not in one.options:
            options = [code_span(o) for o in one.options[:_MOST_OPTIONS]]
            return f"is one of {some(options, len(one.options))}, not {shown}"
        case "boolean" if value not in ("true", "false"):
            return f"is `true` or `false`, not {shown}"
        case "number" if not _NUMBER.match(value):
            return f"is a number, not {shown}"
        case _:
            return ""
