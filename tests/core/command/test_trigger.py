import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.command.trigger import (
    BoxesTicked,
    ButtonPressed,
    CommentWritten,
    InstallationChanged,
    ItemChanged,
    LabelChanged,
    RepositoryChanged,
    ReviewRequested,
    Sender,
    trigger_of,
)
from bot.core.model import CommentKind, InstallationId, ItemNumber, Repository

REPOSITORY = Repository(7, "acme/widgets", InstallationId(3))
AT = "2026-03-02T09:00:00Z"
ADA = {"login": "ada", "type": "User"}
APP = {"login": "batch-bot[bot]", "type": "Bot"}


def payload(action: str, **more) -> dict[str, Any]:
    return {
        "action": action,
        "repository": {"id": 7, "full_name": "acme/widgets"},
        "installation": {"id": 3},
        "sender": ADA,
        **more,
    }


def comment(body: str, **more) -> dict[str, Any]:
    return {
        "id": 991,
        "body": body,
        "user": ADA,
        "html_url": "https://github.com/acme/widgets/issues/40#issuecomment-991",
        "created_at": AT,
        **more,
    }


def triggered(event: str, delivery: dict[str, Any]):
    return trigger_of(event, delivery, app_login="batch-bot")


def test_a_command_in_an_issue_comment_is_a_reason_to_act():
    delivery = payload("created", issue={"number": 40}, comment=comment("/batch 12"))
    assert triggered("issue_comment", delivery) == CommentWritten(
        repository=REPOSITORY,
        thread=ItemNumber(40),
        is_pull_request=False,
        kind=CommentKind.ISSUE,
        comment_id=991,
        body="/batch 12",
        url="https://github.com/acme/widgets/issues/40#issuecomment-991",
        sender=Sender("ada", is_bot=False),
        created_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    )


def test_a_comment_on_a_pull_request_is_known_as_one():
    issue = {"number": 63, "pull_request": {"url": "x"}}
    delivery = payload("created", issue=issue, comment=comment("/batch 12"))
    trigger = triggered("issue_comment", delivery)
    assert isinstance(trigger, CommentWritten)
    assert trigger.is_pull_request


def test_reviews_and_their_comments_can_hold_commands():
    review = {
        "id": 5,
        "body": "Good.\n\n/batch merge 63",
        "html_url": "https://github.com/acme/widgets/pull/63#pullrequestreview-5",
        "submitted_at": AT,
        "user": ADA,
    }
    pull = {"number": 63}
    first = triggered(
        "pull_request_review", payload("submitted", review=review, pull_request=pull)
    )
    second = triggered(
        "pull_request_review_comment",
        payload("created", comment=comment("/batch 12"), pull_request=pull),
    )
    assert isinstance(first, CommentWritten)
    assert isinstance(second, CommentWritten)
    assert (first.kind, second.kind) == (CommentKind.REVIEW, CommentKind.REVIEW_COMMENT)
    assert (first.thread, first.comment_id) == (63, 5)
    assert first.is_pull_request


@pytest.mark.parametrize(
    ("event", "delivery"),
    [
        (
            "issue_comment",
            payload("created", issue={"number": 4}, comment=comment("Hi")),
        ),
        (
            "issue_comment",
            payload("edited", issue={"number": 4}, comment=comment("/batch 12")),
        ),
        (
            "issue_comment",
            payload("deleted", issue={"number": 4}, comment=comment("/batch 12")),
        ),
        ("issues", payload("opened", issue={"number": 4, "body": "/batch 12"})),
        ("issues", payload("edited", issue={"number": 4, "body": "/batch 12"})),
        ("pull_request", payload("opened", pull_request={"number": 4})),
        (
            "pull_request_review",
            payload("edited", pull_request={"number": 4}, review=comment("/batch 12")),
        ),
        ("commit_comment", payload("created", comment=comment("/batch 12"))),
        ("ping", {"zen": "Keep it logically awesome."}),
    ],
)
def test_nothing_else_holds_a_command(event, delivery):
    assert triggered(event, delivery) is None


OWN_RUN = {"id": 900, "external_id": "b7k2", "app": {"slug": "batch-bot"}}


def test_buttons_of_the_apps_own_check_runs_are_pressed():
    press = {"identifier": "retry"}
    delivery = payload("requested_action", check_run=OWN_RUN, requested_action=press)
    trigger = triggered("check_run", delivery)
    assert isinstance(trigger, ButtonPressed)
    assert (trigger.check_run_id, trigger.external_id, trigger.button) == (
        900,
        "b7k2",
        "retry",
    )
    assert trigger.sender == Sender("ada", is_bot=False)
    again = triggered("check_run", payload("rerequested", check_run=OWN_RUN))
    assert isinstance(again, ButtonPressed)
    assert again.button == ""


