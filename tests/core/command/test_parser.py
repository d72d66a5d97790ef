import re
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from unicodedata import normalize

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Words
from bot.core.actions.table import ACTIONS, installed
from bot.core.command.faults import Unreadable
from bot.core.command.limits import Limits
from bot.core.command.parser import MAX_COMMANDS, Misread, parse_command, parse_comment
from bot.core.command.start_at import StartAt
from bot.core.command.syntax import (
    Cancel,
    Command,
    Concurrency,
    Exclusion,
    Filter,
    GivenOptions,
    Group,
    Help,
    Number,
    Pause,
    Plan,
    Qualified,
    Range,
    Resume,
    Retry,
    RunCommand,
    Search,
    Skip,
    Start,
    Status,
    SubIssues,
    Tasks,
    Term,
    This,
    Why,
    format_command,
)
from bot.core.command.tokens import GHOST
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    CONTROLS,
    FILTER_VALUES,
    FILTERS,
    HELP_WORDS,
)
from bot.core.model import Action, BatchId, Deps, ItemNumber, OnFailure, Reference
from bot.core.plan.naming import number_in
from tests.growth import assert_linear

OWN_ACTIONS = ("triage",)


def table(name: str):
    return yaml.safe_load(Path(f"fixtures/commands/{name}.yaml").read_text("utf-8"))


def parsed(line: str) -> Command:
    command = parse_command(line, actions=OWN_ACTIONS)
    assert not isinstance(command, Misread), command
    return command


@pytest.mark.parametrize(("line", "understood"), table("understood"))
def test_a_line_is_understood_as_the_table_says(line, understood):
    assert format_command(parsed(line)) == understood
    assert parsed(understood) == parsed(line)


@pytest.mark.parametrize("case", table("refused"), ids=lambda case: case["line"])
def test_every_fault_is_underlined_and_mended_where_possible(case):
    result = parse_command(case["line"], actions=OWN_ACTIONS)
    assert isinstance(result, Misread)
    found = {
        case["line"][fault.column :][: fault.length]: fault.message
        for fault in result.line.faults
    }
    assert found.keys() >= case["faults"].keys(), found
    for place, words in case["faults"].items():
        assert words in found[place]
    assert result.corrected == case.get("corrected", "")


@pytest.mark.parametrize("line", ["/batch teleprot 12", "/batch 12 teleport 15"])
def test_nobody_is_led_to_what_the_table_refuses(line: str):
    later = ActionSpec(
        "teleport",
        Words("teleport", "teleporting", "Teleported", "not yet"),
        AppliesTo.BOTH,
        ItemNeed.ANY,
        None,
    )
    with installed([later]):
        refused = parse_command(line)
        own = parse_command(line, actions=["teleport"])
    assert isinstance(refused, Misread)
    assert refused.corrected == ""
    assert isinstance(own, Misread)
    assert "teleport" in own.corrected


WEIGHTY = (
    *("dry-run", "dry run", "--dry-run", "-n", "dryrun", "dry_run", "--plan"),
    *("not-planned", "not planned", "as not planned", "--not-planned", "wontfix"),
    *("-15", "except 15", "but not 15", "without #15", "!15", "minus 15"),
    *("after 15", "after: 15", "depends on 15", "needs 15", "--after 15"),
)
WRAPPED = (
    "{}",
    "({})",
    "[{}]",
    "({},)",
    "{}.",
    "{}!",
    ", {}",
    "and {}",
    '"{}"',
    "`{}`",
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from(["12..18", "63", "label:bug", "please", "concurrency=2"]),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(WEIGHTY),
    st.sampled_from(WRAPPED),
    st.integers(0, 3),
)
def test_no_correction_leaves_out_what_makes_less_of_a_command(words, weighty, how, at):
    words.insert(at, how.format(weighty))
    result = parse_command("/batch close " + " ".join(words))
    offered = result.corrected if isinstance(result, Misread) else ""
    if offered:
        kept = ("dry-run", "not-planned", "-15", "after:", weighty)
        assert any(word in offered for word in kept), (words, offered)


def test_faults_come_from_left_to_right():
    result = parse_command("/batch 1x8 concurency:3 timeout:30 after")
    assert isinstance(result, Misread)
    columns = [fault.column for fault in result.line.faults]
    assert columns == sorted(columns)
    assert len(columns) == 4


