"""Deliveries over a smee channel, for development without a public address.

The channel's server takes GitHub's deliveries, answers 200 whoever listens, and sends
each on as a server-sent event: the headers, and the body as JSON that it wrote anew. That
is mostly what GitHub signed, byte by byte; where it is not, the signature does not fit,
and GitHub is asked for the delivery. Here a delivery goes to the bot's own route: it is
checked there like every other one.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import ClientTimeout, web

from bot.core.run.retry import delay_seconds
from bot.ports.clock import Clock

SILENCE_SECONDS = 90.0
"""A server that says nothing for so long, not even that it is there, is gone."""

MOST_WAIT_SECONDS = 30.0
MOST_BYTES = 64 * 1024 * 1024
PASSED_ON = ("x-github-event", "x-github-delivery", "x-hub-signature-256", "user-agent")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Relayed:
    """A delivery as it came over the channel."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def guid(self) -> str:
        """GitHub's name for the delivery; empty if it is none of GitHub's."""
        return self.headers.get("x-github-delivery", "")


class Relay:
    """Listens to the channel *source* and brings its deliveries to *target*.

    *refused* is called when a delivery's signature did not fit: GitHub has it as it was.
    """

    def __init__(
        self,
        source: str,
        target: str,
        *,
        refused: Callable[[], Awaitable[None]],
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._source = source
        self._target = target
        self._refused = refused
        self._clock = clock
        self._fraction = fraction

    async def run(self) -> None:
        """Listen for ever; what breaks is begun again."""
        tries = 0
        # The way out may need a proxy; the way to the bot's own route never does.
        timeout = ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as outside,
            aiohttp.ClientSession(timeout=ClientTimeout(total=30)) as inside,
        ):
            while True:
                try:
                    async for event in self._events(outside):
                        tries = 0
                        if event is not None:
                            await self._bring(inside, event)
                except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                    why = str(error) or type(error).__name__
                    log.warning("the webhook proxy is lost", url=self._where, error=why)
                tries += 1
                wait = delay_seconds(
                    tries, self._fraction(), most_seconds=MOST_WAIT_SECONDS
                )
                await self._clock.sleep(wait)

    @property
    def _where(self) -> str:
        """The server: whoever knows the channel can read it."""
        parts = urlsplit(self._source)
        return f"{parts.scheme}://{parts.netloc}"

    async def _events(
        self, session: aiohttp.ClientSession
    ) -> AsyncIterator[Relayed | None]:
        """Yield deliveries, and None for each sign of life."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        async with session.get(self._source, headers=headers) as answer:
            answer.raise_for_status()
            log.info("webhook proxy connected", url=self._where)
            yield None
            async for kind, data in events_in(answer.content.iter_any()):
                if kind != "message":
                    yield None
                    continue
                try:
                    yield relayed_in(data)
                except (ValueError, TypeError) as error:
                    log.warning("the webhook proxy sent no delivery", error=repr(error))

    async def _bring(self, session: aiohttp.ClientSession, delivery: Relayed) -> None:
        headers = {
            name: value for name in PASSED_ON if (value := delivery.headers.get(name))
        }
        headers["content-type"] = "application/json"
        try:
            async with session.post(
                self._target, data=delivery.body, headers=headers
            ) as answer:
                status, said = answer.status, await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning(
                "relayed delivery lost", delivery=delivery.guid, error=str(error)
            )
            return
        if status == web.HTTPUnauthorized.status_code:
            log.warning("relayed delivery rewritten", delivery=delivery.guid, said=said)
            await self._refused()
        elif status >= 300:
            log.warning("relayed delivery refused", delivery=delivery.guid, said=said)


async def events_in(
    chunks: AsyncIterator[bytes],
) -> AsyncIterator[tuple[str, str]]:
    """Yield the kind and the data of each server-sent event.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    kind, data = "message", list[str]()
    begun, size = list[bytes](), 0  # of a line whose end has not come yet
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join((*begun, lines[0]))
            begun, size = [], 0
        begun.append(rest)
        size += len(rest)
        if size > MOST_BYTES:
            message = "an event is too large"
            raise ValueError(message)
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "surrogatepass")
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if not text:
                if data:
                    yield kind, "\n".join(data)
                kind, data = "message", []
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)


def relayed_in(data: str) -> Relayed:
    """Return the delivery that an event carries. Raises ``ValueError``, ``TypeError``.

    The body is cut out as it stands there: read and written once more it would be a
    third text.
    """
    told = json.loads(data)
    if not isinstance(told, dict) or "body" not in told:
        message = "there is no body"
        raise TypeError(message)
    headers = {
        name.lower(): value
        for name, value in told.items()
        if isinstance(value, str) and name != "body"
    }
    body = told["body"]
    text = body if isinstance(body, str) else member(data, "body")
    return Relayed(headers, text.encode("utf-8", "surrogatepass"))


def member(text: str, wanted: str) -> str:
    """Return a member of a JSON object as it is written there. Raises ``ValueError``."""
    decoder = json.JSONDecoder()
    at = _next(text, _next(text, 0) + 1)
    found: str | None = None
    while text[at] != "}":
        name, end = decoder.raw_decode(text, at)
        begin = _next(text, _next(text, end) + 1)
        _, end = decoder.raw_decode(text, begin)
        if name == wanted:
            found = text[begin:end]
        at = _next(text, end)
        if text[at] == ",":
            at = _next(text, at + 1)
    if found is None:
        message = f"there is no {wanted}"
        raise ValueError(message)
    return found


def _next(text: str, at: int) -> int:
    """Return where the next character is that is no space."""
    while text[at] in " \t\r\n":
        at += 1
    return at
