"""From a delivery to who deals with it."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, assert_never

import structlog
from pydantic_core import from_json
from structlog.contextvars import bound_contextvars

from bot.core.command.lines import is_prompt
from bot.core.command.trigger import (
    EVENTS,
    OPERATOR_EVENT,
    OWN_EVENTS,
    BoxesTicked,
    ButtonPressed,
    CommentWritten,
    ConfigurationPushed,
    InstallationChanged,
    ItemChanged,
    LabelChanged,
    Marking,
    OperatorWished,
    RepositoryChanged,
    ReviewRequested,
    ScheduleDue,
    Sender,
    StartDue,
    Trigger,
    about,
    configuration_pushed,
    may_matter,
    trigger_of,
)
from bot.core.model import Operator, Page, Repository
from bot.engine.boxes import Boxes
from bot.engine.changes import Changes
from bot.engine.conversation import Conversation, request_of
from bot.engine.scheduled import ScheduledBatches
from bot.engine.start_times import StartTimes
from bot.engine.timetables import Timetables
from bot.engine.verdicts import Verdicts
from bot.engine.windows import Windows
from bot.engine.wished import Wished
from bot.ports.github import Lookups
from bot.ports.store import Delivery

BY_PEOPLE = (CommentWritten, BoxesTicked, ButtonPressed, OperatorWished)
"""Whose answer somebody waits for who has just done something."""

MARKS = "marks"
"""The lanes of labels and requests for reviews."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator of this server decided."""

    app_login: str
    allowed_bots: frozenset[str] = frozenset()
    allows: Callable[[str], bool] = lambda _: True  # by owner/name


@dataclass(frozen=True, slots=True)
class Desks:
    """Who deals with deliveries, by what they tell."""

    conversation: Conversation
    boxes: Boxes
    changes: Changes
    windows: Windows
    verdicts: Verdicts
    wished: Wished
    timetables: Timetables
    scheduled: ScheduledBatches
    start_times: StartTimes


