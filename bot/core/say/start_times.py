"""What is said of batches that start by themselves at a time."""

from datetime import datetime

from bot.core.durations import clock, spell_about
from bot.core.model import BatchId, Role
from bot.core.run.progress import Progress
from bot.core.world.markdown import code_span, escape_line
from bot.core.zones import known_zones


def shown(at: datetime, zone: str, now: datetime) -> str:
    """Return ``22:00 UTC (23:00 Europe/Zurich)``, with the day if it is not today."""
    tz = known_zones().get(zone)
    there = f" ({at.astimezone(tz):%H:%M} {zone})" if tz and zone != "UTC" else ""
    return f"{clock(at, now)}{there}"


def starts(at: datetime, zone: str, now: datetime) -> str:
    """Return ``starts at 22:00 UTC (23:00 Europe/Zurich), in about 3h 00m``."""
    left = spell_about(at - now)
    return f"starts at {shown(at, zone, now)}, in {left}"


def starts_by_itself(progress: Progress, now: datetime) -> str:
    """Return when a plan starts, and how not, as Markdown; nothing if somebody has to
    start it.
    """
    at = progress.starts_at
    if at is None or at <= now:
        return ""
    who = escape_line(progress.batch.asker.login)
    cancel = code_span(f"/batch cancel {progress.batch.id}")
    return (
        f"⏰ It **{starts(at, progress.starts_zone, now)}**, with the role that {who} has"
        f" then. {cancel} drops it."
    )


def counts_for_nothing(*, is_dry_run: bool) -> str:
    """A plan is only shown, or has to be looked at first."""
    if is_dry_run:
        return (
            "`start-at:` counts for nothing here: what is only planned starts nothing."
        )
    return (
        "`start-at:` counts for nothing here: so much is started only by somebody who has"
        " seen the plan."
    )


def had_passed(progress: Progress, now: datetime) -> str:
    """Return that a command was read behind its time, as Markdown; else nothing."""
    at = progress.starts_at
    if at is None or at > progress.batch.created_at:
        return ""
    return f"It was {_time_of(progress, now)} before I came to this command."


def short_of_role(progress: Progress, role: Role, now: datetime) -> str:
    """Whoever asked may not start it any more."""
    batch = progress.batch
    had = f"the role **{role.name.lower()}**" if role else "no access"
    return _began_nothing(
        progress,
        f"{escape_line(batch.asker.login)}, who asked for it, has {had} now and it takes"
        f" **{batch.needed_role.name.lower()}**",
        now,
    )


def role_unknown(progress: Progress, why: str, now: datetime) -> str:
    """GitHub does not say which role whoever asked has."""
    who = escape_line(progress.batch.asker.login)
    return _began_nothing(
        progress,
        f"GitHub did not say which role {who} has: {escape_line(why, 200)}",
        now,
    )


def too_late(progress: Progress, now: datetime) -> str:
    """The bot was not there for too long."""
    return _began_nothing(
        progress, "the bot was not running then, nor in the day behind it", now
    )


def given_up(progress: Progress, why: str, now: datetime) -> str:
    """GitHub did not answer, or a bug came between: *why* is half a sentence."""
    name, at = code_span(progress.batch.id), _time_of(progress, now)
    again = _again(progress, now)
    return f"Batch {name} was to start at {at}. {why}, so nothing was started. {again}."


def dropped(batch_id: BatchId, *, marker: str) -> str:
    """A plan that starts by itself was cancelled."""
    name = code_span(batch_id)
    return f"{marker}\n🚫 Dropped batch {name}: nothing of it was started."


def _began_nothing(progress: Progress, why: str, now: datetime) -> str:
    name, at = code_span(progress.batch.id), _time_of(progress, now)
    again = _again(progress, now)
    return (
        f"Batch {name} was to start at {at}, but {why}. Nothing was started. {again}."
    )


def _time_of(progress: Progress, now: datetime) -> str:
    assert progress.starts_at is not None
    return shown(progress.starts_at, progress.starts_zone, now)


def _again(progress: Progress, now: datetime) -> str:
    if progress.expires_at is not None and now > progress.expires_at:
        return "Give the command again to start it"
    start = code_span(f"/batch start {progress.batch.id}")
    return f"Whoever may can start it with {start}"
