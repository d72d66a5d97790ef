"""Makes the database that a release leaves when it is killed in the middle of everything.

``python -m tests.flow.released NAME`` plays a story with the bot of this version and
writes ``fixtures/databases/released/NAME.sql``, and what GitHub had of it as NAME.json.
It is run once for each release; ``tests/flow/test_upgraded.py`` goes on from there.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from bot.localhub.pulls import pull_of
from tests.flow.merging import demand, head, report
from tests.flow.world import REPOSITORY, World, world

FOLDER = Path(__file__).parents[2] / "fixtures" / "databases" / "released"
CONFIGURATION = "labels: {batch: implement}\n"
PARKED = "SELECT count(*) FROM events WHERE kind = 'ItemParked'"
RUNNING = "SELECT count(*) FROM items WHERE state = 'running'"


def open_all(on: World) -> None:
    """Have on GitHub what the story begins with.

    12 runs until the file *go* is there, and 15 waits for it; 18 fails unless the file
    *mended* is there; the pull request 25 waits for a check.
    """
    on.hub.add_label(REPOSITORY, "batch")
    on.configure(CONFIGURATION)
    on.issue(12, f"write a12.txt hello\nwait {on.folder}/go")
    on.issue(15, "write a15.txt hello")
    on.issue(17, "write a17.txt hello")
    on.issue(18, f"write a18.txt hello\nexit 1 unless {on.folder}/mended")
    for number in (20, 21):
        on.issue(number, f"write a{number}.txt hello")
    on.pull_request(25)
    demand(on, "ci")
    report(on, 25, "ci", conclusion=None)


async def play(on: World) -> None:
    """Go on until a batch has ended, one runs, one is parked, one is a plan, and a window
    is open.
    """
    open_all(on)
    await on.finished(on.say("/batch 18", by="linus"))
    on.say("/batch 12 15 after:12 close:16 after:15")
    await on.until(lambda: on.rows(RUNNING) == [(1,)])
    on.say("/batch merge 25", by="grace")
    await on.until(lambda: on.rows(PARKED) == [(1,)])
    on.say("/batch plan 20 21 after:20", by="linus")
    await on.until(lambda: on.comments("plan"))
    on.hub.label("ada", REPOSITORY, 17, "batch")
    await on.hub.webhooks.drain()
    await on.clock.sleep(20)


def dumped(on: World) -> str:
    """Return the database as SQL; what is another one each time has a name instead."""
    path = on.folder / "data" / "batch.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        text = "\n".join(database.iterdump()) + "\n"
    for word, name in names(on).items():
        text = text.replace(word, name)
    return text


def names(on: World) -> dict[str, str]:
    """Return what is another one each time, with the name for it."""
    git = on.repository.git
    return {
        str(on.folder): "{folder}",
        on.hub.html_url: "{hub}",
        head(on, 25): "{head}",
        pull_of(on.thread(25)).base_sha: "{base}",
        git.refs()["refs/heads/main"]: "{main}",
    }


def told(on: World) -> list[list[object]]:
    """Return the comments of all threads: where, their id, by whom, and their text."""
    comments = [
        [thread.number, comment.id, comment.author.login, comment.body]
        for thread in on.repository.threads.values()
        for comment in thread.comments
    ]
    return sorted(comments, key=lambda one: int(str(one[1])))


async def make(name: str) -> None:
    """Play the story, and write what is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as on:
            on.issue(16, "to be closed")
            async with on.bot(BATCH_CONCURRENCY="9"):
                await play(on)
                text, comments = dumped(on), told(on)
                (on.folder / "go").touch()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.sql").write_text(text)
    known = json.dumps(comments, indent=1, ensure_ascii=False)
    known = known.replace(on.hub.html_url, "{hub}")
    (FOLDER / f"{name}.json").write_text(f"{known}\n")


if __name__ == "__main__":
    asyncio.run(make(sys.argv[1]))
