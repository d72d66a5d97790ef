"""Answers questions: where things stand, why an item does not run, what I can do."""

from collections.abc import Sequence

from bot.core.actions.ability import Abilities
from bot.core.actions.table import ACTIONS
from bot.core.command import syntax
from bot.core.model import (
    Action,
    Batch,
    BatchId,
    ItemKind,
    Named,
    Request,
)
from bot.core.say import declines
from bot.core.say.help import render_help
from bot.core.say.status import StatusRow, render_status, render_why
from bot.engine.replies import Replies
from bot.engine.situation import Situations
from bot.engine.timetables import Timetables
from bot.engine.tracker import Tracker
from bot.engine.which import Which
from bot.ports.github import Lookups
from bot.ports.store import Batches

STATUS_ROWS = 10


class Questions:
    """Answers about batches, without changing any."""

    def __init__(
        self,
        *,
        batches: Batches,
        which: Which,
        situations: Situations,
        tracker: Tracker,
        replies: Replies,
        timetables: Timetables,
    ) -> None:
        self._timetables = timetables
        self._batches = batches
        self._which = which
        self._situations = situations
        self._tracker = tracker
        self._replies = replies

    async def status(self, request: Request, batch_id: BatchId | None) -> str:
        """Say where one batch stands, or all that are worth a row."""
        if batch_id is None:
            wanted = await self._worth_a_row(request)
        elif batch := await self._which.known(request, batch_id):
            wanted = [batch]
        else:
            await self._replies.decline(request, declines.no_such_batch(batch_id))
            return "refused: no such batch"
        rows = []
        for batch in wanted:
            progress = await self._situations.progress(batch.id)
            situation = await self._situations.situation(progress)
            rows.append(StatusRow(progress, situation))
            self._tracker.refresh(batch.id)
        counts = await self._batches.counts_in(request.repository.id)
        installation_id = request.repository.installation_id
        present = self._situations.of_installation(installation_id)
        is_all = batch_id is None
        schedules = await self._timetables.told(request.repository) if is_all else ""
        await self._replies.say(
            request,
            "status",
            lambda first: render_status(
                rows,
                present,
                counts=counts,
                marker=first,
                repository=request.repository.name,
                schedules=schedules,
            ),
        )
        return "status"

    async def _worth_a_row(self, request: Request) -> Sequence[Batch]:
        """Return the live batches of the repository, then those that ended last, of the
        thread before others.
        """
        repository_id = request.repository.id
        live = await self._batches.live_in(repository_id)
        of_thread = await self._batches.recent(
            repository_id, thread=request.thread, limit=STATUS_ROWS
        )
        recent = await self._batches.recent(repository_id, limit=STATUS_ROWS)
        ended = [one for one in (*of_thread, *recent) if not one.state.is_live]
        found = {one.batch.id: one.batch for one in (*live, *ended)}
        return [*found.values()][:STATUS_ROWS]

    async def why_not(self, request: Request, name: Named) -> str:
        """Return why nothing can be said of an item, if so."""
        found = await self._which.having(request, name)
        return "" if found else declines.in_no_batch(name)

    async def why(self, request: Request, name: Named) -> str:
        """Say why an item is not running, or how it ended."""
        having = await self._which.having(request, name)
        if not having:
            await self._replies.decline(request, declines.in_no_batch(name))
            return "refused: no batch has it"
        progress = await self._situations.progress(having[0].batch.id)
        situation = await self._situations.situation(progress)
        await self._replies.say(
            request,
            "why",
            lambda first: render_why(
                progress,
                name,
                situation,
                marker=first,
            ),
        )
        return "why"


class Help:
    """Says what the bot can do, here."""

    def __init__(
        self,
        *,
        github: Lookups,
        situations: Situations,
        replies: Replies,
        abilities: Abilities,
        version: str,
    ) -> None:
        self._github = github
        self._situations = situations
        self._replies = replies
        self._abilities = abilities
        self._version = version

    async def answer(
        self, request: Request, asked: syntax.Help, suggestions: Sequence[str]
    ) -> str:
        """Say what can be asked for; return what became of it, in a few words."""
        present = self._situations.of_installation(request.repository.installation_id)
        able = self._abilities.of(request.repository.name)
        await self._replies.say(
            request,
            "help",
            lambda first: render_help(
                asked.topic,
                marker=first,
                version=self._version,
                budget=present.budget,
                web_url=present.web_url,
                missing=_missing_actions(able),
                commanded=_commanded_actions(able),
                suggestions=suggestions,
                lacks=self._github.lacks(request.repository),
            ),
        )
        return "help"


def _commanded_actions(able: Abilities) -> frozenset[str]:
    """Return the built-in actions that run a command here, and need none."""
    return frozenset(
        name
        for name, builtin in ACTIONS.items()
        if builtin.may_run_command and able.runs_command(Action(name))
    )


def _missing_actions(able: Abilities) -> frozenset[str]:
    """Return the built-in actions that this server cannot do to anything."""
    return frozenset(
        name
        for name, builtin in ACTIONS.items()
        if all(
            able.why_not(Action(name), kind)
            for kind in ItemKind
            if builtin.applies_to.includes(kind)
        )
    )
