"""What of the deliveries is kept to be acted on."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

import pytest

from bot.core.command.trigger import OPERATOR_EVENT, SCHEDULE_EVENT
from bot.engine.intake import Intake, Policy
from bot.ports.store import Delivery
from tests.fakes import START

REPOSITORY = {"id": 7, "full_name": "acme/widgets"}
WHERE = {"repository": REPOSITORY, "installation": {"id": 3}}
ADA = {"login": "ada", "type": "User"}
ROBOT = {"login": "robot[bot]", "type": "Bot"}
BOT = {"login": "batch-bot[bot]", "type": "Bot"}


class Ear:
    """The part of GitHub that is told what deliveries say."""

    def __init__(self) -> None:
        self.heard_of: list[Mapping[str, Any]] = []

    def heard(self, payload: Mapping[str, Any]) -> None:
        self.heard_of.append(payload)


def intake_of(ear: Ear, wake: Callable[[Collection[str]], None] = print) -> Intake:
    nothing = cast(Any, None)
    return Intake(
        github=cast(Any, ear),
        desks=nothing,
        policy=Policy(app_login="batch-bot"),
        wake=wake,
    )


def commented(body: str, *, by: Mapping[str, str] = ADA) -> dict[str, Any]:
    url = "https://github.test/acme/widgets/issues/40#issuecomment-991"
    comment = {"id": 991, "body": body, "user": by, "html_url": url}
    comment["created_at"] = "2026-03-03T15:00:00Z"
    return {
        **WHERE,
        "action": "created",
        "issue": {"number": 40},
        "comment": comment,
        "sender": by,
    }


def labelled(by: Mapping[str, str]) -> dict[str, Any]:
    return {
        **WHERE,
        "action": "labeled",
        "issue": {
            "number": 12,
            "html_url": "https://github.test/acme/widgets/issues/12",
            "updated_at": "2026-03-03T15:00:00Z",
        },
        "label": {"name": "ready"},
        "sender": by,
    }


def ticked(by: Mapping[str, str]) -> dict[str, Any]:
    own = commented("- [x] Pause", by=BOT)
    change = {"action": "edited", "changes": {"body": {"from": "- [ ] Pause"}}}
    return {**own, **change, "sender": by}


REASONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a command": ("issue_comment", commented("Go on:\n/batch 12 15")),
    "a box": ("issue_comment", ticked(ADA)),
    "an issue that is closed": (
        "issues",
        {**WHERE, "action": "closed", "issue": {"number": 12}},
    ),
    "a push to a pull request": (
        "pull_request",
        {**WHERE, "action": "synchronize", "pull_request": {"number": 12}},
    ),
    "a label of a person": ("issues", labelled(ADA)),
    "what another bot takes off": (
        "issues",
        {**labelled(ROBOT), "action": "unlabeled"},
    ),
    "a repository with a new name": ("repository", {**WHERE, "action": "renamed"}),
    "a suspended installation": (
        "installation",
        {"action": "suspend", "installation": {"id": 3}},
    ),
}
CHATTER: dict[str, tuple[str, dict[str, Any]]] = {
    "talk": ("issue_comment", commented("I would batch these")),
    "a comment of the bot": ("issue_comment", commented("/batch 12", by=BOT)),
    "an edit of the bot": ("issue_comment", ticked(BOT)),
    "a label of another bot": ("issues", labelled(ROBOT)),
    "a label of the bot": ("issues", labelled(BOT)),
    "a new issue": ("issues", {**WHERE, "action": "opened", "issue": {"number": 12}}),
    "a payload without what it is about": ("issues", {"action": "closed"}),
    "no payload": ("issue_comment", {}),
}
WISH = {
    **WHERE,
    "batch": "b7k2",
    "command": "/batch retry b7k2",
    "wish": "0f",
}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a push": ("push", dict(WHERE)),
    "a ping": ("ping", {"zen": "Keep it"}),
}


@pytest.mark.parametrize("what", [*REASONS, *CHATTER, *OTHERS])
def test_what_may_be_a_reason_to_act_has_a_lane_and_nothing_else(what: str):
    event, payload = (REASONS | CHATTER | OTHERS)[what]
    intake = intake_of(Ear())
    assert intake.may_act_on(event, payload) == (what in REASONS)
    stored = Delivery("g", event, START, json.dumps(payload).encode())
    assert (intake.lane_of(stored) is not None) == (what in REASONS)


def test_what_the_operator_wants_waits_with_what_comments_of_its_repository_want():
    intake = intake_of(Ear())
    wish = Delivery("0f", OPERATOR_EVENT, START, json.dumps(WISH).encode())
    event, payload = REASONS["a command"]
    comment = Delivery("g", event, START, json.dumps(payload).encode())
    assert intake.lane_of(wish) == intake.lane_of(comment)
    assert not intake.is_prompt(wish)
    pause = json.dumps({**WISH, "command": "/batch pause b7k2"}).encode()
    assert intake.is_prompt(Delivery("0e", OPERATOR_EVENT, START, pause))


def test_what_is_due_by_the_clock_keeps_no_command_waiting():
    intake = intake_of(Ear())
    due = {**WHERE, "schedule": "0f", "due_at": "2026-03-03T16:00:00+00:00"}
    rung = Delivery("0f", SCHEDULE_EVENT, START, json.dumps(due).encode())
    event, payload = REASONS["a command"]
    comment = Delivery("g", event, START, json.dumps(payload).encode())
    assert intake.lane_of(rung) not in (None, intake.lane_of(comment))
    assert not intake.is_prompt(rung)
    assert not intake.may_act_on(SCHEDULE_EVENT, due)


def test_nobody_outside_is_taken_for_the_operator():
    assert not intake_of(Ear()).may_act_on(OPERATOR_EVENT, WISH)


@pytest.mark.parametrize("what", [*REASONS, *CHATTER])
def test_what_a_delivery_tells_is_noted_at_the_door_whatever_becomes_of_it(what: str):
    event, payload = (REASONS | CHATTER)[what]
    ear = Ear()
    intake_of(ear).may_act_on(event, payload)
    assert ear.heard_of == [payload]


def test_what_was_missed_is_noted_when_the_inbox_takes_it_up():
    event, payload = CHATTER["a label of the bot"]
    ear = Ear()
    body = json.dumps(payload).encode()
    intake_of(ear).lane_of(Delivery("g", event, START, body))
    assert ear.heard_of == [payload]


@pytest.mark.parametrize(
    ("event", "payload", "about"),
    [
        ("check_run", {"check_run": {"head_sha": "abc"}}, {"commit 5 abc"}),
        ("check_suite", {"check_suite": {"head_sha": "abc"}}, {"commit 5 abc"}),
        ("status", {"sha": "abc", "state": "success"}, {"commit 5 abc"}),
        (
            "pull_request_review_thread",
            {"pull_request": {"number": 12}},
            {"pull request 5 12"},
        ),
        ("status", {"sha": 7}, set()),
        ("check_run", {}, set()),
        ("pull_request_review_thread", {}, set()),
    ],
)
def test_news_of_checks_wake_who_waits_and_are_no_reason_to_act(event, payload, about):
    woken: list[Collection[str]] = []
    ear = Ear()
    payload = {"repository": {"id": 5, "full_name": "acme/widgets"}, **payload}
    assert not intake_of(ear, woken.append).may_act_on(event, payload)
    assert woken == ([about] if about else [])
    assert ear.heard_of == []


@pytest.mark.parametrize("event", ["pull_request", "pull_request_review"])
def test_news_of_a_pull_request_wakes_who_waits_once_whatever_they_are(event):
    woken: list[Collection[str]] = []
    told = {
        "action": "of another year",
        "repository": {"id": 5, "full_name": "acme/widgets"},
        "pull_request": {"number": 12},
    }
    intake = intake_of(Ear(), woken.append)
    intake.may_act_on(event, told)
    intake.lane_of(Delivery("g", event, START, json.dumps(told).encode()))
    assert woken == [{"pull request 5 12"}]


@pytest.mark.parametrize("what", REASONS)
def test_all_but_what_starts_a_batch_stands_behind_nothing_that_waits(what: str):
    event, payload = REASONS[what]
    stored = Delivery("g", event, START, json.dumps(payload).encode())
    starts = ("a command", "a label of a person")
    assert intake_of(Ear()).is_prompt(stored) is (what not in starts)


def test_a_cancel_stands_behind_nothing_that_waits():
    body = json.dumps(commented("/batch cancel")).encode()
    assert intake_of(Ear()).is_prompt(Delivery("g", "issue_comment", START, body))
