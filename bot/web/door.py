"""The way to the running bot: its socket beside the database."""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.web.local import VERSION_HEADER, short_path, socket_of

PATIENCE_SECONDS = 60.0
"""How long the bot may take: a plan asks GitHub."""

Json = Mapping[str, Any]


class NoBot(UserError):
    """No bot runs on the database."""


class Door:
    """Asks the bot that has *database*."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._socket = socket_of(database)

    def ask(self, what: str, **about: object) -> Json:
        """Return the bot's answer.

        Raises ``NoBot`` if none runs, ``UserError`` if it refuses, or cannot be trusted.
        """
        body = json.dumps(about)
        own = version("batch-bot")
        headers = {"Content-Type": "application/json", VERSION_HEADER: own}
        connection = _Connection(self._connected())
        try:
            connection.request("POST", f"/{what}", body, headers)
            response = connection.getresponse()
            answer: Json = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error) or type(error).__name__
            message = (
                f"The bot has not answered ({why}): what was asked for may be done all"
                " the same, also by the next start. `show` tells."
            )
            raise UserError(message) from error
        finally:
            connection.close()
        if response.status == http.HTTPStatus.CONFLICT:
            message = (
                f"The bot that runs is version {answer.get('version')}, this is {own}:"
                " restart the bot, or use the command line that it was started with."
            )
            raise UserError(message)
        if response.status != http.HTTPStatus.OK:
            raise UserError(str(answer.get("error")))
        return answer

    def _connected(self) -> socket.socket:
        none = (
            f"No bot runs on {self._database}: start it with `python -m bot run`, or name"
            " its database in BATCH_DB."
        )
        try:
            owner = self._socket.stat().st_uid
        except FileNotFoundError as error:
            raise NoBot(none) from error
        except OSError as error:
            message = f"{self._socket} cannot be seen: {error.strerror}"
            raise UserError(message) from error
        if owner not in self._trusted():
            message = (
                f"{self._socket} is of another user (uid {owner}): run this as the user"
                " of the bot."
            )
            raise UserError(message)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE_SECONDS)
        try:
            with short_path(self._socket) as name:
                connection.connect(name)
        except (ConnectionRefusedError, FileNotFoundError) as error:
            connection.close()
            raise NoBot(none) from error  # what was killed left it
        except OSError as error:
            connection.close()
            message = f"{self._socket} cannot be used: {error.strerror}"
            raise UserError(message) from error
        return connection

    def _trusted(self) -> set[int]:
        """Return whose socket this may be: one's own, or, to root, the database's."""
        own = os.geteuid()
        if own != 0:
            return {own}
        try:
            return {own, self._database.stat().st_uid}
        except OSError:
            return {own}


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is connected already."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__("localhost")
        self.sock = connected

    def connect(self) -> None:
        """Do nothing: it is connected."""
