"""Accounts."""

from bot.localhub.accounts import User
from bot.localhub.errors import forbidden, invalid, not_found
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes, Who

routes = Routes()

BEGINNING = "2026-01-01T00:00:00Z"


@routes.get("/users/{username}")
def get_user(call: Call) -> Answer:
    """Answer with what everybody may know of an account."""
    user = call.hub.state.user(call.arguments["username"])
    if user is None:
        raise not_found()
    return Answer(_public(call, user))


@routes.get("/user", who=Who.USER)
def get_me(call: Call) -> Answer:
    """Answer with whose token it is, and with no more than everybody may know."""
    assert call.user is not None
    return Answer(_public(call, call.user))


@routes.write("DELETE", "/applications/{client_id}/token", who=Who.CLIENT)
def delete_user_token(call: Call) -> Answer:
    """Make a person's token worthless."""
    if call.arguments["client_id"] != call.hub.app.client_id:
        raise not_found()
    if call.hub.sign_ins.tokens.pop(call.required_text("access_token"), None) is None:
        raise invalid(resource="OauthAccess", field="access_token")
    return Answer(status=204)


@routes.get("/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}", "members")
def check_team(call: Call) -> Answer:
    """Answer with 204 if the team has access; here each has, to its organization's."""
    arguments = call.arguments
    owner, slug = arguments["org"].lower(), arguments["team_slug"].lower()
    is_here = call.repository.owner.login.lower() == owner
    if not is_here or (owner, slug) not in call.hub.state.teams:
        raise not_found()
    return Answer(status=204)


@routes.get("/orgs/{org}/teams/{team_slug}/memberships/{username}", "members")
def get_membership(call: Call) -> Answer:
    """Answer with somebody's membership of a team."""
    if not call.allows("members", "read"):
        raise forbidden()
    arguments = call.arguments
    owner, slug = arguments["org"].lower(), arguments["team_slug"].lower()
    team = call.hub.state.teams.get((owner, slug))
    user = call.hub.state.user(arguments["username"])
    if team is None or user not in team.members:
        raise not_found()
    base = f"{call.hub.api_url}/organizations/{team.id}/team/{team.id}"
    url = f"{base}/memberships/{user.login}"
    return Answer({"state": "active", "role": "member", "url": url})


def _public(call: Call, user: User) -> Json:
    unset = ("name", "company", "location", "email", "hireable", "bio")
    counts = ("public_repos", "public_gists", "followers", "following")
    return {
        **call.hub.payloads.user(user),
        **dict.fromkeys(unset),
        **dict.fromkeys(counts, 0),
        "blog": "",
        "created_at": BEGINNING,
        "updated_at": BEGINNING,
    }
