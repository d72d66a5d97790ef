"""A retry after the report is a new batch, linked both ways."""

from bot.localhub import pulls
from tests.flow.world import World


async def test_a_retry_after_the_report_builds_on_what_succeeded(on: World):
    on.issue(12, "write a b")
    on.issue(15, "write c d")
    flag = on.folder / "mended"
    on.issue(18, f"write e f\nexit 1 unless {flag}")
    async with on.bot():
        first = on.say("/batch 12 15 18 after:12")
        await on.finished(first)
        name = on.comment("tracking").body.split("`")[1]
        assert f"`/batch retry {name}`" in on.comment("report").body
        flag.touch()
        again = on.say("/batch retry")  # the last batch of the thread
        await on.finished(again)
        old, new = on.comments("tracking")
        other = new.body.split("`")[1]
        assert f"runs again in `{other}`" in old.body
        assert f"runs again what did not succeed in `{name}`" in new.body
    assert on.reactions(again) == {"eyes", "rocket", "hooray"}
    opened = {t.pull.head_ref: t for t in on.repository.threads.values() if t.pull}
    assert set(opened) == {f"batch/{name}/12", f"batch/{name}/15", f"batch/{other}/18"}
    stacked = pulls.pull_of(opened[f"batch/{other}/18"])
    assert stacked.base_ref == f"batch/{name}/12"


async def test_a_ticked_box_of_the_report_starts_it_once(on: World):
    on.issue(12, f"write a b\nexit 1 unless {on.folder / 'mended'}")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        (on.folder / "mended").touch()
        report = on.comment("report")
        ticked = report.body.replace("- [ ] <!-- batch:retry", "- [x] <!-- batch:retry")
        on.hub.edit_comment("ada", "acme/widgets", report.id, ticked)
        await on.until(lambda: len(on.comments("report")) == 2)
    assert set(on.pull_requests()) == {12}


async def test_there_is_nothing_to_retry_where_all_succeeded(on: World):
    on.issue(12, "write a b")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        name = on.comment("tracking").body.split("`")[1]
        on.say(f"/batch retry {name}")
        await on.until(lambda: on.comments("error"))
    assert "succeeded. Nothing started." in on.comment("error").body


async def test_what_waits_for_what_will_never_be_done_is_not_tried_again(on: World):
    on.issue(12)
    on.issue(14)
    async with on.bot():
        first = on.say("/batch label +bug 14 after:12")
        await on.until(lambda: on.comments("tracking"))
        on.hub.close("ada", "acme/widgets", 12, reason="not_planned")
        await on.finished(first)
        on.say("/batch retry")
        await on.until(lambda: on.comments("error"))
        said = on.comment("error").body
        assert "#14 waits for #12 (`after:`), which was closed as not planned" in said
        assert "nothing started" in said
        assert len(on.comments("tracking")) == 1
        # Once it is done after all the retry goes through, and waits no more.
        on.hub.close("ada", "acme/widgets", 12, reason="completed")
        await on.finished(on.say("/batch retry"))
    assert "bug" in [label.name for label in on.thread(14).labels]


async def test_a_second_retry_takes_what_the_last_one_left(on: World):
    for number, flag in ((12, "one"), (15, "two")):
        on.issue(number, f"write f{number} b\nexit 1 unless {on.folder / flag}")
    on.issue(18, "write e f")
    async with on.bot():
        await on.finished(on.say("/batch 12 15 18 after:12"))
        name = on.comment("tracking").body.split("`")[1]
        (on.folder / "one").touch()
        await on.finished(on.say(f"/batch retry {name}"))
        (on.folder / "two").touch()
        await on.finished(on.say(f"/batch retry {name}"))
        said = await on.answer(f"/batch retry {name}")
    ran = "SELECT batch, item FROM items JOIN batches ON batches.id = batch"
    rows = on.rows(f"{ran} WHERE json_extract(batches.data, '$.retry_of') IS NOT NULL")
    first, *_ = rows[0]
    assert sorted(item for batch, item in rows if batch == first) == ["12", "15", "18"]
    assert [item for batch, item in rows if batch != first] == ["15"]
    assert set(on.pull_requests()) == {12, 15, 18}
    assert "succeeded. Nothing started." in said
