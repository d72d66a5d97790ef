"""Who can be assigned to items of a repository.

People with access to it can, and whoever has taken part in an item can to that one.

https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/assigning-issues-and-pull-requests-to-other-github-users
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.world.questions import Assignable, AssignableTo

_LOGINS = "{ nodes { login } }"
_NEAREST = 20
"""Of those whose name or login is like the one that is looked for."""

_TAKING_PART = (
    f"... on Issue {{ participants(first: 100) {_LOGINS} }}"
    f" ... on PullRequest {{ participants(first: 100) {_LOGINS} }}"
)


@dataclass(slots=True, eq=False)
class AssignablePart:
    """What a query asks for people: see ``bot.github.questions``."""

    question: AssignableTo
    found: set[str] = field(default_factory=set)
    access: list[str] = field(default_factory=list)

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        """Return what to ask of the repository, and the variables."""
        parts = [f"u{place}: assignableUsers(first: 100) {_LOGINS}"]
        variables: dict[str, tuple[str, object]] = {}
        for at, login in enumerate(self.question.logins):
            name = f"u{place}_{at}"
            looked_for = f"assignableUsers(first: {_NEAREST}, query: ${name})"
            parts.append(f"{name}: {looked_for} {_LOGINS}")
            variables[name] = ("String", login)
        for at, number in enumerate(self.question.numbers):
            name = f"i{place}_{at}"
            parts.append(
                f"{name}: issueOrPullRequest(number: ${name}) {{ {_TAKING_PART} }}"
            )
            variables[name] = ("Int!", number)
        return " ".join(parts), variables

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        """Take the answer in; there is never more to ask."""
        self.access = list(_logins(data.get(f"u{place}")))
        self.found.update(self.access)
        for at, _ in enumerate(self.question.logins):
            self.found.update(_logins(data.get(f"u{place}_{at}")))
        for at, _ in enumerate(self.question.numbers):
            item = data.get(f"i{place}_{at}") or {}
            self.found.update(_logins(item.get("participants")))
        return False

    def answer(self) -> Assignable:
        """Return who of those who were asked for can be, and who else."""
        known = {login.casefold() for login in self.found}
        asked = self.question.logins
        able = frozenset(one for one in asked if one.casefold() in known)
        return Assignable(able, tuple(sorted(self.access)))


def _logins(users: Mapping[str, Any] | None) -> Iterable[str]:
    return (str(one["login"]) for one in (users or {}).get("nodes") or () if one)
