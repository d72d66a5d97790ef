"""Batches that begin by the clock: what a repository sets, and what is known of each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo

from bot.core.calendar import Times, due_after, last_due, read_times
from bot.core.command.parser import parse_comment
from bot.core.command.syntax import RunCommand, This
from bot.core.command.trigger import Sender
from bot.core.model import Repository
from bot.core.zones import known_zones

MADE_UP_FOR = timedelta(days=1)
"""How long ago a time may have been missed and is still made up for, once."""


@dataclass(frozen=True, slots=True)
class RecurringCommand:
    """A command without its ``/batch``, and when it is given. Its words are what it is."""

    at: str  # as ``bot.core.calendar.TIMES``
    run: str
    zone: str = "UTC"

    @property
    def times(self) -> Times:
        """When it is due, by the clock of its zone."""
        found = read_times(self.at)
        assert found is not None
        return found

    @property
    def tz(self) -> tzinfo | None:
        """Its zone; None if this version knows none of that name."""
        return known_zones().get(self.zone)

    def key(self, repository: Repository) -> str:
        """Return what tells it from every other one, of any repository."""
        words = "\n".join((str(repository.id), self.at, self.zone, self.run))
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    @property
    def command(self) -> str:
        """The whole command."""
        return f"/batch {self.run}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule with what became of it."""

    schedule: RecurringCommand
    since: datetime  # up to here, everything is dealt with
    became: str = ""  # of the last time, in a few words
    last_at: datetime | None = None  # when that was due

    def due(self, now: datetime) -> datetime | None:
        """Return the time that is to be dealt with now, if there is one: of several that
        were missed the last, of one that is too long ago none.
        """
        zone = self.schedule.tz
        if zone is None:
            return None
        found = last_due(self.schedule.times, zone, after=self.since, until=now)
        return found if found and now - found <= MADE_UP_FOR else None

    def next_at(self, now: datetime) -> datetime | None:
        """Return when it is due next, in its zone; None in a zone that nobody knows."""
        zone = self.schedule.tz
        if zone is None:
            return None
        return due_after(self.schedule.times, zone, max(now, self.since)).astimezone(
            zone
        )


@dataclass(frozen=True, slots=True)
class Timetable:
    """The schedules of a repository, and in whose name they run."""

    repository: Repository
    digest: str  # of the file that they stand in
    url: str  # of the file
    pusher: Sender | None  # who brought it onto the default branch; None: unknown
    schedules: tuple[Kept, ...] = field(default=())

    def kept(self, key: str) -> Kept | None:
        """Return a schedule by its key."""
        found = (k for k in self.schedules if k.schedule.key(self.repository) == key)
        return next(found, None)

    def dealt_with(self, key: str, due: datetime, became: str = "") -> "Timetable":
        """Return it once what was due is dealt with."""

        def told(one: Kept) -> Kept:
            if one.schedule.key(self.repository) != key:
                return one
            since = max(one.since, due)
            if not became:  # yet: what it was the time before stays
                return replace(one, since=since)
            return replace(one, since=since, became=became, last_at=due)

        return replace(self, schedules=tuple(map(told, self.schedules)))


def learned(
    before: Timetable | None,
    schedules: Sequence[RecurringCommand],
    *,
    repository: Repository,
    digest: str,
    url: str,
    pusher: Sender | None,
    now: datetime,
) -> Timetable:
    """Return what is known of a file now. A schedule that was there goes on; a new one
    begins *now*.
    """
    known = {one.schedule: one for one in before.schedules} if before else {}
    kept = tuple(known.get(one) or Kept(one, now.astimezone(UTC)) for one in schedules)
    return Timetable(repository, digest, url, pusher, kept)


def digest_of(content: str | bytes | None) -> str:
    """Return what tells the text of a file from every other one."""
    data = (
        content.encode(errors="surrogatepass") if isinstance(content, str) else content
    )
    return hashlib.sha256(data or b"").hexdigest()


def run_problem(run: str, *, actions: Sequence[str]) -> str:
    """Return why a command cannot be given by the clock; nothing if it can."""
    if run.lstrip().casefold().startswith("/batch"):
        return "leave /batch out: it is put before it"
    if "\n" in run.strip():
        return "this is more than one line; a schedule runs one command"
    found = parse_comment(f"/batch {run}", actions=actions)
    if found is None:
        return "this is no command"
    if not isinstance(found, tuple):
        says, hint, _ = found.lines[0].faults[0].message.partition("; did you mean")
        if mended := found.corrected.removeprefix("/batch "):
            says = f"{says}; did you mean \u201c{mended}\u201d?"
        elif hint:
            says = found.lines[0].faults[0].message
        return f"this cannot be read as a command: {says}"
    (command,) = found
    if not isinstance(command, RunCommand) or command.is_dry_run:
        return "this starts no batch; a schedule gives a command that does"
    if command.options.start_at is not None:
        return "start-at means nothing here: the schedule itself says when"
    if _names_the_thread(command):
        return "\u2018this\u2019 means nothing here: a schedule has no thread"
    return ""


def _names_the_thread(value: object) -> bool:
    """Return whether the thread is named anywhere in a command."""
    if isinstance(value, This):
        return True
    if isinstance(value, tuple):
        return any(map(_names_the_thread, value))
    fields = getattr(value, "__dataclass_fields__", ())
    return any(_names_the_thread(getattr(value, name)) for name in fields)
