"""Workflow files of Actions, as far as GitHub goes by them when one is dispatched."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bot.localhub.errors import GitHubError

FOLDER = ".github/workflows"
MOST_INPUTS = 25
MOST_INPUTS_OF_OLDER = 10

_EXPRESSION = re.compile(r"\$\{\{\s*(?P<path>[\w.-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Input:
    """An input of ``workflow_dispatch``."""

    type: str = "string"
    is_required: bool = False
    default: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Runs of one group go one after another. ``keeps_all``: more than one may wait."""

    group: str
    cancels: bool = False  # the one that goes on
    keeps_all: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """What a file says; ``jobs`` has the names of each one's steps."""

    name: str
    path: str
    run_name: str = ""
    is_dispatched: bool = False
    inputs: Mapping[str, Input] = field(default_factory=dict)
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    concurrency: Concurrency | None = None

    def title(self, inputs: Mapping[str, str], actor: str) -> str:
        """Return the title of a run: its ``run-name`` with what stands there worked out."""
        return _worked_out(self.run_name, inputs, actor).strip() or self.name

    def group(self, inputs: Mapping[str, str], actor: str) -> str:
        """Return the concurrency group of a run; empty if it has none."""
        group = self.concurrency.group if self.concurrency else ""
        return _worked_out(group, inputs, actor)

    @property
    def keeps_all_waiting(self) -> bool:
        """Whether more than one run of a group may wait."""
        return self.concurrency is not None and self.concurrency.keeps_all

    @property
    def cancels_others(self) -> bool:
        """Whether a run ends the one of its group that goes on."""
        return self.concurrency is not None and self.concurrency.cancels

    def filled(self, given: Mapping[str, Any], *, most: int) -> dict[str, str]:
        """Return the inputs with what was not given; raises 422 as GitHub does."""
        if not self.is_dispatched:
            raise GitHubError(422, "Workflow does not have 'workflow_dispatch' trigger")
        if len(given) > most:
            raise GitHubError(
                422,
                f"Invalid request.\n\nNo more than {most} properties are allowed;"
                f" {len(given)} were supplied.",
            )
        unknown = [name for name in given if name not in self.inputs]
        if unknown:
            raise GitHubError(422, f"Unexpected inputs provided: {json.dumps(unknown)}")
        found = {}
        for name, one in self.inputs.items():
            value = _spelled(given[name]) if name in given else one.default
            if one.is_required and not value:
                raise GitHubError(422, f"Required input '{name}' not provided")
            allowed = ("true", "false") if one.type == "boolean" else one.options
            is_listed = one.type in ("boolean", "choice") and name in given
            if is_listed and value not in allowed:
                raise GitHubError(
                    422,
                    f"Provided value '{value}' for input '{name}' not in the list of"
                    " allowed values",
                )
            found[name] = value or ""
        return found


def read(path: str, text: str) -> WorkflowFile | None:
    """Return what a file says, None if it is none that GitHub can read."""
    try:
        # Every scalar is text: to 1.1 the key "on" would be a truth value.
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text alone
    except yaml.YAMLError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("jobs"), dict):
        return None
    trigger = found.get("on")
    names = [trigger] if isinstance(trigger, str) else list(trigger or ())
    asked = trigger.get("workflow_dispatch") if isinstance(trigger, dict) else None
    inputs = asked.get("inputs") if isinstance(asked, dict) else None
    return WorkflowFile(
        str(found.get("name") or path),
        path,
        str(found.get("run-name") or ""),
        "workflow_dispatch" in names,
        {name: _input(one) for name, one in (inputs or {}).items()},
        {
            str(job.get("name") or key): _steps(job)
            for key, job in found["jobs"].items()
        },
        _concurrency(found.get("concurrency")),
    )


def _input(given: Any) -> Input:
    one = given if isinstance(given, dict) else {}
    return Input(
        one.get("type") or "string",
        one.get("required") == "true",
        one.get("default"),
        tuple(one.get("options") or ()),
    )


def _concurrency(given: Any) -> Concurrency | None:
    one = {"group": given} if isinstance(given, str) else given or {}
    if not one.get("group"):
        return None
    cancels = one.get("cancel-in-progress") == "true"
    return Concurrency(one["group"], cancels, one.get("queue") == "max")


def _worked_out(text: str, inputs: Mapping[str, str], actor: str) -> str:
    """Return a text of a file with the plain expressions in it worked out."""
    values = {"github.actor": actor}
    for name, value in inputs.items():
        values[f"inputs.{name}"] = values[f"github.event.inputs.{name}"] = value
    return _EXPRESSION.sub(lambda m: values.get(m["path"], ""), text)


def _steps(job: Mapping[str, Any]) -> tuple[str, ...]:
    names = []
    for step in job.get("steps") or ():
        first = str(step.get("run") or step.get("uses") or "").strip().split("\n")[0]
        names.append(str(step.get("name") or f"Run {first}"))
    return tuple(names)


def _spelled(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)