class Intake:
    """Deals with deliveries, one by one."""

    def __init__(
        self,
        *,
        github: Lookups,
        desks: Desks,
        policy: Policy,
        wake: Callable[[Collection[str]], None],
    ) -> None:
        self._github = github
        self._desks = desks
        self._policy = policy
        self._wake = wake

    def may_act_on(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Return whether a delivery may be a reason to act, once noted what it tells.

        Who waits for what it is about is woken, for nothing else is kept of many.
        """
        if found := about(event, payload):
            self._wake(found)
        return self._lane_of(event, payload) is not None

    def lane_of(self, delivery: Delivery) -> str | None:
        """Return with which others a delivery is dealt with in order, None if it is no
        reason to act.
        """
        payload = _payload_of(delivery)
        if delivery.event in OWN_EVENTS:
            match self._trigger(delivery.event, payload):
                case (
                    OperatorWished(repository=repository)
                    | StartDue(repository=repository)
                ):
                    return _in_line(repository)
                case ScheduleDue(repository=repository):
                    return f"schedules {repository.id}"
                case _:
                    return None
        lane = self._lane_of(delivery.event, payload)
        # They wait until their window closes, all side by side.
        return f"{lane} {delivery.guid}" if lane == MARKS else lane

    def _lane_of(self, event: str, payload: Mapping[str, Any]) -> str | None:
        if not may_matter(event, payload.get("action")):
            return None
        self._github.heard(payload)
        match self._trigger(event, payload):
            case None:
                pushed = self._pushed(event, payload)
                return f"configuration {pushed.repository.id}" if pushed else None
            case LabelChanged() | ReviewRequested() as change:
                return MARKS if self._may_mark(change) else None
            case InstallationChanged(installation_id):
                return f"installation {installation_id}"
            case trigger:
                return _in_line(trigger.repository)

    def is_prompt(self, delivery: Delivery) -> bool:
        """Return whether a delivery stands behind none that waits for GitHub."""
        return _is_prompt(self._trigger(delivery.event, _payload_of(delivery)))

    async def handle(self, delivery: Delivery) -> str:
        """Deal with a delivery; return what became of it, in a few words.

        Raises ``TransientError``: the delivery is to be tried again.
        """
        payload = _payload_of(delivery)
        trigger = self._trigger(delivery.event, payload)
        pushed = self._pushed(delivery.event, payload)
        if pushed is not None:
            if pushed.pusher is not None:
                await self._desks.changes.readers(pushed.repository)
            await self._desks.verdicts.give(pushed)
        if trigger is None:
            return "ignored" if pushed is None else "noted"
        with ExitStack() as context:
            context.enter_context(bound_contextvars(**_about(trigger)))
            if isinstance(trigger, BY_PEOPLE):
                context.enter_context(self._github.awaited())
            if _is_prompt(trigger) and not isinstance(trigger, InstallationChanged):
                key = trigger.repository.installation_id
                context.enter_context(self._github.first(key, delivery.guid))
            return await self._act(trigger, delivery)

    def unsaid(self, delivery: Delivery) -> asyncio.Task[object] | None:
        """Return what still tells of a delivery that was dealt with, if anything does."""
        if delivery.event != OPERATOR_EVENT:
            return None
        trigger = self._trigger(delivery.event, _payload_of(delivery))
        if not isinstance(trigger, OperatorWished):
            return None
        return self._desks.wished.unsaid(trigger)

    async def tell(self, delivery: Delivery, words: str) -> None:
        """Tell whoever gave a command, or waits for what the clock begins, why it was not
        dealt with (*words*).

        Raises ``TransientError`` and ``PermanentError``.
        """
        match self._trigger(delivery.event, _payload_of(delivery)):
            case CommentWritten(addressed=()) as written if self._may_speak(written):
                await self._desks.conversation.tell(written, words)
            case StartDue() as due:
                await self._desks.start_times.tell(due, words)
            case ScheduleDue() as due:
                await self._desks.scheduled.give_up(due, words)
            case _:
                pass

    def _trigger(self, event: str, payload: Mapping[str, Any]) -> Trigger | None:
        return trigger_of(event, payload, app_login=self._policy.app_login)

    async def _act(self, trigger: Trigger, delivery: Delivery) -> str:
        match trigger:
            case LabelChanged(is_added=True) | ReviewRequested(is_added=True):
                return await self._desks.windows.collect(trigger, delivery)
            case LabelChanged() | ReviewRequested():
                return await self._desks.windows.take_back(trigger)
            case CommentWritten():
                if not self._may_speak(trigger):
                    return f"ignored: {trigger.sender.login} may not command here"
                return await self._desks.conversation.hear(trigger)
            case BoxesTicked():
                if not self._may_speak(trigger):
                    return f"ignored: {trigger.sender.login} may not command here"
                return await self._desks.boxes.carry_out(trigger)
            case ButtonPressed():
                if not self._may_speak(trigger):
                    return f"ignored: {trigger.sender.login} may not command here"
                return await self._desks.boxes.press(trigger)
            case OperatorWished():
                is_known = self._policy.allows(trigger.repository.name)
                if trigger.by_login and not is_known:
                    return f"ignored: {trigger.by_login} may not command here"
                return await self._desks.wished.carry_out(trigger)
            case ScheduleDue():
                return await self._desks.scheduled.begin(trigger)
            case StartDue():
                return await self._desks.start_times.begin(trigger)
            case ItemChanged():
                await self._desks.changes.item(trigger)
            case RepositoryChanged():
                await self._desks.timetables.seen([trigger.repository])
                await self._desks.changes.repository(trigger)
            case InstallationChanged():
                await self._desks.timetables.seen(trigger.repositories)
                await self._desks.changes.installation(trigger)
            case _:
                assert_never(trigger)
        return "noted"

    def _pushed(
        self, event: str, payload: Mapping[str, Any]
    ) -> ConfigurationPushed | None:
        """Return the commit whose configuration is to be looked at, if there is one."""
        login = self._policy.app_login
        pushed = configuration_pushed(event, payload, app_login=login)
        if pushed is None or not self._policy.allows(pushed.repository.name):
            return None
        return pushed

    def _may_mark(self, change: Marking) -> bool:
        """Return whether a mark counts; whoever takes one off, it is off."""
        is_heard = not change.is_added or self._may_act(change.sender)
        return is_heard and self._policy.allows(change.repository.name)

    def _may_speak(self, written: CommentWritten | BoxesTicked | ButtonPressed) -> bool:
        if not self._policy.allows(written.repository.name):
            return False
        return self._may_act(written.sender)

    def _may_act(self, sender: Sender) -> bool:
        return not sender.is_bot or sender.login.lower() in self._policy.allowed_bots


def _is_prompt(trigger: Trigger | None) -> bool:
    """Return whether a trigger stands behind none that waits for GitHub."""
    match trigger:
        case CommentWritten(body=body) | OperatorWished(command=body):
            return is_prompt(body)
        case LabelChanged(is_added=is_added) | ReviewRequested(is_added=is_added):
            return not is_added
        case ScheduleDue() | StartDue():
            return False
        case _:
            return trigger is not None


def _in_line(repository: Repository) -> str:
    """Return the lane of what is done to a repository, one after the other."""
    return f"repository {repository.id}"


def _about(trigger: Trigger) -> Mapping[str, object]:
    """Return what each line of the log says about a trigger."""
    match trigger:
        case CommentWritten(repository=repository, thread=thread):
            source = request_of(trigger).reply
        case BoxesTicked(repository=repository, thread=thread):
            source = f"box:{trigger.comment_id}"
        case ButtonPressed(repository=repository, check_run_id=check_run_id):
            source = f"check_run:{check_run_id}"
            return {"repository": repository.name, "source": source}
        case OperatorWished(repository=repository, wish=wish):
            who = Page(wish) if trigger.by_login else Operator(wish)
            return {"repository": repository.name, "source": str(who)}
        case ScheduleDue(repository=repository, key=key):
            return {"repository": repository.name, "schedule": key}
        case StartDue(repository=repository, batch_id=batch_id):
            return {"repository": repository.name, "batch": batch_id}
        case _:
            return {}
    return {"repository": repository.name, "thread": thread, "source": source}


def _payload_of(delivery: Delivery) -> Mapping[str, Any]:
    """Return the JSON object of a delivery that may matter, else an empty one."""
    if delivery.event not in EVENTS | OWN_EVENTS:
        return {}
    try:
        payload = from_json(delivery.body)
    except ValueError as error:
        log.warning("delivery cannot be read", error=type(error).__name__)
        return {}
    return payload if isinstance(payload, dict) else {}