def test_the_words_of_the_language_are_all_understood():
    for name, action in ACTIONS.items():
        arguments = action.arguments.usage.replace("[key=value …]", "").strip("[]")
        command = parsed(f"/batch {name} {arguments} 12")
        assert isinstance(command, RunCommand)
        assert command.action
        assert command.action.name == name
    for control in CONTROLS:
        operands = {"why": "18", "skip": "18", "plan": "18"}
        operands |= {"freeze": "main", "unfreeze": "main"}
        operands |= {"priority": "18 high", "concurrency": "5", "add": "21"}
        operand = operands.get(control, "")
        assert not isinstance(parsed(f"/batch {control} {operand}"), RunCommand)
    for topic in HELP_WORDS:
        assert parsed(f"/batch help {topic}") == Help(topic)


def test_the_limit_of_items_is_the_repositorys():
    limits = Limits(items=5)
    assert isinstance(parse_command("/batch 1..6", limits=limits), Misread)
    assert isinstance(parse_command("/batch 1..5", limits=limits), RunCommand)


def test_spans_say_where_things_were_typed():
    line = "/batch 12 review:63 after:12,15"
    command = parsed(line)
    assert isinstance(command, RunCommand)
    term = command.words[1]
    assert isinstance(term, Term)
    assert line[term.span.column :][: term.span.length] == "review:63"
    spans = [name.span for name in term.after]
    assert [line[span.column :][: span.length] for span in spans] == ["12", "15"]


# --- comments -----------------------------------------------------------------------


def test_a_comment_without_a_command_is_none_of_the_bots_business():
    assert parse_comment("I like `/batch 12`.") is None


def test_the_commands_of_a_comment_come_in_order():
    commands = parse_comment("/batch 12\n\nthen\n\n/batch status")
    assert commands is not None
    assert not isinstance(commands, Unreadable)
    assert list(map(format_command, commands)) == ["/batch 12", "/batch status"]


def test_one_fault_stops_all_commands_of_a_comment():
    result = parse_comment("/batch 12\n/batch l8\n/batch staus")
    assert isinstance(result, Unreadable)
    assert [line.line for line in result.lines] == ["/batch l8", "/batch staus"]
    assert result.corrected == "/batch 12\n/batch 18\n/batch status"


def test_half_a_correction_is_none():
    result = parse_comment("/batch l8\n/batch foo")
    assert isinstance(result, Unreadable)
    assert result.corrected == ""


def test_a_comment_has_only_so_many_commands():
    result = parse_comment("/batch 12\n" * (MAX_COMMANDS + 1))
    assert isinstance(result, Unreadable)
    assert "20 commands" in result.lines[0].faults[0].message


# --- laws ---------------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    [
        *("12", "12..18", "20-12", "#15", "this", "other/repo#5", "-15", "+bug", "x"),
        *("after:", "after:12", "after", ",", "(", ")", "[", "]", '"', "“", "”", "\\"),
        *("label", "label:", "label:x", "priority:high", "timeout:", "30", "30m", "="),
        *("merge", "review:", "comment", "dispatch", "ci.yml", "k=v", "plan", "help"),
        *("then", "->", "except", "depends", "on", "--dry-run", "-n", "concurrency=2"),
        *("label:a", "-label:b", "author:x", ",", "12/15", "1x8", "l8", "all", "to"),
        *("please", "not", "planned", "PR", "\u200b", "\uff15", "draft:true", "+new!"),
        *("or", "12->15", "!15", ":+1:", "PR#12", "[12]", "of", "&", "before", "why"),
        *("cancel", "b7k2", "and", "://", "https://", "tasks:", "sub-issues:12", "٣"),
        *(" ", " ", " ", "\x0b", "\0", "\u2028", "\u017f", "İ", "🙂", "\ud800"),
    ]
)
LINES = st.lists(FRAGMENTS, max_size=16).map(lambda parts: "/batch " + "".join(parts))


@settings(deadline=None)
@given(st.one_of(LINES, st.text(max_size=200), st.text().map("/batch ".__add__)))
def test_parsing_never_raises_and_always_says_something(line):
    result = parse_command(line, actions=OWN_ACTIONS)
    if not isinstance(result, Misread):
        assert parsed(format_command(result)) == result
        return
    assert result.line.faults
    for fault in result.line.faults:
        assert 0 <= fault.column <= len(line)
        assert fault.length > 0
        assert fault.message
    if result.corrected:
        parsed(result.corrected)


@settings(deadline=None)
@given(st.text(max_size=400))
def test_no_comment_makes_the_parser_raise(text):
    assert parse_comment(f"/batch {text}") is not None
    parse_comment(text)


