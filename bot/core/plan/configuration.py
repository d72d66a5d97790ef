"""What a repository sets in its ``.github/batch.yml``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from bot.core.actions.implement import IMPLEMENT
from bot.core.actions.review import REVIEW
from bot.core.actions.spec import AppliesTo, ItemNeed
from bot.core.actions.table import ACTIONS
from bot.core.command.guesses import nearest
from bot.core.command.limits import Limits
from bot.core.command.vocabulary import RESERVED, in_words
from bot.core.documents import DocumentError, Path, line_of, read_document
from bot.core.model import (
    Action,
    ItemKind,
    Options,
    ReviewRule,
    Role,
    RuleLevel,
    RuleWhen,
    UpdateWhen,
)
from bot.core.review.rules import BadPattern, check_pattern
from bot.core.world.markdown import cut
from bot.core.world.pulls import MergeMethod
from bot.errors import ConfigurationError

PATH = ".github/batch.yml"
MAX_BYTES = 65_536
_MAX_SHOWN = 60
_MOST_PROBLEMS = 5

_ACTION_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
_REVIEWER = re.compile(r"(?:team|user):[A-Za-z0-9][\w.-]{0,99}\Z")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RunRole(StrEnum):
    """The roles that may be asked for. Less than triage everyone has."""

    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"


class Permissions(_Part):
    """Who may do what."""

    run: Annotated[RunRole, Field(strict=False)] = RunRole.WRITE

    @property
    def role(self) -> Role:
        """Return the role that starting a batch needs."""
        return Role[self.run.name]


class Merging(_Part):
    """How pull requests are merged where the command does not say."""

    method: Annotated[MergeMethod | None, Field(strict=False)] = None
    update: Annotated[UpdateWhen, Field(strict=False)] = UpdateWhen.REQUIRED
    rerun_failed: Annotated[int, Field(ge=0, le=1)] = 0

    @property
    def options(self) -> Options:
        """Return the options of a batch for which nothing is typed."""
        method = self.method or ""
        return Options(
            method=method, update=self.update, rerun_failed=self.rerun_failed
        )


class Defaults(_Part):
    """The action of an item for which none is typed."""

    issue: str = IMPLEMENT.name
    pull_request: str = REVIEW.name

    def action_for(self, kind: ItemKind) -> str:
        """Return the name of the action."""
        return self.issue if kind is ItemKind.ISSUE else self.pull_request


class ConfiguredAction(_Part):
    """An action of the repository's own: a built-in one with fixed arguments, or a
    command that the operator of the server has named.
    """

    uses: str = ""
    arguments: Annotated[tuple[str, ...], Field(alias="with", strict=False)] = ()
    command: Annotated[str, Field(max_length=100)] = ""
    applies_to: Annotated[AppliesTo | None, Field(strict=False)] = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> "ConfiguredAction":
        if bool(self.uses) == bool(self.command):
            message = "needs either 'uses' (a built-in action) or 'command'"
            raise ValueError(message)
        if self.command and self.arguments:
            message = "'with' goes with 'uses', not with 'command'"
            raise ValueError(message)
        if self.uses and self.uses not in ACTIONS:
            guess = nearest(self.uses, ACTIONS)
            hint = f"; did you mean {guess}?" if guess else ""
            message = f"there is no built-in action {_shown(self.uses)}{hint}"
            raise ValueError(message)
        builtin = ACTIONS.get(self.uses)
        if builtin and builtin.arguments.are_needed and not self.arguments:
            message = f"{self.uses} needs 'with', a list of its arguments"
            raise ValueError(message)
        return self


def _checked_reviewer(name: str) -> str:
    if not _REVIEWER.match(name):
        message = f"{_shown(name)} is not team:NAME or user:LOGIN"
        raise ValueError(message)
    return name


def _checked_pattern(pattern: str) -> str:
    try:
        check_pattern(pattern)
    except BadPattern as error:
        message = f"{_shown(pattern)} is no RE2 pattern: {error}"
        raise ValueError(message) from error
    return pattern


def _listed(globs: object) -> object:
    """Return the globs of what may be one of them."""
    return (globs,) if isinstance(globs, str) else globs


_Glob = Annotated[str, Field(min_length=1, max_length=200)]


class ConfiguredRule(_Part):
    """What reviews say of what a pull request changes."""

    say: Annotated[str, Field(min_length=1, max_length=500)]
    paths: Annotated[
        tuple[_Glob, ...],
        BeforeValidator(_listed),
        Field(strict=False, max_length=20),
    ] = ()
    pattern: Annotated[str, Field(max_length=500), AfterValidator(_checked_pattern)] = (
        ""
    )
    when: Annotated[RuleWhen | None, Field(strict=False)] = None
    level: Annotated[RuleLevel, Field(strict=False)] = RuleLevel.WARNING

    @model_validator(mode="after")
    def _means_something(self) -> "ConfiguredRule":
        if self.pattern and self.when:
            message = "'pattern' is looked for in added lines: leave 'when' out"
            raise ValueError(message)
        if not self.pattern and not self.paths:
            message = "needs 'paths', 'pattern' or both"
            raise ValueError(message)
        return self

    @property
    def rule(self) -> ReviewRule:
        """Return it with its default filled in."""
        when = self.when or RuleWhen.CHANGED
        return ReviewRule(self.say, self.paths, self.pattern, when, self.level)


@dataclass(frozen=True, slots=True)
class ResolvedAction:
    """What an action's name stands for in a repository."""

    action: Action  # with its name, and what that stands for if it is not built in
    applies_to: AppliesTo
    needs: ItemNeed


