"""Values of the core as JSON and back, and instants as microseconds.

Kinds are class names. A row of a newer version that this one cannot read raises
``PermanentError`` with what to do, and never reads as something else.
"""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from bot.core.effects import Intent, Receipt
from bot.core.events import Event
from bot.core.model import Batch, ItemFacts
from bot.core.plan.schedules import Timetable
from bot.core.say.problems.server import FromNewerVersion
from bot.errors import PermanentError

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZERO = timedelta()


@lru_cache(maxsize=16)  # the events of one pass happen at one instant
def to_us(instant: datetime) -> int:
    """Return an aware instant as microseconds since 1970 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Return the instant, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Json(Generic[T]):
    """Reads and writes the JSON of one dataclass."""

    def __init__(self, type_: type[T]) -> None:
        self.kind = type_.__name__
        self._type = type_
        self._instants = [
            field.name
            for field in fields(type_)  # type: ignore[arg-type]  # T is a dataclass
            if field.type is datetime
        ]

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        # Thirty of them are a noticeable part of a start that may need none.
        return TypeAdapter(self._type)

    def encode(self, value: T) -> str:
        """Return the JSON, its instants in UTC."""
        for name in self._instants:
            if getattr(value, name).utcoffset() != _ZERO:
                value = _in_utc(value, name)
        try:
            return self._adapter.dump_json(value).decode()
        except PydanticSerializationError:
            # JSON from outside can spell half a surrogate pair, UTF-8 cannot.
            document = json.dumps(
                self._adapter.dump_python(value, mode="json"), ensure_ascii=False
            )
            return document.encode("utf-8", "replace").decode()

    def decode(self, data: str) -> T:
        """Return the value. Raises ``PermanentError`` if this version cannot read it."""
        try:
            return self._adapter.validate_json(data)
        except ValidationError as error:
            problem = FromNewerVersion(self.kind, is_known=True)
            raise PermanentError(problem) from error


def _in_utc(value: T, name: str) -> T:
    instant: datetime = getattr(value, name)
    if instant.tzinfo is None:
        message = f"{type(value).__name__}.{name} has no time zone: {instant}"
        raise ValueError(message)
    return replace(value, **{name: instant.astimezone(UTC)})  # type: ignore[type-var]  # T is a dataclass


BATCH = Json(Batch)
FACTS = Json(ItemFacts)
TIMETABLE = Json(Timetable)
RECEIPT = Json(Receipt)

_EVENTS: dict[str, Json[Any]] = {
    type_.__name__: Json(type_) for type_ in get_args(Event)
}
_INTENTS: dict[str, Json[Any]] = {
    type_.__name__: Json(type_) for type_ in get_args(Intent)
}
_EVENT_ENCODERS: dict[type, tuple[str, Callable[[Any], str]]] = {
    type_: (type_.__name__, _EVENTS[type_.__name__].encode) for type_ in get_args(Event)
}


def encode_event(event: Event) -> tuple[str, str]:
    """Return the kind and the JSON of an event."""
    kind, encode = _EVENT_ENCODERS[type(event)]
    return kind, encode(event)


def decode_event(kind: str, data: str) -> Event:
    """Return the event. Raises ``PermanentError`` if this version cannot read it."""
    event: Event = _of_kind(_EVENTS, kind).decode(data)
    return event


def encode_intent(intent: Intent) -> tuple[str, str]:
    """Return the kind and the JSON of an intent."""
    kind = type(intent).__name__
    return kind, _INTENTS[kind].encode(intent)


def decode_intent(kind: str, data: str) -> Intent:
    """Return the intent. Raises ``PermanentError`` if this version cannot read it."""
    intent: Intent = _of_kind(_INTENTS, kind).decode(data)
    return intent


def _of_kind(codecs: dict[str, Json[Any]], kind: str) -> Json[Any]:
    if kind not in codecs:
        raise PermanentError(FromNewerVersion(kind, is_known=False))
    return codecs[kind]
