from datetime import timedelta

from bot.core import events as e
from bot.core.model import InstallationId, Options, Outcome, OutcomeKind, Repository
from bot.core.run.schedule import Schedule
from bot.engine.agenda import Agenda
from bot.engine.live import Live
from tests.plans import NOON, batch, item, plan

LATER = NOON + timedelta(minutes=1)


def live(name: str, installation: int, *, concurrency: int = 1) -> Live:
    """Return a started batch of two items that wait for nothing."""
    work = plan({1: [], 2: []}, options=Options(concurrency=concurrency))
    made = batch(work, name=name, installation=installation, repository=installation)
    schedule = Schedule(made, {}, {"scripted": True})
    schedule.apply(e.BatchStarted(NOON, "ada"))
    return Live(schedule)


def looked_at(agenda: Agenda, *touched: Live, now=NOON) -> list[str]:
    """Return the names of the batches that a pass looks at, which starts what it can."""
    due = agenda.due(touched, now)
    able = [one.schedule for one in due if one.schedule.has_ready]
    for one in able:
        one.start(item(1 if one.attempt_of(item(1)) == 0 else 2), now)
    agenda.looked_at(due, able)
    return [one.batch.id for one in due]


def test_only_installations_in_which_something_happened_are_looked_at():
    agenda = Agenda()
    lives = [live("a1a1", 7), live("b1b1", 8), live("c1c1", 7)]
    for one in lives:
        agenda.add(one)
    assert looked_at(agenda, *lives) == ["a1a1", "b1b1", "c1c1"]
    assert looked_at(agenda) == []
    assert looked_at(agenda, lives[2]) == ["a1a1", "c1c1"]
    agenda.remove(lives[0])
    assert looked_at(agenda, lives[2], lives[0]) == ["c1c1"]


def test_who_could_start_something_is_looked_at_again_until_it_has():
    agenda = Agenda()
    one = live("a1a1", 7)
    agenda.add(one)
    due = agenda.due([one], NOON)
    agenda.looked_at(due, [one.schedule])  # nothing was free
    assert looked_at(agenda) == ["a1a1"]
    assert looked_at(agenda) == []


def test_who_waits_for_a_delay_is_looked_at_when_it_is_over():
    agenda = Agenda()
    one = live("a1a1", 7)
    agenda.add(one)
    looked_at(agenda, one)
    for number in (1, 2):
        away = Outcome(OutcomeKind.TRANSIENT)
        tried = e.ItemRetrying(NOON, item(number), 1, away, LATER, 1)
        if number == 2:
            one.schedule.start(item(2), NOON)
        one.schedule.apply(tried)
    agenda.looked_at(agenda.due([one], NOON), [])
    assert agenda.next_retry_at() == LATER
    assert looked_at(agenda, now=LATER - timedelta(seconds=1)) == []
    assert looked_at(agenda, now=LATER) == ["a1a1"]
    assert agenda.next_retry_at() is None


def test_a_batch_that_moves_frees_what_it_had_where_it_was():
    agenda = Agenda()
    stays, goes = live("a1a1", 7), live("b1b1", 7)
    for one in (stays, goes):
        agenda.add(one)
    looked_at(agenda, stays, goes)
    place = Repository(7, "ada/widgets", InstallationId(9))
    goes.schedule.apply(e.RepositoryMoved(NOON, place))
    assert looked_at(agenda, goes) == ["a1a1", "b1b1"]
    assert [one.batch.id for one in agenda.of(InstallationId(7))] == ["a1a1"]
    assert [one.batch.id for one in agenda.of(InstallationId(9))] == ["b1b1"]


def test_what_runs_takes_a_place_until_it_is_on_its_way_to_github():
    agenda = Agenda()
    one, other = live("a1a1", 7, concurrency=2), live("b1b1", 8, concurrency=2)
    agenda.add(one)
    agenda.add(other)
    for number in (1, 2):
        one.schedule.start(item(number), NOON)
        other.schedule.start(item(number), NOON)
    agenda.due([one, other], NOON)
    assert agenda.taken == {("scripted", "implement"): 4}
    one.change(item(1))
    assert agenda.taken.total() == 3
    one.work(item(1))
    assert agenda.taken.total() == 4
    one.change(item(1))
    one.schedule.apply(e.ItemParked(NOON, item(2), 1, "checks"))
    agenda.due([one], NOON)
    assert agenda.taken.total() == 2
    one.schedule.apply(e.ItemUnparked(NOON, item(2), 1))
    agenda.due([one], NOON)
    assert agenda.taken.total() == 3
    agenda.remove(other)
    assert agenda.taken.total() == 1
    other.change(item(1))  # its attempt does not know yet
    assert agenda.taken.total() == 1
    for number in (1, 2):
        done = Outcome(OutcomeKind.COMPLETED)
        one.schedule.apply(e.ItemEnded(NOON, item(number), 1, done, 1))
    agenda.due([one], NOON)
    assert not agenda.taken
