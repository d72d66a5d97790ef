"""Who somebody is at GitHub, as GitHub itself says it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account. The id stays theirs; the login may become somebody else's."""

    id: int
    login: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What ties a sign-in to the browser that began it: see RFC 7636."""

    state: str
    verifier: str


class SignIns(Protocol):
    """Has GitHub say who sits at a browser."""

    def address(self, proof: Proof, *, callback: str) -> str:
        """Return where GitHub asks the person; it sends the browser to *callback*."""

    async def account(self, code: str, proof: Proof, *, callback: str) -> Account:
        """Return whose browser came back with *code*; nothing is kept of the person's.

        Raises ``TransientError`` and ``Refused``.
        """
