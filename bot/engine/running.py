"""Attempts while they run: begun, parked, stopped, and what their end means."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from structlog.contextvars import bind_contextvars

from bot.core import events as e
from bot.core.actions.step import Job
from bot.core.actions.table import mark_kind, stops_by_steps
from bot.core.model import (
    BatchId,
    Cause,
    ItemId,
    ItemState,
    Outcome,
    OutcomeKind,
    attempt_id,
)
from bot.core.run.capacity import Room
from bot.core.run.freshness import sees_to_itself
from bot.core.run.marks import reviewers_asked
from bot.core.run.progress import Progress
from bot.core.run.retry import after_attempt
from bot.core.world.markers import marker
from bot.engine.attempt import Resumed
from bot.engine.desk import AttemptDesk, Holds
from bot.engine.endings import end_place, ended_with, take_in
from bot.engine.live import Live, Mailbox, Pass, ending_of
from bot.engine.present import Present
from bot.engine.steps import Steps
from bot.engine.supervisor import Supervisor
from bot.errors import BatchOver
from bot.ports.github import GitHub
from bot.ports.store import Batches

log = structlog.get_logger()


class Running:
    """The attempts of all live batches."""

    def __init__(
        self,
        *,
        steps: Steps,
        batches: Batches,
        github: GitHub,
        present: Present,
        supervisor: Supervisor,
        marker_key: bytes,
        fraction: Callable[[], float],
    ) -> None:
        self._steps = steps
        self._batches = batches
        self._github = github
        self._present = present
        self._supervisor = supervisor
        self._marker_key = marker_key
        self._fraction = fraction
        self._holds = Holds()
        self.mailbox = Mailbox()
        self.is_stopping = False
        self.ended: Counter[tuple[str, str]] = Counter()
        """Attempts since the start, by action and kind of outcome, or ``stopped``."""

    def launch(
        self,
        live: Live,
        item: ItemId,
        attempt: int,
        *,
        at: datetime,
        resumed: Resumed | None = None,
    ) -> None:
        """Have an attempt run that is recorded as started *at*."""
        if self.is_stopping:
            return  # it begins again after the restart
        name = attempt_id(live.batch.id, item, attempt)
        desk = AttemptDesk(
            self.mailbox, self._holds, self._overtaken, self._allowed, live, item,
            attempt, name,
        )  # fmt: skip
        work = self._attempt(live, desk, at, resumed)
        task = self._supervisor.start(name, work)
        live.tasks[item] = task
        # Told by the task's end: stopped before its first step, it runs no line.
        task.add_done_callback(partial(self._gone, live, desk))

    def stop(self, live: Live, item: ItemId, ending: str | Outcome) -> None:
        """Stop a running attempt, unless its work is on its way to GitHub already.

        *ending* is who wanted that, or how the item ends.
        """
        task = live.tasks.get(item)
        if task is None or item in live.schedule.publishing:
            return
        if item not in live.stopping:  # a second time would cut its cleaning short
            live.stopping[item] = ending
            task.cancel()

    async def drain(self, lives: "list[Live]", seconds: float) -> None:
        """Begin nothing new and wait for what is being changed, *seconds* at most; then
        stop the attempts, to go on after the restart.
        """
        self.is_stopping = True
        changing = [
            live.tasks[item]
            for live in lives
            for item in live.schedule.publishing
            if item in live.tasks
        ]
        if changing:
            await asyncio.wait(changing, timeout=seconds)
        self._steps.work.is_leaving = True
        running = [task for live in lives for task in live.tasks.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # --- after a restart ---------------------------------------------------------------

    @property
    def takes_workspace(self) -> Mapping[str, bool]:
        """Which workers take a workspace of this host."""
        return self._steps.work.takes_workspace

    def pools(self) -> Mapping[str, Room]:
        """Return what the machines of pools have, by worker, as far as it is known."""
        return self._steps.work.pools()

    def git_away(self) -> Mapping[int, datetime]:
        """Return since when git does not get through, by repository."""
        return self._steps.work.git_away()

    async def resumable(self, progress: Progress) -> Mapping[ItemId, Resumed]:
        """Return the running items of a batch that need not begin again.

        Effects answer from their log and looks are looked again. A command goes on if
        its result was accepted, or if its worker still knows it.
        """
        found: dict[ItemId, Resumed] = {}
        for item, view in progress.items.items():
            if view.state is not ItemState.RUNNING:
                continue
            worker = view.item.worker
            name = attempt_id(progress.batch.id, item, view.attempt)
            if view.result is not None or not worker:
                found[item] = Resumed(view.result)
            elif external_id := await self._steps.work.find(worker, name):
                found[item] = Resumed(external_id=external_id)
        return found

    def recover(
        self, step: Pass, live: Live, resumable: Mapping[ItemId, Resumed]
    ) -> None:
        """Go on with what runs, those first that hold what others wait for."""
        schedule = live.schedule
        stopping = dict(schedule.stopping)
        # Whoever was to be stopped had nothing on GitHub; on a worker it may still run.
        ended = [
            item
            for item in schedule.running
            if item not in resumable
            or (
                item in stopping
                and not resumable[item].external_id
                and not stops_by_steps(schedule.planned(item))
            )
        ]
        again = [item for item in ended if item not in stopping]
        kept = [item for item in schedule.running if item not in ended]
        kept.sort(key=lambda i: not (i in schedule.parked and schedule.parked[i].holds))
        step.happen(live, e.BatchRecovered(step.now, tuple(kept), tuple(again)))
        for item in ended:
            if item in stopping:
                by = stopping[item]
                step.happen(live, e.ItemCancelled(step.now, item, by))
            else:
                step.happen(live, e.ItemReset(step.now, item, by=""))
        for item in kept:
            step.afterwards.append(partial(self._resume, live, item, resumable[item]))

    def _resume(self, live: Live, item: ItemId, resumed: Resumed) -> None:
        schedule = live.schedule
        attempt, at = schedule.running[item], schedule.started_at[item]
        if item in schedule.stopping and stops_by_steps(schedule.planned(item)):
            live.stopping[item] = schedule.stopping[item]
        self.launch(live, item, attempt, at=at, resumed=resumed)
        if item in schedule.stopping:
            self.stop(live, item, schedule.stopping[item])

    def doubt(self, batch_id: BatchId, *, is_restart: bool) -> None:
        """Take it for granted of no item of a batch that it is as it was.

        After a restart the role of whoever started it is asked for again as well.
        """
        if is_restart:
            self._present.doubt_all(batch_id)
        else:
            self._present.doubt(batch_id)

    def forget(self, batch_id: BatchId) -> None:
        """Forget a batch that has ended."""
        self._present.forget(batch_id)

    # --- one attempt -------------------------------------------------------------------

    async def _job(self, live: Live, desk: AttemptDesk, at: datetime) -> Job:
        batch, item = live.batch, live.schedule.planned(desk.item)
        facts = None
        if item.worker:
            found = await self._batches.facts(batch.id, [desk.item])
            facts = found[desk.item]
        asker, login = batch.asker, live.schedule.starter
        name = f"{batch.id}-{desk.item}"
        return Job(
            attempt=desk.name,
            batch_id=batch.id,
            item=item,
            repository=desk.repository(),
            default_branch=item.default_branch or batch.default_branch,
            asker=asker if login in ("", asker.login) else replace(asker, login=login),
            started_at=at,
            mark=marker(mark_kind(item), name, self._marker_key),
            predecessors=live.pushed_predecessors(desk.item),
            facts=facts,
            asked=reviewers_asked(batch, item.id),
        )

    async def _attempt(
        self, live: Live, desk: AttemptDesk, at: datetime, resumed: Resumed | None
    ) -> None:
        batch_id, name = live.batch.id, desk.name
        came = "stopped"
        # Nobody else sees what is bound in the attempt's own task.
        bind_contextvars(batch=batch_id, item=desk.item, attempt=name)
        with self._github.metered(batch_id, name):
            job = await self._job(live, desk, at)
            try:
                if desk.item in live.stopping:  # by an earlier process
                    raise asyncio.CancelledError  # noqa: TRY301 - it ends as if stopped now
                outcome = await self._steps.run(job, desk, resumed=resumed)
                came = outcome.kind.value
            except BatchOver as error:
                over = error  # the name ends with the clause
                before = job.repository.installation_id
                self.mailbox.put(lambda s: self._over(s, live, desk, before, over))
                return
            except asyncio.CancelledError:
                await self._stopped(live, desk, job)
                raise
            finally:
                desk.let_go()
                self.ended[job.item.action.does, came] += 1
        self.mailbox.put(lambda step: self._ended(step, live, desk, outcome))

    async def _stopped(self, live: Live, desk: AttemptDesk, job: Job) -> None:
        """Do what follows a stop, apart from that of the bot's own end."""
        item = desk.item
        if item in live.stopping and stops_by_steps(job.item):
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            desk.is_asking = False
            desk.kept = await self._steps.cancel(job, desk)
        # What was accepted is brought to GitHub after the restart and stays.
        if item in live.stopping or item not in live.schedule.publishing:
            await self._steps.clean(job)

    def _gone(self, live: Live, desk: AttemptDesk, task: asyncio.Task[None]) -> None:
        if task.cancelled() and desk.item in live.stopping:  # else by the shutdown
            self.mailbox.put(lambda step: self._cancelled(step, live, desk))

    # --- what its end means ------------------------------------------------------------

    def _ended(
        self, step: Pass, live: Live, desk: AttemptDesk, outcome: Outcome
    ) -> None:
        item, attempt = desk.item, desk.attempt
        live.tasks.pop(item, None)
        step.touch(live)
        # In the pass in which somebody stops it, nothing has been told to it yet.
        ending = live.stopping.pop(item, live.schedule.stopping.get(item))
        if not live.is_current(item, attempt):
            log.warning(
                "result of an old attempt thrown away",
                batch=live.batch.id,
                item=item,
                attempt=desk.name,
            )
            return
        requests = self._github.spent(desk.name)
        if outcome.branch:
            live.branches[item] = outcome.branch
        if ending is not None and outcome.kind is OutcomeKind.TRANSIENT:
            event = ending_of(step.now, item, attempt, ending, requests)
        else:
            event = after_attempt(
                e.ItemEnded(step.now, item, attempt, outcome, requests),
                tries=live.schedule.tries_of(item),
                retries=live.schedule.planned(item).retries,
                fraction=self._fraction(),
            )
        step.happen(live, event)
        step.follow_up(live)

    def _cancelled(self, step: Pass, live: Live, desk: AttemptDesk) -> None:
        item, attempt = desk.item, desk.attempt
        live.tasks.pop(item, None)
        step.touch(live)
        ending = live.stopping.pop(item, "")
        if live.is_current(item, attempt):
            requests = self._github.spent(desk.name)
            event = ending_of(step.now, item, attempt, ending, requests, kept=desk.kept)
            step.happen(live, event)
            step.follow_up(live)

    def _over(
        self,
        step: Pass,
        live: Live,
        desk: AttemptDesk,
        installation_before: int,
        error: BatchOver,
    ) -> None:
        """End the whole batch, with the attempt that found out that it is over."""
        item, attempt = desk.item, desk.attempt
        live.tasks.pop(item, None)
        step.touch(live)
        place = live.schedule.planned(item).repository
        is_moved = installation_before != place.installation_id
        if is_moved and item not in live.stopping:
            # The batch has moved on to where the app may work.
            if live.is_current(item, attempt):
                step.happen(live, e.ItemReset(step.now, item, by=""))
            return
        ending: str | Outcome = live.stopping.pop(item, "")
        if item in live.schedule.publishing:
            # Some of it may be on GitHub.
            ending = Outcome(OutcomeKind.FAILED, reason=str(error), advice=error.advice)
        elif not ending and place.id != live.batch.repository.id:
            ending = ended_with(live, place, Cause(error.why))
        if live.is_current(item, attempt):
            requests = self._github.spent(desk.name)
            event = ending_of(step.now, item, attempt, ending, requests)
            step.happen(live, event)
        end_place(step, live, place, Cause(error.why), stop=self.stop)
        step.follow_up(live)

    # --- for desks ---------------------------------------------------------------------

    async def _allowed(self, live: Live, item: ItemId) -> None:
        schedule = live.schedule
        place = schedule.planned(item).repository
        await self._present.before_run(live.batch, schedule.starter, place)

    async def _overtaken(self, live: Live, item: ItemId) -> Outcome | None:
        """Return how an item that is about to start has ended already, if it has."""
        schedule = live.schedule
        findings = await self._present.before_start(
            schedule.batch,
            schedule.starter,
            schedule.planned(item),
            schedule.upcoming,
        )
        if findings.is_nothing:
            return None
        others = {i: o for i, o in findings.overtaken.items() if i != item}
        rest = replace(findings, overtaken=others)
        if not rest.is_nothing:
            # Behind this the batch has its repository's present name, or has ended.
            await self.mailbox.post(
                lambda step: take_in(step, live, rest, stop=self.stop)
            )
        if sees_to_itself(schedule.planned(item).action):
            return None  # the head may be one that it has made itself
        return findings.overtaken.get(item)
