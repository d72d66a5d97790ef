import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.actions.implement import next_step
from bot.core.actions.step import Ask, Do, End, Execute, Job, Rebase, Seen, Step
from bot.core.effects import OpenPullRequest, PushBranch, Receipt
from bot.core.model import (
    Action,
    CommandResult,
    ItemNumber,
    Link,
    OpenedPull,
    Outcome,
    OutcomeKind,
)
from bot.core.world.questions import Bases, BasesOf, BranchNow, PullNow, PullState
from tests.core.actions.jobs import RAN, REPOSITORY, SHA, STARTED, job

IMPLEMENT = Action("implement")
URL = "https://github.com/acme/widgets/pull/71"
PUSHED = Receipt(sha=SHA)
OPENED = Receipt(id=71, url=URL, sha=SHA)


def wrote(result: object = None, *, text: str | None = None) -> CommandResult:
    """Return the result of a command that changed a file and wrote ``result.json``."""
    if text is None and result is not None:
        text = json.dumps(result)
    outputs = {} if text is None else {"result.json": text}
    return replace(RAN, outputs=outputs)


def open_pull(number: int, head: str, **more: Any) -> PullNow:
    url = f"https://github.com/acme/widgets/pull/{number}"
    state = more.pop("state", PullState.OPEN)
    base = more.pop("base", "main")
    return PullNow(ItemNumber(number), url, state, head, base, **more)


def bases_of(at: Job, default: str = "main", **more: Any) -> Bases:
    """Return that all branches are as they were pushed."""
    branches = {"batch/b7k2/12": BranchNow(exists=False)}
    for place, before in enumerate(at.predecessors):
        pull = open_pull(70 + place, before.branch)
        branches[before.branch] = BranchNow(exists=True, pull=pull)
    branches |= more.pop("branches", {})
    return Bases(default, branches, **more)


def step_of(at: Job, seen: Seen, bases: Bases | None = None) -> Step:
    """Return the step that follows once it is known what became of the bases."""
    step = next_step(at, seen)
    for _ in range(4):
        if not isinstance(step, Ask):
            break
        question = step.question
        assert isinstance(question, BasesOf)
        known = bases or bases_of(at)
        asked = {name: known.branches[name] for name in question.branches}
        seen = seen.told(question, replace(known, branches=asked))
        step = next_step(at, seen)
    return step


def pull_request(
    result: CommandResult, at: Job | None = None, bases: Bases | None = None
) -> OpenPullRequest:
    """Return the pull request that is opened for a result."""
    at = at or job(IMPLEMENT)
    pushed = Receipt(sha=result.commit)
    step = step_of(at, Seen().ran(result).done("push", pushed), bases)
    assert isinstance(step, Do)
    assert isinstance(step.intent, OpenPullRequest)
    return step.intent


def test_the_repositorys_own_template_follows_what_the_bot_says():
    body = pull_request(replace(RAN, template="## Checks\n\n- [ ] <!-- tests")).body
    assert body.startswith("Closes #12")
    assert body.endswith("</sub>\n\n## Checks\n\n- [ ] <!-- tests")


def test_a_commit_that_github_made_again_is_the_head_of_the_pull_request():
    signed = replace(PUSHED, made_sha="d" * 40, note="no_user")
    seen = Seen().ran(RAN).done("push", signed)
    step = step_of(job(IMPLEMENT), seen)
    assert isinstance(step, Do)
    assert isinstance(step.intent, OpenPullRequest)
    assert step.intent.head_sha == signed.made_sha
    assert "GitHub did not verify the commit" in step.intent.body
    assert "`no_user`" in step.intent.body
    opened = replace(OPENED, sha=signed.made_sha)
    last = next_step(job(IMPLEMENT), seen.done("pull-request", opened))
    assert isinstance(last, End)
    assert last.outcome.kind is OutcomeKind.COMPLETED
    assert last.outcome.opened == OpenedPull(ItemNumber(71), "d" * 40)


