"""The resolver of what is left of the hour's points."""

from typing import Any

from bot.localhub.graphql.values import Info, Resolver, key
from bot.localhub.payloads.shape import Json, optional_timestamp


def _rate_limit(_source: Any, info: Info, _arguments: Any) -> Json:
    context = info.context
    token = context.call.token
    assert token is not None
    window = context.call.hub.limits.window(token.installation.id, "graphql")
    used = window.used + context.cost
    return {
        "limit": window.limit,
        "cost": context.cost,
        "used": used,
        "remaining": max(window.limit - used, 0),
        "resetAt": optional_timestamp(window.reset_at),
        "nodeCount": context.node_count,
    }


RESOLVERS: dict[str, Resolver] = {
    "Query.rateLimit": _rate_limit,
    **{
        f"RateLimit.{name}": key(name)
        for name in ("cost", "limit", "nodeCount", "remaining", "resetAt", "used")
    },
}
