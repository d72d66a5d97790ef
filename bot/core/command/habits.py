"""What people write by habit, from other programs and from prose, and the words for it.

Nothing is read from it: each is a fault, with the edits that say the same in the
language where that is certain. None of them names what nobody named.
"""

import re

from bot.core.actions.spec import SIGNED, Form
from bot.core.command.arguments import INPUT
from bot.core.command.changes import reviewer_without_sign, title_without_quotes
from bot.core.command.controls import BATCH_ID
from bot.core.command.dashes import KEYS, fits
from bot.core.command.flaws import Edit
from bot.core.command.guesses import meant
from bot.core.command.methods import method_said
from bot.core.command.near_numbers import meant_numbers
from bot.core.command.phrases import (
    CONDITIONS,
    EVERYTHING,
    is_connective,
    is_known,
    take_phrase,
    take_run,
)
from bot.core.command.relations import exception, exclaimed, range_in_words, waiting
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import NUMERIC, Span, quoted
from bot.core.command.tokens import Token
from bot.core.command.unmarked import (
    name_without_sign,
    preposition,
    text_in_quotes,
    text_without_quotes,
    unwrapped,
)
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    CONTROLS,
    COURTESY,
    FILTERS,
    SEARCH_WORDS,
    STRANGERS,
    SYNONYMS,
    in_words,
)
from bot.core.command.words import ITEM_HELP, KEYED, is_item

_EMOJI = re.compile(r"(?::[a-z0-9_+-]+:|[^\w\s\x21-\x7e]+)+", re.IGNORECASE)
_LEAVES_OUT = frozenset({"except", "without", "excluding", "excl", "minus", "not"})
_NOT_PLANNED = re.compile(
    r"(?:as )?(?:not[ -]planned|wont-?fix|won[\u2019']t fix|unplanned)\Z", re.IGNORECASE
)
_COMPLETED = re.compile(r"(?:as )?(?:completed|done|fixed)\Z", re.IGNORECASE)
_NOISE = frozenset(
    (
        *("issue", "issues", "item", "items", "number", "numbers", "no"),
        *("pr", "prs", "ticket"),
    )
)


_OF = ("of", "in", "on", "from")
_TAKES_OFF = {
    "unlabel": "label",
    "untag": "label",
    "unassign": "assign",
    "unrequest": "request",
}


def is_search_word(sentence: Sentence, token: Token, key: str, value: str) -> bool:
    """Note ``sort:created`` and the like of GitHub's search."""
    if key == "sort":
        message = "a batch has an order of its own: after: and priority: change it"
        sentence.flaw(token.span, message, fix="")
    elif (key, value.casefold()) == ("archived", "false"):
        sentence.flaw(token.span, "this is always so; leave it out", fix="")
    elif key in SEARCH_WORDS:
        message = f"{key}: is no filter here; there is {in_words(FILTERS)}"
        sentence.flaw(token.span, message, fix=None)
    elif key == "before":
        message = "the later item waits: 15 after:12"
        sentence.flaw(token.span, message, fix=None)
    else:
        return False
    return True


def is_kind_of_item(sentence: Sentence, token: Token, key: str, value: str) -> bool:
    """Note ``pr:63``."""
    if key not in _NOISE or not is_item(value):
        return False
    sentence.flaw(token.span, f"a number says it all: {value}", fix=value)
    return True


def is_loose_value(sentence: Sentence, token: Token, comma: int) -> bool:
    """Note ``label:a, b``."""
    is_value = token.text[:1].isalpha() and not is_known(token)
    if not is_value or meant(token.text, (*sentence.names, *CONTROLS, *COURTESY)):
        return False
    if token.folded in (*COURTESY, *CONDITIONS) or sentence.following is not None:
        return False
    gap = Span(comma + 1, token.column - comma - 1)
    message = f"a second value stands right behind the comma: ,{token.text}"
    sentence.flaw_with(token.span, message, (Edit(gap, ""),))
    return True


def explain(sentence: Sentence, token: Token) -> None:
    """Note what is wrong with a word that the language does not have."""
    for habit in (
        _missing_space,
        method_said,
        exclaimed,
        _in_quotes,
        text_in_quotes,
        text_without_quotes,
        title_without_quotes,
        reviewer_without_sign,
        preposition,
        _noise,
        name_without_sign,
        waiting,
        _reason,
        exception,
        _dry_run,
        _rest_of_a_value,
        range_in_words,
        _word_of_the_language,
        _everything,
    ):
        if habit(sentence, token):
            return
    _prose(sentence, token)


def _missing_space(sentence: Sentence, token: Token) -> bool:
    text = token.text
    found = re.match(r"(?:#?[0-9]+|.*[0-9])(?=after:)", text, re.IGNORECASE)
    if found is None:
        return False
    at = Span(token.column + found.end(), 0)
    message = f"space missing: write {found[0]} {text[found.end() :]}"
    sentence.flaw_with(token.span, message, (Edit(at, " "),))
    return True


