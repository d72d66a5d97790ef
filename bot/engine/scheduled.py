"""Begins what the schedule of a repository asks for, as a comment would."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from bot.core.command.faults import Declined, Refusal, Unreadable
from bot.core.command.syntax import RunCommand
from bot.core.command.trigger import ScheduleDue
from bot.core.model import (
    Asker,
    Batch,
    BatchId,
    ItemKind,
    ItemNumber,
    Request,
    Role,
    Scheduled,
)
from bot.core.plan.gathering import thread_for
from bot.core.plan.schedules import Kept, Timetable
from bot.core.plan.selection import Selection, select
from bot.core.say import schedules as say
from bot.core.world.references import host_in
from bot.engine.allowed import not_permitted, permits_of
from bot.engine.batches import NewBatches
from bot.engine.reading import Reader, Reading
from bot.engine.replies import Replies
from bot.engine.roles import lifted
from bot.engine.timetables import Timetables
from bot.errors import ConfigurationError, PermanentError
from bot.ports.github import GitHub
from bot.ports.store import Batches

log = structlog.get_logger()


class ScheduledBatches:
    """Begins a batch for each time that a schedule was due, at most."""

    def __init__(
        self,
        *,
        timetables: Timetables,
        github: GitHub,
        reader: Reader,
        batches: Batches,
        new: NewBatches,
        replies: Replies,
        allows: Callable[[str], bool],
    ) -> None:
        self._timetables = timetables
        self._github = github
        self._reader = reader
        self._batches = batches
        self._new = new
        self._replies = replies
        self._allows = allows

    async def begin(self, due: ScheduleDue) -> str:
        """Begin what is due; return what became of it, in a few words.

        Raises ``TransientError``: it is to be tried again.
        """
        known = (await self._timetables.all()).get(due.repository.id)
        kept = known.kept(due.key) if known else None
        try:
            with self._github.metered(f"schedule:{due.key}"):
                became = await self._begin(due, known, kept)
        except ConfigurationError:
            became = say.unfit()
        except PermanentError as error:
            became = say.failed(str(error))
        if kept is None or became != kept.became:
            log.info("schedule dealt with", became=became)
        await self._timetables.dealt_with(
            due.repository.id, due.key, due.due_at, became
        )
        return became

    async def give_up(self, due: ScheduleDue, words: str) -> None:
        """Note that what was due was not dealt with, and why (*words*)."""
        became = say.failed(words)
        await self._timetables.dealt_with(
            due.repository.id, due.key, due.due_at, became
        )

    async def _begin(
        self, due: ScheduleDue, known: Timetable | None, kept: Kept | None
    ) -> str:
        if known is None or kept is None:
            return say.gone()
        request = _request(due, known, kept)
        if (before := await self._new.before(request)) is not None:
            return await self._new.begun(before.request, before)
        if not self._allows(known.repository.name):
            return say.not_allowed()
        # A public repository can be read without being installed on.
        await self._github.check_access(known.repository)
        reading = await self._reader.look(known.repository, request.asker, [])
        about, configuration = reading.about, reading.configuration
        known = await self._timetables.update(known.repository, about, configuration)
        if known is None or known.kept(due.key) is None:
            return say.gone()
        if about.is_archived:
            return say.archived()
        if (why_off := self._timetables.why_off(known)) is not None:
            return say.failed(why_off.why)
        if (live := await self._live(known, due.key)) is not None:
            return say.live_before(live)
        request = _request(due, known, kept)
        asker, host = request.asker.login, host_in(request.asker.url)
        reading = replace(reading, known=replace(reading.known, asker=asker, host=host))
        found = await self._reader.read_again(request, kept.schedule.command, reading)
        if found is None or isinstance(found, Unreadable):
            return say.unfit()
        return await self._of(request, found)

    async def _of(self, request: Request, reading: Reading) -> str:
        (run,) = reading.commands
        assert isinstance(run, RunCommand)
        role = await self._role(request)
        permits = [permit for _, permit in permits_of(run, reading)]
        login = request.asker.login
        counts = await lifted(self._github, request.repository, login, role, permits)
        if (denied := not_permitted(run, counts, reading)) is not None:
            became = say.short_of_role(login, denied.had, denied.needed)
            return await self._refuse(request, denied, became, reading)
        selection = select(run, reading.known)
        if not isinstance(selection, Selection):
            return await self._refuse(
                request, selection, say.refused(selection), reading
            )
        facts = [item.facts for item in selection.items]
        home = await self._home(reading, request)
        if not facts and home is None:
            return say.no_thread()
        thread = thread_for((), facts, home) if facts else ItemNumber(home or 0)
        on = reading.known.facts.get(thread)
        request = replace(
            request,
            thread=thread,
            thread_is_pull_request=on is not None and on.kind is ItemKind.PULL_REQUEST,
        )
        if missing := reading.not_granted_to_answer(request):
            return say.failed(f"{missing} not granted")
        outcome = await self._new.run(request, run, reading)
        if isinstance(outcome, str):
            return outcome
        return await self._refuse(request, outcome, say.refused(outcome), reading)

    async def _refuse(
        self, request: Request, refusal: Refusal, became: str, reading: Reading
    ) -> str:
        """Say why nothing begins where the repository wants such things, unless it was
        so the last time.

        Elsewhere nobody has asked to read it: the server's own list has it.
        """
        if isinstance(refusal, Declined) and refusal.is_nothing:
            return say.nothing_to_do()
        home = await self._home(reading, request)
        if home is not None and became != await self._last(request):
            request = replace(request, thread=home, thread_is_pull_request=False)
            render = partial(_rendered, request, refusal)
            await self._replies.say(request, "schedule", render)
        return became

    async def _last(self, request: Request) -> str:
        origin = request.origin
        assert isinstance(origin, Scheduled)
        known = (await self._timetables.all()).get(request.repository.id)
        kept = known.kept(origin.key) if known else None
        return kept.became if kept else ""

    async def _home(self, reading: Reading, request: Request) -> ItemNumber | None:
        home = reading.configuration.home
        if home is None:
            return None
        fact = reading.known.facts.get(home)
        if fact is None:
            _, found = await self._github.facts(request.repository, [home])
            fact = found.get(home)
        return home if fact and fact.kind is ItemKind.ISSUE else None

    async def _role(self, request: Request) -> Role:
        login = request.asker.login
        try:
            return await self._github.role(request.repository, login)
        except PermanentError as error:
            log.warning("role unknown", login=login, error=str(error))
            return Role.NONE

    async def _live(self, known: Timetable, key: str) -> BatchId | None:
        """Return the batch of an earlier time, if it is not over."""

        def is_of_it(batch: Batch) -> bool:
            origin = batch.request.origin
            return isinstance(origin, Scheduled) and origin.key == key

        live = await self._batches.live_in(known.repository.id)
        return next((one.batch.id for one in live if is_of_it(one.batch)), None)


def _request(due: ScheduleDue, known: Timetable, kept: Kept) -> Request:
    """Return the request of a due time, in no thread yet."""
    login = known.pusher.login if known.pusher else ""
    schedule = kept.schedule
    return Request(
        repository=known.repository,
        thread=ItemNumber(0),
        thread_is_pull_request=False,
        asker=Asker(login, known.url),
        origin=Scheduled(due.key, due.due_at, schedule.at, schedule.zone),
    )


def _rendered(request: Request, refusal: Refusal, first: str) -> str:
    return say.render_refused(request, refusal, marker=first)
