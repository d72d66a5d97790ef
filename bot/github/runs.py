"""Workflows that are dispatched, and runs: stopped, run again, asked about.

https://docs.github.com/rest/actions/workflows
https://docs.github.com/rest/actions/workflow-runs
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

from bot.core.effects import CancelRun, DispatchWorkflow, Receipt, RerunFailedJobs
from bot.core.model import Repository
from bot.core.say.problems.github import RunUnknown, TooManyInputs, WorkflowGone
from bot.core.world.answers import own_words
from bot.core.world.runs import (
    AnnotationsOf,
    JobsOf,
    NoBranch,
    Run,
    RunJob,
    RunJobs,
    RunOf,
    RunStep,
    WorkBranch,
    WorkBranchOf,
    WorkflowNow,
)
from bot.errors import NotFound, RateLimited, Refused, TransientError
from bot.github.app import App
from bot.github.client import Connection
from bot.github.graphql import is_partial, raise_for

LOOKS_SECONDS = (0.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""After which pauses a run is looked for: GitHub's lists are some seconds behind."""

EARLIER = timedelta(minutes=10)
"""How much earlier a run may seem to have begun, for want of the same clock."""

WINDOW = timedelta(minutes=2)
"""Within which a run without a name of its own can only be the one asked for."""

MOST_ANNOTATIONS = 12
MOST_COMMITS = 250

RunQuestion = RunOf | JobsOf | AnnotationsOf | WorkBranchOf

_ACTIONS = "/repos/{+repository}/actions"
_WORKFLOW = f"{_ACTIONS}/workflows/{{workflow}}"
_RUN = f"{_ACTIONS}/runs/{{run}}"
_LEVELS = ("failure", "warning", "notice")
_UNKNOWN_KEY = re.compile(r"return_run_details.*not (?:a )?permitted", re.DOTALL)
_TOO_MANY = re.compile(r"No more than (?P<taken>\d+) properties are allowed")

_FILES = """
query($owner: String!, $name: String!, $file: String!) {
  repository(owner: $owner, name: $name) {
    folder: object(expression: "HEAD:.github/workflows") {
      ... on Tree { entries { name } }
    }
    file: object(expression: $file) { __typename ... on Blob { text } }
  }
}
"""


async def workflow(
    connection: Connection, repository: Repository, file: str
) -> WorkflowNow:
    """Return a workflow as the default branch has it, and whether it is disabled."""
    owner, name = repository.name.split("/")
    expression = f"HEAD:.github/workflows/{file}"
    variables = {"owner": owner, "name": name, "file": expression}
    answer = await connection.graphql_answer(_FILES, variables, cost=1)
    for problem in answer.problems:
        if not is_partial(problem):
            raise_for(problem)
    node: Mapping[str, Any] = answer.data.get("repository") or {}
    entries = (node.get("folder") or {}).get("entries") or ()
    names = tuple(
        str(one["name"]) for one in entries if re.search(r"\.ya?ml\Z", one["name"])
    )
    found = node.get("file") or {}
    if found.get("__typename") != "Blob":
        return WorkflowNow(None, names)
    text = str(found.get("text") or "")
    try:
        about = await connection.get(
            _WORKFLOW, repository=repository.name, workflow=file
        )
    except NotFound:
        # Pushed a moment ago, perhaps: GitHub says so when it is to run.
        return WorkflowNow(text, names)
    return WorkflowNow(text, names, str(about["state"]))


