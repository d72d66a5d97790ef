"""What ``BATCH_SETTINGS_FILE`` holds: whatever is no one-liner."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from bot.core import documents
from bot.core.actions.table import ACTIONS
from bot.core.command.guesses import nearest
from bot.core.command.vocabulary import RESERVED, in_words
from bot.core.documents import DocumentError, line_of, read_document


def _whole_path(value: object) -> Path:
    path = Path(str(value)).expanduser()
    if not path.is_absolute():
        message = f"{value} is no whole path; begin it with / or ~"
        raise ValueError(message)
    return path


def _shown_path(value: object) -> object:
    path = _whole_path(value)
    if not path.exists():
        message = f"{value} does not exist"
        raise ValueError(message)
    return path


def _address(value: object) -> object:
    match = re.fullmatch(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})", str(value))
    if value and not (match and 1 <= int(match[1]) <= 65535):
        message = (
            "is no host with a port from 1 to 65535; write it as bot.example.com:8788"
        )
        raise ValueError(message)
    return value


def _bytes(value: object) -> object:
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?", str(value).strip(), re.I)
    if not match:
        message = "is no size; write a number with MB, GB or TB"
        raise ValueError(message)
    return round(float(match[1]) * 1000 ** (" KMGT".index(match[2].upper())))


def _free_name(name: str) -> str:
    spec = ACTIONS.get(name)
    runs_it = spec is not None and (spec.runs_command or spec.may_run_command)
    if not runs_it and (spec is not None or name in RESERVED):
        message = f"means something already: /batch {name} runs no command; name it differently"
        raise ValueError(message)
    return name


_Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$"),
    AfterValidator(_free_name),
]
_Words = Annotated[
    list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1)
]


EVERYWHERE = "*"
"""The key of the workers of all repositories that no other key names."""

_Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
_Where = Annotated[str, StringConstraints(pattern=r"^(\*|[\w.-]+/([\w.-]+|\*))$")]
_Workers = Annotated[list[_Label], Field(min_length=1)]
_File = Annotated[Path, BeforeValidator(_whole_path), Field(strict=False)]


def _with_keys(value: object) -> object:
    return value if isinstance(value, dict) else {"run": value}


def _everywhere(value: object) -> object:
    return value if isinstance(value, dict) else {EVERYWHERE: value}


class OperatorsCommand(BaseModel):
    """A command, and what it may be run on."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run: _Words
    forks: bool = False  # also on pull requests from forks
    needs: dict[_Label, Annotated[int, Field(ge=1)]] = {}  # what a machine must have


class PoolFiles(BaseModel):
    """What opens the pool: files in PEM, that commands never see.

    ``tokens`` is where its machines get tokens of the bot; empty: nowhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ca: _File
    cert: _File
    key: _File
    tokens: Annotated[str, BeforeValidator(_address)] = ""

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """The files: authority, certificate and key."""
        return self.ca, self.cert, self.key


class FaultyContent(ValueError):
    """The file is the right one; what is wrong stands inside, with an example of that."""


class SettingsFile(BaseModel):
    """What ``BATCH_SETTINGS_FILE`` holds; each key with an example."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    commands: dict[_Name, Annotated[OperatorsCommand, BeforeValidator(_with_keys)]] = (
        Field(
            default={},
            examples=["commands: {implement: [claude, -p, Implement the issue.]}"],
        )
    )
    pass_environment: list[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    ] = Field(default=[], examples=["pass_environment: [ANTHROPIC_API_KEY]"])
    network: bool = Field(default=False, examples=["network: true"])
    show: list[Annotated[Path, BeforeValidator(_shown_path), Field(strict=False)]] = (
        Field(default=[], examples=["show: [~/.nvm]"])
    )
    cache: bool = Field(default=False, examples=["cache: true"])
    quota: Annotated[int, BeforeValidator(_bytes)] = Field(
        default=10 * 1000**3, examples=["quota: 10 GB"]
    )
    sign_off: bool = Field(default=False, examples=["sign_off: true"])
    leave_out: list[Annotated[str, StringConstraints(pattern=r"^!?[^!/\s].*$")]] = (
        Field(default=[], examples=['leave_out: [dist, "!.env"]'])
    )
    workers: Annotated[dict[_Where, _Workers], BeforeValidator(_everywhere)] = Field(
        default={},
        examples=["workers: [dask, local], or {acme/api: [local], acme/*: [dask]}"],
    )
    dask: PoolFiles | None = Field(
        default=None,
        examples=[
            "dask: {ca: /etc/batch-bot/ca.pem, cert: /etc/batch-bot/cert.pem,"
            " key: /etc/batch-bot/key.pem}"
        ],
    )
    allowed_repositories: list[
        Annotated[str, StringConstraints(pattern=r"^[\w.-]+/([\w.-]+|\*)$")]
    ] = Field(default=[], examples=["allowed_repositories: [acme/*]"])
    allowed_bots: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\[bot\])?$")],
        Literal["triage", "write", "maintain"],
    ] = Field(default={}, examples=['allowed_bots: {"renovate[bot]": write}'])


def read_settings_file(value: object) -> SettingsFile:
    """Return what the file at a path holds.

    Raises ``ValueError`` with each problem: its line, its key, what form it has to have,
    and an example.
    """
    if isinstance(value, SettingsFile):
        return value
    try:
        text = Path(str(value)).expanduser().read_text("utf-8-sig")
        content, lines = read_document(text)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        message = f"cannot be read: {why}"
        raise ValueError(message) from None
    except DocumentError as error:
        where = f", line {error.line}" if error.line else ""
        message = f"is no YAML{where}: {error.problem}"
        raise FaultyContent(message) from None
    try:
        return SettingsFile.model_validate({} if content is None else content)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = sorted(_problem(detail, lines) for detail in found)
        details = "".join(f"\n  line {at}: {said}" for at, said in problems)
        message = f"does not fit:{details}"
        raise FaultyContent(message) from None


def _problem(
    detail: ErrorDetails, lines: Mapping[documents.Path, int]
) -> tuple[int, str]:
    """Return the line of a mistake, and what is wrong there."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    is_run = path[:1] == ("commands",) and path[2:3] == ("run",)
    if is_run and path[:3] not in lines and detail["type"] != "missing":
        path = (*path[:2], *path[3:])  # nobody has typed it
    if path[:2] == ("workers", EVERYWHERE) and path[:2] not in lines:
        path = (path[0], *path[2:])  # nor that
    where = ".".join(map(str, path)) or "the file"
    field = SettingsFile.model_fields.get(str(path[0])) if path else None
    example = f", for example {field.examples[0]}" if field and field.examples else ""
    return line_of(path, lines), f"{where} {_words(detail, path)}{example}"


def _words(detail: ErrorDetails, path: tuple[Any, ...]) -> str:
    """Return what is wrong as the rest of a sentence."""
    match detail["type"]:
        case "extra_forbidden":
            known = [*SettingsFile.model_fields]
            guess = nearest(str(path[-1]), known)
            return "is not known here; " + (
                f"did you mean {guess}?" if guess else f"there is {in_words(known)}"
            )
        case "list_type":
            return "must be a list, [word, word]"
        case "dict_type" | "model_type":
            return "must have keys with values, key: value"
        case "missing":
            return "is missing"
        case "literal_error":
            return f"must be {detail['ctx']['expected'].replace(chr(39), '')}"
        case "bool_type":
            return "must be true or false"
        case "string_type":
            return "must be text; put it in quotes"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "string_pattern_mismatch":
            return "does not have the right form"
        case _:
            return detail["msg"].removeprefix("Value error, ")
