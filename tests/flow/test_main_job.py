"""A maintainer writes the reference command and walks away."""

from bot.localhub import pulls
from tests.flow.world import World


async def test_one_comment_becomes_a_batch_with_three_stacked_pull_requests(on: World):
    for number in (12, 15, 18):
        on.issue(number, f"write file{number}.txt hello")
    async with on.bot():
        command = on.say("Let's go.\n\n/batch 12 15 18 after:12")
        await on.until(lambda: "eyes" in on.reactions(command))
        await on.finished(command)
    assert on.reactions(command) == {"eyes", "rocket", "hooray"}
    opened = on.pull_requests()
    assert set(opened) == {12, 15, 18}
    bases = {number: pulls.pull_of(t).base_ref for number, t in opened.items()}
    branch = pulls.pull_of(opened[12]).head_ref
    assert bases == {12: "main", 15: "main", 18: branch}
    files = {n: [f.path for f in pulls.changes(t).files] for n, t in opened.items()}
    assert files == {n: [f"file{n}.txt"] for n in (12, 15, 18)}
    assert all(pulls.pull_of(thread).is_draft for thread in opened.values())
    tracking = on.comment("tracking").body
    assert "finished — 3 of 3 done" in tracking
    report = on.comment("report").body
    assert "@ada" in report
