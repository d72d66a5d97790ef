"""What happened when: attempts, and requests over time."""

from datetime import timedelta

from bot.core import events as e
from bot.core.run.chronicle import AttemptEnd, Spent, chronicle
from tests import scenes
from tests.scenes import BAD_GATEWAY, NOW, START, item


def ends(*events: e.Event) -> list[tuple[str, int, AttemptEnd | None]]:
    told = chronicle(events).attempts.values()
    return [(one.item, one.number, one.end) for one in told]


def test_each_try_is_an_attempt_with_its_end():
    told = chronicle(scenes.events_until_now())
    failing = told.of_item(item(21))
    assert [one.end for one in failing] == [
        AttemptEnd.RETRYING,
        AttemptEnd.RETRYING,
        AttemptEnd.FAILED,
    ]
    assert failing[0].ended_at == failing[0].started_at + timedelta(seconds=20)
    assert [one.end for one in told.of_item(item(18))] == [None]
    assert told.of_item(item(22)) == []


def test_requests_add_up_over_time():
    """Twelve took 40, the second 40 more, the one that failed none that were counted."""
    first = scenes.done(12, 60, scenes.pull_request(71), at=timedelta())
    second = scenes.done(15, 90, scenes.pull_request(72), at=timedelta())
    told = chronicle([*first, *second, e.ItemSkipped(NOW, item(22))])
    assert told.spent == [
        Spent(START + timedelta(seconds=60), 40),
        Spent(START + timedelta(seconds=90), 80),
    ]


def test_a_restart_ends_an_attempt_and_a_cancel_of_what_waits_ends_none():
    began = e.ItemStarted(START, item(12), 1)
    assert ends(began, e.ItemReset(NOW, item(12), "")) == [
        ("12", 1, AttemptEnd.RESTARTED)
    ]
    waits = e.ItemRetrying(NOW, item(12), 1, BAD_GATEWAY, NOW)
    cancelled = e.ItemCancelled(NOW, item(12), "ada")
    assert ends(began, waits, cancelled) == [("12", 1, AttemptEnd.RETRYING)]


def test_what_an_attempt_waits_for_is_known_while_it_waits():
    began = e.ItemStarted(START, item(12), 1)
    parked = e.ItemParked(START, item(12), 1, "the checks")
    told = chronicle([began, parked])
    assert told.of_item(item(12))[0].waits_for == "the checks"
    told.advance(e.ItemUnparked(NOW, item(12), 1))
    assert told.of_item(item(12))[0].waits_for == ""
    told.advance(e.ItemProgressed(NOW, item(12), 1, "step 1"))
    assert len(told.events) == 3
