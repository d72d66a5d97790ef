"""Drafts, review requests and milestones, from the comment to what GitHub shows."""

import pytest

from bot.localhub.accounts import UserType
from bot.localhub.pulls import pull_of
from tests.flow.world import REPOSITORY, World


def prepare(on: World) -> None:
    """Open issue 12 and, by linus, pull requests 63 (a draft) and 64."""
    on.issue(12)
    for number in (63, 64):
        on.pull_request(number)
    on.hub.set_draft("linus", REPOSITORY, 63, is_draft=True)
    for title in ("2.4", "Next Release"):
        on.hub.add_milestone("ada", REPOSITORY, title)
    on.hub.add_team("acme", "core", ["grace"])


async def test_pull_requests_are_marked_and_what_was_so_already_is_said(on: World):
    prepare(on)
    async with on.bot():
        await on.finished(on.say("/batch ready 63 64"))
        assert not pull_of(on.thread(63)).is_draft
        assert "marked as ready" in on.comment("report").body
        assert "was ready for review already" in on.comment("report").body
        await on.finished(on.say("/batch draft 63", on=12))
    assert pull_of(on.thread(63)).is_draft
    assert "made a draft" in on.said("tracking", on=12)


async def test_who_was_asked_for_a_review_is_told_from_who_was_not(on: World):
    prepare(on)
    on.hub.state.add_user("robot[bot]", UserType.BOT)
    async with on.bot():
        refused = await on.answer("/batch request +Grace +zed 64")
        assert "zed" in refused
        on.assert_nothing_started()
        await on.finished(on.say("/batch request +Grace +team:core +linus 64"))
        pull = pull_of(on.thread(64))
        assert [user.login for user in pull.requested_reviewers] == ["grace"]
        assert [team.slug for team in pull.requested_teams] == ["core"]
        said = on.said("tracking")
        assert "asked `Grace` and `team:core`" in said
        assert "linus wrote it, and GitHub asks no author for a review" in said
        await on.finished(on.say("/batch request +rita -grace 64", on=12))
    assert [user.login for user in pull.requested_reviewers] == ["rita"]
    assert "asked `rita`; no longer asks `grace`" in on.said("tracking", on=12)


async def test_a_milestone_is_named_as_the_repository_writes_it(on: World):
    prepare(on)
    async with on.bot():
        answer = await on.answer("/batch milestone 2.5 12")
        assert "There is no milestone `2.5`. The nearest is `2.4`" in answer
        assert '/batch milestone "2.4"' not in answer  # which nobody named
        on.assert_nothing_started()
        await on.finished(on.say('/batch milestone "next release" 12 63'))
        titles = [on.thread(n).milestone for n in (12, 63)]
        assert [one.title for one in titles if one] == ["Next Release"] * 2
        await on.finished(on.say('/batch milestone none milestone:"Next Release"'))
    assert [on.thread(n).milestone for n in (12, 63)] == [None, None]


@pytest.mark.parametrize("lacking", ["contents", "pull_requests"])
async def test_what_a_mark_needs_is_said_before_anything_starts(
    on: World, lacking: str
):
    prepare(on)
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, **{lacking: "read"})
    async with on.bot():
        answer = await on.answer("/batch ready 63")
        assert f"`{lacking}: write`, which `ready` needs" in answer
        on.assert_nothing_started()


async def test_a_plan_without_drafts_is_said_with_what_it_takes(on: World):
    prepare(on)
    on.repository.has_drafts = False
    async with on.bot():
        await on.finished(on.say("/batch draft 64"))
    said = on.said("report")
    assert "does not have permission to convert the pull request" in said
    assert "Private repositories have drafts with GitHub Team" in said
