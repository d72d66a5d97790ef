"""Batches that requests for reviews begin."""

import pytest

from bot.localhub.pulls import pull_of
from tests.flow.test_labels import batches, over, plain
from tests.flow.test_review import reviews
from tests.flow.test_review_command import with_reviewer, wrote
from tests.flow.world import REPOSITORY, World

CONFIGURATION = "review_requests: [team:batch-reviewers, user:linus]"


@pytest.fixture
def asked(on: World) -> World:
    """Return a world in which a team's reviews are the bot's as well."""
    on.hub.add_team("acme", "batch-reviewers", ["linus"])
    on.hub.add_team("acme", "others", ["linus"])
    on.configure(CONFIGURATION)
    return on


def ask(
    on: World, *numbers: int, by: str = "ada", team: str = "batch-reviewers"
) -> None:
    for number in numbers:
        on.hub.request_review(by, REPOSITORY, number, teams=[team])


def take_back(on: World, number: int, *, team: str = "batch-reviewers") -> None:
    on.hub.remove_review_request("ada", REPOSITORY, number, teams=[team])


async def test_forty_requests_are_one_batch_that_waits_for_no_box(asked: World):
    numbers = range(100, 140)
    for number in numbers:
        asked.pull_request(number)
    async with asked.bot():
        ask(asked, *numbers)
        await over(asked)
        report = asked.said("report", on=100)
    assert len(batches(asked)) == 1
    assert "40 of 40 done" in report
    assert all(len(reviews(asked, number)) == 1 for number in numbers)
    # The team's people may still want to look.
    assert all(pull_of(asked.thread(n)).requested_teams for n in numbers)


async def test_one_request_is_answered_on_the_pull_request(asked: World):
    asked.pull_request(61)
    async with asked.bot():
        ask(asked, 61, by="tess")
        await over(asked)
    (review,) = reviews(asked, 61)
    assert "The request to `batch-reviewers` stays" in review.body
    report = plain(asked.said("report", on=61))
    assert "Asked for by @tess for a review of #61" in report


async def test_a_command_that_looks_needs_the_role_of_who_asks(asked: World):
    with_reviewer(asked)
    words = {"summary": "Looked at it.", "comments": []}
    asked.pull_request(61, wrote(**words))
    asked.pull_request(63, wrote(**words))
    async with asked.bot():
        ask(asked, 61, by="tess")
        ask(asked, 63, by="ada")
        await over(asked)
        await asked.dealt_with()
    assert batches(asked) == [(63, "/batch review:63")]
    assert asked.replies(on=61) == []


async def test_a_request_to_others_begins_nothing(asked: World):
    asked.pull_request(61)
    async with asked.bot():
        ask(asked, 61, team="others")
        await asked.dealt_with()
    asked.assert_nothing_started()


async def test_the_same_head_gets_a_link_once_in_a_day_and_a_new_one_a_review(
    asked: World,
):
    asked.pull_request(61)
    async with asked.bot():
        ask(asked, 61)
        await over(asked)
        (first,) = reviews(asked, 61)
        for _ in range(2):
            take_back(asked, 61)
            ask(asked, 61)
            await asked.dealt_with()
        (said,) = [c.body for c in asked.comments("reviewed", on=61)]
        assert f"#pullrequestreview-{first.id}" in said
        asked.later(hours=25)
        take_back(asked, 61)
        ask(asked, 61)
        await asked.dealt_with()
        assert len(asked.comments("reviewed", on=61)) == 2
        assert len(batches(asked)) == 1
        asked.hub.push(
            "linus", REPOSITORY, "topic-61", {"b.txt": "b\n"}, message="Go on"
        )
        take_back(asked, 61)
        ask(asked, 61)
        await over(asked, 2)
    assert len(reviews(asked, 61)) == 2


async def test_a_request_that_is_taken_back_in_the_window_is_none(asked: World):
    asked.pull_request(61)
    asked.pull_request(63)
    async with asked.bot():
        ask(asked, 61, 63)
        await asked.clock.sleep(30)
        take_back(asked, 61)
        await over(asked)
    assert batches(asked) == [(63, "/batch review:63")]
    assert reviews(asked, 61) == []