def test_what_is_left_out_is_named_in_the_pull_request_and_in_the_report():
    out = tuple(f"{name}/ (a cache)" for name in ("a", "b", "c", "d"))
    result = replace(RAN, left_out=out)
    assert "Left out: `a/ (a cache)`, `b/" in pull_request(result).body
    seen = Seen().ran(result).done("push", PUSHED).done("pull-request", OPENED)
    step = next_step(job(IMPLEMENT), seen)
    assert isinstance(step, End)
    named = "a/ (a cache), b/ (a cache), c/ (a cache) and 1 more"
    assert step.outcome.summary == f"left out {named}"


def ended(result: CommandResult) -> Outcome:
    """Return how it ends, right after the command."""
    step = next_step(job(IMPLEMENT), Seen().ran(result))
    assert isinstance(step, End)
    return step.outcome


def test_first_the_command_runs_and_gets_its_item_as_data():
    step = step_of(job(IMPLEMENT), Seen())
    assert isinstance(step, Execute)
    command = step.job
    assert (command.command, command.base, command.merge) == ("implement", "main", ())
    assert command.timeout_seconds == 600
    assert command.environment == {
        "BATCH_ID": "b7k2",
        "BATCH_ITEM": "12",
        "BATCH_REPOSITORY": "acme/widgets",
        "BATCH_BASE": "main",
    }
    item = json.loads(command.inputs["item.json"])
    assert item["number"] == 12
    assert item["title"] == "Paths on Windows"
    assert item["body"].startswith("They have backslashes.")
    assert (item["base"], item["builds_on"]) == ("main", [])
    assert (item["attempt"], item["asked_by"]) == ("b7k2-12-1", "ada")


def test_then_the_branch_then_the_pull_request_then_the_end():
    at, seen = job(IMPLEMENT), Seen().ran(RAN)
    assert next_step(at, seen) == Do(
        "push", PushBranch(REPOSITORY, "batch/b7k2/12", SHA, base_branch="main")
    )
    seen = seen.done("push", PUSHED)
    assert isinstance(next_step(at, seen), Ask)
    step = step_of(at, seen)
    assert isinstance(step, Do)
    assert step.key == "pull-request"
    assert next_step(at, seen.done("pull-request", OPENED)) == End(
        Outcome(
            OutcomeKind.COMPLETED,
            link=Link("PR 71", URL),
            branch="batch/b7k2/12",
            isolation="a fake",
            opened=OpenedPull(ItemNumber(71), SHA),
        )
    )


def test_the_pull_request_says_what_it_is_for_and_who_asked():
    told = wrote({"title": "Join paths", "summary": "Used `os.path`.\n\nTested."})
    opened = pull_request(told)
    assert (opened.head_branch, opened.head_sha) == ("batch/b7k2/12", SHA)
    assert opened.base_branch == "main"
    assert opened.title == "Join paths"
    assert opened.body == (
        "Closes #12\n\nUsed `os.path`.\n\nTested.\n\n<sub>Made by the command "
        "`implement` for [#12](https://github.com/acme/widgets/issues/12) in batch "
        "`b7k2`, as ada asked · isolation: a fake · 1 file, +2 -1</sub>"
    )


def test_without_a_result_the_texts_are_the_bots_own():
    opened = pull_request(RAN, job(IMPLEMENT, title="Closes #1, @bob"))
    assert opened.title == "Implement #12"
    assert "bob" not in opened.body


@pytest.mark.parametrize(
    "words",
    [
        "Fixes #99",
        "closes acme/widgets#99",
        "resolves GH-99",
        "fixes https://github.com/acme/widgets/issues/99",
        "thanks @bob",
        "<!-- batch-bot:tracking b7k2 -->",
        "![x](https://evil.example/x.png)",
        "- [ ] <!-- batch:merge --> tick me",
    ],
)
def test_a_result_cannot_close_mention_or_draw_anything(words):
    opened = pull_request(wrote({"title": words, "summary": f"text\n{words}"}))
    own = opened.body.replace("Closes #12\n", "", 1).replace("[#12]", "", 1)
    for text in (opened.title, own.partition("<sub>")[0]):
        for live in ("#99", "GH-99", "https://", "@bob"):
            assert live not in text
    assert "<!--" not in opened.body
    assert "![" not in opened.body
    assert "- [ ]" not in opened.body


