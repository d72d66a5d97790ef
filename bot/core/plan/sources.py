"""From the files of a configuration to its values, or to all that is wrong with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core import documents
from bot.core.actions.table import ACTIONS
from bot.core.command.guesses import nearest
from bot.core.command.vocabulary import in_words
from bot.core.documents import Document, Fault, Path, parse_document
from bot.core.model import Action, ItemKind, Permit, Role
from bot.core.plan.configuration import PATH, LabelTrigger, RepositoryConfiguration
from bot.core.plan.keys import CONTROLS, EXTENDS, FILE, KEYS, RUN, SHOWN_IN
from bot.core.plan.schedules import run_problem
from bot.core.plan.shapes import Findings
from bot.errors import ConfigurationError

RUNS = 'run: "merge author:app/dependabot label:ready"'
MAX_BYTES = 65_536
MOST_EXTENDED = 5
"""How many files one after the other a configuration is made of, besides its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is, on the default branch of a repository."""

    repository: str  # owner/name
    path: str = PATH

    def __str__(self) -> str:
        return f"{self.repository}:{self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """What is the same for two names of one file."""
        return self.repository.casefold(), self.path


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a configuration."""

    content: str | bytes | None  # None: no text
    name: str = PATH  # as it is called in what is said of it
    is_private: bool = False  # not everybody who sees what is said of it may see it


@dataclass(frozen=True, slots=True)
class Gone:
    """The file is taken away."""


def read_configuration(text: str | None) -> RepositoryConfiguration:
    """Return the configuration that *text* holds; the defaults for None or nothing.

    Raises ``ConfigurationError`` with everything that does not fit.
    """
    return RepositoryConfiguration() if text is None else read_sources([Source(text)])


def read_sources(sources: Sequence[Source]) -> RepositoryConfiguration:
    """Return what files come to of which each extends the next.

    A key of the first level that a file has takes the place of the one that it extends,
    as Probot has it. What the last file extends in turn is not looked at.

    Raises ``ConfigurationError`` with everything that does not fit.
    """
    readings = [_given(source) for source in sources]
    merged: dict[str, Any] = {}
    found_in: dict[str, Findings] = {}
    is_partial = "extends" in readings[-1][0] or any(
        _hides_actions(found) for _, found in readings
    )
    for given, _ in readings[1:]:
        given.pop("schedules", None)  # which are in the name of who pushed the own file
    for given, _ in readings:
        given.pop("shown_in", None)  # for which the own file alone is asked
    for given, found in reversed(readings):
        given.pop("extends", None)
        merged |= given
        found_in |= dict.fromkeys(given, found)
    configuration = RepositoryConfiguration(**merged)
    if not is_partial:
        _check_names(configuration, found_in)
    _raise_if_faulty([found for _, found in readings])
    return configuration


def shown_in(own: Source | None) -> frozenset[str]:
    """Return the repositories, in small letters, in whose threads a repository lets its
    items be shown; *own* is its own file. None if that is no YAML or this key has a fault;
    faults of other keys change nothing of it.
    """
    if own is None:
        return frozenset()
    given, found = _given(own)
    if any(fault.key.partition("[")[0] in ("", SHOWN_IN) for fault in found.faults):
        return frozenset()
    return frozenset(name.casefold() for name in given.get("shown_in", ()))


def _hides_actions(found: Findings) -> bool:
    """Return whether a fault of a file leaves open which actions there are.

    An unknown setting may be the actions, misspelled.
    """
    keys = {fault.key.partition(".")[0] for fault in found.faults}
    return bool(keys & {"actions", "_extends"} or keys - KEYS.keys())


def extended(source: Source, chain: Sequence[Place]) -> Place | None:
    """Return the file that *source* extends, None if it extends none.

    *chain* are the files up to it, the first one first. Raises ``ConfigurationError`` if
    it cannot be extended.
    """
    given, found = _given(source)
    if not (says := given.get("extends")) or not (named := EXTENDS.fullmatch(says)):
        return None
    here = chain[-1]
    owner = named["owner"] or here.repository.partition("/")[0]
    place = Place(f"{owner}/{named['name']}", named["path"] or chain[0].path)
    at = ("_extends",)
    before = len(found.faults)
    with found.example(""):
        if place.key in [one.key for one in chain]:
            circle = " \u2192 ".join(map(str, (*chain, place)))
            found.say(at, f"files extend each other in a circle: {circle}")
        elif len(chain) > MOST_EXTENDED:
            found.say(
                at,
                f"no more than {MOST_EXTENDED} files can be extended one after the other",
            )
    if len(found.faults) > before:
        raise ConfigurationError(found.faults)
    return place


