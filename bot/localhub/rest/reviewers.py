"""Endpoints of review requests."""

from bot.localhub import pulls
from bot.localhub.errors import invalid
from bot.localhub.rest.pulls import PULL
from bot.localhub.rest.routing import Answer, Call, Routes

routes = Routes()


@routes.get(f"{PULL}/requested_reviewers", "pull_requests")
def list_requested_reviewers(call: Call) -> Answer:
    """Answer with who is asked for a review."""
    pull, payloads = pulls.pull_of(call.pull), call.hub.payloads
    return Answer(
        {
            "users": [payloads.user(user) for user in pull.requested_reviewers],
            "teams": [payloads.team(team) for team in pull.requested_teams],
        }
    )


@routes.write("POST", f"{PULL}/requested_reviewers", "pull_requests")
def request_reviewers(call: Call) -> Answer:
    """Ask for reviews."""
    call.hub.request_review(
        call.login,
        call.name,
        call.pull.number,
        reviewers=call.texts("reviewers") or [],
        teams=call.texts("team_reviewers") or [],
        # A team is seen by who may read the organization's members.
        sees_teams=call.token is not None and call.token.allows("members", "read"),
    )
    return Answer(call.hub.payloads.simple_pull(call.pull), 201)


@routes.write("DELETE", f"{PULL}/requested_reviewers", "pull_requests")
def remove_requested_reviewers(call: Call) -> Answer:
    """Take review requests back."""
    if call.texts("reviewers") is None:
        raise invalid(resource="Request", field="reviewers", code="missing_field")
    call.hub.remove_review_request(
        call.login,
        call.name,
        call.pull.number,
        reviewers=call.texts("reviewers") or [],
        teams=call.texts("team_reviewers") or [],
    )
    return Answer(call.hub.payloads.simple_pull(call.pull))
