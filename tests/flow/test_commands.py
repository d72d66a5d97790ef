"""What a command selects, from the comment to the items that were worked on."""

import pytest

from tests.flow.world import REPOSITORY, World


def prepare(on: World) -> None:
    """Open issues 12, 15, 18, 19 and 23 (closed), pull requests 63 and 64, and #30
    with the parts 12 and 23 and the tasks 15, 18 and (ticked) 19.
    """
    for number in (12, 15, 18, 19, 23):
        on.issue(number)
    parent = on.issue(30, "- [ ] #15\n- [ ] #18\n- [x] #19\n- [ ] later\n")
    for number in (63, 64):
        on.pull_request(number)
    on.hub.close("ada", REPOSITORY, 23)
    for number in (12, 63):
        on.hub.label("ada", REPOSITORY, number, "good first issue")
    on.hub.add_milestone("ada", REPOSITORY, "2.4")
    on.hub.set_milestone("ada", REPOSITORY, 18, 1)
    on.hub.assign("ada", REPOSITORY, 19, "grace")
    for number in (12, 23):
        on.hub.add_sub_issue("ada", parent, on.thread(number))


SELECTED = {
    "12": [12],
    "#12, #15 and 18": [12, 15, 18],
    "12..19": [12, 15, 18, 19],
    "12\u201319 -15 -18..19": [12],
    "this": [40],
    "acme/widgets#12": [12],
    "http://github.localhost/acme/widgets/pull/63": [63],
    'label:"good first issue"': [12, 63],
    "milestone:2.4": [18],
    "author:linus": [63, 64],
    "assignee:grace": [19],
    "is:open is:issue -no:milestone": [18],
    'type:pr no:assignee label:"good first issue" -is:draft': [63],
    "sub-issues:30": [12],
    "tasks:30": [15, 18],
    "12 12 author:linus -64": [12, 63],
    "(12 15)": [12, 15],
}


async def test_a_command_works_on_the_items_that_it_selects_and_no_others(
    on: World, subtests: pytest.Subtests
):
    prepare(on)
    site = on.hub.html_url
    async with on.bot():
        for place, (words, expected) in enumerate(SELECTED.items()):
            with subtests.test(words):
                typed = words.replace("http://github.localhost", site)
                command = on.say(f"/batch label +done{place} {typed}")
                await on.finished(command)
                assert on.reactions(command) == {"eyes", "rocket", "hooray"}
                done = [
                    thread.number
                    for thread in on.repository.threads.values()
                    if any(label.name == f"done{place}" for label in thread.labels)
                ]
                assert done == expected


async def test_reactions_and_comments_come_in_the_order_that_people_expect(on: World):
    on.issue(12, "write a.txt a")
    async with on.bot():
        command = on.say("/batch 12")
        await on.finished(command)
    assert [r.content for r in command.reactions] == ["eyes", "rocket", "hooray"]
    assert [r.user.login for r in command.reactions] == ["batch-bot[bot]"] * 3
    kinds = [c.body.split(" ")[1] for c in on.thread().comments[1:]]
    assert kinds == ["batch-bot:tracking", "batch-bot:report"]
    tracking, report = on.comment("tracking"), on.comment("report")
    assert tracking.pinned_at is None  # taken off at the end
    pins = [e.kind for e in on.thread().events if "pinned" in e.kind]
    assert pins == ["comment_pinned", "comment_unpinned"]
    assert f"issuecomment-{report.id}" in tracking.body
    assert f"issuecomment-{tracking.id}" in report.body
    assert f"issuecomment-{command.id}" in report.body


async def test_a_batch_with_a_failure_ends_with_a_frown(on: World):
    on.issue(12, "exit 1")
    on.issue(15, "write a.txt a")
    async with on.bot():
        command = on.say("/batch 12 15")
        await on.finished(command)
    assert on.reactions(command) == {"eyes", "rocket", "confused"}
    assert "finished — 1 of 2 done, 1 failed" in on.comment("tracking").body
    assert "batch:retry 12" in on.comment("report").body


async def test_text_around_a_command_is_nobodys_business(on: World):
    on.issue(12)
    async with on.bot():
        command = on.say(
            "> /batch close 12\n\nNo: `/batch close 12` is wrong.\n\n"
            "```\n/batch close 12\n```\n\n<!--\n/batch close 12\n-->\n\n"
            "/batch label +x 12\n\n    /batch close 12\n"
        )
        await on.finished(command)
    assert on.thread(12).is_open
    assert len(on.rows("SELECT id FROM batches")) == 1


async def test_a_batch_can_be_given_on_a_pull_request(on: World):
    on.issue(12)
    on.pull_request(63)
    async with on.bot():
        command = on.say("/batch label +x 12 this", on=63)
        await on.finished(command)
    assert on.reactions(command) == {"eyes", "rocket", "hooray"}
    assert "finished — 2 of 2 done" in on.comment("tracking", on=63).body
    assert on.comment("tracking", on=63).pinned_at is None
    assert on.thread(63).labels == on.thread(12).labels != []


async def test_a_batch_from_a_locked_thread_reports_once_it_is_unlocked(on: World):
    on.issue(12)
    on.hub.lock("ada", REPOSITORY, 40)
    async with on.bot():
        await on.finished(on.say("/batch label +x 12"))
        assert [label.name for label in on.thread(12).labels] == ["x"]
        assert on.comments("report") == []
        on.hub.unlock("ada", REPOSITORY, 40)
        await on.until(lambda: on.comments("report"))
    assert "1 of 1 done" in on.comment("report").body


async def test_one_change_that_is_made_at_once_is_one_comment_without_a_pin(on: World):
    on.issue(12)
    async with on.bot():
        await on.finished(on.say("/batch label +x 12"))
        await on.until(lambda: on.rows("SELECT 1 FROM batches WHERE is_concluded"))
        own = [c for c in on.thread().comments if c.author is on.hub.app.bot]
        assert len(own) == 1
        assert "- [x] ✅ #12 — labelled `x`" in own[0].body
        assert "→ [report]" not in own[0].body
    assert [p for p in on.hub.log if p.path.endswith("/pin")] == []


async def test_who_took_part_can_be_assigned_and_what_github_hides_stops_nothing(
    on: World,
):
    on.issue(12)
    on.issue(15)
    on.hub.add_user("oscar")
    on.hub.comment("oscar", REPOSITORY, 12, "I have seen this too.")
    async with on.bot():
        refused = await on.answer("/batch assign +oscar 15")
        taken = on.say("/batch assign +oscar 12")
        await on.finished(taken)
        on.hub.unseen[r"repository\.u0"] = ("FORBIDDEN", "Resource not accessible")
        hidden = on.say("/batch assign +nobody 15")
        await on.finished(hidden)
    assert "`oscar` cannot be assigned here." in refused
    assert [user.login for user in on.thread(12).assignees] == ["oscar"]
    assert on.reactions(hidden) == {"eyes", "rocket", "confused"}
