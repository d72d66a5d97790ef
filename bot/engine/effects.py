"""The one way to change anything outside: write ahead, look, do, note.

``INSERT effect(key, intent)`` and commit, then do it, then record it done and commit.
Whoever comes again with the same key, after a crash or on a retry, gets the receipt of
the first time or a look at GitHub before anything is repeated.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import get_args
from weakref import WeakValueDictionary

import structlog

from bot.core.effects import (
    CancelRun,
    Change,
    CreateCheckRun,
    DispatchWorkflow,
    EditCheckRun,
    EditComment,
    EnqueuePullRequest,
    Intent,
    MergePullRequest,
    PushBranch,
    Receipt,
    RerunFailedJobs,
    UpdateBranch,
)
from bot.core.run.retry import delay_seconds
from bot.core.say.problems.github import NotLookedUp
from bot.engine.patience import when_stored
from bot.errors import BotError, TransientError, Uncertain
from bot.ports.clock import Clock
from bot.ports.github import EffectAdapter
from bot.ports.store import EffectLog, EffectRecord

LOOKS = 4
"""How often an effect whose answer was lost is looked for, or done again."""

KINDS: Mapping[type, str] = {
    type_: re.sub(r"(?<!^)(?=[A-Z])", "_", type_.__name__).lower()
    for type_ in get_args(Intent)
}
ENDS = ("known", "found", "done", "uncertain", "failed", "refused")

_LEVELS = {"known": "debug", "uncertain": "warning", "refused": "warning"}

log = structlog.get_logger()


class Effects:
    """Carries out intents, each key once."""

    def __init__(
        self,
        *,
        effect_log: EffectLog,
        adapter: EffectAdapter,
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._log = effect_log
        self._adapter = adapter
        self._clock = clock
        self._fraction = fraction
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._undone: set[str] = set()  # keys of what was certainly not done
        self.ended: Counter[tuple[str, str]] = Counter()
        """Since the start, by one of ``KINDS`` and of ``ENDS``: what came of it."""

    async def perform(self, key: str, intent: Intent) -> Receipt:
        """Carry out *intent* unless the effect with this key has happened already.

        Raises ``Uncertain`` when nobody can say whether it happened, any other
        ``TransientError`` when it did not, and ``PermanentError`` when it cannot.
        """
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            try:
                came, receipt = await self._perform(key, intent)
            except BotError as error:
                self._ended(key, intent, _end_of(error), error=str(error))
                raise
            self._ended(key, intent, came, url=receipt.url)
            return receipt

    async def receipt(self, key: str) -> Receipt | None:
        """Return the receipt of an effect with this key, if it has one."""
        record = await when_stored(self._clock, lambda: self._log.find(key))
        return record.receipt if record is not None else None

    async def is_meant(self, key: str) -> bool:
        """Return whether an effect with this key was ever begun."""
        return await when_stored(self._clock, lambda: self._log.find(key)) is not None

    async def attempt(self, key: str, intent: Intent) -> Receipt | None:
        """Carry out what may fail without harm, such as a reaction or a pin.

        A failure is logged, and None returned.
        """
        try:
            return await self.perform(key, intent)
        except BotError:
            return None

    def _ended(self, key: str, intent: Intent, came: str, **facts: str) -> None:
        kind = KINDS[type(intent)]
        self.ended[kind, came] += 1
        level = _LEVELS.get(came, "info")
        about = {
            name: value
            for name in ("number", "thread", "branch")
            if (value := getattr(intent, name, None)) is not None
        }
        about |= {name: fact for name, fact in facts.items() if fact}
        repository = intent.repository.name
        getattr(log, level)(
            f"effect {came}", key=key, kind=kind, repository=repository, **about
        )

    async def _perform(self, key: str, intent: Intent) -> tuple[str, Receipt]:
        """Return what came of the effect and its receipt."""
        record = await when_stored(self._clock, lambda: self._log.find(key))
        if record is not None:
            if record.receipt is not None and _is_done(record, intent):
                return "known", record.receipt
            intent = await self._continued(record, intent)
            if not intent.is_repeatable and key not in self._undone:
                found = await self._adapter.find(intent, since=record.intended_at)
                if found is not None:
                    return "found", await self._note(key, found)
        # A later intent keeps the first one's time: what an unanswered try of it
        # did long ago has to be found as well.
        intended_at = record.intended_at if record else self._clock.now()
        await when_stored(
            self._clock, lambda: self._log.intend(key, intent, at=intended_at)
        )
        self._undone.discard(key)
        try:
            came, receipt = await self._do(key, intent, intended_at)
        except Uncertain:
            raise
        except TransientError:
            self._undone.add(key)  # GitHub has said no, or shows that it was not done
            raise
        if record is not None and record.receipt is None:
            receipt = _tried_before(receipt)
        return came, await self._note(key, receipt)

    async def _continued(self, record: EffectRecord, intent: Intent) -> Intent:
        """Return the intent, a branch moved from where this key's earlier push left it."""
        before = record.intent
        if isinstance(before, DispatchWorkflow) and isinstance(
            intent, DispatchWorkflow
        ):
            # What an earlier attempt asked for shows the name of that one.
            return replace(before, repository=intent.repository)
        if not isinstance(before, PushBranch) or not isinstance(intent, PushBranch):
            return intent
        there = record.receipt
        if there is None and before.sha != intent.sha:
            there = await self._adapter.find(before, since=record.intended_at)
        expected = before.expected_sha if there is None else there.head_sha
        return replace(intent, expected_sha=expected)

    async def _do(
        self, key: str, intent: Intent, intended_at: datetime
    ) -> tuple[str, Receipt]:
        error: Uncertain | None = None
        for tries in range(1, LOOKS + 1):
            try:
                receipt = await self._adapter.do(intent)
                return "done", receipt if tries == 1 else _tried_before(receipt)
            except Uncertain as unanswered:
                error = unanswered
                log.info("effect unanswered", key=key, error=str(error), tries=tries)
            found = await self._look(intent, intended_at, tries)
            if found is not None:
                return "found", found
        # The last look found nothing: it has not happened, and may be tried later.
        assert error is not None
        raise TransientError(error.problem) from error

    async def _look(
        self, intent: Intent, since: datetime, tries: int
    ) -> Receipt | None:
        """Look for an effect whose answer was lost, once GitHub has had time."""
        for looks in range(tries, tries + LOOKS):
            await self._clock.sleep(delay_seconds(looks, self._fraction()))
            try:
                return await self._adapter.find(intent, since=since)
            except TransientError as error:
                log.info("look-up failed", error=str(error), looks=looks)
        raise Uncertain(NotLookedUp(type(intent).__name__))

    async def _note(self, key: str, receipt: Receipt) -> Receipt:
        at = self._clock.now()
        await when_stored(self._clock, lambda: self._log.done(key, receipt, at=at))
        return receipt


