"""What values of a configuration look like: each shape reads them, and is a JSON Schema.

A shape says of itself in words what it takes, so what is wrong, the schema and the tables
of the documentation come from the one place where a key is named.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from bot.core.command.guesses import nearest
from bot.core.command.vocabulary import in_words
from bot.core.documents import BROKEN, Document, Path
from bot.core.world.markdown import cut
from bot.errors import ConfigurationFault

_MOST_SHOWN = 60


class Findings:
    """Collects what is wrong with a file while its values are read."""

    def __init__(self, file: str, document: Document, *, is_private: bool) -> None:
        self.faults = [
            ConfigurationFault(
                file,
                one.problem,
                one.place.line,
                one.place.column,
                one.place.end_column,
            )
            for one in document.faults
        ]
        self._file = file
        self._document = document
        self._is_private = is_private
        self._examples: list[str] = [""]

    def say(self, at: Path, problem: str, *, of_key: bool = False) -> None:
        """Note what is wrong with the value at a path, or with its key."""
        document = self._document
        place = document.place_of_key(at) if of_key else document.place_of(at)
        name = "".join(
            f"[{part}]" if isinstance(part, int) else f".{self.shown(part)}"
            for part in at
        )
        fault = ConfigurationFault(
            file=self._file,
            line=place.line,
            column=place.column,
            end_column=place.end_column,
            key=name[1:],
            says=problem,
            example=self._examples[-1],
        )
        self.faults.append(fault)

    def say_of_file(self, problem: str) -> None:
        """Note what is wrong with all of it."""
        self.faults.append(ConfigurationFault(self._file, problem))

    def existing(self, at: Path) -> Path:
        """Return the longest part of a path at which there is a value."""
        while at and at not in self._document.values:
            at = at[:-1]
        return at

    def shown(self, text: str) -> str:
        """Return words of the file, short and on one line; none of a private file.

        Whoever writes a configuration may name files that only the app can read.
        """
        plain = re.sub(r"[^\x20-\x7e\xa0-\uffff]+|\s+", " ", text).strip()
        return "\u2026" if self._is_private else cut(plain, _MOST_SHOWN)

    @contextmanager
    def example(self, example: str) -> Iterator[None]:
        """Give an example with what is said meanwhile."""
        self._examples.append(example or self._examples[-1])
        try:
            yield
        finally:
            self._examples.pop()


class Shape(Protocol):
    """What a value looks like."""

    @property
    def form(self) -> str:
        """What it takes, in words behind “must be”."""

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return what the value means; None once something is said of it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    of: type[StrEnum]

    @property
    def form(self) -> str:
        """What it takes."""
        return in_words([str(one) for one in self.of])

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        return {"enum": [str(one) for one in self.of]}

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return the member."""
        words = [str(one) for one in self.of]
        if isinstance(value, str) and value in words:
            return self.of(value)
        return _wrong(value, at, found, f"this must be {self.form}")


