"""The words of a line, each understood by itself, faults noted."""

import re
from dataclasses import replace

from bot.core.command.faults import Fault
from bot.core.command.flaws import Edit, Flaw
from bot.core.command.guesses import slip_of
from bot.core.command.limits import Limits
from bot.core.command.near_numbers import NO_RANGE, meant_numbers
from bot.core.command.pages import page_of
from bot.core.command.syntax import (
    NUMERIC,
    Filter,
    ItemName,
    Number,
    Qualified,
    Range,
    Search,
    Selector,
    Span,
    SubIssues,
    Tasks,
    This,
)
from bot.core.command.tokens import WHOLE_QUOTED, Token, split_words
from bot.core.command.vocabulary import (
    COLLECTIONS,
    FILTER_VALUES,
    FILTERS,
    in_words,
)
from bot.core.model import ItemNumber
from bot.core.world.references import MAX_DIGITS, host_in, qualified_reference

KEYED = re.compile(r"(?P<key>[A-Za-z][\w-]*):(?P<value>.*)", re.DOTALL)
_GITHUB_NUMBER = re.compile(rf"GH-([1-9][0-9]{{0,{MAX_DIGITS - 1}}})\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"<?[A-Za-z]+://")
_SAME_VALUES = {
    **dict.fromkeys(("issues",), "issue"),
    **dict.fromkeys(("prs", "pull", "pulls", "pull-request", "pull-requests"), "pr"),
    **dict.fromkeys(("pullrequest", "pullrequests"), "pr"),
    **dict.fromkeys(("labels",), "label"),
    **dict.fromkeys(("milestones",), "milestone"),
    **dict.fromkeys(("assignees",), "assignee"),
}
_ENDED = ("closed", "merged", "unmerged", "completed")
_SAME_BOOLEANS = {"yes": "true", "1": "true", "no": "false", "0": "false"}

ITEM_HELP = "use a number, a range like 12..18, review:63 or a link"


class Words:
    """The words of one line, read from left to right."""

    def __init__(self, line: str, start: int, limits: Limits) -> None:
        self.flaws: list[Flaw] = []
        self.line = line
        self.limits = limits
        self.tokens = split_words(line, start)
        self.at = 0  # the index of the next word

    @property
    def end(self) -> int:
        """Return the column behind the last word."""
        return self.tokens[-1].end if self.tokens else len(self.line)

    @property
    def following(self) -> Token | None:
        """Return the next word or mark, if there is one."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def flaw(self, span: Span, message: str, *, fix: str | None) -> None:
        """Note a fault that writing *fix* in its place would mend."""
        edits = None if fix is None else (Edit(span, fix),)
        self.flaw_with(span, message, edits)

    def flaw_with(
        self, span: Span, message: str, edits: tuple[Edit, ...] | None
    ) -> None:
        """Note a fault that *edits* would mend; None if nobody can say what was meant."""
        fault = Fault(span.column, max(1, span.length), message)
        self.flaws.append(Flaw(fault, edits))

    def value_missing(self, token: Token, key: str) -> None:
        """Note a key with nothing behind it, or with a space before its value."""
        following = self.following
        if following is None or following.is_mark:
            self.flaw(token.span, f"value missing behind {key}:", fix=None)
            return
        self.at += 1
        span = Span(token.column, following.end - token.column)
        joined = f"{key}:{following.text}"
        self.flaw(span, f"value missing: write {joined} without the space", fix=joined)

    def item_name(self, token: Token, *, is_listed: bool = False) -> ItemName | None:
        """Return the one item that *token* names, or note why it names none.

        *is_listed*: commas may follow, so that several can be written there.
        """
        named = meant_numbers(token.text) if is_listed else None
        if named and " " in named and not NUMERIC.match(token.text):
            listed = named.replace(" ", ",")
            self.flaw(token.span, f"write each item, with commas: {listed}", fix=listed)
            return None
        match self.selector(token):
            case Number() | This() | Qualified() as name:
                return name
            case Range() as numbers if is_listed:
                listed = ",".join(map(str, numbers.numbers))
                fix = listed if len(numbers.numbers) <= 20 else None
                hint = f": {fix}" if fix else ""
                message = f"write each item, with commas{hint}"
                self.flaw(token.span, message, fix=fix)
            case Range() | Search() | SubIssues() | Tasks():
                message = "one item is needed here: a number or a link"
                self.flaw(token.span, message, fix=None)
            case None:
                pass
        return None

    def selector(self, token: Token) -> Selector | None:
        """Return the selector that *token* is, or note why it is none."""
        text = token.text
        if token.folded == "this":
            return This(token.span)
        if NUMERIC.match(text):
            return self.numeric(token)
        if found := _GITHUB_NUMBER.match(text):
            return Number(ItemNumber(int(found[1])), token.span)
        if found := _RANGE_ELSEWHERE.match(text):
            numbers = self.numeric(token.part(found.start("numbers")))
            if not isinstance(numbers, Range):
                return numbers
            return replace(numbers, repository=found["repository"])
        if reference := qualified_reference(text):
            return Qualified(reference, host_in(text), token.span)
        if "://" in text:
            return self._page(token)
        if found := KEYED.match(text):
            key = found["key"].casefold()
            rest = token.part(found.start("value"))
            if key in COLLECTIONS:
                return self._collection(token, key, rest)
            if is_filter(key, rest.text):
                one = self.filter(token, key, rest)
                return Search((one,)) if one else None
        self.not_an_item(token)
        return None

    def _page(self, token: Token) -> Search | None:
        """Return the filters of a page that lists items."""
        page = page_of(token.text)
        if page is None or page.problem:
            message = "not the address of an issue or pull request, nor of a search"
            self.flaw(token.span, page.problem if page else message, fix=None)
            return None
        place = (page.host, page.repository)
        return Search(
            tuple(
                Filter(
                    one.key,
                    tuple(map(login_of, one.values))
                    if one.key in ("author", "assignee")
                    else one.values,
                    one.is_not,
                    token.span,
                    place,
                )
                for one in sorted(page.shown, key=lambda one: one.is_not)
            )
        )

    def not_an_item(self, token: Token) -> None:
        """Note that a word is no item, with the numbers that were probably meant."""
        message = f"not an item: {ITEM_HELP}"
        if NO_RANGE.match(token.text):
            message = (
                "not an item: a range has two ends, as in 12..15; single items stand"
                " apart, with spaces"
            )
        self.flaw(token.span, message, fix=meant_numbers(token.text))

    def _collection(self, token: Token, key: str, rest: Token) -> Selector | None:
        if not rest.text:
            self.value_missing(token, key)
            return None
        named = None if NUMERIC.match(rest.text) else meant_numbers(rest.text)
        if named and " " in named:
            message = "one item is needed here: a number or a link"
            self.flaw(token.span, message, fix=None)
            return None
        parent = self.item_name(rest)
        kind = SubIssues if key == "sub-issues" else Tasks
        return kind(parent, token.span) if parent else None

    def filter(self, token: Token, key: str, rest: Token) -> Filter | None:
        """Return the filter with one value, or note what is wrong with it."""
        if not rest.text:
            self.value_missing(token, key)
            return None
        value = self.unquoted(rest)
        if value is None:
            return None
        if not value.strip():
            self.flaw(token.span, f"value missing behind {key}:", fix=None)
            return None
        return self.filter_of(token, key, value)

    def filter_of(self, token: Token, key: str, value: str) -> Filter | None:
        """Return the filter, its value as GitHub writes it."""
        match key:
            case "author" | "assignee":
                if value.casefold() == "me" and token.text[-2:].casefold() == "me":
                    message = f"who asks is written {key}:@me"
                    name = Span(token.end - 2, 2)
                    self.flaw_with(token.span, message, (Edit(name, "@me"),))
                    return None
                value = login_of(value)
            case "label" | "milestone" if value.casefold() == token.text[-4:] == "none":
                fix = f"no:{key}"
                self.flaw(token.span, f"what has none is found with {fix}", fix=fix)
                return None
            case "draft" | "review" | "is" | "no" | "type" | "state":
                return self._one_of(token, key, value.casefold().replace("_", "-"))
            case _:
                pass
        return Filter(key, (value,), span=token.span)

    def _one_of(self, token: Token, key: str, value: str) -> Filter | None:
        """Return a filter that has words of its own, or note that this is none of them."""
        if key in ("type", "state"):
            key = "is"  # another word for the same in GitHub's search
        if key in ("is", "no"):
            value = _SAME_VALUES.get(value, value)
        choices = FILTER_VALUES[key]
        if value in choices:
            return Filter(key, (value,), span=token.span)
        if key == "is" and value in _ENDED:
            self.flaw(token.span, "filters find open items only", fix=None)
            return None
        same = _SAME_BOOLEANS.get(value, "") if key == "draft" else ""
        guess = same or slip_of(value, choices)
        sign = "-" if token.text.startswith("-") else ""
        fix = f"{sign}{key}:{guess}" if guess else None
        said = in_words([f"{key}:{one}" for one in choices])
        self.flaw(token.span, f"there is {said}", fix=fix)
        return None

    def numeric(self, token: Token) -> Number | Range | None:
        """Return what a number or range means, or note why it means nothing."""
        found = NUMERIC.match(token.text)
        assert found is not None
        ends = (
            [found["first"]]
            if found["last"] is None
            else [found["first"], found["last"]]
        )
        if any(len(end.lstrip("0")) > MAX_DIGITS for end in ends):
            self.flaw(token.span, "no item has a number as long as that", fix=None)
            return None
        numbers = [ItemNumber(int(end)) for end in ends]
        if not all(numbers):
            self.flaw(token.span, "there is no item 0", fix=None)
            return None
        if len(numbers) == 1:
            return Number(numbers[0], token.span)
        first, last = sorted(numbers)
        count = last - first + 1
        if count > self.limits.items:
            message = f"{count} items, and the limit is {self.limits.items} a command"
            self.flaw(token.span, message, fix=None)
            return None
        return Range(first, last, numbers[0] > numbers[1], token.span)

    def unquoted(self, token: Token) -> str | None:
        """Return a value without its quotes, or note what is wrong with them."""
        text = token.text
        opening = text[:1]
        if opening not in ('"', "\u201c"):
            if len(text) > 2 and text[0] == text[-1] == "'":
                fix = f'"{text[1:-1]}"'
                self.flaw(token.span, f"quotes are written {fix}", fix=fix)
                return None
            if '"' in text or "\u201c" in text:
                message = "quotes go around the whole value"
                bare = re.sub('["\u201c\u201d]', "", text)
                self.flaw(token.span, message, fix=f'"{bare}"')
                return None
            return text
        closing = '"' if opening == '"' else "\u201d"
        inner = text[1:-1]
        is_escaped = (len(inner) - len(inner.rstrip("\\"))) % 2 == 1 and opening == '"'
        if len(text) < 2 or not text.endswith(closing) or is_escaped:
            self.flaw(token.span, "this quote is never closed", fix=None)
            return None
        if not WHOLE_QUOTED.match(text):
            message = 'quotes go around the whole value, and \\" is a quote inside'
            self.flaw(token.span, message, fix=None)
            return None
        return re.sub(r'\\(["\\])', r"\1", inner) if opening == '"' else inner


_RANGE_ELSEWHERE = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)#(?P<numbers>[0-9]+(?:\.\.|[-\u2013])#?[0-9]+)\Z",
    re.ASCII,
)
"""``acme/api#12..18``."""


def is_item(text: str) -> bool:
    """Return whether a word can be nothing else than an item."""
    return (
        NUMERIC.match(text) is not None
        or text.casefold() == "this"
        or _ADDRESS.match(text) is not None
        or _GITHUB_NUMBER.match(text) is not None
        or qualified_reference(text) is not None
        or _RANGE_ELSEWHERE.match(text) is not None
    )


def is_word(token: Token) -> bool:
    """Return whether a word could be a verb, by its letters."""
    return bool(re.fullmatch(r"[^\W\d_]+(?:[-_][^\W\d_]+)*|\?", token.text))


def is_filter(key: str, value: str) -> bool:
    """Return whether ``key:value`` is a filter; ``review:63``, ``draft:63`` are actions."""
    folded = value.casefold().replace("_", "-")
    if key == "review":
        is_word = re.fullmatch("[a-z-]+", folded) is not None
        return is_word and folded != "this"
    if key == "draft":
        is_other = is_item(value) or KEYED.match(value) is not None
        return bool(value) and not is_other
    if key in ("type", "state"):
        return _SAME_VALUES.get(folded, folded) in (*FILTER_VALUES["is"], *_ENDED)
    return key in FILTERS


def login_of(text: str) -> str:
    """Return a login as GitHub's REST API has it; ``@me`` is whoever asks."""
    if text.casefold() == "@me":
        return "@me"
    login = text.removeprefix("@")
    if login.casefold().startswith("app/"):
        return f"{login[len('app/') :].removesuffix('[bot]')}[bot]"
    return login
