"""What has been read of a command that runs items, while its words are being read."""

from collections.abc import Collection
from dataclasses import dataclass, field

from bot.core.actions.spec import NO_ARGUMENTS, Arguments, Form
from bot.core.actions.table import ACTIONS, is_refused
from bot.core.command.limits import Limits
from bot.core.command.options import OPTION_FIELDS, Wrong, read_option
from bot.core.command.syntax import (
    Exclusion,
    GivenOptions,
    Group,
    ItemName,
    Search,
    Selector,
    Span,
    Term,
)
from bot.core.command.tokens import Token
from bot.core.command.words import Words
from bot.core.model import Action

MAX_FAULTS = 10


@dataclass(slots=True)
class Bound:
    """What has been bound so far to a term, to a group or to the whole command."""

    after: list[ItemName] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is."""
        return not self.after and not self.options

    def given(self) -> GivenOptions:
        """Return the options."""
        return GivenOptions(**self.options)  # type: ignore[arg-type] # read_option sees to it


@dataclass(slots=True)
class OpenTerm:
    """A term to which more may be bound, and filters added."""

    selector: Selector
    action: str | None
    span: Span
    bound: Bound = field(default_factory=Bound)

    def close(self) -> Term:
        """Return the term as it was read."""
        after = tuple(dict.fromkeys(self.bound.after))
        options = self.bound.given()
        return Term(self.selector, self.action, after, options, self.span)


@dataclass(slots=True)
class OpenGroup:
    """A group to which more may be added and bound."""

    column: int
    action: str | None
    terms: list[OpenTerm] = field(default_factory=list)
    end: int = 0
    bound: Bound = field(default_factory=Bound)

    def close(self) -> Group:
        """Return the group as it was read."""
        return Group(
            tuple(term.close() for term in self.terms),
            tuple(dict.fromkeys(self.bound.after)),
            self.bound.given(),
            Span(self.column, self.end - self.column),
        )


class Sentence(Words):
    """The words of a line that runs items, and what they came to so far."""

    def __init__(
        self, line: str, start: int, *, actions: Collection[str], limits: Limits
    ) -> None:
        super().__init__(line, start, limits)
        self.names = {name.casefold(): name for name in (*ACTIONS, *actions)}
        self._own = frozenset(actions)
        self.lead: Action | None = None
        self.lead_token: Token | None = None
        self.read_words: list[OpenTerm | OpenGroup | Exclusion] = []
        self.group: OpenGroup | None = None
        self.target: OpenTerm | OpenGroup | None = None
        self.whole = Bound()

    @property
    def lead_name(self) -> str:
        """Return the name of the leading action, if there is one."""
        return self.lead.name if self.lead else ""

    @property
    def form(self) -> Form:
        """Return how the arguments of the leading action are typed."""
        return self.arguments_of(self.lead_name).form

    def arguments_of(self, name: str) -> Arguments:
        """Return what is typed behind an action; behind one of the repository's nothing."""
        spec = None if name in self._own else ACTIONS.get(name)
        return spec.arguments if spec else NO_ARGUMENTS

    def is_refused(self, name: str) -> bool:
        """Return whether nobody can do an action here, so that none is led to it."""
        return name not in self._own and is_refused(name)

    @property
    def before(self) -> Token | None:
        """Return the word before the one that is being read."""
        return self.tokens[self.at - 2] if self.at >= 2 else None

    @property
    def bound(self) -> Bound:
        """Return what a binding that comes next is bound to."""
        if self.target is not None:
            return self.target.bound
        return self.group.bound if self.group is not None else self.whole

    @property
    def search(self) -> Search | None:
        """Return the filters that one more would stand beside."""
        term = self.target
        if isinstance(term, OpenTerm) and term.bound.is_empty:
            return term.selector if isinstance(term.selector, Search) else None
        return None

    def lead_with(self, token: Token, name: str) -> None:
        """Take a word as the leading action *name*."""
        self.lead, self.lead_token = Action(name), token

    def add_term(self, selector: Selector, action: str | None, span: Span) -> None:
        """Add a term where the sentence stands."""
        if self.group is not None:
            term = OpenTerm(selector, action or self.group.action, span)
            self.group.terms.append(term)
        else:
            term = OpenTerm(selector, action, span)
            self.read_words.append(term)
        self.target = term

    def option(self, token: Token, key: str, bound: Bound) -> None:
        """Bind an option, or note what is wrong with it."""
        raw = token.text[len(key) + 1 :]
        if not raw:
            self.value_missing(token, key)
            return
        value = self.option_value(token, key, raw)
        if value is None:
            return
        name = OPTION_FIELDS.get(key, key)
        if bound.options.setdefault(name, value) != value:
            self.flaw(token.span, f"{key} is given twice, differently", fix=None)

    def option_value(self, token: Token, key: str, raw: str) -> object:
        """Return the value of an option, or note what is wrong with it."""
        match read_option(key, raw):
            case Wrong(message, fix):
                start = token.text.index(":") + 1
                span = Span(token.column + start, len(token.text) - start)
                self.flaw(span, message, fix=fix)
                return None
            case value:
                return value
