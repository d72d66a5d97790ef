"""The repository's own rules, over what a diff adds; in time linear in its length.

Their patterns are those of RE2, for a pull request must not be able to make a rule of
the repository take for ever.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from bot.core.model import ReviewRule, RuleWhen
from bot.core.review import diff
from bot.core.review.facts import ChangedFile

_MEMORY_BYTES = 8 << 20
"""More than any pattern needs that a person can read."""

_MOST_OF_LINE = 2_000
"""Characters of a line that are looked at: of minified code the rest says nothing."""

_GLOB = re.compile(r"\*\*/|\*\*|\*|\?")
_GLOBS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule has something to say; ``line`` is on the right, 0: the whole file."""

    path: str
    line: int = 0


class BadPattern(ValueError):
    """A pattern that RE2 does not take; the message says why."""


def check_pattern(pattern: str) -> None:
    """Raise ``BadPattern`` for what is no pattern."""
    try:
        _compiled(pattern)
    except re2.error as error:
        said = error.args[0]
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise BadPattern(text) from error


def hits(files: Sequence[ChangedFile], rule: ReviewRule) -> Iterator[Hit]:
    """Yield where a rule has something to say, in the order of the diff."""
    for file in files:
        if any(_matches(glob, file.path) for glob in rule.paths or ("**",)):
            yield from _in_file(rule, file)


def _in_file(rule: ReviewRule, file: ChangedFile) -> Iterator[Hit]:
    if rule.pattern:
        pattern = _compiled(rule.pattern)
        for line in diff.added(file.patch or ""):
            if pattern.search(line.text[:_MOST_OF_LINE]):
                yield Hit(file.path, line.right)
    elif rule.when is RuleWhen.CHANGED or rule.when == file.status:
        shown = [line.right for line in diff.lines(file.patch or "") if line.right]
        new = [line.right for line in diff.added(file.patch or "")]
        yield Hit(file.path, next(iter(new + shown), 0))


def _matches(glob: str, path: str) -> bool:
    return _glob(glob).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _glob(glob: str) -> Any:
    parts, at = [], 0
    for found in _GLOB.finditer(glob):
        parts += [re2.escape(glob[at : found.start()]), _GLOBS[found[0]]]
        at = found.end()
    return _compiled("".join([*parts, re2.escape(glob[at:])]))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    return re2.compile(pattern, options)
