"""Carries the steps of one attempt out, whatever goes wrong on the way.

What comes next is decided by the action, from what was seen. Here it is done: effects
exactly once, looks and waits patiently, commands on a worker.
"""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.core.actions.spec import ActionSpec, NextStep
from bot.core.actions.step import (
    Ask,
    Await,
    Do,
    End,
    Execute,
    Follow,
    Followed,
    Job,
    Rebase,
    Seen,
)
from bot.core.actions.table import spec_of
from bot.core.effects import Receipt
from bot.core.model import (
    CommandResult,
    Outcome,
    OutcomeKind,
    Permit,
    Repository,
    Role,
)
from bot.core.say import ends, notes
from bot.engine.attempt import Desk, Resumed
from bot.engine.effects import Effects
from bot.engine.patience import PATIENT_TRIES, is_tried, leave_alone
from bot.engine.waits import BRIEF_SECONDS, Waits, seconds_to_look
from bot.engine.work import Work
from bot.errors import (
    BatchOver,
    BotError,
    BranchMissing,
    PermanentError,
    TransientError,
    Uncertain,
)
from bot.ports.clock import Clock

MOST_MISSING = 5
"""How often branches are looked at again that GitHub names and git does not find."""

AskRole = Callable[[Repository, str, Sequence[Permit]], Awaitable[Role]]

log = structlog.get_logger()


