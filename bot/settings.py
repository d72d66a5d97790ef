"""The environment, read once into a frozen ``Settings``.

Precedence: command-line option, environment, ``.env`` in the working directory,
default. An empty string counts as unset. All problems are reported at once, each with
the variable, what is wrong with it and an example.
"""

import base64
import binascii
import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import yaml
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.core.world.budget import Reserve
from bot.errors import SettingsError

_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LEVELS = {"trace": "debug", "warn": "warning", "fatal": "error"}
"""Probot's names of levels that are none of ours."""


def _seconds(value: object) -> object:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip())
    if not match:
        message = "is no duration; write seconds, or a number with s, m or h"
        raise ValueError(message)
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def _reserve(value: object) -> object:
    if isinstance(value, Reserve):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", str(value).strip())
    if match and match[2] and float(match[1]) <= 90:
        return Reserve(fraction=float(match[1]) / 100)
    if match and not match[2] and match[1].isdigit():
        return Reserve(requests=int(match[1]))
    message = "is neither a percentage up to 90% nor a number of requests"
    raise ValueError(message)


def _url(value: object) -> object:
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        message = "is no address that begins with https:// or http://"
        raise ValueError(message)
    return str(value).rstrip("/")


def _secrets(value: object) -> object:
    secrets = tuple(secret.strip() for secret in str(value).split(","))
    if not all(secrets) or len(secrets) > 2:
        message = (
            "must be one secret, or two with a comma between them while you rotate"
        )
        raise ValueError(message)
    return secrets


def _private_key(value: object) -> object:
    """Return the PEM that *value* is, escaped or encoded, or whose path it is."""
    text = str(value).strip().strip("\"'").replace("\\n", "\n")
    if not text:
        message = "or PRIVATE_KEY_PATH is needed"
        raise ValueError(message)
    if "-----BEGIN" not in text:
        try:
            # Whoever encodes it may break its lines.
            text = base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return _private_key_at(text, what="is no key and ")
    return _checked(text)


def _private_key_at(path: object, *, what: str = "") -> object:
    try:
        return _checked(Path(str(path)).expanduser().read_text())
    except (OSError, UnicodeDecodeError) as error:
        # The text itself may be most of a key: it is not shown.
        message = (
            f"{what}cannot be read as a file: {getattr(error, 'strerror', 'not text')}"
        )
        raise ValueError(message) from None


def _checked(text: str) -> str:
    """Return the PEM, the same one for a key however it was given."""
    pem = "\n".join(text.split("\r\n")).strip() + "\n"
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = (
            "is no private key; give the .pem file that GitHub made, as it is, in base64"
            " or with \\n for its line ends"
        )
        raise ValueError(message) from None
    if not isinstance(key, RSAPrivateKey):
        message = "is no RSA key, and GitHub Apps have no others"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueErrors
    return pem


def _shown_path(value: object) -> object:
    path = Path(str(value)).expanduser()
    if not path.is_absolute():
        message = f"{value} is no whole path; begin it with / or ~"
        raise ValueError(message)
    if not path.exists():
        message = f"{value} does not exist"
        raise ValueError(message)
    return path


def _bytes(value: object) -> object:
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?", str(value).strip(), re.I)
    if not match:
        message = "is no size; write a number with MB, GB or TB"
        raise ValueError(message)
    return round(float(match[1]) * 1000 ** (" KMGT".index(match[2].upper())))


def _level(value: object) -> object:
    return _LEVELS.get(str(value).lower(), str(value).lower())


