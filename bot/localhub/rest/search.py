"""The search for issues and pull requests."""

import re

from bot.localhub.errors import GitHubError, invalid
from bot.localhub.rest.routing import Answer, Call, Routes
from bot.localhub.state import Repository, Thread

routes = Routes()

TERM = re.compile(r'(-?)(?:([A-Za-z]+):)?("(?:[^"\\]|\\.)*"|\S+)')
LARGEST_RESULT = 1000


@routes.get("/search/issues", resource="search")
def search_issues(call: Call) -> Answer:
    """Answer with what fits the query, newest first."""
    query = call.query.get("q", "").strip()
    if not query:
        raise invalid(resource="Search", field="q", code="missing")
    terms = [
        (match[1] == "-", (match[2] or "").lower(), _unquoted(match[3]))
        for match in TERM.finditer(query)
    ]
    wanted = {value.lower() for _, key, value in terms if key == "repo"}
    found = [
        thread
        for repository in _visible(call, wanted)
        for thread in repository.visible_threads()
        if all(fits(thread, key, value) != negated for negated, key, value in terms)
    ]
    found.sort(key=lambda t: (t.created_at, t.number), reverse=True)
    if call.query.get("order") == "asc":
        found.reverse()
    page = call.page(found[:LARGEST_RESULT], call.hub.payloads.search_item, key="items")
    extra = {"incomplete_results": False, "search_type": "lexical"}
    return Answer({**page.body, "total_count": len(found), **extra}, 200, page.headers)


def fits(thread: Thread, key: str, value: str) -> bool:
    """Return whether a thread fits one term of a query; raises 422 for unknown keys."""
    lowered = value.lower()
    pull = thread.pull
    match key, lowered:
        case "", _:
            return lowered in f"{thread.title}\n{thread.body}".lower()
        case "repo", _:
            return thread.repository.full_name.lower() == lowered
        case (("user" | "org"), _):
            return thread.repository.owner.login.lower() == lowered
        case (("is" | "state"), ("open" | "closed")):
            return thread.state == lowered
        case (("is" | "type"), ("issue" | "pr")):
            return (pull is not None) == (lowered == "pr")
        case "is", "merged":
            return pull is not None and pull.is_merged
        case ("is", "unmerged") | ("draft", "false"):
            return pull is not None and not (
                pull.is_merged if key == "is" else pull.is_draft
            )
        case ("is", "draft") | ("draft", "true"):
            return pull is not None and pull.is_draft
        case "is", "locked":
            return thread.is_locked
        case "label", _:
            wanted = {_unquoted(name).lower() for name in value.split(",")}
            return not wanted.isdisjoint(label.name.lower() for label in thread.labels)
        case "author", _:
            return lowered in (
                thread.author.login.lower(),
                f"app/{thread.author.login.removesuffix('[bot]').lower()}",
            )
        case "assignee", _:
            return lowered in (user.login.lower() for user in thread.assignees)
        case "milestone", _:
            milestone = thread.milestone
            return milestone is not None and milestone.title.lower() == lowered
        case "no", ("label" | "assignee" | "milestone"):
            have = {
                "label": thread.labels,
                "assignee": thread.assignees,
                "milestone": thread.milestone,
            }
            return not have[lowered]
        case "head", _:
            return pull is not None and pull.head_ref == value
        case "base", _:
            return pull is not None and pull.base_ref == value
        case _:
            raise GitHubError(422, f"The hub's search does not know {key}:{value}.")


def _visible(call: Call, wanted: set[str]) -> list[Repository]:
    """Return the repositories to search; raises 422 for a name that cannot be seen."""
    assert call.token is not None
    covered = call.hub.covered(call.token.installation)
    visible = [
        repository
        for repository in call.hub.state.repositories.values()
        if repository in covered or not repository.is_private
    ]
    names = {repository.full_name.lower() for repository in visible}
    if not wanted <= names:
        message = (
            "The listed users and repositories cannot be searched either because the "
            "resources do not exist or you do not have permission to view them."
        )
        raise invalid(resource="Search", field="q", message=message)
    return visible


def _unquoted(text: str) -> str:
    return text.strip('"').replace('\\"', '"')
