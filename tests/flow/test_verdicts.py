"""A pushed ``.github/batch.yml`` gets a check run that says whether it fits."""

from functools import partial
from pathlib import Path

from bot.localhub.ci import CheckRun
from bot.localhub.faults import Fault, FaultKind
from tests.flow.killing import mortal_world
from tests.flow.merging import demand, head
from tests.flow.world import REPOSITORY, World

PATH = ".github/batch.yml"
FAULTY = "limits:\n  items: 900\nlable: x\n"


def runs(on: World, sha: str = "") -> list[CheckRun]:
    """Return the bot's check runs, of a commit or of all."""
    found = on.repository.check_runs
    return [one for one in found if sha in ("", one.head_sha) and one.name == PATH]


def looks(on: World) -> int:
    """Return how often the file of a commit was asked for."""
    queries = [str((e.request or {}).get("query", "")) for e in on.hub.log]
    return sum("configuration: object(expression: $head)" in one for one in queries)


def propose(
    on: World, files: dict[str, str | bytes | None], *, by: str = "linus"
) -> str:
    """Open a pull request with these files, and return its head."""
    sha = on.hub.push(by, REPOSITORY, "topic", files, message="Try it")
    on.hub.open_pull_request(by, REPOSITORY, "Try it", head="topic")
    return sha


async def test_a_push_to_the_default_branch_is_looked_at(on: World):
    async with on.bot():
        on.configure(FAULTY)
        sha = on.repository.branches["refs/heads/main"]
        await on.until(lambda: runs(on, sha))
    (run,) = runs(on)
    assert (run.status, run.conclusion) == ("completed", "failure")
    assert run.title == "2 problems"
    assert "- line 2, column 10: `limits.items`: this must be" in str(run.summary)
    assert [(one.path, one.start_line) for one in run.annotations] == [
        (PATH, 2),
        (PATH, 3),
    ]
    assert run.annotations[1].message.startswith("lable: unknown setting; did you mean")


async def test_other_pushes_get_no_check(on: World):
    async with on.bot():
        on.hub.push("ada", REPOSITORY, "main", {"a.txt": "a"}, message="Add a")
        on.hub.push("linus", REPOSITORY, "topic", {PATH: FAULTY}, message="Try it")
        propose(on, {"b.txt": "b"})
        await on.dealt_with()
    # What the branch brings is the pull request's: it has the file.
    assert [run.head_sha for run in runs(on)] == [
        on.repository.branches["refs/heads/topic"]
    ]


async def test_a_pull_request_is_looked_at_on_each_of_its_heads(on: World):
    async with on.bot():
        first = propose(on, {PATH: FAULTY})
        await on.until(lambda: runs(on, first))
        second = on.hub.push(
            "linus", REPOSITORY, "topic", {PATH: "home: 12\n"}, message="Mend it"
        )
        await on.until(lambda: runs(on, second))
    assert [run.conclusion for run in runs(on)] == ["failure", "success"]
    assert runs(on, second)[0].title == "It fits"


async def test_a_file_that_is_taken_away_is_told_what_holds_then(on: World):
    on.configure(FAULTY)
    async with on.bot():
        proposed = propose(on, {PATH: None})
        await on.until(lambda: runs(on, proposed))
        renamed = on.hub.push(
            "linus",
            REPOSITORY,
            "other",
            {PATH: None, "old.yml": FAULTY},
            message="Move",
        )
        on.hub.open_pull_request("linus", REPOSITORY, "Move it", head="other")
        await on.until(lambda: runs(on, renamed))
        pushed = on.hub.push("ada", REPOSITORY, "main", {PATH: None}, message="Drop it")
        await on.until(lambda: runs(on, pushed))
        on.hub.push("ada", REPOSITORY, "main", {"a.txt": "a"}, message="Add a")
        await on.dealt_with()
    assert [(run.conclusion, run.title) for run in runs(on)] == [
        ("success", "The file is taken away")
    ] * 3
    assert "The defaults hold from then on" in str(runs(on)[0].summary)


NASTY: dict[str | bytes, str] = {
    "home: 1\n# größer\n".encode(
        "latin-1"
    ): "line 2, column 5: this is no text in UTF-8",
    "home: 1\n# größer\n".encode("utf-16"): "this is no text in UTF-8",
    "# größer \ufffd 日本\nhome: 1\n": "",
    "limits:\n\titems: 9\n": "line 2, column 1: a tab stands here",
    "home: 12\nhome: 13\n": "line 2, column 1: “home” stands here twice",
    b"\xef\xbb\xbflimits: {items: 9}\n": "",
    "limits:\r\n  items: 9\r\n": "",
    "home: &a [x, x]\nlabel: *a\n": "`home`",
    f"# {'x' * 1_000_000}\nhome: 12\n": "this is larger than 64 KiB",
    f"actions: {'[' * 3000}\n": "this is nested too deep",
    "home: !!python/object/apply:os.system [ls]\n": "tags",
    "limits: 5\nhome: x\n": "line 2, column 7: `home`: this must be a whole number",
    "../other.yml": "this is no list of settings",  # what GitHub shows of a link
    "_extends: widgets\n": "files extend each other in a circle",
}


