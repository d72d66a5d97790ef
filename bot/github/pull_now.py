"""A pull request as it is now, read with many others in one GraphQL query.

https://docs.github.com/graphql/reference/objects#pullrequest
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.model import ItemNumber
from bot.core.world.pulls import (
    BaseRules,
    HeadCommit,
    MergeMethod,
    MergeState,
    PullRequest,
    PullRequestNow,
    QueueEntry,
    ReviewDecision,
)
from bot.core.world.questions import Check, PullState
from bot.github.app import App
from bot.github.checks import checks, contexts, unapproved
from bot.github.older import Asked

OPTIONAL = frozenset(
    {
        "refUpdateRule",
        "mergeQueueEntry",
        "mergedBy",
        "viewerCanMergeAsAdmin",
        "latestOpinionatedReviews",
        "reviewThreads",
        "workflowRun",
        "timelineItems",
    }
)
"""What is lost alone where the app may not see it."""

_COMMITS = 10
"""So many commits at a time tell whether the last ones are the bot's own updates."""

_QUEUED = "AddedToMergeQueueEvent"


def _pull_fields(has: Asked, before: str) -> str:
    return f"""
      number url id state isDraft headRefOid headRefName baseRefName baseRefOid
      isCrossRepository maintainerCanModify mergeable {has["mergeStateStatus"]}
      {has["viewerCanMergeAsAdmin"]} {has["reviewDecision"]}
      mergedBy {{ __typename login }} mergeCommit {{ oid }}
      {has["queue"]}
      baseRef {{ target {{ oid }} {has["refUpdateRule"]} }}
      {has["latestOpinionatedReviews"]}
      reviewThreads(first: 100) {{ nodes {{ isResolved }} }}
      commits(last: {_COMMITS}, before: {before}) {{
        pageInfo {{ hasPreviousPage startCursor }}
        nodes {{
          commit {{
            oid author {{ email }} signature {{ isValid wasSignedByGitHub }}
            parents(first: 3) {{ nodes {{ oid }} }}
          }}
        }}
      }}
    """


def _head_fields(has: Asked, *, after: str, number: str) -> str:
    suites = f"nodes {{ conclusion {has['workflowRun']} }}"
    rollup = contexts(after=after, is_required=_is_required(has, number), is_whole=True)
    return f"""
      heads: commits(last: 1) {{
        nodes {{
          commit {{
            checkSuites(first: 50) {{ {suites} }}
            statusCheckRollup {{ {rollup} }}
          }}
        }}
      }}
    """


def _is_required(has: Asked, number: str) -> str:
    asked = has["isRequired"]
    return asked % number if asked else ""


def _repository_fields(has: Asked) -> str:
    allowed = "mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed"
    return f"{allowed} {has['viewerDefaultMergeMethod']}"


_MERGED = "states: [MERGED], first: 20, orderBy: {field: CREATED_AT, direction: DESC}"
_ALLOWED = {
    "mergeCommitAllowed": MergeMethod.MERGE,
    "squashMergeAllowed": MergeMethod.SQUASH,
    "rebaseMergeAllowed": MergeMethod.REBASE,
}


