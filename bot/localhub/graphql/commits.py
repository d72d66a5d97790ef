"""Resolvers of commits, and of what stands on the files of a pull request."""

from collections.abc import Sequence
from typing import Any

from bot.localhub import mergeability, pulls, signing
from bot.localhub.ci import CheckSuite
from bot.localhub.git import CommitInfo
from bot.localhub.graphql.connections import listed
from bot.localhub.graphql.values import Object, Resolver, Signature, key, of
from bot.localhub.payloads.checks import suite_state
from bot.localhub.payloads.shape import Json
from bot.localhub.state import Repository, Thread


def _info(source: Object) -> CommitInfo:
    return source.repository.git.commit(source.sha)


def _signature(source: Object) -> Signature | None:
    found = signing.verification(source.repository.git, source.sha)
    return Signature(bool(found["verified"])) if found["signature"] else None


def _of_pull(source: Thread) -> Sequence[Json]:
    found = pulls.changes(source).commits
    return [{"commit": Object(source.repository, "commit", c.sha)} for c in found]


def _suites(source: Object) -> Sequence[CheckSuite]:
    return [s for s in source.repository.check_suites if s.head_sha == source.sha]


def _conclusion(source: CheckSuite, info: Any, _arguments: Any) -> str | None:
    repositories: Sequence[Repository] = list(
        info.context.call.hub.state.repositories.values()
    )
    home = next(one for one in repositories if source in one.check_suites)
    runs = [run for run in home.check_runs if run.suite is source]
    _, conclusion = suite_state(home, source, runs)
    return conclusion and conclusion.upper()


RESOLVERS: dict[str, Resolver] = {
    "Commit.author": of(lambda s: {"email": _info(s).author_email}),
    "Commit.signature": of(_signature),
    "Commit.parents": listed(
        lambda s: [Object(s.repository, "commit", sha) for sha in _info(s).parents]
    ),
    "Commit.checkSuites": listed(_suites),
    "GitActor.email": key("email"),
    "GpgSignature.isValid": of(lambda s: s.is_valid),
    "GpgSignature.wasSignedByGitHub": of(lambda s: s.is_valid),
    "CheckSuite.conclusion": _conclusion,
    "PullRequest.commits": listed(_of_pull),
    "PullRequestCommit.commit": key("commit"),
    "PullRequest.viewerCanMergeAsAdmin": of(
        lambda s: any(one.app_may_bypass for one in mergeability.rules_of(s))
    ),
}
