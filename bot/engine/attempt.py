"""Runs one attempt: submit, watch, have the work accepted, publish it."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import structlog

from bot.core.actions.permission import is_for_maintainers
from bot.core.effects import Intent, Receipt
from bot.core.model import Outcome, OutcomeKind, Repository, Role
from bot.core.run.retry import delay_seconds
from bot.engine.effects import Effects
from bot.errors import (
    BatchOver,
    BotError,
    PermanentError,
    RateLimited,
    TransientError,
    Uncertain,
)
from bot.ports.clock import Clock
from bot.ports.work import AttemptSpec, Emit, Runner, Work

PUBLISH_TRIES = 12
"""How often accepted work is brought to GitHub before the item fails: some two hours."""

Accept = Callable[[Work], Awaitable[bool]]
Look = Callable[[], Awaitable[Outcome | None]]
Rest = Callable[[], AbstractContextManager[None]]
Present = Callable[[], Repository]
AskRole = Callable[[Repository, str], Awaitable[Role]]

log = structlog.get_logger()


class Attempts:
    """Runs attempts to their outcome, whatever goes wrong on the way."""

    def __init__(
        self,
        *,
        runners: Mapping[str, Runner],
        effects: Effects,
        role: AskRole,
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._runners = runners
        self._role = role
        self._effects = effects
        self._clock = clock
        self._fraction = fraction

    async def run(
        self,
        spec: AttemptSpec,
        *,
        look: Look,
        accept: Accept,
        emit: Emit,
        rest: Rest,
        work: Work | None,
        present: Present,
    ) -> Outcome:
        """Return how the attempt ended. Raises ``BatchOver``.

        *look* returns how the item ended in somebody else's hands, if it did. *work* was
        accepted before a restart and is published without being done again. *accept*
        says whether a result still counts; nothing of it reaches GitHub before. While
        accepted work waits inside *rest*, nothing of it is on GitHub yet. Cancelling
        stops the attempt; nothing of it runs on when this returns. *present* returns the
        repository as it is then: its name may have come to stand for another one.
        """
        runner = self._runners[spec.item.runner]
        try:
            overtaken = await self._patiently(look, spec, emit)
            if overtaken is not None and work is None:
                return overtaken
            outcome = await self._run(runner, spec, accept, emit, rest, work, present)
        except BatchOver:
            await self.clean(spec)
            raise
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
            log.exception("attempt failed by a bug", attempt=spec.id)
            outcome = Outcome(
                OutcomeKind.FAILED,
                reason=f"internal error: {type(error).__name__}",
                advice="This is a bug in the bot; its log has the details.",
                retry_helps=True,
            )
        await self.clean(spec)
        return outcome

    async def clean(self, spec: AttemptSpec) -> None:
        """Remove what the attempt left; what cannot be removed waits for the restart."""
        try:
            await self._runners[spec.item.runner].clean(spec.id)
        except Exception:
            log.exception("attempt left something behind", attempt=spec.id)

    async def _run(
        self,
        runner: Runner,
        spec: AttemptSpec,
        accept: Accept,
        emit: Emit,
        rest: Rest,
        work: Work | None,
        present: Present,
    ) -> Outcome:
        is_untouched = work is None
        if work is None:
            result = await self._work(runner, spec, emit)
            if isinstance(result, Outcome):
                return result
            if not await accept(result):
                return Outcome(OutcomeKind.FAILED, reason="superseded")
            work = result
        if is_for_maintainers(spec.item.action):
            await self._check_role(spec, present())
        return await self._publish(
            runner, spec, work, rest if is_untouched else nullcontext, present
        )

    async def _check_role(self, spec: AttemptSpec, repository: Repository) -> None:
        """Ask again whether who started the batch may still do this; no answer is no."""
        login = spec.asker.login
        try:
            role = await self._role(repository, login)
        except BotError as error:
            message = f"GitHub did not tell which access {login} has now"
            raise PermanentError(message, advice="Retry the item.") from error
        if role < Role.MAINTAIN:
            message = f"{login} has {role.name.lower()} access now, not maintain"
            advice = "Somebody with maintain access can give the command again."
            raise PermanentError(message, advice=advice)

    async def _patiently(
        self, look: Look, spec: AttemptSpec, emit: Emit
    ) -> Outcome | None:
        """Look however long GitHub takes: it is no fault of the item."""
        for tries in itertools.count(1):
            try:
                found = await look()
            except TransientError as error:
                log.info("start waits", attempt=spec.id, error=str(error))
                emit(f"waits for GitHub: {error}")
                after = error.retry_after_seconds
                await self._clock.sleep(
                    delay_seconds(min(tries, 6), self._fraction(), after)
                )
                continue
            if tries > 1:
                emit("")
            return found
        raise AssertionError  # itertools.count does not end

    async def _work(
        self, runner: Runner, spec: AttemptSpec, emit: Emit
    ) -> Work | Outcome:
        try:
            await runner.submit(spec)
            return await runner.watch(spec, emit)
        except asyncio.CancelledError:
            await runner.cancel(spec.id)
            raise

    async def _publish(
        self,
        runner: Runner,
        spec: AttemptSpec,
        work: Work,
        rest: Rest,
        present: Present,
    ) -> Outcome:
        """Publish until it works: doing the work again would not help GitHub."""
        is_untouched = True

        async def perform(key: str, intent: Intent) -> Receipt:
            # The key names the item, not the attempt: what a first try did without
            # getting an answer, a second one finds.
            nonlocal is_untouched
            item = f"{spec.batch_id}-{spec.item.id}"
            intent = replace(intent, repository=present())
            receipt = await self._effects.perform(f"{item}/{key}", intent)
            is_untouched = False
            return receipt

        async def wait(seconds: float) -> None:
            with rest() if is_untouched else nullcontext():
                await self._clock.sleep(seconds)

        tries = 1
        while True:
            try:
                return await runner.publish(spec, work, perform)
            except RateLimited as error:
                log.info("publishing waits", attempt=spec.id, error=str(error))
                await wait(error.retry_after_seconds or 60.0)
            except Uncertain:
                raise
            except TransientError as error:
                if tries == PUBLISH_TRIES:
                    raise
                log.info("publishing failed", attempt=spec.id, error=str(error))
                after = error.retry_after_seconds
                await wait(delay_seconds(tries, self._fraction(), after))
                tries += 1