def test_a_long_result_is_cut():
    opened = pull_request(wrote({"title": "t" * 5_000, "summary": "word\n" * 5_000}))
    assert len(opened.title) <= 120
    assert opened.body.count("word") == 20
    assert "…" in opened.body


@pytest.mark.parametrize(
    "text", ["not json", "[]", '{"title": 12}', '{"title": "x', "\x00"]
)
def test_a_faulty_result_does_not_cost_the_work(text):
    opened = pull_request(wrote(text=text))
    assert opened.title == "Implement #12"
    assert "`result.json` was not used: " in opened.body


def test_no_change_is_an_outcome_of_its_own():
    said = {"result.json": '{"summary": "It works already."}'}
    outcome = ended(CommandResult(0, outputs=said))
    assert outcome.kind is OutcomeKind.UNCHANGED
    assert outcome.summary == "It works already."
    assert outcome.is_success


@pytest.mark.parametrize(
    ("code", "lines", "kind", "reason", "retry_helps"),
    [
        (1, ("a", "2 failed"), OutcomeKind.FAILED, "exit code 1: 2 failed", False),
        (2, (), OutcomeKind.FAILED, "exit code 2", False),
        (75, ("502 Bad Gateway",), OutcomeKind.TRANSIENT, "502 Bad Gateway", True),
        (75, (), OutcomeKind.TRANSIENT, "the command asked for another try", True),
        (127, ("agent: not found",), OutcomeKind.FAILED, "agent: not found", False),
        (137, ("x",), OutcomeKind.FAILED, "the command was ended by SIGKILL", True),
        (-11, ("x",), OutcomeKind.FAILED, "the command was ended by SIGSEGV", True),
        (143, ("x",), OutcomeKind.FAILED, "the command was ended by SIGTERM", True),
    ],
)
def test_exit_codes_say_how_it_went(code, lines, kind, reason, retry_helps):
    outcome = ended(CommandResult(code, log_tail=lines, isolation="a fake"))
    assert outcome.kind is kind
    assert outcome.reason.startswith(reason)
    assert outcome.retry_helps is retry_helps
    assert outcome.log_tail == lines
    assert outcome.isolation == "a fake"


def test_nobody_is_sent_to_last_lines_that_are_not_there():
    assert "last lines say why" in ended(CommandResult(1, log_tail=("x",))).advice
    assert "printed nothing" in ended(CommandResult(1)).advice


def test_what_takes_too_long_fails_and_says_so():
    outcome = ended(CommandResult(-9, timed_out=True))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == "timed out after 10m"


def test_one_predecessor_is_the_base_and_the_target():
    at = job(IMPLEMENT, predecessors={10: "batch/b7k2/10"})
    step = step_of(at, Seen())
    assert isinstance(step, Execute)
    assert (step.job.base, step.job.merge) == ("batch/b7k2/10", ())
    assert json.loads(step.job.inputs["item.json"])["builds_on"] == [10]
    opened = pull_request(RAN, at)
    assert opened.base_branch == "batch/b7k2/10"
    assert "Stacked on the branch of [#10]" in opened.body


def test_several_predecessors_are_merged_into_the_default_branch():
    branches = {10: "batch/b7k2/10", 11: "batch/b7k2/11"}
    at = job(IMPLEMENT, predecessors=branches)
    step = step_of(at, Seen())
    assert isinstance(step, Execute)
    assert (step.job.base, step.job.merge) == ("main", tuple(branches.values()))
    opened = pull_request(RAN, at)
    assert opened.base_branch == "main"
    assert "Contains the branches of [#10]" in opened.body