@pytest.mark.parametrize(
    "unit",
    [
        "12 ",
        "(",
        "[",
        '"',
        '"\\',
        "“",
        "a:",
        "after:1,",
        "1,",
        "x",
        "12[ ",
        "retires:2 ",
        "12 then ",
        "then ",
        "--a ",
        "label:a ",
        "label:a,",
        "-label:a ",
        "1/",
        "a=",
        "\u200b",
        "a\u200b",
        "\uff15",
        "[bot]",
        "except 1 ",
        "good ",
        "+a ",
        "!",
    ],
)
def test_a_hostile_line_is_refused(unit):
    for lead in ("/batch ", "/batch label +a ", "/batch comment "):
        line = lead + unit * (65_536 // len(unit))
        assert isinstance(parse_command(line), Misread | Help)
        assert_linear(partial(_parse_first, line), 16_000)


def _parse_first(line: str, size: int) -> None:
    parse_command(line[:size])


numbers = st.integers(1, 999_999_999).map(ItemNumber)
this = st.just(This())
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}/[a-z0-9._-]{1,9}", fullmatch=True)
qualified = st.builds(Qualified, st.builds(Reference, names, numbers))
item_names = st.one_of(st.builds(Number, numbers), this, qualified)
LOOKALIKE = str.maketrans("lIOo", "1100")


@settings(deadline=None)
@given(LINES)
@example("/batch [12]12")
@example("/batch PR#12[12]")
@example("/batch [#12](https://github.com/acme/widgets/issues/12)15")
def test_a_correction_names_no_item_that_nobody_named(line):
    result = parse_command(line, actions=OWN_ACTIONS)
    if not isinstance(result, Misread) or not result.corrected:
        return
    command = parsed(result.corrected)
    seen = GHOST.sub("", line)  # what nobody sees parts no number
    read = f"{line} {line.translate(LOOKALIKE)} {normalize('NFKC', line)} {seen}"
    named = {int(one) for one in re.findall("[0-9]+", read)}
    for first, last in RANGE.findall(read):
        named |= set(range(int(first), int(last) + 1))
    assert named.issuperset(numbers_of(command))


RANGE = re.compile(r"([0-9]{1,4})(?:\.{2,3}|[-\u2013\u2014\u2026])#?([0-9]{1,4})")


def numbers_of(command: Command) -> list[int]:
    """Return the numbers that a command names, the ends of its ranges included."""
    match command:
        case Plan(run):
            return numbers_of(run)
        case RunCommand():
            text = format_command(replace(command, options=GivenOptions()))
            without_options = re.sub(r"\[[^\]]*\]", "", text)
            return [int(one) for one in re.findall("[0-9]+", without_options)]
        case Cancel(_, items) | Retry(_, items) | Skip(_, items):
            return list(map(number_in, items))
        case Why(item):
            return [number_in(item)]
        case _:
            return []


FLAG_LIKE = ("dry-run", "dryrun", "dry_run", "plan", "yes", "force", "n", "x", "help")


@pytest.mark.parametrize(
    "command",
    [
        "label +bug 1",
        "assign +ada 1",
        'comment "x" 1',
        "close 1",
        "dispatch ci.yml 1",
        "1",
    ],
)
@pytest.mark.parametrize("word", [*FLAG_LIKE, *BATCH_OPTIONS])
def test_a_word_that_is_nearly_an_option_is_never_an_argument(command, word):
    for typed in (f"--{word}", f"-{word}", f"\u2014{word}", f"--{word}=1"):
        for line in (f"/batch {command} {typed}", f"/batch {typed} {command}"):
            result = parse_command(line)
            assert isinstance(result, Misread), line
            if result.corrected:
                meant = parse_command(result.corrected)
                assert isinstance(meant, RunCommand | Help | Concurrency)
    if word in BATCH_OPTIONS:
        assert isinstance(parse_command(f"/batch {command} {word}=3"), Misread)


