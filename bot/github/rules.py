"""What the rules of a branch demand, as everybody who reads the repository may know.

https://docs.github.com/rest/repos/rules#get-rules-for-a-branch
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cachetools import TTLCache

from bot.core.model import Repository
from bot.core.world.pulls import BaseRules, MergeMethod
from bot.errors import Refused
from bot.github.client import Client
from bot.ports.clock import Clock

RULES_SECONDS = 300.0

_RULES = "/repos/{+repository}/rules/branches/{branch}{?per_page}"
_PROTECTION = """
query($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $ref) { refUpdateRule { requiresSignatures } }
  }
}
"""

Rule = Mapping[str, Any]


class BranchRules:
    """The rules of branches, asked for once in some minutes."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._known: TTLCache[tuple[int, str], Sequence[Rule]] = TTLCache(
            1_000, RULES_SECONDS, timer=clock.monotonic
        )
        self._signed: TTLCache[tuple[int, str], bool] = TTLCache(
            1_000, RULES_SECONDS, timer=clock.monotonic
        )

    async def of(self, repository: Repository, branch: str) -> Sequence[Rule]:
        """Return the rules of a branch; none where they are not to be read."""
        key = (repository.id, branch)
        if key not in self._known:
            connection = self._client.installation(repository.installation_id)
            variables: dict[str, str | int] = {"branch": branch, "per_page": 100}
            try:
                rules = await connection.get(
                    _RULES, repository=repository.name, **variables
                )
            except Refused:
                rules = []  # a server without rulesets, or they are not to be read
            self._known[key] = rules
        return self._known[key]

    async def want_signatures(self, repository: Repository, branch: str) -> bool:
        """Return whether a rule wants verified signatures on a branch, or protects it so."""
        rules = await self.of(repository, branch)
        if any(rule["type"] == "required_signatures" for rule in rules):
            return True
        key = (repository.id, branch)
        if key not in self._signed:
            self._signed[key] = await self._is_protected(repository, branch)
        return self._signed[key]

    async def _is_protected(self, repository: Repository, branch: str) -> bool:
        """Return whether classic protection wants them: no rule of a ruleset tells."""
        connection = self._client.installation(repository.installation_id)
        owner, _, name = repository.name.partition("/")
        ref = f"refs/heads/{branch}"
        variables = {"owner": owner, "name": name, "ref": ref}
        try:
            data = await connection.query(_PROTECTION, variables)
        except Refused:
            return False  # where it holds for what is pushed, the push tells
        found = (data.get("repository") or {}).get("ref") or {}
        return bool((found.get("refUpdateRule") or {}).get("requiresSignatures"))


def with_rulesets(known: BaseRules, rules: Sequence[Rule]) -> BaseRules:
    """Return what is demanded in all: of what GraphQL told, and of rulesets."""
    for rule in rules:
        given = rule.get("parameters") or {}
        match rule["type"]:
            case "required_status_checks":
                names = (str(one["context"]) for one in given["required_status_checks"])
                known = replace(
                    known,
                    checks=tuple(dict.fromkeys((*known.checks, *names))),
                    is_strict=known.is_strict
                    or bool(given["strict_required_status_checks_policy"]),
                )
            case "pull_request":
                known = _with_reviews(known, given)
            case "merge_queue":
                known = replace(known, has_queue=True)
            case "required_linear_history":
                known = _allowing(known, (MergeMethod.SQUASH, MergeMethod.REBASE))
            case _:
                pass  # what else there is, GitHub tells when it refuses
    return known


def _with_reviews(known: BaseRules, given: Mapping[str, Any]) -> BaseRules:
    count = int(given["required_approving_review_count"])
    resolved = bool(given["required_review_thread_resolution"])
    known = replace(
        known,
        approvals=max(known.approvals, count),
        wants_code_owners=known.wants_code_owners
        or bool(given["require_code_owner_review"]),
        wants_conversations_resolved=known.wants_conversations_resolved or resolved,
    )
    allowed = given.get("allowed_merge_methods")
    return _allowing(known, map(MergeMethod, allowed)) if allowed else known


def _allowing(known: BaseRules, methods: Any) -> BaseRules:
    allowed = frozenset(methods)
    return replace(known, methods=tuple(m for m in known.methods if m in allowed))
