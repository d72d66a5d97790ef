"""What people write in prose for a change: “add label bug to 12”, “mark 12 as ready”.

Nothing is read from it: each is a fault, with the edits that say the same.
"""

import re

from bot.core.actions.milestone import NO_MILESTONE
from bot.core.actions.spec import Form
from bot.core.command.arguments import team_in
from bot.core.command.flaws import Edit
from bot.core.command.methods import method_first
from bot.core.command.phrases import PREPOSITIONS, take_run
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import Span, quoted
from bot.core.command.tokens import Token
from bot.core.command.vocabulary import COURTESY
from bot.core.command.words import KEYED, is_item, is_word

NOISE = "this is no part of a command"

_NAME = re.compile(r"@?[A-Za-z][\w-]*\Z")
_CHANGED = {
    **dict.fromkeys(("label", "labels"), ("label", "bug")),
    **dict.fromkeys(("assignee", "assignees"), ("assign", "ada")),
    **dict.fromkeys(("reviewer", "reviewers"), ("request", "ada")),
}
"""What people say is added or removed: the action that does it, and an example."""

_SETTING = frozenset({"set", "add", "change", "update"})
_CLEARING = frozenset({"remove", "unset", "clear", "delete"})
_MARKING = frozenset({"mark", "make", "set", "convert", "turn", "move", "put", "flag"})
_MARKS = {"ready": "ready", "draft": "draft", "drafts": "draft"}
_JOINTS = frozenset({"as", "to", "into", "a", "in", "back"})
_REVIEW = frozenset({"review", "reviews", "reviewer", "reviewers", "code", "a", "an"})
_INTO = PREPOSITIONS | {"in", "into", "by"}


def is_prose_of_change(sentence: Sentence) -> bool:
    """Note a command whose first word is a verb, and the action comes later."""
    return (
        method_first(sentence)
        or _is_marked(sentence)
        or _is_milestone(sentence)
        or _is_added_or_removed(sentence)
    )


def _is_added_or_removed(sentence: Sentence) -> bool:
    """Note ``add label bug to 12`` and ``remove label bug from 12``."""
    verb, *rest = sentence.tokens[:4]
    name, example = (
        _CHANGED.get(rest[0].folded, ("", "")) if len(rest) > 1 else ("", "")
    )
    if not name and _is_label_added(sentence):
        message = "labels are put on with label: label +bug 12"
        sentence.flaw(verb.span, message, fix="label")
        sentence.at = 1
        sentence.lead_with(verb, "label")
        return True
    if not name or verb.folded not in ("add", "remove"):
        return False
    usage = f"{name} {'+' if verb.folded == 'add' else '-'}"
    last = rest[0]
    fix: str | None = name
    if verb.folded == "remove":
        last = rest[1]
        is_one = len(rest) == 2 or rest[2].folded == "from" or is_item(rest[2].text)
        fix = (
            f"{usage}{last.text.lstrip('@')}"
            if is_one and _NAME.match(last.text)
            else None
        )
    span = Span(verb.column, last.end - verb.column)
    sentence.flaw(span, f"write {usage}{example} 12", fix=fix)
    sentence.at = 2 if last is rest[0] else 3
    sentence.lead_with(rest[0], name)
    return True


def _is_label_added(sentence: Sentence) -> bool:
    """Note the ``add`` of ``add bug to 12``."""
    words = [token.folded for token in sentence.tokens]
    at = next((at for at, word in enumerate(words) if word in ("to", "on")), 0)
    behind = sentence.tokens[at + 1 : at + 2]
    return (
        words[0] == "add"
        and at > 1
        and bool(behind)
        and is_item(behind[0].text)
        and all(is_word(token) for token in sentence.tokens[1:at])
    )


def _is_milestone(sentence: Sentence) -> bool:
    """Note ``set milestone 2.4 on 12`` and ``remove milestone from 12``."""
    verb, *rest = sentence.tokens[:3]
    if len(rest) < 2 or rest[0].folded not in ("milestone", "milestones"):
        return False
    span = Span(verb.column, rest[0].end - verb.column)
    if verb.folded in _SETTING:
        sentence.flaw(span, 'write milestone "2.4" 12', fix="milestone")
    elif verb.folded in _CLEARING:
        is_any = is_item(rest[1].text) or rest[1].folded in _INTO
        fix = f"milestone {NO_MILESTONE}" if is_any else None
        sentence.flaw(span, f"write milestone {NO_MILESTONE} 12", fix=fix)
    else:
        return False
    sentence.at = 2
    sentence.lead_with(rest[0], "milestone")
    return True