@dataclass(slots=True, eq=False)
class PullPart:
    """What a query asks for one pull request: see ``bot.github.questions``."""

    question: PullRequestNow
    app: App
    has: Asked
    found: PullRequest | None = None
    checks: list[Check] = field(default_factory=list)
    cursor: str | None = None
    has_checks: bool = False  # all of them
    commits: list[HeadCommit] = field(default_factory=list)
    before: str | None = None
    has_commits: bool = False  # all that are needed

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        """Return what to ask of the repository, and the variables."""
        head = _head_fields(self.has, after=f"$a{place}", number=f"$i{place}")
        asked = _repository_fields(self.has)
        asked += f" q{place}: pullRequest(number: $i{place}) {{"
        asked += f" {_pull_fields(self.has, f'$b{place}')} {head} }}"
        variables: dict[str, tuple[str, object]] = {
            f"i{place}": ("Int!", self.question.number),
            f"a{place}": ("String", self.cursor),
            f"b{place}": ("String", self.before),
        }
        if self.question.stacked_on:
            asked += (
                f" s{place}: pullRequests(headRefName: $s{place}, {_MERGED})"
                " { nodes { baseRefName isCrossRepository } }"
            )
            variables[f"s{place}"] = ("String!", self.question.stacked_on)
        return asked, variables

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        """Take an answer in; return whether there is more to ask for."""
        pull = data.get(f"q{place}")
        if pull is None:
            return False
        if self.found is not None and self.found.head_sha != pull["headRefOid"]:
            self._begin_again()  # what was read so far is of another head
            return True
        self._take_checks(_head(pull))
        self._take_commits(pull["commits"])
        # Forks have branches of the same name.
        merged = _nodes(data.get(f"s{place}"))
        below = [one for one in merged if not one["isCrossRepository"]]
        self.found = _pull(
            pull,
            self.app,
            checks=tuple(self.checks),
            commits=tuple(self.commits),
            methods=_methods(data),
            merged_below=str(below[0]["baseRefName"]) if below else "",
        )
        return not (self.has_checks and self.has_commits)

    def _take_checks(self, head: Mapping[str, Any]) -> None:
        if self.has_checks:
            return
        page = (head.get("statusCheckRollup") or {}).get("contexts") or {}
        self.checks += checks(page.get("nodes") or (), self.app.id)
        info = page.get("pageInfo") or {}
        self.cursor = info.get("endCursor")
        self.has_checks = not info.get("hasNextPage")

    def _take_commits(self, page: Mapping[str, Any]) -> None:
        """Take the last commits, and those before while all of them are the bot's own."""
        if self.has_commits:
            return
        some = [_commit(one["commit"], self.app) for one in _nodes(page) if one]
        self.commits = [*some, *self.commits]
        info = page["pageInfo"]
        self.before = info["startCursor"]
        is_more_own = bool(some) and all(one.by_app for one in some)
        self.has_commits = not (is_more_own and info["hasPreviousPage"])

    def _begin_again(self) -> None:
        self.found, self.checks, self.commits = None, [], []
        self.cursor = self.before = None
        self.has_checks = self.has_commits = False

    def answer(self) -> PullRequest | None:
        """Return the pull request, None if GitHub does not have it."""
        return self.found


def _pull(node: Mapping[str, Any], app: App, **known: Any) -> PullRequest:
    base = node["baseRef"] or {}
    events = [one for one in _nodes(node.get("timelineItems")) if one]
    last = events[-1] if events else {"__typename": _QUEUED}
    left: Mapping[str, Any] = {} if last["__typename"] == _QUEUED else last
    merger = node["mergedBy"] or {}
    is_from_fork = bool(node["isCrossRepository"])
    return PullRequest(
        number=ItemNumber(node["number"]),
        url=str(node["url"]),
        node_id=str(node["id"]),
        state=PullState(node["state"].lower()),
        head_sha=str(node["headRefOid"]),
        head_branch=str(node["headRefName"]),
        base_branch=str(node["baseRefName"]),
        # ``baseRefOid`` stays where the base was at the last push to the head.
        base_sha=str((base.get("target") or {}).get("oid") or node["baseRefOid"]),
        is_draft=bool(node["isDraft"]),
        is_from_fork=is_from_fork,
        may_be_pushed_to=not is_from_fork or bool(node["maintainerCanModify"]),
        merge_state=_merge_state(node),
        # Who is not told whether it could must not try what GitHub calls blocked.
        may_bypass=bool(node.get("viewerCanMergeAsAdmin", "mergeStateStatus" in node)),
        review=_review(node.get("reviewDecision")),
        objectors=tuple(
            str((one["author"] or {}).get("login") or "ghost")
            for one in _nodes(node.get("latestOpinionatedReviews"))
            if one["state"] == "CHANGES_REQUESTED"
        ),
        open_conversations=sum(
            not one["isResolved"] for one in _nodes(node["reviewThreads"])
        ),
        unapproved=tuple(unapproved(_nodes(_head(node).get("checkSuites")))),
        rules=_rules(base.get("refUpdateRule") or {}, node),
        queue=_entry(node.get("mergeQueueEntry"), app),
        left_queue_because=str(left.get("reason") or "") if left else "",
        left_queue_at=datetime.fromisoformat(left["createdAt"]) if left else None,
        is_taken_out_by_app=is_app(left.get("actor") or {}, app),
        merged_sha=str((node["mergeCommit"] or {}).get("oid") or ""),
        merged_by=str(merger.get("login") or ""),
        is_merged_by_app=is_app(merger, app),
        **known,
    )


