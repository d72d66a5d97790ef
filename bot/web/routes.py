"""The routes for machines: webhooks, health and metrics.

A delivery is answered once it is stored and before anything is done about it. It is
checked first, the cheap checks and the signature before anything is parsed. What is no
reason to act is stored without its body, and nobody takes it up.
"""

import asyncio
import hmac
import ipaddress
import logging
import re
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic_core import from_json

from bot.core.command.trigger import EVENTS, WAKING
from bot.core.say import findings
from bot.errors import StoreUnavailable
from bot.ports.clock import Clock
from bot.ports.store import Delivery
from bot.web.signature import Signatures, digest_of, is_signed

_EVENT = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_GUID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_LARGE_BYTES = 1024 * 1024
_UNSIGNED = "The signature does not fit; the webhook's secret is not this server's."
_LARGEST_THAT_MATTERS = 4 * _LARGE_BYTES
"""The most that GitHub can have to say of one issue, comment or pull request."""

_ACTED_ON_WHEN_LARGE = EVENTS - {"push"}
"""A push may list 2,048 commits with all their files: too much for a look at one."""

_TAKEN = ("stored", "ignored", "noted", "known")
"""What becomes of a delivery that is answered with 202; it is on disk in each case."""

_RETRY_SECONDS = 10
_QUIET_PATHS = frozenset({"/ping", "/healthz", "/readyz", "/metrics"})
_HEADERS = CIMultiDict(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why the bot cannot do its work now; ready if there is no reason.

    ``notes`` are what it waits for although it is ready.
    """

    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class WebSurface:
    """What the routes need from the rest of the bot."""

    add_delivery: Callable[[Delivery], Awaitable[bool]]
    """Keeps a delivery; False if it is known. Raises ``StoreUnavailable``."""
    may_act_on: Callable[[str, Mapping[str, Any]], bool]
    """Takes note of what the JSON of an event tells; returns whether it may be a reason to
    act. It is asked before the answer, so that it awaits nothing.
    """
    secrets: Sequence[str] = field(repr=False)
    readiness: Callable[[], Awaitable[Readiness]]
    clock: Clock
    registry: CollectorRegistry
    refresh: Callable[[], Awaitable[None]] = _nothing
    """Reads the figures of the registry that take time, before they are shown."""
    webhook_path: str = "/api/github/webhooks"
    metrics_token: str = field(default="", repr=False)
    max_body_bytes: int = 25 * 1024 * 1024
    body_seconds: float = 10.0  # GitHub waits no longer for the answer
    room_bytes: int = 48 * 1024 * 1024
    """For large bodies, all together."""
    room_seconds: float = 1.0
    """How long others wait for one of them when there is no room."""


def make_app(surface: WebSurface) -> web.Application:
    """Return the application; the caller may add routes. Serve it with ``make_runner``."""
    webhooks = _Webhooks(surface)
    app = web.Application(client_max_size=surface.max_body_bytes)
    app.on_response_prepare.append(_add_headers)
    app.router.add_post(surface.webhook_path, webhooks.receive)
    if surface.webhook_path != "/":
        app.router.add_post("/", webhooks.receive)
    app.router.add_get("/ping", _ping)
    app.router.add_get("/healthz", _ping)
    app.router.add_get("/readyz", partial(_readyz, surface, webhooks))
    app.router.add_get("/metrics", partial(_metrics, surface))
    return app


def make_runner(app: web.Application, *, shutdown_seconds: float) -> web.AppRunner:
    """Return what serves *app*: no decompression, short keep-alive, our access log."""
    return web.AppRunner(
        app,
        # One megabyte of gzip can be 250 of memory.
        auto_decompress=False,
        keepalive_timeout=10,
        access_log_class=AccessLog,
        logger=_server_log,
        shutdown_timeout=shutdown_seconds,
    )


class _Malformed(logging.Filter):
    """Makes one line of what aiohttp says, with a traceback, of a request that is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; return True."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.args, record.exc_info = "malformed request", (), None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


_server_log = logging.getLogger("aiohttp.server")
_server_log.addFilter(_Malformed())


class AccessLog(AbstractAccessLogger):
    """One line for each request, without what follows a ``?``.

    None for a delivery that was taken: the inbox says more when it takes it up. Probes
    write theirs at the level debug.
    """

    def log(
        self, request: web.BaseRequest, response: web.StreamResponse, time: float
    ) -> None:
        """Write the line."""
        if response.status == web.HTTPAccepted.status_code:
            return
        path = request.rel_url.raw_path
        write = log.debug if path in _QUIET_PATHS else log.info
        guid = request.headers.get("X-GitHub-Delivery", "")
        about = {"delivery": guid} if _GUID.fullmatch(guid) else {}
        write(
            "request",
            method=request.method,
            path=path,
            status=response.status,
            milliseconds=round(time * 1000, 1),
            **about,
        )


class _Webhooks:
    """Receives deliveries."""

    def __init__(self, surface: WebSurface) -> None:
        if not any(surface.secrets) or not all(surface.secrets):
            message = "deliveries are never accepted without a secret"
            raise ValueError(message)
        self._surface = surface
        self._secrets = [secret.encode() for secret in surface.secrets]
        self._unsigned = 0  # deliveries since one that was signed
        self._unsigned_since: datetime | None = None
        self._large = asyncio.Lock()
        self._room = _Room(surface.room_bytes, surface.room_seconds)
        deliveries = Counter(
            "batch_deliveries",
            "Webhook deliveries by what became of them.",
            ["outcome"],
            registry=surface.registry,
        )
        self._taken = {how: deliveries.labels(how) for how in _TAKEN}
        self._refused = deliveries.labels("refused")
        self._unavailable = deliveries.labels("unavailable")
        self._seconds = Histogram(
            "batch_delivery_seconds",
            "Time from the head of a delivery to its answer.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10),
            registry=surface.registry,
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 202 once the delivery is on disk, 4xx if it is none."""
        clock = self._surface.clock
        began = clock.monotonic()
        try:
            how = await self._stored_delivery(request)
        except web.HTTPException as error:
            self._refused.inc()
            # As a response the error itself would stay as long as the connection, and
            # with its traceback the body.
            return web.Response(status=error.status, text=error.text)
        except ConnectionError:  # whoever sent it is gone
            self._refused.inc()
            return web.Response(status=400)
        except StoreUnavailable as error:
            self._unavailable.inc()
            guid = request.headers["X-GitHub-Delivery"]
            log.warning("delivery not stored", delivery=guid, error=str(error))
            return web.Response(
                status=503,
                text="The delivery could not be stored; redeliver it later.",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        self._taken[how].inc()
        self._seconds.observe(clock.monotonic() - began)
        return web.Response(status=202, text=how)

    async def _stored_delivery(self, request: web.Request) -> str:
        """Keep the delivery, or raise the HTTP error that says what is wrong.

        Return one of ``_TAKEN``.

        Large bodies come side by side, within their common room, and are parsed and
        stored one by one; what is large and no reason to act is kept without its body.
        """
        digest, event, guid = _checked_head(request)
        length, most = request.content_length, self._most_bytes(event)
        if length is not None and length > most:
            raise web.HTTPRequestEntityTooLarge(most, length)
        if request.content.is_eof():  # it is all here, as it nearly always is
            whole = request.content.read_nowait()
            self._check(whole, digest)
            return await self._add(whole, event, guid)
        try:
            async with asyncio.timeout(self._surface.body_seconds) as patience:
                if length is not None and length <= _LARGE_BYTES:
                    body = await _body(request, most)
                    self._check(body, digest)
                    patience.reschedule(None)
                    return await self._add(body, event, guid)
                if event not in _ACTED_ON_WHEN_LARGE:
                    await self._check_unread(request, digest)
                    patience.reschedule(None)
                    return await self._keep(event, guid, b"", may_act=False)
                with self._room.used(patience):
                    take = partial(self._room.take, patience)
                    body = await _body(request, most, take)
                    self._check(body, digest)
                    self._room.is_signed(patience)
                    async with self._large:
                        return await self._add(body, event, guid)
        except TimeoutError:
            _refuse(web.HTTPRequestTimeout, "The body took too long to arrive.")

    def _most_bytes(self, event: str) -> int:
        """Return the size that a delivery may have: parsed, it takes much more."""
        can_list_all = (
            event.startswith("installation") or event not in _ACTED_ON_WHEN_LARGE
        )
        limit = self._surface.max_body_bytes
        return limit if can_list_all else min(limit, _LARGEST_THAT_MATTERS)

    async def _check_unread(self, request: web.Request, digest: bytes) -> None:
        """Check the signature of a large body that is no reason to act; drop it."""
        signatures = Signatures(self._secrets)
        async for chunk in _chunks(request, self._surface.max_body_bytes):
            signatures.update(chunk)
        self._judge(is_fine=signatures.fit(digest))

    def notes(self) -> Sequence[str]:
        """Return what an operator should know of the deliveries."""
        if self._unsigned_since is None:
            return ()
        words, advice = findings.unsigned(
            self._unsigned, self._unsigned_since, secrets=len(self._secrets)
        )
        return (f"{words}: {advice}",)

    def _check(self, body: bytes | bytearray, digest: bytes) -> None:
        self._judge(is_fine=is_signed(body, digest, secrets=self._secrets))

    def _judge(self, *, is_fine: bool) -> None:
        """Refuse what is not signed; remember it until something is."""
        if is_fine:
            self._unsigned, self._unsigned_since = 0, None
            return
        self._unsigned += 1
        if self._unsigned_since is None:
            self._unsigned_since = self._surface.clock.now()
            log.warning("delivery refused", why=self.notes()[0])
        _refuse(web.HTTPUnauthorized, _UNSIGNED)

    async def _add(self, body: bytes | bytearray, event: str, guid: str) -> str:
        may_act = self._surface.may_act_on(event, _checked_json(body))
        return await self._keep(event, guid, body, may_act=may_act)

    async def _keep(
        self, event: str, guid: str, body: bytes | bytearray, *, may_act: bool
    ) -> str:
        now = self._surface.clock.now()
        delivery = Delivery(guid, event, now, body)
        if event in WAKING and not may_act:
            return "noted"  # it woke whoever waits for that; there are very many
        if not may_act:
            log.debug("delivery ignored", delivery=guid, event_name=event)
            delivery = Delivery(guid, event, now, b"", outcome="ignored")
        is_new = await self._surface.add_delivery(delivery)
        return (delivery.outcome or "stored") if is_new else "known"


class _Room:
    """What large bodies have in memory, all together.

    Whoever sends slowly holds nobody up. When there is no room left the one that has
    been at it for longest goes on and the others wait; if it does not end soon, it is
    dropped. What GitHub sends ends soon.
    """

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._coming: dict[asyncio.Timeout, int] = {}  # the oldest first
        self._signed: dict[asyncio.Timeout, int] = {}
        self._left = asyncio.Event()

    @contextmanager
    def used(self, patience: asyncio.Timeout) -> Iterator[None]:
        """Count a body, which *patience* ends, while it is in memory."""
        self._coming[patience] = 0
        try:
            yield
        finally:
            self._coming.pop(patience, None)
            self._signed.pop(patience, None)
            self._left.set()

    def is_signed(self, patience: asyncio.Timeout) -> None:
        """Have a body that is whole, and GitHub's, dealt with to the end."""
        self._signed[patience] = self._coming.pop(patience, 0)
        patience.reschedule(None)

    async def take(self, patience: asyncio.Timeout, size: int) -> None:
        """Return when *size* more bytes of a body have room."""
        self._coming[patience] = self._coming.get(patience, 0) + size
        while self._is_full() and patience in self._coming:
            oldest = next(iter(self._coming))
            if oldest is patience and 2 * sum(self._signed.values()) < self._most_bytes:
                break
            self._left.clear()
            try:
                async with asyncio.timeout(self._seconds):
                    await self._left.wait()
            except TimeoutError:
                if (
                    oldest is not patience
                    and self._coming.pop(oldest, None) is not None
                ):
                    oldest.reschedule(0)

    def _is_full(self) -> bool:
        used = (*self._coming.values(), *self._signed.values())
        return sum(used) > self._most_bytes


async def _body(
    request: web.Request,
    most: int,
    take: Callable[[int], Awaitable[None]] | None = None,
) -> bytearray:
    """Return the body; ``request.read`` would keep it while the connection is open.

    It is never joined, for that takes twice its size.
    """
    body = bytearray()
    async for chunk in _chunks(request, most):
        if take is not None:
            await take(len(chunk))
        body += chunk
    return body


async def _chunks(request: web.Request, most: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > most:
            raise web.HTTPRequestEntityTooLarge(most, size)
        yield chunk


def _checked_head(request: web.Request) -> tuple[bytes, str, str]:
    """Return digest, event and GUID of a request that may be a delivery."""
    if request.content_type != "application/json":
        _refuse(
            web.HTTPUnsupportedMediaType,
            "Set the webhook's content type to application/json.",
        )
    if "Content-Encoding" in request.headers:
        _refuse(web.HTTPUnsupportedMediaType, "Send the body without Content-Encoding.")
    event = _single(request, "X-GitHub-Event", _EVENT)
    guid = _single(request, "X-GitHub-Delivery", _GUID)
    digest = digest_of(request.headers.getall("X-Hub-Signature-256", ()))
    if digest is None:
        _refuse(
            web.HTTPUnauthorized,
            "Exactly one header X-Hub-Signature-256: sha256=… is needed; set the"
            " webhook's secret.",
        )
    return digest, event, guid


def _single(request: web.Request, name: str, form: re.Pattern[str]) -> str:
    values = request.headers.getall(name, ())
    if len(values) != 1 or not form.fullmatch(values[0]):
        _refuse(web.HTTPBadRequest, f"Exactly one header {name} as GitHub is needed.")
    return values[0]


def _refuse(error: type[web.HTTPException], text: str) -> NoReturn:
    raise error(text=text)


def _checked_json(body: bytes | bytearray) -> dict[str, Any]:
    """Return *body* as one JSON object; raise ``HTTPBadRequest`` if it is none."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        message = f"The body is not JSON that this server reads: {error}."
        raise web.HTTPBadRequest(text=message[:300]) from error
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(text="The body is not a JSON object.")
    return value


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.merge(_HEADERS)  # a page's own stay as they are
    response.headers["Server"] = "batch-bot"  # instead of versions


async def _ping(_: web.Request) -> web.Response:
    return web.Response(text="PONG")


async def _readyz(
    surface: WebSurface, webhooks: _Webhooks, _: web.Request
) -> web.Response:
    found = await surface.readiness()
    return web.json_response(
        {
            "ready": not found.reasons,
            "reasons": found.reasons,
            "notes": (*found.notes, *webhooks.notes()),
        },
        status=503 if found.reasons else 200,
    )


async def _metrics(surface: WebSurface, request: web.Request) -> web.Response:
    if surface.metrics_token:
        wanted = f"Bearer {surface.metrics_token}"
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    elif not _is_local(request):
        raise web.HTTPForbidden(text="Set METRICS_TOKEN to read this from elsewhere.")
    await surface.refresh()
    return web.Response(
        body=generate_latest(surface.registry),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


def _is_local(request: web.Request) -> bool:
    # A proxy on this machine calls from loopback for everybody.
    is_forwarded = any(
        name.lower().startswith(("forwarded", "x-forwarded-", "via", "x-real-ip"))
        for name in request.headers
    )
    try:
        return (
            not is_forwarded and ipaddress.ip_address(request.remote or "").is_loopback
        )
    except ValueError:
        return False  # a Unix socket
