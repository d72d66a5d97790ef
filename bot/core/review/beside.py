"""What is said beside the lines of a diff, and what is left for the summary."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.core.effects import LineComment
from bot.core.model import ReviewRule, RuleLevel
from bot.core.remarks import Level, Remark
from bot.core.review.facts import ChangedFile
from bot.core.review.places import Placed, Spot, place
from bot.core.review.rules import Hit, hits
from bot.core.world.markdown import (
    code_span,
    escape_blocks,
    escape_line,
    escape_prose,
    fence,
    link,
    paragraphs,
    plural,
    suggestion,
    utf16_length,
)

MOST_COMMENTS = 40
"""Comments on lines of one review. GitHub counts each as something written, of which it
takes 80 a minute, and answers with 502 when there are very many.
"""

MOST_OF_A_RULE = 10
"""Comments that say the same; further places are counted in the summary."""

MOST_OF_A_LINE = 10
"""Voices that speak in one comment."""

COMMENT_UNITS = 30_000
"""UTF-16 units of one comment; another one on its lines goes to the summary then."""

_SAY_WIDTH = 500
_ROW_WIDTH = 300
_PATH_WIDTH = 200
_SIGNS = {Level.ERROR: "❌", Level.WARNING: "⚠️", Level.NOTE: "ℹ️"}  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Voice:
    """Something said of one place; the texts are Markdown."""

    words: str  # in a comment
    row: str  # in the summary, of one line
    place: str  # as it is written
    spot: Spot | None = None
    suggestion: str = ""  # a block that replaces the lines
    most: int = MOST_OF_A_RULE  # comments that say the same
    noun: str = "more place"


Beside = Mapping[Spot, Sequence[Voice]]


def voices_of_rules(
    rules: Sequence[ReviewRule], files: Sequence[ChangedFile]
) -> list[Voice]:
    """Return what the repository's own rules say."""
    return [_of_rule(rule, hit) for rule in rules for hit in hits(files, rule)]


def voices_of_remarks(
    remarks: Sequence[Remark], files: Sequence[ChangedFile]
) -> list[Voice]:
    """Return what a reviewer says, what matters most first."""
    levels = list(Level)
    placed = place(remarks, files)
    placed.sort(key=lambda one: (levels.index(one.remark.level), not one.is_changed))
    return [_of_remark(one) for one in placed]


def beside(voices: Sequence[Voice]) -> Beside:
    """Return who speaks in a comment, as far as one review has room for comments."""
    at: dict[Spot, list[Voice]] = {}
    spoken: Counter[str] = Counter()
    for voice in voices:
        if voice.spot is None or spoken[voice.row] >= voice.most:
            continue
        spoken[voice.row] += 1
        there = at.get(voice.spot, [])
        length = sum(utf16_length(_whole(one)) for one in [*there, voice])
        is_full = len(at) + (not there) > MOST_COMMENTS or length > COMMENT_UNITS
        is_said = any(one.words == voice.words for one in there)
        if not is_full and not is_said and len(there) < MOST_OF_A_LINE:
            at[voice.spot] = [*there, voice]
    return at


def comments(at: Beside) -> tuple[LineComment, ...]:
    """Return the comments; at most one offers something in place of the same lines."""
    return tuple(
        LineComment(
            spot.path,
            spot.line,
            _body(voices),
            spot.side,
            spot.start_line,
            spot.start_side,
        )
        for spot, voices in at.items()
    )


def rows(voices: Sequence[Voice], at: Beside) -> list[str]:
    """Return a row for each thing that is said of places which no comment has."""
    left: dict[str, list[Voice]] = {}
    for voice in voices:
        there = at.get(voice.spot, ()) if voice.spot else ()
        if not any(one.words == voice.words for one in there):
            left.setdefault(voice.row, []).append(voice)
    return [_row(same) for same in left.values()]


def _row(voices: Sequence[Voice]) -> str:
    first = voices[0]
    more = f" and {plural(len(voices) - 1, first.noun)}" if voices[1:] else ""
    where = code_span(first.place, _PATH_WIDTH)
    return f"- {first.row}" + (f" — {where}{more}" if where else more)


def _body(voices: Sequence[Voice]) -> str:
    parts: list[str] = []
    is_offered = False
    for voice in voices:
        offers = voice.suggestion if not is_offered else ""
        is_offered = is_offered or bool(offers)
        parts += [voice.words, offers]
    return paragraphs(*parts)


def _whole(voice: Voice) -> str:
    return voice.words + voice.suggestion


def _of_rule(rule: ReviewRule, hit: Hit) -> Voice:
    sign = _SIGNS[Level.WARNING if rule.level is RuleLevel.WARNING else Level.NOTE]
    words = f"{sign} {escape_prose(rule.say, _SAY_WIDTH)}"
    where = f"{hit.path}:{hit.line}" if hit.line else hit.path
    spot = Spot(hit.path, hit.line) if hit.line else None
    if rule.pattern:
        return Voice(words, words, where, spot)
    return Voice(words, words, where, spot, most=1, noun="more file")


def _of_remark(placed: Placed) -> Voice:
    remark = placed.remark
    head = _head(remark)
    block = "" if placed.suggestion is None else suggestion(placed.suggestion)
    is_offered = bool(block)
    words = paragraphs(*_words(placed, head, is_offered=is_offered))
    said = escape_prose(_first(remark.body), _ROW_WIDTH) or "suggests other words"
    row = " ".join(filter(None, (head, said)))
    return Voice(words, row, _where(remark), placed.spot, block)


def _first(body: str) -> str:
    """Return the first line of a body that says something, without its Markdown."""
    lines = [
        line.strip().lstrip("#>*- ").replace("**", "") for line in body.split("\n")
    ]
    said = [line for line in lines if line and not line.startswith(("```", "~~~"))]
    return " ".join([*said[:1], *(["…"] if said[1:] else [])])


def _words(placed: Placed, head: str, *, is_offered: bool) -> Iterator[str]:
    remark = placed.remark
    body = escape_blocks(remark.body)
    is_prose = not body.startswith(("```", "- "))
    if head:
        yield f"{head} {body}" if is_prose else head
    if not (head and is_prose):
        yield body
    if placed.spot is not None and not placed.is_all and remark.start_line:
        yield f"<sub>Of lines {remark.start_line} to {remark.line}.</sub>"
    if remark.suggestion is not None and not is_offered:
        instead = remark.suggestion.removesuffix("\n")
        yield paragraphs("Instead of the lines that are meant:", fence(instead))


def _head(remark: Remark) -> str:
    """Return how much it matters and which rule it is of, where there is one."""
    if not remark.rule:
        return "" if remark.level is Level.WARNING else _SIGNS[remark.level]
    name = escape_line(remark.rule, 100)
    shown = link(name, remark.rule_url) if remark.rule_url else name
    return f"{_SIGNS[remark.level]} **{shown}**"


def _where(remark: Remark) -> str:
    if not remark.line:
        return remark.path
    lines = f"{remark.start_line}-" if remark.start_line else ""
    return f"{remark.path}:{lines}{remark.line}"
