"""What operators read of the parts of the bot."""

from datetime import UTC, datetime

import pytest

from bot.core.model import BatchId
from bot.core.say import findings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            findings.database_works(2_100_000, 8_250_000_000),
            "the database has 3 MB, its disk 8.2 GB left",
        ),
        (
            findings.pool_works(2, 6),
            "the pool has 2 machines for 6 commands at a time",
        ),
        (findings.pool_is_empty(), "the pool has no machine"),
        (
            findings.pool_has_others({"old", "foreign"}, "batch-bot 0.3.0"),
            "nothing runs on foreign and old of the pool",
        ),
        (
            findings.pool_cannot_run("train", {"gpu"}),
            "no machine of the pool with gpu runs train",
        ),
        (
            findings.pool_cannot_run("implement", ()),
            "no machine of the pool runs implement",
        ),
        (
            findings.tokens_are_given("bot.example.com:8788"),
            "machines of the pool get tokens at bot.example.com:8788",
        ),
        (
            findings.tokens_port_is_taken("bot.example.com:8788"),
            "machines of the pool get no tokens at bot.example.com:8788: what listens"
            " there is not this bot",
        ),
        (
            findings.disk_is_nearly_full(400_000_000),
            "the disk of the database has 0.4 GB left",
        ),
        (
            findings.out_of_reach(answers=True, since=NOON, requests=3),
            "GitHub answers with errors since 12:00:00 UTC (3 requests in a row)",
        ),
        (
            findings.clock_is_off(-61.4),
            "this machine's clock is 61 s behind GitHub's",
        ),
        (
            findings.lost_end(1, NOON, {}),
            "the database has lost a delivery since 2026-03-01 12:00 UTC",
        ),
        (
            findings.lost_end(7, NOON, {BatchId("b7k2"): "https://x.test/1"}),
            "the database has lost 7 deliveries since 2026-03-01 12:00 UTC; b7k2"
            " (https://x.test/1) is said to run, and nobody knows of it",
        ),
        (
            findings.not_told({BatchId("b7k2"): "acme/widgets#40"}),
            "cannot say how they ended: b7k2 in acme/widgets#40",
        ),
        (
            findings.held(1, NOON),
            "GitHub wants nothing of 1 installation until 12:00:00 UTC",
        ),
        (
            findings.held(3, NOON),
            "GitHub wants nothing of 3 installations until 12:00:00 UTC",
        ),
        (
            findings.not_granted("issues: write", [7]),
            "issues: write is not granted by installation 7",
        ),
        (
            findings.not_granted("issues: write", [1, 2, 3, 4]),
            "issues: write is not granted by installations 1, 2, 3 …",
        ),
        (
            findings.isolated("bubblewrap", ["network off"]),
            "commands run isolated by bubblewrap (network off)",
        ),
        (
            findings.isolated("none", ["commands can read all that the bot can"]),
            "commands are not isolated: commands can read all that the bot can",
        ),
        (
            findings.programs_work({"review": "/bin/check", "implement": "fix.sh"}),
            "implement (fix.sh), review (/bin/check)",
        ),
        (findings.programs_work({}), "none is set up to run on this machine"),
        (
            findings.listens("0.2.0", "https://bot.example/hooks"),
            "batch-bot 0.2.0, webhooks come to https://bot.example/hooks",
        ),
        (
            findings.open_to([]),
            "repositories: every one in which the app is installed",
        ),
        (findings.open_to(["acme/*", "x/y"]), "repositories: acme/*, x/y"),
        (
            findings.app_known("batch-bot", 7, 2),
            "the app batch-bot (7), installed on 2 accounts",
        ),
        (
            findings.left_aside(["a", "b", "c", "d"]),
            "cannot be deleted, and was moved aside: a, b, c …",
        ),
        (findings.silent("database", 5), "database did not answer within 5 s"),
    ],
)
def test_what_is_found_is_said_in_one_line(said: findings.Words, words: str):
    assert said[0] == words


@pytest.mark.parametrize(
    "said",
    [
        findings.disk_is_nearly_full(1),
        findings.key_refused(),
        findings.clock_is_off(40),
        findings.not_granted("issues: write", [7]),
        findings.broken("GitHub"),
    ],
)
def test_what_an_operator_can_mend_comes_with_advice(said: findings.Words):
    assert said[1]
