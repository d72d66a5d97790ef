"""Labels, assignees and the state of issues and pull requests.

https://docs.github.com/rest/issues
"""

from collections.abc import Iterable
from typing import Any

from bot.core.effects import ChangeAssignees, ChangeLabels, ChangeState, Receipt
from bot.core.model import ItemNumber, Repository
from bot.core.say import notes
from bot.errors import NotFound
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
    is_changed = bool(missing)
    if missing:
        # All of them: what is there already stays, and may have gone in the meantime.
        await connection.send(
            "POST",
            f"{_ISSUE}/labels",
            {"labels": list(intent.add)},
            repository=repository.name,
            number=number,
        )
    for name in surplus:
        try:
            await connection.send(
                "DELETE",
                f"{_ISSUE}/labels/{{name}}",
                repository=repository.name,
                number=number,
                name=name,
            )
            is_changed = True
        except NotFound:
            continue  # somebody else took it off in the meantime
    return Receipt(id=number, url=str(url), changed=is_changed)


def _difference(
    intent: ChangeLabels, labels: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Return the labels that are missing, and those to take off, as they are written."""
    present = {_folded(name): name for name in labels}
    missing = [name for name in intent.add if _folded(name) not in present]
    surplus = [present[n] for name in intent.remove if (n := _folded(name)) in present]
    return missing, surplus


async def change_assignees(connection: Connection, intent: ChangeAssignees) -> Receipt:
    """Assign and unassign people; those whom GitHub did not take are noted."""
    issue = await _read(connection, _ISSUE, intent.repository, intent.number)
    assigned = _logins(issue)
    missing = [login for login in intent.add if _folded(login) not in assigned]
    surplus = [login for login in intent.remove if _folded(login) in assigned]
    note = ""
    is_changed = False
    if missing:
        # GitHub answers 201 and drops people who cannot be assigned.
        taken = _logins(await _assign(connection, "POST", intent, missing))
        dropped = [login for login in missing if _folded(login) not in taken]
        is_changed = len(dropped) < len(missing)
        if dropped:
            note = notes.not_assigned(dropped)
    if surplus:
        await _assign(connection, "DELETE", intent, surplus)
        is_changed = True
    return Receipt(
        id=intent.number, url=str(issue["html_url"]), note=note, changed=is_changed
    )


async def change_state(connection: Connection, intent: ChangeState) -> Receipt:
    """Close or reopen, unless it is so already."""
    path = _PULL if intent.is_pull_request else _ISSUE
    item = await _read(connection, path, intent.repository, intent.number)
    data = {"state": "open" if intent.is_open else "closed"}
    if intent.reason and not intent.is_open and not intent.is_pull_request:
        data["state_reason"] = intent.reason
    is_so = all(item.get(key) == value for key, value in data.items())
    if not is_so:
        await connection.send(
            "PATCH", path, data, repository=intent.repository.name, number=intent.number
        )
    return Receipt(id=intent.number, url=str(item["html_url"]), changed=not is_so)


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
