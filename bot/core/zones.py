"""The time zones that are known, as values from outside."""

from collections.abc import Mapping
from datetime import UTC, tzinfo

_known: list[Mapping[str, tzinfo]] = [{"UTC": UTC}]


def install(zones: Mapping[str, tzinfo]) -> None:
    """Let *zones* be all that are known, by their names in the tz database."""
    _known[:] = [zones]


def known_zones() -> Mapping[str, tzinfo]:
    """Return the zones that are known, by name."""
    return _known[0]
