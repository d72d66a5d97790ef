"""One registration, from the manifest to what is fetched with the code."""

import hmac
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from bot.core.say import registration as say
from bot.core.world.redaction import Secrets
from bot.core.world.registration import Wanted, manifest
from bot.errors import BotError, UserError
from bot.github.registration import Gone, Registered, fetch
from bot.ports.clock import Clock
from bot.settings import Settings

FILES = (
    Path(__file__).parents[1] / "app.yml",  # in an installed bot
    Path(__file__).parents[2] / "app.yml",  # in its source
)


def app_of_file() -> Mapping[str, Any]:
    """Return app.yml: the one place of permissions and events."""
    file = next(file for file in FILES if file.exists())
    content: Mapping[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return content


@dataclass(frozen=True, slots=True)
class Returned:
    """What GitHub leads a browser back with."""

    code: str
    state: str


def returned(address: str) -> Returned | None:
    """Return what an address, as somebody copied it from a browser, comes back with."""
    query = parse_qs(urlsplit(address.strip()).query)
    code, state = (query.get(name, [""])[0] for name in ("code", "state"))
    return Returned(code, state) if code and state else None


@dataclass(slots=True)
class Registering:
    """What is being registered. ``keep`` is given the app as soon as it is there."""

    settings: Settings
    clock: Clock
    secrets: Secrets
    app: Mapping[str, Any]
    wanted: Wanted  # at first as proposed, then as the form has it
    keep: Callable[[Registered, Wanted], None]
    state: str = field(default_factory=lambda: token_urlsafe(24), repr=False)
    registered: Registered | None = None

    def manifest(self, redirect_url: str) -> Mapping[str, Any]:
        """Return what GitHub is shown."""
        return manifest(
            self.app,
            self.wanted,
            webhook_path=self.settings.webhook_path,
            redirect_url=redirect_url,
        )

    async def take(self, back: Returned) -> Registered:
        """Fetch the app that GitHub led back with, and keep it.

        Raises ``UserError`` with why there is none, and what to do.
        """
        if not hmac.compare_digest(back.state.encode(), self.state.encode()):
            raise UserError(say.another_state())
        if self.registered is not None:
            raise UserError(say.done_already())
        try:
            made = await fetch(
                back.code,
                api_url=self.settings.api_url,
                proxy=self.settings.proxy,
                clock=self.clock,
                random=random.random,
                secrets=self.secrets,
            )
        except Gone as error:
            words = say.code_is_gone(self.settings.site_url, is_lost=error.is_lost)
            raise UserError(words) from error
        except BotError as error:
            raise UserError(say.github_unwell(str(error))) from error
        self.registered = made
        for secret in (made.private_key, made.client_secret, made.webhook_secret):
            self.secrets.learn(secret)
        self.keep(made, self.wanted)
        return made