def _in_quotes(sentence: Sentence, token: Token) -> bool:
    inner = token.text.strip('"\u201c\u201d')
    if inner == token.text or not is_item(inner):
        return False
    sentence.flaw(token.span, "items have no quotes", fix=inner)
    return True


def _rest_of_a_value(sentence: Sentence, token: Token) -> bool:
    """Read ``label:good first issue``."""
    before = sentence.before
    found = KEYED.match(before.text.lstrip("-")) if before else None
    if before is None or found is None or token.comma is not None:
        return False
    if found["key"].casefold() not in ("label", "milestone"):
        return False
    if found["value"][:1] in ("", '"', "\u201c") or token.folded in EVERYTHING:
        return False
    if is_connective(token) or token.folded in sentence.names:
        return False
    if token.folded in COURTESY or token.folded in ("but", "not", "or", "if", "when"):
        return False
    span, text = take_run(sentence, token)
    start = before.end - len(found["value"])
    fix = quoted(unwrapped(f"{found['value']} {text}"))
    message = f"put a value of several words in quotes: {found['key']}:{fix}"
    whole = Span(start, span.column + span.length - start)
    # What leaves something out, in whatever marks, is no part of a name.
    is_sure = "`" not in text and _LEAVES_OUT.isdisjoint(
        re.findall(r"\w+", text.casefold())
    )
    sentence.flaw_with(span, message, (Edit(whole, fix),) if is_sure else None)
    return True


def _reason(sentence: Sentence, token: Token) -> bool:
    if sentence.form is not Form.WORDS:
        return False
    for pattern, fix in ((_NOT_PLANNED, "not-planned"), (_COMPLETED, "completed")):
        span, said = take_phrase(sentence, token, pattern)
        if said:
            sentence.flaw(span, f"write {fix}", fix=fix)
            return True
    return False


def _dry_run(sentence: Sentence, token: Token) -> bool:
    span, said = take_phrase(
        sentence, token, re.compile(r"dry[ _]?run\Z", re.IGNORECASE)
    )
    if said:
        sentence.flaw(span, "write dry-run", fix="dry-run")
    return bool(said)


def _word_of_the_language(sentence: Sentence, token: Token) -> bool:
    folded = token.folded
    following = sentence.following
    if folded in sentence.names and following and following.text[0] in "+-":
        _stray_with_signs(sentence, token)
        return True
    if folded in sentence.names and not _is_filter_in_prose(sentence, folded):
        _stray_action(sentence, token, sentence.names[folded])
    elif folded == "plan":
        sentence.flaw(token.span, "plan comes first; here write dry-run", fix="dry-run")
    elif folded in CONTROLS and folded not in BATCH_OPTIONS:
        message = f"{folded} comes first in a command, and alone"
        sentence.flaw(token.span, message, fix=None)
    elif folded in BATCH_OPTIONS or folded in FILTERS or folded in COLLECTIONS:
        behind = sentence.tokens[sentence.at + 1 : sentence.at + 2]
        is_of = folded in COLLECTIONS and following and following.folded in _OF
        if is_of and behind and is_item(behind[0].text):
            sentence.at += 1
            following = behind[0]
        if following is not None and fits(folded, following):
            sentence.at += 1
            span = Span(token.column, following.end - token.column)
            fix = f"{folded}:{following.text}"
            sentence.flaw(span, f"{folded} needs a colon: {fix}", fix=fix)
        elif folded in ("is", "no"):
            return False  # words of any sentence
        else:
            message = f"{folded} needs a colon and a value"
            sentence.flaw(token.span, message, fix=None)
    else:
        return False
    return True


def _is_filter_in_prose(sentence: Sentence, word: str) -> bool:
    """Return whether the name of an action can only be the filter of its name here: the
    ``milestone`` of ``close milestone 2.4``.
    """
    following = sentence.following
    is_other = sentence.lead is not None and not sentence.read_words
    if word not in FILTERS or not is_other or following is None:
        return False
    return not following.is_mark and not is_item(following.text)


def _stray_action(sentence: Sentence, token: Token, name: str) -> None:
    following = sentence.following
    arguments = sentence.arguments_of(name)
    if arguments.are_needed:
        message = f"{name} comes first: {name} {arguments.usage} 12"
        sentence.flaw(token.span, message, fix=None)
        return
    message = f"{name} comes first, or stands before one item: {name}:12"
    if following is None or not NUMERIC.match(following.text):
        sentence.flaw(token.span, message, fix=None)
        return
    sentence.at += 1
    span = Span(token.column, following.end - token.column)
    message = f"{name} comes first, or stands before one item: "
    fix = f"{name}:{following.text}"
    sentence.flaw(span, message + fix, fix=None if sentence.is_refused(name) else fix)