@dataclass(frozen=True, slots=True)
class Text:
    """Text, of a pattern that has words of its own if there is one."""

    most: int = 100
    pattern: str = ""  # of the whole text, in what Python and ECMAScript share
    words: str = ""
    check: Callable[[str], str] = lambda _: ""  # what is wrong, if a pattern cannot say
    likely: Callable[[str], str] = lambda _: ""  # what of the pattern may be meant
    examples: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """What it takes."""
        return self.words or "text"

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        found: dict[str, Any] = {
            "type": "string",
            "minLength": 1,
            "maxLength": self.most,
        }
        if self.pattern:
            found["pattern"] = f"^(?:{self.pattern})$"
        if self.examples:
            found["examples"] = list(self.examples)
        return found

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return the text."""
        if not isinstance(value, str):
            is_scalar = isinstance(value, bool | int | float)
            what = "text; put it in quotes" if is_scalar else self.form
            return _wrong(value, at, found, f"this must be {what}")
        if not value:
            return _wrong(value, at, found, f"this is empty; it must be {self.form}")
        if len(value) > self.most:
            return _wrong(
                value, at, found, f"this is longer than {self.most} characters"
            )
        if self.pattern and not re.fullmatch(self.pattern, value):
            guess = self.likely(value) if found.shown(value) != "\u2026" else ""
            hint = f"; did you mean {guess}?" if guess else ""
            problem = f"\u201c{found.shown(value)}\u201d is not {self.form}{hint}"
            return _wrong(value, at, found, problem)
        problem = self.check(value)
        if problem:
            shown = "\u2026" if found.shown(value) == "\u2026" else problem
            return _wrong(value, at, found, shown)
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a range."""

    least: int
    most: int

    @property
    def form(self) -> str:
        """What it takes."""
        return f"a whole number from {self.least} to {self.most}"

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, value: Any, at: Path, found: Findings) -> Any:
        """Return the number."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self.least <= value <= self.most and value == int(value):
            return int(value)
        return _wrong(value, at, found, f"this must be {self.form}")


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` or ``false``."""

    form: str = "true or false"

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        return {"type": "boolean"}

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return the truth value."""
        if isinstance(value, bool):
            return value
        return _wrong(value, at, found, f"this must be {self.form}")


@dataclass(frozen=True, slots=True)
class Each:
    """A list, all of one shape."""

    of: Shape
    most: int = 50
    least: int = 0

    @property
    def form(self) -> str:
        """What it takes."""
        return f"a list, each entry {self.of.form}"

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        found = {"type": "array", "items": self.of.schema, "maxItems": self.most}
        return found | ({"minItems": self.least} if self.least else {})

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return what the entries mean."""
        if not isinstance(value, list):
            return _wrong(
                value, at, found, "this must be a list, each entry after a dash"
            )
        if not self.least <= len(value) <= self.most:
            problem = f"this has {len(value)} entries; it must have {self.least} to {self.most}"
            return _wrong(value, at, found, problem)
        read = [
            self.of.read(one, (*at, index), found) for index, one in enumerate(value)
        ]
        return tuple(one for one in read if one is not None)


@dataclass(frozen=True, slots=True)
class Key:
    """What a key takes, what it is for, and how it is written."""

    takes: Shape
    says: str
    example: str = ""
    field: str = ""  # of the dataclass; empty: called like the key


