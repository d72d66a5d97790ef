"""What people write by habit, from other programs and from prose, and the words for it.

Nothing is read from it: each is a fault, with the edits that say the same in the
language where that is certain. None of them names what nobody named.
"""

import re

from bot.core.actions.spec import PEOPLE, SIGNED, Form
from bot.core.command.arguments import INPUT
from bot.core.command.changes import reviewer_without_sign, title_without_quotes
from bot.core.command.controls import BATCH_ID
from bot.core.command.dashes import BODY, KEYS, fits
from bot.core.command.guesses import meant
from bot.core.command.phrases import (
    CONDITIONS,
    EVERYTHING,
    PREPOSITIONS,
    is_connective,
    is_known,
    take_phrase,
    take_run,
)
from bot.core.command.sentence import OpenTerm, Sentence
from bot.core.command.syntax import (
    NUMERIC,
    Search,
    Span,
    format_selector,
    quoted,
)
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    CONTROLS,
    COURTESY,
    FILTERS,
    NOT_YET,
    SEARCH_WORDS,
    STRANGERS,
    SYNONYMS,
    in_words,
)
from bot.core.command.words import (
    ITEM_HELP,
    KEYED,
    Edit,
    Token,
    is_filter,
    is_item,
    meant_numbers,
)

_QUOTES = {"'": "'", "\u2018": "\u2019", "\u00ab": "\u00bb", "`": "`"}
_EMOJI = re.compile(r"(?::[a-z0-9_+-]+:|[^\w\s\x21-\x7e]+)+", re.IGNORECASE)
_WAITS = re.compile(
    r"(?:depend(?:s|ing)? on|wait(?:s|ing)? (?:for|on)|blocked by|needs|requires|behind)\Z",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"(?:except(?: for)?|without|but not|and not|not|excluding|excl|minus"
    r"|skip|skipping|other than)\Z",
    re.IGNORECASE,
)
_LEAVES_OUT = frozenset({"except", "without", "excluding", "excl", "minus", "not"})
_NOT_PLANNED = re.compile(
    r"(?:as )?(?:not[ -]planned|wont-?fix|won[\u2019']t fix|unplanned)\Z", re.IGNORECASE
)
_COMPLETED = re.compile(r"(?:as )?(?:completed|done|fixed)\Z", re.IGNORECASE)
_NOISE = frozenset(
    {
        "issue",
        "issues",
        "item",
        "items",
        "number",
        "numbers",
        "pr",
        "prs",
        "ticket",
        "no",
    }
)

_SIGNS = {
    **dict.fromkeys(("add", "put", "set"), "+"),
    **dict.fromkeys(("remove", "delete", "drop", "without"), "-"),
}
"""What people say before a label or login, and the sign for it."""

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
        _exclaimed,
        _in_quotes,
        _quoted_text,
        _unquoted_comment,
        title_without_quotes,
        reviewer_without_sign,
        _preposition,
        _noise,
        _argument_without_sign,
        _waiting,
        _reason,
        _exception,
        _dry_run,
        _rest_of_a_value,
        _spaced_range,
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


def _exclaimed(sentence: Sentence, token: Token) -> bool:
    """Note ``12..18 !15``, ``label:bug !label:wip`` and ``label +bug !wip``."""
    rest = token.text[1:]
    keyed = KEYED.match(rest)
    is_one = NUMERIC.match(rest) is not None or (
        keyed is not None and is_filter(keyed["key"].casefold(), keyed["value"])
    )
    is_name = sentence.form in (Form.LABELS, Form.LOGINS) and rest[:1].isalpha()
    if token.text[0] != "!" or not (is_one or is_name):
        return False
    fix = f"-{rest.lstrip('#@')}"
    what = "left out" if is_one else "taken off"
    sentence.flaw(token.span, f"what is {what} is written {fix}", fix=fix)
    return True


def _in_quotes(sentence: Sentence, token: Token) -> bool:
    inner = token.text.strip('"\u201c\u201d')
    if inner == token.text or not is_item(inner):
        return False
    sentence.flaw(token.span, "items have no quotes", fix=inner)
    return True


def _quoted_text(sentence: Sentence, token: Token) -> bool:
    if token.text[0] not in '"\u201c':
        return False
    if sentence.form is Form.LABELS:
        sentence.flaw(token.span, f"write +{token.text}", fix=f"+{token.text}")
        return True
    message = 'a text in quotes belongs to comment: /batch comment "…" 12'
    sentence.flaw(token.span, message, fix=None)
    return True


def _unquoted_comment(sentence: Sentence, token: Token) -> bool:
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
    fix = quoted(_unwrapped(text), always=True)
    sentence.flaw(span, f"put the text in quotes: {fix}", fix=fix)
    return True


def _unwrapped(text: str) -> str:
    """Return a text without the quotes of another kind around it."""
    closing = _QUOTES.get(text[:1])
    is_whole = closing and len(text) > 2 and text.endswith(closing)
    return text[1:-1] if is_whole else text


def _preposition(sentence: Sentence, token: Token) -> bool:
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


def _argument_without_sign(sentence: Sentence, token: Token) -> bool:
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
    fix = f"{sign}{quoted(_unwrapped(text))}"
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
    fix = quoted(_unwrapped(f"{found['value']} {text}"))
    message = f"put a value of several words in quotes: {found['key']}:{fix}"
    whole = Span(start, span.column + span.length - start)
    # What leaves something out, in whatever marks, is no part of a name.
    is_sure = "`" not in text and _LEAVES_OUT.isdisjoint(
        re.findall(r"\w+", text.casefold())
    )
    sentence.flaw_with(span, message, (Edit(whole, fix),) if is_sure else None)
    return True


def _waiting(sentence: Sentence, token: Token) -> bool:
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


def _exception(sentence: Sentence, token: Token) -> bool:
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


def _spaced_range(sentence: Sentence, token: Token) -> bool:
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


def _word_of_the_language(sentence: Sentence, token: Token) -> bool:
    folded = token.folded
    following = sentence.following
    if folded in sentence.names and following and following.text[0] in "+-":
        message = f"a command does one thing: write {folded} on a line of its own"
        sentence.flaw(token.span, message, fix=None)
        return True
    if folded in sentence.names and not _is_filter_in_prose(sentence, folded):
        _stray_action(sentence, token, sentence.names[folded])
    elif folded == "plan":
        sentence.flaw(token.span, "plan comes first; here write dry-run", fix="dry-run")
    elif folded in CONTROLS:
        message = f"{folded} comes first in a command, and alone"
        sentence.flaw(token.span, message, fix=None)
    elif folded in NOT_YET and folded not in BATCH_OPTIONS and folded not in FILTERS:
        sentence.flaw(token.span, NOT_YET[folded], fix=None)
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
