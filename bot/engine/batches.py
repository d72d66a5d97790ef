"""From a command to a recorded batch: the choice, the plan, the record, the beginning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.actions.ability import Abilities
from bot.core.actions.review import REVIEW
from bot.core.command import syntax
from bot.core.command.faults import (
    CycleFound,
    Declined,
    Refusal,
    UnknownItems,
    Unreadable,
)
from bot.core.command.start_at import StartAt
from bot.core.command.syntax import RunCommand, format_command
from bot.core.model import (
    Batch,
    Deps,
    ItemFacts,
    ItemId,
    Options,
    Origin,
    OutsideEdge,
    Permit,
    Plan,
    PlanItem,
    Request,
    ReviewAsked,
    Role,
    Scheduled,
)
from bot.core.plan.corrections import without_waits
from bot.core.plan.expansion import Expansion, Known
from bot.core.plan.graph import build_plan, settle_outside
from bot.core.plan.lasting import planned
from bot.core.plan.selection import Selection, select
from bot.core.run.progress import Progress
from bot.core.say import declines
from bot.core.say import elsewhere as say_elsewhere
from bot.core.say import start_times as say_start_times
from bot.core.say.plan import render_plan
from bot.engine.creation import NAMELESS, record_batch
from bot.engine.reading import Reader, Reading
from bot.engine.replies import Replies
from bot.engine.situation import Situations
from bot.engine.starts import Starts
from bot.ports.clock import Clock
from bot.ports.store import Batches

SAME_COMMAND = timedelta(seconds=60)
"""How long the same command of the same person counts as the same wish."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command comes to."""

    selection: Selection
    plan: Plan
    start_at: StartAt | None = None  # as it was typed

    @property
    def must_be_seen(self) -> bool:
        """Whether nothing starts before somebody has seen the plan."""
        return self.selection.is_dry_run or self.selection.must_confirm


Refusable = Unreadable | UnknownItems | CycleFound | Declined


