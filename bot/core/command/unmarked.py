"""Arguments without what marks them: names without a sign, texts without quotes.

Each is a fault, with the edits that say the same.
"""

import re

from bot.core.actions.spec import PEOPLE, SIGNED, Form
from bot.core.command.arguments import INPUT
from bot.core.command.dashes import BODY
from bot.core.command.flaws import Edit
from bot.core.command.phrases import (
    CONDITIONS,
    EVERYTHING,
    PREPOSITIONS,
    is_known,
    take_run,
)
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import NUMERIC, Span, quoted
from bot.core.command.tokens import Token
from bot.core.command.vocabulary import COURTESY
from bot.core.command.words import is_item

_QUOTES = {"'": "'", "\u2018": "\u2019", "\u00ab": "\u00bb", "`": "`"}
_SIGNS = {
    **dict.fromkeys(("add", "put", "set"), "+"),
    **dict.fromkeys(("remove", "delete", "drop", "without"), "-"),
}
"""What people say before a label or login, and the sign for it."""


def text_in_quotes(sentence: Sentence, token: Token) -> bool:
    """Note ``label "good first issue" 12``, and a text that belongs to no action."""
    if token.text[0] not in '"\u201c':
        return False
    if sentence.form is Form.LABELS:
        sentence.flaw(token.span, f"write +{token.text}", fix=f"+{token.text}")
        return True
    message = 'a text in quotes belongs to comment: /batch comment "…" 12'
    sentence.flaw(token.span, message, fix=None)
    return True


def text_without_quotes(sentence: Sentence, token: Token) -> bool:
    """Note ``comment Thanks a lot 12``."""
    if sentence.form is not Form.TEXT:
        return False
    following = sentence.following
    if re.fullmatch(r"#?[0-9]+:", token.text) and following is not None:
        colon = Span(token.end - 1, 1)
        sentence.flaw_with(colon, "an item has no colon", (Edit(colon, ""),))
        return True
    if token.folded in ("on", "to") and following and is_item(following.text):
        sentence.flaw(token.span, "this is no part of a command", fix="")
        return True
    if (found := INPUT.match(token.text)) and found["key"].casefold() in BODY:
        fix = quoted(found["value"].strip("\"'"), always=True)
        sentence.flaw(token.span, f"the text alone is enough: {fix}", fix=fix)
        return True
    span, text = take_run(sentence, token, is_text=True)
    fix = quoted(unwrapped(text), always=True)
    sentence.flaw(span, f"put the text in quotes: {fix}", fix=fix)
    return True


def unwrapped(text: str) -> str:
    """Return a text without the quotes of another kind around it."""
    closing = _QUOTES.get(text[:1])
    is_whole = closing and len(text) > 2 and text.endswith(closing)
    return text[1:-1] if is_whole else text


def preposition(sentence: Sentence, token: Token) -> bool:
    """Note the ``to`` of ``assign ada to 12``, and of ``assign 12 to ada``."""
    before, following = sentence.before, sentence.following
    if sentence.form not in SIGNED or before is None:
        return False
    if is_item(before.text) and following and is_item(following.text):
        return False  # 12 to 15 is a range
    if token.folded not in PREPOSITIONS or following is None or following.is_mark:
        return False
    if before is sentence.lead_token:
        is_joint = sentence.form in PEOPLE and not is_item(following.text)
    else:
        is_joint = is_item(following.text) or is_item(before.text)
    if not is_joint:
        return False
    sentence.flaw(token.span, "this is no part of a command", fix="")
    return True


def _has_only_items(sentence: Sentence, token: Token) -> bool:
    """Return whether nothing but items stands between the action and a word."""
    if sentence.lead_token is None:
        return False
    between = [
        one
        for one in sentence.tokens[: sentence.at - 1]
        if one.column > sentence.lead_token.column
        and one.folded not in ("and", *PREPOSITIONS)
    ]
    is_kind = token.folded in (*COURTESY, *CONDITIONS, *EVERYTHING)
    return bool(between) and all(is_item(one.text) for one in between) and not is_kind