class SettingsFile(BaseModel):
    """What ``BATCH_SETTINGS_FILE`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    commands: dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")],
        Annotated[
            list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1)
        ],
    ] = {}
    pass_environment: list[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    ] = []
    network: bool = False
    show: list[Annotated[Path, BeforeValidator(_shown_path), Field(strict=False)]] = []
    cache: bool = False
    quota: Annotated[int, BeforeValidator(_bytes)] = 10 * 1000**3
    sign_off: bool = False
    leave_out: list[Annotated[str, StringConstraints(pattern=r"^!?[^!/\s].*$")]] = []
    allowed_repositories: list[
        Annotated[str, StringConstraints(pattern=r"^[\w.-]+/([\w.-]+|\*)$")]
    ] = []
    allowed_bots: list[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+(\[bot\])?$")]
    ] = []


def _settings_file(value: object) -> object:
    if isinstance(value, SettingsFile):
        return value
    path = Path(str(value)).expanduser()
    try:
        content = yaml.safe_load(path.read_text())
        return SettingsFile.model_validate({} if content is None else content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"cannot be read: {error}"
        raise ValueError(message) from None
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'the file'} {_words(detail)}"
            for detail in error.errors()
        )
        message = f"does not fit: {details}"
        raise ValueError(message) from None


Seconds = Annotated[float, BeforeValidator(_seconds)]
Url = Annotated[str, BeforeValidator(_url)]
Pem = Annotated[str, BeforeValidator(_private_key)]


def _variable(
    default: Any,
    name: str,
    *also: str,
    example: str,
    is_secret: bool = False,
    **rules: Any,
) -> Any:
    return Field(
        default,
        validation_alias=AliasChoices(name, *also),
        examples=[example],
        repr=not is_secret,
        **rules,
    )


class Settings(BaseSettings):
    """How this server runs. ``repr`` leaves the secrets out; see ``describe``."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    app_id: str = _variable(
        ..., "APP_ID", "GH_APP_ID", "GITHUB_APP_IDENTIFIER", example="123456"
    )
    given_private_key: Pem = _variable(
        "",
        "PRIVATE_KEY",
        "GH_PRIVATE_KEY",
        "GITHUB_PRIVATE_KEY",
        example='"$(cat app.private-key.pem)"',
        is_secret=True,
    )
    private_key_at_path: Annotated[str, BeforeValidator(_private_key_at)] = _variable(
        "", "PRIVATE_KEY_PATH", example="app.private-key.pem", is_secret=True
    )
    webhook_secrets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_secrets)] = (
        _variable(
            ...,
            "WEBHOOK_SECRET",
            "GH_SECRET",
            "GITHUB_WEBHOOK_SECRET",
            example='"$(openssl rand -hex 32)"',
            is_secret=True,
        )
    )
    webhook_path: str = _variable(
        "/api/github/webhooks",
        "WEBHOOK_PATH",
        example="/api/github/webhooks",
        pattern=r"^/[\w./-]*$",
    )
    host: str = _variable("localhost", "HOST", example="0.0.0.0")  # noqa: S104 - an example
    port: int = _variable(3000, "PORT", example="3000", ge=0, le=65535)
    ghe_host: str = _variable(
        "", "GHE_HOST", example="github.example.com", pattern=r"^[\w.-]+(:\d+)?$"
    )
    ghe_protocol: Literal["https", "http"] = _variable(
        "https", "GHE_PROTOCOL", example="https"
    )
    github_api_url: Url = _variable(
        "", "GITHUB_API_URL", example="https://github.example.com/api/v3"
    )
    webhook_proxy_url: Url = _variable(
        "", "WEBHOOK_PROXY_URL", example="https://smee.io/abc"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(_level)
    ] = _variable("info", "LOG_LEVEL", example="info")
    given_log_format: Literal["", "pretty", "json"] = _variable(
        "", "LOG_FORMAT", example="json"
    )
    web_url: Url = _variable("", "WEB_URL", example="https://bot.example.com")
    database: Path = _variable(
        Path("data/batch.db"), "BATCH_DB", example="./data/batch.db"
    )
    concurrency: int = _variable(3, "BATCH_CONCURRENCY", example="3", ge=1, le=100)
    workspaces: int = _variable(5, "BATCH_WORKSPACES", example="5", ge=1, le=100)
    reserve: Annotated[Reserve, NoDecode, BeforeValidator(_reserve)] = _variable(
        Reserve(fraction=0.1), "BATCH_RESERVE", example="10%"
    )
    write_interval_seconds: Seconds = _variable(
        1.0, "BATCH_WRITE_INTERVAL", example="1", le=60
    )
    sweep_seconds: Seconds = _variable(
        300.0, "BATCH_SWEEP_SECONDS", example="300", ge=10, le=86400
    )
    trigger_window_seconds: Seconds = _variable(
        90.0, "BATCH_TRIGGER_WINDOW", example="90", le=600
    )
    sandbox: Literal["required", "best-effort", "off"] = _variable(
        "required", "BATCH_SANDBOX", example="required"
    )
    file: Annotated[SettingsFile, NoDecode, BeforeValidator(_settings_file)] = (
        _variable(SettingsFile(), "BATCH_SETTINGS_FILE", example="batch-bot.yml")
    )
    shutdown_seconds: Seconds = _variable(
        25.0, "SHUTDOWN_TIMEOUT", example="25", le=600
    )
    metrics_token: str = _variable(
        "", "METRICS_TOKEN", example='"$(openssl rand -hex 32)"', is_secret=True
    )

    @model_validator(mode="before")
    @classmethod
    def _need_a_key(cls, values: dict[str, Any]) -> dict[str, Any]:
        # One of two is needed; said here, it is said together with the rest.
        if any("PRIVATE_KEY" in name for name in values):
            return values
        return values | {"PRIVATE_KEY": ""}

    @property
    def private_key(self) -> str:
        """The app's private key as PEM."""
        return self.given_private_key or self.private_key_at_path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: the bot's own, and what commands are given."""
        own = (*self.webhook_secrets, self.private_key, self.metrics_token)
        proxies = map(urlsplit, getproxies_environment().values())
        passwords = [unquote(proxy.password) for proxy in proxies if proxy.password]
        return (*own, *passwords, *self.command_environment().values())

    @property
    def proxy(self) -> str:
        """The proxy on the way to the API, as the environment names it; empty if none."""
        parts = urlsplit(self.api_url)
        if proxy_bypass(parts.netloc):
            return ""
        proxies = getproxies_environment()
        return proxies.get(parts.scheme, proxies.get("all", ""))

    @property
    def log_format(self) -> Literal["pretty", "json"]:
        """How logs are written: for people if they go to a terminal."""
        return self.given_log_format or ("pretty" if sys.stderr.isatty() else "json")

    @property
    def api_url(self) -> str:
        """The base of GitHub's REST API, without a slash at its end."""
        if self.github_api_url:
            return self.github_api_url
        if not self.ghe_host:
            return "https://api.github.com"
        if self.ghe_host.endswith(".ghe.com"):  # Enterprise Cloud with data residency
            return f"{self.ghe_protocol}://api.{self.ghe_host}"
        return f"{self.ghe_protocol}://{self.ghe_host}/api/v3"

    @property
    def commands(self) -> Mapping[str, tuple[str, ...]]:
        """The operator's commands by name."""
        return {name: tuple(argv) for name, argv in self.file.commands.items()}

    def command_environment(self) -> Mapping[str, str]:
        """Return the variables that the operator wants commands to have.

        Those that hold the bot's own secrets are never among them.
        """
        own = {name for names in variables().items() for name in (names[0], *names[1])}
        wanted = set(self.file.pass_environment) - own
        return {n: v for n, v in environment().items() if n in wanted}

    @property
    def allowed_bots(self) -> frozenset[str]:
        """The logins of bots whose commands count, in lower case."""
        return frozenset(login.lower() for login in self.file.allowed_bots)

    def allows(self, repository: str) -> bool:
        """Return whether batches may run in ``owner/name``; all may if none is named."""
        name = repository.lower()
        allowed = {entry.lower() for entry in self.file.allowed_repositories}
        return not allowed or bool(allowed & {name, f"{name.partition('/')[0]}/*"})

    def clone_url(self, repository: str) -> str:
        """Return the address of ``owner/name`` for git, without credentials."""
        parts = urlsplit(self.api_url)
        host = parts.netloc
        if host == "api.github.com" or host.endswith(".ghe.com"):
            host = host.removeprefix("api.")
        return f"{parts.scheme}://{host}/{repository}.git"


