"""The bot, with a moment at which it dies: ``DIE=before-commit:7 python -m tests.flow.mortal run``.

It kills itself like ``kill -9`` around its seventh commit since the start: before, when
nothing of it is on disk, or after, when nobody has been told yet.
"""

import os
import signal
from collections.abc import Sequence
from itertools import count
from typing import Any

from bot.__main__ import main
from bot.store.connection import Connections


def die_around_commit(side: str, number: int) -> None:
    commits = count(1)
    commit = Connections._commit

    def deadly(self: Connections, jobs: Sequence[Any]) -> list[Any]:
        is_last = bool(jobs) and next(commits) == number
        if is_last and side == "before-commit":
            os.kill(os.getpid(), signal.SIGKILL)
        results = commit(self, jobs)
        if is_last and side == "after-commit":
            os.kill(os.getpid(), signal.SIGKILL)
        return results

    Connections._commit = deadly  # type: ignore[method-assign]  # the point of it


if __name__ == "__main__":
    side, _, number = os.environ["DIE"].partition(":")
    die_around_commit(side, int(number))
    main()