def _end_of(error: BotError) -> str:
    match error:
        case Uncertain():
            return "uncertain"
        case TransientError():
            return "failed"
        case _:
            return "refused"


def _tried_before(receipt: Receipt) -> Receipt:
    """Return the receipt of a change that an unanswered try may have made already."""
    return receipt if receipt.changed else replace(receipt, was_tried=True)


def _is_done(record: EffectRecord, intent: Intent) -> bool:
    """Return whether the receipt of *record* answers for *intent* as well.

    A comment is written again even if its text is the same, for a person may have
    edited it, and a branch that is still at the same head is updated again: GitHub
    answers before it does that. What could not be done in full once may be possible now.
    """
    before = record.intent
    if isinstance(before, PushBranch) and isinstance(intent, PushBranch):
        # From where it was moved, and under which name, is history.
        before = replace(
            before, repository=intent.repository, expected_sha=intent.expected_sha
        )
    if isinstance(before, DispatchWorkflow) and isinstance(intent, DispatchWorkflow):
        return record.receipt is not None  # a retry goes on with the run that is there
    if isinstance(before, RerunFailedJobs) and isinstance(intent, RerunFailedJobs):
        # What is done once for a run is not done again for what failed then.
        return record.receipt is not None and before.run_id == intent.run_id
    if isinstance(before, CreateCheckRun) and isinstance(intent, CreateCheckRun):
        # What it says by now is another one's to change: it is there.
        was, now = (
            (before.head_sha, before.external_id),
            (intent.head_sha, intent.external_id),
        )
        return record.receipt is not None and was == now
    if before != intent or record.receipt is None:
        return False
    if isinstance(intent, MergePullRequest | EnqueuePullRequest):
        return record.receipt.changed
    if isinstance(intent, Change):
        return not record.receipt.note
    again = EditComment | EditCheckRun | UpdateBranch | CancelRun
    return not isinstance(intent, again)
