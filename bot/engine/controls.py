"""Controls of a batch, by comment or by ticked box: who may, which batch, what changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import assert_never

from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.command import syntax
from bot.core.command.faults import NotPermitted
from bot.core.command.syntax import Command, format_command
from bot.core.command.trigger import BoxesTicked
from bot.core.effects import Reaction
from bot.core.model import (
    Asker,
    Batch,
    BatchId,
    BatchState,
    Box,
    ItemFacts,
    ItemId,
    ItemNumber,
    Repository,
    Request,
    Role,
    source_of,
)
from bot.core.plan.graph import moved
from bot.core.run import control
from bot.core.run.control import Change
from bot.core.run.progress import Progress
from bot.core.run.schedule import Schedule
from bot.core.say.controls import render_control_done
from bot.core.say.names import names_of
from bot.core.say.status import StatusRow, render_status, render_why
from bot.core.world.markdown import code_span
from bot.core.world.markers import BoxKey, parse_marker
from bot.engine.creation import NAMELESS, record_batch
from bot.engine.reading import Reading
from bot.engine.recorder import Recorder
from bot.engine.replies import Replies
from bot.engine.scheduler import Scheduler
from bot.engine.situation import Face, Situations
from bot.engine.tracker import Tracker
from bot.errors import BotError
from bot.ports.clock import Clock
from bot.ports.github import Lookups
from bot.ports.store import Batches

STATUS_ROWS = 10

Decision = Callable[[Schedule, datetime], Change]


class Controls:
    """Answers and carries out everything that is no new batch."""

    def __init__(
        self,
        *,
        github: Lookups,
        batches: Batches,
        recorder: Recorder,
        scheduler: Scheduler,
        tracker: Tracker,
        replies: Replies,
        situations: Situations,
        clock: Clock,
        face: Face,
    ) -> None:
        self._github = github
        self._batches = batches
        self._recorder = recorder
        self._scheduler = scheduler
        self._tracker = tracker
        self._replies = replies
        self._situations = situations
        self._clock = clock
        self._face = face

    async def begin(self, batch: Batch) -> None:
        """Have a started batch run and shown; harmless to do again."""
        await self._scheduler.adopt(batch.id)
        self._tracker.follow(batch.id)

    async def command(
        self, request: Request, command: Command, reading: Reading, role: Role
    ) -> str:
        """Carry out a control; the role was found to be *write* or more, or *triage*
        for questions.
        """
        match command:
            case syntax.Status(batch_id):
                return await self._status(request, batch_id)
            case syntax.Why(number):
                return await self._why(request, number)
            case syntax.Start(batch_id):
                return await self._start(request, batch_id, role)
            case syntax.Skip(number):
                batch = await self._live_batch_of(request, number)
                return await self._control(request, batch, command, role)
            case (
                syntax.Cancel(batch_id)
                | syntax.Pause(batch_id)
                | syntax.Resume(batch_id)
                | syntax.Retry(batch_id)
            ):
                batch = await self._batch(request, batch_id)
                return await self._control(request, batch, command, role)
            case syntax.RunCommand() | syntax.Plan() | syntax.Help():
                message = f"{type(command).__name__} is no control"
                raise AssertionError(message)
            case _:
                assert_never(command)

    # --- questions -----------------------------------------------------------------

    async def _status(self, request: Request, batch_id: BatchId | None) -> str:
        if batch_id is None:
            wanted = await self._worth_a_row(request)
        elif batch := await self._known_batch(request, batch_id):
            wanted = [batch]
        else:
            await self._no_such_batch(request, batch_id)
            return "refused: no such batch"
        rows = []
        for batch in wanted:
            progress = await self._situations.progress(batch.id)
            situation = await self._situations.situation(progress)
            rows.append(StatusRow(progress, situation.seconds_left))
            self._tracker.refresh(batch.id)
        installation_id = request.repository.installation_id
        present = self._situations.of_installation(installation_id)
        await self._replies.say(
            request,
            "status",
            lambda first: render_status(
                rows, present, marker=first, repository=request.repository.name
            ),
        )
        return "status"

    async def _worth_a_row(self, request: Request) -> Sequence[Batch]:
        """Return the live batches of the repository, then others of the thread."""
        live = await self._batches.live_in(request.repository.id)
        of_thread = await self._batches.recent(
            request.repository.id, thread=request.thread, limit=STATUS_ROWS
        )
        ended = [summary for summary in of_thread if not summary.state.is_live]
        return [summary.batch for summary in (*live, *ended)][:STATUS_ROWS]

    async def _why(self, request: Request, number: ItemNumber) -> str:
        found = await self._batches.with_item(request.repository.id, number)
        having = list(found)
        # The thread's own batch before others, a live one before ended ones, and those
        # before a plan that may never start.
        having.sort(
            key=lambda s: (
                s.batch.thread != request.thread,
                not s.state.is_live,
                s.state is BatchState.PLANNED,
            )
        )
        if not having:
            await self._replies.decline(
                request, f"No batch of this repository has #{number}."
            )
            return "refused: no batch has it"
        progress = await self._situations.progress(having[0].batch.id)
        situation = await self._situations.situation(progress)
        await self._replies.say(
            request,
            "why",
            lambda first: render_why(
                progress,
                number,
                situation,
                marker=first,
            ),
        )
        return "why"

    # --- start -----------------------------------------------------------------------

    async def _start(
        self, request: Request, batch_id: BatchId | None, role: Role
    ) -> str:
        if batch := await self._carried_out(request):
            await self._go_on(request, batch)
            return f"batch {batch.id}"
        if batch_id is None:
            recent = await self._batches.recent(
                request.repository.id, thread=request.thread
            )
            planned = [s.batch for s in recent if s.state is BatchState.PLANNED]
            batch = planned[0] if len(planned) == 1 else None
        else:
            batch = await self._known_batch(request, batch_id)
        if batch is None:
            await self._replies.decline(
                request,
                "There is not exactly one plan here that waits for its start. Give its"
                " id: `/batch start b7k2`.",
            )
            return "refused: no such plan"
        with bound_contextvars(batch=batch.id):
            return await self._start_plan(request, batch, role)

    async def _start_plan(self, request: Request, batch: Batch, role: Role) -> str:
        if role < batch.needed_role:
            denied = NotPermitted(
                needed=batch.needed_role,
                had=role,
                what="start this batch",
                command=f"/batch start {batch.id}",
            )
            await self._replies.deny(request, denied)
            return "refused: role"
        progress = await self._situations.progress(batch.id)
        problem = await self._cannot_start(progress)
        if problem:
            await self._replies.decline(request, problem)
            return "refused: cannot start"
        if progress.started_at is None:
            now = self._clock.now()
            by, source = request.asker.login, request.source
            events: list[e.Event] = [e.BatchStarted(now, by, source)]
            if request.repository != progress.batch.repository:
                events.append(e.RepositoryMoved(now, request.repository))
            await self._recorder.record({batch.id: events})
        await self._go_on(request, batch)
        return f"batch {batch.id}"

    async def _go_on(self, request: Request, batch: Batch) -> None:
        """Do what follows the record of a start; harmless to do again."""
        progress = await self._situations.progress(batch.id)
        if not progress.is_concluded:
            await self.begin(batch)
        await self._replies.react(request, Reaction.STARTED)

    async def _cannot_start(self, progress: Progress) -> str:
        name = code_span(progress.batch.id)
        if progress.started_at is not None:
            where = progress.tracking_url
            link = f": [progress]({where})" if where else ""
            is_over = not progress.state.is_live
            done = "has ended" if is_over else "is running already"
            return f"Batch {name} {done}{link}. Nothing more was started."
        expires_at = progress.expires_at
        if expires_at is not None and self._clock.now() > expires_at:
            return (
                f"The plan {name} is no longer valid. Give the command again to get a"
                " new one. Nothing started."
            )
        busy = await self._busy(progress, list(progress.items))
        if busy:
            return (
                f"Some of its items are live in another batch: {busy}. Nothing started."
            )
        return ""

    async def _busy(self, progress: Progress, items: Sequence[ItemId]) -> str:
        """Return which of *items* are live in another batch, for people to read."""
        names = names_of(progress)
        found: list[str] = []
        for repository, own in _by_repository(progress, items):
            numbers = [progress.items[item].item.number for item in own]
            live = await self._batches.live_items(repository.id, numbers)
            for item, number in zip(own, numbers, strict=True):
                if number in live:
                    found.append(f"{names.plain(item)} in {code_span(live[number])}")
        return ", ".join(found)

    # --- controls --------------------------------------------------------------------

    async def _control(
        self,
        request: Request,
        batch: Batch | str,
        command: Command,
        role: Role,
    ) -> str:
        if isinstance(batch, str):
            batch = await self._carried_out(request) or batch
        if isinstance(batch, str):
            await self._replies.decline(request, batch)
            return "refused: which batch"
        with bound_contextvars(batch=batch.id):
            return await self._control_batch(request, batch, command, role)

    async def _control_batch(
        self, request: Request, batch: Batch, command: Command, role: Role
    ) -> str:
        name = type(command).__name__.lower()
        before = await self._situations.progress(batch.id)
        own = {batch.asker.login, before.started_by}
        if role < Role.MAINTAIN and request.asker.login not in own:
            denied = NotPermitted(
                needed=Role.MAINTAIN,
                had=role,
                what=f"{name} this batch of somebody else",
                command=format_command(command),
            )
            await self._replies.deny(request, denied)
            return "refused: role"
        is_over = not before.state.is_live
        is_new = request.source not in before.controls
        if isinstance(command, syntax.Retry) and is_over and is_new:
            return await self._retry_ended(request, before, command.items, role)
        change = await self._changed(request, batch, command, before)
        progress = await self._situations.progress(batch.id)
        if change is None:
            change = Change(request.asker.login, nothing=f"it is {progress.state}")
        if change.nothing or not isinstance(request.origin, Box):
            done = change
            await self._replies.say(
                request,
                name,
                lambda first: render_control_done(name, progress, done, marker=first),
            )
        if change.nothing:
            await self._replies.react(request, Reaction.REFUSED)
        return f"{name} {batch.id}"

    async def _retry_ended(
        self,
        request: Request,
        before: Progress,
        numbers: Sequence[ItemNumber],
        role: Role,
    ) -> str:
        """Start a new batch from what did not succeed in one that has ended."""
        old = before.batch
        batch = await self._batches.by_source(request.source)
        if batch is None:
            problem = await self._cannot_retry(before, numbers, role)
            if problem:
                await self._replies.decline(request, problem)
                return "refused: cannot retry"
            facts = await self._facts_again(request, before, numbers)
            now = self._clock.now()
            again = replace(
                moved(control.again(before, facts), request.repository),
                id=NAMELESS,
                request=request,
                created_at=now,
            )
            if not again.plan.items:
                message = "None of these items can be found any more. Nothing started."
                await self._replies.decline(request, message)
                return "refused: nothing left"
            started = e.BatchStarted(now, request.asker.login)
            batch = await record_batch(self._batches, again, facts, [started])
        if before.retried_as != batch.id:
            retried = e.BatchRetried(self._clock.now(), batch.id)
            await self._recorder.record({old.id: [retried]})
        await self.begin(batch)
        await self._tracker.redraw(old.id)
        return f"batch {batch.id}"

    async def _facts_again(
        self, request: Request, before: Progress, numbers: Sequence[ItemNumber]
    ) -> Mapping[ItemId, ItemFacts]:
        """Return GitHub's present facts of what runs again, as far as it is there."""
        found: dict[ItemId, ItemFacts] = {}
        items = control.to_run_again(before, numbers)
        for repository, own in _by_repository(before, items):
            numbered = {item: before.items[item].item.number for item in own}
            is_here = repository.id == request.repository.id
            present = request.repository if is_here else repository
            _, facts = await self._github.facts(present, list(numbered.values()))
            found |= {i: facts[n] for i, n in numbered.items() if n in facts}
        return found

    async def _cannot_retry(
        self, before: Progress, numbers: Sequence[ItemNumber], role: Role
    ) -> str:
        batch = before.batch
        name = code_span(batch.id)
        items = control.to_run_again(before, numbers)
        if before.state is BatchState.PLANNED:
            return f"Batch {name} was never started. Nothing started."
        if role < batch.needed_role:
            needed = batch.needed_role.name.lower()
            return f"That needs **{needed}** access. Nothing started."
        if not items:
            return f"Everything in batch {name} succeeded. Nothing started."
        busy = await self._busy(before, items)
        if busy:
            return f"Some of it is live in another batch: {busy}. Nothing started."
        return ""

    async def _changed(
        self, request: Request, batch: Batch, command: Command, before: Progress
    ) -> Change | None:
        """Make the change, unless the same wish was carried out before."""
        source = request.source
        by = request.asker.login
        given = before.controls.get(source)
        if given is not None:
            return Change(
                by,
                touched=given.touched,
                ignored=given.ignored,
                too_late=given.too_late,
            )
        decide = self._decision(command, by)

        def decision(schedule: Schedule, now: datetime) -> Change:
            change = decide(schedule, now)
            if change.nothing:
                return change
            noted = e.ControlGiven(
                now,
                by,
                source,
                change.touched,
                change.ignored,
                change.stop,
                change.too_late,
            )
            return replace(change, events=(*change.events, noted))

        return await self._scheduler.change(batch.id, decision)

    def _decision(self, command: Command, by: str) -> Decision:
        match command:
            case syntax.Pause():
                return lambda schedule, now: control.pause(schedule, now, by=by)
            case syntax.Resume():
                return lambda schedule, now: control.resume(schedule, now, by=by)
            case syntax.Cancel(_, numbers):
                return lambda s, now: control.cancel(s, now, by=by, numbers=numbers)
            case syntax.Retry(_, numbers):
                return lambda s, now: control.retry(s, now, by=by, numbers=numbers)
            case syntax.Skip(number):
                return lambda s, now: control.skip(s, now, by=by, numbers=(number,))
            case _:
                message = f"{type(command).__name__} is no control"
                raise AssertionError(message)

    async def _batch(self, request: Request, batch_id: BatchId | None) -> Batch | str:
        """Return the batch that a control means, or why that cannot be said."""
        if batch_id is not None:
            found = await self._known_batch(request, batch_id)
            return found or _unknown(batch_id)
        live = await self._batches.live_in(request.repository.id)
        here = [s.batch for s in live if s.batch.thread == request.thread]
        return _the_one(here, "in this thread")

    async def _live_batch_of(self, request: Request, number: ItemNumber) -> Batch | str:
        live = await self._batches.live_items(request.repository.id, [number])
        if number not in live:
            return f"No live batch has #{number} unfinished. Nothing changed."
        batch = await self._batches.load(live[number])
        return batch or _unknown(live[number])

    async def _carried_out(self, request: Request) -> Batch | None:
        """Return the batch for which this very wish was carried out, before a crash
        came between that and the answer; the batch may have ended since.
        """
        for summary in await self._batches.recent(request.repository.id, limit=5):
            progress = await self._situations.progress(summary.batch.id)
            known = (progress.start_source, *progress.controls)
            if request.source in known:
                return summary.batch
        return None

    async def _known_batch(self, request: Request, batch_id: BatchId) -> Batch | None:
        batch = await self._batches.load(batch_id)
        if batch is None or batch.repository.id != request.repository.id:
            return None
        return batch

    async def _no_such_batch(self, request: Request, batch_id: BatchId) -> None:
        await self._replies.decline(request, _unknown(batch_id))

    # --- boxes -----------------------------------------------------------------------

    async def boxes(self, edited: BoxesTicked, ticked: Sequence[BoxKey]) -> str:
        """Carry out the boxes that a person ticked in one of the bot's own comments.

        Whatever was ticked or written there, the comment is drawn again.
        """
        named = parse_marker(edited.old_body, self._face.marker_key)
        if named is None:
            return "ignored: not the bot's comment"
        kind, name = named
        batch = await self._batch_of_comment(edited, kind, name)
        if batch is None:
            return "ignored: no batch"
        outcomes = [await self._box(edited, batch, box) for box in ticked]
        if kind == "tracking":
            with bound_contextvars(batch=batch.id):
                await self._tracker.redraw(batch.id)
        return ", ".join(outcomes) or "redrawn"

    async def _batch_of_comment(
        self, edited: BoxesTicked, kind: str, name: str
    ) -> Batch | None:
        if kind == "plan":
            batch = await self._batches.by_source(source_of(name))
        else:
            batch = await self._batches.load(BatchId(name))
        if batch is None or batch.repository.id != edited.repository.id:
            return None
        if kind == "tracking":
            progress = await self._situations.progress(batch.id)
            if progress.tracking_comment_id != edited.comment_id:
                return None
        return batch

    async def _box(self, edited: BoxesTicked, batch: Batch, box: BoxKey) -> str:
        verb, arguments = box
        command = _command_of(verb, arguments, batch.id)
        if command is None:
            return "ignored: unknown box"
        # The same edit delivered again is the same wish; a later tick is a new one.
        edit = sha256((edited.old_body + edited.new_body).encode()).hexdigest()[:16]
        request = Request(
            repository=edited.repository,
            thread=edited.thread,
            thread_is_pull_request=batch.request.thread_is_pull_request,
            asker=Asker(edited.sender.login, batch.asker.url),
            origin=Box(edited.comment_id, verb, edit),
        )
        try:
            role = await self._github.role(edited.repository, edited.sender.login)
        except BotError:
            return "refused: GitHub did not say which role"
        if role < Role.WRITE:
            return "refused: role"
        if isinstance(command, syntax.Start):
            return await self._start(request, batch.id, role)
        return await self._control(request, batch, command, role)