@pytest.mark.parametrize(
    "delivery",
    [
        payload("completed", check_run=OWN_RUN),
        payload("created", check_run=OWN_RUN),
        payload("rerequested", check_run={**OWN_RUN, "app": {"slug": "other-bot"}}),
        payload("rerequested", check_run={**OWN_RUN, "app": None}),
        payload("rerequested", check_run={**OWN_RUN, "id": None}),
        payload(
            "rerequested",
            check_run=OWN_RUN,
            sender={"login": "batch-bot[bot]", "type": "Bot"},
        ),
    ],
)
def test_other_news_of_check_runs_are_no_reason_to_act(delivery):
    assert triggered("check_run", delivery) is None


def test_the_bot_does_not_command_itself():
    delivery = payload(
        "created", issue={"number": 4}, comment=comment("/batch 12"), sender=APP
    )
    assert triggered("issue_comment", delivery) is None
    assert trigger_of("issue_comment", delivery, app_login="Batch-Bot[bot]") is None


@pytest.mark.parametrize(
    "sender",
    [{"login": "renovate[bot]", "type": "Bot"}, {"login": "x[bot]", "type": "User"}],
)
def test_other_bots_are_marked_as_bots(sender):
    delivery = payload(
        "created", issue={"number": 4}, comment=comment("/batch 12"), sender=sender
    )
    trigger = triggered("issue_comment", delivery)
    assert isinstance(trigger, CommentWritten)
    assert trigger.sender == Sender(sender["login"], is_bot=True)


@pytest.mark.parametrize("missing", ["repository", "installation", "sender", "issue"])
def test_a_command_without_its_context_is_ignored(missing):
    delivery = payload("created", issue={"number": 40}, comment=comment("/batch 12"))
    del delivery[missing]
    assert triggered("issue_comment", delivery) is None


# --- boxes --------------------------------------------------------------------------


def edited(**more) -> dict[str, Any]:
    return payload(
        "edited",
        **{
            "issue": {"number": 40},
            "comment": comment("- [x] Pause", user=APP),
            "changes": {"body": {"from": "- [ ] Pause"}},
            **more,
        },
    )


def test_a_person_who_edits_the_bots_comment_may_have_ticked_a_box():
    assert triggered("issue_comment", edited()) == BoxesTicked(
        repository=REPOSITORY,
        thread=ItemNumber(40),
        comment_id=991,
        old_body="- [ ] Pause",
        new_body="- [x] Pause",
        sender=Sender("ada", is_bot=False),
    )


@pytest.mark.parametrize(
    "more",
    [
        {"sender": APP},
        {"comment": comment("- [x] Pause")},
        {"comment": comment("- [x] Pause", user={"login": "batch-bot"})},
        {"changes": {}},
        {"changes": {"body": {"from": "- [x] Pause"}}},
    ],
)
def test_other_edits_tick_nothing(more):
    assert triggered("issue_comment", edited(**more)) is None


# --- the rest -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "action"),
    [
        *((e, a) for e in ("issues", "pull_request") for a in ("closed", "reopened")),
        *((e, "unlocked") for e in ("issues", "pull_request")),
        ("issues", "deleted"),
        ("issues", "transferred"),
        ("pull_request", "synchronize"),
    ],
)
def test_what_is_done_to_an_item_is_noticed(event, action):
    key = "issue" if event == "issues" else "pull_request"
    trigger = triggered(event, payload(action, **{key: {"number": 99}}))
    is_taken_away = action in ("deleted", "transferred")
    assert trigger == ItemChanged(REPOSITORY, ItemNumber(99), is_taken_away)


@pytest.mark.parametrize("action", ["pinned", "edited", "milestoned", "locked"])
def test_what_changes_nothing_for_a_batch_is_not_noticed(action):
    assert triggered("issues", payload(action, issue={"number": 99})) is None


URL = "https://github.test/acme/widgets/issues/4"
WHEN = {"html_url": URL, "updated_at": "2026-03-03T15:00:07Z"}
NOTED_AT = datetime(2026, 3, 3, 15, 0, 7, tzinfo=UTC)


def test_labels_and_review_requests_are_noticed():
    ada = Sender("ada", is_bot=False)
    label = payload("labeled", issue={"number": 4, **WHEN}, label={"name": "batch"})
    assert triggered("issues", label) == LabelChanged(
        REPOSITORY,
        ItemNumber(4),
        "batch",
        is_added=True,
        sender=ada,
        url=URL,
        at=NOTED_AT,
    )
    pull = {"number": 63, "head": {"sha": "abc"}, **WHEN}
    removed = payload("unlabeled", pull_request=pull, label={"name": "batch"})
    assert triggered("pull_request", removed) == LabelChanged(
        REPOSITORY,
        ItemNumber(63),
        "batch",
        is_added=False,
        sender=ada,
        url=URL,
        at=NOTED_AT,
    )
    team = {"requested_team": {"slug": "reviewers"}}
    for action, is_added in (
        ("review_requested", True),
        ("review_request_removed", False),
    ):
        request = payload(action, pull_request=pull, **team)
        assert triggered("pull_request", request) == ReviewRequested(
            REPOSITORY, ItemNumber(63), "team:reviewers", is_added, ada, URL, NOTED_AT
        )


