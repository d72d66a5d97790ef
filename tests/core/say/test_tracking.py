import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import events as e
from bot.core.model import Edge, ItemId, Origin, OutsideEdge, Plan, Reference
from bot.core.run import reasons as why
from bot.core.run.capacity import Outage
from bot.core.run.progress import Progress, fold
from bot.core.run.stalled import stalled
from bot.core.say.headings import heading_key, needs_clock
from bot.core.say.sentences import read_as
from bot.core.say.tracking import render_so_far, render_tracking
from bot.core.world.markdown import BODY_LIMIT, Links, utf16_length
from bot.core.world.markers import boxes, parse_marker
from tests import scenes
from tests.golden import assert_golden
from tests.scenes import NOW, START, item, number, situation


def wait(until=timedelta(minutes=27)) -> e.BudgetWaitStarted:
    return e.BudgetWaitStarted(NOW, NOW + until)


def cancelled() -> Progress:
    left = [18, 19, 20, 24, 64]
    return scenes.running(
        e.BatchCancelling(NOW, "ada"),
        *(e.ItemCancelled(NOW, item(n), "ada") for n in left),
        e.BatchFinished(NOW),
    )


NOTES = (
    "#25 is already closed and was left out.",
    "#61 comes from a fork, so the bot can comment on it but not push to it.",
)


def starting(plan: Plan) -> Progress:
    return fold(scenes.batch_of(plan), [e.BatchStarted(NOW, "ada")])


def planned(*, after: timedelta = timedelta(hours=1)) -> Progress:
    plan = replace(scenes.plan_of_twelve(), notes=NOTES)
    return fold(scenes.batch_of(plan, "p3d8"), [e.BatchPlanned(NOW, NOW + after)])


def stuck() -> Progress:
    """Return two items done, and one that waits for #67 with another behind it."""
    items = tuple(
        i for i in scenes.plan_of_twelve().items if i.number in (12, 15, 18, 20)
    )
    away = OutsideEdge(item(18), Reference(scenes.ACME.name, number(67)), Origin.NATIVE)
    plan = Plan(items, (Edge(item(20), item(18), Origin.NATIVE),), (away,))
    return fold(
        scenes.batch_of(plan),
        [
            e.BatchStarted(START, "ada"),
            e.TrackingCommented(START, 992, f"{scenes.THREAD}#issuecomment-992"),
            *scenes.done(12, 252, scenes.pull_request(71), at=timedelta()),
            *scenes.done(15, 400, scenes.pull_request(72), at=timedelta()),
        ],
    )