def _stray_with_signs(sentence: Sentence, token: Token) -> None:
    """Note an action behind the items with what belongs to it, ``12 label +bug``, as one
    fault.
    """
    words = [token]
    while (word := sentence.following) and word.text[0] in "+-":
        if word.is_mark or NUMERIC.match(word.text[1:]):
            break
        words.append(word)
        sentence.at += 1
    span = Span(token.column, words[-1].end - token.column)
    name, said = token.folded, " ".join(word.text for word in words)
    takes_signs = sentence.arguments_of(sentence.names[name]).form in SIGNED
    is_alone = sentence.lead_token is None and sentence.group is None
    if is_alone and takes_signs and len(words) > 1:
        first = sentence.tokens[sentence.tokens[0].folded == "plan"]
        edits = (Edit(Span(first.column, 0), f"{said} "), Edit(span, ""))
        message = f"{name} comes first: /batch {said} 12"
        sentence.flaw_with(span, message, edits)
        return
    message = f"a command does one thing: write {name} on a line of its own"
    sentence.flaw(span, message, fix=None)


def _everything(sentence: Sentence, token: Token) -> bool:
    if token.folded not in EVERYTHING:
        return False
    message = "say which: a filter such as label:ready, a range or sub-issues:40"
    span, _ = take_run(sentence, token)
    sentence.flaw(span, message, fix=None)
    return True


def _noise(sentence: Sentence, token: Token) -> bool:
    following = sentence.following
    is_before_item = following is not None and is_item(following.text)
    if token.folded.strip(":.") in _NOISE and is_before_item:
        sentence.flaw(token.span, "a number says it all; leave this out", fix="")
        return True
    return False


def _prose(sentence: Sentence, token: Token) -> None:
    """Note everything up to the next item or option as one fault."""
    text = token.text
    if found := INPUT.match(text):
        message = f"no option: {found['key']}; there is {in_words(BATCH_OPTIONS)}"
        sentence.flaw(token.span, message, fix=None)
        return
    if re.fullmatch(r"[\w.-]+\.ya?ml", text, re.IGNORECASE):
        message = "this belongs to dispatch: /batch dispatch workflow.yml key=value 12"
        sentence.flaw(token.span, message, fix=None)
        return
    if BATCH_ID.match(text):
        message = "this looks like the id of a batch, not like an item"
        sentence.flaw(token.span, message, fix=None)
        return
    if _EMOJI.fullmatch(text):
        sentence.flaw(token.span, "this is no part of a command", fix="")
        return
    is_one = any(one.isdigit() for one in text) or meant_numbers(text) is not None
    if is_one:
        sentence.not_an_item(token)
        return
    plain = token.folded.strip("!?.;")
    if plain in ("again", "dry-run"):
        sentence.flaw(token.span, f"write {plain}", fix=plain)
        return
    guess = meant(text, (*sentence.names, *CONTROLS, "dry-run"))
    guess = "" if sentence.is_refused(guess) else guess
    is_first = sentence.tokens.index(token) == (sentence.tokens[0].folded == "plan")
    if is_first and guess in sentence.names:
        sentence.flaw(token.span, f"unknown word; did you mean {guess}?", fix=guess)
        sentence.lead_with(token, sentence.names[guess])
        return
    span, said = take_run(sentence, token)
    words = [word.casefold().strip(".,;:!?") for word in said.split()]
    is_single = len(words) == 1
    if words[0] in STRANGERS:
        taken = _TAKES_OFF.get(words[0])
        is_sure = taken and len(words) == 2 and sentence.lead is None
        fix = f"{taken} -{said.split()[1].lstrip('@')}" if is_sure else None
        sentence.flaw(span, STRANGERS[words[0]], fix=fix)
    elif all(word in COURTESY for word in words):
        sentence.flaw(span, "this is no part of a command", fix="")
    elif is_single:
        hint = f"; did you mean {guess}?" if guess else f": {ITEM_HELP}"
        fix = guess if guess == "dry-run" else None
        sentence.flaw(span, f"not an item{hint}", fix=fix)
    else:
        is_last = sentence.following is None
        is_safe = is_last and not any(_means_something(sentence, w) for w in words)
        message = "this is no part of a command; write it on a line of its own"
        sentence.flaw(span, message, fix="" if is_safe else None)


def _means_something(sentence: Sentence, word: str) -> bool:
    """Return whether a sentence says something else without a word."""
    known = {*sentence.names, *CONTROLS, *SYNONYMS, *STRANGERS, *KEYS, *CONDITIONS}
    known |= {"again", "dry", "planned", "plan"}
    parts = re.findall(r"\w+", word)
    plain = {word, word.strip("\"'`*_()[]{}<>~"), *parts, "-".join(parts)}
    has_mark = any(one.isdigit() or one in "`=<>[]{}|/" for one in word)
    return has_mark or word[:1] in ("", "-", "+") or not plain.isdisjoint(known)
