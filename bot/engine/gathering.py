"""Begins what labels and requests for reviews ask for, as a comment would."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.core.command.faults import Declined, NotPermitted, Refusal
from bot.core.command.trigger import LabelChanged, Marking
from bot.core.model import (
    Batch,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Mark,
    Request,
    Role,
)
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.expansion import Known
from bot.core.plan.gathering import (
    Meaning,
    command_of,
    is_keyless,
    meaning,
    meant,
    still_asked,
    still_on,
    thread_for,
    with_numbers,
)
from bot.core.plan.selection import Selection, select
from bot.core.say.askers import declined_to
from bot.core.say.configuration import refused
from bot.core.world.markdown import Links
from bot.engine.allowed import not_permitted, permits_of
from bot.engine.batches import NewBatches
from bot.engine.configured import configured
from bot.engine.reading import Reader, Reading
from bot.engine.replies import Replies
from bot.engine.requested import Requested, request_for
from bot.engine.roles import lifted
from bot.engine.windows import Collected
from bot.errors import ConfigurationError, PermanentError
from bot.ports.clock import Clock
from bot.ports.github import GitHub
from bot.ports.store import Batches

KNOWN_FOR = timedelta(minutes=1)
"""How long it is taken for granted that a repository sets what it has set."""

SKEW = timedelta(minutes=5)
"""By how much this machine's clock may be ahead of GitHub's."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Read:
    """What a repository sets, and when that was asked for."""

    configuration: RepositoryConfiguration
    at: datetime


