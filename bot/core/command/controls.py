"""The controls: commands that are about a batch, not about items to run."""

import re
from collections.abc import Collection, Sequence

from bot.core.command.flaws import Edit
from bot.core.command.guesses import meant
from bot.core.command.near_numbers import meant_numbers
from bot.core.command.options import Wrong, read_option
from bot.core.command.phrases import CONDITIONS
from bot.core.command.syntax import (
    DRY_RUN,
    NUMERIC,
    PLACE,
    Cancel,
    Command,
    Concurrency,
    Freeze,
    Help,
    Number,
    Pause,
    Priority,
    Range,
    Resume,
    Retry,
    Skip,
    Span,
    Start,
    Status,
    Undo,
    Unfreeze,
    Why,
    quoted,
)
from bot.core.command.tokens import Token
from bot.core.command.vocabulary import (
    COURTESY,
    HELP_WORDS,
    PRIORITIES,
    TOPIC_SYNONYMS,
    TOPICS,
    in_words,
)
from bot.core.command.words import KEYED, Words
from bot.core.model import BatchId, ItemId, ItemNumber, Named
from bot.core.world.references import qualified_reference

_REASON_LEADS = ("for", "because", "-", "\u2013", "\u2014")
BATCH_ID = re.compile(r"(?:[a-z][0-9]){2,4}\Z", re.IGNORECASE)

_KEYED_PRIORITY = re.compile(r"(?P<item>#?\d+)[:=](?P<value>\w+)\Z")

_ALL = frozenset({"all", "*", "everything", "it"})
_FAILED = frozenset({"failed", "failures", "failed-items"})
_FILLERS = frozenset(
    {*COURTESY, "the", "a", "batch", "batches", "of", "in", "on", "item", "items"}
)
_ASKING = frozenset({"with", "about", "for", "on", "me", "us", "the", "/batch"})


def read_control(words: Words, actions: Collection[str] = ()) -> Command | None:
    """Return the control that the line is; None only if a flaw is noted."""
    first, *rest = words.tokens
    match first.folded:
        case "status":
            return Status(_only_id(words, first, _without_fillers(words, rest)))
        case "start":
            return Start(_only_id(words, first, _without_fillers(words, rest)))
        case "pause":
            return Pause(_only_id(words, first, _without_fillers(words, rest)))
        case "resume":
            return Resume(_only_id(words, first, _without_fillers(words, rest)))
        case "cancel":
            return Cancel(*_id_and_items(words, _without_fillers(words, rest)))
        case "retry":
            return Retry(*_id_and_items(words, _without_fillers(words, rest)))
        case "undo":
            return Undo(*_id_and_items(words, _without_fillers(words, rest)))
        case "skip":
            return Skip(*_skipped(words, first, rest))
        case "priority":
            return _priority(words, first, _without_fillers(words, rest))
        case "concurrency":
            return _concurrency(words, first, _without_fillers(words, rest))
        case "freeze":
            return _freeze(words, rest)
        case "unfreeze":
            return _unfreeze(words, rest)
        case "help":
            return _help(words, rest, actions)
        case _:
            item = _one_item(words, first, rest)
            return None if item is None else Why(item)


def _without_fillers(words: Words, rest: Sequence[Token]) -> Sequence[Token]:
    """Return the words that say which batch or items; the others are noted, those side by
    side as one fault.
    """
    name = words.tokens[0].folded
    left: list[Token] = []
    run: list[Token] = []
    is_all = False
    for token in rest:
        word = token.folded.strip(".,!-") or token.folded
        is_whole = word in _ALL or (name == "retry" and word in _FAILED)
        is_whole = is_whole and not any(NUMERIC.match(one.text) for one in left)
        if is_whole or token.folded.strip(".,!") in _FILLERS:
            run.append(token)
            is_all = is_all or is_whole
        else:
            _note_fillers(words, run, is_all=is_all)
            left.append(token)
            run, is_all = [], False
    _note_fillers(words, run, is_all=is_all)
    return left


def _note_fillers(words: Words, run: Sequence[Token], *, is_all: bool) -> None:
    if not run:
        return
    name = words.tokens[0].folded
    alone = "means all of it" if name in ("cancel", "retry", "undo") else "is enough"
    message = f"{name} alone {alone}" if is_all else "this is no part of a command"
    span = Span(run[0].column, run[-1].end - run[0].column)
    words.flaw(span, message, fix="")


