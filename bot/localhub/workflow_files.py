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
class WorkflowFile:
    """What a file says; ``jobs`` has the names of each one's steps."""

    name: str
    path: str
    run_name: str = ""
    is_dispatched: bool = False
    inputs: Mapping[str, Input] = field(default_factory=dict)
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def title(self, inputs: Mapping[str, str], actor: str) -> str:
        """Return the title of a run: its ``run-name`` with what stands there worked out."""
        values = {"github.actor": actor}
        for name, value in inputs.items():
            values[f"inputs.{name}"] = values[f"github.event.inputs.{name}"] = value
        title = _EXPRESSION.sub(lambda m: values.get(m["path"], ""), self.run_name)
        return title.strip() or self.name

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
            if one.type == "choice" and name in given and value not in one.options:
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
    )


def _input(given: Any) -> Input:
    one = given if isinstance(given, dict) else {}
    return Input(
        one.get("type") or "string",
        one.get("required") == "true",
        one.get("default"),
        tuple(one.get("options") or ()),
    )


def _steps(job: Mapping[str, Any]) -> tuple[str, ...]:
    names = []
    for step in job.get("steps") or ():
        first = str(step.get("run") or step.get("uses") or "").strip().split("\n")[0]
        names.append(str(step.get("name") or f"Run {first}"))
    return tuple(names)


def _spelled(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)
