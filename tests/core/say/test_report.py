import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import Asker, Cause
from bot.core.say.report import render_report
from bot.core.world.markdown import BODY_LIMIT, utf16_length
from bot.core.world.markers import boxes
from tests import scenes
from tests.golden import assert_golden
from tests.scenes import situation

SCENES = {
    "report": scenes.finished(),
    "report-labelled": scenes.labelled(scenes.finished()),
    "report-150": scenes.large_finished(),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_report_reads_as_it_was_reviewed(name):
    requests = sum(view.requests for view in SCENES[name].items.values())
    asked = situation(used_requests=requests + 58)
    assert_golden(name, render_report(SCENES[name], asked))


@pytest.mark.parametrize("cause", Cause)
def test_a_batch_that_nobody_cancelled_says_why_and_what_to_do(cause):
    progress = scenes.in_states(["done", "cancelled"], state="cancelled")
    body = render_report(replace(progress, by="", cause=cause), situation())
    heading = body.splitlines()[1]
    assert "was cancelled because" in heading
    assert "after a failure" not in body
    assert f"`/batch retry {progress.batch.id}` starts what did not run" in body


def report(states, text="x", state="finished") -> str:
    return render_report(scenes.in_states(states, text=text, state=state), situation())


ENDS = ("done", "failed", "skipped", "cancelled")


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(ENDS), min_size=1, max_size=500),
    st.sampled_from(["x", scenes.WORST, "🟥" * 500]),
    st.sampled_from(["finished", "cancelled"]),
)
def test_any_report_fits_and_is_whole(states, text, state):
    body = report(states, text, state)
    assert utf16_length(body) <= BODY_LIMIT
    assert body.count("<details>") == body.count("</details>")
    assert body.endswith("</sub>")
    assert len(re.findall("(?<![\\w/])@[a-z]", body)) == 1  # the asker


def test_whoever_asked_is_mentioned_whatever_their_login_is():
    progress = scenes.finished()
    request = replace(progress.batch.request, asker=Asker("ada_corp", "https://x/y"))
    asked = replace(progress, batch=replace(progress.batch, request=request))
    assert "Asked for by @ada_corp in" in render_report(asked, situation())


@pytest.mark.parametrize("one", ENDS)
@pytest.mark.parametrize("text", [scenes.WORST, "🟥" * 500], ids=["escapes", "wide"])
def test_a_report_of_500_items_of_one_kind_fits(one, text):
    body = report([one] * 500, text)
    assert utf16_length(body) <= BODY_LIMIT


def test_a_report_tells_which_requests_it_cannot_count_yet():
    later = "API requests are counted up to this report: posting it, the last"
    progress = scenes.finished()
    assert later in render_report(progress, situation())
    again = replace(
        progress, report_url="https://x/y"
    )  # its own post is counted by now
    assert later not in render_report(again, situation())


def test_failures_are_listed_first_and_can_be_run_again():
    states = ["skipped", "done", "failed", "failed"]
    verbs = [box[1][0][-1] for box in boxes(report(states))]
    assert verbs == ["2", "3", "0"]


def test_a_long_report_gives_up_words_before_it_gives_up_items():
    def rows(size: int, width: int) -> tuple[int, str]:
        progress = scenes.in_states(
            ["done"] * size, text="y" * width, repository=scenes.ACME
        )
        body = render_report(progress, situation())
        found = [line for line in body.splitlines() if line.startswith("- #")]
        return len(found), found[0]

    items, first = rows(100, 200)
    assert (items, f"{'y' * 119}…" in first) == (100, True)
    items, first = rows(300, 200)
    assert (items, f" {'y' * 79}…" in first) == (300, True)
    assert rows(500, 20)[0] == 500


def test_more_than_25_results_are_folded_by_kind_and_are_no_table():
    body = report(["done"] * 26)
    assert "<summary>Issues implemented: 26</summary>" in body
    assert body.count("\n- #") == 26
    assert "| " not in body


def test_a_line_of_a_log_that_is_cut_says_so():
    progress = scenes.in_states(["failed"])
    first, *_ = progress.items
    view = progress.items[first]
    assert view.outcome is not None
    lines = ("short", "word " * 100)
    view = replace(view, outcome=replace(view.outcome, log_tail=lines))
    body = render_report(
        replace(progress, items={**progress.items, first: view}), situation()
    )
    (line,) = [line for line in body.splitlines() if line.startswith("word word")]
    assert line.endswith("word…")
    assert "\nshort\n" in body


def test_one_of_a_kind_is_in_the_singular():
    body = report(["failed"])
    assert "0 of 1 done, 1 failed" in body
    assert "or reply `/batch retry b7k2` for it." in body


def test_a_report_without_failures_needs_nobody():
    body = report(["done", "done"])
    assert "Needs you" not in body
    assert boxes(body) == {}
    assert (
        body.split("\n")[1]
        == "### ✅ Batch `b7k2` finished — 2 of 2 done · implement 2 issues"
    )


def test_what_others_did_took_no_time_and_no_try():
    progress = scenes.in_states(["done", "done"])
    first, *_ = progress.items
    view = replace(progress.items[first], attempt=0, tries=0, worked=timedelta())
    by_others = replace(progress, items={**progress.items, first: view})
    rows = [
        line
        for line in render_report(by_others, situation()).splitlines()
        if line.startswith("- ✅ #")
    ]
    assert len(rows) == 2
    assert " · " not in rows[0]
    assert " · " in rows[1]


@pytest.mark.parametrize(("items", "is_flat"), [(25, True), (26, False)])
def test_up_to_25_results_are_seen_without_a_click(items: int, is_flat: bool):
    body = report(["done"] * items)
    shown = re.sub(r"<details>.*?</details>", "", body, flags=re.DOTALL)
    assert shown.count("\n- ✅ #") == (items if is_flat else 0)
    assert "|" not in shown  # no table is wider than a phone


def test_the_last_lines_of_what_was_done_can_be_read():
    progress = scenes.in_states(["done", "failed"])
    first, *_ = progress.items
    view = progress.items[first]
    assert view.outcome is not None
    outcome = replace(view.outcome, log_tail=("417 passed",))
    view = replace(view, outcome=outcome)
    body = render_report(
        replace(progress, items={**progress.items, first: view}), situation()
    )
    _, _, folded = body.partition(
        "<details><summary>Last lines of what was done</summary>"
    )
    assert "417 passed" in folded