def _entry(node: Mapping[str, Any] | None, app: App) -> QueueEntry | None:
    if node is None:
        return None
    return QueueEntry(
        int(node["position"]),
        str(node["state"]).lower(),
        datetime.fromisoformat(node["enqueuedAt"]),
        by_app=is_app(node["enqueuer"] or {}, app),
    )


def _head(pull: Mapping[str, Any]) -> Mapping[str, Any]:
    nodes = _nodes(pull["heads"])
    return nodes[0]["commit"] if nodes else {}


def _commit(node: Mapping[str, Any], app: App) -> HeadCommit:
    return HeadCommit(
        str(node["oid"]),
        tuple(str(parent["oid"]) for parent in _nodes(node["parents"])),
        by_app=_is_made_for(app, node),
    )


def _is_made_for(app: App, node: Mapping[str, Any]) -> bool:
    """Return whether GitHub made a commit for the app: nobody else can say so.

    Whoever pushes writes any author and committer; GitHub's signature cannot be written.
    What GitHub makes and signs for a person has an address of that person, and no
    account of a person has brackets in its name.
    """
    signature = node["signature"] or {}
    if not (signature.get("isValid") and signature.get("wasSignedByGitHub")):
        return False
    address = str((node["author"] or {}).get("email") or "")
    return address.partition("+")[2].startswith(f"{app.login}@users.noreply.")


def _rules(rule: Mapping[str, Any], node: Mapping[str, Any]) -> BaseRules:
    named = rule.get("requiredStatusCheckContexts") or ()
    return BaseRules(
        checks=tuple(str(name) for name in named if name),
        approvals=int(rule.get("requiredApprovingReviewCount") or 0),
        wants_code_owners=bool(rule.get("requiresCodeOwnerReviews")),
        wants_conversations_resolved=bool(rule.get("requiresConversationResolution")),
        has_queue=bool(node.get("isMergeQueueEnabled")),
    )


def _methods(repository: Mapping[str, Any]) -> tuple[MergeMethod, ...]:
    """Return the methods that the repository allows, its own choice first."""
    preferred = str(repository.get("viewerDefaultMergeMethod")).lower()
    allowed = [method for name, method in _ALLOWED.items() if repository[name]]
    return tuple(sorted(allowed, key=lambda method: method != preferred))


def _merge_state(node: Mapping[str, Any]) -> MergeState:
    known = str(node.get("mergeStateStatus") or "").lower()
    if not known:  # an older server: nothing but whether there are conflicts
        return _MERGEABLE.get(str(node["mergeable"]), MergeState.UNKNOWN)
    # A draft is told by a field of its own; what is new to this version is waited for.
    return MergeState(known) if known in _MERGE_STATES else MergeState.UNKNOWN


def _review(word: str | None) -> ReviewDecision:
    known = (word or "").lower()
    # A decision that is new to this version lets nothing through.
    return ReviewDecision(known) if known in _DECISIONS else ReviewDecision.REQUIRED


_MERGEABLE = {"MERGEABLE": MergeState.UNTOLD, "CONFLICTING": MergeState.DIRTY}
_MERGE_STATES = frozenset(map(str, MergeState))
_DECISIONS = frozenset(map(str, ReviewDecision))


def is_app(actor: Mapping[str, Any], app: App) -> bool:
    """Return whether GraphQL means the app: it leaves ``[bot]`` out of its name, which a
    person may have.
    """
    name = str(actor.get("login") or "").removesuffix("[bot]")
    own = app.login.removesuffix("[bot]")
    return actor.get("__typename") == "Bot" and name == own


def _nodes(connection: Mapping[str, Any] | None) -> Sequence[Any]:
    return (connection or {}).get("nodes") or ()
