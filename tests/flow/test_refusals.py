"""What bad input gets: every row of the table, from the comment to the answer."""

import itertools
import re
from dataclasses import dataclass

import pytest

from tests.flow.world import World

UNREADABLE = "😕 I could not read that command, so nothing started."
CANNOT_WAIT = "#12 cannot wait for itself."
COPY = "Copy this into a new comment:"


@dataclass(frozen=True)
class Row:
    """A command with the first line of its answer.

    *pointed_out* is what stands in the fence below it, *corrected* the command to copy.
    """

    command: str
    first_line: str
    pointed_out: str = ""
    corrected: str = ""
    said: tuple[str, ...] = ()

    def block(self) -> tuple[str, list[str]]:
        """Return the fence, and the lines below it: what *pointed_out* has in one."""
        messages = re.findall(r"^ *\^+ (.*)$", self.pointed_out, re.MULTILINE)
        block = re.sub(r"^( *\^+) .*$", r"\1", self.pointed_out, flags=re.MULTILINE)
        if len(messages) < 2:
            return block, [f"{one[:1].upper()}{one[1:]}" for one in messages]
        number = itertools.count(1)
        block = re.sub(r"\^$", lambda _: f"^ {next(number)}", block, flags=re.MULTILINE)
        return block, [
            f"{place}. {one[:1].upper()}{one[1:]}"
            for place, one in enumerate(messages, 1)
        ]


def unreadable(command: str, carets: str, corrected: str = "") -> Row:
    return Row(command, UNREADABLE, f"{command}\n{carets}", corrected)


