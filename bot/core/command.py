"""The ``/batch`` command language: text to commands, or to what is wrong with it.

Reading goes from left to right and on past what is wrong, so that one reply can name
every fault. A fault may know the edit that mends it; if all do, and the mended line
can be read, it is offered as the correction.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from bot.core.command_lines import find_command_lines
from bot.core.configuration import Limits
from bot.core.model import Action, BatchId, Deps, ItemNumber, OnFailure
from bot.core.problems import Fault, FaultyLine, Unreadable
from bot.core.references import MAX_DIGITS, qualified_reference
from bot.core.syntax import (
    NUMERIC,
    Cancel,
    Command,
    Exclusion,
    Filter,
    GivenOptions,
    Group,
    Help,
    ItemName,
    Number,
    Pause,
    Plan,
    Qualified,
    Range,
    Resume,
    Retry,
    RunCommand,
    Selector,
    Skip,
    Span,
    Start,
    Status,
    SubIssues,
    Tasks,
    Term,
    This,
    Why,
    Word,
    format_command,
    format_selector,
    quoted,
)
from bot.core.vocabulary import (
    BATCH_OPTIONS,
    BUILTIN_ACTIONS,
    COLLECTIONS,
    CONTROLS,
    FILTERS,
    ITEM_OPTIONS,
    PRIORITIES,
    TOPICS,
    in_words,
    nearest,
)

__all__ = [
    "Cancel",
    "Command",
    "Exclusion",
    "Filter",
    "GivenOptions",
    "Group",
    "Help",
    "ItemName",
    "Limits",
    "Misread",
    "Number",
    "Pause",
    "Plan",
    "Qualified",
    "Range",
    "Resume",
    "Retry",
    "RunCommand",
    "Selector",
    "Skip",
    "Span",
    "Start",
    "Status",
    "SubIssues",
    "Tasks",
    "Term",
    "This",
    "Why",
    "Word",
    "format_command",
    "parse_command",
    "parse_comment",
]

DEFAULT_LIMITS = Limits()
MAX_COMMANDS = 20
MAX_WORDS = 1200
MAX_LENGTH = 16_384
MAX_FAULTS = 10
MAX_TIMEOUT_SECONDS = 24 * 3600
MAX_RETRIES = 5

_COMMAND = re.compile(r"\s*/batch(?=\s|\Z)", re.IGNORECASE)
_QUOTED = r'"(?:\\(?:.|\Z)|[^"\\])*+(?:"|\Z)|\u201c[^\u201d]*+(?:\u201d|\Z)'
_TOKEN = re.compile(
    rf"""
    (?P<gap>[\s,]++)
    | (?P<mark>[()\[\]])
    | (?P<after>after:[^\s()\[\]"]*+)  # its commas belong to it
    | (?P<word>(?:{_QUOTED}|[^\s,()\[\]"\u201c])++)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WHOLE_QUOTED = re.compile(rf"(?:{_QUOTED})\Z", re.DOTALL)
_KEY = re.compile(r"(?P<key>[A-Za-z][\w-]*):(?P<value>.*)", re.DOTALL)
_ID = re.compile(r"(?:[a-z][0-9]){2,4}\Z", re.IGNORECASE)
_DURATION = re.compile(
    r"(?=.)(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,5})s)?\Z", re.IGNORECASE
)
_LOOSE_DURATION = re.compile(
    r"([0-9]{1,5})\s*(h|m|s)(?:ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)\Z", re.IGNORECASE
)
_WORKFLOW = re.compile(r"[\w.-]+\.ya?ml\Z", re.IGNORECASE)
_INPUT = re.compile(r"(?P<key>[A-Za-z_][\w-]*)=(?P<value>.*)", re.DOTALL)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}(?:\[bot\])?\Z")
_GITHUB_NUMBER = re.compile(rf"GH-([1-9][0-9]{{0,{MAX_DIGITS - 1}}})\Z", re.IGNORECASE)
_LOOKALIKES = str.maketrans("lIOo", "1100")

_ITEM_HELP = "use a number, a range like 12..18, review:63 or a link"


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
    reader = _Reader(line, actions, limits)
    command = reader.read()
    if command is not None and not reader.flaws:
        return command
    flaws = sorted(reader.flaws, key=lambda flaw: flaw.fault.column)
    corrected = _mended(line, flaws)
    if corrected:
        again = _Reader(corrected, actions, limits)
        if again.read() is None or again.flaws:
            corrected = ""
    faults = tuple(flaw.fault for flaw in flaws[:MAX_FAULTS])
    return Misread(FaultyLine(line, faults), corrected)


@dataclass(frozen=True, slots=True)
class _Edit:
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class _Flaw:
    """A fault with the edits that mend it; None if nobody can say."""

    fault: Fault
    edits: tuple[_Edit, ...] | None


def _mended(line: str, flaws: Sequence[_Flaw]) -> str:
    """Return the line with all edits made, or nothing if a flaw has none."""
    edits: list[_Edit] = []
    for flaw in flaws:
        if flaw.edits is None:
            return ""
        edits.extend(flaw.edits)
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.span.column):
        if edit.span.column < at:
            return ""
        parts += (line[at : edit.span.column], edit.text)
        at = edit.span.column + edit.span.length
    parts.append(line[at:])
    return re.sub(r"[ \t]{2,}", " ", "".join(parts)).strip()


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a mark, or a list of references behind ``after:``."""

    text: str
    column: int
    is_mark: bool = False

    @property
    def folded(self) -> str:
        """Return the word as it is compared."""
        return self.text.casefold()

    @property
    def end(self) -> int:
        """Return the column behind it."""
        return self.column + len(self.text)

    @property
    def span(self) -> Span:
        """Return its place."""
        return Span(self.column, len(self.text))

    def part(self, start: int) -> "_Token":
        """Return what stands from *start* on."""
        return _Token(self.text[start:], self.column + start)


def _tokens(line: str, start: int) -> list[_Token]:
    found: list[_Token] = []
    at = start
    while at < len(line):
        token = _TOKEN.match(line, at)
        # Every character fits one of the alternatives, so one always matches.
        assert token is not None
        at = token.end()
        if token.lastgroup != "gap":
            found.append(
                _Token(token[0], token.start(), is_mark=token.lastgroup == "mark")
            )
    return found


@dataclass(slots=True)
class _Bound:
    """What has been bound so far to a term, to a group or to the whole command."""

    after: list[ItemName] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)

    def given(self) -> GivenOptions:
        """Return the options."""
        return GivenOptions(**self.options)  # type: ignore[arg-type] # _OPTIONS sees to it


@dataclass(slots=True)
class _OpenTerm:
    selector: Selector
    action: str | None
    span: Span
    bound: _Bound = field(default_factory=_Bound)

    def close(self) -> Term:
        """Return the term as it was read."""
        after = tuple(dict.fromkeys(self.bound.after))
        options = self.bound.given()
        return Term(self.selector, self.action, after, options, self.span)


@dataclass(slots=True)
class _OpenGroup:
    column: int
    action: str | None
    terms: list[_OpenTerm] = field(default_factory=list)
    end: int = 0
    bound: _Bound = field(default_factory=_Bound)

    def close(self) -> Group:
        """Return the group as it was read."""
        return Group(
            tuple(term.close() for term in self.terms),
            tuple(dict.fromkeys(self.bound.after)),
            self.bound.given(),
            Span(self.column, self.end - self.column),
        )


class _Reader:
    """Reads one line, once."""

    def __init__(self, line: str, actions: Collection[str], limits: Limits) -> None:
        self.flaws: list[_Flaw] = []
        self._line = line
        self._names = {name.casefold(): name for name in (*BUILTIN_ACTIONS, *actions)}
        self._limits = limits
        self._tokens: list[_Token] = []
        self._at = 0
        # Of a command that runs items:
        self._lead: Action | None = None
        self._lead_token: _Token | None = None
        self._arguments: list[str] = []
        self._words: list[_OpenTerm | _OpenGroup | Exclusion] = []
        self._group: _OpenGroup | None = None
        self._target: _OpenTerm | _OpenGroup | None = None
        self._whole = _Bound()
        self._is_dry_run = False

    def read(self) -> Command | None:
        """Return the command; it counts only if there are no flaws."""
        start = _COMMAND.match(self._line)
        if start is None:
            self._flaw(Span(0, 1), "a command starts with /batch", fix=None)
            return None
        if len(self._line) > MAX_LENGTH:
            message = f"a command may have {MAX_LENGTH} characters"
            self._flaw(Span(0, start.end()), message, fix=None)
            return None
        self._tokens = _tokens(self._line, start.end())
        if not self._tokens:
            return Help(is_bare=True)
        if len(self._tokens) > MAX_WORDS:
            extra = self._tokens[MAX_WORDS]
            message = f"a command may have {MAX_WORDS} words, and this is one too many"
            self._flaw(extra.span, message, fix=None)
            return None
        first = self._tokens[0]
        if first.folded == "plan":
            self._at = 1
            run = self._run()
            return Plan(replace(run, is_dry_run=True)) if run else None
        if first.folded in CONTROLS:
            return self._control(first)
        is_known = first.folded in (*self._names, "this", "and", "after")
        if first.text.isalpha() and not is_known and self._misspelled_start(first):
            return None
        return self._run()

    # --- faults -------------------------------------------------------------------

    def _flaw(self, span: Span, message: str, *, fix: str | None) -> None:
        """Note a fault that writing *fix* in its place would mend."""
        edits = None if fix is None else (_Edit(span, fix),)
        self._flaw_with(span, message, edits)

    def _flaw_with(
        self, span: Span, message: str, edits: tuple[_Edit, ...] | None
    ) -> None:
        fault = Fault(span.column, max(1, span.length), message)
        self.flaws.append(_Flaw(fault, edits))

    # --- controls -----------------------------------------------------------------

    def _misspelled_start(self, first: _Token) -> bool:
        """Note a first word that was meant to be a control or an action."""
        control = nearest(first.folded, CONTROLS)
        guess = nearest(first.folded, (*CONTROLS, *self._names))
        if not guess:
            return False
        message = f"unknown word; did you mean {guess}?"
        if guess == control and guess != "plan":
            self._flaw(first.span, message, fix=guess)
            return True
        # The rest is read as well, so that its faults are named too.
        self._flaw(first.span, message, fix=guess)
        self._at = 1
        if guess in self._names:
            self._lead = Action(guess)
            self._lead_token = first
        return False

    def _control(self, first: _Token) -> Command | None:
        rest = self._tokens[1:]
        match first.folded:
            case "status":
                return Status(self._only_id(first, rest))
            case "start":
                return Start(self._only_id(first, rest))
            case "pause":
                return Pause(self._only_id(first, rest))
            case "resume":
                return Resume(self._only_id(first, rest))
            case "cancel":
                return Cancel(*self._id_and_items(rest))
            case "retry":
                return Retry(*self._id_and_items(rest))
            case "help":
                return self._help(rest)
            case name:
                number = self._one_number(first, rest)
                if number is None:
                    return None
                return Why(number) if name == "why" else Skip(number)

    def _only_id(self, control: _Token, rest: Sequence[_Token]) -> BatchId | None:
        if not rest:
            return None
        first, *more = rest
        if not _ID.match(first.text):
            message = f"not a batch; {control.folded} takes an id like b7k2"
            is_run = control.folded == "start" and NUMERIC.match(first.text)
            if not is_run:
                self._flaw(first.span, message, fix=None)
                return None
            message = "start takes the id of a plan; items need no word before them"
            self._flaw(control.span, message, fix="")
            return None
        for token in more:
            message = f"too much: {control.folded} takes one id"
            self._flaw(token.span, message, fix=None)
        return BatchId(first.folded)

    def _id_and_items(
        self, rest: Sequence[_Token]
    ) -> tuple[BatchId | None, tuple[ItemNumber, ...]]:
        found: BatchId | None = None
        numbers: list[ItemNumber] = []
        for at, token in enumerate(rest):
            if at == 0 and _ID.match(token.text):
                found = BatchId(token.folded)
            elif token.folded == "and":
                continue
            elif NUMERIC.match(token.text):
                match self._numeric(token):
                    case Range() as span:
                        numbers += map(ItemNumber, span.numbers)
                    case Number(number):
                        numbers.append(number)
                    case None:
                        continue
            else:
                message = "not a batch id like b7k2 and not an item number"
                self._flaw(token.span, message, fix=None)
        return found, tuple(dict.fromkeys(numbers))

    def _one_number(self, control: _Token, rest: Sequence[_Token]) -> ItemNumber | None:
        if not rest:
            message = f"name an item: {control.folded} 18"
            self._flaw(control.span, message, fix=None)
            return None
        first, *more = rest
        for token in more:
            message = f"too much: {control.folded} takes one item"
            self._flaw(token.span, message, fix=None)
        match self._numeric(first) if NUMERIC.match(first.text) else None:
            case Number(number):
                return number
            case _:
                if not self.flaws:
                    message = f"not an item number; write {control.folded} 18"
                    self._flaw(first.span, message, fix=None)
                return None

    def _help(self, rest: Sequence[_Token]) -> Help | None:
        if not rest:
            return Help()
        first, *more = rest
        for token in more:
            self._flaw(token.span, "too much: help takes one topic", fix="")
        if first.folded not in TOPICS:
            guess = nearest(first.folded, TOPICS)
            hint = f"did you mean {guess}?" if guess else f"there is {in_words(TOPICS)}"
            self._flaw(first.span, f"no such topic; {hint}", fix=guess or None)
        return Help(first.folded)

    # --- commands that run items --------------------------------------------------

    def _run(self) -> RunCommand | None:
        if self._lead is None and self._at < len(self._tokens):
            name = self._names.get(self._tokens[self._at].folded)
            if name is not None:
                self._lead = Action(name)
                self._lead_token = self._tokens[self._at]
                self._at += 1
        while self._at < len(self._tokens) and len(self.flaws) < MAX_FAULTS:
            token = self._tokens[self._at]
            self._at += 1
            if token.is_mark:
                self._mark(token)
            else:
                self._word(token)
        if self._group is not None:
            self._close_group(self._line_end())
            opened = Span(self._words_end_column(), 1)
            edit = (_Edit(Span(self._line_end(), 0), ")"),)
            self._flaw_with(opened, "this bracket is never closed", edit)
        self._check_lead()
        if not self.flaws:
            self._check_items()
        if self.flaws:
            return None
        return RunCommand(
            words=tuple(
                word if isinstance(word, Exclusion) else word.close()
                for word in self._words
            ),
            action=self._lead,
            after=tuple(dict.fromkeys(self._whole.after)),
            options=self._whole.given(),
            is_dry_run=self._is_dry_run,
            line=self._line,
        )

    def _line_end(self) -> int:
        return self._tokens[-1].end

    def _words_end_column(self) -> int:
        last = self._words[-1]
        return last.column if isinstance(last, _OpenGroup) else 0

    def _check_lead(self) -> None:
        """Check the arguments of the leading action."""
        if self._lead is None or self._lead_token is None:
            return
        name, span = self._lead.name, self._lead_token.span
        action = BUILTIN_ACTIONS.get(name)
        if name == "dispatch":
            self._arguments.sort(key=lambda argument: "=" in argument)
            if self._arguments and "=" in self._arguments[0]:
                self._arguments.clear()
        if action and action.needs_arguments and not self._arguments:
            usage = f"{name} {action.usage} 12"
            message = f"{name} needs more: write {usage}"
            if not self.flaws:  # else an argument was there, and is a fault already
                self._flaw(span, message, fix=None)
        self._lead = Action(name, tuple(self._arguments))

    def _check_items(self) -> None:
        """Check what only the whole command shows."""
        terms = [word for word in self._words if not isinstance(word, Exclusion)]
        if not terms:
            first, last = self._tokens[0], self._tokens[-1]
            span = Span(first.column, last.end - first.column)
            self._flaw(span, f"no items: {_ITEM_HELP}", fix=None)
        for word in terms:
            for term in word.terms if isinstance(word, _OpenGroup) else [word]:
                self._check_self(term)

    def _check_self(self, term: _OpenTerm) -> None:
        if isinstance(term.selector, Range | Filter | SubIssues | Tasks):
            return
        for name in term.bound.after:
            if name == term.selector:
                shown = format_selector(name)
                shown = f"#{shown}" if isinstance(name, Number) else shown
                self._flaw(name.span, f"{shown} cannot wait for itself.", fix=None)

    def _mark(self, token: _Token) -> None:
        match token.text:
            case "(":
                self._open_group(token, None)
            case ")" if self._group is not None:
                if not self._group.terms:
                    span = Span(self._group.column, token.end - self._group.column)
                    self._flaw(span, "nothing is in these brackets", fix="")
                self._close_group(token.end)
            case "[":
                self._brackets(token)
            case _:
                message = f'this "{token.text}" closes nothing'
                self._flaw(token.span, message, fix="")

    def _open_group(self, token: _Token, action: str | None) -> None:
        if self._group is not None:
            self._flaw(token.span, "groups do not stand inside groups", fix=None)
            return
        self._group = _OpenGroup(token.column, action)
        self._words.append(self._group)
        self._target = None

    def _close_group(self, end: int) -> None:
        assert self._group is not None
        self._group.end = end
        self._target = self._group
        self._group = None

    def _brackets(self, opening: _Token) -> None:
        """Read ``[priority:high …]`` into the term on its left."""
        inside: list[_Token] = []
        end = self._line_end()
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.text == "]" and token.is_mark:
                end = token.end
                break
            inside.append(token)
        else:
            edit = (_Edit(Span(self._line_end(), 0), "]"),)
            self._flaw_with(opening.span, "this bracket is never closed", edit)
        if self._target is None:
            message = "nothing stands before these options; write 12[priority:high]"
            self._flaw(opening.span, message, fix=None)
            return
        brackets = Span(opening.column, end - opening.column)
        for token in inside:
            whole = brackets if len(inside) == 1 else token.span
            self._bracketed(token, whole, self._target.bound)

    def _bracketed(self, token: _Token, whole: Span, bound: _Bound) -> None:
        found = _KEY.match(token.text)
        key = found["key"].casefold() if found else ""
        if found and key in ITEM_OPTIONS:
            self._option(token, key, bound)
        elif found and key in BATCH_OPTIONS:
            message = f"{key} is for the whole batch: write it outside the brackets"
            moved = _Edit(Span(self._line_end(), 0), f" {token.text}")
            self._flaw_with(token.span, message, (_Edit(whole, ""), moved))
        elif found and key == "after":
            message = "after: stands behind the brackets"
            self._flaw(token.span, message, fix=None)
        else:
            guess = nearest(key or token.folded, ITEM_OPTIONS)
            hint = (
                f"did you mean {guess}?" if guess else f"use {in_words(ITEM_OPTIONS)}"
            )
            span = Span(token.column, len(key) or len(token.text))
            self._flaw(
                span, f"unknown option; {hint}", fix=guess if key and guess else None
            )

    # --- words --------------------------------------------------------------------

    def _word(self, token: _Token) -> None:
        folded = token.folded
        if folded == "and":
            return
        if folded.startswith("after:"):
            self._after(token)
        elif folded == "after":
            self._after_without_colon(token)
        elif folded == "dry-run":
            self._is_dry_run = True
        elif self._is_argument(token):
            return
        elif folded[0] in "+-":
            self._signed(token)
        elif _is_item(token.text):
            self._add_term(token, None, token)
        elif found := _KEY.match(token.text):
            self._keyed(token, found)
        else:
            self._unknown(token)

    def _add_term(self, whole: _Token, action: str | None, part: _Token) -> None:
        selector = self._selector(part)
        if selector is None:
            return
        if self._group is not None:
            term = _OpenTerm(selector, action or self._group.action, whole.span)
            self._group.terms.append(term)
        else:
            term = _OpenTerm(selector, action, whole.span)
            self._words.append(term)
        self._target = term

    def _keyed(self, token: _Token, found: re.Match[str]) -> None:
        """Read ``key:value``."""
        key, value = found["key"].casefold(), found["value"]
        key_span = Span(token.column, len(found["key"]))
        if key in FILTERS or key in COLLECTIONS:
            self._add_term(token, None, token)
        elif key in BATCH_OPTIONS:
            if self._group is not None:
                message = "options stand behind the group: (15 18)[priority:high]"
                self._flaw(token.span, message, fix=None)
            else:
                self._option(token, key, self._whole)
        elif key in self._names:
            self._action_prefix(
                token, self._names[key], token.part(found.start("value"))
            )
        elif key == "dry-run":
            self._flaw(token.span, "dry-run takes no value", fix="dry-run")
        elif key in CONTROLS:
            message = f"{key} is written without a colon, first in the command"
            self._flaw(token.span, message, fix=None)
        else:
            known = (*BATCH_OPTIONS, *FILTERS, *COLLECTIONS, *self._names, "after")
            guess = nearest(key, known)
            is_option = guess in BATCH_OPTIONS or not guess
            what = "option" if is_option else "word"
            hint = f"; did you mean {guess}?" if guess else f": {key}"
            self._flaw(key_span, f"unknown {what}{hint}", fix=guess or None)
            if guess in BATCH_OPTIONS and value:
                self._value_of(token, guess, value)

    def _action_prefix(self, token: _Token, name: str, rest: _Token) -> None:
        action = BUILTIN_ACTIONS.get(name)
        if action and action.needs_arguments:
            message = (
                f"{name} needs more, so it can only lead: {name} {action.usage} 12"
            )
            self._flaw(token.span, message, fix=None)
        elif rest.text:
            self._add_term(token, name, rest)
        elif self._next_is("(", token.end):
            self._at += 1
            self._open_group(self._tokens[self._at - 1], name)
        else:
            self._value_missing(token, name)

    def _next_is(self, mark: str, column: int) -> bool:
        if self._at >= len(self._tokens):
            return False
        token = self._tokens[self._at]
        return token.is_mark and token.text == mark and token.column == column

    def _value_missing(self, token: _Token, key: str) -> None:
        """Note a key with nothing behind it, or with a space before its value."""
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        if following is None or following.is_mark:
            self._flaw(token.span, f"value missing behind {key}:", fix=None)
            return
        self._at += 1
        span = Span(token.column, following.end - token.column)
        joined = f"{key}:{following.text}"
        self._flaw(span, f"value missing: write {joined} without the space", fix=joined)

    def _unknown(self, token: _Token) -> None:
        text, folded = token.text, token.folded
        if found := re.match(r"(?:#?[0-9]+|.*[0-9])(?=after:)", text, re.IGNORECASE):
            at = Span(token.column + found.end(), 0)
            message = f"space missing: write {found[0]} {text[found.end() :]}"
            edit = (_Edit(at, " "),)
            self._flaw_with(token.span, message, edit)
        elif text[0] in '"\u201c':
            message = 'a text in quotes belongs to comment: /batch comment "…" 12'
            self._flaw(token.span, message, fix=None)
        elif self._lead is not None and self._lead.name == "comment":
            self._unquoted_comment(token)
        elif folded in self._names:
            self._stray_action(token, self._names[folded])
        elif folded in CONTROLS:
            message = f"{folded} comes first in a command, and alone"
            self._flaw(token.span, message, fix=None)
        elif folded in BATCH_OPTIONS or folded in FILTERS or folded in COLLECTIONS:
            self._flaw(token.span, f"{folded} needs a colon and a value", fix=None)
        elif re.fullmatch(r"\.\.+|to|till|through|[\u2013\u2014]", folded):
            self._spaced_range(token)
        elif _INPUT.match(text) or _WORKFLOW.match(text):
            message = (
                "this belongs to dispatch: /batch dispatch workflow.yml key=value 12"
            )
            self._flaw(token.span, message, fix=None)
        elif _ID.match(text):
            message = "this looks like the id of a batch, not like an item"
            self._flaw(token.span, message, fix=None)
        else:
            number = _meant_number(text)
            guess = "" if number else nearest(folded, (*self._names, "dry-run"))
            hint = f"; did you mean {guess}?" if guess else f": {_ITEM_HELP}"
            fix = number or (guess if guess == "dry-run" else None)
            self._flaw(token.span, f"not an item{hint}", fix=fix)

    def _unquoted_comment(self, token: _Token) -> None:
        last = token
        while self._at < len(self._tokens) and not self._tokens[self._at].is_mark:
            following = self._tokens[self._at]
            if _is_item(following.text) or _KEY.match(following.text):
                break
            last = following
            self._at += 1
        span = Span(token.column, last.end - token.column)
        text = quoted(self._line[token.column : last.end], always=True)
        self._flaw(span, f"put the text in quotes: {text}", fix=text)

    def _stray_action(self, token: _Token, name: str) -> None:
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        message = f"{name} comes first, or stands before one item: {name}:12"
        if following is None or not NUMERIC.match(following.text):
            self._flaw(token.span, message, fix=None)
            return
        self._at += 1
        span = Span(token.column, following.end - token.column)
        message = f"{name} comes first, or stands before one item: "
        fix = f"{name}:{following.text}"
        needs = (
            BUILTIN_ACTIONS[name].needs_arguments if name in BUILTIN_ACTIONS else False
        )
        self._flaw(span, message + fix, fix=None if needs else fix)

    def _spaced_range(self, token: _Token) -> None:
        before = self._tokens[self._at - 2] if self._at >= 2 else None
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        if (
            before is None
            or following is None
            or not NUMERIC.match(before.text)
            or not NUMERIC.match(following.text)
        ):
            self._flaw(token.span, f"not an item: {_ITEM_HELP}", fix=None)
            return
        self._at += 1
        joined = f"{before.text}..{following.text}"
        gap = Span(before.end, following.column - before.end)
        message = f"a range has no spaces: {joined}"
        self._flaw_with(token.span, message, (_Edit(gap, ".."),))

    # --- arguments and exclusions -------------------------------------------------

    def _is_argument(self, token: _Token) -> bool:
        """Take a word that belongs to the leading action, whatever it looks like."""
        match self._lead.name if self._lead else "":
            case "label" | "assign" if token.text[0] in "+-":
                if token.text[0] == "-" and NUMERIC.match(token.text[1:]):
                    return False
                self._signed_argument(token)
            case "close" if token.folded in ("not-planned", "completed"):
                self._argument(token, token.folded, most=1)
            case "close" if token.folded in ("not_planned", "notplanned", "unplanned"):
                self._flaw(token.span, "did you mean not-planned?", fix="not-planned")
            case "comment" if token.text[0] in '"\u201c':
                text = self._unquoted(token)
                if text is not None:
                    self._argument(token, text, most=1)
            case "dispatch" if _WORKFLOW.match(token.text):
                if any("=" not in argument for argument in self._arguments):
                    self._flaw(token.span, "dispatch starts one workflow", fix=None)
                self._arguments.append(token.text)
            case "dispatch" if found := _INPUT.match(token.text):
                self._input(token, found)
            case _:
                return False
        return True

    def _argument(self, token: _Token, argument: str, *, most: int) -> None:
        if argument in self._arguments:
            return
        if len(self._arguments) >= most:
            name = self._lead.name if self._lead else ""
            self._flaw(token.span, f"{name} takes one of these", fix=None)
        self._arguments.append(argument)

    def _input(self, token: _Token, found: re.Match[str]) -> None:
        value = self._unquoted(token.part(found.start("value")))
        if value is None:
            return
        key = found["key"]
        if any(argument.startswith(f"{key}=") for argument in self._arguments):
            if f"{key}={value}" not in self._arguments:
                self._flaw(token.span, f"{key} is given twice", fix=None)
            return
        self._arguments.append(f"{key}={value}")

    def _signed_argument(self, token: _Token) -> None:
        assert self._lead is not None
        value = self._unquoted(token.part(1))
        if value is None:
            return
        if self._lead.name == "assign":
            value = value.removeprefix("@")
            if not _LOGIN.match(value):
                self._flaw(token.span, "not a login; write +ada or -bob", fix=None)
                return
        if not value.strip():
            self._flaw(token.span, f"nothing stands behind {token.text[0]}", fix=None)
            return
        sign, opposite = ("+", "-") if token.text[0] == "+" else ("-", "+")
        if opposite + value in self._arguments:
            message = f"{quoted(value)} is both added and removed"
            self._flaw(token.span, message, fix=None)
        elif sign + value not in self._arguments:
            self._arguments.append(sign + value)

    def _signed(self, token: _Token) -> None:
        if token.text[0] == "-" and NUMERIC.match(token.text[1:]):
            if self._group is not None:
                message = "exclusions stand outside the group"
                moved = _Edit(Span(self._line_end(), 0), f" {token.text}")
                self._flaw_with(token.span, message, (_Edit(token.span, ""), moved))
                return
            numbers = self._numeric(token.part(1))
            if isinstance(numbers, Number):
                numbers = Range(numbers.number, numbers.number)
            if numbers is not None:
                self._words.append(Exclusion(numbers, token.span))
        elif token.text == "-":
            self._spaced_range(token)
        elif token.text[0] == "-":
            message = "an exclusion is a number or a range: -15 or -15..18"
            self._flaw(token.span, message, fix=None)
        else:
            message = f"this belongs to label: /batch label {token.text} 12"
            lead = _Edit(Span(self._tokens[0].column, 0), f"label {token.text} ")
            edits = (lead, _Edit(token.span, "")) if self._lead is None else None
            self._flaw_with(token.span, message, edits)

    # --- after: -------------------------------------------------------------------

    def _bound(self) -> _Bound:
        if self._target is not None:
            return self._target.bound
        return self._group.bound if self._group is not None else self._whole

    def _after(self, token: _Token) -> None:
        listed = token.part(len("after:"))
        if not listed.text:
            self._value_missing(token, "after")
            return
        stripped = re.sub(r",{2,}", ",", listed.text).strip(",")
        if stripped != listed.text:
            self._dangling(token, stripped)
            return
        at = 0
        for text in listed.text.split(","):
            name = self._item_name(_Token(text, listed.column + at))
            at += len(text) + 1
            if name is not None:
                self._bound().after.append(name)

    def _dangling(self, token: _Token, stripped: str) -> None:
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        if stripped and token.text.endswith(",") and following is not None:
            both = f"after:{stripped},{following.text}"
            if re.fullmatch(r"#?[0-9]+", following.text):
                self._at += 1
                span = Span(token.column, following.end - token.column)
                message = f"dangling comma: write {both} without the space"
                self._flaw(span, message, fix=both)
                return
        fix = f"after:{stripped}" if stripped else None
        self._flaw(
            token.span, "dangling comma" + (f": write {fix}" if fix else ""), fix=fix
        )

    def _after_without_colon(self, token: _Token) -> None:
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        if following is None or following.is_mark:
            message = '"after" needs a colon and an item: 12 after:15'
            self._flaw(token.span, message, fix=None)
            return
        self._at += 1
        before = ""
        if isinstance(self._target, _OpenTerm):
            before = f"{format_selector(self._target.selector)} "
        fix = f"after:{following.text.lstrip(':')}"
        span = Span(token.column, following.end - token.column)
        self._flaw(span, f'"after" needs a colon: {before}{fix}', fix=fix)

    # --- selectors ----------------------------------------------------------------

    def _item_name(self, token: _Token) -> ItemName | None:
        match self._selector(token):
            case Number() | This() | Qualified() as name:
                return name
            case Range() as numbers:
                listed = ",".join(map(str, numbers.numbers))
                fix = listed if len(numbers.numbers) <= 20 else None
                hint = f": {fix}" if fix else ""
                message = f"write each item, with commas{hint}"
                self._flaw(token.span, message, fix=fix)
            case Filter() | SubIssues() | Tasks():
                message = "one item is needed here: a number or a link"
                self._flaw(token.span, message, fix=None)
            case None:
                pass
        return None

    def _selector(self, token: _Token) -> Selector | None:
        """Return the selector that *token* is, or note why it is none."""
        text = token.text
        if token.folded == "this":
            return This(token.span)
        if NUMERIC.match(text):
            return self._numeric(token)
        if found := _GITHUB_NUMBER.match(text):
            return Number(ItemNumber(int(found[1])), token.span)
        if reference := qualified_reference(text):
            return Qualified(reference, token.span)
        if "://" in text:
            message = "not the address of an issue or pull request"
            self._flaw(token.span, message, fix=None)
            return None
        if found := _KEY.match(text):
            key = found["key"].casefold()
            rest = token.part(found.start("value"))
            if key in (*FILTERS, *COLLECTIONS) and not rest.text:
                self._value_missing(token, key)
                return None
            if key in FILTERS:
                return self._filter(token, key, rest)
            if key in COLLECTIONS:
                parent = self._item_name(rest)
                kind = SubIssues if key == "sub-issues" else Tasks
                return kind(parent, token.span) if parent else None
        self._flaw(token.span, f"not an item: {_ITEM_HELP}", fix=_meant_number(text))
        return None

    def _filter(self, token: _Token, key: str, rest: _Token) -> Filter | None:
        value = self._unquoted(rest)
        if value is None:
            return None
        if key in ("author", "assignee"):
            value = value.removeprefix("@")
        if not value.strip():
            self._flaw(token.span, f"value missing behind {key}:", fix=None)
            return None
        return Filter(key, value, token.span)

    def _numeric(self, token: _Token) -> Number | Range | None:
        found = NUMERIC.match(token.text)
        assert found is not None
        ends = (
            [found["first"]]
            if found["last"] is None
            else [found["first"], found["last"]]
        )
        if any(len(end.lstrip("0")) > MAX_DIGITS for end in ends):
            self._flaw(token.span, "no item has a number as long as that", fix=None)
            return None
        numbers = [ItemNumber(int(end)) for end in ends]
        if not all(numbers):
            self._flaw(token.span, "there is no item 0", fix=None)
            return None
        if len(numbers) == 1:
            return Number(numbers[0], token.span)
        first, last = sorted(numbers)
        count = last - first + 1
        if count > self._limits.items:
            message = f"{count} items, and the limit is {self._limits.items} a command"
            self._flaw(token.span, message, fix=None)
            return None
        return Range(first, last, numbers[0] > numbers[1], token.span)

    def _unquoted(self, token: _Token) -> str | None:
        """Return a value without its quotes, or note what is wrong with them."""
        text = token.text
        opening = text[:1]
        if opening not in ('"', "\u201c"):
            if '"' in text or "\u201c" in text:
                message = "quotes go around the whole value"
                bare = re.sub('["\u201c\u201d]', "", text)
                self._flaw(token.span, message, fix=f'"{bare}"')
                return None
            return text
        closing = '"' if opening == '"' else "\u201d"
        inner = text[1:-1]
        is_escaped = (len(inner) - len(inner.rstrip("\\"))) % 2 == 1 and opening == '"'
        if len(text) < 2 or not text.endswith(closing) or is_escaped:
            self._flaw(token.span, "this quote is never closed", fix=None)
            return None
        if not _WHOLE_QUOTED.match(text):
            message = 'quotes go around the whole value, and \\" is a quote inside'
            self._flaw(token.span, message, fix=None)
            return None
        return re.sub(r'\\(["\\])', r"\1", inner) if opening == '"' else inner

    # --- options ------------------------------------------------------------------

    def _option(self, token: _Token, key: str, bound: _Bound) -> None:
        raw = token.text[len(key) + 1 :]
        if not raw:
            self._value_missing(token, key)
            return
        value = self._value_of(token, key, raw)
        if value is None:
            return
        name = _FIELDS.get(key, key)
        if bound.options.setdefault(name, value) != value:
            self._flaw(token.span, f"{key} is given twice, differently", fix=None)

    def _value_of(self, token: _Token, key: str, raw: str) -> object:
        """Return the value of an option, or note what is wrong with it."""
        match _VALUES[key](raw.casefold().strip('"\u201c\u201d')):
            case _Wrong(message, fix):
                start = token.text.index(":") + 1
                span = Span(token.column + start, len(token.text) - start)
                self._flaw(span, message, fix=fix)
                return None
            case value:
                return value


def _is_item(text: str) -> bool:
    return (
        NUMERIC.match(text) is not None
        or text.casefold() == "this"
        or "://" in text
        or _GITHUB_NUMBER.match(text) is not None
        or qualified_reference(text) is not None
    )


def _meant_number(text: str) -> str | None:
    """Return the number that was probably meant by something close to one."""
    if len(text) > MAX_DIGITS + 1 or not text.isascii():
        return None
    plain = text.removeprefix("#").translate(_LOOKALIKES)
    digits = re.sub(r"[^0-9]", "", plain)
    has_one_stray = len(plain) - len(digits) <= 1 and plain[:1].isdigit()
    return digits if has_one_stray and digits.strip("0") else None


@dataclass(frozen=True, slots=True)
class _Wrong:
    """Why a value does not do, and one that would."""

    message: str
    fix: str | None = None


def _whole_number(low: int, high: int, what: str) -> Callable[[str], object]:
    def read(raw: str) -> object:
        if not re.fullmatch(r"[0-9]{1,9}", raw):
            return _Wrong(f"{what} is a number from {low} to {high}")
        number = int(raw)
        if low <= number <= high:
            return number
        fix = min(max(number, low), high)
        return _Wrong(f"{what} goes from {low} to {high}", str(fix))

    return read


def _positive(what: str) -> Callable[[str], object]:
    def read(raw: str) -> object:
        if re.fullmatch(r"[0-9]{1,9}", raw) and int(raw):
            return int(raw)
        return _Wrong(f"{what} is a number, 1 or more")

    return read


def _one_of(kind: type[OnFailure] | type[Deps]) -> Callable[[str], object]:
    names = [str(member) for member in kind]

    def read(raw: str) -> object:
        if raw in names:
            return kind(raw)
        guess = nearest(raw, names)
        hint = f"did you mean {guess}?" if guess else f"use {in_words(names)}"
        return _Wrong(f"unknown value; {hint}", guess or None)

    return read


def _priority(raw: str) -> object:
    if raw in PRIORITIES:
        return PRIORITIES[raw]
    if re.fullmatch(r"[0-9]{1,9}", raw):
        return _whole_number(0, 100, "priority")(raw)
    guess = nearest(raw, PRIORITIES)
    hint = f"did you mean {guess}?" if guess else "use high, normal, low or 0 to 100"
    return _Wrong(f"unknown priority; {hint}", guess or None)


def _timeout(raw: str) -> object:
    if re.fullmatch(r"[0-9]{1,5}", raw):
        message = f"unit missing: {raw}m is minutes, {raw}s is seconds"
        return _Wrong(message, f"{raw}m")
    if loose := _LOOSE_DURATION.match(raw):
        return _Wrong(f"write {loose[1]}{loose[2]}", f"{loose[1]}{loose[2]}")
    found = _DURATION.match(raw)
    if not found:
        return _Wrong("not a time: write 90s, 30m or 2h")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not 1 <= total <= MAX_TIMEOUT_SECONDS:
        return _Wrong("a time-out goes from 1s to 24h", "24h" if total else None)
    return total


_FIELDS = {
    "on-failure": "on_failure",
    "timeout": "timeout_seconds",
    "budget": "budget_requests",
}
_VALUES: dict[str, Callable[[str], object]] = {
    # More than the server has is lowered with a note, once its limit is known.
    "concurrency": _positive("concurrency"),
    "on-failure": _one_of(OnFailure),
    "timeout": _timeout,
    "retries": _whole_number(0, MAX_RETRIES, "retries"),
    "priority": _priority,
    "budget": _positive("budget"),
    "deps": _one_of(Deps),
}
