"""What was said of a commit: check runs and statuses, and whether they are enough."""

from collections.abc import Iterable, Sequence

from bot.localhub.ci import CheckRun, CommitStatus
from bot.localhub.rules import RequiredCheck
from bot.localhub.state import Repository

CI_APP = {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"}
PASSING = ("success", "neutral", "skipped")
COUNTED = ("expected", "failing", "pending")
"""What GitHub counts when required checks differ; the others it leaves out."""

Verdict = CheckRun | CommitStatus


def latest_runs(repository: Repository, sha: str) -> list[CheckRun]:
    """Return the newest check run of each app and name on a commit."""
    runs = (run for run in repository.check_runs if run.head_sha == sha)
    return list({(run.by_app, run.name): run for run in runs}.values())


def latest_statuses(repository: Repository, sha: str) -> list[CommitStatus]:
    """Return the newest status of each name on a commit."""
    found = (status for status in repository.statuses if status.sha == sha)
    return list({status.context: status for status in found}.values())


def latest(repository: Repository, sha: str) -> list[Verdict]:
    """Return the newest of each name on a commit."""
    return [*latest_runs(repository, sha), *latest_statuses(repository, sha)]


def name_of(verdict: Verdict) -> str:
    """Return the name that a rule asks for."""
    return verdict.context if isinstance(verdict, CommitStatus) else verdict.name


def word_of(verdict: Verdict) -> str:
    """Return how GitHub says it: passing, failing, pending, queued, in progress …"""
    if isinstance(verdict, CommitStatus):
        words = {"success": "passing", "pending": "pending"}
        return words.get(verdict.state, "failing")
    if verdict.status != "completed":
        return verdict.status.replace("_", " ")
    return "passing" if verdict.conclusion in PASSING else "failing"


def is_for(required: Iterable[RequiredCheck], verdict: Verdict, *, app_id: int) -> bool:
    """Return whether one of these rules asks for it; *app_id* is the bot's app."""
    return any(_fits(one, verdict, app_id) for one in required)


def unmet(
    required: Sequence[RequiredCheck],
    verdicts: Sequence[Verdict],
    *,
    app_id: int,
) -> str | None:
    """Return what GitHub says while required checks have not succeeded, else None."""
    words = {one: _word(one, verdicts, app_id) for one in required}
    missing = {one: word for one, word in words.items() if word != "passing"}
    if not missing:
        return None
    if len(missing) == 1:
        ((one, word),) = missing.items()
        return f'Required status check "{one.context}" is {word}.'
    how_many = f"{len(missing)} of {len(required)} required status checks"
    kinds = list(missing.values())
    if len(set(kinds)) == 1:
        return f"{how_many} are {kinds[0]}."
    counts = [f"{kinds.count(kind)} {kind}" for kind in COUNTED if kind in kinds]
    return f"{how_many} have not succeeded: {' and '.join(counts)}."


def rollup(verdicts: Sequence[Verdict]) -> str:
    """Return what all of them come to: FAILURE, PENDING or SUCCESS."""
    words = {word_of(verdict) for verdict in verdicts}
    if "failing" in words:
        return "FAILURE"
    return "SUCCESS" if words <= {"passing"} else "PENDING"


def worst(conclusions: Iterable[str | None]) -> str:
    """Return what several conclusions come to."""
    bad = [one for one in conclusions if one is not None and one not in PASSING]
    return "failure" if "failure" in bad else bad[0] if bad else "success"


def _word(required: RequiredCheck, verdicts: Iterable[Verdict], app_id: int) -> str:
    words = [word_of(v) for v in verdicts if _fits(required, v, app_id)]
    unfit = [word for word in words if word != "passing"]
    return unfit[0] if unfit else "passing" if words else "expected"


def _fits(required: RequiredCheck, verdict: Verdict, app_id: int) -> bool:
    if name_of(verdict) != required.context:
        return False
    if required.integration_id is None:
        return True
    if isinstance(verdict, CommitStatus):
        return verdict.app_id == required.integration_id
    own = app_id if verdict.by_app else CI_APP["id"]
    return required.integration_id == own