class RepositoryConfiguration(_Part):
    """Everything that ``.github/batch.yml`` may say, with the defaults filled in."""

    permissions: Permissions = Permissions()
    defaults: Defaults = Defaults()
    limits: Limits = Limits()
    merge: Merging = Merging()
    actions: Mapping[str, ConfiguredAction] = Field(default_factory=dict)
    label: Annotated[str, Field(min_length=1, max_length=100)] = "batch"
    review_requests: Annotated[
        tuple[Annotated[str, AfterValidator(_checked_reviewer)], ...],
        Field(strict=False),
    ] = ()
    rules: Annotated[
        tuple[ConfiguredRule, ...], Field(strict=False, max_length=50)
    ] = ()

    def resolve(self, action: Action) -> ResolvedAction:
        """Return what *action* does here. Its name is a built-in or configured one.

        A name of the repository's own stays its own, whatever later versions bring.
        """
        own = self.actions.get(action.name)
        if own is None:
            spec = ACTIONS[action.name]
            return ResolvedAction(action, spec.applies_to, spec.needs)
        if own.command:
            uses = Action(action.name, action.arguments, IMPLEMENT.name, own.command)
            applies_to = own.applies_to or AppliesTo.BOTH
            return ResolvedAction(uses, applies_to, ItemNeed.OPEN)
        spec = ACTIONS[own.uses]
        uses = Action(action.name, own.arguments, own.uses)
        return ResolvedAction(uses, own.applies_to or spec.applies_to, spec.needs)


def read_configuration(text: str | None) -> RepositoryConfiguration:
    """Return the configuration that *text* holds; the defaults for None or nothing.

    Raises:
        ConfigurationError: it does not fit; the message names the line and what to do.
    """
    if text is None:
        return RepositoryConfiguration()
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        message = f"{PATH} is larger than {MAX_BYTES // 1024} KiB; shorten it."
        raise ConfigurationError(message)
    try:
        value, lines = read_document(text)
    except DocumentError as error:
        where = f", line {error.line}" if error.line else ""
        problem = _shown(error.problem, quotes=False)
        message = f"{PATH}{where}: {problem}."
        raise ConfigurationError(message) from error
    if value is None:
        return RepositoryConfiguration()
    if not isinstance(value, dict):
        message = f"{PATH}, line 1: this is no list of settings like “label: batch”."
        raise ConfigurationError(message)
    try:
        configuration = RepositoryConfiguration.model_validate(value)
    except ValidationError as error:
        raise ConfigurationError(_message(error, lines)) from error
    _check_names(configuration, lines)
    return configuration


