"""The git program, asked so that nothing but the bot decides what it runs.

The repository's content and a command's leftovers are a stranger's: no system or user
configuration is read, hooks, helpers and file system monitors are off, protocols that
start programs are forbidden, and tokens travel in the environment alone.
"""

import base64
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import structlog

from bot.core.model import Repository
from bot.core.say import notes
from bot.core.say.problems.git import (
    GitFault,
    GitSilent,
    GitSlow,
    NoGit,
    NotCloned,
    OldGit,
)
from bot.core.say.problems.server import DiskFull
from bot.core.world.answers import Failure, error_of, failure_of
from bot.core.world.budget import is_limited
from bot.core.world.redaction import Secrets
from bot.errors import AppUnavailable, PermanentError, Problem, TransientError
from bot.host.process import (
    AUTHORITIES,
    HOST_MARKER,
    INHERITED,
    PROXIES,
    Captured,
    Patience,
    Silent,
    capture,
    clean_environment,
)
from bot.ports.github import Tokens

LOCAL_SECONDS = 300
REMOTE_SECONDS = 900
"""How long one call may take before it counts as failed."""

OLDEST = (2, 38)
"""The oldest git that merges without a working tree."""

NOT_FOUND = 127
"""The exit code of a program that does not exist, as shells have it."""

_VERSION = re.compile(r"git version (\d+)\.(\d+)")
_NETWORK = (*INHERITED, *PROXIES, *AUTHORITIES)
_AUTHORITIES = {"GIT_SSL_CAINFO": "SSL_CERT_FILE", "GIT_SSL_CAPATH": "SSL_CERT_DIR"}
"""What git is told from what others read: its TLS library may be one that does not."""

_CONFIGURATION = {
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.filesRefLockTimeout": "10000",  # ms; a lock that is older is nobody's
    "core.fsmonitor": "false",
    "core.packedRefsTimeout": "10000",
    "core.protectHFS": "true",  # GitHub takes no names that are .git elsewhere
    "core.protectNTFS": "true",
    "core.quotePath": "false",
    "credential.helper": "",
    "diff.ignoreSubmodules": "all",
    "fetch.recurseSubmodules": "false",
    "gc.autoDetach": "false",
    "index.version": "2",
    "maintenance.autoDetach": "false",
    "push.recurseSubmodules": "no",
    "submodule.recurse": "false",
}
_UNREACHABLE = re.compile(
    r"could not resolve|connection (?:refused|timed out|reset)|failed to connect"
    r"|couldn't connect|authentication failed|could not read (?:username|password)"
    r"|returned error: (?:401|403|429|5\d\d)|ssl|unable to access",
    re.I,
)
_UNAUTHORIZED = re.compile(
    r"authentication failed|could not read (?:username|password)|returned error: 40[13]",
    re.I,
)
_GONE = re.compile(
    r"repository .*not found|returned error: 404|does not appear to be a git", re.I
)
_NAMED = (
    r"open\(|readlink\(|unable to (?:process path|(?:create|write) (?:file|symlink))\b"
    r"|short read while indexing|invalid path|could(?:n't find remote ref| not stat file)"
    r"|failed to (?:encode|push some refs)|.*: (?:does not exist and|is a directory - add"
    r"|unsupported file type|failed to insert into database|cannot add to the index)"
)
"""How git begins to speak of what others named: a file, a branch, a repository."""

_DAMAGED = re.compile(
    rf"^(?:error|fatal|warning): (?!{_NAMED})"
    r".*(?:not a git repository|corrupt|bad (?:object|ref|signature|tree)"
    r"|broken ref|is empty|invalid sha1 pointer|unable to (?:read|resolve reference)"
    r"|unable to (?:find|parse) [0-9a-f]{40}|cannot lock ref|unable to create '.*\.lock'"
    r"|loose object|inflate|missing (?:blob|tree|commit|object)|could not (?:read|parse)"
    r" (?:commit )?[0-9a-f]{40}|(?:not a valid|invalid) object|failed to (?:read|traverse)"
    r"|src refspec \S+ does not match any|packfile|pack index|bad config|cannot open packed|unexpected line in)",
    re.IGNORECASE | re.MULTILINE,
)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_STATUS = re.compile(r"returned error: (\d{3})\b")
_REMOTE_SAID = re.compile(r"^remote: (?:error: )?(?P<words>.*\S)\s*$", re.MULTILINE)
_DENIED = re.compile(r"denied|not granted|not accessible", re.IGNORECASE)
_TELLING = re.compile(
    r"^(?:fatal|error|remote): (?!the remote end hung up|failed to push some refs)"
)


