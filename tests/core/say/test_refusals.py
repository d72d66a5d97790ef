import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import get_args

import pytest

from bot.core import events as e
from bot.core.actions.table import ACTIONS
from bot.core.command.faults import (
    CycleFound,
    Declined,
    Fault,
    FaultyLine,
    NotPermitted,
    UnknownItem,
    UnknownItems,
    Unreadable,
)
from bot.core.command.vocabulary import BATCH_OPTIONS, CONTROLS, HELP_WORDS, TOPICS
from bot.core.model import (
    Action,
    BatchId,
    BatchState,
    Cause,
    Edge,
    Origin,
    OutsideEdge,
    Plan,
    Reference,
    Role,
)
from bot.core.plan.sources import read_configuration
from bot.core.run import reasons as why
from bot.core.run.capacity import Outage
from bot.core.run.control import ControlResult
from bot.core.run.progress import Progress, fold
from bot.core.say import declines
from bot.core.say.controls import render_control_done
from bot.core.say.help import CONFIGURATION_EXAMPLE, render_addressed, render_help
from bot.core.say.plan import render_plan
from bot.core.say.refusals import render_refusal
from bot.core.say.status import StatusRow, render_status, render_why
from bot.core.world.markdown import BODY_LIMIT, Links, utf16_length
from bot.core.world.markers import boxes
from tests import plans, scenes
from tests.golden import assert_golden
from tests.scenes import NOW, item, number, situation

MARK = "<!-- batch-bot:reply 991 0 -->"
LINKS = Links("acme/widgets")
FAULTY = FaultyLine(
    "/batch 12 15 l8 after:12 concurency:3",
    (
        Fault(
            13, 3, "not an item: use a number, a range like 12..18, review:63 or a link"
        ),
        Fault(26, 10, "unknown option; did you mean concurrency?"),
    ),
)
PROBLEMS = {
    "refusal-syntax": Unreadable(
        (FAULTY,), corrected="/batch 12 15 18 after:12 concurrency:3"
    ),
    "refusal-unknown": UnknownItems(
        asked=7,
        unknown=(
            UnknownItem(
                "999",
                "there is no issue or pull request 999 in acme/widgets (the newest is 412)",
                number(99),
            ),
            UnknownItem("other/repo#5", "I am not installed in other/repo"),
        ),
        corrected="/batch 12 15 18 after:12 19 20",
    ),
    "refusal-cycle": CycleFound(
        path=(item(12), item(18), item(20), item(12)),
        edges=(
            Edge(item(18), item(12), Origin.TYPED),
            Edge(item(20), item(18), Origin.NATIVE),
            Edge(item(12), item(20), Origin.TEXT),
        ),
        items=tuple(scenes.plan_item(n, "x") for n in (12, 18, 20)),
        corrected="/batch 12 18 after:12 20 deps:native",
    ),
    "refusal-permission": NotPermitted(
        needed=Role.WRITE,
        had=Role.READ,
        what="start a batch",
        command="/batch 12 15 18 after:12",
        setting="permissions.run: write",
    ),
    "refusal-not-asked": NotPermitted(
        needed=Role.WRITE,
        had=Role.NONE,
        what="start a batch",
        command="/batch 12",
        could_not_ask=True,
    ),
    "refusal-declined": Declined(
        "#12 is an issue; `merge` needs a pull request.", corrected="/batch merge 71"
    ),
}


