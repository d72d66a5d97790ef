"""The environment, read once into a frozen ``Settings``.

Precedence: command-line option, environment, ``.env`` in the working directory,
default. An empty string counts as unset. All problems are reported at once, each with
the variable, what is wrong with it and an example.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.core.command.guesses import nearest
from bot.core.model import Role
from bot.core.world.budget import Reserve
from bot.errors import SettingsError
from bot.settings import dotfile
from bot.settings.file import (
    EVERYWHERE,
    FaultyContent,
    PoolFiles,
    SettingsFile,
    read_settings_file,
)
from bot.settings.keys import key_at, key_in, nobodys_key

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LEVELS = {"trace": "debug", "warn": "warning", "fatal": "error"}
"""Probot's names of levels that are none of ours."""


def _bare(text: str) -> str:
    text = text.strip("\ufeff \t\r\n")
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if is_quoted else text


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
    if not value:
        return ""
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        message = "is no address that begins with https:// or http://"
        raise ValueError(message)
    return str(value).rstrip("/")


def _site(value: object) -> object:
    """Return the address of pages, which stand at the root of their host."""
    url = str(_url(value))
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment:
        message = (
            "has something behind the host: the pages stand at the root of theirs"
            " (give them a host name or a port of their own)"
        )
        raise ValueError(message)
    return url


def _scheduler(value: object) -> object:
    if not value:
        return ""
    parts = urlsplit(str(value))
    if parts.scheme not in ("tls", "tcp") or not parts.hostname or not _port_of(parts):
        message = "is no address of a dask scheduler"
        raise ValueError(message)
    if parts.scheme == "tcp" and parts.hostname not in _LOOPBACK:
        message = "would let everybody run programs there: beyond one machine it is tls"
        raise ValueError(message)
    return str(value)


def _port_of(parts: SplitResult) -> int:
    try:
        return parts.port or 0
    except ValueError:
        return 0


def _secrets(value: object) -> object:
    secrets = tuple(secret.strip() for secret in str(value).split(","))
    if not all(secrets) or len(secrets) > 2:
        message = (
            "must be one secret, or two with a comma between them while you rotate"
        )
        raise ValueError(message)
    return secrets


def _level(value: object) -> object:
    return _LEVELS.get(str(value).lower(), str(value).lower())


