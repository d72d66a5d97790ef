import cProfile
import pstats
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.actions.ability import Runner
from bot.core.actions.table import ACTIONS
from bot.core.command.faults import Declined, UnknownItems, Unreadable
from bot.core.command.parser import Misread, parse_command
from bot.core.command.syntax import Filter, Help, RunCommand, Search, format_selector
from bot.core.command.vocabulary import RESERVED
from bot.core.model import (
    BatchId,
    Deps,
    InstallationId,
    ItemFacts,
    ItemKind,
    ItemNumber,
    OnFailure,
    Permit,
    Plan,
    Reference,
    Repository,
    Role,
)
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.corrections import SelectionProblem
from bot.core.plan.expansion import Away, Known, Wanted
from bot.core.plan.graph import build_plan
from bot.core.plan.selection import (
    SelectedItem,
    Selection,
    select,
    to_be_opened,
    wanted,
)
from bot.core.plan.sources import read_configuration
from bot.core.world.freezes import Freeze
from bot.core.world.questions import PullNow, PullState
from tests.plans import WIDGETS

HERE = "acme/widgets"
CASES = yaml.safe_load(Path("fixtures/commands/selected.yaml").read_text("utf-8"))
CONFIGURATION = read_configuration(
    "actions: {triage: {uses: label, with: [+triaged]}, fix: {command: fixer},"
    " taken: {uses: assign, with: [+gone]}, absent: {uses: label, with: [+absent]},"
    " asks: {uses: request, with: [+gone]},"
    " made: {uses: label, with: [+made!]}, request: {uses: assign, with: [+grace]},"
    ' later: {uses: milestone, with: ["3"]}}'
)