ROWS = [
    Row(
        "/batch merge 12",
        "😕 #12 is an issue; merge needs a pull request. Nothing started.",
    ),
    Row(
        "/batch merge 18",
        "😕 #18 is an issue; merge needs a pull request. Its open pull request is #71."
        " Nothing started.",
        corrected="/batch merge 71",
    ),
    Row(
        "/batch close 12 23 63 dry-rum",
        UNREADABLE,
        "/batch close 12 23 63 dry-rum\n"
        "                      ^^^^^^^ not an item; did you mean dry-run?",
        "/batch close 12 63 dry-run",
        said=("Besides: #23 is already closed.",),
    ),
    Row(
        "/batch label +bugg 12 & 99",
        UNREADABLE,
        "/batch label +bugg 12 & 99\n"
        "                      ^ items stand side by side, with spaces",
        "/batch label +bug 12",
        said=(
            "Besides: I cannot find `99`. There is no label `bugg`. The nearest is `bug`"
            " (2 open items). To make a new one, write `+bugg!`.",
        ),
    ),
    Row(
        "/batch stop",
        UNREADABLE,
        "/batch stop\n       ^^^^ unknown word; did you mean cancel?",
        said=(
            "Besides: There is no live batch in this thread. Give the id of another one,"
            " such as `b7k2`; `/batch status` lists them. Nothing changed.",
        ),
    ),
    Row(
        "/batch implement 63",
        "😕 #63 is a pull request; implement needs an issue. Nothing started.",
    ),
    Row(
        "/batch 12 99999",
        "😕 I cannot find one of the two items, so nothing started.",
        corrected="/batch 12",
        said=(
            "- `99999`: there is no issue or pull request 99999 in acme/widgets (the"
            " newest is 71)",
        ),
    ),
    Row(
        "/batch 99999",
        "😕 I cannot find that item, so nothing started.",
        said=(
            "- `99999`: there is no issue or pull request 99999 in acme/widgets (the"
            " newest is 71)",
        ),
    ),
    Row(
        "/batch 12 other/repo#5",
        "😕 `other/repo#5`: `other/repo` belongs to another installation of the app, and a"
        " batch works in the repositories of one; `after:` can wait for it. Nothing was"
        " started.",
        corrected="/batch 12",
    ),
    unreadable(
        "/batch 12-400",
        "       ^^^^^^ 389 items, and the limit is 50 a command",
    ),
    unreadable(
        "/batch 12 -15",
        "          ^^^ -15 removes nothing. For a range write 12-15.",
        "/batch 12..15",
    ),
    unreadable(
        "/batch 12 after 15",
        '          ^^^^^^^^ "after" needs a colon: 12 after:15',
        "/batch 12 after:15",
    ),
    unreadable(
        "/batch 12 after: 15",
        "          ^^^^^^^^^ value missing: write after:15 without the space",
        "/batch 12 after:15",
    ),
    unreadable(
        "/batch 18after:12",
        "       ^^^^^^^^^^ space missing: write 18 after:12",
        "/batch 18 after:12",
    ),
    unreadable(
        "/batch 15 after:12,",
        "          ^^^^^^^^^ dangling comma: write after:12",
        "/batch 15 after:12",
    ),
    unreadable("/batch 12 after:12", f"                ^^ {CANNOT_WAIT}"),
    unreadable(
        "/batch 12[priority:high] 12[priority:low]",
        "                         ^^ #12 is asked for twice, with different priorities",
    ),
    Row(
        "/batch 12 after:15 15 after:12",
        "😕 These items wait for each other, so nothing started.",
        "#12 → #15 → #12",
        said=(
            "- **#12 waits for #15:** `after:15` in your command",
            "- **#15 waits for #12:** `after:12` in your command",
        ),
    ),
    Row(
        "/batch label:bugg",
        "😕 There is no label `bugg`. The nearest is `bug` (2 open items)."
        " Nothing started.",
        corrected="/batch label:bug",
    ),
    Row(
        "/batch label:empty",
        "😕 `label:empty` matches no open issue or pull request. Nothing started.",
    ),
    Row(
        "/batch author:nobody 12",
        "😕 `author:nobody` matches no open issue or pull request, and nobody with access"
        " here is called `nobody`. Nothing started.",
    ),
    unreadable(
        "/batch 12 timeout:30",
        "                  ^^ unit missing: 30m is minutes, 30s is seconds",
        "/batch 12 timeout:30m",
    ),
    unreadable(
        "/batch 12 retires:2",
        "          ^^^^^^^ unknown option; did you mean retries?",
        "/batch 12 retries:2",
    ),
    unreadable(
        "/batch 12 15 l8 after:12 concurency:3",
        "             ^^ not an item: use a number, a range like 12..18, review:63 or a"
        " link\n"
        "                         ^^^^^^^^^^ unknown option; did you mean concurrency?",
        "/batch 12 15 18 after:12 concurrency:3",
    ),
    unreadable(
        "/batch statsu",
        "       ^^^^^^ unknown word; did you mean status?",
        "/batch status",
    ),
    unreadable(
        "/batch colse 12",
        "       ^^^^^ unknown word; did you mean close?",
        "/batch close 12",
    ),
    Row("/batch 23", "😕 #23 is already closed. Nothing started."),
    unreadable(
        "/batch label +bug 12 --dry-run",
        "                     ^^^^^^^^^ write dry-run, without dashes",
        "/batch label +bug 12 dry-run",
    ),
    Row(
        "/batch label +empt 12",
        "😕 There is no label `empt`. The nearest is `empty` (0 open items). To make a"
        " new one, write `+empt!`. Nothing started.",
        corrected="/batch label +empty 12",
    ),
    Row(
        "/batch assign +grcae 12",
        "😕 `grcae` cannot be assigned here. The nearest is `grace`. GitHub takes people"
        " with access to the repository, and who has taken part in the item. Nothing"
        " started.",
        corrected="/batch assign +grace 12",
    ),
    Row(
        "/batch request +grcae 63",
        "😕 `grcae` cannot be asked for reviews here. The nearest is `grace`. GitHub takes"
        " people and teams with access to the repository. Nothing started.",
        corrected="/batch request +grace 63",
    ),
    Row(
        "/batch request +nobody +ada 63",
        "😕 `nobody` cannot be asked for reviews here. GitHub takes people and teams with"
        " access to the repository. Nothing started.",
    ),
    Row(
        "/batch request +team:nosuch 63",
        "😕 `team:nosuch` cannot be asked for reviews here. GitHub takes people and teams"
        " with access to the repository. Nothing started.",
    ),
    Row(
        "/batch request +linus 63",
        "😕 `linus` wrote #63, and GitHub asks no author for a review. Nothing started.",
    ),
    Row(
        "/batch assign +nobody 12",
        "😕 `nobody` cannot be assigned here. GitHub takes people with access to the"
        " repository, and who has taken part in the item. Nothing started.",
    ),
    Row(
        "/batch label:bug -label:empt",
        "😕 There is no label `empt`. The nearest is `empty` (0 open items). Nothing"
        " started.",
        corrected="/batch label:bug -label:empty",
    ),
]


def prepare(on: World) -> None:
    """Open what the table is about."""
    for number in (12, 15, 18, 23):
        on.issue(number)
    on.pull_request(63)
    on.pull_request(71, "Closes #18")
    on.hub.close("ada", on.repository.full_name, 23)
    on.hub.label("ada", on.repository.full_name, 12, "bug")
    on.hub.label("ada", on.repository.full_name, 63, "bug")
    on.hub.add_label(on.repository.full_name, "empty")