class Steps:
    """Runs attempts to their outcome."""

    def __init__(
        self,
        *,
        effects: Effects,
        role: AskRole,
        waits: Waits,
        work: Work,
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._effects = effects
        self._role = role
        self._waits = waits
        self.work = work
        self._clock = clock
        self._fraction = fraction

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
        receipts = {}
        for name in spec.cancel_reads:
            receipt = await self._effects.receipt(_effect_key(job, name))
            if receipt is not None:
                receipts[name] = receipt
        attempt = _Attempt(self, job, desk, spec, Resumed(receipts=receipts))
        try:
            return (await attempt.carry_out(spec.cancel_step)).summary
        except _Ended as ended:
            return ended.outcome.reason
        except BotError as error:
            log.warning("cancelling failed", attempt=job.attempt, error=str(error))
            return notes.not_stopped(error)

    async def clean(self, job: Job) -> None:
        """Remove what the attempt left; what cannot be removed waits for the restart."""
        await self.work.clean(job.item.worker, job.attempt)

    async def _run(self, job: Job, desk: Desk, resumed: Resumed | None) -> Outcome:
        overtaken = await self._overtaken(job, desk)
        if overtaken is not None and (resumed is None or resumed.result is None):
            return overtaken
        spec = spec_of(job.item.action)
        if spec is None or spec.next_step is None:
            return ends.unknown("action", job.item.action.does)
        if job.item.worker and not self.work.has(job.item.worker):
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
        await leave_alone(self._clock, tries, error, fraction=self._fraction())

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    # --- for one attempt ---------------------------------------------------------------

    async def perform(self, attempt: "_Attempt", step: Do) -> Receipt | None:
        """Carry an effect out; None if GitHub was away: then it may be wanted no more."""
        job, desk = attempt.job, attempt.desk
        # The key names the item, not the attempt: what a first try did without getting
        # an answer, a second one finds.
        key = _effect_key(job, step.key)
        if attempt.tried.key != key:
            may_be = attempt.resumed is not None
            attempt.tried = _Tried(key, may_be and await self._effects.is_meant(key))
        tried = attempt.tried
        try:
            permit = job.item.permit or Permit(attempt.spec.role)
            if permit.role > Role.WRITE and not step.is_minor:
                await self._check_role(job, desk.repository(), permit)
            elif step.asks_role:
                await desk.allowed()
            async with desk.changing(is_begun=tried.is_begun):
                intent = replace(step.intent, repository=desk.repository())
                return await self._effects.perform(key, intent)
        except Uncertain:
            raise
        except TransientError as error:
            if tried.times == PATIENT_TRIES:
                raise
            log.info("effect waits", attempt=job.attempt, error=str(error))
            await self.pause(tried.times, error)
            tried.times += is_tried(error)
            return None

    async def _check_role(self, job: Job, at: Repository, permit: Permit) -> None:
        """Ask again whether who started the batch may still do this; a refusal is no."""
        login = job.asker.login
        try:
            role = await self._role(at, login, [permit])
        except PermanentError as error:
            raise _Ended(ends.role_unknown(login)) from error
        if role < permit.role:
            raise _Ended(ends.role_lost(login, role, permit.role))

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
        is_unseen = seen.answer(step.what) is None
        # What has only just been asked for has not come about yet.
        if is_unseen and (step.glimpse is None or attempt.resumed is not None):
            seconds = BRIEF_SECONDS if step.is_brief else 0.0
            asked, answer = await self._waits.glimpse(
                step.what, None, meters=meters, seconds=seconds
            )
            seen = seen.told_after_waiting(asked, answer)
            if next_step(job, seen) != step:
                return seen
        gives_up_at = step.gives_up_at or attempt.times_out_at()
        if step.for_seconds is not None:
            gives_up_at = self._clock.now() + timedelta(seconds=step.for_seconds)
        async with desk.waiting(step):
            for looks in itertools.count(int(is_unseen and step.is_brief)):
                left = (gives_up_at - self._clock.now()).total_seconds()
                if left <= 0 and step.named:
                    return seen.waited_in_vain(step.named)
                if left <= 0:
                    raise _Ended(ends.waited_in_vain(job, step))
                usual = seconds_to_look(looks, is_brief=step.is_brief)
                seconds = min(usual, left)
                asked, answer = await self._waits.glimpse(
                    step.what, step.glimpse, meters=meters, seconds=seconds
                )
                seen = seen.told_after_waiting(asked, answer)
                wanted = next_step(job, seen)
                if wanted == step:
                    continue
                if step.glimpse is None or not step.goes_on_as(wanted):
                    return seen
                assert isinstance(wanted, Await)
                step = wanted
                await desk.wait_as(step)
        raise AssertionError  # itertools.count does not end


def _effect_key(job: Job, name: str) -> str:
    return f"{job.batch_id}-{job.item.id}/{name}"


class _Ended(BotError):
    """The attempt ends here, as ``outcome`` says, whatever the machine may want."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@dataclass(slots=True)
class _Tried:
    """The effect that is tried, or was last."""

    key: str = ""
    is_begun: bool = False  # by an earlier process
    times: int = 1


@dataclass(eq=False, slots=True)
class _Attempt:
    """One walk through the machine of an action."""

    steps: Steps
    job: Job
    desk: Desk
    spec: ActionSpec
    resumed: Resumed | None
    seen: Seen = field(default_factory=Seen)
    began_at: datetime | None = None  # once it had what others held
    tried: _Tried = field(default_factory=_Tried)

    def times_out_at(self) -> datetime:
        """Return when the item's time is over; waiting for its turn takes none of it."""
        began_at = self.began_at or self.job.started_at
        return began_at + timedelta(seconds=self.job.item.timeout_seconds)

    async def carry_out(self, next_step: NextStep) -> Outcome:
        """Return how the machine ends. Raises ``PermanentError``, ``TransientError``."""
        before = self.resumed or Resumed()
        self.seen = Seen(before.receipts, before.result)
        missing = 0
        while True:
            try:
                ended = await self._take(next_step)
            except BranchMissing as error:
                # It went between the look and the fetch.
                missing += 1
                if missing > MOST_MISSING:
                    raise
                log.info("a base is gone", attempt=self.job.attempt, error=str(error))
                await self.steps.pause(missing, TransientError(error.problem))
                self.seen = self.seen.looking_again()
                continue
            if ended is not None:
                return ended

    async def _take(self, next_step: NextStep) -> Outcome | None:
        """Take the next step; return how the attempt ends if that was the last one."""
        seen = self.seen
        step = next_step(self.job, seen)
        if isinstance(step, Do | Await) and await self.desk.hold(step.holds):
            # While others had it the world has changed, and no time was its own.
            self.began_at = self.steps.now()
            self.seen = seen.looking_again()
            return None
        match step:
            case Do():
                receipt = await self.steps.perform(self, step)
                # While GitHub was away the world may have changed.
                again = seen.looking_again()
                self.seen = seen.done(step.key, receipt) if receipt else again
            case Ask():
                answer = await self.steps.ask(self, step)
                self.seen = seen.told(step.question, answer)
            case Await():
                self.seen = await self.steps.wait(self, step, next_step, seen)
            case Execute() | Rebase():
                self.seen = seen.ran(await self._worked(step))
                return await self._judge(next_step)
            case Follow():
                self.seen = seen.brought(await self._followed(step))
            case End():
                return step.outcome
            case _:
                assert_never(step)
        return None

    async def _worked(self, step: Execute | Rebase) -> CommandResult:
        work, job, desk = self.steps.work, self.job, self.desk
        if isinstance(step, Execute):
            known_as = self.resumed.external_id if self.resumed else ""
            if self.resumed:  # another run begins anew
                self.resumed = replace(self.resumed, external_id="")
            return await work.execute(
                job.item.worker, step.job, desk.say, known_as=known_as
            )
        result = self.seen.result
        assert result is not None
        return await work.rebase(job.attempt, desk.repository(), result, step, desk.say)

    async def _followed(self, step: Follow) -> Followed:
        job, desk = self.job, self.desk
        return await self.steps.work.follow(
            job.attempt, desk.repository(), step, desk.say
        )

    async def _judge(self, next_step: NextStep) -> Outcome | None:
        """Return how the attempt ends with its command, if nothing is to be done with
        the result; else have that accepted.
        """
        result = self.seen.result
        assert result is not None
        step = next_step(self.job, self.seen)
        if isinstance(step, End):
            return step.outcome
        return None if await self.desk.accept(result) else ends.superseded()