log = structlog.get_logger()


class GitFailed(TransientError):
    """Git ended with an error of its own; most (disk, network, time) pass."""

    def __init__(
        self,
        command: str,
        *,
        exit_code: int,
        said: str = "",
        problem: Problem | None = None,
        is_lagging: bool = False,
    ) -> None:
        lines = [line for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if _TELLING.match(line)]
        last = (telling or lines or [""])[-1]
        self.command = command
        self.exit_code = exit_code
        self.is_lagging = is_lagging  # the token may not be known there yet
        self.said = said
        fault = problem or GitFault(command, last, exit_code)
        super().__init__(DiskFull() if self.is_full else fault)

    @property
    def is_unreachable(self) -> bool:
        """Whether it never got through to the other side."""
        is_away = _UNREACHABLE.search(self.said) or _GONE.search(self.said)
        return bool(is_away) or self.is_lagging

    @property
    def is_gone(self) -> bool:
        """Whether the repository is not there, or not for this app."""
        return bool(_GONE.search(self.said)) and not self.is_lagging

    @property
    def is_damage(self) -> bool:
        """Whether the mirror itself is at fault: it can be made again."""
        is_elsewhere = self.is_full or self.is_unreachable
        return bool(_DAMAGED.search(self.said)) and not is_elsewhere

    @property
    def is_full(self) -> bool:
        """Whether this server's disk has no room left."""
        return bool(_FULL.search(self.said)) and not self.remote_words

    @property
    def remote_words(self) -> str:
        """What the other side said, in its own words."""
        words = [match["words"] for match in _REMOTE_SAID.finditer(self.said)]
        return "; ".join(words[:3])

    def answer(self) -> TransientError | PermanentError:
        """Return the error that the table of answers has for it, or the error itself.

        A limit, and a token that is not taken, pass: then another try has a new one.
        """
        found = _STATUS.search(self.said)
        status, words = int(found[1]) if found else 0, self.remote_words
        failure = failure_of(status, words)
        is_passing = status in (0, 401) or is_limited(status, {}, words)
        is_clear = failure is not Failure.FORBIDDEN or _DENIED.search(words)
        if is_passing or not is_clear or self.is_lagging:
            return self
        is_change = "RPC failed" in self.said and self.command == "push"
        said = words or str(self)
        return error_of(failure, is_change=is_change, said=said, status=status)


@dataclass(frozen=True, slots=True)
class Place:
    """Which repository a call is about, and which files and index, if any."""

    git_dir: Path
    work_tree: Path | None = None
    index: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The place in git's own words."""
        named = {
            "GIT_DIR": self.git_dir,
            "GIT_WORK_TREE": self.work_tree,
            "GIT_INDEX_FILE": self.index,
        }
        return {name: str(path) for name, path in named.items() if path is not None}

    def without_paths(self, said: str) -> str:
        """Return git's words without where things lie on this server."""
        for path in (self.index, self.work_tree, self.git_dir):
            if path is not None:
                said = said.replace(f"{path}/", "").replace(str(path), "the repository")
        return said


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository's address and the token that opens it."""

    url: str
    token: str = field(repr=False)
    drop_token: Callable[[str], None] = field(repr=False, default=lambda _: None)
    is_fresh: Callable[[str], bool] = field(repr=False, default=lambda _: False)

    @property
    def site(self) -> str:
        """Where it is, for people: a host, or nothing more than a folder."""
        return urlsplit(self.url).hostname or "the remote"

    @property
    def configuration(self) -> dict[str, str]:
        """A header for the site of the address and no other."""
        site = urlsplit(self.url)
        if site.scheme not in ("http", "https") or not self.token:
            return {}
        credentials = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        key = f"http.{site.scheme}://{site.netloc}/.extraHeader"
        return {key: f"Authorization: Basic {credentials}"}