def test_a_pull_request_on_another_head_is_no_success():
    other = Receipt(id=71, url="u", sha="f" * 40, note="its head is fffffff")
    seen = Seen().ran(RAN).done("push", PUSHED).done("pull-request", other)
    step = next_step(job(IMPLEMENT), seen)
    assert isinstance(step, End)
    assert step.outcome.kind is OutcomeKind.FAILED
    assert step.outcome.reason == "PR 71 exists, but its head is fffffff"


def test_a_name_of_the_repositorys_own_runs_the_command_behind_it():
    at = job(Action("go", uses="implement", command="fix"))
    step = step_of(at, Seen())
    assert isinstance(step, Execute)
    assert step.job.command == "fix"
    assert pull_request(RAN, at).title == "Fix #12"


def test_the_pull_request_is_opened_where_the_work_stands():
    branches = {10: "batch/b7k2/10", 11: "batch/b7k2/11"}
    stacked = job(IMPLEMENT, predecessors=branches)
    opened = pull_request(replace(RAN, base="batch/b7k2/11"), stacked)
    assert opened.base_branch == "batch/b7k2/11"
    assert "Stacked on the branches of" in opened.body
    merged = pull_request(replace(RAN, base="main"), stacked)
    assert merged.base_branch == "main"
    assert "Contains the branches of" in merged.body


def test_files_whose_filter_nobody_has_are_named():
    body = pull_request(replace(RAN, unfiltered=("a.ipynb (filter=strip)",))).body
    assert "for want of their filter: `a.ipynb (filter=strip)`" in body


# --- what became of the branches that it builds on -------------------------------------

TEN, ELEVEN = "batch/b7k2/10", "batch/b7k2/11"
LATER = STARTED + timedelta(hours=1)


def merged(number: int, head: str, base: str = "main", at=STARTED, *, exists=True):
    pull = open_pull(number, head, state=PullState.MERGED, base=base, merged_at=at)
    return BranchNow(exists=exists, pull=pull)


def closed(number: int, head: str, *, exists=True):
    return BranchNow(exists, open_pull(number, head, state=PullState.CLOSED))


def begins(before: dict[int, str], branches: dict[str, BranchNow], default="main"):
    """Return how an attempt begins: base and merges, or the reason why it does not."""
    at = job(IMPLEMENT, predecessors=before)
    step = step_of(at, Seen(), bases_of(at, default, branches=branches))
    if isinstance(step, End):
        return step.outcome.reason
    assert isinstance(step, Execute)
    return step.job.base, step.job.merge


@pytest.mark.parametrize("exists", [True, False])
def test_what_was_merged_is_in_the_default_branch(exists):
    now = {TEN: merged(70, TEN, exists=exists)}
    assert begins({10: TEN}, now) == ("main", ())
    assert begins({10: TEN, 11: ELEVEN}, now) == ("main", (ELEVEN,))


def test_a_renamed_default_branch_is_started_from():
    assert begins({}, {}, "trunk") == ("trunk", ())
    assert begins({10: TEN, 11: ELEVEN}, {}, "trunk") == ("trunk", (TEN, ELEVEN))
    now = {TEN: merged(70, TEN, exists=False), "main": BranchNow(exists=False)}
    assert begins({10: TEN}, now, "trunk") == ("trunk", ())


@pytest.mark.parametrize(
    ("there", "lower", "place"),
    [
        # The stack, merged from its top: all is on the branch below.
        (TEN, BranchNow(True, open_pull(70, TEN)), (TEN, ())),
        # ... which was merged after that, or had been before: then it stays there.
        (TEN, merged(70, TEN, at=LATER), ("main", ())),
        (TEN, merged(70, TEN, at=STARTED - timedelta(hours=1)), (TEN, ())),
        (
            TEN,
            closed(70, TEN),
            "it builds on #11, and PR 70 was closed without a merge",
        ),
        # Branches of people outlive their pull requests.
        ("next", closed(9, "next"), ("next", ())),
        ("next", BranchNow(exists=True), ("next", ())),
        ("next", merged(9, "next", at=LATER), ("main", ())),
        # Two that were merged into each other in one second.
        (TEN, merged(70, TEN, base=ELEVEN), (ELEVEN, ())),
    ],
)
def test_what_was_merged_elsewhere_is_followed(there, lower, place):
    now = {ELEVEN: merged(71, ELEVEN, base=there), there: lower}
    assert begins({11: ELEVEN}, now) == place


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (closed(70, TEN), "it builds on #10, and PR 70 was closed without a merge"),
        (
            closed(70, TEN, exists=False),
            "it builds on #10, and PR 70 was closed without a merge",
        ),
        (BranchNow(exists=False), f"it builds on #10, and the branch {TEN} is gone"),
    ],
)
def test_without_what_it_builds_on_nothing_begins(now, reason):
    assert begins({10: TEN, 11: ELEVEN}, {TEN: now}) == reason


