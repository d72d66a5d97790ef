"""What is said of a frozen base reads as reviewed."""

from datetime import UTC, datetime, timedelta

from bot.core.model import ItemNumber
from bot.core.say.freezes import (
    PassedGate,
    no_branch,
    not_frozen,
    render_frozen,
    render_unfrozen,
)
from bot.core.world.freezes import Freeze, frozen_words
from bot.core.world.markdown import Links
from tests.golden import assert_golden

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
LINKS = Links("acme/widgets", "https://x.test")
BARE = Freeze("main", "ada", NOW - timedelta(hours=2))
FULL = Freeze(
    "release/2.x", "ada", NOW - timedelta(days=1), "2.4 *soon* @all", "https://x.test/9"
)


def test_what_is_said_of_a_frozen_base_reads_as_reviewed():
    said = [
        render_frozen(BARE, is_new=True, now=NOW, marker="", links=LINKS),
        render_frozen(FULL, is_new=True, now=NOW, marker="", links=LINKS),
        render_frozen(FULL, is_new=False, now=NOW, marker="", links=LINKS),
        render_frozen(
            BARE,
            is_new=True,
            now=NOW,
            marker="",
            links=LINKS,
            passed=[
                PassedGate(ItemNumber(61), went_in=True),
                PassedGate(ItemNumber(62), went_in=None),
            ],
        ),
        render_unfrozen(BARE, now=NOW, marker=""),
        render_unfrozen(FULL, now=NOW, marker=""),
        not_frozen("main", []),
        not_frozen("mian", ["main", "release/2.x"]),
        no_branch("mian", "main"),
        no_branch("gone", ""),
        f"waits for {frozen_words(BARE)}",
        f"waits for {frozen_words(FULL)}",
    ]
    assert_golden("freezes", "\n\n".join(one.strip() for one in said))
