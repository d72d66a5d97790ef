"""How people say that items wait, are left out, or go from one to another.

Each is a fault, with the edits that say the same.
"""

import re

from bot.core.actions.spec import SIGNED
from bot.core.command.flaws import Edit
from bot.core.command.phrases import take_phrase
from bot.core.command.sentence import OpenTerm, Sentence
from bot.core.command.syntax import NUMERIC, Search, Span, format_selector
from bot.core.command.tokens import Token
from bot.core.command.words import ITEM_HELP, KEYED, is_filter, is_item

_DASHES = ("-", "\u2013", "\u2014")
_WAITS = re.compile(
    r"(?:depend(?:s|ing)? on|wait(?:s|ing)? (?:for|on)|blocked by|needs|requires|behind)\Z",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"(?:except(?: for)?|without|but not|and not|not|excluding|excl|minus"
    r"|skip|skipping|other than)\Z",
    re.IGNORECASE,
)


def exclaimed(sentence: Sentence, token: Token) -> bool:
    """Note ``12..18 !15``, ``label:bug !label:wip`` and ``label +bug !wip``."""
    rest = token.text[1:]
    keyed = KEYED.match(rest)
    is_one = NUMERIC.match(rest) is not None or (
        keyed is not None and is_filter(keyed["key"].casefold(), keyed["value"])
    )
    is_name = sentence.form in SIGNED and rest[:1].isalpha()
    if token.text[0] != "!" or not (is_one or is_name):
        return False
    fix = f"-{rest.lstrip('#@')}"
    what = "left out" if is_one else "taken off"
    sentence.flaw(token.span, f"what is {what} is written {fix}", fix=fix)
    return True


def waiting(sentence: Sentence, token: Token) -> bool:
    """Read ``15 depends on 12``."""
    span, said = take_phrase(sentence, token, _WAITS)
    if not said:
        return False
    names: list[str] = []
    is_sure = sentence.before is not None
    while (following := sentence.following) is not None and not following.is_mark:
        if following.folded == "and" and names:
            sentence.at += 1
            continue
        is_joined = not names or following.comma is not None or _is_and_before(sentence)
        if not re.fullmatch(r"#?[0-9]+", following.text):
            break
        if not is_joined:
            is_sure = False
            break
        names.append(following.text.lstrip("#"))
        sentence.at += 1
        span = Span(span.column, following.end - span.column)
    fix = f"after:{','.join(names)}" if names else ""
    message = f"write {fix or 'after:12'}"
    sentence.flaw(span, message, fix=fix if fix and is_sure else None)
    return True


def _is_and_before(sentence: Sentence) -> bool:
    return sentence.tokens[sentence.at - 1].folded == "and"


def exception(sentence: Sentence, token: Token) -> bool:
    """Read ``12..18 except 15 and 16``."""
    span, said = take_phrase(sentence, token, _EXCEPT)
    if not said:
        return False
    fixes: list[str] = []
    while (following := sentence.following) is not None and not following.is_mark:
        keyed = KEYED.match(following.text)
        is_one = keyed is not None and is_filter(
            keyed["key"].casefold(), keyed["value"]
        )
        if NUMERIC.match(following.text) or is_one:
            fixes.append(f"-{following.text.lstrip('#')}")
        elif following.folded not in ("and", "or", "nor"):
            break
        sentence.at += 1
        span = Span(span.column, following.end - span.column)
    fix = " ".join(fixes) or None
    message = f"what is left out is written {fix or '-15'}"
    sentence.flaw(span, message, fix=fix)
    return True


def range_in_words(sentence: Sentence, token: Token) -> bool:
    """Note ``12 to 15``."""
    return bool(
        re.fullmatch(r"\.\.+|to|till|through|[\u2013\u2014]", token.folded)
    ) and spaced_range(sentence, token)


def spaced_range(sentence: Sentence, token: Token) -> bool:
    """Note ``12 - 15``."""
    before, following = sentence.before, sentence.following
    if _is_spaced_exclusion(sentence, token):
        return True
    if (
        before is None
        or following is None
        or not re.fullmatch(r"#?[0-9]+", before.text)
        or not re.fullmatch(r"#?[0-9]+", following.text)
    ):
        sentence.flaw(token.span, f"not an item: {ITEM_HELP}", fix=None)
        return True
    sentence.at += 1
    first, last = (one.text.lstrip("#0") for one in (before, following))
    is_upward = (len(first), first) < (len(last), last)  # of any number of digits
    if token.text in _DASHES and not is_upward:
        message = f"a range goes up; what is left out is written -{last}"
        sentence.flaw(token.span, message, fix=None)
        return True
    gap = Span(before.end, following.column - before.end)
    message = f"a range has no spaces: {before.text}..{following.text}"
    sentence.flaw_with(token.span, message, (Edit(gap, ".."),))
    return True


def _is_spaced_exclusion(sentence: Sentence, token: Token) -> bool:
    """Note ``12..18 - 15``."""
    before, following = sentence.before, sentence.following
    if token.text != "-" or before is None or following is None:
        return False
    found = NUMERIC.match(before.text)
    is_range = found is not None and found["last"] is not None
    is_another = before.text[0] == "-" and NUMERIC.match(before.text[1:]) is not None
    if sentence.at > 2 and found is not None:  # 12..18 - 15 - 16
        is_another = sentence.tokens[sentence.at - 3].text == "-"
    if not (is_range or is_another) or not NUMERIC.match(following.text):
        return False
    sentence.at += 1
    span = Span(token.column, following.end - token.column)
    fix = f"-{following.text}"
    sentence.flaw(span, f"what is left out is written {fix}", fix=fix)
    return True


def after_without_colon(sentence: Sentence, token: Token) -> None:
    """Note ``12 after 15``."""
    following = sentence.following
    if following is None or following.is_mark:
        message = '"after" needs a colon and an item: 12 after:15'
        sentence.flaw(token.span, message, fix=None)
        return
    sentence.at += 1
    before = ""
    target = sentence.target
    if isinstance(target, OpenTerm) and not isinstance(target.selector, Search):
        before = f"{format_selector(target.selector)} "
    fix = f"after:{following.text.lstrip(':')}"
    span = Span(token.column, following.end - token.column)
    is_sure = is_item(following.text.lstrip(":"))
    message = f'"after" needs a colon: {before}{fix}'
    sentence.flaw(span, message, fix=fix if is_sure else None)