values = st.text(
    st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1
).filter(
    lambda value: (
        value.strip() and not value.startswith("@") and not GHOST.search(value)
    )
)
ranges = st.builds(
    lambda first, more: Range(first, ItemNumber(first + more)),
    st.integers(1, 9999).map(ItemNumber),
    st.integers(1, 49),
)
signed_keys = st.sampled_from(
    [(key, sign) for key in FILTERS for sign in (True, False)]
)
filters = signed_keys.flatmap(
    lambda pair: st.builds(
        Filter,
        st.just(pair[0]),
        st.lists(
            st.sampled_from(FILTER_VALUES[pair[0]])
            if pair[0] in FILTER_VALUES
            else values,
            min_size=1,
            max_size=3,
            unique=True,
        ).map(tuple),
        st.just(pair[1]),
    )
)
searches = (
    st.lists(filters, min_size=1, max_size=3, unique_by=lambda f: (f.key, f.is_not))
    .filter(lambda some: not all(one.is_not for one in some))
    .filter(lambda some: not all(one.values == ("open",) for one in some))
    .map(lambda some: Search(tuple(sorted(some, key=lambda one: one.is_not))))
)
parents = st.builds(SubIssues, item_names) | st.builds(Tasks, item_names)
selectors = st.one_of(item_names, ranges, searches, parents)
item_options = st.builds(
    GivenOptions,
    timeout_seconds=st.none() | st.integers(1, 86_400),
    retries=st.none() | st.integers(0, 5),
    priority=st.none() | st.integers(0, 100),
)
options = st.builds(
    lambda some, concurrency, on_failure, budget, deps, start_at: replace(
        some,
        concurrency=concurrency,
        on_failure=on_failure,
        budget_requests=budget,
        deps=deps,
        start_at=start_at,
    ),
    item_options,
    st.none() | st.integers(1, 99),
    st.none() | st.sampled_from(OnFailure),
    st.none() | st.integers(1, 9999),
    st.none() | st.sampled_from(Deps),
    st.none() | st.sampled_from([StartAt("22:00"), StartAt("Mon-06:00")]),
)
afters = st.lists(item_names, max_size=3, unique=True).map(tuple)
prefixes = st.none() | st.sampled_from(["implement", "review", "merge", "triage"])
terms = st.builds(Term, selectors, prefixes, afters, item_options).filter(
    lambda term: term.selector not in term.after
)
groups = st.builds(
    Group, st.lists(terms, min_size=1, max_size=3).map(tuple), afters, item_options
)
exclusions = st.builds(
    Exclusion,
    ranges | st.builds(lambda number: Range(number, number), numbers),
)
signed = st.lists(values, min_size=1, max_size=3, unique=True).flatmap(
    lambda some: st.tuples(*(st.sampled_from([f"+{v}", f"-{v}"]) for v in some))
)
logins = st.lists(
    st.from_regex(r"[+-][a-z][a-z0-9-]{0,9}", fullmatch=True),
    min_size=1,
    max_size=3,
    unique_by=lambda login: login[1:],
).map(tuple)
inputs = st.dictionaries(
    st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
    max_size=3,
)
leads = st.one_of(
    st.none(),
    st.sampled_from(["implement", "review", "merge", "update", "reopen", "triage"]).map(
        Action
    ),
    st.builds(Action, st.just("label"), signed),
    st.builds(Action, st.just("assign"), logins),
    st.sampled_from([(), ("not-planned",), ("completed",)]).map(
        lambda arguments: Action("close", arguments)
    ),
    values.map(lambda text: Action("comment", (text,))),
    inputs.map(
        lambda some: Action(
            "dispatch", ("ci.yml", *(f"{key}={some[key]}" for key in some))
        )
    ),
)


def says_how_filters_go(words) -> bool:
    """Return whether filters that do not stand side by side are bound apart."""
    levels = [
        [word for word in words if not isinstance(word, Exclusion)],
        *(word.terms for word in words if isinstance(word, Group)),
    ]
    for level in levels:
        loose = [is_loose(word) for word in level]
        if sum(kind == "loose" for kind in loose) > 1:
            return False
        for one, two in pairwise(level):
            is_open = isinstance(one, Term) and is_unbound_search(one)
            if is_open and isinstance(two, Term) and is_search(two) and not two.action:
                return False
    return True


def is_search(word) -> bool:
    return isinstance(word, Term) and isinstance(word.selector, Search)


def is_unbound_search(word) -> bool:
    return is_search(word) and not word.after and word.options == GivenOptions()


def is_loose(word) -> str:
    return "loose" if is_unbound_search(word) and word.action is None else ""


runs = st.builds(
    RunCommand,
    st.lists(st.one_of(terms, groups, exclusions), min_size=1, max_size=5)
    .filter(lambda words: not all(isinstance(word, Exclusion) for word in words))
    .filter(says_how_filters_go)
    .map(tuple),
    leads,
    afters,
    options,
    st.booleans(),
)
ids = st.from_regex(r"([a-z][0-9]){2,4}", fullmatch=True).map(BatchId)
maybe_ids = st.none() | ids
item_lists = st.lists(numbers, max_size=6, unique=True).map(tuple)
commands = st.one_of(
    runs,
    runs.map(lambda run: Plan(replace(run, is_dry_run=True))),
    st.builds(Status, maybe_ids),
    st.builds(Start, maybe_ids),
    st.builds(Pause, maybe_ids),
    st.builds(Resume, maybe_ids),
    st.builds(Cancel, maybe_ids, item_lists),
    st.builds(Retry, maybe_ids, item_lists),
    st.builds(Why, numbers),
    st.builds(Skip, maybe_ids, item_lists.filter(bool)),
    st.sampled_from([Help(), Help(is_bare=True), *map(Help, HELP_WORDS)]),
)


@settings(deadline=None)
@given(commands)
def test_what_the_bot_writes_it_reads_back_as_the_same_command(command):
    assert parsed(format_command(command)) == command
