"""What can go wrong on demand: errors, lost answers, slowness."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens to a request."""

    ERROR = "error"  # an error status, and nothing is done
    LOST_ANSWER = "lost answer"  # all is done, then the connection closes
    DELAY = "delay"  # all is done, later
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
    until: datetime | None = None


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