async def test_a_nasty_file_is_told_what_is_wrong_with_it(on: World):
    on.configure("home: 1\n")
    async with on.bot():
        for text, says in NASTY.items():
            sha = on.hub.push("ada", REPOSITORY, "main", {PATH: text}, message="Try")
            await on.until(partial(runs, on, sha))
            (run,) = runs(on, sha)
            assert run.conclusion == ("failure" if says else "success"), text[:40]
            assert says in str(run.summary)
        folder = {PATH: None, f"{PATH}/a.yml": "home: 12\n"}
        sha = on.hub.push("ada", REPOSITORY, "main", folder, message="Make a folder")
        await on.until(lambda: runs(on, sha))
    assert runs(on, sha)[0].title == "The file is taken away"


async def test_a_pull_request_that_is_behind_does_not_change_the_file(on: World):
    on.hub.push("linus", REPOSITORY, "topic", {"a.txt": "a"}, message="Add a")
    on.configure("home: 12\n")
    async with on.bot():
        on.hub.open_pull_request("linus", REPOSITORY, "Add a", head="topic")
        await on.dealt_with()
    assert runs(on) == []


async def test_a_forced_push_is_looked_at_whatever_it_lists(on: World):
    on.configure(FAULTY)
    old = on.hub.push("ada", REPOSITORY, "main", {"a.txt": "a"}, message="Add a")
    on.configure("home: 12\n")
    async with on.bot():
        on.hub.set_ref("ada", REPOSITORY, "refs/heads/main", old)
        await on.until(lambda: runs(on, old))


async def test_the_bots_own_update_takes_the_verdict_along_and_else_costs_nothing(
    on: World,
):
    on.pull_request(30)
    demand(on, is_strict=True)
    async with on.bot():
        on.pull_request(31)
        before = propose(on, {PATH: "home: 12\n"})
        number = on.repository.last_number
        await on.until(lambda: runs(on, before))
        on.hub.push("ada", REPOSITORY, "main", {"b.txt": "b"}, message="Add b")
        await on.dealt_with()
        asked = looks(on)
        await on.finished(on.say(f"/batch update 30 31 {number}"))
        await on.until(lambda: len(runs(on)) == 2)
    assert runs(on)[1].head_sha == head(on, number) != before
    assert looks(on) == asked + 1


async def test_what_the_bots_own_work_does_not_change_costs_nothing(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(15, f"write {PATH} frobnicate")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        await on.dealt_with()
        assert looks(on) == 0
        await on.finished(on.say("/batch 15"))
        await on.until(lambda: runs(on))
    (run,) = runs(on)
    assert run.head_sha == head(on, on.pull_requests()[15].number)
    assert run.conclusion == "failure"
    assert looks(on) == 1


async def test_a_strangers_file_is_looked_at_alone(on: World):
    on.hub.create_repository(
        "acme/.github", files={PATH: "password: x"}, is_private=True
    )
    on.hub.fork("rita", REPOSITORY)
    text = "_extends: .github\ndefaults: {issue: theirs}\n"
    async with on.bot():
        sha = on.hub.push("rita", "rita/widgets", "mine", {PATH: text}, message="Hi")
        on.hub.open_pull_request("rita", REPOSITORY, "Hi", head="rita:mine")
        await on.until(lambda: runs(on, sha))
        await on.dealt_with()
    (run,) = runs(on)
    assert run.conclusion == "success"
    assert "What it extends is not looked at for a fork." in str(run.summary)
    assert on.repository.threads[max(on.repository.threads)].comments == []
    assert on.rows("SELECT id FROM batches") == []


async def test_what_a_branch_of_ours_extends_is_looked_at(on: World):
    on.hub.create_repository("acme/.github", files={PATH: "lable: x"})
    async with on.bot():
        sha = propose(on, {PATH: "_extends: .github\n"})
        await on.until(lambda: runs(on, sha))
    (run,) = runs(on)
    assert run.conclusion == "failure"
    assert "`acme/.github:.github/batch.yml`, line 1, column 1: `lable`" in str(
        run.summary
    )
    assert run.annotations == []


async def test_without_the_right_to_make_checks_it_is_done_without(on: World):
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, checks="")
    async with on.bot():
        on.configure(FAULTY)
        await on.dealt_with()
    assert runs(on) == []


async def test_the_first_fifty_faults_are_at_their_lines(on: World):
    async with on.bot():
        on.configure("".join(f"key{n}: 1\n" for n in range(70)))
        await on.until(lambda: runs(on))
    (run,) = runs(on)
    assert run.title == "70 problems"
    assert len(run.annotations) == 50
    assert "- and 50 more" in str(run.summary)


async def test_a_kill_doubles_no_check(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        await child.start()
        late = Fault(
            FaultKind.SILENCE, method="POST", path="/check-runs$", delay_seconds=60
        )
        on.hub.faults.add(late)
        on.configure(FAULTY)
        await on.until(lambda: runs(on))
        await child.kill()
        await child.start()
        await on.dealt_with()
        assert len(runs(on)) == 1
        assert await child.stop() == 0
