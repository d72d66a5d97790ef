"""How to merge, as people and other programs say it."""

import re

from bot.core.actions.merge import MERGE
from bot.core.command.phrases import take_phrase
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import Span
from bot.core.command.tokens import Token
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


def method_said(sentence: Sentence, token: Token) -> bool:
    """Note ``merge 63 squash`` and ``merge 63 by rebasing``."""
    if sentence.lead_name != MERGE.name:
        return False
    span, said = take_phrase(sentence, token, _SAID)
    found = _SAID.match(said.rstrip(".!;:")) if said else None
    if found is None:
        return False
    _write(sentence, span, next(k for k, v in found.groupdict().items() if v))
    return True


def method_first(sentence: Sentence) -> bool:
    """Note ``squash and merge 63``."""
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
    return False


def is_method_flag(sentence: Sentence, span: Span, key: str, value: str | None) -> bool:
    """Note ``merge 63 --squash``."""
    if sentence.lead_name != MERGE.name or key not in set(MergeMethod) or value:
        return False
    _write(sentence, span, key)
    return True


def _write(sentence: Sentence, span: Span, method: str) -> None:
    name = "rebase" if method.startswith("rebas") else method
    fix = f"method:{name}"
    sentence.flaw(span, f"how to merge is written {fix}", fix=fix)
