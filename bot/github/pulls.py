"""Pull requests. https://docs.github.com/rest/pulls/pulls"""

import re
from dataclasses import replace
from typing import Any

from bot.core.effects import ChangeBase, OpenPullRequest, Receipt
from bot.core.say import notes
from bot.core.say.problems.git import NoBranch
from bot.core.say.problems.github import PullRequestRefused
from bot.errors import BranchMissing, Refused
from bot.github.client import Connection

_PULLS = "/repos/{+repository}/pulls"
_PULL = f"{_PULLS}/{{number}}"
_NO_BASE = re.compile(r"\bbase\b.*\binvalid\b", re.IGNORECASE)


async def open_pull_request(connection: Connection, intent: OpenPullRequest) -> Receipt:
    """Open a draft pull request, or a plain one where there are no drafts.

    A pull request of the same branch that is there already counts as opened. Raises
    ``BranchMissing`` if its base is gone.
    """
    try:
        return await _opened(connection, intent, is_draft=True)
    except Refused as error:
        if error.status != 422:
            raise
        message = str(error)
    if "raft pull requests are not supported" in message:
        try:
            return await _opened(connection, intent, is_draft=False)
        except Refused as error:
            if error.status != 422:
                raise
            message = str(error)
    if "already exists" in message:
        found = await find(connection, intent)
        if found is not None:
            return found
    if _NO_BASE.search(message):
        # It went after it was looked at: whoever asked has to look again.
        raise BranchMissing(NoBranch(intent.base_branch, intent.repository.name))
    refused = PullRequestRefused(message, intent.head_branch, intent.base_branch)
    raise Refused(refused, status=422)


async def find(connection: Connection, intent: OpenPullRequest) -> Receipt | None:
    """Return the pull request of the head branch, an open one first, else the newest."""
    owner = intent.repository.name.split("/")[0]
    pulls = await connection.get(
        f"{_PULLS}{{?head,state,per_page}}",
        repository=intent.repository.name,
        head=f"{owner}:{intent.head_branch}",
        state="all",
        per_page=100,
    )
    # GitHub ignores a filter that it cannot read, and then lists everything.
    own = [pull for pull in pulls if pull["head"]["ref"] == intent.head_branch]
    if not own:
        return None
    best = max(own, key=lambda pull: (pull["state"] == "open", pull["number"]))
    return _receipt(best, intent, is_new=False)


async def _opened(
    connection: Connection, intent: OpenPullRequest, *, is_draft: bool
) -> Receipt:
    answer = await connection.send(
        "POST",
        _PULLS,
        {
            "title": intent.title,
            "body": intent.body,
            "head": intent.head_branch,
            "base": intent.base_branch,
            "draft": is_draft,
        },
        repository=intent.repository.name,
    )
    return _receipt(answer.data, intent, is_new=True)


async def change_base(connection: Connection, intent: ChangeBase) -> Receipt:
    """Have an open pull request go to another branch, unless that was done already.

    Raises ``BranchMissing`` if that branch is gone.
    """
    repository, number = intent.repository.name, intent.number
    pull = await connection.get(_PULL, repository=repository, number=number)
    there, is_open = str(pull["base"]["ref"]), pull["state"] == "open"
    receipt = Receipt(id=intent.number, url=str(pull["html_url"]), changed=False)
    if there == intent.base_branch:
        return receipt
    if not is_open or there != intent.from_branch:
        return replace(receipt, note=notes.base_is_not(there, is_closed=not is_open))
    try:
        await connection.send(
            *("PATCH", _PULL, {"base": intent.base_branch}),
            repository=repository,
            number=number,
        )
    except Refused as error:
        if error.status != 422:
            raise
        if _NO_BASE.search(str(error)):
            missing = NoBranch(intent.base_branch, intent.repository.name)
            raise BranchMissing(missing) from error
        return replace(receipt, note=notes.base_kept(error))
    return replace(receipt, changed=True)


def _receipt(pull: Any, intent: OpenPullRequest, *, is_new: bool) -> Receipt:
    """Return the receipt; its ``sha`` is the head that GitHub names: the evidence."""
    sha = str(pull["head"]["sha"])
    return Receipt(
        id=int(pull["number"]),
        url=str(pull["html_url"]),
        sha=sha,
        note=notes.found_otherwise(
            sha,
            intent.head_sha,
            is_merged=bool(pull.get("merged_at")),
            is_closed=pull["state"] != "open",
        ),
        changed=is_new,
    )
