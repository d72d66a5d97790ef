"""The review that is posted: what is certain, and the rules' words at their lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.effects import LineComment
from bot.core.model import ReviewRule
from bot.core.remarks import Said, Verdict
from bot.core.review.beside import (
    Beside,
    Voice,
    beside,
    comments,
    rows,
    voices_of_remarks,
    voices_of_rules,
)
from bot.core.review.facts import ReviewFacts
from bot.core.review.findings import Finding, Weight, findings, size
from bot.core.world.markdown import (
    code_span,
    escape_blocks,
    escape_line,
    first_that_fits,
    join,
    paragraphs,
    plural,
)
from bot.core.world.questions import CheckState

_RULES_FIRST = 10
"""Words of rules that come before those of a command, which may be very many."""

_SIGNS = {
    Weight.STOPS: "❌",
    Weight.WAITS: "⏳",
    Weight.LOOK: "👀",
    Weight.NOTE: "ℹ️",  # noqa: RUF001 - a symbol that GitHub shows in colour
}
_DOES = {Verdict.APPROVE: "approves", Verdict.REQUEST_CHANGES: "requests changes"}
_WOULD = {
    Verdict.APPROVE: "would approve",
    Verdict.REQUEST_CHANGES: "would request changes",
}


@dataclass(frozen=True, slots=True)
class Reviewer:
    """An operator's command that looked at the pull request, and what it said.

    A verdict that is not among ``verdicts`` is only told.
    """

    name: str
    said: Said
    verdicts: tuple[Verdict, ...] = ()
    isolation: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What is posted. ``body_alone`` says all of it, should GitHub take no comment."""

    body: str
    comments: tuple[LineComment, ...] = ()
    body_alone: str = ""
    verdict: Verdict = Verdict.COMMENT


