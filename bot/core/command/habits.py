"""What people write by habit, from other programs and from prose, and the words for it.

Nothing is read from it: each is a fault, with the edits that say the same in the
language where that is certain. None of them names what nobody named.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from bot.core.actions.spec import Form
from bot.core.actions.table import ACTIONS
from bot.core.command.arguments import INPUT
from bot.core.command.controls import BATCH_ID
from bot.core.command.options import Wrong, read_option
from bot.core.command.sentence import OpenTerm, Sentence
from bot.core.command.syntax import (
    NUMERIC,
    Search,
    Span,
    format_selector,
    is_flag,
    quoted,
)
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    COLLECTIONS,
    CONTROLS,
    FILTERS,
    NOT_YET,
    STRANGERS,
    in_words,
    meant,
    nearest,
)
from bot.core.command.words import (
    GHOST,
    ITEM_HELP,
    KEYED,
    Edit,
    Token,
    is_item,
    meant_numbers,
)

_DASHED = re.compile(
    r"(?P<dashes>-{2,}|[\u2013\u2014]{1,2}|-)(?P<word>[^=:]*)(?:[=:](?P<value>.*))?\Z",
    re.DOTALL,
)
_DRY = ("dry-run", "dryrun", "dry", "plan", "preview", "simulate", "no-op", "noop", "n")
_NO = ("false", "no", "0", "off")
_THEN = re.compile(r"then|next|[-=]+>|>+|\u2192|\u21d2|\u27f6", re.IGNORECASE)
_WAITS = re.compile(
    r"(?:depend(?:s|ing)? on|wait(?:s|ing)? (?:for|on)|blocked by|needs|requires|behind)\Z",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"(?:except(?: for)?|without|but not|and not|not|excluding|excl|minus)\Z",
    re.IGNORECASE,
)
_NOT_PLANNED = re.compile(
    r"(?:as )?(?:not[ -]planned|wont-?fix|won[\u2019']t fix|unplanned)\Z", re.IGNORECASE
)
_COMPLETED = re.compile(r"(?:as )?(?:completed|done|fixed)\Z", re.IGNORECASE)
_NOISE = frozenset(
    {"issue", "issues", "item", "items", "number", "numbers", "pr", "prs", "ticket"}
)
_COURTESY = frozenset({"please", "pls", "plz", "thanks", "thx", "ty", "cheers", "now"})
_CONDITIONS = frozenset(
    {
        *(
            "not",
            "but",
            "no",
            "never",
            "don't",
            "dont",
            "unless",
            "if",
            "when",
            "until",
        ),
        *("or", "only", "without", "except", "after", "before", "once", "then", "nor"),
        *("instead", "stop", "wait", "cancel", "later", "tomorrow", "first", "last"),
    }
)
"""Words that make a sentence mean something else than its numbers alone."""

_EVERYTHING = ("all", "*", "everything", "any", "every")


# --- options of other programs ---------------------------------------------------------


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
    if dashes == "-" and not is_flag(word):
        return False
    _option_like(sentence, token, word, found["value"])
    return True


def _is_assignment(sentence: Sentence, token: Token) -> bool:
    found = INPUT.match(token.text)
    if found is None:
        return False
    key = _key(found["key"])
    known = (*BATCH_OPTIONS, *FILTERS, *COLLECTIONS, "dry-run", "after")
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
    if key in _DRY or nearest(key, ("dry-run",), likeness=0.8):
        is_no = value is not None and value.casefold() in _NO
        message = "write dry-run, without dashes"
        sentence.flaw(span, message, fix=None if is_no else "dry-run")
        return
    if key in ("help", "h", "?"):
        first, last = sentence.tokens[0], sentence.tokens[-1]
        whole = Span(first.column, last.end - first.column)
        topic = sentence.lead_name
        edits = (Edit(whole, f"help {topic}".strip()),)
        sentence.flaw_with(span, "help comes first in a command", edits)
        return
    following = sentence.following
    is_taken_off = sentence.form in (Form.LABELS, Form.LOGINS) and (
        token.text[0] == "-" and token.text[:2] != "--" and value is None
    )
    if is_taken_off:
        fix = f"-{quoted(word, always=True)}"
        message = f"looks like an option; to take it off write {fix}"
        sentence.flaw(span, message, fix=None)
        return
    keys = (*BATCH_OPTIONS, "after", *FILTERS, *COLLECTIONS)
    meant_key = key if key in keys else nearest(key, BATCH_OPTIONS, likeness=0.8)
    if not meant_key:
        message = f"no option: {token.text}; there is {in_words(BATCH_OPTIONS)}"
        sentence.flaw(span, message, fix=None)
        return
    if value is None and following is not None and _fits(meant_key, following):
        sentence.at += 1
        value = following.text
        span = Span(span.column, following.end - span.column)
    if value:
        fix = f"{meant_key}:{value}"
        sentence.flaw(span, f"write {fix}, without dashes", fix=fix)
    else:
        sentence.flaw(span, f"an option is written {meant_key}:…", fix=None)


def _key(word: str) -> str:
    return word.casefold().strip("-").replace("_", "-")


def _fits(key: str, token: Token) -> bool:
    if token.is_mark or KEYED.match(token.text):
        return False
    if key in BATCH_OPTIONS:
        value = read_option(key, token.text)
        return not isinstance(value, Wrong) or value.fix is not None
    return key in FILTERS or is_item(token.text)


# --- words that are none ---------------------------------------------------------------


def explain(sentence: Sentence, token: Token) -> None:
    """Note what is wrong with a word that the language does not have."""
    for habit in (
        _missing_space,
        _quoted_text,
        _unquoted_comment,
        _argument_without_sign,
        _rest_of_a_value,
        _waiting,
        _reason,
        _exception,
        _dry_run,
        _spaced_range,
        _word_of_the_language,
        _everything,
        _noise,
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
    span, text = _run(sentence, token, through_commas=True)
    fix = quoted(text, always=True)
    sentence.flaw(span, f"put the text in quotes: {fix}", fix=fix)
    return True


def _argument_without_sign(sentence: Sentence, token: Token) -> bool:
    """Read ``label good first issue 12`` and ``assign @ada 12``."""
    before = sentence.before
    form = sentence.form
    if form not in (Form.LABELS, Form.LOGINS) or before is None or before.is_mark:
        return False
    if is_known(token) or GHOST.search(token.text):
        return False
    is_listed = token.comma is not None and not is_item(before.text)
    is_behind_lead = before is sentence.lead_token or is_listed
    is_behind_sign = before.text[0] in "+-" and not NUMERIC.match(before.text[1:])
    if form is Form.LOGINS:
        if not re.fullmatch(r"@?[A-Za-z0-9][\w-]*(?:\[bot\])?|@me", token.text):
            return False
        if not (is_behind_lead or token.text[0] == "@" or token.folded == "me"):
            return False
        fix = "+@me" if token.folded in ("me", "@me") else f"+{token.text.lstrip('@')}"
        sentence.flaw(token.span, f"write {fix}", fix=fix)
        return True
    if not (is_behind_lead or is_behind_sign):
        return False
    span, text = _run(sentence, token)
    if is_behind_sign and token.comma is None and before.text[1:2] not in '"\u201c':
        sign, name = before.text[0], f"{before.text[1:]} {text}"
        whole = Span(before.column, span.column + span.length - before.column)
        fix = f"{sign}{quoted(name)}"
        message = f"write {fix}"
        sentence.flaw_with(span, message, (Edit(whole, fix),))
        return True
    fix = f"+{quoted(text)}"
    sentence.flaw(span, f"write {fix}", fix=fix)
    return True


def _rest_of_a_value(sentence: Sentence, token: Token) -> bool:
    """Read ``label:good first issue``."""
    before = sentence.before
    found = KEYED.match(before.text.lstrip("-")) if before else None
    if before is None or found is None or token.comma is not None:
        return False
    if found["key"].casefold() not in ("label", "milestone"):
        return False
    if found["value"][:1] in ("", '"', "\u201c") or token.folded in _EVERYTHING:
        return False
    if _is_connective(token) or token.folded in sentence.names:
        return False
    if token.folded in _COURTESY or token.folded in ("but", "not", "or", "if", "when"):
        return False
    span, text = _run(sentence, token)
    start = before.end - len(found["value"])
    fix = quoted(f"{found['value']} {text}")
    message = f"put a value of several words in quotes: {found['key']}:{fix}"
    whole = Span(start, span.column + span.length - start)
    sentence.flaw_with(span, message, (Edit(whole, fix),))
    return True


def is_order(sentence: Sentence, token: Token) -> bool:
    """Note ``12 then 15``: all of it at once, as each part waits for the one before."""
    if not _THEN.fullmatch(token.text):
        return False
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
        elif _THEN.fullmatch(one.text):
            words.append(one)
            parts.append([])
        elif one.folded != "and":
            break
        at += 1
    message = "what comes later is written with after:, as in 12 15 after:12"
    last = words[-1]
    span = Span(token.column, last.end - token.column)
    is_plain = all(
        part and all(re.fullmatch(r"#?[0-9]+", one.text) for one in part)
        for part in parts
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


def _waits_in_turn(parts: list[list[Token]]) -> Iterator[Edit]:
    for earlier, part in pairwise(parts):
        names = ",".join(one.text.lstrip("#") for one in earlier)
        end = Span(part[-1].end, 0)
        if len(part) == 1:
            yield Edit(end, f" after:{names}")
        else:
            yield Edit(Span(part[0].column, 0), "(")
            yield Edit(end, f") after:{names}")


def _waiting(sentence: Sentence, token: Token) -> bool:
    """Read ``15 depends on 12``."""
    span, said = _phrase(sentence, token, _WAITS)
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
    span, said = _phrase(sentence, token, _EXCEPT)
    if not said:
        return False
    fixes: list[str] = []
    while (following := sentence.following) is not None and not following.is_mark:
        keyed = KEYED.match(following.text)
        is_filter = keyed is not None and keyed["key"].casefold() in (
            "label",
            "author",
        )
        if NUMERIC.match(following.text) or is_filter:
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
        span, said = _phrase(sentence, token, pattern)
        if said:
            sentence.flaw(span, f"write {fix}", fix=fix)
            return True
    return False


def _dry_run(sentence: Sentence, token: Token) -> bool:
    span, said = _phrase(sentence, token, re.compile(r"dry[ _]?run\Z", re.IGNORECASE))
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


def _word_of_the_language(sentence: Sentence, token: Token) -> bool:
    folded = token.folded
    if folded in sentence.names:
        _stray_action(sentence, token, sentence.names[folded])
    elif folded in CONTROLS:
        message = f"{folded} comes first in a command, and alone"
        sentence.flaw(token.span, message, fix=None)
    elif folded in NOT_YET and folded not in BATCH_OPTIONS and folded not in FILTERS:
        sentence.flaw(token.span, NOT_YET[folded], fix=None)
    elif folded in BATCH_OPTIONS or folded in FILTERS or folded in COLLECTIONS:
        following = sentence.following
        if following is not None and _fits(folded, following):
            sentence.at += 1
            span = Span(token.column, following.end - token.column)
            fix = f"{folded}:{following.text}"
            sentence.flaw(span, f"{folded} needs a colon: {fix}", fix=fix)
        else:
            message = f"{folded} needs a colon and a value"
            sentence.flaw(token.span, message, fix=None)
    else:
        return False
    return True


def _stray_action(sentence: Sentence, token: Token, name: str) -> None:
    following = sentence.following
    message = f"{name} comes first, or stands before one item: {name}:12"
    if following is None or not NUMERIC.match(following.text):
        sentence.flaw(token.span, message, fix=None)
        return
    sentence.at += 1
    span = Span(token.column, following.end - token.column)
    message = f"{name} comes first, or stands before one item: "
    fix = f"{name}:{following.text}"
    action = ACTIONS.get(name)
    needs = action is not None and action.arguments.are_needed
    sentence.flaw(span, message + fix, fix=None if needs else fix)


def _everything(sentence: Sentence, token: Token) -> bool:
    if token.folded not in _EVERYTHING:
        return False
    message = "say which: a filter such as label:ready, a range or sub-issues:40"
    sentence.flaw(token.span, message, fix=None)
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
    if INPUT.match(text) or re.fullmatch(r"[\w.-]+\.ya?ml", text, re.IGNORECASE):
        message = "this belongs to dispatch: /batch dispatch workflow.yml key=value 12"
        sentence.flaw(token.span, message, fix=None)
        return
    if BATCH_ID.match(text):
        message = "this looks like the id of a batch, not like an item"
        sentence.flaw(token.span, message, fix=None)
        return
    if any(one.isdigit() for one in text):
        sentence.not_an_item(token)
        return
    if token.folded in _COURTESY and sentence.before is None:
        sentence.flaw(token.span, "this is no part of a command", fix="")
        return
    guess = meant(text, (*sentence.names, *CONTROLS, "dry-run"))
    span, said = _run(sentence, token)
    words = [word.casefold().strip(".,;:!?") for word in said.split()]
    is_single = len(words) == 1
    if words[0] in STRANGERS:
        sentence.flaw(span, STRANGERS[words[0]], fix=None)
    elif all(word in _COURTESY for word in words):
        sentence.flaw(span, "this is no part of a command", fix="")
    elif is_single:
        hint = f"; did you mean {guess}?" if guess else f": {ITEM_HELP}"
        fix = guess if guess == "dry-run" else None
        sentence.flaw(span, f"not an item{hint}", fix=fix)
    else:
        is_safe = not _CONDITIONS.intersection(words) and sentence.following is None
        message = "this is no part of a command; write it on a line of its own"
        sentence.flaw(span, message, fix="" if is_safe else None)


# --- several words at once -------------------------------------------------------------


def _run(
    sentence: Sentence, token: Token, *, through_commas: bool = False
) -> tuple[Span, str]:
    """Take the words up to the next one that is an item, option or connective."""
    last = token
    while (following := sentence.following) is not None and not following.is_mark:
        is_end = following.comma is not None and not through_commas
        if is_end or is_known(following):
            break
        last = following
        sentence.at += 1
    span = Span(token.column, last.end - token.column)
    return span, sentence.line[token.column : last.end]


def is_known(token: Token) -> bool:
    """Return whether a word could be of the language."""
    text = token.text
    return (
        is_item(text)
        or KEYED.match(text) is not None
        or meant_numbers(text) is not None
        or text[0] in '+-"\u201c\u2013\u2014'
        or token.folded in ("dry-run", "after", *_EVERYTHING)
        or token.folded.startswith("after:")
        or _is_connective(token)
    )


def _is_connective(token: Token) -> bool:
    return _THEN.fullmatch(token.text) is not None or token.folded in (
        "except",
        "without",
        "excluding",
    )


def _phrase(
    sentence: Sentence, token: Token, pattern: re.Pattern[str]
) -> tuple[Span, str]:
    """Take the longest run of up to three words that *pattern* matches, if any does."""
    start = sentence.at - 1
    for count in (3, 2, 1):
        words = sentence.tokens[start : start + count]
        said = " ".join(word.text for word in words)
        if len(words) == count and len(said) < 40 and pattern.match(said):
            sentence.at = start + count
            return Span(token.column, words[-1].end - token.column), said
    return token.span, ""


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
