"""The review that is posted: what is certain, and the rules' words at their lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.core.effects import LineComment
from bot.core.model import ReviewRule, RuleLevel
from bot.core.review.facts import ReviewFacts
from bot.core.review.findings import Finding, Weight, findings, size
from bot.core.review.rules import Hit, hits
from bot.core.world.markdown import (
    code_span,
    escape_prose,
    first_that_fits,
    paragraphs,
    plural,
)
from bot.core.world.questions import CheckState

MOST_COMMENTS = 40
"""Comments on lines of one review: who needs more needs a linter."""

MOST_OF_A_RULE = 10
"""Comments of one rule; further places are counted in the summary."""

MOST_OF_A_LINE = 10
"""Rules that speak in one comment."""

_SAY_WIDTH = 500
_PATH_WIDTH = 200
_SIGNS = {
    Weight.STOPS: "❌",
    Weight.WAITS: "⏳",
    Weight.LOOK: "👀",
    Weight.NOTE: "ℹ️",  # noqa: RUF001 - a symbol that GitHub shows in colour
}


_Said = tuple[ReviewRule, tuple[Hit, ...]]
_AtLines = Mapping[tuple[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Review:
    """What is posted. ``body_alone`` says all of it, should GitHub take no comment."""

    body: str
    comments: tuple[LineComment, ...] = ()
    body_alone: str = ""


def review(
    facts: ReviewFacts, rules: Sequence[ReviewRule], *, mark: str = ""
) -> Review:
    """Return the review of a pull request; *mark* is its first line."""
    found = findings(facts)
    said = [(rule, tuple(hits(facts.files, rule))) for rule in rules]
    at = _at_lines(said)
    comments = tuple(
        LineComment(path, line, paragraphs(*words))
        for (path, line), words in at.items()
    )
    body = _body(facts, found, list(_summed_up(said, at)), len(comments), mark)
    if not comments:
        return Review(body)
    return Review(
        body, comments, _body(facts, found, list(_summed_up(said, {})), 0, mark)
    )


def _at_lines(said: Sequence[_Said]) -> _AtLines:
    """Return what is said beside lines; what several rules say of one is one comment."""
    at: dict[tuple[str, int], list[str]] = {}
    for rule, places in said:
        words = _words(rule)
        shown = [place for place in places if place.line]
        for place in shown[: MOST_OF_A_RULE if rule.pattern else 1]:
            there = at.get((place.path, place.line), [])
            is_full = len(at) + (not there) > MOST_COMMENTS
            if not is_full and words not in there and len(there) < MOST_OF_A_LINE:
                at[place.path, place.line] = [*there, words]
    return at


def _summed_up(said: Sequence[_Said], at: _AtLines) -> Iterator[str]:
    """Yield what rules say of places that no comment has."""
    for rule, places in said:
        words = _words(rule)
        left = [p for p in places if words not in at.get((p.path, p.line), ())]
        if left:
            first = left[0]
            place = f"{first.path}:{first.line}" if first.line else first.path
            where = code_span(place, _PATH_WIDTH)
            noun = "more place" if rule.pattern else "more file"
            more = f" and {plural(len(left) - 1, noun)}" if left[1:] else ""
            yield f"- {words} — {where}{more}"


def _body(
    facts: ReviewFacts,
    found: Sequence[Finding],
    rules: Sequence[str],
    on_lines: int,
    mark: str,
) -> str:
    head = code_span(facts.pull.head_sha[:7])
    if not (found or rules or on_lines):
        line = f"Nothing certain to say about {head}: {_measured(facts)}."
        return "\n".join(filter(None, (mark, line)))
    counts = [
        plural(count, one, many)
        for weights, one, many in _COUNTED
        if (count := sum(finding.weight in weights for finding in found))
    ]
    heading = "; ".join(counts) or "What this repository's rules say"
    rows = [f"- {_SIGNS[one.weight]} {one.text}" for one in found]
    comments = f"{plural(on_lines, 'comment')} on lines." if on_lines else ""
    return first_that_fits(
        paragraphs(
            "\n".join(filter(None, (mark, f"**{heading}** at {head}"))),
            _list("", rows[:most], len(rows)),
            _list("Rules of this repository:\n\n", rules[:most], len(rules)),
            comments,
            f"<sub>{_measured(facts)}</sub>",
        )
        for most in (100, 40, 10)
    )


def _list(before: str, rows: Sequence[str], in_all: int) -> str:
    more = [f"- {in_all - len(rows):,} more"] if in_all > len(rows) else []
    return before * bool(rows) + "\n".join([*rows, *more])


_COUNTED = (
    ({Weight.STOPS}, "thing stands in the way", "things stand in the way"),
    ({Weight.WAITS}, "thing is waited for", "things are waited for"),
    ({Weight.LOOK, Weight.NOTE}, "thing to know", "things to know"),
)


def _measured(facts: ReviewFacts) -> str:
    passed = sum(one.state is CheckState.PASSED for one in facts.pull.checks)
    checks = f", {plural(passed, 'check')} passed" if passed else ""
    return f"{size(facts)}{checks}"


def _words(rule: ReviewRule) -> str:
    sign = "⚠️" if rule.level is RuleLevel.WARNING else _SIGNS[Weight.NOTE]
    return f"{sign} {escape_prose(rule.say, _SAY_WIDTH)}"