STUCK: dict[ItemId, why.Reason] = {
    item(18): why.WaitsOutside((Reference(scenes.ACME.name, number(67)),)),
    item(20): why.WaitsFor((item(18),)),
}
AWAY: dict[ItemId, why.Reason] = {
    item(20): why.WaitsForGitHub(Outage(NOW - timedelta(minutes=4))),
    item(64): why.WaitsForGitHub(Outage(NOW - timedelta(minutes=4))),
}
SCENES = {
    "tracking-starting": (
        starting(replace(scenes.plan_of_twelve(), notes=NOTES)),
        situation(reasons={}, seconds_left=None, used_requests=3),
    ),
    "tracking-planned": (planned(), situation()),
    "tracking-expired": (planned(after=timedelta(minutes=-1)), situation()),
    "tracking-running": (scenes.running(), situation()),
    "tracking-labelled": (scenes.labelled(scenes.running()), situation()),
    "tracking-recovered": (
        scenes.running(e.BatchRecovered(NOW, (item(18),), (item(24),))),
        situation(is_counted_whole=False),
    ),
    "tracking-budget": (
        scenes.running(*scenes.all_at_rest(), wait()),
        situation(
            reasons={
                item(20): why.WaitsForBudget(NOW + timedelta(minutes=27)),
                item(64): why.WaitsForBudget(NOW + timedelta(minutes=27)),
            },
            budget=replace(scenes.BUDGET, remaining=540),
        ),
    ),
    "tracking-paused": (
        scenes.running(e.BatchPaused(NOW, "grace")),
        situation(
            reasons={item(n): why.IsPaused("grace") for n in (19, 20, 64)},
            seconds_left=None,
        ),
    ),
    "tracking-stalled": (stuck(), situation(reasons=STUCK, stalled=stalled(stuck()))),
    "tracking-held": (
        scenes.running(*scenes.all_at_rest()),
        situation(reasons=AWAY),
    ),
    "tracking-cancelling": (
        scenes.running(e.BatchCancelling(NOW, "ada")),
        situation(reasons={}, seconds_left=None),
    ),
    "tracking-cancelled": (cancelled(), situation()),
    "tracking-finished": (
        replace(scenes.finished(), report_url=f"{scenes.THREAD}#issuecomment-1003"),
        situation(),
    ),
    "tracking-changed": (scenes.changed(), situation()),
    "tracking-restarting": (scenes.running(), situation(is_stopping=True)),
    "tracking-150": (
        scenes.large_running()[0],
        situation(reasons=scenes.large_running()[1], seconds_left=3900, slots_total=4),
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_tracking_comment_reads_as_it_was_reviewed(name):
    progress, present = SCENES[name]
    assert_golden(name, render_tracking(progress, present))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(scenes.STATES), min_size=1, max_size=500),
    st.sampled_from(["x", scenes.WORST, "🟥" * 500]),
    st.sampled_from(["running", "paused", "cancelled", "finished"]),
)
def test_any_tracking_comment_fits_and_is_whole(states, text, state):
    progress = scenes.in_states(states, text=text, state=state)
    body = render_tracking(progress, situation(reasons=scenes.reasons_of(progress)))
    assert utf16_length(body) <= BODY_LIMIT
    assert body.count("<details>") == body.count("</details>")
    assert body.endswith("</sub>")


@pytest.mark.parametrize("one", scenes.STATES)
@pytest.mark.parametrize("size", [25, 500])
def test_items_that_are_all_in_the_longest_state_fit(one, size):
    progress = scenes.in_states([one] * size, text=scenes.WORST)
    body = render_tracking(progress, situation(reasons=scenes.reasons_of(progress)))
    assert utf16_length(body) <= BODY_LIMIT


@pytest.mark.parametrize("size", [12, 200])
def test_every_waiting_item_says_why(size):
    progress = scenes.in_states(["waiting"] * size)
    reasons = {n: why.NoFreeSlot(3, 3) for n in progress.items}
    body = render_tracking(progress, situation(reasons=reasons))
    assert body.count("next free slot (3 of 3 busy)") == size


def test_a_tracking_comment_is_found_again_by_its_marker():
    body = render_tracking(scenes.running(), situation())
    assert parse_marker(body, b"golden") == ("tracking", "b7k2")


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        ("tracking-planned", ["start p3d8"]),
        ("tracking-expired", []),
        ("tracking-running", ["retry 21 22", "pause", "cancel"]),
        ("tracking-paused", ["retry 21 22", "resume", "cancel"]),
        ("tracking-cancelling", []),
        ("tracking-cancelled", ["retry"]),
        ("tracking-finished", []),
        ("tracking-changed", ["undo 15", "undo 18", "undo"]),
        (
            "tracking-150",
            [
                *(f"retry {n}" for n in (112, 138, 182, 113, 139, 183)),
                "pause",
                "cancel",
            ],
        ),
    ],
)
def test_the_boxes_are_those_that_do_something(name, verbs):
    drawn = boxes(render_tracking(*SCENES[name]))
    assert [" ".join((verb, *words)) for verb, words in drawn] == verbs


def test_a_waiting_item_without_a_recorded_reason_tells_what_is_evident():
    body = render_tracking(starting(scenes.plan_of_twelve()), situation(reasons={}))
    assert "⏳ #12 — implement · starts in a moment" in body
    assert "⏳ #18 — implement · waits for [#12]" in body
    body = render_tracking(planned(), situation(reasons={}))
    assert body.count("· waits for the start box") == 12


