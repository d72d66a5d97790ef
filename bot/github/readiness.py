"""How far a pull request is for a review: a draft or not, who is asked for one.

https://docs.github.com/rest/pulls/review-requests
"""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.core.effects import TEAM, ChangeDraft, ChangeReviewers, Receipt
from bot.core.say import notes
from bot.core.say.problems.github import DraftRefused
from bot.errors import NotFound, Refused
from bot.github.client import Connection

_PULL = "/repos/{+repository}/pulls/{number}"

_MARK = """
mutation($id: ID!) {
  %s(input: {pullRequestId: $id}) { pullRequest { isDraft } }
}
"""
_NAMES = {True: "convertPullRequestToDraft", False: "markPullRequestReadyForReview"}


async def change_draft(connection: Connection, intent: ChangeDraft) -> Receipt:
    """Make a draft of a pull request, or end that, unless it is so already.

    REST cannot. Raises ``Refused`` with what is probably missing: of the plan, GitHub
    speaks as of a permission.
    """
    pull = await _read(connection, intent)
    url = str(pull["html_url"])
    if bool(pull.get("draft")) is intent.is_draft:
        return Receipt(id=intent.number, url=url, changed=False)
    name = _NAMES[intent.is_draft]
    try:
        answer = await connection.query(_MARK % name, {"id": pull["node_id"]})
    except NotFound:
        raise
    except Refused as error:
        refused = DraftRefused(str(error), is_draft=intent.is_draft)
        raise Refused(refused, status=error.status) from error
    marked = (answer.get(name) or {}).get("pullRequest") or {}
    is_so = bool(marked.get("isDraft")) is intent.is_draft
    return Receipt(
        id=intent.number,
        url=url,
        note="" if is_so else notes.draft_stayed(is_draft=not intent.is_draft),
        changed=is_so,
    )


async def change_reviewers(connection: Connection, intent: ChangeReviewers) -> Receipt:
    """Ask for reviews and take requests back; of whom GitHub did not is noted."""
    pull = await _read(connection, intent)
    author, asked = str((pull["user"] or {}).get("login", "")), _asked(pull)
    missing = [name for name in intent.add if _folded(name) not in asked]
    surplus = [name for name in intent.remove if _folded(name) in asked]
    said: list[str] = []
    own = [name for name in missing if _folded(name) == _folded(author)]
    if own:
        said.append(notes.own_review(author))
        missing = [name for name in missing if name not in own]
    if missing:
        missing, why = await _ask(connection, intent, missing)
        said += why
    if surplus:
        now = _asked(await _send(connection, "DELETE", intent, surplus))
        if kept := [name for name in surplus if _folded(name) in now]:
            said.append(notes.still_asked(kept))
        surplus = [name for name in surplus if _folded(name) not in now]
    return Receipt(
        id=intent.number,
        url=str(pull["html_url"]),
        note="; ".join(said),
        changed=bool(missing or surplus),
        added=tuple(missing),
        removed=tuple(surplus),
    )


async def _ask(
    connection: Connection, intent: ChangeReviewers, names: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Ask for reviews; return who was asked, and what is to be said of the others.

    Where one cannot be asked GitHub asks nobody, and does not say who that is: then it is
    asked one by one.
    """
    silent: list[str] = []
    outside: list[str] = []
    unseen: list[str] = []
    done: list[str] = []
    groups = [names]
    while groups:
        some = groups.pop(0)
        try:
            now = _asked(await _send(connection, "POST", intent, some))
        except Refused as error:
            if error.status != 422:
                raise
            if len(some) > 1:
                groups += [[name] for name in some]
            else:
                is_unseen = "Could not resolve to a node" in str(error)
                (unseen if is_unseen else outside).extend(some)
            continue
        for name in some:
            (done if _folded(name) in now else silent).append(name)
    said = [
        note(some)
        for note, some in (
            (notes.no_reviewers, outside),
            (notes.unseen_teams, unseen),
            (notes.not_asked, silent),
        )
        if some
    ]
    return done, said


async def _read(connection: Connection, intent: ChangeDraft | ChangeReviewers) -> Any:
    return await connection.get(
        _PULL, repository=intent.repository.name, number=intent.number
    )


async def _send(
    connection: Connection, method: str, intent: ChangeReviewers, names: Sequence[str]
) -> Any:
    teams = [n.removeprefix(TEAM) for n in names if n.startswith(TEAM)]
    data = {
        "reviewers": [name for name in names if not name.startswith(TEAM)],
        "team_reviewers": teams,
    }
    answer = await connection.send(
        method,
        f"{_PULL}/requested_reviewers",
        data,
        repository=intent.repository.name,
        number=intent.number,
    )
    return answer.data


def _asked(pull: Any) -> frozenset[str]:
    """Return who is asked for a review now, as GitHub compares names."""

    def names() -> Iterator[str]:
        for user in pull.get("requested_reviewers") or ():
            yield str(user["login"])
        for team in pull.get("requested_teams") or ():
            yield f"{TEAM}{team['slug']}"

    return frozenset(map(_folded, names()))


def _folded(name: str) -> str:
    return name.casefold()