class Git:
    """Runs git. *environment* is the bot's own, of which git gets a few variables.

    *silence* says how often a remote is listened to, and how long it may be silent.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        host: str,
        silence: tuple[float, float] = (30, 120),
        secrets: Secrets | None = None,
    ) -> None:
        self._secrets = secrets or Secrets()
        self._silence = silence
        known = clean_environment(environment, _NETWORK)
        # Found once: else each start looks through all folders.
        self._program = shutil.which("git", path=known["PATH"]) or "git"
        for own, common in _AUTHORITIES.items():
            if common in known:
                known.setdefault(own, known[common])
        self._environment = {
            **known,
            "LC_ALL": "C",  # its messages are read
            "HOME": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "https:http:file",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            HOST_MARKER: host,
        }

    async def fault(self) -> Problem | None:
        """Return why this server's git cannot be used; nothing if it can."""
        oldest = ".".join(map(str, OLDEST))
        try:
            printed = await self.run("--version", place=Place(Path("/")))
        except GitFailed as error:
            if error.exit_code == NOT_FOUND:
                return NoGit(oldest)
            return error.problem
        found = _VERSION.match(printed.decode())
        if found and (int(found[1]), int(found[2])) < OLDEST:
            return OldGit(f"{found[1]}.{found[2]}", oldest)
        return None

    async def run(
        self,
        *arguments: str,
        place: Place,
        remote: Remote | None = None,
        stdin: bytes | IO[bytes] = b"",
        stdout: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
        say: Callable[[str], None] = lambda line: None,
    ) -> bytes:
        """Return what git printed; with *remote*, *say* is told of a silent one.

        It reads *stdin*, text or a file from where that is, and prints into *stdout*.

        Raises ``GitFailed`` for exit codes that are not in *accept*, and for time-outs.
        """
        done = await self.call(
            *arguments,
            place=place,
            remote=remote,
            stdin=stdin,
            stdout=stdout,
            environment=environment,
            accept=accept,
            say=say,
        )
        return done.output

    async def call(
        self,
        *arguments: str,
        place: Place,
        remote: Remote | None = None,
        stdin: bytes | IO[bytes] = b"",
        stdout: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
        say: Callable[[str], None] = lambda line: None,
    ) -> Captured:
        """Do what ``run`` does; return also what git warned of."""
        what = arguments[0]
        configuration = _CONFIGURATION | (remote.configuration if remote else {})
        seconds = REMOTE_SECONDS if remote else LOCAL_SECONDS
        try:
            done = await capture(
                [self._program, *arguments],
                environment={
                    **self._environment,
                    **_in_environment(configuration),
                    **place.environment,
                    **(environment or {}),
                },
                cwd=place.work_tree or place.git_dir,
                timeout_seconds=seconds,
                stdin=stdin,
                stdout=stdout,
                patience=self._patience(what, remote, say) if remote else None,
            )
        except Silent as error:
            silent = GitSilent(what, remote.site if remote else "", error.seconds)
            raise GitFailed(what, exit_code=-9, problem=silent) from error
        except TimeoutError as error:
            slow = GitSlow(what, seconds)
            raise GitFailed(what, exit_code=-9, problem=slow) from error
        except OSError as error:
            said = f"fatal: {error.strerror or error}"
            raise GitFailed(what, exit_code=NOT_FOUND, said=said) from error
        if done.exit_code not in accept:
            said = done.errors + done.output.decode("utf-8", "replace")
            if remote and remote.token and _UNAUTHORIZED.search(said):
                remote.drop_token(remote.token)  # the next try gets a new one
            is_lagging = (
                remote is not None
                and remote.is_fresh(remote.token)
                and bool(_UNAUTHORIZED.search(said) or _GONE.search(said))
            )
            said = self._secrets.hide(place.without_paths(said))
            raise GitFailed(
                what, exit_code=done.exit_code, said=said, is_lagging=is_lagging
            )
        return done

    def _patience(
        self, what: str, remote: Remote, say: Callable[[str], None]
    ) -> Patience:
        def notice(seconds: float) -> None:
            log.warning("git waits", what=what, site=remote.site, seconds=seconds)
            say(notes.silent(remote.site, seconds))

        return Patience(notice, *self._silence)


class Remotes:
    """Knows where repositories are and how to get in."""

    def __init__(self, tokens: Tokens, clone_url: Callable[[Repository], str]) -> None:
        self._tokens = tokens
        self._clone_url = clone_url

    def url(self, repository: Repository) -> str:
        """Return where a repository is, without what opens it."""
        return self._clone_url(repository)

    async def of(self, repository: Repository, *, to_push: bool = False) -> Remote:
        """Return the remote of a repository, with a fresh token: to read, or to push."""
        token = await self._tokens.token(repository, to_push=to_push)
        url, tokens = self._clone_url(repository), self._tokens
        return Remote(url, token, tokens.drop, tokens.is_fresh)


def gone(repository: Repository) -> AppUnavailable:
    """Return the error of a repository that the app cannot see."""
    return AppUnavailable(NotCloned(repository.name), why="removed")


def _in_environment(configuration: Mapping[str, str]) -> dict[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(configuration))}
    for number, (key, value) in enumerate(configuration.items()):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
