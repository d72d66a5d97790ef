"""How to merge or to update, as people and other programs say it."""

import re

from bot.core.actions.merge import MERGE
from bot.core.actions.update import UPDATE
from bot.core.command.phrases import take_phrase
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import Span
from bot.core.command.tokens import Token
from bot.core.model import UpdateMethod
from bot.core.world.pulls import MergeMethod

_SAID = re.compile(
    r"(?:(?:by|with|using|as|via) )?(?:a )?"
    r"(?:(?P<squash>squash)(?:e?d|ing)?|(?P<rebase>rebas)(?:e|ed|ing)"
    r"|(?P<merge>merge)[ -]commits?)\Z",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"(?P<method>squash|rebase)(?:(?: and | & | \+ |[- +&]|-and-)?merge)\Z",
    re.IGNORECASE,
)


_WAYS = {
    MERGE.name: ("method", "how to merge", frozenset(MergeMethod)),
    UPDATE.name: ("update-method", "how to update", frozenset(UpdateMethod)),
}
"""Of each action that can be done in several ways: the option, what it says, its values."""


def method_said(sentence: Sentence, token: Token) -> bool:
    """Note ``merge 63 squash``, ``update 63 by rebasing`` and ``plan rebase 63``."""
    if sentence.lead_name not in _WAYS:
        is_first = [one.folded for one in sentence.tokens[: sentence.at - 1]] == [
            "plan"
        ]
        return is_first and _is_rebase(sentence, token)
    span, said = take_phrase(sentence, token, _SAID)
    found = _SAID.match(said.rstrip(".!;:")) if said else None
    if found is None:
        return False
    _write(sentence, span, next(k for k, v in found.groupdict().items() if v))
    return True


def _is_rebase(sentence: Sentence, token: Token) -> bool:
    """Note ``rebase 63``: no update by a merge is meant."""
    if token.folded != "rebase" or token.folded in sentence.names:
        return False
    fix = f"{UPDATE.name} update-method:{UpdateMethod.REBASE}"
    sentence.flaw(token.span, f"write {fix} 63", fix=fix)
    sentence.lead_with(token, UPDATE.name)
    return True


def method_first(sentence: Sentence) -> bool:
    """Note ``squash and merge 63`` and ``rebase 63``."""
    for count in (3, 2, 1):
        words = sentence.tokens[:count]
        found = _FIRST.match(" ".join(word.folded for word in words))
        if found and len(words) == count:
            first, last = words[0], words[-1]
            span = Span(first.column, last.end - first.column)
            fix = f"{MERGE.name} method:{found['method'].casefold()}"
            sentence.flaw(span, f"write {fix} 63", fix=fix)
            sentence.at = count
            sentence.lead_with(first, MERGE.name)
            return True
    if not _is_rebase(sentence, sentence.tokens[0]):
        return False
    sentence.at = 1
    return True


def is_method_flag(sentence: Sentence, span: Span, key: str, value: str | None) -> bool:
    """Note ``merge 63 --squash`` and ``update 63 --rebase``."""
    if sentence.lead_name not in _WAYS or key not in set(MergeMethod) or value:
        return False
    _write(sentence, span, key)
    return True


def _write(sentence: Sentence, span: Span, method: str) -> None:
    option, what, values = _WAYS[sentence.lead_name]
    fix = f"{option}:{method}"
    if method in values:
        sentence.flaw(span, f"{what} is written {fix}", fix=fix)
    else:
        known = f"{option}:{' or '.join(sorted(values))}"
        sentence.flaw(span, f"{what} is written {known}", fix=None)
