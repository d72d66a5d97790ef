"""What is said of a base that nobody is to merge into for a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.command.syntax import Unfreeze, format_command
from bot.core.durations import clock, spell
from bot.core.model import ItemNumber
from bot.core.world.freezes import Freeze
from bot.core.world.markdown import Links, code_span, escape_line, link

_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class PassedGate:
    """A merge that was sent before a freeze; whether it *went in*, if GitHub has said."""

    number: ItemNumber
    went_in: bool | None


def render_frozen(
    freeze: Freeze,
    *,
    is_new: bool,
    now: datetime,
    marker: str,
    links: Links,
    passed: Sequence[PassedGate] = (),
) -> str:
    """Return that a branch is frozen, now or since an earlier request, and what *passed*
    in that moment.
    """
    branch = code_span(freeze.branch)
    ends = code_span(format_command(Unfreeze(freeze.branch)))
    until = f"No batch merges into it until somebody writes {ends}."
    if not is_new:
        return (
            f"{marker}\n🧊 {branch} is frozen already, {_since(freeze, now)}. {until}"
        )
    queue = (
        "What a batch has put into a merge queue is taken out of it; what people put"
        " there goes on."
    )
    late = "".join(f" {_late(one, links)}" for one in passed)
    return f"{marker}\n🧊 {branch} is frozen{_because(freeze)}. {until}{late} {queue}"


def render_unfrozen(freeze: Freeze, *, now: datetime, marker: str) -> str:
    """Return that a branch is as it was before *freeze*."""
    lasted = spell(now - freeze.at)
    return (
        f"{marker}\n☀️ {code_span(freeze.branch)} is no longer frozen. It was for {lasted},"
        f" {_since(freeze, now)}. Merges that waited go on."
    )


def not_frozen(branch: str, others: list[str]) -> str:
    """Why nothing was ended, as Markdown."""
    shown = ", ".join(map(code_span, others))
    return f"{code_span(branch)} is not frozen." + (
        f" Frozen: {shown}." if others else ""
    )


def no_branch(branch: str, guess: str) -> str:
    """Why nothing was frozen, as Markdown."""
    maybe = f" Did you mean {code_span(guess)}?" if guess else ""
    return f"There is no branch {code_span(branch)}, so nothing was frozen.{maybe}"


def _late(passed: PassedGate, links: Links) -> str:
    item = links.item(passed.number)
    if passed.went_in:
        return f"{item} was being merged in that moment, and went in."
    return (
        f"{item} was being merged in that moment, and GitHub has not said yet whether it"
        " went in."
    )


def _since(freeze: Freeze, now: datetime) -> str:
    who = escape_line(freeze.by)
    by = link(who, freeze.url) if freeze.url else who
    return f"by {by} since {clock(freeze.at, now)}{_because(freeze)}"


def _because(freeze: Freeze) -> str:
    return f" (“{escape_line(freeze.reason, _REASON_LENGTH)}”)" if freeze.reason else ""
