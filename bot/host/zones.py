"""The time zones of the package ``tzdata``, whatever this machine has of its own."""

from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from functools import cached_property
from importlib.resources import files
from zoneinfo import ZoneInfo

from bot.core import zones

_PACKAGE = "tzdata"
_NOT_PLACES = ("Factory", "localtime", "posixrules")


class Zones(Mapping[str, tzinfo]):
    """Every zone by its name; each is read when somebody first asks for it."""

    def __init__(self) -> None:
        self._read: dict[str, tzinfo] = {"UTC": UTC}

    def __getitem__(self, name: str) -> tzinfo:
        if name not in self._read:
            if name not in self._names:
                raise KeyError(name)
            with files(_PACKAGE).joinpath("zoneinfo", *name.split("/")).open("rb") as f:
                self._read[name] = ZoneInfo.from_file(f, key=name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> Mapping[str, None]:
        text = files(_PACKAGE).joinpath("zones").read_text("utf-8")
        names = (line.strip() for line in text.splitlines())
        return {one: None for one in names if one and one not in _NOT_PLACES}


def install_zones() -> None:
    """Let the core know all zones."""
    zones.install(Zones())