async def test_every_fault_is_answered_and_nothing_starts(
    on: World, subtests: pytest.Subtests
):
    prepare(on)
    async with on.bot():
        for row in ROWS:
            with subtests.test(row.command):
                text = f"Please.\n\n{row.command}\n\nThanks!"
                command = on.say(text, has_labels=False)
                await on.dealt_with()
                lines = on.answer_to(command).splitlines()
                assert lines[0] == row.first_line
                fences = "\n".join(lines[1:]).split("```")[1::2]
                shown = [f.removeprefix("text\n").strip("\n") for f in fences]
                pointed_out, messages = row.block()
                wanted = [pointed_out, row.corrected]
                assert shown == [text for text in wanted if text]
                plain = [re.sub("[\u2060\\\\]", "", line) for line in lines]
                assert {*messages} <= {*plain}
                for text in row.said:
                    assert text in lines
                assert on.reactions(command) == {"eyes", "confused"}
                on.assert_nothing_started()


# --- what is read in spite of a slip, or left out, with a note ----------------------


async def notes_of(on: World, command: str) -> str:
    """Run a command to its end and return the notes of its report."""
    await on.finished(on.say(command))
    lines = on.comments("report")[-1].body.splitlines()
    return "\n".join(line for line in lines if line.startswith("> "))


async def test_slips_that_can_only_mean_one_thing_are_read_with_a_note(on: World):
    prepare(on)
    async with on.bot():
        reversed_ = await notes_of(on, "/batch label +a 15-12")
        gaps = await notes_of(on, "/batch label +b 12-23")
        closed = await notes_of(on, "/batch close 12 23")
        many = await notes_of(on, "/batch label +c 12 concurrency:50")
        twice = await notes_of(on, "/batch label +d 15 15 15")
    assert "`15-12` was read as `12..15`." in reversed_
    assert "#13 and #14 do not exist. They are **left out**." in reversed_
    assert "#13, #14, #16, #17 and #19..#22 do not exist." in gaps
    assert "#23 is already closed. It is **left out**." in gaps
    assert "#23 is already closed. It is **left out**." in closed
    assert "`concurrency:50` was lowered to 3" in many
    assert twice == ""


async def test_why_no_command_is_offered_to_copy_is_said(on: World):
    prepare(on)
    async with on.bot():
        denied = await on.answer("/batch colse 12", by="linus")
        unassigned = await on.answer("/batch assign oscar 12")
        on.assert_nothing_started()
    assert "Besides: Only people with **maintain** access can close here." in denied
    assert "Besides: `oscar` cannot be assigned here." in unassigned


async def test_an_item_that_is_live_elsewhere_is_left_out_with_a_link(on: World):
    on.issue(12, "hang")
    on.issue(15)
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: "running" in on.said("tracking"))
        where = on.comment("tracking")
        only = await on.answer("/batch label +a 12")
        both = await notes_of(on, "/batch label +a 12 15")
        on.say("/batch cancel")
    assert only.startswith("😕 Nothing is left to do. #12 is already in batch [`")
    assert f"issuecomment-{where.id})" in only
    assert "#12 is already in batch [`" in both
    assert [label.name for label in on.thread(15).labels] == ["a"]
    assert on.thread(12).labels == []


async def test_the_same_command_again_at_once_is_answered_with_its_batch(on: World):
    on.issue(12, "hang")
    async with on.bot():
        on.say("/batch label +a 12")
        await on.until(lambda: on.comments("tracking"))
        answer = await on.answer("/batch  label +a  #12")
        by_another = on.say("/batch label +a 12", by="grace")
        await on.finished(by_another)
    assert re.match(
        r"😕 You gave this command a moment ago: batch \[`\w+`\]\(http\S+\) is already"
        r" there\. Nothing more was started\.",
        answer,
    )
    assert len(on.comments("tracking")) == 2


async def test_a_plan_that_is_there_or_runs_is_no_reason_to_frown(on: World):
    on.issue(12, f"wait {on.folder / 'go'}")
    async with on.bot():
        plan = await on.answer("/batch plan 12")
        batch_id = plan.partition("/batch start ")[2][:4]
        for text, said in [
            (
                "/batch plan 12",
                f"You asked for this a moment ago: it is batch `{batch_id}`",
            ),
            (f"/batch start {batch_id}", ""),
            (
                f"/batch start {batch_id}",
                f"Batch `{batch_id}` is running already: [prog",
            ),
        ]:
            command = on.say(text)
            await on.dealt_with()
            if said:
                assert on.answer_to(command).startswith(said)
            else:
                await on.until(lambda: on.comments("tracking"))
            assert "confused" not in on.reactions(command)
        (on.folder / "go").touch()
        await on.until(lambda: on.comments("report"))


