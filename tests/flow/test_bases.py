"""What work builds on is merged, closed, renamed or deleted before it, or under it."""

import pytest

from bot.localhub import mergeability, pulls
from bot.localhub.faults import Fault
from tests.flow.moving import changed, delete_branch, head_of, is_at_work, merge
from tests.flow.world import REPOSITORY, World


@pytest.mark.parametrize("method", ["squash", "merge"])
async def test_work_on_a_branch_that_is_merged_meanwhile_moves_to_the_default_branch(
    on: World, method: str
):
    on.issue(12, "write a.txt one")
    go = on.folder / "go"
    on.issue(15, f"write b.txt two\nwait {go}")
    on.issue(18, "cat a.txt\ncat b.txt\nwrite d.txt four")
    on.repository.deletes_branch_on_merge = method == "squash"
    async with on.bot():
        command = on.say("/batch 12 15 after:12 18 after:12,15")
        await on.until(lambda: 12 in on.pull_requests() and is_at_work(on))
        merge(on, 12, method)
        on.hub.push("ada", REPOSITORY, "main", {"c.txt": "c\n"}, message="Go on")
        go.touch()
        await on.finished(command)
    opened = on.pull_requests()[15]
    assert pulls.pull_of(opened).base_ref == "main"
    assert changed(opened) == ["b.txt"]
    assert mergeability.is_mergeable(opened)
    git = on.repository.git
    assert git.read_file(pulls.pull_of(opened).head_sha, "c.txt") == b"c\n"
    last = on.pull_requests()[18]  # all that it needs is in one of the two by now
    assert pulls.pull_of(last).base_ref == head_of(on, 15)
    assert changed(last) == ["d.txt"]
    was = on.pull_requests()[12].number
    assert f"While this was made, PR {was} was merged (" in opened.body
    assert "moved onto main" in on.said("report")


async def test_work_starts_from_what_became_of_its_bases_and_from_the_new_default(
    on: World,
):
    """#15 needs what was merged, #18 what was closed, #19 nothing."""
    on.issue(12, "write a.txt one")
    on.issue(13, "write d.txt four")
    go = on.folder / "go"
    on.issue(14, f"wait {go}")
    on.issue(15, "cat a.txt\nwrite b.txt two")
    on.issue(18, "write e.txt five")
    on.issue(19, "write f.txt six")
    async with on.bot():
        words = "12 13 14 15 after:12,14 18 after:13,14 19 after:14"
        command = on.say(f"/batch {words} concurrency:3")
        await on.until(lambda: {12, 13} <= set(on.pull_requests()))
        merge(on, 12)
        delete_branch(on, 12)
        closed = on.pull_requests()[13].number
        on.hub.close("ada", REPOSITORY, closed)
        on.hub.rename_branch("acme", REPOSITORY, "main", "trunk")
        go.touch()
        await on.finished(command)
    opened = on.pull_requests()
    assert set(opened) == {12, 13, 15, 19}
    for item in (15, 19):
        assert pulls.pull_of(opened[item]).base_ref == "trunk"
    assert changed(opened[15]) == ["b.txt"]
    reason = f"it builds on #13, and PR {closed} was closed without a merge"
    assert reason in on.said("report").replace("\u2060", "")


async def test_what_cannot_be_moved_is_published_as_it_is_and_says_so(on: World):
    on.issue(12, "write a.txt one")
    go = on.folder / "go"
    on.issue(15, f"write a.txt two\nwait {go}")
    async with on.bot():
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: 12 in on.pull_requests() and is_at_work(on))
        on.hub.close("ada", REPOSITORY, on.pull_requests()[12].number)
        delete_branch(on, 12)
        on.hub.push("ada", REPOSITORY, "main", {"a.txt": "no\n"}, message="Other")
        go.touch()
        await on.finished(command)
    opened = on.pull_requests()[15]
    assert pulls.pull_of(opened).base_ref == "main"
    assert "it could not be moved onto `main`" in opened.body
    assert "a.txt" in opened.body
    assert "could not be moved onto main" in on.said("report")


def opened(on: World) -> list[int]:
    """Return the bot's pull requests."""
    threads = on.repository.threads.values()
    return [t.number for t in threads if t.author is on.hub.app.bot and t.pull]


