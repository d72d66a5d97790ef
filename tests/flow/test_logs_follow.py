"""One comment is followed from its delivery to the report by the log alone."""

import io
import json
from typing import Any

from bot.localhub.faults import Fault, FaultKind
from tests.flow.world import REPOSITORY, World

Line = dict[str, Any]


def those(lines: list[Line], **wanted: object) -> list[Line]:
    """Return the lines that have all of *wanted*."""
    return [line for line in lines if wanted.items() <= line.items()]


def one(lines: list[Line], **wanted: object) -> Line:
    (line,) = those(lines, **wanted)
    return line


async def logged(on: World, stream: io.StringIO, text: str) -> tuple[list[Line], int]:
    """Run a batch; return the log, and the id of the command's comment."""
    async with on.bot():
        command = on.say(text)
        await on.finished(command)
        await on.dealt_with()
        await on.until(lambda: on.rows("SELECT 1 FROM batches WHERE is_concluded"))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["logger"].startswith("bot.")], command.id


async def test_a_comment_is_followed_to_its_report(on: World, stream: io.StringIO):
    on.issue(12, "write a b\nexit 75 once")
    on.issue(15, "write c d")
    lines, comment_id = await logged(on, stream, "/batch 12 15 after:12")

    # comment → delivery → batch
    source = f"issue_comment:{comment_id}"
    created = one(lines, event="batch created")
    assert created["source"] == f"{source}.0"
    assert (created["repository"], created["thread"]) == (REPOSITORY, 40)
    delivery, batch = created["delivery"], created["batch"]
    settled = one(lines, event="delivery settled", delivery=delivery)
    assert settled["outcome"] == f"batch {batch}"
    assert {line["source"] for line in those(lines, delivery=delivery, thread=40)} >= {
        source
    }

    # batch → items → attempts, in the order of what happened
    of_batch = those(lines, batch=batch)
    happened = [
        (line["event"], line.get("attempt", ""))
        for line in of_batch
        if line["logger"] == "bot.engine.journal" and line["level"] != "debug"
    ]
    assert [h for h in happened if h[0].startswith("item ")] == [
        ("item started", f"{batch}-12-1"),
        ("item retrying", f"{batch}-12-1"),
        ("item started", f"{batch}-12-2"),
        ("item accepted", f"{batch}-12-2"),
        ("item ended", f"{batch}-12-2"),
        ("item started", f"{batch}-15-1"),
        ("item accepted", f"{batch}-15-1"),
        ("item ended", f"{batch}-15-1"),
    ]
    assert [h[0] for h in happened if not h[0].startswith("item ")] == [
        "batch started",
        "tracking commented",
        "batch finished",
        "reported",
        "batch concluded",
    ]

    # attempt → effects
    for item, attempt in (("12", f"{batch}-12-2"), ("15", f"{batch}-15-1")):
        effects = those(lines, event="effect done", item=item)
        assert {e["repository"] for e in effects} == {REPOSITORY}
        assert effects[0]["branch"] == f"batch/{batch}/{item}"
        number = on.pull_requests()[int(item)].number
        assert effects[1]["url"].endswith(f"/{REPOSITORY}/pull/{number}")
        assert [(e["kind"], e["key"], e["attempt"], e["batch"]) for e in effects] == [
            ("push_branch", f"{batch}-{item}/push", attempt, batch),
            ("open_pull_request", f"{batch}-{item}/pull-request", attempt, batch),
        ]

    # batch → report
    report = one(lines, event="effect done", key=f"{batch}/report")
    reported = one(lines, event="reported", batch=batch)
    assert report["batch"] == batch
    assert reported["url"].endswith(f"#issuecomment-{on.comment('report').id}")
    assert reported["delivery"] == delivery

    # Every change on GitHub has its line, and every line says what it belongs to.
    keys = {line["key"] for line in lines if line["event"] == "effect done"}
    assert keys == {key for (key,) in on.rows("SELECT key FROM effects")}
    assert those(lines, level="warning") == those(lines, level="error") == []
    assert [line for line in lines if not says_of_what(line)] == []


def says_of_what(line: Line) -> bool:
    """Return whether a line says what it is about, as far as that was known."""
    if line["logger"] in ("bot.app", "bot.engine.examination"):
        return True
    if "attempt" in line:
        of, _, _ = line["attempt"].rpartition("-")
        return bool(of == f"{line['batch']}-{line['item']}")
    if "item" in line:
        return "batch" in line
    if line["logger"] == "bot.engine.journal":
        return "batch" in line
    is_of_batch = "key" in line and not line["key"].startswith(("react/", "reply/"))
    return "delivery" in line and ("batch" in line or not is_of_batch)


async def test_what_is_lost_and_found_is_told(on: World, stream: io.StringIO):
    on.issue(12, "write a b")
    path = f"/repos/{REPOSITORY}/pulls$"
    on.hub.faults.add(Fault(FaultKind.LOST_ANSWER, method="POST", path=path))
    lines, _ = await logged(on, stream, "/batch 12")
    batch = one(lines, event="batch created")["batch"]
    key = f"{batch}-12/pull-request"
    mine = [line for line in lines if line.get("key") == key]
    assert [(line["event"], line["level"]) for line in mine] == [
        ("effect unanswered", "info"),
        ("effect found", "info"),
    ]
    assert {line["attempt"] for line in mine} == {f"{batch}-12-1"}


async def test_a_refusal_is_followed_as_well(on: World, stream: io.StringIO):
    async with on.bot():
        on.say("/batch 99")
        await on.dealt_with()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    settled = one(lines, event="delivery settled", outcome="refused")
    mine = those(lines, delivery=settled["delivery"])
    assert [line["event"] for line in mine].count("effect done") == 3
    keys = [line["key"] for line in mine if "key" in line]
    assert [key.split("/")[0] for key in keys] == ["react", "reply", "react"]
    assert keys[1].startswith("reply/error/issue_comment:")


async def test_controls_name_their_batch(on: World, stream: io.StringIO):
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    async with on.bot():
        first = on.say("/batch 12")
        await on.until(lambda: on.comments("tracking"))
        await on.answer("/batch pause")
        await on.answer("/batch resume")
        go.touch()
        await on.finished(first)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    batch = one(lines, event="batch created")["batch"]
    for verb, past in (("pause", "batch paused"), ("resume", "batch resumed")):
        settled = one(lines, event="delivery settled", outcome=f"{verb} {batch}")
        mine = those(lines, delivery=settled["delivery"], batch=batch)
        (reply,) = [line for line in mine if f"reply/{verb}/" in line.get("key", "")]
        given = one(
            lines, event="control given", batch=batch, source=f"{reply['source']}.0"
        )
        assert one(lines, event=past, batch=batch)["by"] == given["by"] == "ada"
