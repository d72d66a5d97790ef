"""The ``/batch`` command language: text to commands, or to what is wrong with it.

Reading goes from left to right and on past what is wrong, so that one reply can name
every fault. A fault may know the edit that mends it; if all do, and the mended line
can be read, it is offered as the correction.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.core.command.changes import is_prose_of_change
from bot.core.command.controls import BATCH_ID, read_control
from bot.core.command.faults import Fault, FaultyLine, Unreadable
from bot.core.command.flaws import Edit, Flaw, mended
from bot.core.command.guesses import meant
from bot.core.command.items import ItemsReader
from bot.core.command.limits import Limits
from bot.core.command.lines import find_command_lines
from bot.core.command.sentence import MAX_FAULTS
from bot.core.command.syntax import Add, Command, Help, Plan, Span
from bot.core.command.tokens import GHOSTS, Token, hidden_in
from bot.core.command.vocabulary import (
    CONTROLS,
    COURTESY,
    SYNONYMS,
    TOPICS,
    YIELDING,
)
from bot.core.command.words import is_word
from bot.core.model import BatchId

DEFAULT_LIMITS = Limits()
MAX_COMMANDS = 20
MAX_WORDS = 1200
_MOST_MENDED = 3
MAX_LENGTH = 16_384

_COMMAND = re.compile(rf"\s*/batch(?=[\s{GHOSTS}]|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Misread:
    """A line that is no command as it stands. ``corrected`` is empty if nobody can say
    what was meant.
    """

    line: FaultyLine
    corrected: str = ""


def parse_comment(
    text: str, *, actions: Collection[str] = (), limits: Limits = DEFAULT_LIMITS
) -> tuple[Command, ...] | Unreadable | None:
    """Return the commands of a comment, or None if it holds none.

    They come as they stand, and only if all of them can be read.
    """
    lines = find_command_lines(text)
    if not lines:
        return None
    if len(lines) > MAX_COMMANDS:
        message = f"a comment may hold {MAX_COMMANDS} commands; this has {len(lines)}"
        line = lines[MAX_COMMANDS]
        return Unreadable((FaultyLine(line, (Fault(0, len("/batch"), message),)),))
    results = [parse_command(line, actions=actions, limits=limits) for line in lines]
    commands = tuple(result for result in results if not isinstance(result, Misread))
    if len(commands) == len(results):
        return commands
    misread = [result for result in results if isinstance(result, Misread)]
    corrected = ""
    if all(result.corrected for result in misread):
        corrected = "\n".join(
            result.corrected if isinstance(result, Misread) else line
            for line, result in zip(lines, results, strict=True)
        )
    return Unreadable(tuple(result.line for result in misread), corrected)


def parse_command(
    line: str, *, actions: Collection[str] = (), limits: Limits = DEFAULT_LIMITS
) -> Command | Misread:
    """Return what a line that starts with ``/batch`` asks for, or what is wrong with it.

    *actions* are the names that the repository adds to the built-in ones. Never raises.
    """
    result = _read(line, actions, limits)
    if not isinstance(result, list):
        return result
    flaws = sorted(result, key=lambda flaw: flaw.fault.column)
    corrected = _mended(line, flaws, actions, limits)
    faults = tuple(flaw.fault for flaw in flaws[:MAX_FAULTS])
    return Misread(FaultyLine(line, faults), corrected)


def _mended(
    line: str, flaws: Sequence[Flaw], actions: Collection[str], limits: Limits
) -> str:
    """Return the line as it can be read; nothing if nobody can say how."""
    for _ in range(_MOST_MENDED):
        line = mended(line, flaws)
        if not line:
            break
        again = _read(line, actions, limits)
        if not isinstance(again, list):
            return "" if again == Help(is_bare=True) else line
        # What was wrong before may have hidden it: timeout 30, then its unit.
        flaws = sorted(again, key=lambda flaw: flaw.fault.column)
    return ""


def _read(line: str, actions: Collection[str], limits: Limits) -> Command | list[Flaw]:
    start = _COMMAND.match(line)
    if start is None:
        return [_hopeless(Span(0, 1), "a command starts with /batch")]
    if len(line) > MAX_LENGTH:
        message = f"a command may have {MAX_LENGTH} characters"
        return [_hopeless(Span(0, start.end()), message)]
    reader = ItemsReader(line, start.end(), actions=actions, limits=limits)
    if not reader.tokens:
        return Help(is_bare=True)
    if len(reader.tokens) > MAX_WORDS:
        message = f"a command may have {MAX_WORDS} words, and this is one too many"
        return [_hopeless(reader.tokens[MAX_WORDS].span, message)]
    for token in reader.tokens:
        if (seen := hidden_in(token)) is not None:
            reader.flaw(token.span, f"an invisible character is in {seen}", fix=seen)
    command = None if reader.flaws else _dispatch(reader)
    if command is None or reader.flaws:
        return reader.flaws
    return command


def _hopeless(span: Span, message: str) -> Flaw:
    return Flaw(Fault(span.column, max(1, span.length), message), None)


def _dispatch(reader: ItemsReader) -> Command | None:
    while len(reader.tokens) > 1 and reader.tokens[0].folded.strip(",") in COURTESY:
        polite, *reader.tokens = reader.tokens
        reader.flaw(polite.span, "this is no part of a command", fix="")
    first = reader.tokens[0]
    if first.folded == "plan":
        reader.at = 1
        run = reader.read()
        return Plan(replace(run, is_dry_run=True)) if run else None
    is_own = first.folded in YIELDING and first.folded in reader.names
    if first.folded in CONTROLS and first.folded != "add" and not is_own:
        return read_control(reader, reader.names)
    if SYNONYMS.get(first.folded) == "help" and len(reader.tokens) == 1:
        return Help()
    if first.folded in TOPICS and len(reader.tokens) == 1:
        meant_topic = f"help {first.folded}"
        message = f"this is a topic of the help: {meant_topic}"
        reader.flaw(first.span, message, fix=meant_topic)
        return None
    bare = first.folded.strip("?!./")
    if bare != first.folded and bare in (*CONTROLS, *reader.names):
        reader.flaw(first.span, f"did you mean {bare}?", fix=bare)
        return None
    if is_prose_of_change(reader):
        return reader.read()
    is_known = first.folded in (*reader.names, "this", "and", "after", "dry-run")
    if first.folded == "add" and not is_own:
        return _add(reader)
    if is_word(first) and not is_known:
        return _unknown_word(reader, first)
    return reader.read()


def _add(reader: ItemsReader) -> Add | None:
    """Return what is added to which batch."""
    first, *rest = reader.tokens
    found = BatchId(rest[0].folded) if rest and BATCH_ID.match(rest[0].text) else None
    if _names_batch_last(rest):
        to, last = rest[-2:]
        whole = Span(to.column, last.end - to.column)
        moved = Edit(Span(rest[0].column, 0), f"{last.folded} ")
        message = f"the batch comes first: add {last.folded} 12"
        reader.flaw_with(whole, message, (moved, Edit(whole, "")))
        return None
    reader.at = 2 if found else 1
    if reader.following is None:
        reader.flaw(first.span, "name an item: add 21", fix=None)
        return None
    run = reader.read()
    if run is not None and run.is_dry_run:
        message = "what is added starts: leave dry-run out"
        reader.flaw(first.span, message, fix=None)
    return Add(found, run) if run else None


def _names_batch_last(rest: Sequence[Token]) -> bool:
    """Return whether words end as in ``add 12 to b7k2``."""
    if len(rest) < 3 or rest[-2].folded not in ("to", "into"):
        return False
    return BATCH_ID.match(rest[-1].text) is not None


def _unknown_word(reader: ItemsReader, first: Token) -> Command | None:
    words = (*CONTROLS, *reader.names)
    guess = meant(first.text, words)
    if not guess:
        return reader.read()
    if reader.is_refused(guess):
        message = (
            f"unknown word; {guess} is the one, and this server cannot do that yet"
        )
        reader.flaw(first.span, message, fix=None)
    else:
        reader.flaw(first.span, f"unknown word; did you mean {guess}?", fix=guess)
    reader.at = 1
    if guess in reader.names:
        reader.lead_with(first, reader.names[guess])
    elif guess != "plan":
        # The rest is read as well, so that its faults are named too.
        reader.tokens = [replace(first, text=guess), *reader.tokens[1:]]
        return read_control(reader, reader.names)
    return reader.read()
