"""Labels, assignees, milestone and state of issues and pull requests.

https://docs.github.com/rest/issues
"""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

from bot.core.effects import (
    ChangeAssignees,
    ChangeLabels,
    ChangeMilestone,
    ChangeState,
    Receipt,
)
from bot.core.model import ItemNumber, Repository
from bot.core.say import notes
from bot.core.say.problems.github import NoMilestone
from bot.errors import NotFound, Refused
from bot.github.client import Connection
from bot.github.known import KnownLabels

_ISSUE = "/repos/{+repository}/issues/{number}"
_PULL = "/repos/{+repository}/pulls/{number}"


async def change_labels(
    connection: Connection, intent: ChangeLabels, *, known: KnownLabels
) -> Receipt:
    """Add the labels that are missing and take off those that are there.

    What is *known* of the item saves the look before, unless it leaves nothing to do:
    that is looked up, for it may have changed since.
    """
    repository, number = intent.repository, intent.number
    labelled = known.of(repository, number)
    if labelled is None or not any(_difference(intent, labelled.labels)):
        issue = await _read(connection, _ISSUE, repository, number)
        labels, url = (
            [str(label["name"]) for label in issue["labels"]],
            issue["html_url"],
        )
    else:
        labels, url = list(labelled.labels), labelled.url
    missing, surplus = _difference(intent, labels)
    known.forget(repository, number)
    note = ""
    if missing:
        # All of them: what is there already stays, and may have gone in the meantime.
        answer = await connection.send(
            "POST",
            f"{_ISSUE}/labels",
            {"labels": list(intent.add)},
            repository=repository.name,
            number=number,
        )
        now = {_folded(str(label["name"])) for label in answer.data}
        dropped = [name for name in missing if _folded(name) not in now]
        missing = [name for name in missing if _folded(name) in now]
        note = notes.not_labelled(dropped) if dropped else ""
    removed: list[str] = []
    for name in surplus:
        try:
            await connection.send(
                "DELETE",
                f"{_ISSUE}/labels/{{name}}",
                repository=repository.name,
                number=number,
                name=name,
            )
            removed.append(name)
        except NotFound:
            # Somebody else took it off in the meantime, or GitHub hides why it does not.
            issue = await _read(connection, _ISSUE, repository, number)
            if _folded(name) in {_folded(label["name"]) for label in issue["labels"]}:
                raise
    return Receipt(
        id=number,
        url=str(url),
        note=note,
        changed=bool(missing or removed),
        added=tuple(missing),
        removed=tuple(removed),
    )