def not_there(source: Source, place: Place) -> ConfigurationError:
    """Return what is wrong with a file that extends one that cannot be read."""
    _, found = _given(source)
    with found.example(""):
        found.say(
            ("_extends",),
            f"{place} is not there, or the app may not read it: it is installed on its"
            " own repositories alone, and reads what is public",
        )
    return ConfigurationError(found.faults)


def _raise_if_faulty(findings: Sequence[Findings]) -> None:
    if any(found.faults for found in findings):
        by_line = [sorted(f.faults, key=lambda one: one.line) for f in findings]
        raise ConfigurationError([fault for faults in by_line for fault in faults])


def _given(source: Source) -> tuple[dict[str, Any], Findings]:
    """Return what a file says, by field, and what is wrong with it."""
    document = _document(source.content)
    found = Findings(source.name, document, is_private=source.is_private)
    if document.value is None:
        return {}, found
    if not isinstance(document.value, dict):
        if not document.faults:
            with found.example(KEYS["home"].example):
                found.say((), "this is no list of settings, each on a line")
        return {}, found
    given = FILE.given(document.value, (), found)
    if (label := given.pop("label", None)) is not None:
        given["labels"] = {label: LabelTrigger()}
    return given, found


def _document(content: str | bytes | None) -> Document:
    if content is None:
        problem = "this is no text in UTF-8; save the file in UTF-8"
        return Document(faults=(Fault(documents.Place(), problem),))
    if isinstance(content, str):
        content = content.encode(errors="surrogatepass")
    if len(content) > MAX_BYTES:
        problem = f"this is larger than {MAX_BYTES // 1024} KiB; shorten it"
        return Document(faults=(Fault(documents.Place(), problem),))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        problem = "this is no text in UTF-8 from here on; save the file in UTF-8"
        return Document(faults=(Fault(documents.Place(line, column), problem),))
    return parse_document(text)


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
    for name in (permissions := configuration.permissions).named:
        if problem := _misplaced(configuration, name, permissions.named[name]):
            found = found_in["permissions"]
            with found.example(KEYS["permissions"].example):
                found.say(("permissions", name), problem, of_key=True)
    _check_schedules(configuration, found_in)
    for key in ("labels", "review_requests"):
        seen: dict[str, str] = {}
        for name in getattr(configuration, key):
            if (first := seen.setdefault(name.casefold(), name)) != name:
                found = found_in[key]
                problem = f"{found.shown(first)} stands here already: large and small letters are the same"
                found.say((key, name), problem, of_key=True)


def _check_schedules(
    configuration: RepositoryConfiguration, found_in: Mapping[str, Findings]
) -> None:
    """Check what schedules run, and that none is there twice."""
    actions = tuple(configuration.actions)
    for index, one in enumerate(configuration.schedules):
        found = found_in["schedules"]
        if problem := run_problem(one.run, actions=actions):
            with found.example(RUNS):
                found.say(("schedules", index, "run"), problem)
        elif one in configuration.schedules[:index]:
            with found.example(""):
                found.say(("schedules", index), "the same stands here already")


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


def _misplaced(
    configuration: RepositoryConfiguration, name: str, permit: Permit
) -> str:
    """Return why nobody can be given, or be given so cheaply, what a permission names."""
    names = [RUN, *CONTROLS, *configuration.action_names]
    if name not in names:
        guess = nearest(name, names)
        hint = f"did you mean {guess}?" if guess else f"there is {in_words(names)}"
        return f"there is no such action or control; {hint}"
    if permit.role >= Role.WRITE:
        return ""
    if name in CONTROLS:
        return "batches of others are controlled with write access at least"
    does = configuration.resolve(Action(name)).action.does
    if ACTIONS[does].role > Role.WRITE:
        return f"{does} takes write access at least"
    return ""


def _no_default(configuration: RepositoryConfiguration, name: str) -> str:
    does = configuration.resolve(Action(name)).action.does
    if ACTIONS[does].role > Role.WRITE:
        return f"{does} is never a default; type it in the command"
    return ""
