"""The one door to GitHub: every request of the bot passes a ``Connection``.

It asks the ledger, shows the credentials, repeats what is safe to repeat, follows
renames, and turns what went wrong into the bot's own errors.
"""

import copy
import itertools
import json
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import gidgethub
from cachetools import LRUCache
from gidgethub import sansio
from gidgethub.aiohttp import GitHubAPI
from yarl import URL

from bot.core.model import InstallationId
from bot.core.run.retry import delay_seconds
from bot.core.world import budget
from bot.core.world.answers import (
    MAYBE_TOO_DEAR,
    Astray,
    Failure,
    error_of,
    failure_of,
    failure_of_problem,
)
from bot.core.world.budget import Call
from bot.core.world.redaction import Secrets
from bot.errors import RateLimited, TransientError, Unauthorized
from bot.github import graphql
from bot.github.auth import (
    AppCredentials,
    Credentials,
    InstallationCredentials,
    InstallationTokens,
)
from bot.github.known import KnownLabels
from bot.github.ledger import Account, Ledger
from bot.github.line import APP
from bot.github.renames import Renames, not_followed
from bot.github.sizes import Sizes
from bot.ports.clock import Clock

USER_AGENT = "batch-bot"
API_VERSION = "2022-11-28"
ACCEPT = "application/vnd.github+json"
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
SLOWEST_BYTES_PER_SECOND = 250_000
READ_TRIES = 3
MOST_HOPS = 9  # answers to one request that ask for it to be sent again
CACHED_CHARACTERS = 2_000_000  # of the answers to one installation, some 6 MB

NOT_PERMITTED = b"not accessible by integration"
"""What GitHub says of a permission that is lacking, or has not arrived yet."""

_FOUND = 302
_REDIRECTS = frozenset({301, _FOUND, 307, 308})
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

Random = Callable[[], float]
Raw = tuple[int, Mapping[str, str], bytes]
LastLook = Callable[[], Awaitable[None]]
"""Raises if what is about to be sent must not be sent any more."""

_last_look: ContextVar[LastLook | None] = ContextVar("last_look", default=None)


