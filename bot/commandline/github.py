"""What GitHub has delivered, and what became of it here."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.core.world.redaction import Secrets
from bot.errors import SettingsError, UserError
from bot.github.adapter import Way
from bot.github.client import Connection
from bot.github.deliveries import GitHubDeliveries
from bot.host.clock import SystemClock
from bot.settings import Settings
from bot.store.store import read_store
from bot.wiring import github_settings

Json = Mapping[str, Any]


async def deliveries(settings: Settings, *, limit: int) -> Sequence[Json]:
    """Return the newest deliveries of the app's webhook, newest first."""
    async with _app(settings) as app:
        pages = app.pages("/app/hook/deliveries{?per_page}", per_page=min(limit, 100))
        listed: list[Json] = []
        async for entry in pages:
            listed.append(entry)
            if len(listed) == limit:
                break
        await pages.aclose()
    became = await _became(settings, [str(one["guid"]) for one in listed])
    keys = ("id", "guid", "event", "action", "delivered_at", "status", "status_code")
    return [
        {key: one.get(key) for key in keys}
        | {"is_redelivery": bool(one.get("redelivery"))}
        | {"became": became.get(str(one["guid"]), "not here")}
        for one in listed
    ]


async def redeliver(settings: Settings, guids: Sequence[str]) -> None:
    """Have GitHub deliver again. Raises ``UserError`` for a GUID that it does not have."""
    async with _app(settings) as app:
        unknown = await GitHubDeliveries(app).again(guids)
    if unknown:
        message = f"GitHub has no delivery {', '.join(unknown)}. Nothing was sent."
        raise UserError(message)


@asynccontextmanager
async def _app(settings: Settings) -> AsyncIterator[Connection]:
    secrets = Secrets(settings.secrets)
    opened = Way.open(
        github_settings(settings), SystemClock(), random.random, secrets=secrets
    )
    async with opened as way:
        yield way.client.app


async def _became(settings: Settings, guids: Sequence[str]) -> Mapping[str, str]:
    """Return what became of deliveries by GUID, as far as the database has them."""
    try:
        async with read_store(
            settings.database, clock=SystemClock(), is_thorough=False
        ) as store:
            return await store.deliveries.outcomes(guids)
    except SettingsError:
        return {}  # there is no database yet
