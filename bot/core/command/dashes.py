"""Options as other programs have them: with dashes, or with an equals sign.

None is taken for an argument; each is a fault, with the words for it where they are certain.
"""

import re

from bot.core.actions.spec import SIGNED, Form
from bot.core.command.arguments import INPUT
from bot.core.command.flaws import Edit
from bot.core.command.guesses import nearest, slip_of
from bot.core.command.methods import is_method_flag
from bot.core.command.options import Wrong, read_option
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import (
    Span,
    is_flag,
    quoted,
)
from bot.core.command.tokens import Token
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    FILTER_VALUES,
    FILTERS,
    OPTION_SYNONYMS,
    in_words,
)
from bot.core.command.words import KEYED, is_filter, is_item

_DASHED = re.compile(
    r"(?P<dashes>-{2,}|[\u2013\u2014]{1,2}|-)(?P<word>[^=:]*)(?:[=:](?P<value>.*))?\Z",
    re.DOTALL,
)

_DRY = ("dry-run", "dryrun", "dry", "plan", "preview", "simulate", "no-op", "noop", "n")

_NO = ("false", "no", "0", "off", "none")

BODY = ("body", "message", "text", "m", "b")
"""What other programs call the text of a comment."""

_CHANGED = ("", "label", "assignee", "reviewer")

KEYS = (*BATCH_OPTIONS, "after", *FILTERS, *COLLECTIONS)


def is_option_like(sentence: Sentence, token: Token) -> bool:
    """Note a word that is nearly an option: it is never an argument."""
    found = _DASHED.match(token.text)
    if found is None:
        return _is_assignment(sentence, token)
    word, dashes = found["word"], found["dashes"]
    if not word[:1].isalpha() and word[:1] != "?":
        if not dashes.startswith("--"):
            return False
        sentence.flaw(token.span, f"{token.text} is no word of a command", fix=None)
        return True
    is_not = is_filter(word.casefold(), found["value"] or "")
    if dashes == "-" and (is_not or not is_flag(word)):
        return False
    _option_like(sentence, token, word, found["value"])
    return True


def _is_assignment(sentence: Sentence, token: Token) -> bool:
    found = INPUT.match(token.text)
    if found is None:
        return False
    key = _key(found["key"])
    known = (*KEYS, *OPTION_SYNONYMS, *_DRY[:-1])
    if key not in known and not nearest(key, BATCH_OPTIONS, likeness=0.8):
        return False
    if sentence.form is Form.WORKFLOW:
        if found["value"][:1] in ('"', "\u201c"):
            return False
        message = f'an input of the workflow with this name needs quotes: {key}="…"'
        sentence.flaw(token.span, message, fix=None)
        return True
    _option_like(sentence, token, found["key"], found["value"])
    return True


def _option_like(
    sentence: Sentence, token: Token, word: str, value: str | None
) -> None:
    key = _key(word)
    span = token.span
    how = ", without dashes" if token.text.startswith(("-", "\u2013", "\u2014")) else ""
    if key in _DRY or slip_of(key, ("dry-run",)):
        fix = None if is_no(value or "") else "dry-run"
        sentence.flaw(span, f"write dry-run{how}", fix=fix)
        return
    if key == "again":
        sentence.flaw(span, f"write again{how}", fix=None if value else "again")
        return
    if key in ("help", "h", "?"):
        first, last = sentence.tokens[0], sentence.tokens[-1]
        whole = Span(first.column, last.end - first.column)
        topic = sentence.lead_name
        edits = (Edit(whole, f"help {topic}".strip()),)
        sentence.flaw_with(span, "help comes first in a command", edits)
        return
    if _is_word_of_action(sentence, token, key, value or ""):
        return
    if is_method_flag(sentence, span, key, value):
        return
    following = sentence.following
    if sentence.form is Form.TEXT and key in BODY and value is None:
        sentence.flaw(span, "the text alone is enough", fix="")
        return
    if _is_change(sentence, token, key, value):
        return
    is_taken_off = sentence.form in SIGNED and (
        token.text[0] == "-" and token.text[:2] != "--" and value is None
    )
    if is_taken_off:
        fix = f"-{quoted(word, always=True)}"
        message = f"looks like an option; to take it off write {fix}"
        sentence.flaw(span, message, fix=None)
        return
    guess = OPTION_SYNONYMS.get(key) or slip_of(key, BATCH_OPTIONS)
    meant_key = key if key in KEYS else guess
    if not meant_key:
        message = f"no option: {token.text}; there is {in_words(BATCH_OPTIONS)}"
        sentence.flaw(span, message, fix=None)
        return
    if value is None and following is not None and fits(meant_key, following):
        sentence.at += 1
        value = following.text
        span = Span(span.column, following.end - span.column)
    if value:
        fix = f"{meant_key}:{value}"
        sentence.flaw(span, f"write {fix}{how}", fix=fix)
    else:
        sentence.flaw(span, f"an option is written {meant_key}:…", fix=None)


def _is_change(sentence: Sentence, token: Token, key: str, value: str | None) -> bool:
    """Note ``label --add bug`` and ``assign --remove-assignee=ada``."""
    verb, _, what = key.partition("-")
    following = sentence.following
    is_one = verb in ("add", "remove") and what.rstrip("s") in _CHANGED
    if sentence.form not in SIGNED or not is_one:
        return False
    span = token.span
    if value is None and following is not None and not is_item(following.text):
        sentence.at += 1
        value = following.text
        span = Span(span.column, following.end - span.column)
    fix = f"{'+' if verb == 'add' else '-'}{value.lstrip('@')}" if value else None
    sentence.flaw(span, f"write {fix or '+… or -…'}", fix=fix)
    return True


def _is_word_of_action(sentence: Sentence, token: Token, key: str, value: str) -> bool:
    """Note ``close --not-planned`` and ``close --reason "not planned"``."""
    if sentence.form is not Form.WORDS:
        return False
    known = sentence.arguments_of(sentence.lead_name).words
    following = sentence.following
    span = token.span
    if key == "reason" and not value and following is not None:
        value = following.text
        span = Span(span.column, following.end - span.column)
    said = value if key == "reason" else key
    word = re.sub(r"[\s_]+", "-", said.casefold().strip("\"'"))
    if word not in known:
        return False
    if span != token.span:
        sentence.at += 1
    sentence.flaw(span, f"write {word}", fix=word)
    return True


def is_reason(sentence: Sentence, token: Token, key: str, value: str) -> bool:
    """Note ``close 12 reason:not-planned``."""
    return key == "reason" and _is_word_of_action(sentence, token, key, value)


def is_no(value: str) -> bool:
    """Return whether a value switches something off."""
    return value.casefold() in _NO


def _key(word: str) -> str:
    return word.casefold().strip("-").replace("_", "-")


def fits(key: str, token: Token) -> bool:
    """Return whether a word can be the value of a key."""
    if token.is_mark or KEYED.match(token.text):
        return False
    if key in BATCH_OPTIONS:
        value = read_option(key, token.text)
        return not isinstance(value, Wrong) or value.fix is not None
    if key in FILTERS:
        return token.folded in FILTER_VALUES.get(key, (token.folded,))
    return is_item(token.text)