def review(
    facts: ReviewFacts,
    rules: Sequence[ReviewRule],
    *,
    mark: str = "",
    reviewer: Reviewer | None = None,
    withheld: str = "",
    asked: Sequence[str] = (),
) -> Review:
    """Return the review of a pull request; *mark* is its first line.

    *withheld* is the command that is not run on it because it comes from a fork, *asked*
    are those who were asked for a review and still are.
    """
    said = reviewer.said if reviewer else Said()
    text = _Text(
        facts,
        voices_of_rules(rules, facts.files),
        voices_of_remarks(said.remarks, facts.files),
        mark,
        reviewer,
        withheld,
        asked,
    )
    first, later = text.of_rules[:_RULES_FIRST], text.of_rules[_RULES_FIRST:]
    at = beside([*first, *text.of_reviewer, *later])
    if not at:
        return Review(text.body({}), verdict=text.verdict)
    return Review(text.body(at), comments(at), text.body({}), text.verdict)


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of a review, whatever of it stands beside lines."""

    facts: ReviewFacts
    of_rules: Sequence[Voice]
    of_reviewer: Sequence[Voice]
    mark: str
    reviewer: Reviewer | None
    withheld: str
    asked: Sequence[str]
    found: Sequence[Finding] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "found", findings(self.facts))

    @property
    def verdict(self) -> Verdict:
        """What is said of the whole, as far as that is allowed."""
        wanted = self.reviewer.said.verdict if self.reviewer else Verdict.COMMENT
        is_allowed = self.reviewer is not None and wanted in self.reviewer.verdicts
        return wanted if is_allowed and not self.facts.is_own else Verdict.COMMENT

    def body(self, at: Beside) -> str:
        """Return the summary beside these comments."""
        rules, remarks = rows(self.of_rules, at), rows(self.of_reviewer, at)
        head = code_span(self.facts.pull.head_sha[:7])
        heading = self._heading(has_rules=bool(rules or at))
        if not heading:
            line = f"Nothing certain to say about {head}: {_measured(self.facts)}."
            return "\n".join(
                filter(None, (self.mark, line, self._fork(), self._stays()))
            )
        certain = [f"- {_SIGNS[one.weight]} {one.text}" for one in self.found]
        on_lines = f"{plural(len(at), 'comment')} on lines." if at else ""
        return first_that_fits(
            paragraphs(
                "\n".join(filter(None, (self.mark, f"**{heading}** at {head}"))),
                _list("", certain[:most], len(certain)),
                self._fork(),
                *self._said(most, width),
                self._elsewhere(remarks, most),
                _list("Rules of this repository:\n\n", rules[:most], len(rules)),
                on_lines,
                self._stays(),
                f"<sub>{_measured(self.facts)}{self._isolation()}</sub>",
            )
            for most, width in ((100, 1_000), (40, 500), (10, 300))
        )

    def _heading(self, *, has_rules: bool) -> str:
        counts = [
            plural(count, one, many)
            for weights, one, many in _COUNTED
            if (count := sum(finding.weight in weights for finding in self.found))
        ]
        parts = [*self._reviewed(), *counts]
        return "; ".join(parts) or "What this repository's rules say" * has_rules

    def _reviewed(self) -> Sequence[str]:
        if self.reviewer is None:
            return ()
        name, said = code_span(self.reviewer.name), self.reviewer.said
        if self.verdict is not Verdict.COMMENT:
            return (f"{name} {_DOES[self.verdict]}",)
        count = len(said.remarks) + said.left_out
        return (f"{name} has {plural(count, 'remark') if count else 'no remark'}",)

    def _said(self, most: int, width: int) -> Sequence[str]:
        """Return the reviewer's own words, and what became of its verdict."""
        if self.reviewer is None:
            return ()
        said, name = self.reviewer.said, code_span(self.reviewer.name)
        words = escape_blocks(said.summary, most_lines=most, width=width)
        return (f"{name} says:" if words else "", words, self._unspoken(name, said))

    def _unspoken(self, name: str, said: Said) -> str:
        if said.verdict in (self.verdict, Verdict.COMMENT):
            return ""
        would = f"{name} {_WOULD[said.verdict]}"
        if self.facts.is_own:
            return (
                f"{would}; GitHub lets nobody do that on a pull request of their own."
            )
        word = code_span(said.verdict.value)
        return (
            f"{would}; that counts only where `verdicts` of `.github/batch.yml` has"
            f" {word}."
        )

    def _elsewhere(self, remarks: Sequence[str], most: int) -> str:
        if self.reviewer is None:
            return ""
        left_out = self.reviewer.said.left_out
        lead = f"More of {code_span(self.reviewer.name)}:\n\n"
        return _list(lead, remarks[:most], len(remarks) + left_out)

    def _stays(self) -> str:
        """Return whose review is still asked for, if that led here."""
        if not self.asked:
            return ""
        shown = join([code_span(name, 60) for name in self.asked])
        return f"The request to {shown} stays: people may want to look as well."

    def _fork(self) -> str:
        if not self.withheld:
            return ""
        name = code_span(self.withheld)
        return (
            f"The command {name} was not run: this comes from a fork, and the operator of"
            " this server does not let it run on those."
        )

    def _isolation(self) -> str:
        if self.reviewer is None:
            return ""
        tools = [escape_line(name, 60) for name in self.reviewer.said.tools]
        isolation = escape_line(self.reviewer.isolation)
        words = [*tools, f"isolation: {isolation}" if isolation else ""]
        return "".join(f" · {word}" for word in words if word)


def _list(before: str, rows: Sequence[str], in_all: int) -> str:
    more = [f"- {in_all - len(rows):,} more"] if in_all > len(rows) else []
    return before * bool(rows or more) + "\n".join([*rows, *more])


_COUNTED = (
    ({Weight.STOPS}, "thing stands in the way", "things stand in the way"),
    ({Weight.WAITS}, "thing is waited for", "things are waited for"),
    ({Weight.LOOK, Weight.NOTE}, "thing to know", "things to know"),
)


def _measured(facts: ReviewFacts) -> str:
    passed = sum(one.state is CheckState.PASSED for one in facts.pull.checks)
    checks = f", {plural(passed, 'check')} passed" if passed else ""
    return f"{size(facts)}{checks}"
