"""What an operator reads in the log of a batch."""

from datetime import timedelta

from structlog.testing import capture_logs

from bot.core import events as e
from bot.core.model import BatchId, ItemId, ItemNumber, Outcome, OutcomeKind, Reference
from bot.engine.journal import journal
from tests.plans import NOON

BATCH = BatchId("b7k2")
ITEM = ItemId("15")


def logged(event: e.News) -> list[dict[str, object]]:
    with capture_logs() as lines:
        journal(BATCH, [event])
    return [dict(line) for line in lines]


def test_each_event_is_a_line_with_its_batch_item_and_attempt():
    assert logged(e.ItemStarted(NOON, ITEM, 2)) == [
        {
            "event": "item started",
            "log_level": "info",
            "batch": "b7k2",
            "item": "15",
            "attempt": "b7k2-15-2",
        }
    ]


def test_a_failure_says_why():
    outcome = Outcome(OutcomeKind.FAILED, reason="exit code 1: no", log_tail=("x",) * 9)
    (line,) = logged(e.ItemEnded(NOON, ITEM, 1, outcome, requests=4))
    assert line["event"] == "item ended"
    assert (line["outcome"], line["reason"]) == ("failed", "exit code 1: no")
    assert line["requests"] == 4
    assert "x" not in line.values()


def test_what_is_empty_is_left_out_and_values_are_words():
    because = Reference("acme/widgets", ItemNumber(12))
    (line,) = logged(e.ItemSkipped(NOON, ITEM, because=because))
    assert line["because"] == "acme/widgets#12"
    assert "by" not in line
    (line,) = logged(e.BudgetWaitStarted(NOON, NOON + timedelta(hours=1)))
    assert line["until"] == "2026-03-02 13:00:00+00:00"


def test_progress_is_a_detail():
    (line,) = logged(e.ItemProgressed(NOON, ITEM, 1, "step 2 of 4"))
    assert line["log_level"] == "debug"