def _only_id(words: Words, control: Token, rest: Sequence[Token]) -> BatchId | None:
    if not rest:
        return None
    first, *more = rest
    if control.folded == "status" and NUMERIC.match(first.text):
        message = "status takes the id of a batch; of an item, why says it"
        fix = "why" if not more and first.text.lstrip("#").isdigit() else None
        words.flaw(control.span, message, fix=fix)
        return None
    if not BATCH_ID.match(first.text):
        message = f"not a batch; {control.folded} takes an id like b7k2"
        is_run = control.folded == "start" and NUMERIC.match(first.text)
        if not is_run:
            words.flaw(first.span, message, fix=None)
            return None
        message = "start takes the id of a plan; items need no word before them"
        words.flaw(control.span, message, fix="")
        return None
    for token in more:
        message = f"too much: {control.folded} takes one id"
        words.flaw(token.span, message, fix=None)
    return BatchId(first.folded)


def _id_and_items(
    words: Words, rest: Sequence[Token]
) -> tuple[BatchId | None, tuple[Named, ...]]:
    found: BatchId | None = None
    names: list[Named] = []
    for at, token in enumerate(rest):
        if at == 0 and BATCH_ID.match(token.text):
            found = BatchId(token.folded)
        elif token.folded == "and":
            continue
        elif NUMERIC.match(token.text):
            match words.numeric(token):
                case Range() as span:
                    names += map(ItemNumber, span.numbers)
                case Number(number):
                    names.append(number)
                case None:
                    continue
        elif place := _place(token) or _elsewhere(token):
            names.append(place)
        else:
            message = "not a batch id like b7k2 and not an item number"
            words.flaw(token.span, message, fix=meant_numbers(token.text))
    return found, tuple(dict.fromkeys(names))


def _skipped(
    words: Words, control: Token, rest: Sequence[Token]
) -> tuple[BatchId | None, tuple[Named, ...]]:
    rest = [token for token in rest if not _is_courtesy(words, token)]
    found, names = _id_and_items(words, rest)
    if not names and not words.flaws:
        words.flaw(control.span, "name an item: skip 18", fix=None)
    return found, names


def _priority(words: Words, control: Token, rest: Sequence[Token]) -> Priority | None:
    *named, last = rest or [control]
    value = None if last is control else read_option("priority", last.text)
    early = [token for token in named if token.folded in PRIORITIES]
    keyed = _KEYED_PRIORITY.match(last.text)
    usage = "name items, then how urgent they are: priority 18 high"
    if len(early) == 1 and NUMERIC.match(last.text):
        moved = Edit(early[0].span, ""), Edit(Span(last.end, 0), f" {early[0].folded}")
        words.flaw_with(early[0].span, usage, moved)
    elif keyed and isinstance(read_option("priority", keyed["value"]), int):
        fix = f"{keyed['item']} {keyed['value']}"
        words.flaw(last.span, f"write {fix}", fix=fix)
    elif named and not early and isinstance(value, Wrong):
        words.flaw(last.span, value.message, fix=value.fix)
    elif early or not isinstance(value, int):
        words.flaw([*early, last if named else control][0].span, usage, fix=None)
    else:
        found, names = _id_and_items(words, named)
        if names or words.flaws:
            return Priority(found, names, value)
        words.flaw(control.span, "name an item: priority 18 high", fix=None)
    return None


def _concurrency(
    words: Words, control: Token, rest: Sequence[Token]
) -> Concurrency | None:
    found = BatchId(rest[0].folded) if rest and BATCH_ID.match(rest[0].text) else None
    number, *more = [*(rest[1:] if found else rest)] or [control]
    value = read_option("concurrency", number.text)
    if not isinstance(value, int):
        message = "say how many items at a time: concurrency 5"
        words.flaw(number.span, message, fix=None)
        return None
    if more:
        fix = f"concurrency:{value}" if found is None else None
        whole = Span(control.column, number.end - control.column)
        words.flaw(whole, "before items it is written concurrency:5", fix=fix)
        return None
    return Concurrency(found, value)


def _freeze(words: Words, rest: Sequence[Token]) -> Freeze | None:
    branch, more = _branch(words, rest)
    while more and _is_courtesy(words, more[-1]):
        more = more[:-1]
    if not more:
        return Freeze(branch) if branch else None
    first, last = more[0], more[-1]
    if first.text[0] in '"\u201c' and len(more) == 1:
        reason = words.unquoted(first)
        return None if reason is None else Freeze(branch, reason.strip())
    start = more[1] if first.folded in _REASON_LEADS and more[1:] else first
    whole = Span(first.column, last.end - first.column)
    said = words.line[start.column : last.end]
    if not _is_no_more_than_reason(more):
        message = "behind the branch stands a reason in quotes; unfreeze ends it"
        words.flaw(whole, message, fix=None)
        return None
    fix = quoted(said, always=True) if '"' not in said else None
    hint = f": {fix}" if fix else ""
    words.flaw(whole, f"put the reason in quotes, as one{hint}", fix=fix)
    return None


