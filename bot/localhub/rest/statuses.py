"""Endpoints of commit statuses."""

from bot.localhub.ci import CommitStatus
from bot.localhub.errors import invalid, not_found
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes

routes = Routes()

CONTEXT = "default"


@routes.write("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses")
def create_status(call: Call) -> Answer:
    """Say something of a commit."""
    sha = call.repository.git.resolve(call.arguments["sha"])
    if sha is None:
        message = f"No commit found for SHA: {call.arguments['sha']}"
        raise invalid(resource="Status", field="sha", code="custom", message=message)
    status = call.hub.add_status(
        call.login,
        call.name,
        sha,
        call.text("context") or CONTEXT,
        call.required_text("state"),
        description=call.text("description"),
        target_url=call.text("target_url"),
    )
    return Answer(call.hub.payloads.status(call.repository, status), 201)


@routes.get("/repos/{owner}/{repo}/commits/{ref}/statuses", "statuses")
def list_statuses(call: Call) -> Answer:
    """Answer with all that was said of a commit, newest first."""
    sha = _sha(call)
    found = [s for s in reversed(call.repository.statuses) if s.sha == sha]

    def shape(status: CommitStatus) -> Json:
        return call.hub.payloads.status(call.repository, status)

    return call.page(found, shape)


@routes.get("/repos/{owner}/{repo}/commits/{ref}/status", "statuses", "contents")
def get_combined_status(call: Call) -> Answer:
    """Answer with the newest statuses of a commit and what they come to."""
    return Answer(call.hub.payloads.combined_status(call.repository, _sha(call)))


def _sha(call: Call) -> str:
    sha = call.repository.git.resolve(call.arguments["ref"])
    if sha is None:
        raise not_found()
    return sha