async def test_an_issue_never_gets_a_second_pull_request_by_surprise(on: World):
    on.issue(12, "write a.txt one")
    on.issue(15, "cat a.txt\nwrite b.txt two")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        (first,) = opened(on)
        answer = await on.answer("/batch implement 12")
        assert f"#12 has its pull request open already ([PR {first}](" in answer
        assert "/batch implement 12 again" in answer
        # It is closed while that is planned, and reopened before it is started.
        on.hub.close("ada", REPOSITORY, first)
        await on.answer("/batch plan 12 15 after:12")
        on.hub.reopen("ada", REPOSITORY, first)
        on.say("/batch start")
        await on.until(lambda: len(on.comments("report")) == 2)
        stacked = opened(on)[-1]
        assert opened(on) == [first, stacked]
        assert f"[PR {first}]" in on.said("report")
        assert pulls.pull_of(on.thread(stacked)).base_ref == head_of(on, 12)
        await on.finished(on.say("/batch implement 12 again"))
        third = on.thread(opened(on)[-1])
        assert third.number not in (first, stacked)
        assert f"Beside [#{first}](" in third.body


async def test_a_retry_takes_the_pull_request_that_there_is_by_then(on: World):
    on.issue(12, f"write a.txt one\nexit 1 unless {on.folder / 'mended'}")
    async with on.bot():
        failed = on.say("/batch 12")
        await on.finished(failed)
        name = on.comment("tracking").body.split("`")[1]
        (on.folder / "mended").touch()
        await on.finished(on.say("/batch implement 12"))
        on.say(f"/batch retry {name}")
        await on.until(lambda: len(on.comments("report")) == 3)
    (only,) = opened(on)
    assert f"[PR {only}]" in on.said("report")
    assert "its pull request is open already" in on.said("report")


@pytest.mark.parametrize("is_in_the_way", [False, True])
async def test_a_retry_sends_a_pull_request_whose_base_was_merged_where_that_went(
    on: World, is_in_the_way: bool
):
    """The branch of the base is kept, so that GitHub leaves the pull request on it."""
    on.issue(12, "write a.txt one")
    on.issue(15, f"cat a.txt\nwrite b.txt two\nexit 1 unless {on.folder / 'mended'}")
    async with on.bot():
        await on.finished(on.say("/batch 12 15 after:12"))
        name = on.comment("tracking").body.split("`")[1]
        (on.folder / "mended").touch()
        on.say("/batch 12 again 15 after:12")
        await on.until(lambda: len(on.comments("report")) == 2)
        below, stacked = opened(on)[1:]
        assert pulls.pull_of(on.thread(stacked)).base_ref.endswith("/12")
        on.hub.set_draft("ada", REPOSITORY, below, is_draft=False)
        on.hub.merge("ada", REPOSITORY, below, method="squash")
        was = pulls.pull_of(on.thread(stacked)).head_sha
        others = {"b.txt" if is_in_the_way else "c.txt": "no\n"}
        on.hub.push("ada", REPOSITORY, "main", others, message="Go on")
        on.say(f"/batch retry {name}")
        await on.until(lambda: len(on.comments("report")) == 3)
    pull = pulls.pull_of(on.thread(stacked))
    assert opened(on)[-1] == stacked
    assert pull.base_ref == "main"
    assert mergeability.is_mergeable(on.thread(stacked)) is not is_in_the_way
    if is_in_the_way:
        how = "goes to main now as it is: the change conflicts with main in b.txt"
        assert pull.head_sha == was
    else:
        how = "is open already and goes to main now"
        assert changed(on.thread(stacked)) == ["b.txt"]
        assert on.repository.git.is_ancestor(was, pull.head_sha)
    assert f"its pull request {how}" in on.said("report").replace("\u2060", "")


async def test_work_that_was_pushed_is_moved_after_a_restart(on: World):
    """Its pull request could not be opened before, and its base was merged meanwhile."""
    on.issue(12, "write a.txt one")
    go = on.folder / "go"
    on.issue(15, f"write b.txt two\nwait {go}")
    async with on.bot(SHUTDOWN_TIMEOUT="1"):
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: 12 in on.pull_requests() and is_at_work(on))
        on.hub.faults.add(Fault(method="POST", path="/pulls$", times=None))
        go.touch()
        branch = head_of(on, 12).replace("/12", "/15")
        await on.until(lambda: on.repository.git.resolve(f"refs/heads/{branch}"))
    pushed = on.repository.git.resolve(branch)
    merge(on, 12)
    delete_branch(on, 12)
    on.hub.faults.clear()
    async with on.bot():
        await on.finished(command)
    opened = on.pull_requests()[15]
    assert changed(opened) == ["b.txt"]
    assert pulls.pull_of(opened).head_sha != pushed
    assert on.rows("SELECT count(*) FROM events WHERE kind = 'ItemStarted'") == [(2,)]