Check = Callable[[Mapping[str, Any], Path, Findings], None]
"""Says what is wrong with the settings that are given, by field, beside each other."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Settings of their own, each with its key."""

    make: Callable[..., Any]
    keys: Mapping[str, Key]
    needs: tuple[str, ...] = ()
    check: Check = lambda *_: None
    rules: Mapping[str, Any] = field(default_factory=dict)  # the check as a JSON Schema

    @property
    def form(self) -> str:
        """What it takes."""
        return f"settings: {', '.join(self.keys)}"

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        found: dict[str, Any] = {
            "type": "object",
            "properties": {
                name: {"description": key.says, **key.takes.schema}
                for name, key in self.keys.items()
            },
            "additionalProperties": False,
        }
        if self.needs:
            found["required"] = list(self.needs)
        found.update(self.rules)
        return found

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return what was made of the settings."""
        before = len(found.faults)
        given = self.given(value, at, found)
        return None if len(found.faults) > before else self.make(**given)

    def given(self, value: object, at: Path, found: Findings) -> dict[str, Any]:
        """Return what the settings that are there mean, by field."""
        given: dict[str, Any] = {}
        if not isinstance(value, dict):
            _not_a_mapping(value, at, found)
            return given
        before = len(found.faults)
        for name, one in value.items():
            key = self.keys.get(name)
            if key is None:
                guess = nearest(name, self.keys)
                known = in_words(list(self.keys), last="and")
                hint = f"did you mean {guess}?" if guess else f"there is {known}"
                with found.example(self.keys[guess].example if guess else ""):
                    found.say((*at, name), f"unknown setting; {hint}", of_key=True)
                continue
            with found.example(key.example):
                meant = key.takes.read(one, (*at, name), found)
            if meant is not None:
                given[key.field or name.replace("-", "_")] = meant
        for name in self.needs:
            if name not in value:
                with found.example(self.keys[name].example):
                    found.say(at, f"\u2018{name}\u2019 is missing")
        if len(found.faults) == before:
            self.check(given, at, found)
        return given


@dataclass(frozen=True, slots=True)
class Names:
    """Entries with names that are the repository's own."""

    names: Text
    of: Shape
    known: tuple[str, ...] = ()  # to be offered
    most: int = 100
    reserved: tuple[str, ...] = ()
    why_reserved: str = ""

    @property
    def form(self) -> str:
        """What it takes."""
        return f"names, each with {self.of.form}"

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        names = self.names.schema
        if self.reserved:
            names["not"] = {"enum": list(self.reserved)}
        found: dict[str, Any] = {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": self.of.schema,
            "maxProperties": self.most,
        }
        if self.known:
            found["properties"] = dict.fromkeys(self.known, self.of.schema)
        return found

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return what each name stands for."""
        if not isinstance(value, dict):
            return _not_a_mapping(value, at, found)
        if len(value) > self.most:
            found.say(at, f"this has {len(value)} entries; there may be {self.most}")
            return None
        read: dict[str, Any] = {}
        for name, one in value.items():
            if name in self.reserved:
                found.say((*at, name), f"{name} {self.why_reserved}", of_key=True)
            elif self._is_name(name, at, found):
                meant = self.of.read(one, (*at, name), found)
                if meant is not None:
                    read[name] = meant
        return read

    def _is_name(self, name: str, at: Path, found: Findings) -> bool:
        is_name = 1 <= len(name) <= self.names.most and bool(
            not self.names.pattern or re.fullmatch(self.names.pattern, name)
        )
        if not is_name:
            shown = found.shown(name)
            problem = f"\u201c{shown}\u201d is not {self.names.form}"
            found.say((*at, name), problem, of_key=True)
        return is_name


@dataclass(frozen=True, slots=True)
class Either:
    """One shape for a word, another for what has parts."""

    word: Shape | None = None
    list: Shape | None = None
    mapping: Shape | None = None
    then: Callable[[Any], Any] = lambda meant: meant
    """What is made of a word or list; of a mapping if nothing else is taken."""

    @property
    def form(self) -> str:
        """What it takes."""
        return ", or ".join(one.form for one in self._shapes)

    @property
    def schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        schemas = [one.schema for one in self._shapes]
        return {"anyOf": schemas} if len(schemas) > 1 else schemas[0]

    @property
    def _shapes(self) -> Sequence[Shape]:
        return [one for one in (self.word, self.list, self.mapping) if one is not None]

    def read(self, value: object, at: Path, found: Findings) -> Any:
        """Return what the shape that fits the value's kind makes of it."""
        if isinstance(value, dict) and self.mapping is not None:
            meant = self.mapping.read(value, at, found)
            is_only = len(self._shapes) == 1 and meant is not None
            return self.then(meant) if is_only else meant
        if isinstance(value, list) and self.list is not None:
            meant = self.list.read(value, at, found)
        elif self.word is not None and not isinstance(value, dict | list):
            meant = self.word.read(value, at, found)
        else:
            return _wrong(value, at, found, f"this must be {self.form}")
        return None if meant is None else self.then(meant)


def _not_a_mapping(value: object, at: Path, found: Findings) -> Any:
    problem = "this must be settings of its own, indented below it"
    return _wrong(value, at, found, problem)


def _wrong(value: object, at: Path, found: Findings, problem: str) -> Any:
    """Say what is wrong with a value, unless that is said already; return None."""
    if value is BROKEN:
        return None
    if value is None:
        rest = problem.removeprefix("this ")
        problem = f"there is no value; {'it ' if rest != problem else ''}{rest}"
    found.say(at, problem)
    return None
