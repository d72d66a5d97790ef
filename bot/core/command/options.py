"""What the values of options mean, and what to write instead of those that mean nothing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.core.calendar import DAYS, likely_times
from bot.core.command.guesses import slip_of
from bot.core.command.start_at import StartAt
from bot.core.command.vocabulary import PRIORITIES, in_words
from bot.core.command.zones import likely_zone, zone_problem
from bot.core.model import Deps, OnFailure, UpdateMethod, UpdateWhen
from bot.core.world.pulls import MergeMethod
from bot.core.zones import known_zones

MAX_TIMEOUT_SECONDS = 24 * 3600
MAX_RETRIES = 5

_DURATION = re.compile(
    r"(?=.)(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,5})s)?\Z", re.IGNORECASE
)
_LOOSE_DURATION = re.compile(
    r"([0-9]{1,5})\s*(h|m|s)(?:ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)\Z", re.IGNORECASE
)

_START = re.compile(
    rf"(?:(?:{'|'.join(DAYS)})-)?(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z", re.IGNORECASE
)

OPTION_FIELDS = {
    "on-failure": "on_failure",
    "timeout": "timeout_seconds",
    "budget": "budget_requests",
    "update-method": "update_method",
    "start-at": "start_at",
}
"""The fields of ``GivenOptions`` that are not named like their option."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value does not do, and one that would."""

    message: str
    fix: str | None = None


def read_option(key: str, value: str) -> object:
    """Return what the value of an option means, or ``Wrong``."""
    return _VALUES[key](value.casefold().strip('"\u201c\u201d'))


def _whole_number(low: int, high: int, what: str) -> Callable[[str], object]:
    def read(raw: str) -> object:
        if not re.fullmatch(r"[0-9]{1,9}", raw):
            return Wrong(f"{what} is a number from {low} to {high}")
        number = int(raw)
        if low <= number <= high:
            return number
        fix = min(max(number, low), high)
        return Wrong(f"{what} goes from {low} to {high}", str(fix))

    return read


def _positive(what: str) -> Callable[[str], object]:
    def read(raw: str) -> object:
        if re.fullmatch(r"[0-9]{1,9}", raw) and int(raw):
            return int(raw)
        return Wrong(f"{what} is a number, 1 or more")

    return read


def _one_of(kind: type[StrEnum]) -> Callable[[str], object]:
    names = [str(member) for member in kind]

    def read(raw: str) -> object:
        if raw in names:
            return kind(raw)
        guess = slip_of(raw, names)
        hint = f"did you mean {guess}?" if guess else f"use {in_words(names)}"
        return Wrong(f"unknown value; {hint}", guess or None)

    return read


def _priority(raw: str) -> object:
    if raw in PRIORITIES:
        return PRIORITIES[raw]
    if re.fullmatch(r"[0-9]{1,9}", raw):
        return _whole_number(0, 100, "priority")(raw)
    guess = slip_of(raw, PRIORITIES)
    hint = f"did you mean {guess}?" if guess else "use high, normal, low or 0 to 100"
    return Wrong(f"unknown priority; {hint}", guess or None)


def _timeout(raw: str) -> object:
    if re.fullmatch(r"[0-9]{1,5}", raw):
        message = f"unit missing: {raw}m is minutes, {raw}s is seconds"
        return Wrong(message, f"{raw}m")
    if loose := _LOOSE_DURATION.match(raw):
        return Wrong(f"write {loose[1]}{loose[2]}", f"{loose[1]}{loose[2]}")
    found = _DURATION.match(raw)
    if not found:
        return Wrong("not a time: write 90s, 30m or 2h")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not 1 <= total <= MAX_TIMEOUT_SECONDS:
        return Wrong("a time-out goes from 1s to 24h", "24h" if total else None)
    return total


def _start(raw: str) -> object:
    at, behind, zone = raw.partition("@")
    if not _START.match(at):
        likely = likely_times(at.replace("-", " ")).replace(" ", "-")
        fix = f"{likely}{behind}{zone}" if _START.match(likely) else None
        return Wrong("not a time: write 22:00, Mon-06:00 or 22:00@Europe/Zurich", fix)
    if not behind:
        return StartAt(at.capitalize())
    names = {name.casefold(): name for name in known_zones()}
    if zone in names:
        return StartAt(at.capitalize(), names[zone])
    likely = likely_zone(zone)
    fix = f"{at.capitalize()}@{likely}" if likely else None
    return Wrong(zone_problem(zone), fix)


_VALUES: dict[str, Callable[[str], object]] = {
    # More than the server has is lowered with a note, once its limit is known.
    "concurrency": _positive("concurrency"),
    "on-failure": _one_of(OnFailure),
    "timeout": _timeout,
    "retries": _whole_number(0, MAX_RETRIES, "retries"),
    "priority": _priority,
    "budget": _positive("budget"),
    "deps": _one_of(Deps),
    "method": _one_of(MergeMethod),
    "update": _one_of(UpdateWhen),
    "update-method": _one_of(UpdateMethod),
    "start-at": _start,
}
