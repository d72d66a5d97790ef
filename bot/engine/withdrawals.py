"""Commands that wait for GitHub, and who took them back before they started anything."""

from collections.abc import Sequence

from bot.core.model import Request, Role


class Withdrawals:
    """The commands in hand, by the comment that they were given in."""

    def __init__(self) -> None:
        self._in_hand: dict[str, Request] = {}
        self._by: dict[str, str] = {}

    def begin(self, request: Request) -> None:
        """Note that a comment is being dealt with, until ``end``."""
        self._in_hand.setdefault(request.reply, request)

    def end(self, request: Request) -> None:
        """Note that a comment was dealt with."""
        self._in_hand.pop(request.reply, None)
        self._by.pop(request.reply, None)

    def take_back(self, request: Request, role: Role) -> int:
        """Withdraw what waits in a request's thread; return how many there are.

        As with batches, what somebody else asked for takes the role *maintain*.
        """
        login = request.asker.login
        mine = [
            one
            for one in self.before(request)
            if role >= Role.MAINTAIN or one.asker.login == login
        ]
        for one in mine:
            self._by.setdefault(one.reply, login)
        return len(mine)

    def before(self, request: Request) -> Sequence[Request]:
        """Return what is in hand in a request's thread besides itself."""
        here = request.repository.id, request.thread
        return [
            one
            for one in self._in_hand.values()
            if (one.repository.id, one.thread) == here and one.reply != request.reply
        ]

    def by(self, request: Request) -> str:
        """Return who took a command back; nothing if nobody did."""
        return self._by.get(request.reply, "")
