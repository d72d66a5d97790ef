"""Commands that run items: terms, what is bound to them, options and arguments."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bot.core.actions.table import ACTIONS
from bot.core.command.controls import BATCH_ID
from bot.core.command.limits import Limits
from bot.core.command.options import OPTION_FIELDS, Wrong, read_option
from bot.core.command.syntax import (
    NUMERIC,
    Exclusion,
    Filter,
    GivenOptions,
    Group,
    ItemName,
    Number,
    Range,
    RunCommand,
    Selector,
    Span,
    SubIssues,
    Tasks,
    Term,
    format_selector,
    quoted,
)
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    CONTROLS,
    FILTERS,
    ITEM_OPTIONS,
    in_words,
    nearest,
)
from bot.core.command.words import (
    ITEM_HELP,
    KEYED,
    Edit,
    Token,
    Words,
    is_item,
    meant_number,
)
from bot.core.model import Action

MAX_FAULTS = 10

_WORKFLOW = re.compile(r"[\w.-]+\.ya?ml\Z", re.IGNORECASE)
_INPUT = re.compile(r"(?P<key>[A-Za-z_][\w-]*)=(?P<value>.*)", re.DOTALL)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}(?:\[bot\])?\Z")


@dataclass(slots=True)
class _Bound:
    """What has been bound so far to a term, to a group or to the whole command."""

    after: list[ItemName] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)

    def given(self) -> GivenOptions:
        """Return the options."""
        return GivenOptions(**self.options)  # type: ignore[arg-type] # read_option sees to it


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


class ItemsReader(Words):
    """Reads a line that runs items, once."""

    def __init__(
        self, line: str, start: int, *, actions: Collection[str], limits: Limits
    ) -> None:
        super().__init__(line, start, limits)
        self.names = {name.casefold(): name for name in (*ACTIONS, *actions)}
        self._lead: Action | None = None
        self._lead_token: Token | None = None
        self._arguments: list[str] = []
        self._words: list[_OpenTerm | _OpenGroup | Exclusion] = []
        self._group: _OpenGroup | None = None
        self._target: _OpenTerm | _OpenGroup | None = None
        self._whole = _Bound()
        self._is_dry_run = False

    def lead_with(self, token: Token, name: str) -> None:
        """Take a word as the leading action *name*."""
        self._lead, self._lead_token = Action(name), token

    def read(self) -> RunCommand | None:
        """Return the command; None only if a flaw is noted."""
        if self._lead is None and self.at < len(self.tokens):
            name = self.names.get(self.tokens[self.at].folded)
            if name is not None:
                self._lead = Action(name)
                self._lead_token = self.tokens[self.at]
                self.at += 1
        while self.at < len(self.tokens) and len(self.flaws) < MAX_FAULTS:
            token = self.tokens[self.at]
            self.at += 1
            if token.is_mark:
                self._mark(token)
            else:
                self._word(token)
        if self._group is not None:
            self._close_group(self.end)
            opened = Span(self._words_end_column(), 1)
            edit = (Edit(Span(self.end, 0), ")"),)
            self.flaw_with(opened, "this bracket is never closed", edit)
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
            line=self.line,
        )

    def _words_end_column(self) -> int:
        last = self._words[-1]
        return last.column if isinstance(last, _OpenGroup) else 0

    def _check_lead(self) -> None:
        """Check the arguments of the leading action."""
        if self._lead is None or self._lead_token is None:
            return
        name, span = self._lead.name, self._lead_token.span
        action = ACTIONS.get(name)
        if name == "dispatch":
            self._arguments.sort(key=lambda argument: "=" in argument)
            if self._arguments and "=" in self._arguments[0]:
                self._arguments.clear()
        if action and action.arguments.are_needed and not self._arguments:
            usage = f"{name} {action.arguments.usage} 12"
            message = f"{name} needs more: write {usage}"
            if not self.flaws:  # else an argument was there, and is a fault already
                self.flaw(span, message, fix=None)
        self._lead = Action(name, tuple(self._arguments))

    def _check_items(self) -> None:
        """Check what only the whole command shows."""
        terms = [word for word in self._words if not isinstance(word, Exclusion)]
        if not terms:
            first, last = self.tokens[0], self.tokens[-1]
            span = Span(first.column, last.end - first.column)
            self.flaw(span, f"no items: {ITEM_HELP}", fix=None)
        before: list[_OpenTerm] = []
        for word in terms:
            for term in word.terms if isinstance(word, _OpenGroup) else [word]:
                self._check_self(term, before)
                before.append(term)

    def _check_self(self, term: _OpenTerm, before: Sequence[_OpenTerm]) -> None:
        if isinstance(term.selector, Range | Filter | SubIssues | Tasks):
            return
        if any(
            one.selector == term.selector and one.action != term.action
            for one in before
        ):
            return  # the item may well wait for the other one on its number
        for name in term.bound.after:
            if name == term.selector:
                shown = format_selector(name)
                shown = f"#{shown}" if isinstance(name, Number) else shown
                self.flaw(name.span, f"{shown} cannot wait for itself.", fix=None)

    def _mark(self, token: Token) -> None:
        match token.text:
            case "(":
                self._open_group(token, None)
            case ")" if self._group is not None:
                if not self._group.terms:
                    span = Span(self._group.column, token.end - self._group.column)
                    self.flaw(span, "nothing is in these brackets", fix="")
                self._close_group(token.end)
            case "[":
                self._brackets(token)
            case _:
                message = f'this "{token.text}" closes nothing'
                self.flaw(token.span, message, fix="")

    def _open_group(self, token: Token, action: str | None) -> None:
        if self._group is not None:
            self.flaw(token.span, "groups do not stand inside groups", fix=None)
            return
        self._group = _OpenGroup(token.column, action)
        self._words.append(self._group)
        self._target = None

    def _close_group(self, end: int) -> None:
        assert self._group is not None
        self._group.end = end
        self._target = self._group
        self._group = None

    def _brackets(self, opening: Token) -> None:
        """Read ``[priority:high …]`` into the term on its left."""
        inside: list[Token] = []
        end = self.end
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.text == "]" and token.is_mark:
                end = token.end
                break
            inside.append(token)
        else:
            edit = (Edit(Span(self.end, 0), "]"),)
            self.flaw_with(opening.span, "this bracket is never closed", edit)
        if self._target is None:
            message = "nothing stands before these options; write 12[priority:high]"
            self.flaw(opening.span, message, fix=None)
            return
        brackets = Span(opening.column, end - opening.column)
        for token in inside:
            whole = brackets if len(inside) == 1 else token.span
            self._bracketed(token, whole, self._target.bound)

    def _bracketed(self, token: Token, whole: Span, bound: _Bound) -> None:
        found = KEYED.match(token.text)
        key = found["key"].casefold() if found else ""
        if found and key in ITEM_OPTIONS:
            self._option(token, key, bound)
        elif found and key in BATCH_OPTIONS:
            message = f"{key} is for the whole batch: write it outside the brackets"
            moved = Edit(Span(self.end, 0), f" {token.text}")
            self.flaw_with(token.span, message, (Edit(whole, ""), moved))
        elif found and key == "after":
            message = "after: stands behind the brackets"
            self.flaw(token.span, message, fix=None)
        else:
            guess = nearest(key or token.folded, ITEM_OPTIONS)
            hint = (
                f"did you mean {guess}?" if guess else f"use {in_words(ITEM_OPTIONS)}"
            )
            span = Span(token.column, len(key) or len(token.text))
            self.flaw(
                span, f"unknown option; {hint}", fix=guess if key and guess else None
            )

    # --- words --------------------------------------------------------------------

    def _word(self, token: Token) -> None:
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
        elif is_item(token.text):
            self._add_term(token, None, token)
        elif found := KEYED.match(token.text):
            self._keyed(token, found)
        else:
            self._unknown(token)

    def _add_term(self, whole: Token, action: str | None, part: Token) -> None:
        selector = self.selector(part)
        if selector is None:
            return
        if self._group is not None:
            term = _OpenTerm(selector, action or self._group.action, whole.span)
            self._group.terms.append(term)
        else:
            term = _OpenTerm(selector, action, whole.span)
            self._words.append(term)
        self._target = term

    def _keyed(self, token: Token, found: re.Match[str]) -> None:
        """Read ``key:value``."""
        key, value = found["key"].casefold(), found["value"]
        key_span = Span(token.column, len(found["key"]))
        if key in FILTERS or key in COLLECTIONS:
            self._add_term(token, None, token)
        elif key in BATCH_OPTIONS:
            if self._group is not None:
                message = "options stand behind the group: (15 18)[priority:high]"
                self.flaw(token.span, message, fix=None)
            else:
                self._option(token, key, self._whole)
        elif key in self.names:
            self._action_prefix(
                token, self.names[key], token.part(found.start("value"))
            )
        elif key == "dry-run":
            self.flaw(token.span, "dry-run takes no value", fix="dry-run")
        elif key in CONTROLS:
            message = f"{key} is written without a colon, first in the command"
            self.flaw(token.span, message, fix=None)
        else:
            known = (*BATCH_OPTIONS, *FILTERS, *COLLECTIONS, *self.names, "after")
            guess = nearest(key, known)
            is_option = guess in BATCH_OPTIONS or not guess
            what = "option" if is_option else "word"
            hint = f"; did you mean {guess}?" if guess else f": {key}"
            self.flaw(key_span, f"unknown {what}{hint}", fix=guess or None)
            if guess in BATCH_OPTIONS and value:
                self._value_of(token, guess, value)

    def _action_prefix(self, token: Token, name: str, rest: Token) -> None:
        action = ACTIONS.get(name)
        if action and action.arguments.are_needed:
            message = f"{name} needs more, so it can only lead: {name} {action.arguments.usage} 12"
            self.flaw(token.span, message, fix=None)
        elif rest.text:
            self._add_term(token, name, rest)
        elif self._next_is("(", token.end):
            self.at += 1
            self._open_group(self.tokens[self.at - 1], name)
        else:
            self.value_missing(token, name)

    def _next_is(self, mark: str, column: int) -> bool:
        if self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        return token.is_mark and token.text == mark and token.column == column

    def _unknown(self, token: Token) -> None:
        text, folded = token.text, token.folded
        if found := re.match(r"(?:#?[0-9]+|.*[0-9])(?=after:)", text, re.IGNORECASE):
            at = Span(token.column + found.end(), 0)
            message = f"space missing: write {found[0]} {text[found.end() :]}"
            edit = (Edit(at, " "),)
            self.flaw_with(token.span, message, edit)
        elif text[0] in '"\u201c':
            message = 'a text in quotes belongs to comment: /batch comment "…" 12'
            self.flaw(token.span, message, fix=None)
        elif self._lead is not None and self._lead.name == "comment":
            self._unquoted_comment(token)
        elif folded in self.names:
            self._stray_action(token, self.names[folded])
        elif folded in CONTROLS:
            message = f"{folded} comes first in a command, and alone"
            self.flaw(token.span, message, fix=None)
        elif folded in BATCH_OPTIONS or folded in FILTERS or folded in COLLECTIONS:
            self.flaw(token.span, f"{folded} needs a colon and a value", fix=None)
        elif re.fullmatch(r"\.\.+|to|till|through|[\u2013\u2014]", folded):
            self._spaced_range(token)
        elif _INPUT.match(text) or _WORKFLOW.match(text):
            message = (
                "this belongs to dispatch: /batch dispatch workflow.yml key=value 12"
            )
            self.flaw(token.span, message, fix=None)
        elif BATCH_ID.match(text):
            message = "this looks like the id of a batch, not like an item"
            self.flaw(token.span, message, fix=None)
        else:
            number = meant_number(text)
            guess = "" if number else nearest(folded, (*self.names, "dry-run"))
            hint = f"; did you mean {guess}?" if guess else f": {ITEM_HELP}"
            fix = number or (guess if guess == "dry-run" else None)
            self.flaw(token.span, f"not an item{hint}", fix=fix)

    def _unquoted_comment(self, token: Token) -> None:
        last = token
        while self.at < len(self.tokens) and not self.tokens[self.at].is_mark:
            following = self.tokens[self.at]
            if is_item(following.text) or KEYED.match(following.text):
                break
            last = following
            self.at += 1
        span = Span(token.column, last.end - token.column)
        text = quoted(self.line[token.column : last.end], always=True)
        self.flaw(span, f"put the text in quotes: {text}", fix=text)

    def _stray_action(self, token: Token, name: str) -> None:
        following = self.following
        message = f"{name} comes first, or stands before one item: {name}:12"
        if following is None or not NUMERIC.match(following.text):
            self.flaw(token.span, message, fix=None)
            return
        self.at += 1
        span = Span(token.column, following.end - token.column)
        message = f"{name} comes first, or stands before one item: "
        fix = f"{name}:{following.text}"
        needs = ACTIONS[name].arguments.are_needed if name in ACTIONS else False
        self.flaw(span, message + fix, fix=None if needs else fix)

    def _spaced_range(self, token: Token) -> None:
        before = self.tokens[self.at - 2] if self.at >= 2 else None
        following = self.following
        if (
            before is None
            or following is None
            or not NUMERIC.match(before.text)
            or not NUMERIC.match(following.text)
        ):
            self.flaw(token.span, f"not an item: {ITEM_HELP}", fix=None)
            return
        self.at += 1
        joined = f"{before.text}..{following.text}"
        gap = Span(before.end, following.column - before.end)
        message = f"a range has no spaces: {joined}"
        self.flaw_with(token.span, message, (Edit(gap, ".."),))

    # --- arguments and exclusions -------------------------------------------------

    def _is_argument(self, token: Token) -> bool:
        """Take a word that belongs to the leading action, whatever it looks like."""
        match self._lead.name if self._lead else "":
            case "label" | "assign" if token.text[0] in "+-":
                if token.text[0] == "-" and NUMERIC.match(token.text[1:]):
                    return False
                self._signed_argument(token)
            case "close" if token.folded in ("not-planned", "completed"):
                self._argument(token, token.folded, most=1)
            case "close" if token.folded in ("not_planned", "notplanned", "unplanned"):
                self.flaw(token.span, "did you mean not-planned?", fix="not-planned")
            case "comment" if token.text[0] in '"\u201c':
                text = self.unquoted(token)
                if text is not None:
                    self._argument(token, text, most=1)
            case "dispatch" if _WORKFLOW.match(token.text):
                if any("=" not in argument for argument in self._arguments):
                    self.flaw(token.span, "dispatch starts one workflow", fix=None)
                self._arguments.append(token.text)
            case "dispatch" if found := _INPUT.match(token.text):
                self._input(token, found)
            case _:
                return False
        return True

    def _argument(self, token: Token, argument: str, *, most: int) -> None:
        if argument in self._arguments:
            return
        if len(self._arguments) >= most:
            name = self._lead.name if self._lead else ""
            self.flaw(token.span, f"{name} takes one of these", fix=None)
        self._arguments.append(argument)

    def _input(self, token: Token, found: re.Match[str]) -> None:
        value = self.unquoted(token.part(found.start("value")))
        if value is None:
            return
        key = found["key"]
        if any(argument.startswith(f"{key}=") for argument in self._arguments):
            if f"{key}={value}" not in self._arguments:
                self.flaw(token.span, f"{key} is given twice", fix=None)
            return
        self._arguments.append(f"{key}={value}")

    def _signed_argument(self, token: Token) -> None:
        assert self._lead is not None
        value = self.unquoted(token.part(1))
        if value is None:
            return
        if self._lead.name == "assign":
            value = value.removeprefix("@")
            if not _LOGIN.match(value):
                self.flaw(token.span, "not a login; write +ada or -bob", fix=None)
                return
        if not value.strip():
            self.flaw(token.span, f"nothing stands behind {token.text[0]}", fix=None)
            return
        sign, opposite = ("+", "-") if token.text[0] == "+" else ("-", "+")
        if opposite + value in self._arguments:
            message = f"{quoted(value)} is both added and removed"
            self.flaw(token.span, message, fix=None)
        elif sign + value not in self._arguments:
            self._arguments.append(sign + value)

    def _signed(self, token: Token) -> None:
        if token.text[0] == "-" and NUMERIC.match(token.text[1:]):
            if self._group is not None:
                message = "exclusions stand outside the group"
                moved = Edit(Span(self.end, 0), f" {token.text}")
                self.flaw_with(token.span, message, (Edit(token.span, ""), moved))
                return
            numbers = self.numeric(token.part(1))
            if isinstance(numbers, Number):
                numbers = Range(numbers.number, numbers.number)
            if numbers is not None:
                self._words.append(Exclusion(numbers, token.span))
        elif token.text == "-":
            self._spaced_range(token)
        elif token.text[0] == "-":
            message = "an exclusion is a number or a range: -15 or -15..18"
            self.flaw(token.span, message, fix=None)
        else:
            message = f"this belongs to label: /batch label {token.text} 12"
            lead = Edit(Span(self.tokens[0].column, 0), f"label {token.text} ")
            edits = (lead, Edit(token.span, "")) if self._lead is None else None
            self.flaw_with(token.span, message, edits)

    # --- after: -------------------------------------------------------------------

    def _bound(self) -> _Bound:
        if self._target is not None:
            return self._target.bound
        return self._group.bound if self._group is not None else self._whole

    def _after(self, token: Token) -> None:
        listed = token.part(len("after:"))
        if not listed.text:
            self.value_missing(token, "after")
            return
        stripped = re.sub(r",{2,}", ",", listed.text).strip(",")
        if stripped != listed.text:
            self._dangling(token, stripped)
            return
        at = 0
        for text in listed.text.split(","):
            name = self.item_name(Token(text, listed.column + at))
            at += len(text) + 1
            if name is not None:
                self._bound().after.append(name)

    def _dangling(self, token: Token, stripped: str) -> None:
        following = self.following
        if stripped and token.text.endswith(",") and following is not None:
            both = f"after:{stripped},{following.text}"
            if re.fullmatch(r"#?[0-9]+", following.text):
                self.at += 1
                span = Span(token.column, following.end - token.column)
                message = f"dangling comma: write {both} without the space"
                self.flaw(span, message, fix=both)
                return
        fix = f"after:{stripped}" if stripped else None
        self.flaw(
            token.span, "dangling comma" + (f": write {fix}" if fix else ""), fix=fix
        )

    def _after_without_colon(self, token: Token) -> None:
        following = self.following
        if following is None or following.is_mark:
            message = '"after" needs a colon and an item: 12 after:15'
            self.flaw(token.span, message, fix=None)
            return
        self.at += 1
        before = ""
        if isinstance(self._target, _OpenTerm):
            before = f"{format_selector(self._target.selector)} "
        fix = f"after:{following.text.lstrip(':')}"
        span = Span(token.column, following.end - token.column)
        self.flaw(span, f'"after" needs a colon: {before}{fix}', fix=fix)

    # --- options ------------------------------------------------------------------

    def _option(self, token: Token, key: str, bound: _Bound) -> None:
        raw = token.text[len(key) + 1 :]
        if not raw:
            self.value_missing(token, key)
            return
        value = self._value_of(token, key, raw)
        if value is None:
            return
        name = OPTION_FIELDS.get(key, key)
        if bound.options.setdefault(name, value) != value:
            self.flaw(token.span, f"{key} is given twice, differently", fix=None)

    def _value_of(self, token: Token, key: str, raw: str) -> object:
        """Return the value of an option, or note what is wrong with it."""
        match read_option(key, raw):
            case Wrong(message, fix):
                start = token.text.index(":") + 1
                span = Span(token.column + start, len(token.text) - start)
                self.flaw(span, message, fix=fix)
                return None
            case value:
                return value
