"""What an ended batch changed is taken back, by a batch of its own."""

from bot.localhub.pulls import pull_of
from tests.flow.world import REPOSITORY, World


def prepare(on: World) -> None:
    """Open issue 12 (labelled ``old``) and 15, and pull request 63, a draft."""
    for number in (12, 15):
        on.issue(number)
    on.pull_request(63)
    on.hub.label("ada", REPOSITORY, 12, "old")
    on.hub.set_draft("linus", REPOSITORY, 63, is_draft=True)


def batches(on: World) -> list[str]:
    return [id_ for (id_,) in on.rows("SELECT id FROM batches ORDER BY number")]


def is_over(on: World) -> bool:
    return on.rows("SELECT 1 FROM batches WHERE NOT is_concluded") == []


def labels(on: World, number: int) -> list[str]:
    return [label.name for label in on.thread(number).labels]


async def test_one_change_is_taken_back_by_its_box_once(on: World):
    prepare(on)
    async with on.bot():
        await on.finished(on.say("/batch label +bug +old 12"))
        assert labels(on, 12) == ["old", "bug"]
        first = on.comment("tracking")
        assert first.body.count("batch:undo") == 1
        assert "Take back [#12]" in first.body
        on.hub.tick("ada", REPOSITORY, first.id, "batch:undo 12")
        await on.until(lambda: len(on.comments("tracking")) == 2 and is_over(on))
        # What was there before is not taken off.
        assert labels(on, 12) == ["old"]
        undone = on.comments("tracking")[1]
        assert "takes back what `" in undone.body
        assert "taken back by `" in on.comments("tracking")[0].body
        assert "batch:undo" not in on.comments("tracking")[0].body
        answer = await on.answer(f"/batch undo {batches(on)[0]}")
        assert "can be taken back, or it was already. Nothing started." in answer
    assert len(batches(on)) == 2


async def test_several_changes_are_taken_back_together_or_some_of_them(on: World):
    prepare(on)
    async with on.bot():
        await on.finished(on.say("/batch close not-planned 12 15 ready:63"))
        tracking = on.comment("tracking").body
        assert tracking.count("batch:undo") == 4
        assert (
            "Take all of it back: reopen 2 issues and make 1 pull request a draft"
            in (tracking)
        )
        await on.finished(on.say("/batch undo 12"))
        assert (on.thread(12).is_open, on.thread(15).is_open) == (True, False)
        first, second = on.comments("report")[0], on.comments("tracking")[1]
        assert "taken back by `" in first.body
        on.hub.tick("ada", REPOSITORY, on.comments("tracking")[0].id, "batch:undo -->")
        await on.until(lambda: on.thread(15).is_open and is_over(on))
    assert on.thread(15).is_open
    assert pull_of(on.thread(63)).is_draft
    assert on.comments("report")[0].body.count("taken back by `") == 2
    assert "takes back what" in second.body


async def test_a_milestone_that_somebody_has_set_since_stays(on: World):
    prepare(on)
    titles = ("2.3", "2.4", "3.0")
    one, _, other = [on.hub.add_milestone("ada", REPOSITORY, t) for t in titles]
    for number in (12, 15):
        on.hub.set_milestone("ada", REPOSITORY, number, one.number)
    async with on.bot():
        await on.finished(on.say('/batch milestone "2.4" 12 15'))
        on.hub.set_milestone("ada", REPOSITORY, 12, other.number)
        await on.finished(on.say("/batch undo"))
    now = [on.thread(n).milestone for n in (12, 15)]
    assert [m.title for m in now if m] == ["3.0", "2.3"]
    assert "somebody has put it into `3.0` since" in on.comments("report")[1].body


async def test_it_takes_the_role_of_what_was_done(on: World):
    prepare(on)
    async with on.bot():
        await on.finished(on.say("/batch close 12"))
        on.say("/batch undo", by="linus")
        await on.until(lambda: on.comments("error"))
        assert not on.thread(12).is_open
        on.say("/batch undo", by="grace")
        await on.until(lambda: on.thread(12).is_open)


async def test_nothing_of_a_live_batch_is_taken_back(on: World):
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    on.issue(15)
    async with on.bot():
        command = on.say("/batch 12 close:15")
        await on.until(lambda: not on.thread(15).is_open)
        answer = await on.answer("/batch undo")
        assert "it still runs" in answer
        go.touch()
        await on.finished(command)
    assert not on.thread(15).is_open