def facts(number: int, kind: ItemKind = ItemKind.ISSUE, **more) -> ItemFacts:
    values = {
        "number": ItemNumber(number),
        "kind": kind,
        "title": f"Item {number}",
        "body": "",
        "url": f"https://github.com/{HERE}/issues/{number}",
        "is_open": True,
        "updated_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    return ItemFacts(**{**values, **more})


def ref(number: int, repository: str = HERE) -> Reference:
    return Reference(repository, ItemNumber(number))


PULL = ItemKind.PULL_REQUEST
WORLD = {
    item.number: item
    for item in (
        facts(12),
        facts(15),
        facts(18, linked_pull_requests=(ItemNumber(71),)),
        facts(19),
        facts(20),
        facts(23, is_open=False, state_reason="completed"),
        facts(
            30,
            sub_issues=(ref(12), ref(23), ref(7, "acme/docs")),
            body="- [x] #19\n- [ ] #15\n- [ ] https://github.com/acme/widgets/issues/18",
        ),
        facts(40),
        facts(41, body="- [ ] #15\n- [ ] write more\n- [ ] `#18`"),
        facts(42, body="Depends on ticket 12"),
        facts(63, PULL),
        facts(64, PULL),
        facts(65, PULL, is_open=False, is_merged=True),
        facts(71, PULL),
    )
}
MILESTONES = {"2.4": 2, "Next Release": 0}
LABELS = {"bug": 3, "empty": 0, "many": 80, "ready": 1, "triaged": 0, "wow!": 0}
FILTERS = {
    "label:bug": (12, 15, 63),
    "label:many": tuple(range(1, 52)),
    "label:bug author:ada": (12,),
    "label:bug,label:ready": (12, 63),
    "label:bug,label:bugg": (12, 15, 63),
    "label:bug -label:wipp": (12, 15, 63),
    "milestone:2.4": (12, 40),
}
PEOPLE = ("ada", "grace", "linus")
VISIBLE = {ref(7, "acme/docs"): facts(7)}


def command_of(line: str) -> RunCommand:
    command = parse_command(line, actions=CONFIGURATION.actions)
    assert isinstance(command, RunCommand)
    return command


def look_up(want: Wanted, known: Known) -> Known:
    """Answer as GitHub would."""
    new = {
        search: tuple(map(ItemNumber, FILTERS.get(format_selector(search), ())))
        for search in want.filters
    }
    return replace(
        known,
        facts={**known.facts, **{number: WORLD.get(number) for number in want.numbers}},
        filters={**known.filters, **new},
        labels=LABELS if want.labels else known.labels,
        assignable={**known.assignable, **{one: one in PEOPLE for one in want.people}},
        people=PEOPLE,
        reviewers={**known.reviewers, **{o: o in PEOPLE for o in want.reviewers}},
        milestones=MILESTONES if want.milestones else known.milestones,
        others={**known.others, **{o: VISIBLE.get(o) for o in want.others}},
        away={
            **known.away,
            **{one.casefold(): away(one, known) for one in want.repositories},
        },
    )


def resolved(command: RunCommand, **more) -> Selection | SelectionProblem:
    return select(command, known_for(command, **more))


def test_merges_into_a_frozen_base_are_said_to_wait(monkeypatch):
    at = datetime(2026, 3, 2, 14, 2, tzinfo=UTC)
    frozen = {"main": Freeze("main", "ada", at, "release *2.4*")}
    pulls = {63: facts(63, PULL, base_branch="main"), 64: facts(64, PULL)}
    monkeypatch.setattr("tests.core.plan.test_selection.WORLD", pulls)
    chosen = resolved(command_of("/batch merge:63 merge:64"), freezes=frozen)
    assert isinstance(chosen, Selection)
    assert [note for note in chosen.notes if "frozen" in note] == [
        "Merges wait for main, frozen by ada since 14:02 UTC on 2 Mar (release"
        " \\*2.4\\*): `/batch unfreeze main` ends that."
    ]
    chosen = resolved(command_of("/batch ready:63"), freezes=frozen)
    assert isinstance(chosen, Selection)
    assert not any("frozen" in note for note in chosen.notes)


DOCS = Repository(9, "acme/docs", InstallationId(7))
DOCS_THERE = {
    item.number: item
    for item in (
        facts(7),
        facts(8, PULL, head_sha="d" * 40),
        facts(9, is_open=False, state_reason="completed"),
    )
}


def away(name: str, known: Known, configuration: RepositoryConfiguration | None = None):
    """Return what is known of another repository: of ``acme/docs`` something."""
    if name.casefold() != "acme/docs":
        return f"I am not installed in `{name}`"
    there = Known(
        DOCS.name,
        known.this,
        home=HERE,
        newest_number=9,
        configuration=configuration or RepositoryConfiguration(),
        labels={"ready": 1},
    )
    return Away(DOCS, "trunk", there)


def known_for(command: RunCommand, **more) -> Known:
    """Return all that a command asks for."""
    known = Known(
        HERE,
        ItemNumber(40),
        configuration=CONFIGURATION,
        newest_number=412,
        live_items={ItemNumber(20): BatchId("b7k2")},
        concurrency_limit=4,
        host="github.com",
        asker="ada",
        why_not=lambda action, _: (
            "This server cannot update." if action.does == "update" else ""
        ),
    )
    known = replace(known, **more)
    rounds = 0
    while not (want := wanted(command, known)).is_nothing:
        known = look_up(want, known)
        rounds += 1
        assert rounds <= 3, "the same things are wanted again and again"
    for name, place in known.away.items():
        if isinstance(place, Away):
            there = place.known
            while not (want := wanted(command, there)).is_nothing:
                assert not want.repositories
                asked = {number: DOCS_THERE.get(number) for number in want.numbers}
                there = replace(
                    look_up(want, there), facts={**there.facts, **asked}, labels=LABELS
                )
            ready = {**known.away, name: replace(place, known=there)}
            known = replace(known, away=ready)
    return known


def shown(item: SelectedItem) -> str:
    after = [
        str(one.number) if one.repository == HERE else str(one) for one in item.after
    ]
    words = [str(item.facts.number), item.action.name, *item.action.arguments]
    return " ".join(words) + (f" after {','.join(after)}" if after else "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["line"])
def test_a_command_selects_or_is_refused_as_the_table_says(case):
    result = resolved(command_of(case["line"]), this=case.get("this", 40))
    match result:
        case Selection():
            selected = [shown(item) for item in result.items]
            for part in result.away:
                selected += [
                    f"{part.repository.name}#{shown(item)}"
                    for item in part.selection.items
                ]
            assert selected == case["selected"]
            assert len(result.notes) == len(case.get("notes", []))
            for note, words in zip(result.notes, case.get("notes", []), strict=True):
                assert words in note
        case Declined():
            assert case["declined"] in result.message
        case UnknownItems():
            unknown = [f"{item.text}: {item.problem}" for item in result.unknown]
            assert unknown == case["unknown"]
            if "maybe" in case:
                assert [item.maybe for item in result.unknown] == case["maybe"]
        case Unreadable():
            (line,) = result.lines
            found = {
                line.line[fault.column :][: fault.length]: fault.message
                for fault in line.faults
            }
            assert found.keys() == case["faults"].keys()
            for place, words in case["faults"].items():
                assert words in found[place]
    if "corrected" in case:
        assert not isinstance(result, Selection)
        assert result.corrected == case["corrected"]


WORDS = (
    *("12", "15", "18", "20", "23", "30", "63", "65", "119", "99999", "this", "12..19"),
    *("label:bug", "label:bugg", "label:empty", "(12 23)", "(23 99999)", "-15", "-12"),
    *("sub-issues:30", "tasks:41", "close:23", "reopen:12", "12[priority:high]"),
    *("after:12", "after:119", "other/repo#5", "acme/docs#7", "merge:18"),
)
LEADS = ("", "close", "reopen", "merge", "update", "label +bugg", "label +bug -wip")


@settings(deadline=None)
@given(st.sampled_from(LEADS), st.lists(st.sampled_from(WORDS), max_size=5))
def test_what_a_correction_says_is_accepted_by_the_same_facts(lead, words):
    line = " ".join(["/batch", lead, *words])
    command = parse_command(line, actions=CONFIGURATION.actions)
    seen = {line}
    while not isinstance(command, Misread):
        assert isinstance(command, RunCommand | Help)
        result = resolved(command) if isinstance(command, RunCommand) else None
        if result is None or isinstance(result, Selection) or not result.corrected:
            return
        # Some corrections mend one of several faults; they lead on, and not round.
        assert result.corrected not in seen
        seen.add(result.corrected)
        command = parse_command(result.corrected, actions=CONFIGURATION.actions)
        assert not isinstance(command, Misread), result.corrected
        assert len(seen) <= 7  # MOST_CORRECTIONS of the engine, and the first


def test_options_of_an_item_come_from_its_term_then_its_group():
    selection = resolved(
        command_of("/batch (12[retries:0] 15)[retries:3 priority:low] 18 timeout:1h")
    )
    assert isinstance(selection, Selection)
    found = [(i.priority, i.retries, i.timeout_seconds) for i in selection.items]
    assert found == [(20, 0, None), (20, 3, None), (None, None, None)]
    assert selection.options.timeout_seconds == 3600


def test_a_mention_by_name_says_more_than_a_range():
    selection = resolved(command_of("/batch 12..15[priority:low] 15[priority:high] 12"))
    assert isinstance(selection, Selection)
    assert [item.priority for item in selection.items] == [20, 80]


def test_a_number_asked_for_twice_counts_as_two_items():
    few = read_configuration("limits: {items: 3}")
    command = command_of("/batch review:63 merge:63 12")
    assert isinstance(resolved(command, configuration=few), Selection)
    command = command_of("/batch review:63 merge:63 12 15")
    problem = resolved(command, configuration=few)
    assert isinstance(problem, Declined)
    assert problem.message.startswith("That is 4 items, and the limit")


def test_options_of_the_batch_are_filled_in_and_clamped():
    selection = resolved(
        command_of("/batch 12 on-failure:stop dry-run"), concurrency_limit=2
    )
    assert isinstance(selection, Selection)
    assert selection.options.on_failure is OnFailure.STOP
    assert selection.options.concurrency == 2
    assert selection.is_dry_run
    assert selection.notes == ()  # nobody asked for more


def test_options_that_nobody_typed_are_those_of_the_repository():
    own = read_configuration("{on-failure: pause, dependencies: native, budget: 90}")
    selection = resolved(command_of("/batch 12 deps:typed"), configuration=own)
    assert isinstance(selection, Selection)
    options = selection.options
    assert options.on_failure is OnFailure.PAUSE
    assert options.budget_requests == 90
    assert options.deps is Deps.TYPED


def test_many_items_have_to_be_confirmed():
    limits = read_configuration("limits: {confirm_over: 2}")
    for line, must_confirm in (("/batch 12 15", False), ("/batch 12 15 18", True)):
        selection = resolved(command_of(line), configuration=limits)
        assert isinstance(selection, Selection)
        assert selection.must_confirm is must_confirm


def test_the_thread_itself_is_not_closed_because_a_filter_has_it():
    for line, must_confirm in (
        ("/batch close milestone:2.4", True),
        ("/batch implement 39..40", True),
        ("/batch label +bug milestone:2.4", False),  # no harm, and said in a note
        ("/batch close milestone:2.4 40", False),
        ("/batch close milestone:2.4 -40", False),
        ("/batch close this", False),
    ):
        selection = resolved(command_of(line))
        assert isinstance(selection, Selection)
        assert selection.must_confirm is must_confirm, line


def test_the_defaults_are_the_repositorys():
    configuration = read_configuration(
        "defaults: {issue: fix}\nactions: {fix: {command: fixer, applies_to: issues}}"
    )
    selection = resolved(command_of("/batch 12 63"), configuration=configuration)
    assert isinstance(selection, Selection)
    assert [item.action.command for item in selection.items] == ["fixer", ""]
    assert [shown(item) for item in selection.items] == ["12 fix", "63 review"]


@pytest.mark.parametrize("name", sorted(ACTIONS.keys() - RESERVED))
def test_a_name_of_the_repositorys_own_stays_its_own(name: str):
    own = read_configuration(
        f"actions: {{{name}: {{uses: label, with: [+triaged]}}}}\n"
        f"defaults: {{issue: {name}}}"
    )
    for line in (f"/batch {name} 12", f"/batch {name}:12", "/batch 12"):
        command = parse_command(line, actions=own.actions)
        assert isinstance(command, RunCommand)
        selection = resolved(command, configuration=own)
        assert isinstance(selection, Selection)
        (item,) = selection.items
        assert (item.action.does, item.action.arguments) == ("label", ("+triaged",))
        assert selection.notes == (
            f"`{name}` is this repository's own action here: `label +triaged`.",
        )
    assert isinstance(
        parse_command(f"/batch {name} +bug 12", actions=own.actions), Misread
    )


def test_a_command_that_nobody_typed_is_refused_in_words():
    command = replace(command_of("/batch 12 -15"), line="")
    result = resolved(command)
    assert isinstance(result, Declined)
    assert result.message == "-15 removes nothing. For a range write 12-15."


def test_nothing_is_asked_for_a_command_that_is_too_large():
    command = command_of("/batch 100..140 200..240")
    assert wanted(command, Known(HERE, ItemNumber(40))).is_nothing


def test_everything_that_a_command_needs_is_asked_at_once():
    command = command_of(
        "/batch 12..13 label:bug after:99 15 after:other/repo#5 sub-issues:30 -13"
    )
    want = wanted(command, Known(HERE, ItemNumber(40)))
    assert set(want.numbers) == {12, 15, 30, 99}
    assert want.filters == (Search((Filter("label", ("bug",)),)),)
    assert want.others == (ref(5, "other/repo"),)


def test_unknown_items_are_counted_among_those_asked_for():
    line = "/batch 12 15 18 after:12 19 20 999 after:other/repo#5"
    result = resolved(command_of(line))
    assert isinstance(result, UnknownItems)
    assert (result.asked, len(result.unknown)) == (7, 2)
    assert result.corrected == "/batch 12 15 18 after:12 19 20"


def test_items_of_another_repository_are_decided_as_that_one_sets_it():
    line = "/batch merge:acme/docs#8 12 after:acme/docs#8 (15 acme/docs#7)[retries:5]"
    command = command_of(line)
    chosen = resolved(command)
    assert isinstance(chosen, Selection)
    (part,) = chosen.away
    assert [(i.facts.number, i.place) for i in chosen.items] == [(12, 1), (15, 2)]
    assert [(i.facts.number, i.place) for i in part.selection.items] == [(8, 0), (7, 3)]
    assert part.default_branch == "trunk"
    merge = part.selection.items[0].action
    assert part.permit_of(merge) == Permit(Role.MAINTAIN)
    plan = build_plan(
        chosen,
        repository=WIDGETS,
        runner_of=lambda _, place, is_from_fork: Runner(place.name),
    )
    assert isinstance(plan, Plan)
    assert [i.worker for i in plan.items] == [i.repository.name for i in plan.items]
    assert len({i.worker for i in plan.items}) == 2
    assert [item.id for item in plan.items] == ["docs-8", "12", "15", "docs-7"]
    assert [(e.successor, e.predecessor) for e in plan.edges] == [("12", "docs-8")]
    assert [item.retries for item in plan.items] == [2, 2, 5, 5]
    assert {item.takes for item in plan.items if item.repository == WIDGETS} == {None}


def test_an_own_action_means_what_the_repository_of_the_item_says():
    text = "actions: {triage: {uses: label, with: [+ready]}}"
    other = read_configuration(text)
    command = command_of("/batch triage 12 acme/docs#7")
    chosen = resolved(command)
    assert isinstance(chosen, Declined)
    assert "`triage` is no action of `acme/docs`" in chosen.message
    known = known_for(command)
    place = away("acme/docs", known, other)
    there = replace(place.known, facts={ItemNumber(7): facts(7)})
    known = replace(known, away={"acme/docs": replace(place, known=there)})
    chosen = select(command, known)
    assert isinstance(chosen, Selection)
    (own,), (part,) = chosen.items, chosen.away
    assert (own.action.name, own.action.arguments) == ("triage", ("+triaged",))
    assert part.selection.items[0].action.arguments == ("+ready",)


def calls_to_select(count: int) -> int:
    """Return how many functions are called to choose so many items."""
    numbers = [ItemNumber(1000 + place) for place in range(count)]
    configuration = read_configuration(f"limits: {{items: {count}}}")
    known = Known(
        repository=HERE,
        this=ItemNumber(40),
        configuration=configuration,
        facts={number: facts(number) for number in numbers},
    )
    line = f"/batch close {numbers[0]}..{numbers[-1]}"
    command = parse_command(line, limits=configuration.limits)
    assert isinstance(command, RunCommand)
    with cProfile.Profile() as profile:
        selection = select(command, known)
    assert isinstance(selection, Selection)
    assert len(selection.items) == count
    counted: Any = pstats.Stats(profile)
    return int(counted.total_calls)


def test_ten_times_as_many_items_take_ten_times_the_work():
    assert calls_to_select(400) < 11 * calls_to_select(40)


# --- what has a pull request already ---------------------------------------------------

PULL_71 = PullNow(
    ItemNumber(71), "https://x.test/71", PullState.OPEN, "batch/a1a1/12", "main"
)
OPEN = {ItemNumber(12): (PULL_71,)}


def test_an_issue_with_an_open_pull_request_is_left_out_with_a_link():
    found = resolved(command_of("/batch 12 15 18 after:12"), open_pulls=OPEN)
    assert isinstance(found, Selection)
    assert [item.facts.number for item in found.items] == [15, 18]
    said = "#12 has its pull request open already ([PR 71](https://x.test/71)); "
    assert found.notes == (f"{said}`again` makes another one. It is **left out**.",)


def test_alone_it_starts_nothing_and_again_is_offered():
    found = resolved(command_of("/batch 12 dry-run"), open_pulls=OPEN)
    assert isinstance(found, Declined)
    assert "[PR 71]" in found.message
    assert found.corrected == "/batch 12 again dry-run"


def test_again_makes_another_one_beside_those_that_are_known():
    found = resolved(command_of("/batch 12 15 again"), open_pulls=OPEN)
    assert isinstance(found, Selection)
    assert [item.beside for item in found.items] == [(71,), ()]
    (note,) = found.notes
    assert note == "#12 gets another pull request beside [PR 71](https://x.test/71)."


@pytest.mark.parametrize(
    "line", ["/batch label +bug 12", "/batch close:12 15", "/batch triage 12"]
)
def test_what_opens_no_pull_request_does_not_mind_one(line):
    command = command_of(line)
    found = resolved(command, open_pulls=OPEN)
    assert isinstance(found, Selection)
    assert found.items[0].facts.number == 12
    assert found.notes == ()


def test_pull_requests_are_asked_for_the_issues_that_get_one():
    command = command_of("/batch 12 close:15 fix:18 23 63")
    assert to_be_opened(command, known_for(command)) == (12, 18)


def test_again_without_need_says_so():
    found = resolved(command_of("/batch 12 again"))
    assert isinstance(found, Selection)
    assert found.notes[0].startswith("`again` changes nothing")