def environment() -> Mapping[str, str]:
    """Return the process's environment, from which that of children is chosen."""
    return dict(os.environ)


def secret_files() -> tuple[Path, ...]:
    """Return the files that the settings name and that commands must not see."""
    given = {**dotenv_values(".env"), **environment()}
    names = [*variables()["PRIVATE_KEY"], "PRIVATE_KEY", "PRIVATE_KEY_PATH"]
    words = [given.get(name) or "" for name in (*names, "BATCH_SETTINGS_FILE")]
    # A key itself may stand where its path could; it is far too long for one.
    paths = [Path(word).expanduser() for word in words if 0 < len(word) < 1000]
    return tuple(path for path in (*paths, Path(".env")) if path.is_file())


def load_settings(
    options: Mapping[str, str | None] | None = None, *, env_file: Path | None = None
) -> Settings:
    """Return the settings; *options* are command-line options by variable name.

    *env_file* is ``.env`` in the working directory unless it is given. Raises
    ``SettingsError`` with all problems, one a line.
    """
    given = {name: value for name, value in (options or {}).items() if value}
    try:
        return Settings(
            _env_file=env_file or Path(".env"),  # type: ignore[call-arg]  # of BaseSettings
            **given,  # type: ignore[arg-type]  # text, as in the environment
        )
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors(include_url=False)]
        # Without its cause, which holds what was typed.
        raise SettingsError("\n".join(problems)) from None