def test_no_time_is_left_while_the_budget_is_short():
    body = render_tracking(scenes.running(wait()), situation())
    assert "Running items finish; the rest starts by itself at 15:58 UTC." in body
    assert "left** (" not in body


def test_the_plan_line_reads_the_reference_example():
    items = tuple(scenes.plan_item(n, "x") for n in (12, 15, 18))
    plan = Plan(items, (Edge(item(18), item(12), Origin.TYPED),))
    text = read_as(plan, Links("acme/widgets"))
    assert re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text) == (
        "#12 and #15 start now; #18 waits for #12"
    )


def test_the_plan_line_tells_origins_and_what_is_outside():
    items = tuple(scenes.plan_item(n, "x") for n in (12, 15, 18))
    plan = Plan(
        items,
        (
            Edge(item(18), item(12), Origin.NATIVE),
            Edge(item(15), item(12), Origin.STACK),
        ),
        (OutsideEdge(item(18), Reference("acme/api", number(9)), Origin.TEXT),),
    )
    text = read_as(plan, Links("acme/widgets"))
    assert re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text) == (
        "#12 starts now; #15 waits for #12 (stacked pull requests);"
        " #18 waits for #12 (“blocked by” on GitHub) and acme/api#\u20609, which is"
        " outside this batch (“depends on” in its text)"
    )


def test_no_time_is_left_before_two_items_have_finished():
    one = scenes.in_states(["done", "waiting", "running"])
    two = scenes.in_states(["done", "done", "running"])
    assert "left** (" not in render_tracking(one, situation())
    assert "**about 11m left** (15:42 UTC)" in render_tracking(two, situation())


def test_without_pages_there_are_no_links_to_them():
    body = render_tracking(scenes.running(), situation(web_url=""))
    assert "[log]" not in body
    assert "live view" not in body


def test_links_lead_to_the_site_of_the_command():
    batch = scenes.batch_of(scenes.plan_of_twelve())
    url = "http://localhost:3001/acme/widgets/issues/40#issuecomment-1"
    request = replace(batch.request, asker=replace(batch.asker, url=url))
    progress = fold(replace(batch, request=request), scenes.events_until_now())
    body = render_tracking(progress, situation(web_url=""))
    assert "waits for [#18](http://localhost:3001/acme/widgets/issues/18)" in body


def test_a_title_does_nothing_in_a_step_or_an_error():
    progress = scenes.in_states(["running", "failed"], text="@bob fixes #1 <!-- x")
    body = render_tracking(progress, situation())
    assert "@bob" not in body
    assert "#1 " not in body
    assert "<!-- x" not in body


def test_the_heading_key_changes_with_the_heading_only():
    def key(*events: e.Event, **changes: object) -> str:
        return heading_key(
            fold(scenes.batch_of(scenes.plan_of_twelve()), events),
            situation(**changes),
        )

    begun = e.ItemStarted(NOW, item(12), 1)
    bad = e.ItemEnded(NOW, item(12), 1, scenes.CONFLICT)
    other = e.ItemEnded(NOW, item(15), 1, scenes.CONFLICT)
    start = e.BatchStarted(NOW, "ada")
    keys = [
        key(e.BatchPlanned(NOW, NOW + timedelta(hours=1))),
        key(start),
        key(start, begun),
        key(start, bad),
        key(start, begun, is_stopping=True),
        key(start, bad, wait()),
        key(start, bad, wait(timedelta(minutes=40))),
        key(start, bad, e.BatchPaused(NOW, "grace")),
        key(start, bad, e.BatchFinished(NOW)),
        key(start, bad, e.BatchFinished(NOW), e.Reported(NOW, 1, "u")),
    ]
    assert len(set(keys)) == len(keys)
    assert key(start, bad) == key(start, bad, other)
    assert key(start, begun) == key(start, begun, now=NOW + timedelta(minutes=5))