class Gathering:
    """Makes requests of what was collected, and has them begun."""

    def __init__(
        self,
        *,
        github: GitHub,
        reader: Reader,
        batches: Batches,
        new: NewBatches,
        requested: Requested,
        replies: Replies,
        clock: Clock,
    ) -> None:
        self._github = github
        self._reader = reader
        self._batches = batches
        self._new = new
        self._requested = requested
        self._replies = replies
        self._clock = clock
        self._read: dict[int, _Read] = {}

    async def meaning(self, change: Marking) -> Meaning | None:
        """Return what a mark asks for in its repository; None if it is of no concern.

        Where ``.github/batch.yml`` cannot be read it is what it is without one: that is
        said once it is to be begun.
        """
        repository, now = change.repository, self._clock.now()
        read = self._read.get(repository.id)
        if read is None or now - read.at > KNOWN_FOR:
            about, _ = await self._github.facts(repository, [])
            try:
                configuration = await configured(self._github, repository, about)
            except ConfigurationError:
                configuration = RepositoryConfiguration()
            read = self._read[repository.id] = _Read(configuration, now)
        is_label = isinstance(change, LabelChanged)
        return meaning(change.name, is_label=is_label, configuration=read.configuration)

    async def begin(self, collected: Collected) -> str:
        """Begin a batch of what still stands; return what became of it."""
        begun, new = await self._begun_before(collected)
        outcomes = [await self._new.begun(one.request, one) for one in begun]
        if new:
            collected = replace(collected, marks=new)
            with self._github.metered(request_for(collected).source):
                outcomes.append(await self._begin(collected))
        return ", ".join(outcomes)

    async def _begun_before(
        self, collected: Collected
    ) -> tuple[Sequence[Batch], Sequence[Mark]]:
        """Return the batches that were begun with some of it, before a crash came or a
        delivery came again, and the rest.
        """
        wanted = {mark.key for mark in collected.marks}
        since = min(collected.since, *(mark.at for mark in collected.marks)) - SKEW
        limit = 20
        while True:
            recent = await self._batches.recent(collected.repository.id, limit=limit)
            if len(recent) < limit or recent[-1].batch.created_at < since:
                break
            limit *= 4
        known = {
            mark.key: one.batch for one in recent for mark in one.batch.request.marks
        }
        found = {one.id: one for key, one in known.items() if key in wanted}
        new = [mark for mark in collected.marks if mark.key not in known]
        return list(found.values()), new

    async def _begin(self, collected: Collected) -> str:
        role = await self._role(collected)
        if collected.is_of_labels and role < Role.TRIAGE:
            return "ignored: role"  # nothing is read for strangers
        numbers = list(dict.fromkeys(mark.number for mark in collected.marks))
        try:
            reading = await self._reader.look(
                collected.repository, collected.asker, numbers
            )
        except ConfigurationError as error:
            if role < Role.WRITE:
                return "ignored: role"
            request = request_for(collected)
            await self._replies.decline(request, refused(error.faults))
            return "refused: .github/batch.yml"
        if reading.about.is_archived:
            return "ignored: the repository is archived"
        present = replace(collected.repository, name=reading.known.repository)
        marks: Sequence[Mark] = meant(
            collected.marks,
            are_labels=collected.is_of_labels,
            configuration=reading.configuration,
        )
        collected = replace(collected, repository=present, marks=marks)
        if collected.is_of_labels:
            marks = still_on(marks, reading.known.facts)
        else:
            marks = still_asked(marks, reading.known.facts)
            asked = replace(collected, marks=marks)
            marks, reading = await self._requested.to_review(asked, reading)
        if not marks:
            return "nothing is left"
        return await self._of_marks(replace(collected, marks=marks), reading, role)

    async def _of_marks(
        self, collected: Collected, reading: Reading, role: Role
    ) -> str:
        configuration = reading.configuration
        is_stranger = role < configuration.permissions.role
        allowed, denied = [], None
        for mark in collected.marks:
            if not collected.is_of_labels and is_keyless(mark, reading.known):
                allowed.append(mark)
                continue
            one = command_of([mark], reading.known)
            permits = [permit for _, permit in permits_of(one, reading)]
            counts = await lifted(
                self._github,
                collected.repository,
                collected.asker.login,
                role,
                permits,
            )
            why = not_permitted(one, counts, reading)
            denied = denied or why
            allowed += [] if why else [mark]
        if not allowed and (is_stranger or denied is None):
            return "ignored: role"
        if not allowed and denied is not None:
            return await self._refuse(request_for(collected), denied)
        run = command_of(allowed, reading.known)
        known = await self._reader.complete(collected.repository, run, reading.known)
        marks = with_numbers(allowed, known)
        selection = select(run, known)
        items = selection.items if isinstance(selection, Selection) else ()
        facts = [item.facts for item in items]
        thread, about = await self._thread(collected, known, marks, facts)
        request = replace(
            request_for(replace(collected, marks=marks)),
            thread=thread,
            thread_is_pull_request=about is not None
            and about.kind is ItemKind.PULL_REQUEST,
        )
        reading = replace(reading, known=known)
        if missing := reading.not_granted_to_answer(request):
            log.warning("a batch cannot be shown", not_granted=missing)
            return f"refused: {missing} not granted"
        outcome = await self._new.run(request, run, reading)
        if isinstance(outcome, str):
            return outcome
        if isinstance(outcome, Declined):
            links = Links.beside(request.repository.name, request.asker.url)
            outcome = declined_to(request, outcome, links)
        return await self._refuse(request, outcome)

    async def _thread(
        self,
        collected: Collected,
        known: Known,
        marks: Sequence[Mark],
        items: Sequence[ItemFacts],
    ) -> tuple[ItemNumber, ItemFacts | None]:
        """Return where a batch of *items* speaks, with what is known of that."""
        home = known.configuration.home
        thread = thread_for(marks, items, home)
        if thread == home and home not in known.facts:
            _, found = await self._github.facts(collected.repository, [home])
            if (fact := found.get(home)) and fact.kind is ItemKind.ISSUE:
                return home, fact
            thread = thread_for(marks, items)
        return thread, known.facts.get(thread)

    async def _refuse(self, request: Request, refusal: Refusal) -> str:
        if isinstance(refusal, NotPermitted):
            await self._replies.deny(request, refusal)
            return "refused: role"
        await self._replies.refuse(request, refusal)
        return "refused"

    async def _role(self, collected: Collected) -> Role:
        """Return the role at this moment, none if GitHub refuses to say.

        Raises ``TransientError``.
        """
        login = collected.asker.login
        try:
            return await self._github.role(collected.repository, login)
        except PermanentError as error:
            log.warning("role unknown", login=login, error=str(error))
            return Role.NONE
