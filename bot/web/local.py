"""The door for this server's own command line: HTTP over a Unix socket.

Only the user who runs the bot, and root, get in: the socket's mode says so, and the
kernel is asked who called. One request is one JSON object, and so is its answer.
"""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from bot.errors import BotError

VERSION_HEADER = "X-Batch-Bot-Version"
MOST_BYTES = 25 * 1024 * 1024
LONGEST_PATH = 100
"""In bytes; the system takes few more for the address of a socket."""

Json = Mapping[str, Any]
Handler = Callable[[Json], Awaitable[Json]]
"""Raises ``BotError`` for what is answered as an error, ``KeyError``, ``TypeError`` and
``ValueError`` for a request that is none.
"""

log = structlog.get_logger()


def socket_of(database: Path) -> Path:
    """Return where the bot that has *database* listens for its command line."""
    path = database.resolve()
    return path.with_name(path.name + ".sock")


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield a name of *path* that is short enough for a socket."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@asynccontextmanager
async def serve(
    path: Path, handlers: Mapping[str, Handler], *, version: str
) -> AsyncIterator[None]:
    """Listen at *path* while the context lasts; whoever calls this has the database.

    Where that does not work the bot goes on without, and its log says so.
    """
    try:
        listening = _listen(path)
    except OSError as error:
        log.warning("no command line", path=str(path), error=str(error))
        yield
        return
    runner = web.AppRunner(
        _app(handlers, version), access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()
        listening.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """Return a socket that nobody else can connect to, not even for a moment."""
    if path.is_symlink() or (path.exists() and not stat.S_ISSOCK(path.stat().st_mode)):
        raise FileExistsError(0, "something else lies there", str(path))
    path.unlink(missing_ok=True)  # of a process that was killed: the lock is ours
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with short_path(path) as name:
            listening.bind(name)
        listening.listen()
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


def _app(handlers: Mapping[str, Handler], version: str) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        if not _is_own(request):
            return _refused(403, "The socket belongs to another user.")
        asked = request.headers.get(VERSION_HEADER, "")
        if asked != version:
            return _refused(409, "", version=version)
        handler = handlers.get(request.match_info["name"])
        if handler is None:
            return _refused(404, "This version of the bot does not know that.")
        try:
            return web.json_response(await handler(await request.json()))
        except BotError as error:
            return _refused(422, str(error))
        except web.HTTPRequestEntityTooLarge:
            most = MOST_BYTES // (1024 * 1024)
            return _refused(413, f"That is larger than the {most} MiB of a delivery.")
        except (KeyError, TypeError, ValueError) as error:
            return _refused(400, f"That is no request: {error!r}")
        except Exception as error:
            # Whoever asked reads it at once, and the log has the rest.
            log.exception("a wish failed by a bug")
            name = type(error).__name__
            return _refused(500, f"The bot stopped by a bug, {name}: see its log.")

    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post("/{name}", answer)
    return app


def _refused(status: int, error: str, **more: str) -> web.Response:
    return web.json_response({"error": error, **more}, status=status)


def _is_own(request: web.Request) -> bool:
    """Return whether the caller is the user of this process, or root."""
    connection = request.get_extra_info("socket")
    if connection is None:
        return False
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return uid in (0, os.geteuid())
