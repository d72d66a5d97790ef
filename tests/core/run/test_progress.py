"""What people are told of an item: its tries, its time, its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import events as e
from bot.core.model import CommandResult, ItemId, ItemState, Outcome, OutcomeKind, Stage
from bot.core.run.progress import ItemView, fold
from tests.plans import NOON, batch, plan

N = ItemId("1")
DONE = Outcome(OutcomeKind.COMPLETED)
FAILED = Outcome(OutcomeKind.FAILED, reason="tests failed")
BUSY = Outcome(OutcomeKind.TRANSIENT, reason="busy")


def at(seconds: float):
    return NOON + timedelta(seconds=seconds)


def view_after(*events: e.Event) -> ItemView:
    made = batch(plan({1: []}))
    return fold(made, [e.BatchStarted(NOON, "ada"), *events]).items[N]


def test_a_copy_hides_what_was_hidden_and_no_more_than_that():
    made = batch(plan({1: []}))
    progress = fold(made, [e.BatchStarted(NOON, "ada")])
    before = progress.copy()
    progress.advance(e.RepositoryHidden(NOON, made.repository.id))
    assert progress.copy().hides(N)
    assert not before.hides(N)
    assert (progress.items[N].is_hidden, before.items[N].is_hidden) == (True, False)


def test_of_what_is_hidden_nothing_is_told_whatever_happens_to_it():
    hides = e.RepositoryHidden(NOON, batch(plan({1: []})).repository.id)
    started = (
        e.ItemStarted(NOON, N, 1),
        e.ItemParked(NOON, N, 1, "ci", url="https://x"),
    )
    ended = e.ItemEnded(at(5), N, 1, replace(FAILED, advice="Look at ci."), 3)
    for events in (
        (*started, hides),
        (*started, ended, hides),
        (hides, *started, ended, e.ItemReset(at(6), N, by="ada"), *started),
    ):
        view = view_after(*events)
        assert view.is_hidden
        assert (view.waits_for, view.waits_url, view.step) == ("", "", "")
        told = view.outcome or Outcome(OutcomeKind.FAILED)
        assert (told.reason, told.advice) == ("", "")


def test_each_attempt_is_a_try():
    view = view_after(
        e.ItemStarted(NOON, N, 1),
        e.ItemRetrying(NOON, N, 1, BUSY, at(30)),
        e.ItemStarted(at(30), N, 2),
    )
    assert (view.tries, view.attempt) == (2, 2)


def test_a_restart_of_the_bot_counts_as_no_try():
    view = view_after(
        e.ItemStarted(NOON, N, 1),
        e.ItemRetrying(NOON, N, 1, BUSY, at(30)),
        e.ItemStarted(at(30), N, 2),
        e.BatchRecovered(at(40), again=(N,)),
        e.ItemReset(at(40), N, by=""),
        e.ItemStarted(at(41), N, 3),
    )
    assert (view.tries, view.attempt) == (2, 3)


def test_whoever_puts_an_item_back_gives_it_all_its_tries_again():
    view = view_after(
        e.ItemStarted(NOON, N, 1),
        e.ItemEnded(at(5), N, 1, FAILED, 3),
        e.ItemReset(at(40), N, by="ada"),
    )
    assert (view.tries, view.attempt, view.requests) == (0, 1, 3)
    assert (view.state, view.outcome, view.ended_at) == (ItemState.PENDING, None, None)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (e.ItemEnded(at(70), N, 2, DONE, 4), ItemState.COMPLETED),
        (e.ItemEnded(at(70), N, 2, FAILED, 4), ItemState.FAILED),
        (e.ItemCancelled(at(70), N, "ada", requests=4), ItemState.CANCELLED),
        (e.ItemRetrying(at(70), N, 2, BUSY, at(99), 4), ItemState.PENDING),
    ],
)
def test_the_time_and_the_requests_of_all_attempts_add_up(end, state):
    view = view_after(
        e.ItemStarted(NOON, N, 1),
        e.ItemRetrying(at(5), N, 1, BUSY, at(60), 3),
        e.ItemStarted(at(60), N, 2),
        end,
    )
    assert (view.worked, view.requests) == (timedelta(seconds=15), 7)
    assert (view.state, view.ended_at) == (state, at(70))


def test_what_others_did_took_no_time():
    view = view_after(e.ItemEnded(at(70), N, 0, DONE))
    assert (view.state, view.worked) == (ItemState.COMPLETED, timedelta())


RESULT = CommandResult(0, commit="c" * 40)


def test_what_a_parked_attempt_waits_for_is_known_until_that_is_over():
    begun = (e.ItemStarted(NOON, N, 1), e.ItemParked(at(5), N, 1, "the check ci"))
    view = view_after(*begun)
    assert (view.stage, view.waits_for) == (Stage.PARKED, "the check ci")
    view = view_after(*begun, e.ItemUnparked(at(9), N, 1))
    assert (view.stage, view.waits_for) == (Stage.WORKING, "")
    view = view_after(*begun, e.ItemCancelled(at(9), N, "ada", "its run goes on"))
    assert (view.waits_for, view.kept) == ("", "its run goes on")


def test_accepted_work_is_known_until_it_is_published():
    begun = (e.ItemStarted(NOON, N, 1), e.ItemAccepted(at(5), N, 1, RESULT))
    view = view_after(*begun)
    assert (view.is_publishing, view.result) == (True, RESULT)
    view = view_after(*begun, e.ItemEnded(at(9), N, 1, DONE))
    assert (view.is_publishing, view.result, view.stage) == (False, None, None)


def test_what_somebody_stops_stands_so_until_it_has_ended():
    begun = (
        e.ItemStarted(NOON, N, 1),
        e.ControlGiven(at(2), "ada", "comment:1.0", stopping=(N,)),
    )
    assert view_after(*begun).stage is Stage.STOPPING
    assert view_after(*begun, e.ItemCancelled(at(3), N, "ada")).stage is None


def test_the_next_try_is_announced_until_it_begins():
    waits = (e.ItemStarted(NOON, N, 1), e.ItemRetrying(at(5), N, 1, BUSY, at(60)))
    assert view_after(*waits).next_at == at(60)
    for event in (
        e.ItemStarted(at(60), N, 2),
        e.ItemSkipped(at(20), N, by="ada"),
        e.ItemCancelled(at(20), N, "ada"),
        e.ItemEnded(at(20), N, 1, DONE),
    ):
        assert view_after(*waits, event).next_at is None