def refusal(problem) -> str:
    return render_refusal(problem, marker=MARK, links=LINKS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_refusal_reads_as_it_was_reviewed(name):
    assert_golden(name, refusal(PROBLEMS[name]))


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_a_refusal_begins_with_its_marker_and_says_that_nothing_started(problem):
    first, second, *_ = refusal(problem).split("\n")
    assert first == MARK
    assert re.search("nothing started", second, re.I)


def test_carets_stand_under_wide_and_joined_characters():
    line = "/batch 漢字 cafe\u0301 x"
    body = refusal(Unreadable((FaultyLine(line, (Fault(16, 1, "no"),)),)))
    shown = body.split("\n")[4:6]
    assert shown == [line, " " * 17 + "^"]
    # 漢字 takes four columns, the accent none: 7 + 4 + 1 + 4 + 1.


def test_carets_stand_right_behind_tabs_and_hidden_characters():
    body = refusal(
        Unreadable((FaultyLine("/batch\t1\u202e2 x", (Fault(11, 1, "no"),)),))
    )
    assert body.split("\n")[4:6] == ["/batch 1\ufffd2 x", " " * 11 + "^"]


def test_a_long_line_is_shown_around_each_fault():
    line = "/batch " + "12 " * 400 + "1x8 " + "13 " * 400 + "9y9"
    faults = (
        Fault(line.index("1x8"), 3, "no"),
        Fault(line.index("9y9"), 3, "nor this"),
    )
    body = refusal(Unreadable((FaultyLine(line, faults),)))
    assert body.count("1. No\n2. Nor this\n") == 1
    rows = body.split("\n")[4:8]
    for text, below, word in ((*rows[:2], "1x8"), (*rows[2:], "9y9")):
        assert len(text) <= 100
        assert text[below.index("^") :][:3] == word
        assert below.strip() == ("^^^ 1" if word == "1x8" else "^^^ 2")


def test_more_faults_than_anyone_reads_are_counted():
    faults = tuple(Fault(n, 1, "no") for n in range(7, 40))
    body = refusal(Unreadable((FaultyLine("/batch " + "x" * 60, faults),)))
    assert body.count("  ^\n") == 12
    assert body.count("No\n") == 1
    assert "… and 21 more" in body


def test_a_fault_cannot_leave_its_fence():
    line = "/batch ``` @ada\u2028<!-- x -->"
    body = refusal(Unreadable((FaultyLine(line, (Fault(7, 3, "no ```` here"),)),)))
    assert "\n````text\n/batch ``` @ada <!-- x -->\n       ^^^\n````\n" in body
    assert "\n\nNo \\`\\`\\`\\` here\n" in body


def test_a_refusal_of_a_comment_of_the_longest_kind_fits():
    line = "/batch " + "🟩" * 65_000
    faults = tuple(Fault(n, 9, "🟥" * 9000) for n in range(7, 60_000, 10))
    problem = Unreadable((FaultyLine(line, faults),) * 9, corrected="/batch " * 9000)
    assert utf16_length(refusal(problem)) <= BODY_LIMIT


@pytest.mark.parametrize(
    ("asked", "missing", "sentence"),
    [
        (1, 1, "I cannot find that item,"),
        (2, 1, "I cannot find one of the two items,"),
        (12, 12, "I cannot find any of the 12 items,"),
    ],
)
def test_unknown_items_are_counted_in_words(asked, missing, sentence):
    unknown = (UnknownItem("9", "there is none"),) * missing
    assert sentence in refusal(UnknownItems(asked, unknown))


def test_a_control_that_is_refused_changed_nothing():
    problem = NotPermitted(
        Role.MAINTAIN, Role.NONE, "cancel this batch", "/batch cancel"
    )
    assert (
        "Only people with **maintain** access can cancel this batch here; you have no"
        " access, so nothing changed."
    ) in refusal(problem)


# --- the plan ----------------------------------------------------------------------


def planned(plan: Plan) -> Progress:
    event = e.BatchPlanned(NOW, NOW + timedelta(hours=1))
    return fold(scenes.batch_of(plan, "p3d8"), [event])


def plan_reply(plan: Plan, **changes) -> str:
    return render_plan(planned(plan), situation(**changes), {}, marker=MARK)


def test_a_plan_says_where_commands_run_if_that_is_not_here_alone():
    made = plans.plan({number: [] for number in (12, 15, 18, 20)})
    worker = {12: "dask", 15: "dask", 18: "local", 20: "slurm"}
    items = [replace(i, worker=worker[i.number]) for i in made.items]
    train = Action("train", uses="implement", command="train")
    items[1] = replace(items[1], action=train)
    there = replace(made, items=tuple(items))
    assert "**Commands** that run: `implement` for 3 items and `train` for 1 item." in (
        plan_reply(there)
    )
    assert (
        "**Commands** that run: `implement` in the pool, for #12; `train` in the pool,"
        " with `gpu: 1`, for #15; `implement` on the bot's machine, for #18;"
        " `implement` on `slurm`, for #20."
    ) in plan_reply(there, needs={"implement": {}, "train": {"gpu": 1.0}})


def test_a_plan_reads_as_it_was_reviewed():
    notes = (
        "#25 is already closed. It will be **left out**.",
        "#61 comes from a fork, so the bot can comment on it but not push to it.",
    )
    assert_golden("plan", plan_reply(replace(scenes.plan_of_twelve(), notes=notes)))


def test_a_plan_can_be_started_by_its_box():
    assert list(boxes(plan_reply(scenes.plan_of_twelve()))) == [("start", ("p3d8",))]


@pytest.mark.parametrize(
    ("remaining", "sentence"),
    [
        (600, "The plan fits."),
        (546, "**1 item** then waits until 15:58 UTC."),
        (500, "**12 items** then wait until 15:58 UTC."),
    ],
)
def test_a_plan_says_how_many_items_wait_for_the_budget(remaining, sentence):
    """Nine times 4 for implement, 4 for update, twice 4 for review: 48 requests."""
    budget = replace(scenes.BUDGET, remaining=remaining)
    assert sentence in plan_reply(scenes.plan_of_twelve(), budget=budget)


def test_a_plan_names_what_is_outside():
    outside = (
        OutsideEdge(item(15), Reference("acme/api", number(9)), Origin.TEXT),
        OutsideEdge(item(12), Reference("acme/widgets", number(8)), Origin.NATIVE),
    )
    body = plan_reply(replace(scenes.plan_of_twelve(), outside=outside))
    assert "#15 (after acme/api#\u20609)" in body
    assert "“depends on acme/api#\u20609” in its text, outside this batch" in body
    assert "#12 (after #8)" in body
    assert "“blocked by #8” in its relationships, outside this batch" in body


def test_a_plan_of_500_items_in_one_chain_fits():
    plan = scenes.large_plan(500, first=999_000_000)
    items = [planned.id for planned in plan.items]
    chain = tuple(
        Edge(behind, before, Origin.STACK) for before, behind in pairwise(items)
    )
    body = plan_reply(replace(plan, edges=chain, notes=("x" * 20_000,) * 3))
    assert utf16_length(body) <= BODY_LIMIT
    assert ("start", ("p3d8",)) in boxes(body)


# --- help --------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["", *TOPICS])
def test_help_reads_as_it_was_reviewed(topic):
    body = render_help(
        topic,
        marker=MARK,
        version="1.0.0",
        budget=situation().budget,
        web_url="https://batch.acme.dev",
    )
    assert_golden(f"help-{topic}" if topic else "help", body)


@pytest.mark.parametrize("control", CONTROLS)
def test_help_names_every_control(control):
    assert f"/batch {control}" in render_help("", marker=MARK)


@pytest.mark.parametrize("action", ACTIONS)
def test_help_names_every_action(action):
    assert f"`{action}" in render_help("items", marker=MARK)


@pytest.mark.parametrize("option", [*BATCH_OPTIONS, "dry-run", "after"])
def test_help_names_every_option(option):
    assert f"`{option}" in render_help("options", marker=MARK)


def test_the_configuration_in_the_help_can_be_used():
    configuration = read_configuration("\n".join(CONFIGURATION_EXAMPLE))
    assert configuration.limits.items == 50
    assert list(configuration.actions) == ["triaged"]


@pytest.mark.parametrize("word", sorted(set(HELP_WORDS) - set(TOPICS)))
def test_help_on_a_word_is_what_the_help_says_of_it(word):
    body = render_help(word, marker=MARK)
    rows = [line for line in body.splitlines() if line.startswith("| `")]
    assert body.startswith(f"{MARK}\n### `{word}`")
    assert 0 < len(rows) < 6
    assert all(word in row for row in rows)


def test_help_on_an_unknown_topic_is_the_overview():
    assert render_help("weather", marker=MARK) == render_help("", marker=MARK)


@pytest.mark.parametrize(
    ("message", "ending"),
    [
        ("There is no label `nothing`.", "no label `nothing`. Nothing started."),
        (declines.unseen([Reference("acme/x", number(5))]), "there. Nothing started."),
        ("Nothing is left to do.", "😕 Nothing is left to do. Nothing started."),
        (declines.all_succeeded(BatchId("b7k2")), "succeeded. Nothing started."),
        ("So it could never start, and nothing started.", "and nothing started."),
    ],
)
def test_every_refusal_says_once_that_nothing_was_started(message, ending):
    body = render_refusal(Declined(message), marker=MARK, links=LINKS)
    assert body.strip().endswith(ending)
    assert body.count("othing started") <= 1


# --- status, why, controls ---------------------------------------------------------


def test_a_status_reads_as_it_was_reviewed():
    waiting = fold(
        scenes.batch_of(scenes.large_plan(30), "b8f0"),
        [
            e.BatchStarted(NOW, "grace"),
            e.BudgetWaitStarted(NOW, NOW + timedelta(minutes=27)),
        ],
    )
    others = [replace(scenes.running().batch, id=BatchId("d1e2"))]
    paused = fold(others[0], [*scenes.events_until_now(), e.BatchPaused(NOW, "")])
    held = fold(
        scenes.batch_of(scenes.large_plan(3), "h4k1"), [e.BatchStarted(NOW, "grace")]
    )
    away = why.WaitsForGitHub(Outage(NOW - timedelta(minutes=2)))
    rows = [
        StatusRow(scenes.running(), situation()),
        StatusRow(waiting, situation(seconds_left=4200)),
        StatusRow(scenes.finished(), situation(seconds_left=None)),
        StatusRow(paused, situation(seconds_left=None)),
        StatusRow(planned(scenes.plan_of_twelve()), situation(seconds_left=None)),
        StatusRow(held, situation(reasons=dict.fromkeys(held.items, away))),
    ]
    counts = {
        BatchState.RUNNING: 3,
        BatchState.PAUSED: 1,
        BatchState.PLANNED: 1,
        BatchState.FINISHED: 37,
        BatchState.CANCELLED: 4,
    }
    body = render_status(
        rows, situation(), counts=counts, marker=MARK, repository="acme/widgets"
    )
    assert_golden("status", body)


def test_a_status_without_batches_says_how_to_start_one():
    body = render_status(
        [], situation(), counts={}, marker=MARK, repository="acme/widgets"
    )
    assert "There are none yet." in body


REASONS = {
    why.WaitsFor((item(12), item(15))): (
        "waits for [#12](https://github.com/acme/widgets/issues/12) and"
        " [#15](https://github.com/acme/widgets/issues/15)"
    ),
    why.WaitsOutside((Reference("acme/api", number(9)),)): (
        "waits for [acme/api#\u20609](https://github.com/acme/api/issues/9), outside"
        " this batch"
    ),
    why.NoFreeSlot(3, 3): "next free slot (3 of 3 busy)",
    why.NoFreeSlot(3, 3, "installation"): (
        "next free slot of this installation (3 of 3 busy)"
    ),
    why.NoFreeSlot(5, 5, "host"): "next free slot on the bot's machine (5 of 5 busy)",
    why.WaitsForMachine("train"): "waits for a machine of the pool that runs `train`",
    why.WaitsForGitHub(Outage(NOW, is_refusal=True)): (
        "waits for GitHub, which refuses the app (401) since 15:31 UTC"
    ),
    why.WaitsForGitHub(Outage(NOW)): (
        "waits for GitHub, which does not answer since 15:31 UTC"
    ),
    why.WaitsForGit(NOW): "waits for git, which has failed since 15:31 UTC",
    why.WaitsForBudget(NOW + timedelta(hours=10)): (
        "waits for the API budget until 01:31 UTC on 11 Nov"
    ),
    why.WaitsForBudget(None): "waits for the API budget",
    why.OverBatchBudget(101, 100): (
        "the batch has used 101 requests, `budget:100` ends here"
    ),
    why.LowMemory(0.834): "waits for memory on the bot's machine (83% used)",
    why.IsPaused("grace"): "paused by grace",
    why.IsPaused(""): "paused after a failure",
    why.NextTry(NOW + timedelta(seconds=40)): "next try in 40s",
    why.NextTry(NOW): "next try now",
    why.NotStarted(): "waits for the start box",
    why.BotStopping(): "the bot is being restarted, then goes on",
    why.IsNext(): "starts in a moment",
}


def test_every_reason_that_exists_has_a_sentence():
    assert {type(reason) for reason in REASONS} == set(get_args(why.Reason))


@pytest.mark.parametrize("cause", Cause)
def test_why_says_what_ended_an_item_that_nobody_cancelled(cause):
    event = e.ItemCancelled(NOW, item(15), "")
    progress = replace(scenes.running(event), cause=cause)
    body = render_why(progress, number(15), situation(web_url=""), marker=MARK)
    assert "/issues/15) was cancelled because " in body


@pytest.mark.parametrize("reason", REASONS, ids=repr)
def test_why_gives_the_reason_of_a_pending_item(reason):
    present = situation(web_url="", reasons={item(64): reason})
    body = render_why(scenes.running(), number(64), present, marker=MARK)
    assert body == (
        f"{MARK}\n[#64](https://github.com/acme/widgets/issues/64) is not running:"
        f" {REASONS[reason]} (batch `b7k2`)"
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (12, "is done: [PR 71](https://github.com/acme/widgets/pull/71), in 4m 12s"),
        (18, "has been running for 2m 05s: step 3 of 5, tests"),
        (
            21,
            "failed after 3 tries: merge conflict in `paths.py`."
            " Bring the branch up to date with `main` first.",
        ),
        (22, "was skipped: needs [#21](https://github.com/acme/widgets/issues/21)"),
        (15, "was cancelled by grace"),
        (7, "is not an item of batch `b7k2`"),
    ],
)
def test_why_says_how_an_item_stands_or_ended(value, sentence):
    event = e.ItemCancelled(NOW, item(15), "grace")
    progress = scenes.running(event)
    body = render_why(progress, number(value), situation(web_url=""), marker=MARK)
    assert f"/issues/{value}) {sentence}" in body


