"""What people do with the pull requests that other work builds on."""

from bot.localhub import pulls
from bot.localhub.state import Thread
from tests.flow.world import REPOSITORY, World


def head_of(on: World, item: int) -> str:
    return pulls.pull_of(on.pull_requests()[item]).head_ref


def is_at_work(on: World) -> bool:
    """Return whether the command of #15 waits for its file."""
    attempts = on.folder / "data" / "host" / "attempts"
    return any(attempts.glob("*-15-*/tmp/parked"))


def merge(on: World, item: int, method: str = "squash") -> None:
    """Merge the pull request of an item."""
    number = on.pull_requests()[item].number
    on.hub.set_draft("ada", REPOSITORY, number, is_draft=False)
    on.hub.merge("ada", REPOSITORY, number, method=method)


def delete_branch(on: World, item: int) -> None:
    on.hub.set_ref("ada", REPOSITORY, f"refs/heads/{head_of(on, item)}", None)


def changed(thread: Thread) -> list[str]:
    return [file.path for file in pulls.changes(thread).files]