def _unfreeze(words: Words, rest: Sequence[Token]) -> Unfreeze | None:
    branch, more = _branch(words, rest)
    more = [token for token in more if not _is_courtesy(words, token)]
    is_reason = bool(more) and more[0].folded in _REASON_LEADS
    fix = "" if is_reason and _is_no_more_than_reason(more) else None
    for token in more:
        words.flaw(token.span, "too much: unfreeze takes one branch", fix=fix)
    return Unfreeze(branch) if branch else None


def _is_no_more_than_reason(more: Sequence[Token]) -> bool:
    """Return whether words behind a branch can only say why: they name no other branch,
    no option, no condition and no time.
    """
    return more[0].comma is None and not any(
        re.match(r"[-\u2013\u2014]+\w", token.text)
        or DRY_RUN.match(token.text)
        or re.fullmatch(r"[0-9]+[smhdw]|plan|again", token.folded)
        or token.folded.strip(".,!;:") in CONDITIONS
        for token in more
    )


def _branch(words: Words, rest: Sequence[Token]) -> tuple[str, Sequence[Token]]:
    """Return the branch that is named, and what stands behind it."""
    name = words.tokens[0].folded
    left = list(rest)
    while left and left[0].folded in ("the", "branch", "base") and left[1:]:
        words.flaw(left.pop(0).span, "this is no part of a command", fix="")
    if not left:
        words.flaw(words.tokens[0].span, f"name a branch: {name} main", fix=None)
        return "", ()
    first, *more = left
    if KEYED.match(first.text) and first.folded.startswith("base:"):
        words.flaw(first.span, "the branch alone", fix=first.text[len("base:") :])
        return "", ()
    if first.text[0] in "-\u2013\u2014":
        words.flaw(first.span, f"{name} takes a branch and no options", fix=None)
        return "", ()
    if first.text[-1] == ":":
        words.flaw(first.span, "a branch has no colon", fix=first.text[:-1] or None)
        return "", ()
    said = words.unquoted(first)
    branch = (said or "").strip().removeprefix("refs/heads/")
    if said is not None and not branch:
        words.flaw(first.span, f"name a branch: {name} main", fix=None)
    return branch, more if branch else ()


def _place(token: Token) -> ItemId | None:
    """Return the item that ``12-review`` names."""
    found = PLACE.match(token.text)
    return ItemId(f"{int(found['number'])}-{found['rest'].lower()}") if found else None


def _elsewhere(token: Token) -> ItemId | None:
    """Return the items that ``acme/api#12``, or a link, names."""
    reference = qualified_reference(token.text)
    return ItemId(str(reference)) if reference else None


def _one_item(words: Words, control: Token, rest: Sequence[Token]) -> Named | None:
    name = control.folded
    rest = [token for token in rest if not _is_courtesy(words, token)]
    if not rest:
        words.flaw(control.span, f"name an item: {name} 18", fix=None)
        return None
    named = [token for token in rest if meant_numbers(token.text)]
    if len(rest) > 1 and len(named) == 1:
        # A question in prose changes nothing, whatever else it says.
        whole = Span(rest[0].column, rest[-1].end - rest[0].column)
        fix = meant_numbers(named[0].text)
        words.flaw(whole, f"why takes one item: why {fix}", fix=fix)
        return None
    first, *more = rest
    for token in more:
        words.flaw(token.span, f"too much: {name} takes one item", fix=None)
    if place := _place(first) or _elsewhere(first):
        return place
    match words.numeric(first) if NUMERIC.match(first.text) else None:
        case Number(number):
            return number
        case _:
            if not words.flaws:
                message = f"not an item number; write {name} 18"
                words.flaw(first.span, message, fix=meant_numbers(first.text))
            return None


def _is_courtesy(words: Words, token: Token) -> bool:
    is_one = token.folded.strip(".,!") in COURTESY
    if is_one:
        words.flaw(token.span, "this is no part of a command", fix="")
    return is_one


def _help(words: Words, rest: Sequence[Token], actions: Collection[str]) -> Help | None:
    known = (*HELP_WORDS, *actions)
    asked: list[Token] = []
    for token in rest:
        if token.folded in _ASKING:
            words.flaw(token.span, "help takes one topic and nothing else", fix="")
        elif not _is_courtesy(words, token):
            asked.append(token)
    if not asked:
        return Help()
    first, *more = asked
    for token in more:
        words.flaw(token.span, "too much: help takes one topic", fix="")
    topic = first.folded.strip("`:+-/") or first.folded
    topic = TOPIC_SYNONYMS.get(topic, topic)
    if topic not in known:
        guess = meant(topic, known)
        hint = f"did you mean {guess}?" if guess else f"there is {in_words(TOPICS)}"
        words.flaw(first.span, f"no such topic; {hint}", fix=guess or None)
    return Help(topic)