async def test_a_bare_command_is_answered_with_the_help(on: World):
    async with on.bot():
        help_ = await on.answer("/batch")
        assert "`/batch 12 15 18 after:12`" in help_
        assert "sub-issues:40" not in help_
        on.assert_nothing_started()


async def test_a_bare_command_suggests_the_parts_of_the_issue(on: World):
    parent = on.issue(12, "- [ ] #15\n- [ ] #18\n- [x] #19\n")
    for number in (15, 18, 19):
        on.issue(number)
    on.hub.add_sub_issue("ada", parent, on.thread(18))
    async with on.bot():
        help_ = await on.answer("/batch", on=12)
        to_who_may_not = await on.answer("/batch", on=12, by="tess")
        on.assert_nothing_started()
    assert "This issue has parts" not in to_who_may_not
    hint, sub_issues, tasks = help_.split("\n\n")[:3]
    assert hint == "This issue has parts. To run those that are open, write:"
    assert sub_issues == "```text\n/batch sub-issues:this\n```"
    assert tasks == "```text\n/batch tasks:this\n```"


async def test_parts_of_which_nothing_is_left_to_do_are_not_suggested(on: World):
    parent = on.issue(12, "- [ ] #15\n")
    for number in (15, 18):
        on.issue(number)
        on.hub.close("ada", on.repository.full_name, number)
    on.hub.add_sub_issue("ada", parent, on.thread(18))
    async with on.bot():
        assert "sub-issues:this" not in (help_ := await on.answer("/batch", on=12))
    assert "tasks:this" not in help_


async def test_a_batch_over_the_api_budget_is_accepted_and_says_who_waits(on: World):
    for number in range(101, 110):
        on.issue(number)
    async with on.bot():
        await on.answer("/batch help")
        [installation] = on.hub.state.installations
        on.hub.limits.set_limit(installation, remaining=525)
        plan = await on.answer("/batch plan 101..109")
    assert re.search(
        r"of 5,000 requests are left until \d\d:\d\d UTC, 500 of them kept back\."
        r" \*\*\d items?\*\* then waits? until \d\d:\d\d UTC\.",
        plan,
    )


async def test_a_label_is_made_only_on_purpose(on: World):
    on.issue(12)
    async with on.bot():
        refused = await on.answer("/batch label +new 12", has_labels=False)
        assert "There is no label `new`. To make a new one, write `+new!`." in refused
        assert on.repository.label("new") is None
        on.assert_nothing_started()
        made = on.say("/batch label +new! -old 12")
        await on.finished(made)
    assert [label.name for label in on.thread(12).labels] == ["new"]
    tracking = on.comment("tracking").body
    assert "`new` is a new label and will be made." in tracking
    assert "`old` is no label of this repository" in tracking


async def test_a_control_is_offered_only_if_it_would_change_something(on: World):
    on.issue(12, "hang")
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: "running" in on.said("tracking"))
        assert "\n/batch cancel\n" in await on.answer("/batch stop")
        assert "\n/batch pause\n" in await on.answer("/batch hold")
        for refused in ("/batch unpause", "/batch rerun", "/batch status of b7k2"):
            assert COPY not in await on.answer(refused)
        assert COPY not in await on.answer("/batch stop", by="linus")  # not his own
        on.say("/batch cancel")
        await on.until(lambda: on.comments("report"))
        assert "\n/batch retry\n" in await on.answer("/batch rerun")


async def test_who_speaks_to_the_bot_by_name_is_told_how_once_a_day(on: World):
    on.issue(12)
    async with on.bot():
        for by in ("rita", "tess"):  # who may only read is told nothing
            on.say("@batch-bot close 12 please", by=by)
            await on.dealt_with()
        (told,) = on.replies()
        assert COPY not in told  # tess may not close
        on.later(hours=25)
        offered = await on.answer("@batch-bot please close #12, thanks!")
        assert "\n/batch close #12\n" in offered
        on.say("@batch-bot close 12")  # once is enough for today
        await on.dealt_with()
        assert len(on.replies()) == 2
        assert on.thread(12).is_open
        on.assert_nothing_started()