def describe(settings: Settings) -> Mapping[str, str]:
    """Return every variable with its value as people may see it."""
    described = {}
    for field_name, field in Settings.model_fields.items():
        value = getattr(settings, field_name)
        if field.repr:
            text = _shown(value)
        else:
            secrets = [value] if isinstance(value, str) else value
            text = ", ".join(
                f"set (sha256 …{_tail(secret)})" for secret in secrets if secret
            )
        described[_name_of(field_name)] = text or "not set"
    return described


def variables() -> Mapping[str, tuple[str, ...]]:
    """Return every variable with the other names that are read for it."""
    names = {}
    for field in Settings.model_fields.values():
        assert isinstance(field.validation_alias, AliasChoices)
        first, *others = map(str, field.validation_alias.choices)
        names[first] = tuple(others)
    return names


def _name_of(field_name: str) -> str:
    return list(variables())[list(Settings.model_fields).index(field_name)]


def _shown(value: object) -> str:
    if isinstance(value, SettingsFile):
        return "; ".join(
            f"{name}: {part if isinstance(part, int) else ', '.join(map(str, part))}"
            for name, part in value
            if part
        )
    return str(value)


def _tail(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[-4:]


def _problem(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    field = next(
        field
        for field in Settings.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices)
        and name in field.validation_alias.choices
    )
    example = f"for example {name}={(field.examples or [''])[0]}"
    if detail["type"] == "missing":
        return f"{name} is not set, {example}"
    subject = f"{name}={detail['input']!r}" if field.repr else name
    return f"{subject} {_words(detail)}, {example}"


def _words(detail: ErrorDetails) -> str:
    """Return pydantic's message as the rest of a sentence."""
    message = detail["msg"]
    if detail["type"] == "string_pattern_mismatch":
        return "does not have the right form"
    if detail["type"] == "extra_forbidden":
        return "is not known here"
    for start, instead in (("Value error, ", ""), ("Input should", "should")):
        if message.startswith(start):
            return instead + message.removeprefix(start)
    return message[:1].lower() + message[1:]