async def dispatch(
    connection: Connection, intent: DispatchWorkflow, app: App, *, at: datetime
) -> Receipt:
    """Begin a run, and return which one it is; an older server is asked for it then.

    Raises ``Refused`` where nobody can say which run it is, where the workflow is gone,
    and where the server takes fewer inputs.
    """
    body: dict[str, object] = {
        "ref": intent.ref,
        "inputs": dict(intent.inputs),
        "return_run_details": True,
    }
    sent = {"repository": intent.repository.name, "workflow": intent.file}
    way = f"{_WORKFLOW}/dispatches"
    try:
        try:
            answer = await connection.send("POST", way, body, **sent)
        except Refused as error:
            if not _UNKNOWN_KEY.search(str(error)):
                raise
            del body["return_run_details"]
            answer = await connection.send("POST", way, body, **sent)
    except NotFound as error:
        raise Refused(WorkflowGone(intent.file), status=404) from error
    except Refused as error:
        if not (found := _TOO_MANY.search(str(error))):
            raise
        taken, given = int(found["taken"]), len(intent.inputs)
        raise Refused(TooManyInputs(intent.file, taken, given), status=422) from error
    told = answer.data
    if isinstance(told, Mapping) and told.get("workflow_run_id"):
        return Receipt(id=int(told["workflow_run_id"]), url=str(told["html_url"]))
    begun = await find(connection, intent, app, since=at)
    if begun is None:
        raise Refused(RunUnknown(intent.file, is_begun=True), status=204)
    return begun


async def find(
    connection: Connection, intent: DispatchWorkflow, app: App, *, since: datetime
) -> Receipt | None:
    """Return the run that was asked for since *since*, None if it never was.

    By its name, for as long as GitHub may not have it in its list. Without a name it is
    the only one of the app in that time; else nobody can say, and ``Refused`` is raised.
    """
    for pause in LOOKS_SECONDS:
        await connection.sleep(pause)
        runs = [run async for run in _since(connection, intent, app, since)]
        if intent.name:
            shows = re.compile(rf"(?<![\w-]){re.escape(intent.name)}(?![\w-])")
            own = [r for r in runs if shows.search(str(r["display_title"] or ""))]
        else:
            own = [r for r in runs if _is_within(r, since)]
        if len(own) == 1 or (own and intent.name):
            return Receipt(id=int(own[-1]["id"]), url=str(own[-1]["html_url"]))
        if own:
            break
    if intent.name:
        return None
    raise Refused(RunUnknown(intent.file), status=404)


async def _since(
    connection: Connection, intent: DispatchWorkflow, app: App, since: datetime
) -> Any:
    earliest = (since - EARLIER).strftime("%Y-%m-%dT%H:%M:%SZ")
    runs = connection.pages(
        f"{_WORKFLOW}/runs{{?event,created,per_page}}",
        "workflow_runs",
        repository=intent.repository.name,
        workflow=intent.file,
        event="workflow_dispatch",
        created=f">={earliest}",
        per_page=100,
    )
    async for run in runs:
        if ((run.get("actor") or {}).get("login") or "") == app.login:
            yield run


def _is_within(run: Mapping[str, Any], since: datetime) -> bool:
    begun = datetime.fromisoformat(str(run["created_at"]))
    return since - timedelta(seconds=5) <= begun <= since + WINDOW


async def cancel(connection: Connection, intent: CancelRun) -> Receipt:
    """Have a run stopped; what keeps GitHub from it is in the note."""
    way = "force-cancel" if intent.by_force else "cancel"
    try:
        await connection.send(
            "POST",
            f"{_RUN}/{way}",
            repository=intent.repository.name,
            run=intent.run_id,
        )
    except Refused as error:
        return Receipt(id=intent.run_id, changed=False, note=own_words(error.problem))
    return Receipt(id=intent.run_id)


async def rerun(connection: Connection, intent: RerunFailedJobs) -> Receipt:
    """Run the failed jobs again; what keeps GitHub from it is in the note."""
    try:
        await connection.send(
            "POST",
            f"{_RUN}/rerun-failed-jobs",
            repository=intent.repository.name,
            run=intent.run_id,
        )
    except Refused as error:
        return Receipt(id=intent.job_id, changed=False, note=own_words(error.problem))
    return Receipt(id=intent.job_id)


