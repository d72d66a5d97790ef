"""Schedules: what is known of each goes on with its text, and what is due of it."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.command.trigger import Sender
from bot.core.model import InstallationId, Repository
from bot.core.plan.schedules import (
    Kept,
    RecurringCommand,
    Timetable,
    learned,
    run_problem,
)
from bot.core.plan.sources import Source, read_configuration, read_sources
from bot.errors import ConfigurationError

REPOSITORY = Repository(5, "acme/widgets", InstallationId(7))
ADA, LINUS = Sender("ada", is_bot=False), Sender("linus", is_bot=False)
NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
CLOSE = RecurringCommand("16:00", "close label:stale")
MERGE = RecurringCommand("Mon 06:00", "merge label:ready", "Europe/Zurich")


def hours(number: float) -> datetime:
    return NOW + timedelta(hours=number)


def made(
    *schedules: RecurringCommand, before: Timetable | None = None, at: float = 0
) -> Timetable:
    return learned(
        before,
        schedules,
        repository=REPOSITORY,
        digest="1",
        url="https://x.test",
        pusher=ADA,
        now=hours(at),
    )


def test_a_schedule_that_stays_goes_on_and_a_new_one_begins_now():
    key = CLOSE.key(REPOSITORY)
    before = made(CLOSE).dealt_with(key, hours(1), "batch b7k2")
    after = made(MERGE, CLOSE, before=before, at=2)
    assert [(one.schedule, one.since) for one in after.schedules] == [
        (MERGE, hours(2)),
        (CLOSE, hours(1)),
    ]
    assert after.schedules[1].became == "batch b7k2"
    assert made(MERGE, before=after).kept(key) is None


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (hours(0.9), None),
        (hours(1), hours(1)),
        (hours(24), hours(1)),
        (hours(24.9), hours(1)),
        (hours(25.5), hours(25)),
        (hours(24 * 40), hours(24 * 39 + 1)),
        (hours(-5), None),  # somebody set the clock back
    ],
)
def test_of_what_was_missed_the_last_is_due(now: datetime, due: datetime | None):
    assert Kept(CLOSE, NOW).due(now) == due


def test_what_was_missed_more_than_a_day_ago_is_let_go():
    weekly = Kept(MERGE, NOW)  # due on Monday, 9 March, at 05:00 UTC
    monday = datetime(2026, 3, 9, 5, 0, tzinfo=UTC)
    assert weekly.due(monday + timedelta(hours=24)) == monday
    late = monday + timedelta(hours=24, minutes=1)
    assert weekly.due(late) is None
    assert weekly.next_at(late) == monday + timedelta(days=7)


def test_what_is_dealt_with_is_due_no_more_whatever_the_clock_says():
    table = made(CLOSE).dealt_with(CLOSE.key(REPOSITORY), hours(1))
    (kept,) = table.schedules
    assert kept.due(hours(24)) is None
    assert kept.next_at(hours(-3)) == hours(25)
    again = table.dealt_with(CLOSE.key(REPOSITORY), hours(-23), "late")
    assert again.schedules[0].since == hours(1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{at: "Monday 6:00", run: "close 12"}', "did you mean Mon 06:00?"),
        ('{at: "0 6 * * 1", run: "close 12"}', "is not a time such as 06:00"),
        ('{at: "31. 06:00", run: "close 12"}', "is not a time such as 06:00"),
        ('{at: "06:00", zone: zurich, run: "close 12"}', "did you mean Europe/Zurich?"),
        ('{at: "06:00", zone: Europe/Zurihc, run: "close 12"}', "mean Europe/Zurich?"),
        ('{at: "06:00", zone: Nowhere, run: "close 12"}', "a name such as"),
        ('{at: "06:00", run: "mrege 12"}', "did you mean \u201cmerge 12\u201d?"),
        ('{at: "06:00", run: "status"}', "this starts no batch"),
        ('{at: "06:00", run: "plan close 12"}', "this starts no batch"),
        ('{at: "06:00", run: "close this"}', "a schedule has no thread"),
        ('{at: "06:00", run: "close sub-issues:this"}', "a schedule has no thread"),
        ('{at: "06:00", run: "/batch close 12"}', "leave /batch out"),
        ('{at: "06:00"}', "\u2018run\u2019 is missing"),
        ('{at: "06:00", run: "close 12", at_: 1}', "did you mean at?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_an_example(line: str, says: str):
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(f"schedules:\n  - {line}\n")
    (fault,) = raised.value.faults
    assert says in fault.says
    assert (fault.line, fault.column > 0) == (2, True)
    assert fault.example


def test_the_same_schedule_twice_is_a_fault():
    one = '{at: "06:00", run: close 12}'
    with pytest.raises(ConfigurationError, match="the same stands here already"):
        read_configuration(f"schedules: [{one}, {one}]")


def test_an_action_of_the_repositorys_own_can_be_scheduled():
    text = 'actions: {tidy: {uses: label, with: [-new]}}\nschedules: [{at: "06:00", run: "tidy label:new"}]'
    assert read_configuration(text).schedules == (
        RecurringCommand("06:00", "tidy label:new"),
    )
    assert run_problem("tidy label:new", actions=())


def test_what_another_file_schedules_is_nothing_here():
    other = Source(
        'schedules: [{at: "06:00", run: "close 12"}]\nhome: 12', "acme/.github:x"
    )
    own = Source("_extends: .github")
    configuration = read_sources([own, other])
    assert (configuration.home, configuration.schedules) == (12, ())