def _is_marked(sentence: Sentence) -> bool:
    """Note ``mark 12 as ready for review`` and ``convert 12 to a draft``."""
    verb, *rest = sentence.tokens
    at = next((n for n, one in enumerate(rest) if one.folded in _MARKS), None)
    if verb.folded not in _MARKING or at is None:
        return False
    first = last = at
    while first > 0 and rest[first - 1].folded in _JOINTS:
        first -= 1
    if [one.folded for one in rest[at + 1 : at + 3]] == ["for", "review"]:
        last = at + 2
    if not all(one.folded == "and" or is_item(one.text) for one in rest[:first]):
        return False
    mark = Span(rest[first].column, rest[last].end - rest[first].column)
    name = _MARKS[rest[at].folded]
    edits = (Edit(verb.span, name), Edit(mark, ""))
    sentence.flaw_with(verb.span, f"write {name} 12", edits)
    sentence.tokens = [verb, *rest[:first], *rest[last + 1 :]]
    sentence.at = 1
    sentence.lead_with(verb, name)
    return True


# --- arguments without what marks them -------------------------------------------------


def title_without_quotes(sentence: Sentence, token: Token) -> bool:
    """Note ``milestone Next release 12``."""
    before, following = sentence.before, sentence.following
    if sentence.form is not Form.TITLE or before is None:
        return False
    is_first = before is sentence.lead_token
    if token.folded in _INTO:
        is_joint = is_first or is_item(before.text)
        if is_joint or (following is not None and is_item(following.text)):
            sentence.flaw(token.span, NOISE, fix="")
            return True
    if is_first and token.folded in ("off", "clear", "remove", "nothing", "no"):
        sentence.flaw(token.span, f"write {NO_MILESTONE}", fix=NO_MILESTONE)
        return True
    if not _could_be_title(token):
        return False
    start = token.column
    if _is_title(sentence, before):
        start = before.column
    elif not (is_first or before.folded in _INTO or _has_only_items(sentence)):
        return False
    span, _ = take_run(sentence, token, is_name=True)
    whole = Span(start, span.column + span.length - start)
    said = sentence.line[start : start + whole.length]
    fix = quoted(said.strip("'\u2018\u2019`"), always=True)
    sentence.flaw_with(span, f"put the title in quotes: {fix}", (Edit(whole, fix),))
    return True


def _could_be_title(token: Token) -> bool:
    is_other = is_item(token.text) or KEYED.match(token.text) is not None
    return not is_other and token.folded not in COURTESY and token.text[0] not in "+-"


def _has_only_items(sentence: Sentence) -> bool:
    """Return whether nothing but items stands between the action and a word."""
    lead = sentence.lead_token
    between = [one for one in sentence.tokens[: sentence.at - 1] if one is not lead]
    return all(one.folded == "and" or is_item(one.text) for one in between)


def _is_title(sentence: Sentence, before: Token) -> bool:
    """Return whether a word was read as a title without quotes."""
    place = sentence.tokens.index(before)
    is_second = place > 0 and sentence.tokens[place - 1] is sentence.lead_token
    is_bare = before.text[0] not in '"\u201c' and before.folded != NO_MILESTONE
    is_other = before.folded in _INTO or not _could_be_title(before)
    return is_second and is_bare and not is_other


def signed_title(sentence: Sentence, token: Token) -> None:
    """Note ``milestone +2.4 12``."""
    if token.text[0] == "-":
        message = f"a milestone is taken off with milestone {NO_MILESTONE}"
        sentence.flaw(token.span, message, fix=None)
        return
    fix = quoted(token.text[1:].strip('"'), always=True)
    sentence.flaw(token.span, f"write {fix}", fix=fix)


def reviewer_without_sign(sentence: Sentence, token: Token) -> bool:
    """Note ``request a review from @acme/core``; people are read as for ``assign``."""
    before, following = sentence.before, sentence.following
    if sentence.form is not Form.REVIEWERS or before is None:
        return False
    if token.folded in _REVIEW and not is_item(token.text):
        sentence.flaw(token.span, "say whom: request +ada 12", fix="")
        return True
    is_joint = before.folded in _REVIEW or before is sentence.lead_token
    if token.folded in _INTO and (
        is_joint or (following is not None and is_item(following.text))
    ):
        sentence.flaw(token.span, NOISE, fix="")
        return True
    if token.folded == "team" and following is not None and _NAME.match(following.text):
        sentence.at += 1
        span = Span(token.column, following.end - token.column)
        fix = f"+{team_in(f'team:{following.text}')}"
        sentence.flaw(span, f"write {fix}", fix=fix)
        return True
    if team := team_in(token.text):
        sentence.flaw(token.span, f"write +{team}", fix=f"+{team}")
        return True
    return False
