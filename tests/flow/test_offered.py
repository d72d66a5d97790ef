"""What the bot offers to copy is given back to it by the same person, and accepted."""

import re
from collections import Counter
from itertools import cycle

from bot.core.actions.table import ACTIONS
from tests.flow.test_commands import prepare
from tests.flow.world import REPOSITORY, World

WRITTEN = (
    *(
        "colse 12",
        "colse 12 23",
        "close 12 & 99",
        "close 12 (not planned)",
        "close 12 x2",
    ),
    *("label bug 12", "label bugg/ready 12", "label +readdy 63", "label 12 remove bug"),
    *("add ready to 12", "label:bugs", "label:ready,bugg", "close label:'ready'"),
    *(
        "assign 12 grcae",
        "assign @linus, +tess 12",
        "assign oscar 12",
        "assign none 12",
    ),
    *("12 15 aftr:12", "15 then 12", "12 after 12", "12 (dry run)", "12 --dry-run"),
    *(
        "close all",
        "close is:open label:bug sort:x",
        "is:closed",
        "no:labels no:nothing",
    ),
    *("comment 12: hello", "comment 'bye' 12 18", "shut 63", "open 23", "reopen 12"),
    *("rebase 63", "land 63", "marge 64", "mark 63 as draft", "ask ada 63", "reviw 64"),
    *("request linus 64", "set milestone 2.4 on 12", "milestone 2.5 12", "run 12 63"),
    *(
        "stop",
        "stop 12",
        "retry:2 12",
        "go",
        "redo 15",
        "skip 12/15",
        "why is 12 stuck",
    ),
    *("help clos", "status please", "pause all", "sub-issues of 30", "children:30"),
    *(
        "12..15..18",
        "12 to 18 except 15",
        "63..64 merge",
        "12 and close 63",
        "patch 12",
    ),
    *(f"{name}s 12" for name in ACTIONS),
    *(f"{name} 12, 63 99" for name in ACTIONS),
    *(f"12 {name} 63" for name in ACTIONS),
)


async def test_what_is_offered_is_accepted(on: World):
    prepare(on)
    for name in ("bug", "ready"):
        on.hub.add_label(REPOSITORY, name)
        on.hub.label("ada", REPOSITORY, 12, name)
    offers: Counter[str] = Counter()
    async with on.bot():
        for line, who in zip(
            WRITTEN, cycle(("ada", "linus", "ada", "tess")), strict=False
        ):
            text = f"/batch plan {line}"
            if line.split()[0] in (
                "stop",
                "go",
                "skip",
                "help",
                "status",
                "pause",
                "why",
            ):
                text = f"/batch {line}"
            command = on.say(text, by=who, has_labels=False)
            await on.dealt_with()
            if not (offered := offered_behind(on, command)):
                continue
            offers[who] += 1
            copied = on.say(offered, by=who, has_labels=False)
            await on.dealt_with()
            assert "confused" not in on.reactions(copied), (text, offered)
            on.later(minutes=2)
    assert offers["ada"] > 15
    assert offers["linus"] > 3


def offered_behind(on: World, command) -> str:
    """Return what the answer to a command says to copy into a new comment."""
    comments = command.thread.comments
    behind = comments[comments.index(command) + 1 :]
    answers = [c.body for c in behind if c.author is on.hub.app.bot]
    lead = "Copy this into a new comment:|To go ahead with the .* I found:"
    found = [
        match[1]
        for body in answers
        for match in re.finditer(rf"(?:{lead})\n\n```text\n(.*?)\n```", body, re.DOTALL)
    ]
    return found[0] if found else ""
