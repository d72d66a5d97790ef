"""Endpoints of the app itself: installations, tokens, deliveries, limits."""

import json

from bot.localhub.accounts import Installation
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.limits import reset_seconds
from bot.localhub.payloads.shape import Json, timestamp
from bot.localhub.rest.routing import Answer, Call, Routes, Who, unprocessable
from bot.localhub.state import Repository
from bot.localhub.webhooks import HookDelivery

routes = Routes()

LARGEST_PAGE = 100


@routes.get("/app", who=Who.APP)
def get_app(call: Call) -> Answer:
    """Answer with the app."""
    return Answer(call.hub.payloads.integration())


@routes.write("POST", "/app-manifests/{code}/conversions", who=Who.ANYBODY)
def convert_manifest(call: Call) -> Answer:
    """Answer with the app that a manifest made, and once with its secrets."""
    made = call.hub.registrations.convert(call.arguments["code"])
    secrets: Json = {
        "client_id": call.hub.app.client_id,
        "client_secret": made.client_secret,
        "webhook_secret": call.hub.app.webhook_secret,
        "pem": made.private_key,
    }
    return Answer({**call.hub.payloads.integration(), **secrets}, 201)


@routes.get("/app/installations", who=Who.APP)
def list_installations(call: Call) -> Answer:
    """Answer with the app's installations."""
    installations = list(call.hub.state.installations.values())
    return call.page(installations, call.hub.payloads.installation)


@routes.get("/app/installations/{installation_id}", who=Who.APP)
def get_installation(call: Call) -> Answer:
    """Answer with one installation."""
    return Answer(call.hub.payloads.installation(_installation(call)))


@routes.get("/repos/{owner}/{repo}/installation", who=Who.APP)
def get_repository_installation(call: Call) -> Answer:
    """Answer with the installation that covers a repository."""
    installation = call.hub.state.installation_of(call.repository)
    if installation is None:
        raise not_found()
    return Answer(call.hub.payloads.installation(installation))


