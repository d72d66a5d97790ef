"""What the app asks of whoever installs it, and what for."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of the app. ``purpose`` is Markdown, as the README has it."""

    level: str  # read or write
    purpose: str
    _: KW_ONLY
    is_used: bool = True  # whether this version does something with it
    is_optional: bool = False  # nothing but a few commands is lost without it


PERMISSIONS: Mapping[str, Permission] = {
    "metadata": Permission("read", "every app has it; tells which role a person has"),
    "contents": Permission(
        "write", "`.github/batch.yml` is read, branches of items are pushed"
    ),
    "issues": Permission(
        "write", "comments, reactions, labels, assignees; closing and reopening"
    ),
    "pull_requests": Permission(
        "write", "draft pull requests, and the same actions on pull requests"
    ),
    "checks": Permission(
        "write",
        "a batch's progress and `.github/batch.yml` as checks; what a merge waits for",
        is_optional=True,
    ),
    "statuses": Permission(
        "read", "the statuses that a merge waits for", is_optional=True
    ),
    "actions": Permission(
        "write",
        "workflows that `dispatch` runs; of failed jobs the logs, and running them again",
        is_optional=True,
    ),
    "members": Permission(
        "read",
        "teams that `request` asks for reviews, or that `.github/batch.yml` names, in"
        " organizations",
        is_optional=True,
    ),
}
"""All that the app will need, by GitHub's names.

Asked for once: each later addition needs the consent of every owner.
"""

ORGANIZATIONS_ONLY = frozenset({"members"})
"""Permissions that a person's account cannot grant."""

Needed = tuple[tuple[str, ...], ...]
"""What has to be granted to change something: one permission of each of these."""

_RANKS = {"": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Grants:
    """What an installation grants: the level by permission, as GitHub tells it.

    ``url`` is where an owner grants more.
    """

    levels: Mapping[str, str]
    url: str = ""

    def missing(self, needed: Needed) -> str:
        """Return a permission that would have to be granted; empty if all are."""
        lacking = (some[0] for some in needed if not any(map(self._writes, some)))
        return next(lacking, "")

    def _writes(self, permission: str) -> bool:
        return _has(self.levels, permission, "write")


def lacking(granted: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the permissions in use that *granted* has less of."""
    return tuple(
        name
        for name, permission in PERMISSIONS.items()
        if permission.is_used and not _has(granted, name, permission.level)
    )


def not_granted(granted: Mapping[str, str]) -> tuple[str, ...]:
    """Return the permissions in use that an installation lacks, such as ``issues: write``.

    *granted* has the level by name, as GitHub answers it with a token.
    """
    return tuple(
        f"{name}: {PERMISSIONS[name].level}"
        for name in lacking(granted)
        if not PERMISSIONS[name].is_optional
    )


def _has(granted: Mapping[str, str], name: str, level: str) -> bool:
    return _RANKS.get(granted.get(name, ""), 0) >= _RANKS[level]
