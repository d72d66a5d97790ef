"""The route at which machines of the pool get tokens for codes of the bot.

It is served on a port of its own, by TLS, to those alone who have a certificate of the
pool's authority: see ``bot.workers.encryption``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError
from pydantic import TypeAdapter, ValidationError

from bot.errors import BotError
from bot.workers.codes import PATH, CodeRefused

MOST_BYTES = 1024

BODY_SECONDS = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    code: str = field(repr=False)


_ASKED = TypeAdapter(_Asked)


def make_tokens_app(redeem: Callable[[str], Awaitable[str]]) -> web.Application:
    """Return the application; *redeem* returns the token for a code."""

    async def give(request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                asked = _ASKED.validate_json(await request.read(), strict=True)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="The body took too long.") from None
        except (ValidationError, RequestPayloadError):
            # Without its cause, which holds what was sent.
            raise web.HTTPBadRequest(text='The body has to be {"code": "…"}.') from None
        try:
            token = await redeem(asked.code)
        except CodeRefused as error:
            return web.Response(status=403, text=str(error))
        except BotError as error:
            log.warning("no token could be given out", error=str(error))
            return web.Response(status=503, text=str(error))
        return web.json_response(
            {"token": token}, headers={"Cache-Control": "no-store"}
        )

    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post(PATH, give)
    return app
