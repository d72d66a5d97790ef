"""Carries the steps of one attempt out, whatever goes wrong on the way.

What comes next is decided by the action, from what was seen. Here it is done: effects
exactly once, looks and waits patiently, commands on a worker.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

import structlog

from bot.core.actions.spec import ActionSpec, NextStep
from bot.core.actions.step import Ask, Await, Do, End, Execute, Job, Seen
from bot.core.actions.table import spec_of
from bot.core.effects import Receipt
from bot.core.model import (
    AttemptId,
    CommandResult,
    Outcome,
    OutcomeKind,
    Repository,
    Role,
)
from bot.core.run.retry import delay_seconds
from bot.core.say import ends, notes
from bot.engine.effects import Effects
from bot.engine.waits import Waits, seconds_to_look
from bot.errors import (
    BatchOver,
    BotError,
    Lost,
    PermanentError,
    RateLimited,
    TransientError,
    Unauthorized,
    Uncertain,
)
from bot.ports.clock import Clock
from bot.ports.work import Resource, Worker

PATIENT_TRIES = 24
"""How often an effect, or the start of a command, is tried before the item fails for
want of GitHub: some two hours."""

LATE_SECONDS = 900.0
"""How much longer than the item's time-out a worker may take with all around it."""

AskRole = Callable[[Repository, str], Awaitable[Role]]

log = structlog.get_logger()


class Desk(Protocol):
    """What an attempt asks of the scheduler."""

    def repository(self) -> Repository:
        """Return the item's repository as it is now: its name may have changed."""

    async def overtaken(self) -> Outcome | None:
        """Return how the item ended in somebody else's hands, if it did.

        Raises ``TransientError`` and ``BatchOver``.
        """

    async def accept(self, result: CommandResult) -> bool:
        """Return, once it is on disk, whether a command's result still counts."""

    def say(self, line: str) -> None:
        """Show what the attempt is doing, in the words of the work."""

    def waiting(self, wait: Await) -> AbstractAsyncContextManager[None]:
        """Park the attempt, and what it holds with it: its slot is free inside."""

    def changing(
        self, step: Do, *, is_begun: bool
    ) -> AbstractAsyncContextManager[None]:
        """Hold what the step holds; inside, and once it is done, it is too late to stop.

        Whoever comes out with an error has changed nothing, unless it *is_begun*.
        """


@dataclass(frozen=True, slots=True)
class Resumed:
    """What is known of an attempt that an earlier process of the bot began."""

    result: CommandResult | None = None  # accepted
    external_id: str = ""  # by which a worker knows what still runs there