def name_without_sign(sentence: Sentence, token: Token) -> bool:
    """Read ``label good first issue 12`` and ``assign @ada 12``."""
    before, following = sentence.before, sentence.following
    form = sentence.form
    if form not in SIGNED or before is None or before.is_mark:
        return False
    if is_known(token):
        return False
    is_listed = token.comma is not None and not is_item(before.text)
    is_behind_lead = (
        before is sentence.lead_token or is_listed or _has_only_items(sentence, token)
    )
    is_behind_sign = before.text[0] in "+-" and not NUMERIC.match(before.text[1:])
    is_behind_sign &= before.text[1:2] != "-"
    start, sign = token, "+"
    if token.folded in _SIGNS and following is not None and not is_known(following):
        token, sign = following, _SIGNS[token.folded]
        sentence.at += 1
    if form in PEOPLE:
        is_behind_lead = is_behind_lead or before.folded in PREPOSITIONS
        is_behind_lead = is_behind_lead or _is_behind_one_more(sentence)
        span = Span(start.column, token.end - start.column)
        if is_behind_lead and re.fullmatch(r"@?[\w.-]+/[\w.-]+", token.text):
            message = "teams cannot be assigned; people can: +ada"
            sentence.flaw(span, message, fix=None)
            return True
        if not re.fullmatch(r"@?[A-Za-z0-9][\w-]*(?:\[bot\])?|@me", token.text):
            return False
        if not (is_behind_lead or token.text[0] == "@" or token.folded == "me"):
            return False
        if token.folded in ("none", "nobody", "noone"):
            sentence.flaw(span, "people are taken off by their names: -ada", fix=None)
            return True
        name = "@me" if token.folded in ("me", "@me") else token.text.lstrip("@")
        sentence.flaw(span, f"write {sign}{name}", fix=f"{sign}{name}")
        return True
    # Digits without any letter, whatever is around them, are no word of a name.
    is_maybe_items = re.fullmatch(r"#?[0-9]+\D{1,3}[0-9]+", token.text) is not None
    is_maybe_items |= re.fullmatch(r"[^A-Za-z]*[0-9][^A-Za-z]*", token.text) is not None
    if not (is_behind_lead or (is_behind_sign and not is_maybe_items)):
        return False
    if token.text[0] == ":" and before is sentence.lead_token and token.text[1:]:
        whole = Span(before.column, token.end - before.column)
        fix = f"{before.text}{token.text}"
        sentence.flaw(whole, f"write {fix}", fix=fix)
        return True
    span, text = take_run(sentence, token, is_name=True)
    if is_behind_sign and token.comma is None and before.text[1:2] not in '"\u201c':
        sign, name = before.text[0], f"{before.text[1:]} {text}"
        whole = Span(before.column, span.column + span.length - before.column)
        fix = f"{sign}{quoted(name)}"
        message = f"a name of several words is written {fix}"
        sentence.flaw_with(span, message, (Edit(whole, fix),))
        return True
    fix = f"{sign}{quoted(unwrapped(text))}"
    span = Span(start.column, span.column + span.length - start.column)
    sentence.flaw(span, f"write {fix}", fix=fix)
    return True


def is_label(sentence: Sentence, token: Token) -> bool:
    """Note the ``area:docs`` of ``label area:docs 12``, which is no word of ours."""
    if sentence.form is not Form.LABELS or sentence.before is not sentence.lead_token:
        return False
    span, text = take_run(sentence, token, is_name=True)
    fix = f"+{quoted(text)}"
    sentence.flaw(span, f"write {fix}", fix=fix)
    return True


def _is_behind_one_more(sentence: Sentence) -> bool:
    """Return whether an ``and`` joins a word to one that is no item."""
    words = sentence.tokens[max(0, sentence.at - 3) : sentence.at - 1]
    return len(words) == 2 and words[1].folded == "and" and not is_item(words[0].text)