def open_session(proxy: str = "") -> aiohttp.ClientSession:
    """Return the HTTP session that all connections share, through *proxy* if it is set.

    It has no limit of its own on connections: the ledger has one per installation, and
    a common one would let an installation wait for another.
    """
    session = aiohttp.ClientSession(
        timeout=TIMEOUT,
        connector=aiohttp.TCPConnector(limit=0),
        proxy=proxy or None,
    )
    # aiohttp sends a PUT or DELETE again by itself when the connection breaks; the
    # parameter has no public name.
    session._retry_connection = False  # noqa: SLF001
    return session


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer to a write."""

    status: int
    data: Any


class ResponseCache(LRUCache[str, Any]):
    """Answers with their ETags. What it hands out and takes in are copies.

    It is measured in characters: a list of comments can be a thousand times as large as
    another answer.
    """

    def __init__(self, *, characters: int) -> None:
        super().__init__(maxsize=characters, getsizeof=lambda answer: len(repr(answer)))

    def __getitem__(self, key: str) -> Any:
        return copy.deepcopy(super().__getitem__(key))

    def __setitem__(self, key: str, value: Any) -> None:
        with suppress(ValueError):  # it is too large to be kept
            super().__setitem__(key, copy.deepcopy(value))


class Connection(GitHubAPI):
    """GitHub as one installation, or the app itself, sees it.

    Every method raises ``TransientError`` (``RateLimited`` with the instant),
    ``NotFound``, ``Refused`` and ``AppUnavailable``; ``send`` and mutations raise
    ``Uncertain`` when they may have happened.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        api_url: str,
        account: Account,
        credentials: Credentials,
        clock: Clock,
        random: Random,
        secrets: Secrets,
    ) -> None:
        super().__init__(
            session,
            USER_AGENT,
            base_url=api_url.rstrip("/"),
            cache=ResponseCache(characters=CACHED_CHARACTERS),
        )
        self._graphql_url = graphql.graphql_url(api_url)
        self._account = account
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._hide = secrets.hide
        self.sizes = Sizes(clock)
        self._renames = Renames(self.base_url, self.get)

    # --- what the resource files use ---

    async def get(self, path: str, **variables: str | int) -> Any:
        """Return the JSON of a resource; *path* is a URI template."""
        with self._translated(is_write=False):
            return await self.getitem(path, variables, accept=ACCEPT)

    async def pages(
        self, path: str, under: str = "items", /, **variables: str | int
    ) -> AsyncGenerator[Any, None]:
        """Yield the entries of a list, page after page as they are asked for.

        Where GitHub wraps it, it stands *under* that key.
        """
        with self._translated(is_write=False):
            entries = self.getiter(path, variables, accept=ACCEPT, iterable_key=under)
            async for entry in entries:
                yield entry

    async def log(self, path: str, *, most_bytes: int, **variables: str | int) -> str:
        """Return the last *most_bytes* of a text that GitHub keeps on another server.

        Nothing of the bot's credentials goes there. Secrets are hidden.
        """
        with self._translated(is_write=False):
            url = sansio.format_url(path, variables, base_url=self.base_url)
            headers = sansio.create_headers(USER_AGENT, accept=ACCEPT)
            call = budget.call_of("GET", URL(url, encoded=True).raw_path)
            status, answered, content = await self._exchange(
                call, "GET", url, headers, leads_away=True
            )
            if status != _FOUND:
                sansio.decipher_response(status, answered, content)  # raises
                raise not_followed(Astray.NOWHERE)
        kept = await self._kept_elsewhere(answered["location"], most_bytes)
        return self._hide(kept.decode(errors="replace"))

    async def send(
        self, method: str, path: str, data: object = None, **variables: str | int
    ) -> Answer:
        """Change a resource, at most once."""
        body = b"" if data is None else data
        with self._translated(is_write=budget.call_of(method, path).is_write):
            answer, _, status = await self._make_request(
                method, path, variables, body, ACCEPT
            )
        return Answer(int(status), answer)

    async def graphql_answer(
        self,
        document: str,
        variables: Mapping[str, object],
        *,
        cost: int = 1,
        tries: int = READ_TRIES,
    ) -> graphql.GraphQLAnswer:
        """Return what GraphQL says, with its problems for the caller to judge.

        *cost* is the expected price in points; *tries* are those of a question. Raises ``TransientError`` when the
        server could not work the query out.
        """
        is_write = document.lstrip().startswith("mutation")
        call = Call(budget.GRAPHQL, cost=cost, is_write=is_write)
        payload = {"query": document, "variables": dict(variables)}
        headers = sansio.create_headers(USER_AGENT, accept=ACCEPT)
        headers["content-type"] = "application/json; charset=utf-8"
        body = json.dumps(payload).encode()
        with self._translated(is_write=is_write):
            url = self._graphql_url
            raw = await self._exchange(call, "POST", url, headers, body, tries=tries)
            content, _, _ = sansio.decipher_response(*raw)
        answer = graphql.answer_of(content, self._hide)
        for problem in answer.problems:
            failure = failure_of_problem(problem.type, problem.message)
            if failure in MAYBE_TOO_DEAR:
                raise error_of(failure, is_change=is_write, said=problem.message)
        return answer

    async def query(
        self, document: str, variables: Mapping[str, object], *, cost: int = 1
    ) -> Mapping[str, Any]:
        """Return the data of a query, or raise for its first problem."""
        answer = await self.graphql_answer(document, variables, cost=cost)
        for problem in answer.problems:
            graphql.raise_for(problem)
        return answer.data

    # --- the way of a request ---

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of the injected clock."""
        await self._clock.sleep(seconds)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Raw:
        call = budget.call_of(method, URL(url, encoded=True).raw_path, body)
        return await self._exchange(call, method, url, headers, body)

    async def _exchange(
        self,
        call: Call,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        tries: int = READ_TRIES,
        leads_away: bool = False,
    ) -> Raw:
        """Return GitHub's answer; reads are repeated a few times, writes never."""
        for attempt in itertools.count(1):
            try:
                return await self._answered(
                    call, method, url, headers, body, leads_away=leads_away
                )
            except (RateLimited, Unauthorized):
                raise
            except TransientError:
                if call.is_write or attempt >= tries:
                    raise
            await self._clock.sleep(
                delay_seconds(
                    attempt, self._random(), first_seconds=0.5, most_seconds=8.0
                )
            )
        raise AssertionError  # itertools.count does not end

    async def _answered(
        self,
        call: Call,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        leads_away: bool,
    ) -> Raw:
        """Return the answer that stands: a 302 if the request *leads_away*, while old
        names are led from with other ones.

        After a limit, a refused token or a redirect nothing has been done yet, so that
        even a write may be sent again.
        """
        url = self._renames.renamed(url)
        is_renewed = is_limited = False
        lags = 0
        for _ in range(MOST_HOPS):
            authorization = await self._credentials.header()
            shown = {**headers}
            if authorization:
                shown["authorization"] = authorization
            (status, answered, content), is_limited = await self._once(
                call, method, url, shown, body
            )
            if is_limited:
                continue
            is_lagging = (
                status == 403
                and NOT_PERMITTED in content
                and self._credentials.is_fresh(authorization)
            )
            if status == 401 or is_lagging:
                wait = self._credentials.refused(authorization, tries=lags)
                if wait:
                    lags += 1
                    await self._clock.sleep(wait)
                    continue
                if wait is not None and not is_renewed:
                    is_renewed = True
                    continue
            if status == _FOUND and leads_away:
                return status, answered, content
            if status in _REDIRECTS:
                url = await self._renames.redirected(url, answered.get("location", ""))
                continue
            return status, answered, content
        if is_limited:
            raise self._account.limited(budget.HOLD_SECONDS)
        raise not_followed(Astray.IN_CIRCLES)

    async def _once(
        self,
        call: Call,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[Raw, bool]:
        """Send once; return the answer and whether it says that too much was sent."""
        target = URL(url, encoded=True)
        if target.origin() != URL(self.base_url).origin():
            raise not_followed(Astray.ELSEWHERE)
        async with self._account.turn(call) as ticket:
            if call.is_write and (look := _last_look.get()):
                await look()
            try:
                async with self._session.request(
                    method,
                    target,
                    headers=_own_headers(headers),
                    data=body,
                    allow_redirects=False,
                    timeout=_timeout(body),
                ) as response:
                    content = await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise error_of(
                    _failure_of_line(error),
                    is_change=call.is_write,
                    said=self._hide(_said(error)),
                ) from error
            status = response.status
            is_limited = self._account.answered(
                ticket,
                429 if graphql.is_limit(call, status, content) else status,
                response.headers,
                content[:4096].decode(errors="replace") if status == 403 else "",
            )
        if status >= 500:
            said = self._hide(f"{status} {response.reason or ''}".rstrip())
            raise error_of(failure_of(status), is_change=call.is_write, said=said)
        if status in (200, 201) and not _is_json(response, content):
            raise error_of(Failure.UNREADABLE, is_change=call.is_write, status=status)
        return (status, response.headers, content), is_limited

    async def _kept_elsewhere(self, url: str, most_bytes: int) -> bytes:
        """Return the end of what another server keeps for GitHub, shown no credentials."""
        kept = bytearray()
        target = URL(url, encoded=True)
        try:
            async with self._session.request(
                "GET", target, allow_redirects=False, timeout=TIMEOUT
            ) as response:
                if response.status != 200:
                    raise error_of(
                        failure_of(response.status),
                        is_change=False,
                        said=str(response.status),
                        status=response.status,
                    )
                async for chunk in response.content.iter_chunked(65_536):
                    kept += chunk
                    del kept[:-most_bytes]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise error_of(
                _failure_of_line(error), is_change=False, said=self._hide(_said(error))
            ) from error
        return bytes(kept)

    @contextmanager
    def _translated(self, *, is_write: bool) -> Iterator[None]:
        """Turn errors of gidgethub, and answers that are no JSON, into the bot's own."""
        try:
            yield
        except gidgethub.HTTPException as error:
            status, said = int(error.status_code), self._hide(_details(error))
            raise error_of(
                failure_of(status, said), is_change=is_write, said=said, status=status
            ) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise error_of(Failure.UNREADABLE, is_change=is_write) from error

    def forget_rename(self, name: str) -> None:
        """Send what is for *name* there again: a repository has it at present."""
        self._renames.forget(name)


class Client:
    """The connections of the app and of its installations, over one session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        api_url: str,
        app: AppCredentials,
        ledger: Ledger,
        random: Random,
        secrets: Secrets | None = None,
    ) -> None:
        self._session = session
        self.secrets = secrets or Secrets()
        self._api_url = api_url
        self._clock = ledger.clock
        self._random = random
        self.ledger = ledger
        self.labels = KnownLabels(ledger.clock)
        self.unpinnable: set[int] = set()  # repositories without pins, by id
        self.app = self._connection(APP, app)
        self.tokens = InstallationTokens(
            self._exchanged, ledger.clock, self.secrets.learn
        )
        self._installations: dict[InstallationId, Connection] = {}

    def now(self) -> datetime:
        """Return GitHub's time."""
        return self._clock.now()

    def installation(self, installation_id: InstallationId) -> Connection:
        """Return the connection of an installation."""
        if installation_id not in self._installations:
            self._installations[installation_id] = self._connection(
                installation_id, InstallationCredentials(self.tokens, installation_id)
            )
        return self._installations[installation_id]

    async def _exchanged(self, path: str, data: object) -> Any:
        return (await self.app.send("POST", path, data)).data

    def _connection(
        self, installation_id: InstallationId, credentials: Credentials
    ) -> Connection:
        return Connection(
            self._session,
            api_url=self._api_url,
            account=self.ledger.account(installation_id),
            credentials=credentials,
            clock=self._clock,
            random=self._random,
            secrets=self.secrets,
        )


@contextmanager
def looking_last(look: LastLook | None) -> Iterator[None]:
    """Have *look* asked right before each write inside: its turn may be long in coming."""
    token = _last_look.set(look)
    try:
        yield
    finally:
        _last_look.reset(token)


# --- translation -------------------------------------------------------------------


def _details(error: gidgethub.HTTPException) -> str:
    """Return GitHub's message with the messages of its single errors."""
    errors = getattr(error, "errors", None)
    messages = [
        str(one.get("message") or f"{one.get('field')} is {one.get('code')}")
        if isinstance(one, Mapping)
        else str(one)
        for one in (errors if isinstance(errors, Sequence) else ())
    ]
    if isinstance(errors, str) or not messages:
        return str(error)
    return "; ".join(messages)


def _failure_of_line(error: BaseException) -> Failure:
    if isinstance(error, _NEVER_SENT):
        return Failure.UNREACHABLE
    return Failure.LATE if isinstance(error, TimeoutError) else Failure.BROKEN


def _timeout(body: bytes) -> aiohttp.ClientTimeout:
    """Return the time that a request may take: what is large takes longer to send."""
    assert TIMEOUT.total is not None
    seconds = TIMEOUT.total + len(body) / SLOWEST_BYTES_PER_SECOND
    return aiohttp.ClientTimeout(total=seconds, sock_connect=TIMEOUT.sock_connect)


def _is_json(response: aiohttp.ClientResponse, content: bytes) -> bool:
    """Return whether an answer is what was asked for: a proxy may send a page."""
    return bool(content) and response.content_type == "application/json"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to send.

    ``if-modified-since`` is left out: it takes changes within one second for none,
    which an ETag does not.
    """
    kept = {k: v for k, v in headers.items() if k != "if-modified-since"}
    return {**kept, "x-github-api-version": API_VERSION}
