"""Everything that the bot can say about what went wrong, in one place."""

import importlib
import pkgutil
from datetime import UTC, datetime
from itertools import groupby

from bot.core.model import Role
from bot.core.say import problems
from bot.core.say.problems import change, git, github, server
from bot.core.world.answers import Answered, Failure
from bot.core.world.freezes import Freeze
from bot.core.world.push_refusals import push_refusal
from bot.errors import Problem
from tests.golden import assert_golden

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
SAMPLES: list[Problem] = [
    *(Answered(f, said="in its own words", status=418) for f in Failure),
    Answered(Failure.INVALID),
    push_refusal("remote: error: GH013: Repository rule violations found", "declined"),
    github.KeyRefused("GitHub does not accept the app's credentials: no issuer"),
    *map(github.SignInRefused, ("access_denied", "application_suspended")),
    *map(github.SignInRefused, ("bad_verification_code", "redirect_uri_mismatch")),
    *map(
        github.SignInRefused, ("incorrect_client_credentials", "unverified_user_email")
    ),
    github.SignInRefused("server_error", "in its own words"),
    github.NotInstalled(),
    github.TakenFromApp(),
    github.Unseen("acme/widgets"),
    github.Replaced("acme/widgets"),
    github.MovedAway("acme/widgets"),
    github.RoleFell("ada", Role.READ, Role.WRITE),
    github.PullRequestRefused(
        "No commits between main and batch/b7k2/12", "batch/b7k2/12", "main"
    ),
    github.PullRequestRefused("base is invalid", "batch/b7k2/12", "main"),
    github.PullRequestRefused("in its own words", "batch/b7k2/12", "main"),
    github.NoMilestone("2.4"),
    github.DraftRefused("batch-bot has no permission to convert it", is_draft=True),
    github.DraftRefused("Resource not accessible by integration", is_draft=False),
    github.LargeFilesWait("503 try later"),
    github.LargeFilesRefused("403 over the quota"),
    github.LargeFilesMixedUp(),
    github.NotLookedUp("ChangeLabels"),
    github.FrozenMeanwhile(Freeze("main", "ada", NOW, "release")),
    github.EarlierWaits(),
    github.AwaitedGone(),
    git.NotOnThisMachine("acme/widgets"),
    github.RunUnknown("deploy.yml"),
    github.RunUnknown("deploy.yml", is_begun=True),
    github.WorkflowGone("deploy.yml"),
    github.TooManyInputs("deploy.yml", 10, 11),
    git.GitFault("fetch", "fatal: the remote end hung up"),
    git.GitFault("fetch", exit_code=1),
    git.GitSlow("push", 900),
    git.GitSilent("fetch", "https://github.com", 120),
    git.NoGit("2.38"),
    git.OldGit("2.25", "2.38"),
    git.CannotMerge("2.38"),
    git.NotCloned("acme/widgets"),
    git.CommitGone("acme/widgets"),
    git.NoBranch("batch/b7k2/12", "acme/widgets"),
    git.HeadElsewhere(61, "a" * 40),
    git.PredecessorsConflict("batch/b7k2/12", ("a.py", "b.py")),
    git.ChangeConflicts("main", [f"{n}.py" for n in range(7)]),
    git.BranchMoved("batch/b7k2/12"),
    git.NameNotText("caf\ufffd.txt"),
    git.OtherTree(),
    git.WorkflowsTouched(),
    git.PushNotTaken("internal error"),
    git.WorkLost("acme/widgets"),
    git.NoLargeFilesHere(),
    change.NotCommitted(server.DiskFull()),
    change.FolderRemoved(),
    change.AllRemoved(1234),
    change.Closed("secret/"),
    change.Unencrypted("a.key", "git-crypt"),
    change.NotStorable("a.txt", "failed to encode"),
    change.NotStorable(),
    change.NotEncoded("en.strings", "UTF-16"),
    change.NotEncoded(".gitattributes", "UTF-99"),
    change.NoEncoding(),
    change.TooManyFiles(12_345, 5_000),
    change.FileTooLarge("core.bin", 52_400_000),
    change.AllLeftOut([(".env", "may hold secrets")]),
    change.OtherLargeFiles(),
    server.DiskFull(),
    server.DiskNearlyFull(512_000_000),
    server.OverQuota(10_400_000_000, 10_000_000_000),
    server.TookMost(4_200_000_000, 99_000),
    server.NoProcess("Resource temporarily unavailable"),
    server.ProgramGone("fix"),
    server.NoCommand("deploy"),
    server.NoMachine("train", {"gpu": 1.0}),
    server.NoMachine("train", {"gpu": 2.0, "tpu": 1.0}, is_pool=False),
    server.NoMachine("fix"),
    server.AttemptUnknown("b7k2-1.1"),
    server.AttemptCancelled("b7k2-1.1"),
    server.WorkerGone("gpu-1"),
    server.PoolAway("connection refused"),
    server.SaidByWorker("the disk of this server is full"),
    server.NotAsAgreed(server.Breach.REFS),
    *map(server.CodeSpent, server.Spent),
    *map(server.NoToken, server.Silence),
    server.NoToken("connection refused"),
    server.DatabaseFails("disk I/O error"),
    server.DatabaseClosed(),
    server.FolderClosed("Permission denied"),
    server.BackupFailed("bot.db.bak", "No space left on device"),
    server.FromNewerVersion("LaunchRocket", is_known=False),
    server.FromNewerVersion("ItemEnded", is_known=True),
]


def test_every_problem_reads_as_reviewed():
    rooms = groupby(SAMPLES, key=lambda one: type(one).__module__.rpartition(".")[2])
    assert_golden(
        "problems",
        "\n\n".join(
            "\n".join([f"## {room}", "", *map(_line, problems)])
            for room, problems in rooms
        ),
    )


def _line(problem: Problem) -> str:
    advice = f" → {problem.advice}" if problem.advice else ""
    return f"- `{type(problem).__name__}` {problem}{advice}"


def test_every_problem_is_shown():
    for module in pkgutil.iter_modules(problems.__path__, f"{problems.__name__}."):
        importlib.import_module(module.name)
    # By name: a dataclass with slots is made of another class, which may live on.
    known = {kind.__qualname__ for kind in Problem.__subclasses__()}
    assert {type(sample).__qualname__ for sample in SAMPLES} == known