def _message(error: ValidationError, lines: Mapping[Path, int]) -> str:
    problems = []
    for found in error.errors(include_url=False):
        path = found["loc"]
        place = ".".join(str(part) for part in path)
        problem = _problem(found["type"], found["msg"], path, found.get("ctx", {}))
        problems.append(
            f"line {line_of(path, lines)}: {_shown(place, quotes=False)}: {problem}"
        )
    shown, more = problems[:_MOST_PROBLEMS], len(problems) - _MOST_PROBLEMS
    rest = [f"and {more} more"] if more > 0 else []
    whole = f"{PATH}, " + "; ".join([*shown, *rest])
    return whole if whole.endswith("?") else f"{whole}."


def _problem(kind: str, message: str, path: Path, context: Mapping[str, Any]) -> str:
    match kind:
        case "extra_forbidden":
            known = list(_known_keys(path[:-1]))
            guess = nearest(str(path[-1]), known)
            hint = f"did you mean {guess}?" if guess else f"there is {in_words(known)}"
            return f"unknown setting; {hint}"
        case "value_error":
            return str(context["error"])
        case "string_type":
            return "this must be text; put it in quotes"
        case "int_type":
            return "this must be a whole number"
        case "model_type" | "dict_type" | "mapping_type":
            return "this must be settings of its own, indented below it"
        case "tuple_type" | "list_type":
            return "this must be a list, each entry after a dash"
        case _:
            return message[:1].lower() + message[1:]


def _known_keys(path: Path) -> Iterator[str]:
    model: type[BaseModel] = RepositoryConfiguration
    if path:
        parts: dict[str | int, type[BaseModel]] = {
            "permissions": Permissions,
            "defaults": Defaults,
            "limits": Limits,
            "merge": Merging,
            "actions": ConfiguredAction,
            "rules": ConfiguredRule,
        }
        model = parts[path[0]]
    for name, field in model.model_fields.items():
        yield field.alias or name


def _check_names(
    configuration: RepositoryConfiguration, lines: Mapping[Path, int]
) -> None:
    """Check the names of actions against each other and the language."""
    for name in configuration.actions:
        line = line_of(("actions", name), lines)
        if name in RESERVED:
            message = (
                f"{PATH}, line {line}: {name} means something already; "
                "name the action differently."
            )
            raise ConfigurationError(message)
        if not _ACTION_NAME.match(name) or len(name) > 40:
            message = (
                f"{PATH}, line {line}: {_shown(name)} cannot name an action; "
                "use small letters, digits and dashes."
            )
            raise ConfigurationError(message)
    names = (*ACTIONS, *configuration.actions)
    for kind in ItemKind:
        name = configuration.defaults.action_for(kind)
        line = line_of(("defaults", kind.value), lines)
        if name not in names:
            guess = nearest(name, names)
            hint = f"did you mean {guess}?" if guess else f"there is {in_words(names)}."
            message = f"{PATH}, line {line}: there is no action {_shown(name)}; {hint}"
            raise ConfigurationError(message)
        _check_default(configuration, name, kind, line)


def _check_default(
    configuration: RepositoryConfiguration, name: str, kind: ItemKind, line: int
) -> None:
    resolved = configuration.resolve(Action(name))
    what = kind.value.replace("_", " ")
    problem = ""
    if not resolved.applies_to.includes(kind):
        problem = (
            f"{name} cannot be done to an {what}"
            if kind is ItemKind.ISSUE
            else (f"{name} cannot be done to a {what}")
        )
    elif ACTIONS[resolved.action.does].role > Role.WRITE:
        problem = f"{resolved.action.does} is never a default; type it in the command"
    elif not resolved.action.uses and ACTIONS[name].arguments.are_needed:
        problem = f"{name} needs arguments; make an action of your own from it"
    if problem:
        message = f"{PATH}, line {line}: {problem}."
        raise ConfigurationError(message)


def _shown(text: str, *, quotes: bool = True) -> str:
    """Return words of others, short and on one line."""
    plain = re.sub(r"[^\x20-\x7e\xa0-\uffff]+|\s+", " ", text).strip()
    plain = cut(plain, _MAX_SHOWN)
    return f"“{plain}”" if quotes else plain
