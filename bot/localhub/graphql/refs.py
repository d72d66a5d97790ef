"""Resolvers of branches: where they stand, and what is demanded of them."""

from typing import Any

from bot.localhub import signing
from bot.localhub.errors import forbidden
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.values import Info, Object, Ref, Resolver, call_of, key, of
from bot.localhub.payloads.shape import Json
from bot.localhub.rules import BranchRules
from bot.localhub.state import Repository

HEADS = "refs/heads/"


def ref_of(source: Repository, name: str) -> Ref | None:
    """Return a ref by its full name."""
    sha = source.git.refs("refs/").get(name)
    return None if sha is None else Ref(source, name, sha)


def branch_of(source: Repository, name: str) -> Ref | None:
    """Return a branch."""
    return ref_of(source, HEADS + name)


def _classic(source: Ref) -> BranchRules | None:
    rules = source.repository.rules_of(source.name.removeprefix(HEADS))
    return next((one for one in rules if one.is_classic), None)


def _update_rule(source: Ref, _info: Any, _arguments: Any) -> Json | None:
    """Return what classic protection asks of whoever looks; rulesets are not in it."""
    repository = source.repository
    signed = repository.signs_by_protection and signing.is_held(
        repository.signed_branches, source.name
    )
    rules = _classic(source) or (BranchRules(is_classic=True) if signed else None)
    if rules is None:
        return None
    return {
        "allowsDeletions": False,
        "allowsForcePushes": not rules.blocks_force_pushes,
        "blocksCreations": False,
        "pattern": source.name.removeprefix(HEADS),
        "requiredApprovingReviewCount": rules.approvals,
        "requiredStatusCheckContexts": [check.context for check in rules.checks],
        "requiresCodeOwnerReviews": False,
        "requiresConversationResolution": rules.resolves_conversations,
        "requiresLinearHistory": rules.is_linear,
        "requiresSignatures": signed,
        "viewerAllowedToDismissReviews": False,
        "viewerCanPush": not rules.approvals,
    }


def _protection(source: Ref, info: Info, _arguments: Any) -> Json | None:
    """Return classic protection, to those who administer the repository."""
    rules = _classic(source)
    if rules is None:
        return None
    if not call_of(info).allows("administration", "read"):
        raise QueryError(forbidden().message, "FORBIDDEN")
    return {
        "pattern": source.name.removeprefix(HEADS),
        "requiredStatusCheckContexts": [check.context for check in rules.checks],
        "requiresStrictStatusChecks": rules.is_strict,
    }


def _compare(source: Ref, _info: Any, arguments: dict[str, Any]) -> Json | None:
    git = source.repository.git
    head = git.resolve(arguments["headRef"])
    if head is None:
        return None
    ahead, behind = git.ahead_behind(source.sha, head)
    words = {(0, 0): "IDENTICAL", (1, 0): "AHEAD", (0, 1): "BEHIND", (1, 1): "DIVERGED"}
    status = words[int(ahead > 0), int(behind > 0)]
    return {"aheadBy": ahead, "behindBy": behind, "status": status}


RULE_FIELDS = (
    "allowsDeletions",
    "allowsForcePushes",
    "blocksCreations",
    "pattern",
    "requiredApprovingReviewCount",
    "requiredStatusCheckContexts",
    "requiresCodeOwnerReviews",
    "requiresConversationResolution",
    "requiresLinearHistory",
    "requiresSignatures",
    "viewerAllowedToDismissReviews",
    "viewerCanPush",
)
PROTECTION_FIELDS = (
    "pattern",
    "requiredStatusCheckContexts",
    "requiresStrictStatusChecks",
)

RESOLVERS: dict[str, Resolver] = {
    "Ref.name": of(lambda s: s.name.split("/", 2)[2]),
    "Ref.prefix": of(lambda s: "/".join(s.name.split("/", 2)[:2]) + "/"),
    "Ref.target": of(lambda s: Object(s.repository, "commit", s.sha)),
    "Ref.refUpdateRule": _update_rule,
    "Ref.branchProtectionRule": _protection,
    "Ref.compare": _compare,
    **{f"RefUpdateRule.{name}": key(name) for name in RULE_FIELDS},
    **{f"BranchProtectionRule.{name}": key(name) for name in PROTECTION_FIELDS},
    **{f"Comparison.{name}": key(name) for name in ("aheadBy", "behindBy", "status")},
}