def test_a_branch_without_a_pull_request_is_built_on():
    assert begins({10: TEN}, {TEN: BranchNow(exists=True)}) == (TEN, ())


def test_what_was_closed_as_its_base_went_is_built_on_and_said():
    pull = open_pull(70, TEN, state=PullState.CLOSED, base="batch/b7k2/9")
    now = {TEN: BranchNow(exists=True, pull=replace(pull, lost_base=True))}
    assert begins({10: TEN}, now) == (TEN, ())
    at = job(IMPLEMENT, predecessors={10: TEN})
    opened = pull_request(replace(RAN, base=TEN), at, bases_of(at, branches=now))
    assert opened.base_branch == TEN
    assert "Stacked on the branch of [#70](" in opened.body
    said = "PR 70 was closed when its base was deleted ([#10]("
    assert said in opened.body
    assert "another one is needed" in opened.body
    gone = {TEN: replace(now[TEN], exists=False)}
    assert begins({10: TEN}, gone) == (
        "it builds on #10, and PR 70 was closed without a merge"
    )


def moves(result: CommandResult, before: dict[int, str], **now: Any) -> Step:
    """Return what follows the push of work that was made on other bases."""
    at = job(IMPLEMENT, predecessors=before)
    bases = bases_of(at, now.pop("default", "main"), **now)
    return step_of(at, Seen().ran(result).done("push", PUSHED), bases)


@pytest.mark.parametrize(
    ("stood_on", "now", "step"),
    [
        (
            {"base": TEN},
            {"branches": {TEN: merged(70, TEN)}},
            Rebase("main", (ELEVEN,)),
        ),
        ({"base": TEN}, {"branches": {TEN: closed(70, TEN)}}, Rebase(ELEVEN)),
        (
            {"base": "main", "merged": (TEN, ELEVEN)},
            {"branches": {TEN: closed(70, TEN), ELEVEN: closed(71, ELEVEN)}},
            Rebase("main"),
        ),
        (
            {"base": "main", "merged": (TEN, ELEVEN)},
            {"default": "trunk"},
            Rebase("trunk", (TEN, ELEVEN)),
        ),
    ],
)
def test_work_whose_base_became_another_one_is_moved(stood_on, now, step):
    made = replace(RAN, **stood_on)
    assert moves(made, {10: TEN, 11: ELEVEN}, **now) == step


def test_work_on_a_branch_that_has_it_all_stays_there():
    """The one that contains the other is still open: its pull request is the base."""
    now = {"branches": {TEN: merged(70, TEN)}}
    step = moves(replace(RAN, base=ELEVEN), {10: TEN, 11: ELEVEN}, **now)
    assert isinstance(step, Do)
    assert isinstance(step.intent, OpenPullRequest)
    assert step.intent.base_branch == ELEVEN
    assert "Stacked on the branch of [#11]" in step.intent.body


def test_what_has_a_pull_request_already_is_not_moved():
    """It was opened before a restart, and may have been merged since."""
    own = merged(72, "batch/b7k2/12", exists=False)
    now = {"branches": {TEN: merged(70, TEN), "batch/b7k2/12": own}}
    step = moves(replace(RAN, base=TEN), {10: TEN}, **now)
    assert isinstance(step, Do)
    assert step.key == "pull-request"


