"""Two items on one number: each has its own place, and a typed number means both."""

import re

from tests.flow.world import REPOSITORY, World


def items(on: World) -> list[tuple[str, int, str]]:
    return on.rows("SELECT item, number, state FROM items ORDER BY batch, item")


async def test_a_number_is_asked_for_twice_with_different_actions(on: World):
    on.issue(12)
    on.issue(15)
    on.hub.add_label(REPOSITORY, "ready")
    async with on.bot():
        circle = await on.answer("/batch label +ready close:12 after:15 12 15 after:12")
        assert "#12 (close) → #15 → #12 (close)" in circle
        command = on.say("/batch label +ready 12 close:12 after:12")
        await on.finished(command)
    assert items(on) == [("12", 12, "completed"), ("12-close", 12, "completed")]
    ends = on.rows("SELECT item FROM events WHERE kind = 'ItemEnded' ORDER BY seq")
    assert ends == [("12",), ("12-close",)]
    assert [label.name for label in on.thread(12).labels] == ["ready"]
    assert not on.thread(12).is_open
    tracking, report = on.comment("tracking").body, on.comment("report").body
    for name in ("#12 (label)", "#12 (close)"):
        assert f"✅ {name} — " in tracking
        assert f"✅ {name} — " in report
    assert "12-close" not in re.sub("<!--.*?-->", "", tracking + report)
    assert 'i12_close["#35;12 (close) done"]' in tracking


async def test_controls_by_number_mean_every_item_on_it(on: World):
    on.issue(12, f"wait {on.folder / 'go'}\nexit 1 unless {on.folder / 'mended'}")
    on.issue(15, f"wait {on.folder / 'go'}")
    async with on.bot():
        command = on.say("/batch 12 15 close:12 after:12 close:15 after:15")
        await on.until(lambda: ("12", 12, "running") in items(on))
        why = await on.answer("/batch why 12")
        assert "issues/12) (implement) has been running for" in why
        assert "issues/12) (close) is not running: waits for [#12]" in why
        answer = await on.answer("/batch cancel 15")
        assert answer.startswith("🚫 Cancelling [#15]")
        assert "(implement) and [#15]" in answer
        answer = await on.answer("/batch skip 12")
        assert answer.startswith("⏭️ Skipped [#12]")
        assert "(close) in batch" in answer
        assert "not in a state" not in answer
        (on.folder / "go").touch()
        await on.finished(command)
        assert items(on) == [
            ("12", 12, "failed"),
            ("12-close", 12, "skipped"),
            ("15", 15, "cancelled"),
            ("15-close", 15, "cancelled"),
        ]
        (on.folder / "mended").touch()
        report = on.comment("report")
        boxes = [f"- [ ] <!-- batch:retry {name} -->" for name in ("12", "12-close")]
        assert [report.body.count(box) for box in boxes] == [1, 1]
        ticked = report.body.replace(boxes[0], boxes[0].replace("[ ]", "[x]"))
        on.hub.edit_comment("ada", REPOSITORY, report.id, ticked)
        await on.until(lambda: len(on.comments("report")) == 2)
    again = on.rows("SELECT id FROM batches ORDER BY number DESC LIMIT 1")
    rows = on.rows(f"SELECT item, state FROM items WHERE batch = '{again[0][0]}'")  # noqa: S608
    assert rows == [("12", "completed"), ("12-close", "completed")]
