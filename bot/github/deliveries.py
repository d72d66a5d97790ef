"""Past deliveries of the app's webhook, for the sweep that looks for missed ones.

https://docs.github.com/rest/apps/webhooks
"""

import json
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

from bot.github.client import Connection
from bot.ports.github import HookDelivery
from bot.ports.store import Delivery


class GitHubDeliveries:
    """What GitHub has delivered, or tried to; it keeps about three days."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def since(self, instant: datetime) -> Sequence[HookDelivery]:
        """Return the deliveries and redeliveries since *instant*, oldest first."""
        found: list[HookDelivery] = []
        pages = self._connection.pages("/app/hook/deliveries{?per_page}", per_page=100)
        async with aclosing(pages):
            async for entry in pages:
                delivered_at = datetime.fromisoformat(entry["delivered_at"])
                if delivered_at < instant:
                    break
                found.append(
                    HookDelivery(
                        id=int(entry["id"]),
                        guid=str(entry["guid"]),
                        event=str(entry["event"]),
                        delivered_at=delivered_at,
                        is_accepted=200 <= int(entry["status_code"]) < 300,
                        action=str(entry["action"] or ""),
                    )
                )
        return tuple(reversed(found))

    async def again(self, guids: Sequence[str]) -> Sequence[str]:
        """Have GitHub deliver again, each once; or nothing, and return those of *guids*
        that it does not have.
        """
        newest: dict[str, int] = {}
        pages = self._connection.pages("/app/hook/deliveries{?per_page}", per_page=100)
        async with aclosing(pages):
            async for entry in pages:
                newest.setdefault(str(entry["guid"]), int(entry["id"]))
                if {*guids} <= newest.keys():
                    break
        if unknown := [guid for guid in guids if guid not in newest]:
            return unknown
        for guid in guids:
            path = "/app/hook/deliveries/{id}/attempts"
            await self._connection.send("POST", path, {}, id=newest[guid])
        return []

    async def get(self, delivery: HookDelivery) -> Delivery:
        """Return a delivery with its payload, written as JSON anew."""
        entry = await self._connection.get("/app/hook/deliveries/{id}", id=delivery.id)
        payload = (entry.get("request") or {}).get("payload")
        return Delivery(
            guid=delivery.guid,
            event=delivery.event,
            received_at=delivery.delivered_at,
            body=json.dumps(payload or {}).encode(),
        )