GIT = why.WaitsForGit(NOW - timedelta(minutes=4))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            why.WaitsForGitHub(Outage(NOW, is_refusal=True)),
            "waits for GitHub, which refuses the app (401) since 15:31 UTC — 0 of 2",
        ),
        (GIT, "waits for git, which has failed since 15:27 UTC — 0 of 2"),
        (
            why.LowMemory(0.9),
            "waits for memory on the bot's machine (90% used) since 15:16 UTC",
        ),
        (
            why.NoFreeSlot(4, 4, "installation"),
            "waits for the next free slot of this installation (4 of 4 busy) since 15:16 UTC",
        ),
    ],
)
def test_a_batch_of_which_nothing_runs_says_by_what_it_is_held_up(reason, said):
    progress = scenes.in_states(["waiting", "waiting"])
    present = situation(reasons=dict.fromkeys(progress.items, reason))
    body = render_tracking(progress, present)
    assert f"Batch `{progress.batch.id}` {said}" in body
    assert "Nothing of it starts meanwhile; it goes on by itself" in body
    assert "left** (" not in body
    # It is no reason to hurry: nobody looks at all items for that.
    assert heading_key(progress, present) == heading_key(progress, situation())


@pytest.mark.parametrize(
    "reason", [why.NextTry(NOW), why.IsNext(), why.NoFreeSlot(3, 3)]
)
def test_a_batch_that_could_go_on_is_not_called_held_up(reason):
    progress = scenes.in_states(["waiting", "waiting"])
    first, second = progress.items
    body = render_tracking(progress, situation(reasons={first: reason, second: GIT}))
    assert f"Batch `{progress.batch.id}` is " in body


def test_a_batch_of_which_something_runs_is_not_called_held_up():
    progress = scenes.in_states(["waiting", "running"])
    body = render_tracking(
        progress, situation(reasons={next(iter(progress.items)): GIT})
    )
    assert f"Batch `{progress.batch.id}` is running" in body


def test_only_a_live_batch_needs_a_clock():
    assert needs_clock(scenes.running())
    assert not needs_clock(scenes.finished())
    assert not needs_clock(planned())


def test_a_pause_for_want_of_requests_is_not_called_a_failure():
    progress, present = SCENES["tracking-paused"]
    paused = replace(progress, by="", pause_why="budget")
    body = render_tracking(paused, present)
    assert "is paused because its `budget:` is used up" in body
    assert "An item failed and" not in body


def test_what_a_batch_that_only_waits_came_to_reads_as_it_was_reviewed():
    present = situation(reasons=STUCK, stalled=stalled(stuck()))
    assert_golden("so-far", render_so_far(stuck(), present))


@pytest.mark.parametrize("others", [[], [15]])
def test_a_parked_item_names_its_page_and_how_to_do_without_it(others):
    items = tuple(scenes.plan_item(n, "x") for n in (12, *others))
    edges = tuple(Edge(item(n), item(12), Origin.TYPED) for n in others)
    progress = fold(
        scenes.batch_of(Plan(items, edges)),
        [
            e.BatchStarted(START, "ada"),
            e.ItemStarted(START, item(12), 1),
            e.ItemParked(NOW, item(12), 1, "the check @build"),
        ],
    )
    body = render_tracking(progress, situation(stalled=stalled(progress)))
    page = "[#12](https://github.com/acme/widgets/issues/12)"
    says = "waits for the check @\u2060build"
    assert f"{page} {says}: see to that there, or `/batch cancel b7k2 12`" in body
    drawn = [" ".join((verb, *words)) for verb, words in boxes(body)]
    assert drawn == [*(["cancel 12"] if others else []), "pause", "cancel"]


def test_a_batch_that_only_waits_shows_no_time_that_grows_old():
    later = situation(now=NOW + timedelta(days=2), reasons=STUCK)
    body = render_tracking(stuck(), replace(later, stalled=stalled(stuck())))
    assert "so far" not in body
    assert "left**" not in body
    assert heading_key(stuck(), later) == heading_key(
        stuck(), replace(later, stalled=stalled(stuck()))
    )