class NewBatches:
    """Starts batches, each once for what asked for it."""

    def __init__(
        self,
        *,
        batches: Batches,
        reader: Reader,
        starts: Starts,
        replies: Replies,
        situations: Situations,
        abilities: Abilities,
        clock: Clock,
    ) -> None:
        self._batches = batches
        self._reader = reader
        self._starts = starts
        self._replies = replies
        self._situations = situations
        self._abilities = abilities
        self._clock = clock

    async def before(self, request: Request) -> Batch | None:
        """Return the batch that this very request has started already."""
        return await self._batches.by_source(request.source)

    async def run(
        self, request: Request, run: RunCommand, reading: Reading
    ) -> str | Refusal:
        """Start or plan a batch; return what became of it, in a few words, or why
        nothing did.
        """
        places = (place.repository for place in reading.known.parts)
        async with self._starts.taking(request.repository, *places):
            batch = await self._recorded(request, run, reading)
        if isinstance(batch, Batch):
            return await self.begun(request, batch)
        return batch

    async def _recorded(
        self, request: Request, run: RunCommand, reading: Reading
    ) -> Batch | str | Refusal:
        """Return the batch of a command, recorded, or what became of it instead."""
        before = await self._batches.by_source(request.source)
        if before is not None:  # delivered again, or a crash came between
            return before
        # Others may have taken some of the items meanwhile, also a line above.
        known = await self._reader.with_live_items(request.repository, reading.known)
        chosen = await self.choose(request, run, known)
        if not isinstance(chosen, Chosen):
            return chosen
        command = format_command(syntax.Plan(run) if run.is_dry_run else run)
        is_typed = not request.marks and not isinstance(request.origin, Scheduled)
        if is_typed and (same := await self._just_started(request, command)):
            where = await self._reader.link(same.id, request.repository)
            if run.is_dry_run:  # which is no reason to frown
                await self._replies.inform(request, declines.same_plan(where))
            else:
                await self._replies.decline(request, declines.same_command(where))
            return f"same as batch {same.id}"
        return await self._create(request, chosen, reading, command)

    async def first_refusal(self, request: Request, reading: Reading) -> Refusal | None:
        """Return why one of several commands cannot start a batch: then none does."""
        lines = [format_command(command) for command in reading.commands]
        for part, command in enumerate(reading.commands):
            run = command.run if isinstance(command, syntax.Plan) else command
            if not isinstance(run, RunCommand) or await self._batches.by_source(
                replace(request, part=part).source
            ):
                continue
            problem = await self.choose(request, run, reading.known)
            if isinstance(problem, Chosen):
                continue
            mended = [*lines[:part], problem.corrected, *lines[part + 1 :]]
            corrected = "\n".join(mended) if problem.corrected else ""
            if isinstance(problem, Declined):
                message = declines.in_line(lines[part], problem.message)
                return Declined(message, corrected)
            return replace(problem, corrected=corrected)
        return None

    async def suggestions(self, request: Request) -> Mapping[str, Reading]:
        """Return commands that would run the parts of the thread's own issue."""
        if request.thread_is_pull_request:
            return {}
        found: dict[str, Reading] = {}
        for text in await self._reader.suggestions(request):
            reading = await self._reader.read(request, text)
            if isinstance(reading, Reading):
                refused = await self.refusal(request, reading)
                found |= {} if refused else {text: reading}
        return found

    async def refusal(self, request: Request, reading: Reading) -> Refusable | None:
        """Return why one of the commands would start no batch at this moment."""
        known = await self._reader.with_live_items(request.repository, reading.known)
        for command in reading.commands:
            run = command.run if isinstance(command, syntax.Plan) else command
            if isinstance(run, RunCommand):
                chosen = await self.choose(request, run, known)
                if not isinstance(chosen, Chosen):
                    return chosen
        return None

    async def choose(
        self,
        request: Request,
        run: RunCommand,
        known: Known,
        *,
        options: Options | None = None,
    ) -> Chosen | Refusable:
        """Return what a command comes to, or why it cannot be done as it stands.

        *options* hold where it has none, those of a batch; else the repository's.
        """
        selection = select(run, known)
        if not isinstance(selection, Selection):
            return selection
        if options is not None:
            selection = replace(selection, options=run.options.over(options))
        planned = await self._plan(request, run, known, selection)
        if not isinstance(planned, Plan):
            return planned
        home, login = request.repository, request.asker.login
        if why := await self._reader.elsewhere.why_not(home, login, planned.items):
            return Declined(say_elsewhere.refused(why))
        return Chosen(selection, planned, run.options.start_at)

    async def _plan(
        self, request: Request, run: RunCommand, known: Known, selection: Selection
    ) -> Plan | CycleFound | Declined:
        plan = self._build(request, selection)
        if isinstance(plan, CycleFound):
            return replace(plan, corrected=self._acyclic(request, run, selection))
        wanted = list(dict.fromkeys(edge.predecessor for edge in plan.outside))
        if not wanted:
            return plan
        facts = await self._reader.outside(request, wanted)
        unseen = [r for r in wanted if r not in facts]
        if unseen:
            return Declined(declines.unseen(unseen))
        settled, lost = settle_outside(plan, facts)
        if not lost:
            return settled
        named = {item.id: item for item in plan.items}
        said = [(named[e.successor], facts[e.predecessor], e) for e in lost]
        corrected = self._without_lost(request, run, known, selection, lost)
        return Declined(declines.never_done(said, request.repository.name), corrected)

    def _without_lost(
        self,
        request: Request,
        run: RunCommand,
        known: Known,
        selection: Selection,
        lost: Sequence[OutsideEdge],
    ) -> str:
        """Return the command without the waits that can never end."""
        gone = {edge.predecessor for edge in lost}
        for deps in dict.fromkeys((selection.options.deps, Deps.NATIVE, Deps.TYPED)):
            options = replace(selection.options, deps=deps)
            plan = self._build(request, replace(selection, options=options))
            is_typed_only = isinstance(plan, Plan) and not any(
                edge.predecessor in gone and edge.origin is not Origin.TYPED
                for edge in plan.outside
            )
            if is_typed_only:
                if deps is not selection.options.deps:
                    run = replace(run, options=replace(run.options, deps=deps))
                return without_waits(Expansion(run, known), gone)
        return ""

    def _build(self, request: Request, selection: Selection) -> Plan | CycleFound:
        return build_plan(
            selection,
            repository=request.repository,
            runner_of=self._abilities.runner_in,
        )

    def _acyclic(self, request: Request, run: RunCommand, selection: Selection) -> str:
        """Return the command with fewer sources of dependencies, if that helps."""
        for deps in (Deps.NATIVE, Deps.TYPED):
            options = replace(selection.options, deps=deps)
            fewer = replace(selection, options=options)
            if isinstance(self._build(request, fewer), Plan):
                given = replace(run.options, deps=deps)
                return format_command(replace(run, options=given))
        return ""

    async def _just_started(self, request: Request, command: str) -> Batch | None:
        recent = await self._batches.recent(
            request.repository.id, thread=request.thread, limit=5
        )
        since = self._clock.now() - SAME_COMMAND
        for summary in recent:
            batch = summary.batch
            is_same = (
                batch.command == command and batch.asker.login == request.asker.login
            )
            if is_same and batch.created_at >= since:
                return batch
        return None

    async def _create(
        self,
        request: Request,
        chosen: Chosen,
        reading: Reading,
        command: str,
    ) -> Batch:
        is_planned = chosen.must_be_seen or chosen.start_at is not None
        facts = facts_of(chosen.plan.items, reading.known)
        batch = await self._drafted(request, chosen, reading, command, is_planned)
        now = batch.created_at
        events: list[e.Event] = [e.BatchStarted(now, request.asker.login)]
        if is_planned:
            events = [_planned(request, chosen, reading, now)]
        return await record_batch(self._batches, batch, facts, events)

    async def preview(
        self, request: Request, run: RunCommand, reading: Reading
    ) -> str | Refusal:
        """Return the plan of a batch that is not recorded, or why there is none."""
        chosen = await self.choose(request, run, reading.known)
        if not isinstance(chosen, Chosen):
            return chosen
        command = format_command(run)
        batch = await self._drafted(request, chosen, reading, command, True)  # noqa: FBT003
        progress = Progress(batch)
        situation = await self._situations.situation(progress)
        expectations = await self._batches.expectations()
        return render_plan(progress, situation, expectations, marker="")

    async def _drafted(
        self,
        request: Request,
        chosen: Chosen,
        reading: Reading,
        command: str,
        is_planned: bool,  # noqa: FBT001  # named at its calls
    ) -> Batch:
        """Return the batch that a command comes to, without a name."""
        permits = _permits(request, chosen.plan, reading)
        batch = Batch(
            id=NAMELESS,
            request=request,
            default_branch=reading.about.default_branch,
            command=command,
            created_at=self._clock.now(),
            plan=replace(chosen.plan, notes=(*reading.notes, *chosen.plan.notes)),
            needed_role=max(permit.role for permit in permits),
            permits=permits if any(permit.teams for permit in permits) else (),
        )
        if is_planned:
            notes = (*batch.plan.notes, *await self._reader.outlook(batch))
            if chosen.start_at is not None and chosen.must_be_seen:
                is_dry_run = chosen.selection.is_dry_run
                note = say_start_times.counts_for_nothing(is_dry_run=is_dry_run)
                notes = (note, *notes)
            batch = replace(batch, plan=replace(batch.plan, notes=notes))
        return batch

    async def begun(self, request: Request, batch: Batch) -> str:
        """Do what follows the record of a new batch; harmless to do again."""
        with bound_contextvars(batch=batch.id):
            return await self._show_begun(request, batch)

    async def _show_begun(self, request: Request, batch: Batch) -> str:
        progress = await self._situations.progress(batch.id)
        if progress.expires_at is not None and progress.started_at is None:
            situation = await self._situations.situation(progress)
            expectations = await self._batches.expectations()
            await self._replies.say(
                request,
                "plan",
                lambda first: render_plan(
                    progress, situation, expectations, marker=first
                ),
            )
            if progress.starts_at is not None:
                self._starts.planned.set()
            return f"plan {batch.id}"
        if not progress.is_concluded:
            await self._starts.begin(batch)
        return f"batch {batch.id}"


