"""Where a rule wants verified signatures, GitHub makes the commits and signs them."""

import pytest

from bot.localhub.faults import Fault, FaultKind
from bot.localhub.signing import verification
from tests.flow.world import REPOSITORY, World
from tests.host.gitting import git

TEMPLATE = ".github/PULL_REQUEST_TEMPLATE.md"
FILES = {"run.sh": "#!/bin/sh\n", "old": "old\n", "folder/a": "a\n", "b": "b\n"}
WORK = """\
chmod +x run.sh; ln -s run.sh link; rm old
rm -r folder; echo file > folder; rm b; mkdir b; echo x > 'b/Grüße.txt'
printf '\\000\\377' > data.bin; head -c 90000 /dev/zero | tr '\\000' 'ü' > long.txt
git init -q --bare x; rm -r x
"""
WORKED = {
    TEMPLATE: "100644",
    "README.md": "100644",
    "run.sh": "100755",
    "link": "120000",
    "folder": "100644",
    "b/Grüße.txt": "100644",
    "data.bin": "100644",
    "long.txt": "100644",
}


@pytest.fixture(autouse=True)
def work(on: World) -> None:
    files = {**FILES, TEMPLATE: "- [ ] documented\n"}
    on.hub.push("ada", REPOSITORY, "main", files, message="Files")
    on.settings_file["commands"] = {"implement": ["sh", "-c", WORK]}
    on.issue(12)


def listed(on: World, branch: str) -> dict[str, str]:
    printed = git(on.repository.git.path, "ls-tree", "-r", "-z", branch)
    rows = [row.split("\t") for row in printed.split("\0") if row]
    return {name: meta.split()[0] for meta, name in rows}


def assert_signed(on: World, number: int) -> None:
    pull = on.pull_requests()[number].pull
    assert pull is not None
    assert verification(on.repository.git, pull.head_sha)["verified"]
    assert on.repository.git.commit(pull.head_sha).author_name.endswith("[bot]")


@pytest.mark.parametrize("is_classic", [False, True])
@pytest.mark.parametrize("held", ["main", "*", "batch/*"])
async def test_work_is_committed_by_github_as_it_is(
    on: World, held: str, is_classic: bool
):
    """The rule is read for the base, and told by the refusal of the push elsewhere."""
    on.hub.require_signatures(REPOSITORY, held, is_classic=is_classic)
    if held == "*":
        path = r"/rules/branches/"
        on.hub.faults.add(Fault(path=path, status=403, times=None))
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    assert listed(on, "batch/" + branch_of(on, 12)) == WORKED
    assert_signed(on, 12)
    body = on.pull_requests()[12].body
    assert "verify" not in body
    assert body.endswith("</sub>\n\n- [ ] documented")


def branch_of(on: World, number: int) -> str:
    pull = on.pull_requests()[number].pull
    assert pull is not None
    return pull.head_ref.removeprefix("batch/")


async def test_merged_predecessors_are_signed_too(on: World):
    on.settings_file["commands"] = {
        "implement": ["sh", "-c", 'echo x > "$BATCH_ITEM"; ls']
    }
    on.hub.require_signatures(REPOSITORY, "*")
    for number in (13, 14):
        on.issue(number)
    async with on.bot():
        await on.finished(on.say("/batch 12 13 14 after:12,13"))
    for number in (12, 13, 14):
        assert_signed(on, number)
    assert {"12", "13", "14"} <= listed(on, "batch/" + branch_of(on, 14)).keys()


async def test_a_branch_whose_answer_was_lost_is_found_again(on: World):
    on.hub.require_signatures(REPOSITORY, "*")
    path = r"/git/refs$"
    on.hub.faults.add(Fault(FaultKind.LOST_ANSWER, method="POST", path=path))
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    assert_signed(on, 12)
    made = [e for e in on.hub.log if e.method == "POST" and e.path.endswith("git/refs")]
    assert len(made) == 1


async def test_a_commit_that_is_not_verified_is_said_to_be_so(
    on: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.localhub.signing.sealed", lambda payload: payload)
    on.hub.require_signatures(REPOSITORY, "main")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    body = on.pull_requests()[12].body
    assert "GitHub did not verify the commit, as a rule wants it: `unsigned`." in body


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "printf '\\377\\0' > a.bin",
            "a.bin has 0 MB, and GitHub takes no large files",
        ),
        (
            "echo x > \"$(printf 'a\\377')\"",
            "is not UTF-8, and no signed commit takes it",
        ),
    ],
)
async def test_a_file_that_the_api_does_not_take_is_named(
    on: World, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
):
    monkeypatch.setattr("bot.localhub.rest.git_data.LARGEST_BLOB_BYTES", 1)
    on.settings_file["commands"] = {"implement": ["sh", "-c", script]}
    on.hub.require_signatures(REPOSITORY, "*")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    assert reason in on.said("report")
    assert on.pull_requests() == {}
