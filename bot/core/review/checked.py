"""Holds what a stranger wrote against its form, in small parts.

A form is checked by compiled code, which lets nobody else run until it is done: whoever
checks a long list at once holds up the whole server.
"""

from collections.abc import Iterator, Sequence, Sized
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

MOST_NAMED = 10_000

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")

Items = Annotated[list[T], Field(fail_fast=True)]
"""A list of which the first mistake is told: with each of a million, memory ends."""


def _few(value: object) -> object:
    if isinstance(value, Sized) and len(value) > MOST_NAMED:
        message = f"there are {len(value):,}; at most {MOST_NAMED:,} are read"
        raise ValueError(message)
    return value


Few = BeforeValidator(_few)
"""For objects with names of their writer's choice."""


class Misfit(ValueError):
    """Something is not of its form."""

    def __init__(self, place: Path, detail: ErrorDetails, more: int) -> None:
        super().__init__(detail["msg"])
        self.place = place
        self.detail = detail
        self.more = more  # mistakes


def checked(model: type[Model], value: object, place: Path = ()) -> Model:
    """Return a value in its form; *place* is where it stands. Raises ``Misfit``."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = (*place, *first["loc"])
        raise Misfit(where, first, error.error_count() - 1) from error


def each(
    model: type[Model], values: Sequence[object], place: Path = ()
) -> Iterator[Model]:
    """Yield values in their form, one at a time. Raises ``Misfit``."""
    for number, value in enumerate(values):
        yield checked(model, value, (*place, number))