async def find_rerun(connection: Connection, intent: RerunFailedJobs) -> Receipt | None:
    """Return that another job follows the one that had failed, if there is one.

    The number of the attempt does not tell: people may have run it again before.
    """
    jobs = connection.pages(
        f"{_RUN}/jobs{{?filter,per_page}}",
        "jobs",
        repository=intent.repository.name,
        run=intent.run_id,
        filter="latest",
        per_page=100,
    )
    latest = {int(job["id"]) async for job in jobs}
    return None if intent.job_id in latest else Receipt(id=intent.job_id)


async def answer_to(connection: Connection, question: RunQuestion) -> Any:
    """Return the answer to a question; None if GitHub does not have what it is about."""
    try:
        match question:
            case RunOf():
                return await _run(connection, question)
            case JobsOf():
                return await _jobs(connection, question)
            case AnnotationsOf():
                return await _annotations(connection, question)
            case WorkBranchOf():
                return await _branch(connection, question)
            case _:
                assert_never(question)
    except NotFound:
        return None


async def _run(connection: Connection, question: RunOf) -> Run:
    run = await connection.get(
        _RUN, repository=question.repository.name, run=question.run_id
    )
    return Run(
        int(run["id"]),
        str(run["html_url"]),
        str(run["status"] or ""),
        str(run["conclusion"] or ""),
        int(run.get("run_attempt") or 1),
    )


async def _jobs(connection: Connection, question: JobsOf) -> RunJobs:
    jobs = connection.pages(
        f"{_RUN}/jobs{{?filter,per_page}}",
        "jobs",
        repository=question.repository.name,
        run=question.run_id,
        filter="latest",
        per_page=100,
    )
    return RunJobs(tuple([_job(job) async for job in jobs]))


def _job(job: Mapping[str, Any]) -> RunJob:
    return RunJob(
        int(job["id"]),
        str(job["name"]),
        str(job["html_url"] or ""),
        str(job["status"]),
        str(job["conclusion"] or ""),
        tuple(
            RunStep(str(s["name"]), str(s["status"]), str(s["conclusion"] or ""))
            for s in job.get("steps") or ()
        ),
    )


async def _annotations(
    connection: Connection, question: AnnotationsOf
) -> tuple[str, ...]:
    try:
        found = await connection.get(
            "/repos/{+repository}/check-runs/{job}/annotations{?per_page}",
            repository=question.repository.name,
            job=question.job_id,
            per_page=100,
        )
    except RateLimited:
        raise
    except (Refused, TransientError):
        return ()  # it is not granted, or has gone: the end of the run counts
    levels = [str(one["annotation_level"]) for one in found]
    ranks = [_LEVELS.index(one) if one in _LEVELS else len(_LEVELS) for one in levels]
    order = sorted(range(len(found)), key=ranks.__getitem__)
    return tuple(_line(found[at]) for at in order[:MOST_ANNOTATIONS])


def _line(annotation: Mapping[str, Any]) -> str:
    message = " ".join(str(annotation["message"] or "").split())
    path, line = str(annotation["path"] or ""), annotation["start_line"]
    # What is said of no file stands at ".github".
    is_of_a_file = path not in ("", ".github")
    return f"{path}:{line}: {message}" if is_of_a_file else message


async def _branch(
    connection: Connection, question: WorkBranchOf
) -> WorkBranch | NoBranch:
    repository = question.repository.name
    try:
        head = await connection.get(
            "/repos/{+repository}/branches/{branch}",
            repository=repository,
            branch=question.branch,
        )
    except NotFound:
        return NoBranch()
    sha = str(head["commit"]["sha"])
    subject = str(head["commit"]["commit"]["message"]).partition("\n")[0]
    try:
        between = await connection.get(
            "/repos/{+repository}/compare/{basehead}{?per_page}",
            repository=repository,
            basehead=f"{question.base}...{sha}",
            per_page=MOST_COMMITS,
        )
    except NotFound:
        return WorkBranch(sha, subject, is_related=False)
    people = [
        str(author["login"])
        for commit in between["commits"]
        if (author := commit["author"]) and author.get("type") == "User"
    ]
    others = tuple(dict.fromkeys(people))
    return WorkBranch(sha, subject, int(between["ahead_by"]), others=others)
