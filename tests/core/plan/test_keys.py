"""The reader of ``.github/batch.yml`` and its JSON Schema, held against each other."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, ValidationError, validators

from bot.__main__ import main
from bot.core.documents import parse_document
from bot.core.plan.keys import FILE, rows, schema
from bot.core.plan.shapes import (
    Choice,
    Each,
    Either,
    Keys,
    Names,
    Shape,
    Text,
    Truth,
    Whole,
)
from bot.core.plan.sources import read_configuration
from bot.errors import ConfigurationError

REFUSED = yaml.safe_load(Path("fixtures/config/refused.yaml").read_text("utf-8"))
ACCEPTED = [
    *yaml.safe_load(Path("fixtures/config/accepted.yaml").read_text("utf-8")),
    Path("fixtures/config/full.yml").read_text("utf-8"),
]

BEYOND = re.compile(
    "there is no such action|cannot be done to|is never a default|needs arguments"
    "|stands here already|there is no time zone|cannot be read as a command"
    "|this is no command|starts no batch|leave /batch out|\u2018this\u2019 means nothing"
    "|more than one line|no RE2 pattern|takes write access|are controlled with write"
)
"""What a schema cannot say: names of actions, and what a pattern is to RE2."""

LETTERS = st.characters(max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc"))


def _pattern(
    _: object, pattern: str, instance: object, __: object
) -> Iterator[ValidationError]:
    """Match as ECMAScript does, where ``$`` is the end and nothing before it."""
    if isinstance(instance, str) and not re.search(
        re.sub(r"\$$", r"\\Z", pattern), instance
    ):
        yield ValidationError("does not match")


SCHEMA = validators.extend(Draft7Validator, {"pattern": _pattern})(schema())


def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Return values that a shape takes, more or less."""
    match shape:
        case Choice(of=words):
            return st.sampled_from([str(word) for word in words])
        case Text(pattern=pattern) if pattern:
            found = st.from_regex(pattern, fullmatch=True, alphabet=LETTERS)
            return found.filter(lambda t: len(t) < 90)
        case Text(examples=examples) if examples:
            return st.sampled_from(examples)
        case Text():
            return st.text(LETTERS, min_size=1, max_size=9)
        case Whole(least=least, most=most):
            return st.integers(least, most) | st.integers(least, most).map(float)
        case Truth():
            return st.booleans()
        case Each(of=of):
            return st.lists(values_of(of), max_size=3)
        case Keys(keys=keys, needs=needs):
            every = {name: values_of(key.takes) for name, key in keys.items()}
            return st.fixed_dictionaries(
                {name: every.pop(name) for name in needs}, optional=every
            )
        case Names(names=names, of=of):
            return st.dictionaries(values_of(names), values_of(of), max_size=3)
        case Either(word=word, list=listed, mapping=mapping):
            parts = [one for one in (word, listed, mapping) if one is not None]
            return st.one_of(*map(values_of, parts))
        case _:
            raise TypeError(shape)


FILES = values_of(FILE)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.text(LETTERS, max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(LETTERS, max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def nearly(draw: st.DrawFn) -> Any:
    """Return a file that fits, or one with something changed somewhere."""
    whole = draw(FILES)
    for _ in range(draw(st.integers(0, 2))):
        whole = _changed(draw, copy.deepcopy(whole))
    return whole


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 4)) == 0:
        return draw(ANYTHING)
    at: Any = draw(
        st.sampled_from(list(value) if isinstance(value, dict) else range(len(value)))
    )
    if draw(st.integers(0, 4)) == 0:
        del value[at]
    elif isinstance(value, dict) and draw(st.integers(0, 4)) == 0:
        value[draw(st.text(LETTERS, max_size=4))] = value.pop(at)
    else:
        value[at] = _changed(draw, value[at])
    return value


@settings(deadline=None, max_examples=150)
@given(nearly())
def test_the_schema_takes_what_the_bot_reads_and_nothing_else(value: object):
    faults = faults_of(json.dumps(value, ensure_ascii=False))
    if value is None or SCHEMA.is_valid(value):
        assert [one for one in faults if not BEYOND.search(one)] == []
    else:
        assert faults, next(SCHEMA.iter_errors(value))


def faults_of(text: str) -> list[str]:
    """Return what the bot says is wrong with a file."""
    try:
        read_configuration(text)
    except ConfigurationError as error:
        return [fault.words for fault in error.faults]
    return []


def test_the_schema_is_one_and_takes_every_example():
    Draft7Validator.check_schema(schema())
    for name, key in rows():
        if "." not in name and "[" not in name:
            SCHEMA.validate(yaml.safe_load(key.example))
            read_configuration(key.example)


@pytest.mark.parametrize(("name", "key"), list(rows()), ids=lambda one: str(one)[:40])
def test_each_example_is_what_its_key_takes(name: str, key: Any):
    word = re.split(r"[.\[\]]+", name)[-1]
    example = yaml.load(key.example, Loader=yaml.BaseLoader)  # noqa: S506 - all words
    assert list(example) == [word]


@pytest.mark.parametrize("text", ACCEPTED, ids=lambda text: repr(text)[:40])
def test_files_that_fit_do_for_the_bot_for_editors_and_on_the_command_line(
    text: str, tmp_path: Path
):
    assert faults_of(text) == []
    value = parse_document(text).value
    assert value is None or list(SCHEMA.iter_errors(value)) == []
    code, said = checked(tmp_path, text)
    assert code == 0
    assert said.startswith("batch.yml fits.")


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: repr(row["text"])[:40])
def test_files_that_do_not_fit_do_not_for_editors_nor_on_the_command_line(
    row: dict[str, Any], tmp_path: Path
):
    """What is no YAML an editor sees without the schema."""
    text, faults = row["text"], faults_of(row["text"])
    code, said = checked(tmp_path, text)
    assert code == 1
    assert [line.partition(": ")[2] for line in said.splitlines()] == faults
    assert any(row["says"] in fault for fault in faults)
    document = parse_document(text)
    if not document.faults and not all(map(BEYOND.search, faults)):
        assert not SCHEMA.is_valid(document.value)


def checked(folder: Path, text: str) -> tuple[int, str]:
    """Return how ``config check`` ends, and what it says, of a file of that text."""
    file = folder / "batch.yml"
    file.write_bytes(text.encode())
    found = CliRunner().invoke(main, ["config", "check", str(file)])
    return found.exit_code, found.stdout.replace(f"{folder}/", "").strip()