def _planned(
    request: Request, chosen: Chosen, reading: Reading, now: datetime
) -> e.BatchPlanned:
    return planned(
        None if chosen.must_be_seen else chosen.start_at,
        given_at=reading.given_at or now,
        now=now,
        is_awaited=not isinstance(request.origin, Scheduled),
    )


def facts_of(items: Sequence[PlanItem], known: Known) -> Mapping[ItemId, ItemFacts]:
    """Return what is known of items, each in its repository."""
    places = {place.repository.id: place.known for place in known.parts}
    return {
        item.id: fact
        for item in items
        if (fact := places.get(item.repository.id, known).facts.get(item.number))
        is not None
    }


def _permits(request: Request, plan: Plan, reading: Reading) -> tuple[Permit, ...]:
    """Return what it takes to start a batch: nothing for reviews that the repository
    wants of whatever its reviewers are asked for, as long as nobody's command runs.
    """
    is_asked = isinstance(request.origin, ReviewAsked)
    is_said = all(i.action.does == REVIEW.name and not i.worker for i in plan.items)
    if is_asked and is_said:
        return (Permit(Role.NONE),)
    configuration = reading.configuration
    own = [item for item in plan.items if item.repository.id == request.repository.id]
    found = [configuration.permit(item.action) for item in own]
    # Whoever starts a batch that has no item at its home has it shown there.
    return tuple(dict.fromkeys(found or [configuration.permissions.run]))
