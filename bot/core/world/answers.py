"""What follows each class of answer that GitHub, or the line to it, can give.

The one table of what goes wrong: whether a question and a change may be sent again, and
the words that people read when that does not help.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.core.model import Cause
from bot.core.world.markdown import cut
from bot.errors import (
    AppUnavailable,
    NotFound,
    PermanentError,
    Problem,
    Refused,
    TransientError,
    Unauthorized,
    Uncertain,
)

SAID_LENGTH = 300
"""Characters of GitHub's own words that are passed on."""


class Next(StrEnum):
    """What follows an answer, at the end of all that the client does by itself."""

    RETRY = "retry"  # nothing was done: another try may help
    LOOK_UP = "look up"  # it may have been done: look before it is repeated
    WAIT = "wait"  # until the instant that GitHub names
    FAIL = "fail the item"
    END = "end the batch"


class First(StrEnum):
    """What the client does by itself before that, as nothing was done yet."""

    REPEAT = "repeat"  # questions, a few times
    HALVE = "halve"  # what a query asks for, down to one
    FOLLOW = "follow"  # to where the answer points
    RENEW = "renew"  # the token, once; a new one is shown again for some seconds
    WAIT = "wait"  # for short times


class Failure(StrEnum):
    """The classes of answers that are no success."""

    UNREACHABLE = "unreachable"  # no connection: the request was never sent
    BROKEN = "broken"  # the line broke after the request was sent, or in the answer
    LATE = "late"  # no answer in time
    UNREADABLE = "unreadable"  # cut JSON, a page of HTML, nothing
    BUSY = "busy"  # 408, 425: the server did not take the request
    BROKEN_INSIDE = "broken inside"  # 5xx
    TOO_DEAR = "too dear"  # a GraphQL query that asks for too much at once
    MOVED = "moved"  # 301, 302, 307, 308
    MALFORMED = "malformed"  # 400
    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403 for want of a permission
    LIMITED = "limited"  # 403 or 429: too much was sent
    SUSPENDED = "suspended"  # 403: the installation
    ARCHIVED = "archived"  # 403: the repository
    NOT_FOUND = "not found"  # 404: gone, or not to be seen
    CONFLICT = "conflict"  # 409
    GONE = "gone"  # 410
    INVALID = "invalid"  # 422
    BLOCKED = "blocked"  # 451: the repository, for legal reasons
    REFUSED = "refused"  # any other 4xx


class Astray(StrEnum):
    """Where a redirect leads that is not followed, as it stands behind ``MOVED``."""

    NOWHERE = "no address"
    IN_CIRCLES = "too many in a row"
    ELSEWHERE = "another server; no token goes there"


@dataclass(frozen=True, slots=True)
class Row:
    """One class: what follows for a question and for a change, and what people read.

    ``{said}`` stands for GitHub's own words, or the system's; ``{status}`` for the
    HTTP status.
    """

    question: Next
    change: Next
    words: str
    advice: str = ""
    first: First | None = None
    why: Cause | None = None  # what ends the batch


@dataclass(frozen=True, slots=True)
class Answered(Problem):
    """An answer that is no success, or none. *said* is GitHub's, or the system's."""

    failure: Failure
    said: str = ""
    status: int = 0

    def __str__(self) -> str:
        said = cut(self.said, SAID_LENGTH) or "no reason given"
        return TABLE[self.failure].words.format(said=said, status=self.status)

    @property
    def advice(self) -> str:
        """What the table advises."""
        return TABLE[self.failure].advice


def own_words(problem: Problem) -> str:
    """Return GitHub's own words alone, where a problem is an answer of it."""
    return problem.said if isinstance(problem, Answered) else str(problem)


TABLE: Mapping[Failure, Row] = {
    Failure.UNREACHABLE: Row(
        Next.RETRY,
        Next.RETRY,
        "GitHub cannot be reached: {said}",
        first=First.REPEAT,
    ),
    Failure.BROKEN: Row(
        Next.RETRY,
        Next.LOOK_UP,
        "The connection to GitHub broke: {said}",
        first=First.REPEAT,
    ),
    Failure.LATE: Row(
        Next.RETRY,
        Next.LOOK_UP,
        "GitHub did not answer in time.",
        first=First.REPEAT,
    ),
    Failure.UNREADABLE: Row(
        Next.RETRY,
        Next.LOOK_UP,
        "GitHub's answer cannot be read.",
        first=First.REPEAT,
    ),
    Failure.BUSY: Row(
        Next.RETRY,
        Next.RETRY,
        "GitHub answered {status}: {said}",
        first=First.REPEAT,
    ),
    Failure.BROKEN_INSIDE: Row(
        Next.RETRY,
        Next.LOOK_UP,
        "GitHub failed: {said}",
        first=First.REPEAT,
    ),
    Failure.TOO_DEAR: Row(
        Next.RETRY,
        Next.LOOK_UP,
        "GitHub could not work out a query: {said}",
        first=First.HALVE,
    ),
    Failure.MOVED: Row(
        Next.FAIL,
        Next.FAIL,
        "GitHub redirected to where the bot does not follow: {said}",
        first=First.FOLLOW,
    ),
    Failure.MALFORMED: Row(
        Next.FAIL,
        Next.FAIL,
        "GitHub could not read the request: {said}",
        "The bot, or a proxy between it and GitHub, does something wrong.",
    ),
    Failure.UNAUTHORIZED: Row(
        Next.RETRY,
        Next.RETRY,
        "GitHub does not accept the app's credentials: {said}",
        first=First.RENEW,
    ),
    Failure.FORBIDDEN: Row(
        Next.FAIL,
        Next.FAIL,
        "{said}",
        "Check the app's permissions, and accept new ones that it asks for in the"
        " installation's settings.",
    ),
    Failure.LIMITED: Row(
        Next.WAIT,
        Next.WAIT,
        "GitHub's limits allow the next request at {said} UTC.",
        first=First.WAIT,
    ),
    Failure.SUSPENDED: Row(
        Next.END,
        Next.END,
        "{said}",
        "Unsuspend the app's installation.",
        why=Cause.SUSPENDED,
    ),
    Failure.ARCHIVED: Row(
        Next.END, Next.END, "{said}", "Unarchive it.", why=Cause.ARCHIVED
    ),
    Failure.NOT_FOUND: Row(Next.FAIL, Next.FAIL, "{said}"),
    Failure.CONFLICT: Row(
        Next.FAIL,
        Next.FAIL,
        "Something else was changed at the same time: {said}",
        "Retry the item.",
    ),
    Failure.GONE: Row(Next.FAIL, Next.FAIL, "{said}"),
    Failure.INVALID: Row(Next.FAIL, Next.FAIL, "{said}"),
    Failure.BLOCKED: Row(
        Next.END,
        Next.END,
        "GitHub has blocked the repository: {said}",
        "Its owners were told why by GitHub.",
        why=Cause.REMOVED,
    ),
    Failure.REFUSED: Row(Next.FAIL, Next.FAIL, "GitHub answered {status}: {said}"),
}