class Steps:
    """Runs attempts to their outcome."""

    def __init__(
        self,
        *,
        effects: Effects,
        role: AskRole,
        waits: Waits,
        workers: Mapping[str, Worker],
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._effects = effects
        self._role = role
        self._waits = waits
        self._workers = workers
        self._clock = clock
        self._fraction = fraction

    @property
    def takes_workspace(self) -> Mapping[str, bool]:
        """Which workers take a workspace of this host."""
        return {
            name: Resource.WORKSPACE in worker.takes
            for name, worker in self._workers.items()
        }

    async def find(self, worker: str, attempt: AttemptId) -> str:
        """Return the id of an attempt that went on while the bot was away, if it did."""
        known = self._workers.get(worker)
        if known is None or not known.outlives_the_bot:
            return ""
        return await known.find(attempt) or ""

    async def run(
        self, job: Job, desk: Desk, *, resumed: Resumed | None = None
    ) -> Outcome:
        """Return how the attempt ended. Raises ``BatchOver``.

        Cancelling stops the attempt; nothing of it runs on when this returns.
        """
        try:
            outcome = await self._run(job, desk, resumed)
        except BatchOver:
            await self.clean(job)
            raise
        except _Ended as ended:
            outcome = ended.outcome
        except PermanentError as error:
            outcome = Outcome(
                OutcomeKind.FAILED, reason=str(error), advice=error.advice
            )
        except Uncertain as error:
            outcome = Outcome(OutcomeKind.FAILED, reason=str(error))
        except TransientError as error:
            outcome = Outcome(
                OutcomeKind.TRANSIENT,
                reason=str(error),
                retry_after_seconds=error.retry_after_seconds,
            )
        except Exception as error:
            # Supervised: a bug fails the item, the process lives.
            log.exception("attempt failed by a bug", attempt=job.attempt)
            outcome = ends.by_a_bug(error)
        await self.clean(job)
        return outcome

    async def cancel(self, job: Job, desk: Desk) -> str:
        """Do what a cancelled attempt still has to; return what stays, if anything."""
        spec = spec_of(job.item.action)
        if spec is None:
            return ""
        attempt = _Attempt(self, job, desk, spec, Resumed())
        try:
            return (await attempt.carry_out(spec.cancel_step)).summary
        except _Ended as ended:
            return ended.outcome.reason
        except BotError as error:
            log.warning("cancelling failed", attempt=job.attempt, error=str(error))
            return notes.not_stopped(error)

    async def clean(self, job: Job) -> None:
        """Remove what the attempt left; what cannot be removed waits for the restart."""
        worker = self._workers.get(job.item.worker)
        if worker is None:
            return
        try:
            await worker.clean(job.attempt)
        except Exception:
            log.exception("attempt left something behind", attempt=job.attempt)

    async def _run(self, job: Job, desk: Desk, resumed: Resumed | None) -> Outcome:
        overtaken = await self._overtaken(job, desk)
        if overtaken is not None and (resumed is None or resumed.result is None):
            return overtaken
        spec = spec_of(job.item.action)
        if spec is None or spec.next_step is None:
            return ends.unknown("action", job.item.action.does)
        if job.item.worker and job.item.worker not in self._workers:
            return ends.unknown("worker", job.item.worker)
        attempt = _Attempt(self, job, desk, spec, resumed)
        return await attempt.carry_out(spec.next_step)

    async def _overtaken(self, job: Job, desk: Desk) -> Outcome | None:
        """Look however long GitHub takes: it is no fault of the item."""
        for tries in itertools.count(1):
            try:
                found = await desk.overtaken()
            except TransientError as error:
                log.info("start waits", attempt=job.attempt, error=str(error))
                desk.say(notes.waits_for_github(error))
                await self.pause(min(tries, 6), error)
                continue
            if tries > 1:
                desk.say("")
            return found
        raise AssertionError  # itertools.count does not end

    async def pause(self, tries: int, error: TransientError) -> None:
        """Leave GitHub alone for as long as it wants, or as the tries suggest."""
        after = error.retry_after_seconds
        if isinstance(error, RateLimited):
            await self._clock.sleep(after or 60.0)
        else:
            await self._clock.sleep(delay_seconds(tries, self._fraction(), after))

    # --- for one attempt ---------------------------------------------------------------

    async def perform(self, attempt: "_Attempt", step: Do) -> Receipt:
        """Carry an effect out until it works: doing other work again would not help."""
        job, desk = attempt.job, attempt.desk
        # The key names the item, not the attempt: what a first try did without getting
        # an answer, a second one finds.
        key = f"{job.batch_id}-{job.item.id}/{step.key}"
        is_begun = attempt.resumed is not None and await self._effects.is_meant(key)
        tries = 1
        while True:
            try:
                if attempt.spec.role is Role.MAINTAIN:
                    await self._check_role(job, desk.repository())
                async with desk.changing(step, is_begun=is_begun):
                    intent = replace(step.intent, repository=desk.repository())
                    return await self._effects.perform(key, intent)
            except Uncertain:
                raise
            except TransientError as error:
                if tries == PATIENT_TRIES:
                    raise
                log.info("effect waits", attempt=job.attempt, error=str(error))
                await self.pause(tries, error)
                tries += _is_tried(error)

    async def _check_role(self, job: Job, repository: Repository) -> None:
        """Ask again whether who started the batch may still do this; no answer is no."""
        login = job.asker.login
        try:
            role = await self._role(repository, login)
        except Unauthorized:
            raise
        except BotError as error:
            raise _Ended(ends.role_unknown(login)) from error
        if role < Role.MAINTAIN:
            raise _Ended(ends.role_lost(login, role, Role.MAINTAIN))

    async def ask(self, attempt: "_Attempt", step: Ask) -> object:
        """Look at GitHub now."""
        meters = (attempt.job.batch_id, attempt.job.attempt)
        return await self._waits.look(step.question, meters=meters)

    async def wait(
        self, attempt: "_Attempt", step: Await, next_step: NextStep, seen: Seen
    ) -> Seen:
        """Look again and again until the machine wants something else.

        Raises ``_Ended`` when the time for it is over.
        """
        job, desk = attempt.job, attempt.desk
        meters = (job.batch_id, job.attempt)
        seen = await self._looked(step, seen, meters, 0.0)
        if next_step(job, seen) != step:
            return seen
        gives_up_at = step.gives_up_at or _times_out_at(job)
        async with desk.waiting(step):
            for looks in itertools.count():
                left = (gives_up_at - self._clock.now()).total_seconds()
                if left <= 0:
                    raise _Ended(ends.waited_in_vain(job, step))
                seconds = min(seconds_to_look(looks), left)
                seen = await self._looked(step, seen, meters, seconds)
                if next_step(job, seen) != step:
                    return seen
        raise AssertionError  # itertools.count does not end

    async def _looked(
        self, step: Await, seen: Seen, meters: tuple[str, ...], seconds: float
    ) -> Seen:
        answer = await self._waits.look(step.what, meters=meters, seconds=seconds)
        return seen.told_after_waiting(step.what, answer)

    async def execute(self, attempt: "_Attempt", step: Execute) -> CommandResult:
        """Run a command on the item's worker. An outage before it begins costs no try.

        Raises what the worker raises, ``Lost`` included.
        """
        worker = self._workers[attempt.job.item.worker]
        tries = 1
        while True:
            try:
                return await self._execute(worker, attempt, step)
            except Lost:
                raise
            except TransientError as error:
                if tries == PATIENT_TRIES:
                    raise
                log.info("command waits", attempt=attempt.job.attempt, error=str(error))
                attempt.desk.say(notes.waits(error))
                await worker.clean(step.job.attempt)
                await self.pause(tries, error)
                tries += _is_tried(error)

    async def _execute(
        self, worker: Worker, attempt: "_Attempt", step: Execute
    ) -> CommandResult:
        job = step.job
        known = attempt.resumed.external_id if attempt.resumed else ""
        try:
            external_id = known or await worker.start(job)
            work = asyncio.ensure_future(
                worker.result(external_id, job, attempt.desk.say)
            )
            late = asyncio.ensure_future(
                self._clock.sleep(job.timeout_seconds + LATE_SECONDS)
            )
            try:
                await asyncio.wait({work, late}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    return work.result()
            finally:
                for task in (work, late):
                    task.cancel()
                await asyncio.wait({work, late})
        except asyncio.CancelledError:
            await worker.stop(job.attempt)
            raise
        await worker.stop(job.attempt)
        return CommandResult(exit_code=-9, timed_out=True)


class _Ended(BotError):
    """The attempt ends here, as ``outcome`` says, whatever the machine may want."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@dataclass(eq=False, slots=True)
class _Attempt:
    """One walk through the machine of an action."""

    steps: Steps
    job: Job
    desk: Desk
    spec: ActionSpec
    resumed: Resumed | None

    async def carry_out(self, next_step: NextStep) -> Outcome:
        """Return how the machine ends. Raises ``PermanentError``, ``TransientError``."""
        seen = Seen(result=self.resumed.result if self.resumed else None)
        while True:
            match step := next_step(self.job, seen):
                case Do():
                    receipt = await self.steps.perform(self, step)
                    seen = seen.done(step.key, receipt)
                case Ask():
                    answer = await self.steps.ask(self, step)
                    seen = seen.told(step.question, answer)
                case Await():
                    seen = await self.steps.wait(self, step, next_step, seen)
                case Execute():
                    seen = seen.ran(await self.steps.execute(self, step))
                    ended = await self._judge(next_step, seen)
                    if ended is not None:
                        return ended
                case End():
                    return step.outcome
                case _:
                    assert_never(step)

    async def _judge(self, next_step: NextStep, seen: Seen) -> Outcome | None:
        """Return how the attempt ends with its command, if nothing is to be done with
        the result; else have that accepted.
        """
        assert seen.result is not None
        step = next_step(self.job, seen)
        if isinstance(step, End):
            return step.outcome
        return None if await self.desk.accept(seen.result) else ends.superseded()


def _is_tried(error: TransientError) -> bool:
    """Return whether a try was made, which GitHub let nobody make otherwise."""
    return not isinstance(error, RateLimited | Unauthorized)


def _times_out_at(job: Job) -> datetime:
    return job.started_at + timedelta(seconds=job.item.timeout_seconds)
