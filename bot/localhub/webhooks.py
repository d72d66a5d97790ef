"""Signed webhooks to the app: sent in order, kept as deliveries, sent again on demand."""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import aiohttp

ANSWER_SECONDS = 10.0
KEPT_SECONDS = 5.0
SHUFFLE_SECONDS = 0.2
KEPT_DELIVERIES = 5_000


@dataclass(eq=False, slots=True)
class HookDelivery:
    """One try to bring a webhook to the app."""

    id: int
    guid: str
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    payload: bytes
    delivered_at: datetime
    is_redelivery: bool = False
    status: str = "pending"
    status_code: int = 0
    duration: float = 0.0
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""


@dataclass(slots=True)
class WebhookFaults:
    """What goes wrong with webhooks, switched on by tests and by hand."""

    twice: bool = False  # each is sent a second time with the same GUID
    dropped: bool = False  # none arrives; the delivery is recorded as failed
    shuffled: bool = False  # those under way together arrive in reverse order


class Webhooks:
    """The app's webhook: a queue, one sender, and the record of deliveries."""

    def __init__(
        self, *, now: Callable[[], datetime], next_id: Callable[[], int], hook_id: int
    ) -> None:
        self.url: str | None = None
        self.secret = ""
        self.faults = WebhookFaults()
        self.deliveries: list[HookDelivery] = []
        self._now = now
        self._next_id = next_id
        self._hook_id = hook_id
        self._queue: asyncio.Queue[HookDelivery] = asyncio.Queue()

    def send(
        self,
        event: str,
        payload: Mapping[str, Any],
        *,
        app_id: int,
        installation_id: int | None,
        repository_id: int | None,
    ) -> None:
        """Queue a webhook. While no URL is set, nothing is sent or recorded."""
        if self.url is None:
            return
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(
            errors="surrogatepass"
        )  # as GitHub writes it
        guid = str(uuid4())
        delivery = HookDelivery(
            self._next_id(),
            guid,
            event,
            payload.get("action"),
            installation_id,
            repository_id,
            body,
            self._now(),
            request_headers={
                "Accept": "*/*",
                "Content-Type": "application/json",
                "User-Agent": "GitHub-Hookshot/hub",
                "X-GitHub-Delivery": guid,
                "X-GitHub-Event": event,
                "X-GitHub-Hook-ID": str(self._hook_id),
                "X-GitHub-Hook-Installation-Target-ID": str(app_id),
                "X-GitHub-Hook-Installation-Target-Type": "integration",
                "X-Hub-Signature": f"sha1={self._digest(body, 'sha1')}",
                "X-Hub-Signature-256": f"sha256={self._digest(body, 'sha256')}",
            },
        )
        self._enqueue(delivery)
        if self.faults.twice:
            self._enqueue(self._again(delivery))

    def redeliver(self, delivery: HookDelivery) -> None:
        """Queue another try: same GUID and body, a new delivery."""
        again = self._again(delivery)
        signature = f"sha256={self._digest(delivery.payload, 'sha256')}"
        again.request_headers["X-Hub-Signature-256"] = signature
        self._enqueue(again)

    def find(self, delivery_id: int) -> HookDelivery | None:
        """Return a recorded delivery."""
        return next((d for d in self.deliveries if d.id == delivery_id), None)

    async def drain(self) -> None:
        """Return once everything queued so far was tried."""
        await self._queue.join()

    async def run(self) -> None:
        """Send what is queued, one at a time, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        # Shorter than servers keep a connection: what is sent while one closes is lost.
        connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout
        ) as session:
            while True:
                for delivery in await self._next():
                    try:
                        await self._deliver(session, delivery)
                    finally:
                        self._queue.task_done()

    async def _next(self) -> list[HookDelivery]:
        found = [await self._queue.get()]
        if self.faults.shuffled:
            try:
                async with asyncio.timeout(SHUFFLE_SECONDS):
                    while True:
                        found.append(await self._queue.get())
            except TimeoutError:
                found.reverse()
        return found

    async def _deliver(
        self, session: aiohttp.ClientSession, delivery: HookDelivery
    ) -> None:
        delivery.delivered_at = self._now()
        if self.faults.dropped or self.url is None:
            delivery.status, delivery.status_code = "failed to connect", 502
            return
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with session.post(
                self.url,
                data=delivery.payload,
                headers=delivery.request_headers,
                allow_redirects=False,
            ) as answer:
                delivery.response_body = await answer.text(errors="replace")
                delivery.response_headers = dict(answer.headers)
                delivery.status_code = answer.status
                is_ok = 200 <= answer.status < 300
                delivery.status = (
                    "OK" if is_ok else f"Invalid HTTP Response: {answer.status}"
                )
        except TimeoutError:
            delivery.status, delivery.status_code = "timed out", 504
        except aiohttp.ClientError:
            delivery.status, delivery.status_code = "failed to connect", 502
        delivery.duration = round(loop.time() - begun, 3)

    def _enqueue(self, delivery: HookDelivery) -> None:
        self.deliveries.append(delivery)
        del self.deliveries[:-KEPT_DELIVERIES]
        self._queue.put_nowait(delivery)

    def _again(self, delivery: HookDelivery) -> HookDelivery:
        return HookDelivery(
            self._next_id(),
            delivery.guid,
            delivery.event,
            delivery.action,
            delivery.installation_id,
            delivery.repository_id,
            delivery.payload,
            self._now(),
            is_redelivery=True,
            request_headers=dict(delivery.request_headers),
        )

    def _digest(self, body: bytes, algorithm: str) -> str:
        return hmac.new(self.secret.encode(), body, algorithm).hexdigest()