def test_a_label_that_is_deleted_goes_from_its_items_without_a_name():
    gone = payload("unlabeled", issue={"number": 4, **WHEN})
    change = triggered("issues", gone)
    assert isinstance(change, LabelChanged)
    assert (change.name, change.is_added) == ("", False)
    assert triggered("issues", payload("labeled", issue={"number": 4, **WHEN})) is None


def test_what_the_app_itself_does_with_labels_and_requests_means_nothing():
    bot = {"login": "batch-bot[bot]", "type": "Bot"}
    there = {"issue": {"number": 4, **WHEN}, "label": {"name": "batch"}, "sender": bot}
    for action in ("labeled", "unlabeled"):
        assert triggered("issues", payload(action, **there)) is None
    pull = {"pull_request": {"number": 63, **WHEN}, "sender": bot}
    for action in ("review_requested", "review_request_removed"):
        asked = payload(action, requested_team={"slug": "reviewers"}, **pull)
        assert triggered("pull_request", asked) is None


def test_changes_of_the_installation_and_the_repository_are_noticed():
    removed = payload(
        "removed", repositories_removed=[{"id": 7, "full_name": "acme/widgets"}, 3]
    )
    assert triggered("installation_repositories", removed) == InstallationChanged(
        InstallationId(3), (REPOSITORY,)
    )
    assert triggered("installation", payload("suspend")) == InstallationChanged(
        InstallationId(3)
    )
    assert triggered("repository", payload("archived")) == RepositoryChanged(REPOSITORY)
    hidden = triggered("repository", payload("privatized"))
    assert hidden == RepositoryChanged(REPOSITORY)
    assert triggered("repository", payload("edited")) is None
    changes = {"default_branch": {"from": "main"}}
    other = triggered("repository", payload("edited", changes=changes))
    assert other == RepositoryChanged(REPOSITORY)


# --- any delivery -------------------------------------------------------------------

EVENTS = [
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "check_run",
    "installation",
    "installation_repositories",
    "repository",
    "push",
]
ACTIONS = ["created", "edited", "submitted", "closed", "labeled", "review_requested"]
KEYS = [
    *("action", "comment", "issue", "pull_request", "repository", "sender", "label"),
    *("id", "number", "body", "login", "user", "full_name", "installation", "review"),
    *("created_at", "submitted_at", "html_url", "changes", "from", "head", "sha"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["/batch 12", AT, "2026-03-02", *ACTIONS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    st.sampled_from(EVENTS),
    st.sampled_from(ACTIONS),
    st.dictionaries(st.sampled_from(KEYS), JSON),
)
def test_no_delivery_makes_it_raise(event, action, some):
    trigger_of(event, {**some, "action": action}, app_login="batch-bot")


@settings(deadline=None)
@given(st.data())
def test_a_damaged_delivery_is_a_trigger_or_nothing(data):
    text = json.dumps(
        payload("created", issue={"number": 40}, comment=comment("/batch 12"))
    )
    values = [': "ada"', ": 991", ": 40", f': "{AT}"', ": 7", ": 3", ': "/batch 12"']
    old = data.draw(st.sampled_from(values))
    new = ": " + data.draw(JSON.map(json.dumps))
    result = triggered("issue_comment", json.loads(text.replace(old, new)))
    assert result is None or isinstance(result, CommentWritten)


@pytest.mark.parametrize(
    "name",
    [
        "widgets",
        "acme/",
        "/widgets",
        "acme/widgets/x",
        "acme/..",
        "../widgets",
        "acme/wid gets",
        "acme/widgets\n",
        "acme/widgets?x",
        "@evil/x",
        "a" * 50 + "/widgets",
    ],
)
def test_a_repository_has_an_owner_and_a_name_or_says_nothing(name: str):
    delivery = payload("created", issue={"number": 40}, comment=comment("/batch 12"))
    delivery["repository"]["full_name"] = name
    assert triggered("issue_comment", delivery) is None
    listed = {"action": "removed", "installation": {"id": 3}}
    removed = [{"id": 7, "full_name": name}, {"id": 8, "full_name": "acme/w.x-y_z"}]
    found = triggered(
        "installation_repositories", {**listed, "repositories_removed": removed}
    )
    assert [one.name for one in found.repositories] == ["acme/w.x-y_z"]