@routes.write("POST", "/app/installations/{installation_id}/access_tokens", who=Who.APP)
def create_token(call: Call) -> Answer:
    """Answer with a new token, for all that the installation has or for a part."""
    installation = _installation(call)
    if installation.suspended_at is not None:
        raise GitHubError(403, "This installation has been suspended")
    chosen = _chosen_repositories(call, installation)
    permissions = _chosen_permissions(call, installation)
    token = call.hub.new_token(
        installation,
        permissions=permissions,
        repository_ids=None if chosen is None else {r.id for r in chosen},
    )
    payloads = call.hub.payloads
    body: Json = {
        "token": token.value,
        "expires_at": timestamp(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": payloads.selection(installation),
    }
    if chosen is not None:
        body["repository_selection"] = "selected"
        body["repositories"] = [payloads.minimal_repository(r) for r in chosen]
    return Answer(body, 201)


@routes.get("/installation/repositories")
def list_repositories(call: Call) -> Answer:
    """Answer with the repositories that the token may see."""
    assert call.token is not None
    ids = call.token.repository_ids
    found = call.hub.covered(call.token.installation)
    visible = [r for r in found if ids is None or r.id in ids]
    return call.page(visible, call.hub.payloads.minimal_repository, key="repositories")


@routes.write("DELETE", "/installation/token")
def revoke_token(call: Call) -> Answer:
    """Make the token worthless."""
    assert call.token is not None
    del call.hub.tokens[call.token.value]
    return Answer(status=204)


@routes.get("/app/hook/config", who=Who.APP)
def get_hook_config(call: Call) -> Answer:
    """Answer with how the app's webhook is set; of a secret, that there is one."""
    webhooks = call.hub.webhooks
    config: Json = {"content_type": "json", "insecure_ssl": "0"}
    if webhooks.url:
        config["url"] = webhooks.url
    if webhooks.secret:
        config["secret"] = "********"  # as GitHub writes it  # noqa: S105
    return Answer(config)


@routes.get("/app/hook/deliveries", who=Who.APP)
def list_deliveries(call: Call) -> Answer:
    """Answer with past deliveries, newest first, page by cursor."""
    size = min(int(call.query.get("per_page", "30")), LARGEST_PAGE)
    before = int(call.query.get("cursor", "v1_0").removeprefix("v1_")) or None
    wanted = call.query.get("status")
    tried = [
        delivery
        for delivery in reversed(call.hub.webhooks.deliveries)
        if delivery.status_code
        and (before is None or delivery.id < before)
        and wanted in (None, "success" if _succeeded(delivery) else "failure")
    ]
    shown = tried[:size]
    next_ = {"next": {"cursor": f"v1_{shown[-1].id}"}} if len(tried) > size else {}
    return Answer([_delivery_item(d) for d in shown], headers=call.links(next_))


@routes.get("/app/hook/deliveries/{delivery_id}", who=Who.APP)
def get_delivery(call: Call) -> Answer:
    """Answer with a delivery and its payload."""
    delivery = _delivery(call)
    return Answer(
        _delivery_item(delivery)
        | {
            "url": call.hub.webhooks.url or "",
            "request": {
                "headers": delivery.request_headers,
                "payload": json.loads(delivery.payload),
            },
            "response": {
                "headers": delivery.response_headers,
                "payload": delivery.response_body,
            },
        }
    )


@routes.write("POST", "/app/hook/deliveries/{delivery_id}/attempts", who=Who.APP)
def redeliver(call: Call) -> Answer:
    """Send a delivery again."""
    call.hub.webhooks.redeliver(_delivery(call))
    return Answer({}, 202)


@routes.get("/rate_limit")
def get_rate_limit(call: Call) -> Answer:
    """Answer with what is left, at no cost."""
    assert call.token is not None
    client = call.token.installation.id
    limits = call.hub.limits
    resources = {}
    for resource in ("core", "search", "graphql"):
        window = limits.window(client, resource)
        resources[resource] = {
            "limit": window.limit,
            "used": window.used,
            "remaining": window.remaining,
            "reset": reset_seconds(window),
        }
    body = {"resources": resources, "rate": resources["core"]}
    return Answer(body, points=0)


@routes.get("/meta", who=Who.ANYBODY)
def get_meta(call: Call) -> Answer:
    """Answer with what this server is."""
    host = call.hub.html_url.split("//")[-1]
    return Answer(
        {
            "verifiable_password_authentication": False,
            "domains": {"website": [host]},
        }
    )


def _installation(call: Call) -> Installation:
    found = call.hub.state.installations.get(call.number("installation_id"))
    if found is None:
        raise not_found()
    return found


def _chosen_repositories(
    call: Call, installation: Installation
) -> list[Repository] | None:
    names, ids = call.texts("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    chosen = [
        repository
        for repository in call.hub.covered(installation)
        if repository.name in (names or []) or repository.id in (ids or [])
    ]
    if len(chosen) < len(names or []) + len(ids or []):
        message = (
            "There is at least one repository that does not exist or is not accessible "
            "to the parent installation."
        )
        raise unprocessable(message)
    return chosen


def _chosen_permissions(call: Call, installation: Installation) -> dict[str, str]:
    wanted = call.body.get("permissions")
    if not wanted:
        return dict(installation.permissions)
    for name, level in wanted.items():
        have = installation.permissions.get(name)
        if have is None or (level == "write" and have != "write"):
            message = "The permissions requested are not granted to this installation."
            raise unprocessable(message)
    return {"metadata": "read", **wanted}


def _delivery(call: Call) -> HookDelivery:
    found = call.hub.webhooks.find(call.number("delivery_id"))
    if found is None:
        raise not_found()
    return found


def _succeeded(delivery: HookDelivery) -> bool:
    return 200 <= delivery.status_code < 300


def _delivery_item(delivery: HookDelivery) -> Json:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": timestamp(delivery.delivered_at),
        "redelivery": delivery.is_redelivery,
        "duration": delivery.duration,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }
