"""Commands that wait for GitHub, and who took them back before they started anything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bot.core.model import Request, Role
from bot.errors import TransientError


class Withdrawals:
    """The commands in hand, by the comment that they were given in."""

    def __init__(self) -> None:
        self._in_hand: dict[str, Request] = {}
        self._by: dict[str, Request] = {}

    @contextmanager
    def in_hand(self, request: Request) -> Iterator[None]:
        """Note that a comment is being dealt with; after a passing fault it still is."""
        self._in_hand.setdefault(request.reply, request)
        try:
            yield
        except TransientError:
            raise
        except BaseException:
            self.end(request)
            raise
        self.end(request)

    def end(self, request: Request) -> None:
        """Note that a comment was dealt with."""
        self._in_hand.pop(request.reply, None)
        self._by.pop(request.reply, None)

    def take_back(self, request: Request, role: Role) -> Sequence[Request]:
        """Withdraw what waits in a request's thread, and return that.

        As with batches, what somebody else asked for takes the role *maintain*.
        """
        login = request.asker.login
        mine = [
            one
            for one in self.before(request)
            if role >= Role.MAINTAIN or one.asker.login == login
        ]
        for one in mine:
            self._by.setdefault(one.reply, request)
        return mine

    def before(self, request: Request) -> Sequence[Request]:
        """Return what is in hand in a request's thread besides itself."""
        here = request.repository.id, request.thread
        return [
            one
            for one in self._in_hand.values()
            if (one.repository.id, one.thread) == here and one.reply != request.reply
        ]

    def by(self, request: Request) -> Request | None:
        """Return the request that took a command back, if one did."""
        return self._by.get(request.reply)