MAYBE_TOO_DEAR = frozenset(
    {Failure.TOO_DEAR, Failure.BROKEN_INSIDE, Failure.LATE, Failure.BROKEN}
)
"""What a query meets that asks for too much, and what passes by itself."""

_BY_STATUS = {
    **dict.fromkeys((301, 302, 307, 308), Failure.MOVED),
    400: Failure.MALFORMED,
    401: Failure.UNAUTHORIZED,
    403: Failure.FORBIDDEN,
    404: Failure.NOT_FOUND,
    **dict.fromkeys((408, 425), Failure.BUSY),
    409: Failure.CONFLICT,
    410: Failure.GONE,
    422: Failure.INVALID,
    429: Failure.LIMITED,
    451: Failure.BLOCKED,
}
_SUSPENDED = re.compile(r"\bsuspended\b", re.IGNORECASE)
_ARCHIVED = re.compile(r"\bwas archived\b|\bis archived\b", re.IGNORECASE)
_FULL_THREAD = re.compile(
    r"commenting is (?:disabled|not possible)|more than \d[\d,]* comments",
    re.IGNORECASE,
)
_BROKEN_INSIDE = re.compile(r"^Something went wrong|timeout|timed out", re.IGNORECASE)


def failure_of(status: int, said: str = "") -> Failure:
    """Return the class of an answer by its status and its message.

    A 403 that is a limit is known by its headers as well: see ``budget.is_limited``.
    """
    if status >= 500:
        return Failure.BROKEN_INSIDE
    if status == 403:
        return _refusal(said)
    return _BY_STATUS.get(status, Failure.REFUSED)


def takes_no_comment(said: str) -> bool:
    """Return whether a refusal says that a thread will never take a comment again."""
    return _FULL_THREAD.search(said) is not None


def failure_of_problem(kind: str, said: str) -> Failure:
    """Return the class of a problem that GraphQL reports beside the status 200."""
    match kind:
        case "NOT_FOUND":
            return Failure.NOT_FOUND
        case "FORBIDDEN" | "INSUFFICIENT_SCOPES":
            return _refusal(said)
        case "RESOURCE_LIMITS_EXCEEDED" | "MAX_NODE_LIMIT_EXCEEDED":
            return Failure.TOO_DEAR
        case "SERVICE_UNAVAILABLE" | "INTERNAL":
            return Failure.BROKEN_INSIDE
        case "" if _BROKEN_INSIDE.search(said):
            return Failure.BROKEN_INSIDE
        case _:
            return Failure.ARCHIVED if _ARCHIVED.search(said) else Failure.INVALID


def error_of(
    failure: Failure, *, is_change: bool, said: str = "", status: int = 0
) -> TransientError | PermanentError:
    """Return the error to raise for an answer, with the table's words.

    A limit is none of them: the ledger knows the instant and raises ``RateLimited``.
    """
    row, problem = TABLE[failure], Answered(failure, said, status)
    match row.change if is_change else row.question:
        case Next.LOOK_UP:
            return Uncertain(problem)
        case Next.RETRY | Next.WAIT:
            is_401 = failure is Failure.UNAUTHORIZED
            return Unauthorized(problem) if is_401 else TransientError(problem)
        case Next.FAIL:
            kind = NotFound if failure in _ABSENT else Refused
            return kind(problem, status=status)
        case Next.END:
            assert row.why is not None
            return AppUnavailable(problem, why=row.why)


_ABSENT = (Failure.NOT_FOUND, Failure.GONE)


def _refusal(said: str) -> Failure:
    if _SUSPENDED.search(said):
        return Failure.SUSPENDED
    return Failure.ARCHIVED if _ARCHIVED.search(said) else Failure.FORBIDDEN