def test_why_tells_the_last_fault_of_an_item_that_is_tried_again():
    body = render_why(scenes.running(), number(19), situation(), marker=MARK)
    assert "next try in 40s; its last try ended with: `502 Bad Gateway` · [log]" in body


@pytest.mark.parametrize(
    ("control", "change", "sentence"),
    [
        (
            "pause",
            ControlResult("ada"),
            "⏸️ Paused batch `b7k2`: running items finish, nothing new starts.",
        ),
        (
            "retry",
            ControlResult("ada", touched=(item(21),), ignored=(number(12),)),
            "🔁 Retrying [#21](https://github.com/acme/widgets/issues/21) in batch"
            " `b7k2`. [#12](https://github.com/acme/widgets/issues/12) is not in a"
            " state for that.",
        ),
        (
            "resume",
            ControlResult("ada", nothing="it is running"),
            "😕 Resume changed nothing in batch `b7k2`: it is running.",
        ),
    ],
)
def test_a_control_says_what_it_did(control, change, sentence):
    body = render_control_done(control, scenes.running(), change, marker=MARK)
    assert body.startswith(f"{MARK}\n{sentence}")


def test_help_says_which_actions_this_server_cannot_do():
    text = render_help("items", marker="", missing={"merge"})
    rows = [line for line in text.splitlines() if "(not on this server)" in line]
    assert len(rows) == 1
    assert "`merge`" in rows[0]


def test_who_speaks_to_the_bot_by_name_reads_how():
    body = render_addressed("/batch close 12", marker=MARK)
    assert_golden("help-addressed", body)
    assert "Copy it" not in render_addressed("", marker=MARK)