def _by_repository(
    progress: Progress, items: Sequence[ItemId]
) -> list[tuple[Repository, list[ItemId]]]:
    found: dict[Repository, list[ItemId]] = {}
    for item in items:
        found.setdefault(progress.items[item].item.repository, []).append(item)
    return list(found.items())


def _command_of(
    verb: str, arguments: Sequence[str], batch_id: BatchId
) -> Command | None:
    """Return the command that a box stands for, None for a forged one."""
    if not all(a.isdecimal() for a in arguments) and verb != "start":
        return None
    items = tuple(ItemNumber(int(a)) for a in arguments if a.isdecimal())
    match verb:
        case "start":
            return syntax.Start(batch_id)
        case "pause":
            return syntax.Pause(batch_id)
        case "resume":
            return syntax.Resume(batch_id)
        case "cancel":
            return syntax.Cancel(batch_id, items)
        case "retry":
            return syntax.Retry(batch_id, items)
        case _:
            return None


def _unknown(batch_id: BatchId) -> str:
    name = code_span(batch_id)
    return f"There is no batch {name} in this repository. Nothing changed."


def _the_one(batches: Sequence[Batch], where: str) -> Batch | str:
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return (
            f"There is no live batch {where}. Give its id, such as `/batch cancel b7k2`;"
            " `/batch status` lists them. Nothing changed."
        )
    names = ", ".join(code_span(batch.id) for batch in batches)
    return f"There are {len(batches)} live batches {where}: {names}. Say which one. Nothing changed."
