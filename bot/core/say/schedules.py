"""What is said of batches that begin by the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.command.faults import Refusal
from bot.core.command.trigger import Sender
from bot.core.durations import spell_about
from bot.core.model import BatchId, Request, Role
from bot.core.plan.schedules import Kept, RecurringCommand, Timetable
from bot.core.say.askers import who_asked
from bot.core.say.refusals import in_a_sentence, render_refusal
from bot.core.say.terminal import unlinked
from bot.core.world.markdown import Links, code_span, escape_line, paragraphs, plural

UNKNOWN = "nobody knows who pushed the file as it is"
_AGAIN = "push the file with any change to it in your own name, and they are on"


@dataclass(frozen=True, slots=True)
class Off:
    """Why none of the schedules of a file runs."""

    why: str

    def __str__(self) -> str:
        """Say why, and what to do."""
        return f"{self.why}; {_AGAIN}"


def off(pusher: Sender | None, *, counts: bool) -> Off | None:
    """Return why the schedules of whoever pushed do not run; None if they do."""
    if pusher is None:
        return Off(UNKNOWN)
    if not counts:
        return Off(f"{pusher.login} brought the file there, which is no person")
    return None


def runs_next(timetable: Timetable, now: datetime, why_off: Off | None) -> str:
    """Return in whose name schedules run, and when each does next, as Markdown."""
    if why_off is not None:
        return paragraphs(
            f"**No schedule runs**: {escape_line(str(why_off))}.",
            _table(timetable, now),
        )
    assert timetable.pusher is not None
    who = escape_line(timetable.pusher.login)
    first = (
        f"Schedules run with the role that {who} has then, who brought the file to"
        " the default branch:"
    )
    return paragraphs(first, _table(timetable, now))


def would_run(schedules: Sequence[RecurringCommand], now: datetime) -> str:
    """Return what the schedules of a file would do on the default branch."""
    first = (
        "On the default branch its schedules run with the role that whoever brings it"
        " there has then:"
    )
    lines = (f"- {_line(one, Kept(one, now).next_at(now), now)}" for one in schedules)
    return paragraphs(first, "\n".join(lines))


def _table(timetable: Timetable, now: datetime) -> str:
    def line(one: Kept) -> str:
        last = f"; the last time: {escape_line(one.became)}" if one.became else ""
        return f"- {_line(one.schedule, one.next_at(now), now)}{last}"

    return "\n".join(map(line, timetable.schedules))


def _line(schedule: RecurringCommand, next_at: datetime | None, now: datetime) -> str:
    run = code_span(schedule.command)
    return f"{run}: {_when(schedule, next_at, now)}"


def _when(schedule: RecurringCommand, next_at: datetime | None, now: datetime) -> str:
    if next_at is None:
        return f"{schedule.zone} is no zone that this version knows"
    return f"next {next_at:%a %Y-%m-%d %H:%M} {schedule.zone}, in {spell_about(next_at - now)}"


def rows(timetables: Sequence[Timetable], now: datetime) -> Sequence[dict[str, str]]:
    """Return each schedule as the terminal shows it: JSON."""
    return [
        {
            "repository": timetable.repository.name,
            "run": one.schedule.command,
            "at": f"{one.schedule.at} {one.schedule.zone}",
            "next": found.isoformat(timespec="minutes")
            if (found := one.next_at(now))
            else "",
            "pushed_by": timetable.pusher.login if timetable.pusher else "",
            "became": one.became,
        }
        for timetable in timetables
        for one in timetable.schedules
    ]


def works(
    count: int, first: tuple[Timetable, Kept] | None, now: datetime
) -> tuple[str, str]:
    """Tell an operator how many schedules there are, and which one is next."""
    words = plural(count, "schedule")
    if first is not None:
        timetable, kept = first
        when = _when(kept.schedule, kept.next_at(now), now)
        words += f"; the first is {kept.schedule.command} of {timetable.repository.name}: {when}"
    return words, ""


def is_off(timetable: Timetable, why: Off) -> tuple[str, str]:
    """Tell an operator that the schedules of a repository do not run."""
    words = f"no schedule of {timetable.repository.name} runs: {why.why}"
    return words, f"whoever may should {_AGAIN}"


def live_before(batch_id: BatchId) -> str:
    """The batch of the time before is not over."""
    return f"skipped: batch {batch_id} of the time before is not over"


def gone() -> str:
    """The schedule is not in the file any more."""
    return "skipped: it is not in the file any more"


def nothing_to_do() -> str:
    """The command comes to nothing."""
    return "there was nothing to do"


def not_allowed() -> str:
    """The operator does not let the bot work there."""
    return "skipped: the server's settings leave the repository out"


def no_thread() -> str:
    """All items are of other repositories, and there is no home."""
    return "skipped: no item is of this repository, and there is no home to speak in"


def archived() -> str:
    """The repository takes no changes."""
    return "skipped: the repository is archived"


def unfit() -> str:
    """The file does not fit."""
    return "skipped: .github/batch.yml does not fit"


def failed(why: str) -> str:
    """GitHub refused, or the app may not work there."""
    return f"skipped: {why}"


def short_of_role(login: str, role: Role, needed: Role) -> str:
    """Whoever pushed the file may not do this any more."""
    return f"refused: {login} has the role {role.name.lower()}, it takes {needed.name.lower()}"


def refused(refusal: Refusal) -> str:
    """The command comes to nothing, or cannot be done as it stands."""
    why = in_a_sentence(refusal).removesuffix("Nothing was started.").rstrip()
    return f"refused: {unlinked(why)}" if why else "refused: it cannot be read"


def render_refused(request: Request, refusal: Refusal, *, marker: str) -> str:
    """Return why a schedule began nothing."""
    links = Links.beside(request.repository.name, request.asker.url)
    said = render_refusal(refusal, marker=marker, links=links)
    return paragraphs(said.rstrip(), f"<sub>{who_asked(request, links)}</sub>")
