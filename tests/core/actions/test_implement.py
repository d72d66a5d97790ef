import json
from dataclasses import replace

import pytest

from bot.core.actions.implement import next_step
from bot.core.actions.step import Do, End, Execute, Seen
from bot.core.effects import OpenPullRequest, PushBranch, Receipt
from bot.core.model import Action, CommandResult, Link, Outcome, OutcomeKind
from tests.core.actions.jobs import RAN, REPOSITORY, SHA, job

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


def pull_request(result: CommandResult, at=None) -> OpenPullRequest:
    """Return the pull request that is opened for a result."""
    at = at or job(IMPLEMENT)
    step = next_step(at, Seen().ran(result).done("push", PUSHED))
    assert isinstance(step, Do)
    assert isinstance(step.intent, OpenPullRequest)
    return step.intent


def ended(result: CommandResult) -> Outcome:
    """Return how it ends, right after the command."""
    step = next_step(job(IMPLEMENT), Seen().ran(result))
    assert isinstance(step, End)
    return step.outcome


def test_first_the_command_runs_and_gets_its_item_as_data():
    step = next_step(job(IMPLEMENT), Seen())
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
        "push", PushBranch(REPOSITORY, "batch/b7k2/12", SHA)
    )
    seen = seen.done("push", PUSHED)
    step = next_step(at, seen)
    assert isinstance(step, Do)
    assert step.key == "pull-request"
    assert next_step(at, seen.done("pull-request", OPENED)) == End(
        Outcome(
            OutcomeKind.COMPLETED,
            link=Link("PR 71", URL),
            branch="batch/b7k2/12",
            isolation="a fake",
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
        (1, ("a", "2 failed"), OutcomeKind.FAILED, "exit code 1: 2 failed", True),
        (2, (), OutcomeKind.FAILED, "exit code 2", True),
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


def test_what_takes_too_long_fails_and_says_so():
    outcome = ended(CommandResult(-9, timed_out=True))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == "timed out after 10m"


def test_one_predecessor_is_the_base_and_the_target():
    at = job(IMPLEMENT, predecessors={10: "batch/b7k2/10"})
    step = next_step(at, Seen())
    assert isinstance(step, Execute)
    assert (step.job.base, step.job.merge) == ("batch/b7k2/10", ())
    assert json.loads(step.job.inputs["item.json"])["builds_on"] == [10]
    opened = pull_request(RAN, at)
    assert opened.base_branch == "batch/b7k2/10"
    assert "Stacked on the branch of [#10]" in opened.body


def test_several_predecessors_are_merged_into_the_default_branch():
    branches = {10: "batch/b7k2/10", 11: "batch/b7k2/11"}
    at = job(IMPLEMENT, predecessors=branches)
    step = next_step(at, Seen())
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
    step = next_step(at, Seen())
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
