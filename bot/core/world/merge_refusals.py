"""Why GitHub does not merge or update a pull request, in its words, and what follows.

Much of what a base demands cannot be read by an app; the refusal of a merge names it:
https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Then(StrEnum):
    """What follows a refusal."""

    WAIT = "wait"  # somebody has to do something first
    LOOK = "look again"  # something else changed at the same time
    ENQUEUE = "enqueue"
    UPDATE = "update"
    NAME = "name the conflicts"
    FAIL = "fail the item"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal, read. ``words`` complete "waits for" or say why it failed."""

    then: Then
    words: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    pattern: re.Pattern[str]
    then: Then
    words: str = "GitHub does not take it: {said}"
    advice: str = ""


_METHOD = "Name another with `method:`, or allow it in the repository's settings."
_PERMITTED = (
    "Merge it by hand: the app does not ask for the permission to change workflows."
)
_STACK = (
    "Merge the stack on GitHub, from its bottom up; or take the pull request out of the"
    " stack, then retry."
)

_TABLE = tuple(
    _Row(re.compile(pattern, re.IGNORECASE), *rest)
    for pattern, *rest in (
        (
            r"part of a stack|stacked pull request|asynchronous merge",
            Then.FAIL,
            "it is part of one of GitHub's own stacks, where a merge takes along all that"
            " is below it, whatever their heads are by then",
            _STACK,
        ),
        (
            r"without `?workflows?`? permission|refusing to allow .* workflow",
            Then.FAIL,
            "workflow files changed in the base, and GitHub lets the app write none:"
            " {said}",
            _PERMITTED,
        ),
        (r"(?:head|base) branch was modified", Then.LOOK),
        (r"branch is out of date|not up to date with", Then.UPDATE),
        (r"expected head sha|head sha (?:didn.t|did not) match", Then.LOOK),
        (r"merge queue", Then.ENQUEUE, "the merge queue"),
        (
            r"(?:merges?|merge commits|squash merging|rebas\w+) (?:is|are) not allowed"
            r"|must not contain merge commits|can.t be rebased|cannot be rebased",
            Then.FAIL,
            "the base takes no such merge: {said}",
            _METHOD,
        ),
        (
            r"rebase conflict",
            Then.FAIL,
            "its commits conflict with its base one by one",
            "Update it with `update-method:merge`, or by hand.",
        ),
        (
            r"updateMethod",
            Then.FAIL,
            "this GitHub server cannot rebase a branch",
            "Leave `update-method:rebase` out, or rebase it by hand.",
        ),
        (r"conflict", Then.NAME),
        (
            r"is (?:still )?(?:a |in )?draft",
            Then.FAIL,
            "it is a draft",
            "Mark it as ready for review, then retry.",
        ),
        (
            r"not authorized to push|protected branch hook declined|push(?:es)? .*"
            r"restricted|cannot update this protected ref",
            Then.FAIL,
            "GitHub does not let the app merge there: {said}",
            "Let the app push to the branch in its rules, then retry.",
        ),
        (
            r"verified signatures|commit message|author e-?mail|committer",
            Then.FAIL,
            "a rule for commits is in the way: {said}",
            "Look at the rules of the base; another `method:` may meet them.",
        ),
        (
            r"required|review|approv|status check|deploy|conversation|comments must be"
            r"|code scanning|waiting on|expected",
            Then.WAIT,
            "{said}",
        ),
        (r"not mergeable|base branch policy|try (?:the merge )?again", Then.LOOK),
    )
)
_OTHER = _Row(
    re.compile(""),
    Then.FAIL,
    advice="Look at the rules of the base, then retry.",
)
_UP_TO_DATE = re.compile(r"no new commits on the base", re.IGNORECASE)
_HEAD_MOVED = re.compile(r"expected head sha|head sha (?:didn.t|did not)", re.I)
_NO_WORKFLOWS = re.compile(r"refusing to allow .* workflow", re.IGNORECASE)
_NO_REBASES = re.compile(r"\bupdateMethod\b")
_HEADING = re.compile(r"^Repository rule violations found\W*", re.IGNORECASE)
_VERDICTS = frozenset({405, 409, 422})


def refusal(said: str) -> Refusal:
    """Return what GitHub's words come to."""
    words = " ".join(_HEADING.sub("", said).split()).rstrip(".") or "no reason given"
    row = next((row for row in _TABLE if row.pattern.search(words)), _OTHER)
    return Refusal(row.then, row.words.format(said=words), row.advice)


def is_verdict(status: int, said: str) -> bool:
    """Return whether an answer is about the pull request, and not about the app."""
    is_told = _NO_WORKFLOWS.search(said) or _NO_REBASES.search(said)
    return status in _VERDICTS or is_told is not None


def is_up_to_date(said: str) -> bool:
    """Return whether there is nothing to update a branch with."""
    return _UP_TO_DATE.search(said) is not None


def is_head_moved(said: str) -> bool:
    """Return whether the branch is not at the expected head."""
    return _HEAD_MOVED.search(said) is not None