@pytest.mark.parametrize("members", ["read", ""])
async def test_what_stands_counts_where_all_was_asked_within_a_second(
    asked: World, members: str
):
    """GitHub's times are to the second; teams it shows to who may read the members."""
    for number in (61, 63, 64):
        asked.pull_request(number)
    installation = asked.hub.state.installation_of(asked.repository)
    assert installation is not None
    asked.hub.grant(installation, members=members)
    async with asked.bot():
        ask(asked, 61)
        take_back(asked, 61)
        ask(asked, 63, 64)
        take_back(asked, 64)
        ask(asked, 64)
        await over(asked)
        await asked.dealt_with()
    assert batches(asked) == [(63, "/batch review:63 review:64")]
    assert reviews(asked, 61) == []
    assert len(reviews(asked, 64)) == 1


async def test_a_request_that_is_taken_back_later_cancels_what_has_not_begun(
    asked: World,
):
    with_reviewer(asked)
    asked.pull_request(61, "hang")
    asked.pull_request(63, wrote(summary="Looked at it.", comments=[]))
    async with asked.bot():
        ask(asked, 61, 63)
        await asked.until(lambda: reviews(asked, 63))
        take_back(asked, 63)  # has its review
        take_back(asked, 61)
        await over(asked)
    report = plain(asked.said("report", on=61))
    assert "Cancelled: 1" in report
    late = "ada took the request for a review of #63 back too late to stop that."
    assert late in report
    assert "of #61 back" not in report
    assert reviews(asked, 61) == []


async def test_drafts_and_closed_ones_are_left_out_with_a_note(asked: World):
    for number in (61, 63, 64):
        asked.pull_request(number)
    asked.hub.set_draft("linus", REPOSITORY, 63, is_draft=True)
    asked.hub.close("ada", REPOSITORY, 64)
    async with asked.bot():
        ask(asked, 61, 63, 64)
        await over(asked)
    report = asked.said("report", on=61)
    assert "#63 is a draft and **left out**" in report
    assert "#64 is already closed. It is **left out**." in report
    assert reviews(asked, 63) == reviews(asked, 64) == []


async def test_nothing_but_a_draft_is_told_so(asked: World):
    asked.pull_request(63)
    asked.hub.set_draft("linus", REPOSITORY, 63, is_draft=True)
    async with asked.bot():
        ask(asked, 63)
        await asked.dealt_with()
    (said,) = asked.replies(on=63)
    assert "Nothing is left to do. #63 is a draft" in said
    asked.assert_nothing_started()


async def test_what_is_opened_or_ready_is_reviewed_if_the_repository_wants_that(
    on: World,
):
    on.hub.add_team("acme", "batch-reviewers", ["linus"])
    on.configure(
        "review_requests: {team:batch-reviewers: {on: [opened, ready_for_review]}}"
    )
    async with on.bot():
        on.pull_request(61)
        await over(on)
        on.hub.set_draft("linus", REPOSITORY, 61, is_draft=True)
        on.hub.push("linus", REPOSITORY, "topic-61", {"b.txt": "b\n"}, message="Go on")
        on.hub.set_draft("linus", REPOSITORY, 61, is_draft=False)
        await over(on, 2)
    assert len(reviews(on, 61)) == 2
    assert "Asked for by @linus" in on.said("report", on=61)


async def test_what_is_no_review_needs_the_role_of_who_asks(on: World):
    on.hub.add_team("acme", "batch-reviewers", ["linus"])
    on.configure(
        "actions: {triaged: {uses: label, with: [+triaged]}}\n"
        "review_requests: {team:batch-reviewers: triaged}\n"
    )
    on.pull_request(61)
    on.pull_request(63)
    on.hub.add_label(REPOSITORY, "triaged")
    async with on.bot():
        ask(on, 61, by="tess")
        ask(on, 63, by="ada")
        await on.dealt_with()
        await over(on)
    assert batches(on) == [(63, "/batch triaged:63")]
    assert on.replies(on=61) == []


async def test_a_stranger_s_pull_request_is_reviewed_without_a_role(on: World):
    on.hub.add_team("acme", "batch-reviewers", ["linus"])
    on.configure("review_requests: {team:batch-reviewers: {on: [ready_for_review]}}")
    on.pull_request(61)
    on.hub.set_draft("linus", REPOSITORY, 61, is_draft=True)
    on.hub.set_role("acme", REPOSITORY, "linus", "read")
    async with on.bot():
        on.hub.set_draft("linus", REPOSITORY, 61, is_draft=False)
        await over(on)
    assert len(reviews(on, 61)) == 1
