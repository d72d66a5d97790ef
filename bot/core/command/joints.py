"""What people put between items: separators, arrows, ``or``, links of Markdown.

Each is a fault with the edits that say the same. An order is kept, or there is none.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from bot.core.actions.spec import Form
from bot.core.command.flaws import Edit
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import NUMERIC, Span
from bot.core.command.tokens import Token
from bot.core.command.words import KEYED, is_filter, is_item

_ARROWS = r"[-=]+>|>+|\u2192|\u21d2|\u27f6"
THEN = re.compile(rf"then|next|before|{_ARROWS}", re.IGNORECASE)
"""What stands between an item and one that comes later."""

_GLUED = re.compile(rf"#?[0-9]+(?:(?:{_ARROWS})#?[0-9]+)+")
_SEPARATOR = re.compile(r"[&+;/|\u00b7\u2022]+")
_LINK = re.compile(r"\[[^\[\]]{1,200}\]\((?P<address>[^()\s]{1,500})\)")
_PLAIN = re.compile(r"#?[0-9]+")


def is_joint(sentence: Sentence, token: Token) -> bool:
    """Note a word that only joins items, in a way that the language has not."""
    return (
        _is_order(sentence, token)
        or _is_glued_order(sentence, token)
        or _is_separator(sentence, token)
        or _is_either(sentence, token)
    )


def _is_order(sentence: Sentence, token: Token) -> bool:
    """Note ``12 then 15``: all of it at once, as each part waits for the one before."""
    if not THEN.fullmatch(token.text):
        return False
    if sentence.form is Form.TITLE and sentence.before is sentence.lead_token:
        return False  # of a milestone named “Next release”
    parts: list[list[Token]] = [[]]
    words = [token]
    for one in _numbers_before(sentence):
        parts[0].insert(0, one)
    at = sentence.at
    parts.append([])
    while at < len(sentence.tokens) and not sentence.tokens[at].is_mark:
        one = sentence.tokens[at]
        if NUMERIC.match(one.text):
            parts[-1].append(one)
        elif THEN.fullmatch(one.text):
            words.append(one)
            parts.append([])
        elif one.folded != "and":
            break
        at += 1
    message = "what comes later is written with after:, as in 12 15 after:12"
    last = words[-1]
    span = Span(token.column, last.end - token.column)
    is_plain = all(
        part and all(_PLAIN.fullmatch(one.text) for one in part) for part in parts
    )
    ends = at >= len(sentence.tokens) or not sentence.tokens[at].is_mark
    edits = None
    if is_plain and ends and sentence.group is None:
        edits = (*(Edit(word.span, "") for word in words), *_waits_in_turn(parts))
    sentence.flaw_with(token.span if edits is None else span, message, edits)
    sentence.at = at
    return True


def _numbers_before(sentence: Sentence) -> Iterator[Token]:
    for one in reversed(sentence.tokens[: sentence.at - 1]):
        if one.folded == "and":
            continue
        if one.is_mark or not NUMERIC.match(one.text):
            return
        yield one


def _waits_in_turn(parts: Sequence[Sequence[Token]]) -> Iterator[Edit]:
    for earlier, part in pairwise(parts):
        names = ",".join(one.text.lstrip("#") for one in earlier)
        end = Span(part[-1].end, 0)
        if len(part) == 1:
            yield Edit(end, f" after:{names}")
        else:
            yield Edit(Span(part[0].column, 0), "(")
            yield Edit(end, f") after:{names}")


def _is_glued_order(sentence: Sentence, token: Token) -> bool:
    """Note ``12->15``."""
    if not _GLUED.fullmatch(token.text):
        return False
    numbers = re.findall("[0-9]+", token.text)
    behind = (f"{two} after:{one}" for one, two in pairwise(numbers))
    fix = " ".join([numbers[0], *behind])
    message = f"what comes later is written with after: {fix}"
    sentence.flaw(token.span, message, fix=fix)
    return True


def _is_separator(sentence: Sentence, token: Token) -> bool:
    """Note ``12 & 15``."""
    if not (_SEPARATOR.fullmatch(token.text) and _is_between(sentence, is_item)):
        return False
    sentence.flaw(token.span, "items stand side by side, with spaces", fix="")
    return True


def _is_either(sentence: Sentence, token: Token) -> bool:
    """Note ``label:a or label:b``."""
    before, following = sentence.before, sentence.following
    if token.folded not in ("or", "|", "||") or before is None or following is None:
        return False
    if not _is_between(sentence, lambda text: bool(_key_of_filter(text))):
        return False
    if _key_of_filter(before.text) != _key_of_filter(following.text):
        message = (
            f"for either, put each in brackets: ({before.text}) ({following.text})"
        )
        sentence.flaw(token.span, message, fix=None)
        return True
    gap = Span(before.end, following.column - before.end)
    message = "for either, a comma joins filters of one key"
    sentence.flaw_with(token.span, message, (Edit(gap, ","),))
    return True


def _is_between(sentence: Sentence, is_one: Callable[[str], bool]) -> bool:
    before, following = sentence.before, sentence.following
    if before is None or following is None or before.is_mark or following.is_mark:
        return False
    return is_one(before.text) and is_one(following.text)


def _key_of_filter(text: str) -> str:
    found = KEYED.match(text)
    key = found["key"].casefold() if found else ""
    return key if found and is_filter(key, found["value"]) else ""


def is_link(sentence: Sentence, opening: Token) -> bool:
    """Note ``[#12](https://…)``, or ``[12]`` with nothing before it."""
    link = _LINK.match(sentence.line, opening.column)
    if link is not None and is_item(link["address"]):
        end = link.end()
        span, fix = Span(opening.column, end - opening.column), link["address"]
        message = "a link is written as its address alone"
    else:
        inside = sentence.tokens[sentence.at : sentence.at + 2]
        texts = [one.text for one in inside]
        if sentence.target or texts[1:] != ["]"] or not is_item(texts[0]):
            return False
        end, fix = inside[1].end, texts[0]
        span = Span(opening.column, end - opening.column)
        message = f"brackets hold options; the item alone is {fix}"
    while sentence.following is not None and sentence.following.column < end:
        sentence.at += 1
    sentence.flaw(span, message, fix=fix)
    return True


def is_listed(sentence: Sentence, token: Token, first: Token) -> bool:
    """Note ``close:12,15``: a comma is a space, and #15 would be another wish."""
    listed, end = [first.text], token.end
    while (
        (following := sentence.following) is not None
        and (following.comma, following.column) == (end, end + 1)
        and NUMERIC.match(following.text)
    ):
        listed.append(following.text)
        end = following.end
        sentence.at += 1
    if len(listed) == 1:
        return False
    key = token.text[: -len(first.text)]
    fix = f"{key}({' '.join(listed)})"
    whole = Span(token.column, end - token.column)
    sentence.flaw(whole, f"for all of these write {fix}", fix=fix)
    return True
