"""What is known of one tracking comment while it is followed, only for its pace."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.core.effects import CheckReport
from bot.core.run.progress import Progress
from bot.core.say.headings import heading_key
from bot.core.say.situation import Situation
from bot.core.say.tracking import render_tracking


@dataclass(frozen=True, slots=True)
class Page:
    """A comment as it is at one moment."""

    body: str
    heading: str  # its heading_key
    news: int  # how much had happened
    redraws: int
    stalled_since: datetime | None = None  # it shows a batch that only waits


@dataclass(slots=True, eq=False)
class CheckWatch:
    """What is known of the check run that shows a batch: it may be forgotten."""

    head_sha: str = ""  # of the pull request; empty: is to be asked for
    shown: CheckReport | None = None  # what it was last made to say
    is_due: bool = True  # it may have more to say
    is_refused: bool = False  # GitHub does not take it, on this head
    is_granted: bool = True


@dataclass(slots=True, eq=False)
class Watch:
    """What is known of one tracking comment: it may be forgotten."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    news: int = 0  # how much has happened
    redraws: int = 0  # how often it was to be written whatever stands there
    shown: Page | None = None  # what the last edit wrote
    edited_at: float = 0.0  # monotonic
    early_seconds: float = 0.0  # by which its times are written again before they must
    is_marked: bool = False  # pinned, and the command reacted to
    is_asked_for: bool = False  # by somebody since the last edit
    is_missed: bool = False  # a person deleted it, and somebody asked for it since
    is_gone: bool = False  # a person deleted it
    is_free_again: bool = False  # what was refused may be taken now
    told_of: datetime | None = None  # since when it only waits, once that was reported
    check: CheckWatch = field(default_factory=CheckWatch)


def render(progress: Progress, situation: Situation, watch: Watch) -> Page:
    """Return the comment as it is to read now."""
    situation = replace(situation, lacks_checks=not watch.check.is_granted)
    return Page(
        render_tracking(progress, situation),
        heading_key(progress, situation),
        watch.news,
        watch.redraws,
        situation.stalled.since if situation.stalled else None,
    )
