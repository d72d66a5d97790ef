"""Where a command is read: comments, reviews and comments on lines; never an edit."""

import pytest

from bot.localhub.reviews import LineComment
from tests.flow.world import REPOSITORY, World


async def test_a_command_in_the_body_of_a_review_is_run(on: World):
    on.issue(12)
    on.pull_request(63)
    on.hub.add_label(REPOSITORY, "x")
    async with on.bot():
        review = on.hub.review(
            "grace",
            REPOSITORY,
            63,
            event="COMMENT",
            body="Looks right.\n\n/batch label +x 12",
        )
        await on.until(lambda: on.comments("report", on=63))
        await on.until(lambda: len(review.reactions) == 3)
    assert [r.content for r in review.reactions] == ["eyes", "rocket", "hooray"]
    assert [label.name for label in on.thread(12).labels] == ["x"]
    assert f"pullrequestreview-{review.id}" in on.comment("report", on=63).body


async def test_a_fault_in_a_review_is_answered_on_its_pull_request(on: World):
    on.pull_request(63)
    async with on.bot():
        on.hub.review("grace", REPOSITORY, 63, event="APPROVE", body="/batch statsu")
        await on.dealt_with()
        assert "did you mean status?" in on.comment("error", on=63).body
        on.assert_nothing_started()


async def test_a_command_in_a_comment_on_a_line_is_run(on: World):
    on.issue(12)
    on.pull_request(63)
    for label in ("x", "y"):
        on.hub.add_label(REPOSITORY, label)
    async with on.bot():
        comment = on.hub.review_comment(
            "grace",
            REPOSITORY,
            63,
            LineComment("topic63.txt", "/batch label +x 12", line=1),
        )
        await on.until(lambda: len(comment.reactions) == 3)
        reply = on.hub.reply_to_review_comment(
            "grace", REPOSITORY, comment.id, "/batch label +y 12"
        )
        await on.until(lambda: len(reply.reactions) == 3)
    assert [r.content for r in reply.reactions] == ["eyes", "rocket", "hooray"]
    assert [label.name for label in on.thread(12).labels] == ["x", "y"]
    assert len(on.comments("report", on=63)) == 2
    assert f"discussion_r{comment.id}" in on.comments("report", on=63)[0].body


async def test_an_edited_comment_starts_nothing(on: World):
    on.issue(12)
    async with on.bot():
        harmless = on.say("Nothing yet.")
        faulty = on.say("/batch label +x 1x2")
        await on.dealt_with()
        for comment in (harmless, faulty):
            on.hub.edit_comment("ada", REPOSITORY, comment.id, "/batch label +x 12")
        await on.dealt_with()
        on.assert_nothing_started()
    assert on.reactions(harmless) == set()
    assert on.reactions(faulty) == {"eyes", "confused"}
    assert len(on.replies()) == 1


async def test_a_description_starts_nothing(on: World):
    on.issue(12)
    async with on.bot():
        on.issue(15, "/batch label +x 12")
        on.pull_request(63, "/batch label +x 12", title="/batch label +x 12")
        on.hub.edit_thread("ada", REPOSITORY, 15, body="/batch label +y 12")
        await on.dealt_with()
        on.assert_nothing_started()
    assert on.replies(on=15) == on.replies(on=63) == []


async def test_the_lines_of_a_comment_run_in_order(on: World):
    on.issue(12)
    async with on.bot():
        command = on.say("/batch help\n\n/batch label +x 12\n/batch status\n")
        await on.until(lambda: on.comments("report"))
        await on.dealt_with()
        # It marks the command last, and nobody waits for that.
        await on.until(lambda: on.reactions(command) >= {"eyes", "rocket"})
    kinds = [c.body.split(" ")[1] for c in on.thread().comments[1:]]
    answers = [kind for kind in kinds if kind not in ("batch-bot:report",)]
    assert [a.removeprefix("batch-bot:") for a in answers if "tracking" not in a] == [
        "help",
        "status",
    ]


@pytest.mark.parametrize(
    "faulty", ["/batch 1x5", "/batch 12 -15", "/batch 99", "/batch merge 12"]
)
async def test_no_line_of_a_comment_runs_if_one_has_a_fault(on: World, faulty: str):
    on.issue(12)
    async with on.bot():
        command = on.say(f"/batch label +x 12\n\n{faulty}\n")
        await on.dealt_with()
        on.assert_nothing_started()
    assert on.reactions(command) == {"eyes", "confused"}
    assert "nothing started" in on.comment("error").body.lower()
    assert on.thread(12).labels == []


async def test_no_line_of_a_comment_runs_if_one_needs_more_than_the_person_has(
    on: World,
):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer("/batch label +x 12\n/batch close 15", by="linus")
        on.assert_nothing_started()


async def test_all_faults_of_a_comment_are_in_one_answer(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        said = await on.answer(
            "/batch concurency:2 15\n\n/batch status\n\n/batch retires:3 12\n"
        )
    assert "/batch concurency:2 15\n       ^^^^^^^^^^ 1" in said
    assert "/batch retires:3 12\n       ^^^^^^^ 2" in said
    assert said.count("/batch status") == 1  # in what to copy, under no caret
