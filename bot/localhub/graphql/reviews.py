"""Reviews and conversations on lines: folded, resolved. REST can do neither."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from bot.localhub.graphql.changes import Named, done, named, require
from bot.localhub.graphql.connections import listed
from bot.localhub.graphql.values import Info, Object, Resolver, call_of, key, of
from bot.localhub.pulls import pull_of
from bot.localhub.state import Comment, Review, ReviewComment, Thread


def _threads(source: Thread) -> Sequence[ReviewComment]:
    """Return the conversations: each is known by its first comment."""
    return [c for c in pull_of(source).review_comments if c.in_reply_to is None]


def _comments(source: ReviewComment) -> Sequence[ReviewComment]:
    found = pull_of(source.thread).review_comments
    return [c for c in found if c is source or c.in_reply_to == source.id]


def _minimize(_source: Any, info: Info, arguments: dict[str, Any]) -> Any:
    call, given = call_of(info), arguments["input"]
    subject = named(call, given["subjectId"], _subjects)
    require(call, "pull_requests")
    # GitHub says it in another way than it is told.
    subject.minimized_as = given["classifier"].lower().replace("_", "-")
    return {**given, "minimizedComment": subject}


def _resolve(_source: Any, info: Info, arguments: dict[str, Any]) -> Any:
    call, given = call_of(info), arguments["input"]
    first = named(call, given["threadId"], _conversations)
    # The permission that GitHub wants for it is not documented: that to write code.
    require(call, "pull_requests", "contents")
    name = first.thread.repository.full_name
    done(partial(call.hub.resolve_conversation, call.login, name, first.id))
    return {**given, "thread": first}


def _subjects(thread: Thread) -> Named[Comment | Review | ReviewComment]:
    yield from ((f"IC_{one.id}", one) for one in thread.comments)
    if thread.pull is not None:
        yield from ((f"PRR_{one.id}", one) for one in thread.pull.reviews)
        yield from ((f"PRRC_{one.id}", one) for one in thread.pull.review_comments)


def _conversations(thread: Thread) -> Named[ReviewComment]:
    if thread.pull is not None:
        yield from ((f"PRRT_{one.id}", one) for one in _threads(thread))


RESOLVERS: dict[str, Resolver] = {
    "PullRequest.reviewThreads": listed(_threads),
    "PullRequestReviewThread.id": of(lambda s: f"PRRT_{s.id}"),
    "PullRequestReviewThread.isResolved": of(lambda s: s.is_resolved),
    "PullRequestReviewThread.comments": listed(_comments),
    "PullRequestReviewComment.pullRequestReview": of(lambda s: s.review),
    "PullRequestReview.commit": of(
        lambda s: Object(s.thread.repository, "commit", s.commit_id)
    ),
    "Mutation.minimizeComment": _minimize,
    "MinimizeCommentPayload.clientMutationId": key("clientMutationId"),
    "MinimizeCommentPayload.minimizedComment": key("minimizedComment"),
    **{
        f"{name}.{field}": resolver
        for name in ("IssueComment", "PullRequestReview", "PullRequestReviewComment")
        for field, resolver in (
            ("isMinimized", of(lambda s: bool(s.minimized_as))),
            ("minimizedReason", of(lambda s: s.minimized_as or None)),
        )
    },
    "Mutation.resolveReviewThread": _resolve,
    "ResolveReviewThreadPayload.clientMutationId": key("clientMutationId"),
    "ResolveReviewThreadPayload.thread": key("thread"),
}
