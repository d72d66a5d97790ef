"""Commands that run items: terms, what is bound to them, options and arguments."""

import re
from collections.abc import Collection
from dataclasses import replace

from bot.core.actions.spec import SIGNED, Form
from bot.core.command import (
    brackets,
    changes,
    dashes,
    habits,
    joints,
    relations,
    whole,
)
from bot.core.command.arguments import Arguments
from bot.core.command.flaws import Edit
from bot.core.command.guesses import slip_of
from bot.core.command.limits import Limits
from bot.core.command.sentence import (
    MAX_FAULTS,
    OpenGroup,
    OpenTerm,
    Sentence,
)
from bot.core.command.syntax import (
    NUMERIC,
    Exclusion,
    Filter,
    Number,
    Range,
    RunCommand,
    Search,
    Span,
)
from bot.core.command.tokens import Token
from bot.core.command.unmarked import is_label
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    CONTROLS,
    FILTERS,
    OPTION_SYNONYMS,
    in_words,
)
from bot.core.command.words import KEYED, is_filter, is_item
from bot.core.effects import TEAM

_SINGLE = ("milestone", "author", "base", "draft", "review")
_MOST_VALUES = 10


class ItemsReader(Sentence):
    """Reads a line that runs items, once."""

    def __init__(
        self, line: str, start: int, *, actions: Collection[str], limits: Limits
    ) -> None:
        super().__init__(line, start, actions=actions, limits=limits)
        self._arguments = Arguments(self)
        self._is_dry_run = False
        self._is_again = False
        self._last = ("", False)  # key and sign of the filter that was typed last

    def read(self) -> RunCommand | None:
        """Return the command; None only if a flaw is noted."""
        while self.at < len(self.tokens) and len(self.flaws) < MAX_FAULTS:
            token = self.tokens[self.at]
            self.at += 1
            if token.is_mark:
                self._mark(token)
            else:
                self._word(token)
        if self.group is not None:
            opened = Span(self.group.column, 1)
            self._close_group(self.end)
            edit = (Edit(Span(self.end, 0), ")"),)
            self.flaw_with(opened, "this bracket is never closed", edit)
        self._arguments.finish()
        if not self.flaws:
            whole.check_items(self)
        if self.flaws:
            return None
        return RunCommand(
            words=tuple(
                word if isinstance(word, Exclusion) else word.close()
                for word in self.read_words
            ),
            action=self.lead,
            after=tuple(dict.fromkeys(self.whole.after)),
            options=self.whole.given(),
            is_dry_run=self._is_dry_run,
            is_again=self._is_again,
            line=self.line,
        )

    # --- brackets --------------------------------------------------------------------

    def _mark(self, token: Token) -> None:
        match token.text:
            case "(":
                self._open_group(token, None)
            case ")" if self.group is not None:
                if not self.group.terms and not self._is_flawed_since(self.group):
                    span = Span(self.group.column, token.end - self.group.column)
                    opened = Span(self.group.column, 1)
                    # What was read inside all the same stays: (dry-run).
                    edits = (Edit(opened, ""), Edit(token.span, ""))
                    is_empty = self.group.bound.is_empty
                    message = "no item is in these brackets"
                    self.flaw_with(span, message, edits if is_empty else None)
                self._close_group(token.end)
            case "[" if not joints.is_link(self, token):
                brackets.read(self, token)
            case "[":
                pass
            case _:
                message = f'this "{token.text}" closes nothing'
                self.flaw(token.span, message, fix="")

    def _open_group(self, token: Token, action: str | None) -> None:
        if self.group is not None:
            self.flaw(token.span, "groups do not stand inside groups", fix=None)
            return
        self.group = OpenGroup(token.column, action)
        self.read_words.append(self.group)
        self.target = None

    def _is_flawed_since(self, group: OpenGroup) -> bool:
        return any(flaw.fault.column > group.column for flaw in self.flaws)

    def _close_group(self, end: int) -> None:
        assert self.group is not None
        self.group.end = end
        self.target = self.group
        self.group = None

    # --- words --------------------------------------------------------------------

    def _word(self, token: Token) -> None:
        folded = token.folded
        keyed = KEYED.match(token.text)
        if folded == "and":
            return
        if folded in self.names and self._may_lead():
            self.lead_with(token, self.names[folded])
            return
        if folded.startswith("after:"):
            self._after(token)
        elif folded == "after":
            relations.after_without_colon(self, token)
        elif folded == "dry-run":
            self._is_dry_run = True
        elif folded == "again":
            self._is_again = True
        elif (
            joints.is_joint(self, token)
            or dashes.is_option_like(self, token)
            or self._arguments.take(token)
        ):
            return
        elif folded[0] in "+-":
            self._signed(token)
        elif is_item(token.text):
            self._add_item(token, None, token)
        elif keyed is not None:
            self._keyed(token, keyed)
        elif not self._is_another_value(token):
            habits.explain(self, token)

    def _may_lead(self) -> bool:
        """Return whether an action would stand before all items."""
        return self.lead is None and not self.read_words and self.group is None

    def _add_item(self, whole: Token, action: str | None, part: Token) -> None:
        selector = self.selector(part)
        if isinstance(selector, Search) and selector.filters[0].page[1]:
            self._last = ("", False)  # it is a whole search
            self.add_term(selector, action, whole.span)
        elif isinstance(selector, Search):
            (one,) = selector.filters
            self._filter(replace(one, span=whole.span), whole, action)
        elif selector is not None:
            self.add_term(selector, action, whole.span)

    def _keyed(self, token: Token, found: re.Match[str]) -> None:
        """Read ``key:value``."""
        key, value = found["key"].casefold(), found["value"]
        if is_filter(key, value) or key in COLLECTIONS:
            self._add_item(token, None, token)
        elif key in BATCH_OPTIONS and not self._is_prefix(key, value):
            if self.group is not None:
                message = "options stand behind the group: (15 18)[priority:high]"
                self.flaw(token.span, message, fix=None)
            else:
                self.option(token, key, self.whole)
        elif key in self.names:
            rest = token.part(found.start("value"))
            self._action_prefix(token, self.names[key], rest)
        elif key in ("again", "dry-run"):
            fix = None if dashes.is_no(value) else key
            self.flaw(token.span, f"{key} takes no value", fix=fix)
        elif key == "team" and self.form is Form.REVIEWERS:
            self.flaw(token.span, f"write +{token.folded}", fix=f"+{token.folded}")
        elif (option := OPTION_SYNONYMS.get(key, "")) in BATCH_OPTIONS:
            span = Span(token.column, len(key))
            self.flaw(span, f"unknown option; did you mean {option}?", fix=option)
            self.option_value(token, option, value)
        elif key in CONTROLS:
            message = f"{key} is written without a colon, first in the command"
            is_first = token is self.tokens[0] and not value
            self.flaw(token.span, message, fix=key if is_first else None)
        else:
            self._unknown_key(token, found)

    def _is_prefix(self, key: str, value: str) -> bool:
        """Return whether ``update:`` stands before items, and not before when to."""
        return key in self.names and (not value or is_item(value))

    def _unknown_key(self, token: Token, found: re.Match[str]) -> None:
        key, value = found["key"].casefold(), found["value"]
        if is_label(self, token) or dashes.is_reason(self, token, key, value):
            return
        if habits.is_search_word(self, token, key, value):
            return
        if habits.is_kind_of_item(self, token, key, value):
            return
        known = (*BATCH_OPTIONS, *FILTERS, *COLLECTIONS, *self.names, "after")
        guess = OPTION_SYNONYMS.get(key.replace("_", "-")) or slip_of(key, known)
        what = "option" if guess in BATCH_OPTIONS else "word"
        there_is = in_words((*BATCH_OPTIONS, "after", *FILTERS, *COLLECTIONS))
        hint = f"; did you mean {guess}?" if guess else f"; there is {there_is}"
        span = Span(token.column, len(found["key"]))
        self.flaw(span, f"unknown {what}{hint}", fix=guess or None)
        if guess in BATCH_OPTIONS and value:
            self.option_value(token, guess, value)

    def _action_prefix(self, token: Token, name: str, rest: Token) -> None:
        arguments = self.arguments_of(name)
        following = self.following
        if arguments.are_needed:
            message = (
                f"{name} needs more, so it can only lead: {name} {arguments.usage} 12"
            )
            self.flaw(token.span, message, fix=None)
        elif rest.text:
            if not joints.is_listed(self, token, rest):
                self._add_item(token, name, rest)
        elif following is not None and following == replace(
            following, text="(", column=token.end, is_mark=True
        ):
            self.at += 1
            self._open_group(following, name)
        else:
            self.value_missing(token, name)

    # --- filters -------------------------------------------------------------------

    def _filter(self, one: Filter, token: Token, action: str | None) -> None:
        """Add a filter to those that it stands beside, or begin with it."""
        search = self.search if action is None else None
        last, self._last = self._last, (one.key, one.is_not)
        if search is None:
            self.add_term(Search((one,)), action, token.span)
            return
        assert isinstance(self.target, OpenTerm)
        if token.comma is not None:
            if last != self._last:
                gap = Span(token.comma, token.column - token.comma)
                message = (
                    "a comma joins filters of one key for either; "
                    "if both must hold, leave it out"
                )
                self.flaw_with(token.span, message, (Edit(gap, " "),))
                self._last = last
                return
            self._another_value(search, one.values[0], token)
            return
        if one in search.filters:
            return
        if one.key in _SINGLE and not one.is_not:
            keys = [other.key for other in search.filters if not other.is_not]
            if one.key in keys:
                self._second(token, one.key, is_next=last == self._last)
                return
        span = self.target.span
        self.target.span = Span(span.column, token.end - span.column)
        # What must hold comes first, as an action before it is bound to a word.
        filters = sorted((*search.filters, one), key=lambda other: other.is_not)
        self.target.selector = Search(tuple(filters))

    def _second(self, token: Token, key: str, *, is_next: bool) -> None:
        """Note a second filter of which no item can fit both."""
        assert self.before is not None
        message = f"no item has two; for either write a comma before {key}:"
        edits = (Edit(Span(self.before.end, 0), ","),) if is_next else None
        self.flaw_with(token.span, message, edits)

    def _is_another_value(self, token: Token) -> bool:
        """Take the ``b`` of ``label:a,b``."""
        search = self.search
        if search is None or token.comma is None:
            return False
        if token.comma != token.column - 1:
            return habits.is_loose_value(self, token, token.comma)
        value = self.unquoted(token)
        one = None if value is None else self.filter_of(token, self._last[0], value)
        if one is not None:
            self._another_value(search, one.values[0], token)
        return True

    def _another_value(self, search: Search, value: str, token: Token) -> None:
        """Add a value to the filter that was typed last."""
        assert isinstance(self.target, OpenTerm)
        at = max(
            index
            for index, one in enumerate(search.filters)
            if (one.key, one.is_not) == self._last
        )
        values = search.filters[at].values
        if value in values:
            return
        if len(values) >= _MOST_VALUES:
            message = f"a filter takes {_MOST_VALUES} values at most"
            self.flaw(token.span, message, fix=None)
            return
        more = replace(search.filters[at], values=(*values, value))
        filters = (*search.filters[:at], more, *search.filters[at + 1 :])
        self.target.selector = Search(filters)

    # --- signs ---------------------------------------------------------------------

    def _signed(self, token: Token) -> None:
        sign, rest = token.text[0], token.part(1)
        keyed = KEYED.match(rest.text)
        if sign == "-" and NUMERIC.match(rest.text):
            self._exclusion(token)
        elif self.form is Form.TITLE and keyed is None and rest.text:
            changes.signed_title(self, token)
        elif token.text == "-":
            relations.spaced_range(self, token)
        elif sign == "-" and keyed is not None and self._is_negated(token, keyed):
            pass
        elif sign == "-":
            message = "an exclusion is a number or a range: -15 or -15..18"
            self.flaw(token.span, message, fix=None)
        elif is_item(rest.text):
            self.flaw(token.span, "items add up by themselves", fix=rest.text)
        else:
            name = self._action_of(token)
            message = f"this belongs to {name}: /batch {name} {token.text} 12"
            lead = Edit(Span(self.tokens[0].column, 0), f"{name} {token.text} ")
            is_sure = self.lead is None and self.lead_token is None and name == "label"
            edits = (lead, Edit(token.span, "")) if is_sure else None
            self.flaw_with(token.span, message, edits)

    def _action_of(self, token: Token) -> str:
        """Return the action that a word with a sign belongs to: one that stands there, or
        the most likely.
        """
        for other in self.tokens:
            name = other.folded.partition(":")[0]
            if name in self.names and self.arguments_of(name).form in SIGNED:
                return name
        return "request" if token.folded.startswith(f"+{TEAM}") else "label"

    def _exclusion(self, token: Token) -> None:
        if self.group is not None:
            message = "exclusions stand outside the group"
            moved = Edit(Span(self.end, 0), f" {token.text}")
            self.flaw_with(token.span, message, (Edit(token.span, ""), moved))
            return
        numbers = self.numeric(token.part(1))
        if isinstance(numbers, Number):
            numbers = Range(numbers.number, numbers.number)
        if numbers is not None:
            self.read_words.append(Exclusion(numbers, token.span))

    def _is_negated(self, token: Token, found: re.Match[str]) -> bool:
        """Take ``-label:wip``."""
        key, value = found["key"].casefold(), found["value"]
        if not is_filter(key, value):
            return habits.is_search_word(self, token, key, value)
        one = self.filter(token, key, token.part(len(key) + 2))
        if one is not None:
            self._filter(replace(one, is_not=True, span=token.span), token, None)
        return True

    # --- after: --------------------------------------------------------------------

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
            one = Token(text, listed.column + at)
            name = self.item_name(one, is_listed=True)
            at += len(text) + 1
            if name is not None:
                self.bound.after.append(name)

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
