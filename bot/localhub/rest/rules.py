"""Endpoints of what branches demand: rules of rulesets, and classic protection."""

from collections.abc import Iterator

from bot.localhub import signing
from bot.localhub.errors import GitHubError
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes
from bot.localhub.rules import BranchRules, QueueRule

routes = Routes()

PROTECTION = "/repos/{owner}/{repo}/branches/{branch}/protection"


@routes.get("/repos/{owner}/{repo}/rules/branches/{branch}", "metadata")
def list_rules(call: Call) -> Answer:
    """Answer with the rules for a branch that stand in rulesets."""
    repository, branch = call.repository, call.arguments["branch"]
    source = {
        "ruleset_source_type": "Repository",
        "ruleset_source": repository.full_name,
    }
    found: list[Json] = [
        rule | source | {"ruleset_id": repository.id + number}
        for number, rules in enumerate(repository.rules_of(branch), 1)
        if not rules.is_classic
        for rule in _rules(rules)
    ]
    is_signed = signing.is_held(repository.signed_branches, f"refs/heads/{branch}")
    if is_signed and not repository.signs_by_protection:
        rule = {"type": "required_signatures", "ruleset_id": repository.id}
        found.append(rule | source)
    return call.page(found, dict)


@routes.get(PROTECTION, "administration")
def get_protection(call: Call) -> Answer:
    """Answer with the classic protection of a branch, to those who administer it."""
    rules = _classic(call)
    url = f"{call.hub.payloads.repository_url(call.repository)}/branches"
    shape: Json = {"url": f"{url}/{call.arguments['branch']}/protection"}
    if rules.checks:
        shape["required_status_checks"] = _classic_checks(call, rules)
    return Answer(shape)


@routes.get(f"{PROTECTION}/required_status_checks", "administration")
def get_required_checks(call: Call) -> Answer:
    """Answer with the checks of classic protection, to those who administer it."""
    rules = _classic(call)
    if not rules.checks:
        raise GitHubError(404, "Required status checks not enabled")
    return Answer(_classic_checks(call, rules))


def _classic(call: Call) -> BranchRules:
    found = call.repository.rules_of(call.arguments["branch"])
    for rules in found:
        if rules.is_classic:
            return rules
    raise GitHubError(404, "Branch not protected")


def _classic_checks(call: Call, rules: BranchRules) -> Json:
    branches = f"{call.hub.payloads.repository_url(call.repository)}/branches"
    url = f"{branches}/{call.arguments['branch']}/protection/required_status_checks"
    return {
        "url": url,
        "strict": rules.is_strict,
        "contexts": [check.context for check in rules.checks],
        "contexts_url": f"{url}/contexts",
        "checks": [
            {"context": check.context, "app_id": check.integration_id}
            for check in rules.checks
        ],
    }


def _rules(rules: BranchRules) -> Iterator[Json]:
    """Yield the rules of one ruleset as the API names them."""
    if rules.approvals is not None:
        parameters = {
            "required_approving_review_count": rules.approvals,
            "dismiss_stale_reviews_on_push": rules.dismisses_stale_reviews,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_review_thread_resolution": rules.resolves_conversations,
            "allowed_merge_methods": list(rules.merge_methods),
        }
        yield {"type": "pull_request", "parameters": parameters}
    if rules.checks or rules.is_strict:
        yield {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [
                    {"context": check.context}
                    | (
                        {"integration_id": check.integration_id}
                        if check.integration_id
                        else {}
                    )
                    for check in rules.checks
                ],
                "strict_required_status_checks_policy": rules.is_strict,
                "do_not_enforce_on_create": False,
            },
        }
    if rules.queue is not None:
        yield {"type": "merge_queue", "parameters": _queue(rules.queue)}
    if rules.blocks_force_pushes:
        yield {"type": "non_fast_forward"}
    if rules.is_linear:
        yield {"type": "required_linear_history"}
    if rules.deployments:
        parameters = {"required_deployment_environments": list(rules.deployments)}
        yield {"type": "required_deployments", "parameters": parameters}
    if rules.workflows:
        files = [{"path": path, "repository_id": 1} for path in rules.workflows]
        parameters = {"do_not_enforce_on_create": False, "workflows": files}
        yield {"type": "workflows", "parameters": parameters}


def _queue(rule: QueueRule) -> Json:
    return {
        "check_response_timeout_minutes": rule.check_minutes,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": rule.most_to_build,
        "max_entries_to_merge": 5,
        "merge_method": rule.merge_method.upper(),
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 0,
    }
