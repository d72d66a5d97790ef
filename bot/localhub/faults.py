"""What can go wrong on demand: errors, lost and broken answers, slowness."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from aiohttp import web

PAGE = "<!DOCTYPE html><title>Unicorn!</title><p>This page is taking too long to load."
"""What a proxy or an overloaded server says where JSON was asked for."""


class FaultKind(StrEnum):
    """What happens to a request."""

    ERROR = "error"  # an error status, and nothing is done
    RESET = "reset"  # the connection closes, and nothing is done
    LOST_ANSWER = "lost answer"  # all is done, then the connection closes
    CUT = "cut"  # all is done, and the connection closes in the middle of the answer
    PAGE = "page"  # a page of HTML with the status; below 400 all is done
    DELAY = "delay"  # all is done, later
    SILENCE = "silence"  # all is done, and the answer comes later
    SECONDARY_LIMIT = "secondary limit"  # refused with retry-after


@dataclass(slots=True)
class Fault:
    """A fault for the requests that match, a number of times or for a time."""

    kind: FaultKind = FaultKind.ERROR
    status: int = 502
    method: str = ""  # any
    path: str = ""  # a regular expression, searched in the path without /api/v3
    times: int | None = 1  # None: without end, or until ``seconds`` are over
    seconds: float | None = None
    delay_seconds: float = 0.0
    message: str = "Server Error"
    headers: dict[str, str] = field(default_factory=dict)
    until: datetime | None = None

    @property
    def is_before(self) -> bool:
        """Whether nothing of the request is done."""
        is_page = self.kind is FaultKind.PAGE and self.status >= 400
        return is_page or self.kind in (FaultKind.ERROR, FaultKind.RESET)


class Faults:
    """The faults that are switched on."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        if fault.seconds is not None:
            fault.until = self._now() + timedelta(seconds=fault.seconds)
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch everything off."""
        self._faults.clear()

    def active(self) -> list[Fault]:
        """Return the faults that wait for a request."""
        now = self._now()
        self._faults = [
            fault
            for fault in self._faults
            if fault.times != 0 and (fault.until is None or now < fault.until)
        ]
        return list(self._faults)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for a request, counted as used."""
        for fault in self.active():
            if fault.method in ("", method) and re.search(fault.path, path):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


async def spoiled(
    fault: Fault, request: web.Request, answer: web.Response
) -> web.StreamResponse:
    """Send what the fault leaves of an answer."""
    match fault.kind:
        case FaultKind.RESET | FaultKind.LOST_ANSWER:
            _hang_up(request)
        case FaultKind.CUT:
            return await _cut(request, answer)
        case FaultKind.PAGE:
            return web.Response(
                status=fault.status, text=PAGE, content_type="text/html"
            )
        case _:
            pass
    return answer


async def _cut(request: web.Request, answer: web.Response) -> web.StreamResponse:
    assert isinstance(answer.body, bytes)
    cut = web.StreamResponse(status=answer.status, headers=answer.headers)
    cut.content_length = max(len(answer.body), 2)
    await cut.prepare(request)
    await cut.write(answer.body[: len(answer.body) // 2])
    _hang_up(request)
    return cut


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
