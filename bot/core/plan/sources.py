"""From the files of a configuration to its values, or to all that is wrong with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.actions.table import ACTIONS
from bot.core.command.guesses import nearest
from bot.core.command.vocabulary import in_words
from bot.core.documents import Document, Path, parse_document
from bot.core.model import Action, ItemKind, Role
from bot.core.plan.configuration import PATH, LabelTrigger, RepositoryConfiguration
from bot.core.plan.keys import KEYS
from bot.core.plan.shapes import Findings, Keys
from bot.errors import ConfigurationError

MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a configuration."""

    text: str
    name: str = PATH
    is_private: bool = False  # not everybody who sees what is said of it may see it


def read_configuration(text: str | None) -> RepositoryConfiguration:
    """Return the configuration that *text* holds; the defaults for None or nothing.

    Raises ``ConfigurationError`` with everything that does not fit.
    """
    return RepositoryConfiguration() if text is None else read_sources([Source(text)])


def read_sources(sources: Sequence[Source]) -> RepositoryConfiguration:
    """Return what files come to of which each extends the next.

    A key of the first level that a file has takes the place of the one that it extends.

    Raises ``ConfigurationError`` with everything that does not fit.
    """
    readings = [_given(source) for source in sources]
    _raise_if_faulty([found for _, found in readings])
    merged: dict[str, Any] = {}
    found_in: dict[str, Findings] = {}
    for given, found in reversed(readings):
        merged |= given
        found_in |= dict.fromkeys(given, found)
    configuration = RepositoryConfiguration(**merged)
    _check_names(configuration, found_in)
    _raise_if_faulty([found for _, found in readings])
    return configuration


def _raise_if_faulty(findings: Sequence[Findings]) -> None:
    if any(found.faults for found in findings):
        by_line = [sorted(f.faults, key=lambda one: one.line) for f in findings]
        raise ConfigurationError([fault for faults in by_line for fault in faults])


_FILE = Keys(dict, KEYS)


def _given(source: Source) -> tuple[dict[str, Any], Findings]:
    """Return what a file says, by field, and what is wrong with it."""
    if len(source.text.encode(errors="surrogatepass")) > MAX_BYTES:
        found = Findings(source.name, Document(), is_private=source.is_private)
        found.say_of_file(f"this is larger than {MAX_BYTES // 1024} KiB; shorten it")
        return {}, found
    document = parse_document(source.text)
    found = Findings(source.name, document, is_private=source.is_private)
    if document.value is None:
        return {}, found
    if not isinstance(document.value, dict):
        if not document.faults:
            with found.example(KEYS["home"].example):
                found.say((), "this is no list of settings, each on a line")
        return {}, found
    given = _FILE.given(document.value, (), found)
    if (label := given.pop("label", None)) is not None:
        if "labels" in given:
            problem = "\u2018labels\u2019 says it already; leave one of them out"
            found.say(("label",), problem, of_key=True)
        given["labels"] = {label: LabelTrigger()}
    return given, found


def _check_names(
    configuration: RepositoryConfiguration, found_in: Mapping[str, Findings]
) -> None:
    """Check the names of actions against each other and the language."""
    for at, name, kind in _actions_named(configuration):
        key = str(at[0])
        if (found := found_in.get(key)) is None:
            continue  # the default
        problem = _misnamed(configuration, name, kind)
        if not problem and key == "defaults":
            problem = _no_default(configuration, name)
        if problem:
            with found.example(KEYS[key].example):
                found.say(found.existing(at), problem)
    for key in ("labels", "review_requests"):
        seen: dict[str, str] = {}
        for name in getattr(configuration, key):
            if (first := seen.setdefault(name.casefold(), name)) != name:
                found = found_in[key]
                problem = f"{found.shown(first)} stands here already: large and small letters are the same"
                found.say((key, name), problem, of_key=True)


def _actions_named(
    configuration: RepositoryConfiguration,
) -> Iterator[tuple[Path, str, ItemKind | None]]:
    """Yield the names of actions, where each stands, and for which kind of items."""
    for kind in ItemKind:
        yield ("defaults", kind.value), configuration.defaults.action_for(kind), kind
    for label, trigger in configuration.labels.items():
        if trigger.does:
            yield ("labels", label, "do"), trigger.does, None
    for reviewer, asked in configuration.review_requests.items():
        at = ("review_requests", reviewer, "do")
        yield at, asked.does, ItemKind.PULL_REQUEST


def _misnamed(
    configuration: RepositoryConfiguration, name: str, kind: ItemKind | None
) -> str:
    """Return why an action cannot stand where it is named."""
    names = list(configuration.action_names)
    if name not in names:
        guess = nearest(name, names)
        hint = f"did you mean {guess}?" if guess else f"there is {in_words(names)}"
        return f"there is no such action; {hint}"
    resolved = configuration.resolve(Action(name))
    if kind is not None and not resolved.applies_to.includes(kind):
        what = "an issue" if kind is ItemKind.ISSUE else "a pull request"
        return f"{name} cannot be done to {what}"
    if not resolved.action.uses and ACTIONS[name].arguments.are_needed:
        return f"{name} needs arguments; make an action of your own from it"
    return ""


def _no_default(configuration: RepositoryConfiguration, name: str) -> str:
    does = configuration.resolve(Action(name)).action.does
    if ACTIONS[does].role > Role.WRITE:
        return f"{does} is never a default; type it in the command"
    return ""
