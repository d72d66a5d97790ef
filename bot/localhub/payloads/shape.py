"""What all shapes have in common."""

from datetime import datetime
from typing import Any

Json = dict[str, Any]


def timestamp(at: datetime) -> str:
    """Return an instant as GitHub writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def optional_timestamp(at: datetime | None) -> str | None:
    """Return an instant as GitHub writes it, or None."""
    return timestamp(at) if at is not None else None


def without(shape: Json, *keys: str) -> Json:
    """Return a shape with some fewer keys."""
    return {key: value for key, value in shape.items() if key not in keys}