def test_a_pull_request_on_somebody_elses_branch_names_it():
    at = job(IMPLEMENT, predecessors={10: TEN})
    now = {TEN: merged(70, TEN, base="next"), "next": BranchNow(exists=True)}
    opened = pull_request(replace(RAN, base="next"), at, bases_of(at, branches=now))
    assert opened.base_branch == "next"
    assert "On the branch `next`, which has the work for [#10]" in opened.body


def test_moved_work_is_pushed_again_and_says_so():
    at = job(IMPLEMENT, predecessors={10: TEN})
    moved = replace(RAN, commit="d" * 40, base="main", moved_from=(TEN,))
    seen = Seen().ran(RAN).done("push", PUSHED).ran(moved)
    assert next_step(at, seen) == Do(
        "push", PushBranch(REPOSITORY, "batch/b7k2/12", "d" * 40, base_branch="main")
    )
    bases = bases_of(at, branches={TEN: merged(70, TEN)})
    opened = pull_request(moved, at, bases)
    assert opened.base_branch == "main"
    assert (
        "While this was made, PR 70 was merged ([#10](https://github.com/acme/widgets/"
        "issues/10)): it was moved onto `main`." in opened.body
    )
    assert "merge that one first" not in opened.body
    receipts = seen.done("push", Receipt(sha="d" * 40)).done(
        "pull-request", replace(OPENED, sha="d" * 40)
    )
    step = next_step(at, receipts)
    assert isinstance(step, End)
    assert step.outcome.summary == "moved onto main"


def test_work_that_cannot_be_moved_says_why():
    at = job(IMPLEMENT, predecessors={10: TEN})
    stuck = "the change conflicts with main in a.py"
    kept = replace(RAN, base="main", moved_from=(TEN,), stuck=stuck)
    bases = bases_of(at, branches={TEN: closed(70, TEN)})
    body = pull_request(kept, at, bases).body
    assert f"it could not be moved onto `main`, for {stuck}." in body
    gone = replace(kept, stuck="")
    body = pull_request(gone, at, bases).body
    assert "it was moved onto `main`, without [#10]" in body


def test_work_that_is_all_there_already_is_no_change():
    outcome = ended(replace(RAN, commit="", base="main", moved_from=(TEN,)))
    assert outcome.kind is OutcomeKind.UNCHANGED
    assert outcome.summary == "main has all of it already"


# --- what there is already -------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "beside", "begins"),
    [
        ("batch/a1a1/12", (), False),
        ("batch/a1a1/12", (33,), True),  # the command says again
        ("batch/a1a1/12", (32,), False),  # this one came later
        ("batch/b7k2/12-fix", (), True),  # of the same batch
    ],
)
def test_an_issue_with_an_open_pull_request_is_left_alone(head, beside, begins):
    at = job(IMPLEMENT)
    at = replace(at, item=replace(at.item, beside=beside))
    pull = open_pull(33, head, head_sha="d" * 40)
    step = step_of(at, Seen(), bases_of(at, open_pulls=(pull,)))
    assert isinstance(step, Execute if begins else End)
    if isinstance(step, End):
        assert step.outcome == Outcome(
            OutcomeKind.UNCHANGED,
            summary="its pull request is open already",
            link=Link("PR 33", pull.url),
            branch=head,  # what waits for it builds on that
            opened=OpenedPull(pull.number, "d" * 40, "main"),
        )


def test_the_other_pull_request_is_named():
    at = job(IMPLEMENT)
    other = open_pull(33, "batch/a1a1/12")
    body = pull_request(RAN, at, bases_of(at, open_pulls=(other,))).body
    assert "Beside [#33](https://github.com/acme/widgets/issues/33)" in body


def test_an_empty_repository_has_nothing_to_start_from():
    at = job(IMPLEMENT)
    step = step_of(at, Seen(), bases_of(at, ""))
    assert isinstance(step, End)
    assert step.outcome.reason == "the repository has no branch yet"