Seconds = Annotated[float, BeforeValidator(_seconds)]
Url = Annotated[str, BeforeValidator(_url)]
SiteUrl = Annotated[str, BeforeValidator(_site)]
Pem = Annotated[str, BeforeValidator(key_in)]


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
        ...,
        "APP_ID",
        "GH_APP_ID",
        "GITHUB_APP_IDENTIFIER",
        example="123456",
        pattern=r"^[A-Za-z0-9._-]+$",
    )
    given_private_key: Pem = _variable(
        "",
        "PRIVATE_KEY",
        "GH_PRIVATE_KEY",
        "GITHUB_PRIVATE_KEY",
        example='"$(cat app.private-key.pem)"',
        is_secret=True,
    )
    private_key_at_path: Annotated[str, BeforeValidator(key_at)] = _variable(
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
    polls: bool = _variable(default=False, name="BATCH_POLL", example="true")
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(_level)
    ] = _variable("info", "LOG_LEVEL", example="info")
    given_log_format: Literal["", "pretty", "json"] = _variable(
        "", "LOG_FORMAT", example="json"
    )
    web_url: SiteUrl = _variable("", "WEB_URL", example="https://bot.example.com")
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
    edit_interval_seconds: Seconds = _variable(
        10.0, "BATCH_EDIT_INTERVAL", example="10", ge=1, le=600
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
    file: Annotated[SettingsFile, NoDecode, BeforeValidator(read_settings_file)] = (
        _variable(SettingsFile(), "BATCH_SETTINGS_FILE", example="batch-bot.yml")
    )
    dask: Annotated[str, BeforeValidator(_scheduler)] = _variable(
        "", "BATCH_DASK", example="tls://pool.example.com:8786"
    )
    shutdown_seconds: Seconds = _variable(
        25.0, "SHUTDOWN_TIMEOUT", example="25", le=600
    )
    metrics_token: str = _variable(
        "", "METRICS_TOKEN", example='"$(openssl rand -hex 32)"', is_secret=True
    )
    operator_token: str = _variable(
        "", "OPERATOR_TOKEN", example='"$(openssl rand -hex 32)"', is_secret=True
    )

    client_id: str = _variable(
        "",
        "CLIENT_ID",
        "GITHUB_CLIENT_ID",
        example="Iv23liAbCdEf12345678",
        pattern=r"^[A-Za-z0-9._-]+$",
    )
    client_secret: str = _variable(
        "",
        "CLIENT_SECRET",
        "GITHUB_CLIENT_SECRET",
        example="the-app-s-client-secret",
        is_secret=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take off what files of variables and shells leave around a value."""
        plain = {n: _bare(v) if isinstance(v, str) else v for n, v in values.items()}
        # One of two is needed; said here, it is said together with the rest.
        is_given = any("PRIVATE_KEY" in name for name in plain)
        return plain if is_given else plain | {"PRIVATE_KEY": ""}

    @property
    def private_key(self) -> str:
        """The app's private key as PEM."""
        return self.given_private_key or self.private_key_at_path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: the bot's own, and what commands are given."""
        tokens = (self.metrics_token, self.operator_token, self.client_secret)
        own = (*self.webhook_secrets, self.private_key, *tokens)
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
    def site_url(self) -> str:
        """Where people see GitHub, without a slash at its end."""
        parts = urlsplit(self.api_url)
        host = parts.netloc
        if host == "api.github.com" or host.endswith(".ghe.com"):
            host = host.removeprefix("api.")
        return f"{parts.scheme}://{host}"

    @property
    def commands(self) -> Mapping[str, tuple[str, ...]]:
        """The operator's commands by name."""
        return {name: tuple(own.run) for name, own in self.file.commands.items()}

    @property
    def workers(self) -> Sequence[str]:
        """Where commands run, be it those of one repository alone."""
        return list(dict.fromkeys(chain.from_iterable(self._workers.values())))

    def workers_of(self, repository: str) -> Sequence[str]:
        """Return where the commands of ``owner/name`` run, preferred first."""
        name, named = repository.lower(), self._workers
        keys = (name, f"{name.partition('/')[0]}/*", EVERYWHERE)
        return next(named[key] for key in keys if key in named)

    @property
    def _workers(self) -> Mapping[str, Sequence[str]]:
        usual = {EVERYWHERE: ["dask"] if self.dask else ["local"]}
        return usual | {k.lower(): names for k, names in self.file.workers.items()}

    @property
    def runs_elsewhere(self) -> bool:
        """Whether it has to be said where commands run: not all run here."""
        return list(self.workers) != ["local"] or any(self.needs.values())

    @property
    def commands_here(self) -> Mapping[str, tuple[str, ...]]:
        """The operator's commands that may run on the bot's own machine.

        Workers of installed packages may have them run there.
        """
        if list(self.workers) == ["dask"]:
            return {}
        needy = {name for name, own in self.file.commands.items() if own.needs}
        return {n: argv for n, argv in self.commands.items() if n not in needy}

    @property
    def tokens_at(self) -> str:
        """Where machines of the pool get tokens, ``host:port``; empty: nowhere."""
        return self.file.dask.tokens if self.dask and self.file.dask else ""

    @property
    def tokens_door(self) -> tuple[str | None, int]:
        """Where the bot listens for that: a host, None for each of its own; the port."""
        host, _, port = self.tokens_at.rpartition(":")
        return host.strip("[]") if host.strip("[]") in _LOOPBACK else None, int(port)

    @property
    def needs(self) -> Mapping[str, Mapping[str, float]]:
        """What each command needs of a machine, by command."""
        return {
            name: {label: float(many) for label, many in own.needs.items()}
            for name, own in self.file.commands.items()
        }

    @property
    def commands_for_forks(self) -> Set[str]:
        """Those that run on pull requests from forks too."""
        return frozenset(name for name, own in self.file.commands.items() if own.forks)

    def command_environment(self) -> Mapping[str, str]:
        """Return the variables that the operator wants commands to have.

        Those that hold the bot's own secrets are never among them.
        """
        wanted = set(self.file.pass_environment) - _known_names()
        return {n: v for n, v in _given().items() if n in wanted}

    def doubts(self) -> Sequence[str]:
        """Return what is set up and probably not so meant."""
        given = _given()
        unset = [name for name in self.file.pass_environment if name not in given]
        strange = [
            name
            for name in given
            if name.startswith("BATCH_") and name not in _known_names()
        ]
        return [
            *(f"pass_environment: {name} is not set" for name in unset),
            *(f"{name} is no setting of this version" for name in strange),
        ]

    @property
    def allowed_bots(self) -> Mapping[str, Role]:
        """The bots whose commands count, in lower case, with the role of each.

        GitHub knows no role of an app.
        """
        bots = self.file.allowed_bots.items()
        return {login.lower(): Role[role.upper()] for login, role in bots}

    def allows(self, repository: str) -> bool:
        """Return whether batches may run in ``owner/name``; all may if none is named."""
        name = repository.lower()
        allowed = {entry.lower() for entry in self.file.allowed_repositories}
        return not allowed or bool(allowed & {name, f"{name.partition('/')[0]}/*"})

    def clone_url(self, repository: str) -> str:
        """Return the address of ``owner/name`` for git, without credentials."""
        return f"{self.site_url}/{repository}.git"


def environment() -> Mapping[str, str]:
    """Return the process's environment, from which that of children is chosen."""
    return dict(os.environ)


def secret_files() -> tuple[Path, ...]:
    """Return the files that the settings name and that commands must not see."""
    given = _given()
    names = [*variables()["PRIVATE_KEY"], "PRIVATE_KEY", "PRIVATE_KEY_PATH"]
    words = [given.get(name, "") for name in (*names, "BATCH_SETTINGS_FILE")]
    # A key itself may stand where its path could; it is far too long for one.
    paths = [Path(word).expanduser() for word in words if 0 < len(word) < 1000]
    return tuple(path for path in (*paths, Path(".env")) if path.is_file())


def settings_of_machine() -> Settings:
    """Return the settings of a machine of a pool, which is no app and knows no secret
    of one. Raises ``SettingsError``.
    """
    nobody = {"APP_ID": "none", "PRIVATE_KEY": nobodys_key(), "WEBHOOK_SECRET": "none"}
    return load_settings({**nobody, "PORT": "0"})  # no webhook comes here


def load_settings(
    options: Mapping[str, str | None] | None = None, *, env_file: Path | None = None
) -> Settings:
    """Return the settings; *options* are command-line options by variable name.

    *env_file* is ``.env`` in the working directory unless it is given. Raises
    ``SettingsError`` with all problems, one a line.
    """
    given = {name: value for name, value in (options or {}).items() if value}
    env_file = env_file or Path(".env")
    in_file = dotfile.values_in(env_file)
    problems = [*_misspelt((*given, *environment(), *in_file))]
    try:
        settings = Settings(
            _env_file=env_file,  # type: ignore[call-arg]  # of BaseSettings
            **given,  # type: ignore[arg-type]  # text, as in the environment
        )
    except ValidationError as error:
        problems += [_problem(detail) for detail in error.errors(include_url=False)]
        # Without its cause, which holds what was typed.
        raise SettingsError("\n".join(problems)) from None
    problems += [*_handed_on(settings), *_of_pool(settings)]
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


@dataclass(frozen=True, slots=True)
class AsFarAsTheyFit:
    """Settings of which some may be wrong: ``faults`` has all that is, one a line.

    In place of what does not fit stand defaults.
    """

    settings: Settings
    faults: Sequence[str] = ()
    bad: frozenset[str] = frozenset()  # the variables that do not fit

    @property
    def knows_app(self) -> bool:
        """Whether it is known which GitHub to ask, and as which app."""
        who = ("APP_ID", "PRIVATE_KEY", "PRIVATE_KEY_PATH")
        where = ("GHE_HOST", "GHE_PROTOCOL", "GITHUB_API_URL")
        return not self._is_bad(*who, *where)

    @property
    def knows_commands(self) -> bool:
        """Whether it is known which commands run, and how they are isolated."""
        return not self._is_bad("BATCH_SETTINGS_FILE", "BATCH_SANDBOX")

    def _is_bad(self, *names: str) -> bool:
        return any(self.bad & {name, *variables()[name]} for name in names)


def settings_that_fit() -> AsFarAsTheyFit:
    """Return the settings as far as they fit, for those who look at all of them."""
    try:
        return AsFarAsTheyFit(load_settings())
    except SettingsError as error:
        faults = str(error).splitlines()
    env_file = Path(".env") if _is_readable(Path(".env")) else None
    try:
        given = Settings(_env_file=env_file)  # type: ignore[call-arg]
        return AsFarAsTheyFit(given, faults)
    except ValidationError as error:
        bad = {str(detail["loc"][0]) for detail in error.errors(include_url=False)}
    stand_ins = {name: _stand_in(name) for name in bad}
    settings = Settings(_env_file=env_file, **stand_ins)  # type: ignore[call-arg]
    return AsFarAsTheyFit(settings, faults, frozenset(bad))


def _stand_in(name: str) -> Any:
    """Return a value that fits a variable, and means nothing."""
    field = _field_of(name)
    if field is _field_of("PRIVATE_KEY"):
        return nobodys_key()
    if field is _field_of("GHE_HOST"):
        return "unknown.invalid"
    return "unknown" if field.is_required() else field.default


def database_path(*, env_file: Path = Path(".env")) -> Path:
    """Return where the database is, whatever else is set or not.

    Raises ``SettingsError`` if that would be in a file that cannot be read.
    """
    name = "BATCH_DB"
    given = environment().get(name) or dotfile.values_in(env_file).get(name) or ""
    field = Settings.model_fields["database"]
    return Path(_bare(given)) if _bare(given) else Path(str(field.default))


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


def _known_names() -> frozenset[str]:
    """Return every name that is read."""
    return frozenset(
        name for first, more in variables().items() for name in (first, *more)
    )


def _given() -> Mapping[str, str]:
    """Return the environment, and what ``.env`` adds to it, if it can be read."""
    file = Path(".env")
    in_file = dotfile.values_in(file) if _is_readable(file) else {}
    return {**{n: v for n, v in in_file.items() if v}, **environment()}


def _is_readable(file: Path) -> bool:
    try:
        dotfile.values_in(file)
    except SettingsError:
        return False
    return True


def _misspelt(names: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with names that look like settings and are none."""
    known = _known_names()
    for name in dict.fromkeys(names):
        if not name.startswith("BATCH_") or name in known:
            continue
        if guess := nearest(name, known, likeness=0.8):
            yield f"{name} is not known; did you mean {guess}?"


def _handed_on(settings: Settings) -> Iterator[str]:
    """Yield the bot's own secrets that commands would get."""
    own = {
        name
        for first, more in variables().items()
        for name in (first, *more)
        if not _field_of(first).repr
    }
    tokens = (settings.metrics_token, settings.operator_token, settings.client_secret)
    values = {*settings.webhook_secrets, settings.private_key, *tokens}
    for name in settings.file.pass_environment:
        if name in own or _given().get(name) in values - {""}:
            yield (
                f"BATCH_SETTINGS_FILE: pass_environment names {name}, a secret of the bot,"
                " which commands never get; leave it out"
            )


def _of_pool(settings: Settings) -> Iterator[str]:
    """Yield what is missing for a pool that is wanted."""
    if "dask" in settings.workers and not settings.dask:
        yield (
            "BATCH_SETTINGS_FILE: workers names dask, and BATCH_DASK is not set, for"
            " example BATCH_DASK=tls://pool.example.com:8786"
        )
    if settings.dask.startswith("tls:") and settings.file.dask is None:
        yield (
            f"BATCH_DASK={settings.dask!r} needs the files that open it: name them in"
            " BATCH_SETTINGS_FILE, for example"
            f" {SettingsFile.model_fields['dask'].examples[0]}"  # type: ignore[index]  # it has some
        )
    if address := settings.tokens_at:
        yield from (
            f"BATCH_SETTINGS_FILE: dask.tokens={address!r} {why}"
            for why in _not_for_tokens(settings)
        )


def _not_for_tokens(settings: Settings) -> Iterator[str]:
    """Yield why no machine can get tokens where that is wanted."""
    scheduler, (_, port) = urlsplit(settings.dask), settings.tokens_door
    if scheduler.scheme == "tcp":
        yield (
            "needs TLS, which keeps tokens from strangers: leave it out, or have"
            " BATCH_DASK begin with tls://"
        )
    if port == settings.port:
        yield f"has the port of the webhook (PORT={port}): give it another one"
    if scheduler.netloc == settings.tokens_at:
        yield "is where the scheduler is (BATCH_DASK): give it another port"


def _name_of(field_name: str) -> str:
    return list(variables())[list(Settings.model_fields).index(field_name)]


def _shown(value: object) -> str:
    if isinstance(value, SettingsFile):
        return "; ".join(f"{name}: {_part(part)}" for name, part in value if part)
    return str(value)


def _part(part: object) -> str:
    if isinstance(part, int):
        return str(part)
    if isinstance(part, PoolFiles):
        return ", ".join(str(value) for _, value in part if value)
    assert isinstance(part, Iterable)
    return ", ".join(map(str, part))


def _tail(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[-4:]


def _problem(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    field = _field_of(name)
    example = f"for example {name}={(field.examples or [''])[0]}"
    if detail["type"] == "missing":
        return f"{name} is not set, {example}"
    subject = f"{name}={detail['input']!r}" if field.repr else name
    if isinstance(detail.get("ctx", {}).get("error"), FaultyContent):
        return f"{subject} {_words(detail)}"
    return f"{subject} {_words(detail)}, {example}"


def _field_of(name: str) -> FieldInfo:
    """Return the setting that a variable is read for."""
    return next(
        field
        for field in Settings.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices)
        and name in field.validation_alias.choices
    )


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