def _difference(
    intent: ChangeLabels, labels: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Return the labels that are missing, and those to take off, as they are written."""
    present = {_folded(name): name for name in labels}
    missing = [name for name in intent.add if _folded(name) not in present]
    surplus = [present[n] for name in intent.remove if (n := _folded(name)) in present]
    return missing, surplus


async def change_assignees(connection: Connection, intent: ChangeAssignees) -> Receipt:
    """Assign and unassign people; those of whom GitHub did not are noted."""
    issue = await _read(connection, _ISSUE, intent.repository, intent.number)
    assigned = _logins(issue)
    missing = [login for login in intent.add if _folded(login) not in assigned]
    surplus = [login for login in intent.remove if _folded(login) in assigned]
    said: list[str] = []
    if missing:
        # GitHub answers 201 and drops people who cannot be assigned.
        now = _logins(await _assign(connection, "POST", intent, missing))
        if dropped := [login for login in missing if _folded(login) not in now]:
            said.append(notes.not_assigned(dropped))
        missing = [login for login in missing if _folded(login) in now]
    if surplus:
        now = _logins(await _assign(connection, "DELETE", intent, surplus))
        if kept := [login for login in surplus if _folded(login) in now]:
            said.append(notes.not_unassigned(kept))
        surplus = [login for login in surplus if _folded(login) not in now]
    return Receipt(
        id=intent.number,
        url=str(issue["html_url"]),
        note="; ".join(said),
        changed=bool(missing or surplus),
        added=tuple(missing),
        removed=tuple(surplus),
    )


async def change_state(connection: Connection, intent: ChangeState) -> Receipt:
    """Close or reopen, unless it is so already."""
    path = _PULL if intent.is_pull_request else _ISSUE
    item = await _read(connection, path, intent.repository, intent.number)
    data = {"state": "open" if intent.is_open else "closed"}
    if intent.reason and not intent.is_open and not intent.is_pull_request:
        data["state_reason"] = intent.reason
    is_so = all(item.get(key) == value for key, value in data.items())
    note = ""
    if not is_so:
        answer = await connection.send(
            "PATCH", path, data, repository=intent.repository.name, number=intent.number
        )
        reason = data.get("state_reason")
        if reason and answer.data.get("state_reason") != reason:
            note = notes.without_reason()
    url = str(item["html_url"])
    # How it was: open, or closed, and why if GitHub says that.
    before = (str(item["state"]), str(item.get("state_reason") or ""))
    was = ("open",) if before[0] == "open" else tuple(filter(None, before))
    return Receipt(
        id=intent.number,
        url=url,
        note=note,
        changed=not is_so,
        added=(),
        removed=() if is_so else was,
    )


async def change_milestone(connection: Connection, intent: ChangeMilestone) -> Receipt:
    """Set the milestone or take it off, unless it is so already; GitHub may leave it.

    Raises ``Refused`` if the repository has none of that title any more.
    """
    issue = await _read(connection, _ISSUE, intent.repository, intent.number)
    before, wanted = _milestone(issue), intent.title
    url = str(issue["html_url"])
    if _folded(before) == _folded(wanted):
        return Receipt(id=intent.number, url=url, changed=False)
    if intent.only_from is not None and _folded(before) != _folded(intent.only_from):
        return Receipt(id=intent.number, url=url, changed=False, left=before)
    number = await _numbered(connection, intent.repository, wanted) if wanted else None
    answer = await connection.send(
        "PATCH",
        _ISSUE,
        {"milestone": number},
        repository=intent.repository.name,
        number=intent.number,
    )
    after = _milestone(answer.data)
    is_so = _folded(after) == _folded(wanted)
    return Receipt(
        id=intent.number,
        url=url,
        note="" if is_so else notes.milestone_stayed(after),
        changed=is_so,
        added=(after,) if is_so and after else (),
        removed=(before,) if is_so and before else (),
    )


async def _numbered(connection: Connection, repository: Repository, title: str) -> int:
    """Return the number of the milestone of that title, as it is written if there are
    several.
    """
    pages = connection.pages(
        "/repos/{+repository}/milestones{?state,per_page}",
        repository=repository.name,
        state="all",
        per_page=100,
    )
    alike: list[int] = []
    async with aclosing(pages):
        async for milestone in pages:
            number = int(milestone["number"])
            if milestone["title"] == title:
                return number
            if _folded(str(milestone["title"])) == _folded(title):
                alike.append(number)
    if alike:
        return alike[0]
    raise Refused(NoMilestone(title), status=422)


def _milestone(issue: Any) -> str:
    return str((issue["milestone"] or {}).get("title", ""))


async def _read(
    connection: Connection, path: str, repository: Repository, number: ItemNumber
) -> Any:
    return await connection.get(path, repository=repository.name, number=number)


async def _assign(
    connection: Connection, method: str, intent: ChangeAssignees, logins: list[str]
) -> Any:
    answer = await connection.send(
        method,
        f"{_ISSUE}/assignees",
        {"assignees": logins},
        repository=intent.repository.name,
        number=intent.number,
    )
    return answer.data


def _folded(name: str) -> str:
    """Return a label or login as GitHub compares it: without regard to case."""
    return name.casefold()


def _logins(issue: Any) -> frozenset[str]:
    return frozenset(_folded(user["login"]) for user in issue["assignees"])
