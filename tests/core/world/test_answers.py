"""The table of answers: each class, for a question and for a change."""

import pytest

from bot.core.world.answers import (
    TABLE,
    Answered,
    Failure,
    First,
    Next,
    error_of,
    failure_of,
    failure_of_problem,
    takes_no_comment,
)
from bot.errors import (
    AppUnavailable,
    NotFound,
    Refused,
    TransientError,
    Unauthorized,
    Uncertain,
)

F, N = Failure, Next
SUSPENDED = "This installation has been suspended"
ARCHIVED = "Repository was archived so is read-only."
FORBIDDEN = "Resource not accessible by integration"


@pytest.mark.parametrize(
    ("status", "said", "failure", "question", "change"),
    [
        (301, "", F.MOVED, N.FAIL, N.FAIL),
        (307, "", F.MOVED, N.FAIL, N.FAIL),
        (400, "Problems parsing JSON", F.MALFORMED, N.FAIL, N.FAIL),
        (401, "Bad credentials", F.UNAUTHORIZED, N.RETRY, N.RETRY),
        (403, FORBIDDEN, F.FORBIDDEN, N.FAIL, N.FAIL),
        (403, SUSPENDED, F.SUSPENDED, N.END, N.END),
        (403, ARCHIVED, F.ARCHIVED, N.END, N.END),
        (404, "Not Found", F.NOT_FOUND, N.FAIL, N.FAIL),
        (405, "Not allowed", F.REFUSED, N.FAIL, N.FAIL),
        (408, "", F.BUSY, N.RETRY, N.RETRY),
        (409, "Conflict", F.CONFLICT, N.FAIL, N.FAIL),
        (410, "This issue was deleted", F.GONE, N.FAIL, N.FAIL),
        (422, "Validation Failed", F.INVALID, N.FAIL, N.FAIL),
        (429, "slow down", F.LIMITED, N.WAIT, N.WAIT),
        (451, "Blocked by DMCA", F.BLOCKED, N.END, N.END),
        (500, "", F.BROKEN_INSIDE, N.RETRY, N.LOOK_UP),
        (502, "", F.BROKEN_INSIDE, N.RETRY, N.LOOK_UP),
        (503, "", F.BROKEN_INSIDE, N.RETRY, N.LOOK_UP),
        (504, "", F.BROKEN_INSIDE, N.RETRY, N.LOOK_UP),
        (599, "", F.BROKEN_INSIDE, N.RETRY, N.LOOK_UP),
    ],
)
def test_a_status_has_its_row(status, said, failure, question, change):
    assert failure_of(status, said) is failure
    assert (TABLE[failure].question, TABLE[failure].change) == (question, change)


@pytest.mark.parametrize(
    ("failure", "question", "change"),
    [
        (F.UNREACHABLE, N.RETRY, N.RETRY),
        (F.TOO_DEAR, N.RETRY, N.LOOK_UP),
        (F.BROKEN, N.RETRY, N.LOOK_UP),
        (F.LATE, N.RETRY, N.LOOK_UP),
        (F.UNREADABLE, N.RETRY, N.LOOK_UP),
    ],
)
def test_a_change_that_may_have_happened_is_looked_up(failure, question, change):
    assert (TABLE[failure].question, TABLE[failure].change) == (question, change)


@pytest.mark.parametrize(
    ("kind", "said", "failure"),
    [
        ("NOT_FOUND", "Could not resolve to an Issue", F.NOT_FOUND),
        ("FORBIDDEN", FORBIDDEN, F.FORBIDDEN),
        ("FORBIDDEN", SUSPENDED, F.SUSPENDED),
        ("INSUFFICIENT_SCOPES", "needs more", F.FORBIDDEN),
        ("UNPROCESSABLE", ARCHIVED, F.ARCHIVED),
        ("UNPROCESSABLE", "is not valid", F.INVALID),
        ("RESOURCE_LIMITS_EXCEEDED", "Resource limits exceeded", F.TOO_DEAR),
        ("SERVICE_UNAVAILABLE", "later", F.BROKEN_INSIDE),
        ("", "Something went wrong while executing your query", F.BROKEN_INSIDE),
        ("", "Field 'x' doesn't exist on type 'Issue'", F.INVALID),
    ],
)
def test_a_problem_of_graphql_has_its_row(kind, said, failure):
    assert failure_of_problem(kind, said) is failure


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Commenting is disabled on issues with more than 2500 comments", True),
        ("commenting is not possible on this thread", True),
        ("Unable to create comment because issue is locked.", False),
        (FORBIDDEN, False),
    ],
)
def test_a_thread_that_will_never_take_a_comment_is_known(said, expected):
    assert takes_no_comment(said) is expected


def test_every_class_has_a_row_with_words_that_people_can_read():
    assert set(TABLE) == set(Failure)
    for failure in Failure:
        text = str(Answered(failure, "why not", 418))
        assert "{" not in text
        assert failure_of_its_own(text)
        is_over = Next.END in (TABLE[failure].question, TABLE[failure].change)
        assert (TABLE[failure].why is not None) is is_over


def failure_of_its_own(text: str) -> bool:
    return "why not" in text or (text.startswith("GitHub") and text.endswith("."))


KINDS = {
    Next.RETRY: TransientError,
    Next.LOOK_UP: Uncertain,
    Next.WAIT: TransientError,
    Next.FAIL: Refused,
    Next.END: AppUnavailable,
}


@pytest.mark.parametrize("is_change", [False, True])
@pytest.mark.parametrize("failure", Failure)
def test_what_follows_is_the_kind_of_error(failure: Failure, is_change: bool):
    row = TABLE[failure]
    wanted = row.change if is_change else row.question
    error = error_of(failure, is_change=is_change, said="so it is", status=418)
    absent = (Failure.NOT_FOUND, Failure.GONE)
    kind = {F.UNAUTHORIZED: Unauthorized}.get(failure, KINDS[wanted])
    assert type(error) is (NotFound if failure in absent else kind)
    assert error.problem == Answered(failure, "so it is", 418)


def test_only_what_was_never_done_is_sent_again_by_itself():
    for row in TABLE.values():
        if row.first in (First.REPEAT, First.HALVE):
            assert row.question is Next.RETRY


def test_words_of_github_are_cut():
    assert str(Answered(Failure.INVALID, "no such user")) == "no such user"
    assert len(str(Answered(Failure.FORBIDDEN, "x" * 10_000))) == 300
    assert str(Answered(Failure.FORBIDDEN)) == "no reason given"
