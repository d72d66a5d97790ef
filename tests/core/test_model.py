"""Requests are called the same for ever: batches and answers are found by it."""

from dataclasses import replace

import pytest

from bot.core.model import (
    Asker,
    Box,
    Comment,
    CommentKind,
    InstallationId,
    ItemNumber,
    Repository,
    Request,
    batch_of,
    source_of,
)

REQUEST = Request(
    repository=Repository(1, "acme/widgets", InstallationId(7)),
    thread=ItemNumber(40),
    thread_is_pull_request=False,
    asker=Asker("ada", "https://github.com/acme/widgets/issues/40#issuecomment-991"),
    origin=Comment(991, CommentKind.ISSUE),
)


@pytest.mark.parametrize(
    ("origin", "part", "source", "reply"),
    [
        (REQUEST.origin, 0, "issue_comment:991.0", "issue_comment:991"),
        (REQUEST.origin, 1, "issue_comment:991.1", "issue_comment:991.1"),
        (REQUEST.origin, 10, "issue_comment:991.10", "issue_comment:991.10"),
        (Comment(5, CommentKind.REVIEW, "N"), 0, "review:5.0", "review:5"),
        (
            Comment(6, CommentKind.REVIEW_COMMENT),
            0,
            "review_comment:6.0",
            "review_comment:6",
        ),
        (Box(992, "retry", "0a1b"), 0, "box:992:retry:0a1b.0", "box:992:retry:0a1b"),
    ],
)
def test_a_request_and_its_answers_have_names(origin, part, source, reply):
    request = replace(REQUEST, origin=origin, part=part)
    assert (request.source, request.reply) == (source, reply)
    assert source_of(reply) == source


@pytest.mark.parametrize(
    ("branch", "number", "batch"),
    [
        ("batch/b7k2/15", 15, "b7k2"),
        ("batch/b7k2/15-fix-2", 15, "b7k2"),
        ("batch/b7k2/15-fix-2", 2, None),
        ("batch/b7k2/api-15", 15, "b7k2"),
        ("batch/b7k2/2048-15", 15, "b7k2"),
        ("batch/b7k2/115", 15, None),
        ("batch/b7k2", 15, None),
        ("topic/b7k2/15", 15, None),
    ],
)
def test_a_branch_tells_whose_work_on_what_it_holds(branch, number, batch):
    assert batch_of(branch, ItemNumber(number)) == batch
