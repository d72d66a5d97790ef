"""Blobs, trees and commits that are made over the API, and rules for signatures."""

import base64
from typing import Any

import pytest

from bot.localhub.hub import LocalHub
from bot.localhub.rest import git_data
from tests.host.gitting import git as run_git
from tests.localhub.client import NAME, REPO, Client, client

TREES, COMMITS = f"{REPO}/git/trees", f"{REPO}/git/commits"


async def made(github: Client, what: str, body: Any) -> str:
    answer = await github.send("POST", f"{REPO}/git/{what}", body)
    assert answer.status == 201, answer.body
    return str(answer.body["sha"])


def entry(path: str, mode: str = "100644", **more: Any) -> dict[str, Any]:
    kind = {"040000": "tree", "160000": "commit"}.get(mode, "blob")
    return {"path": path, "mode": mode, "type": kind, **more}


async def test_a_tree_is_another_one_with_what_changed(hub: LocalHub):
    git = hub.repository(NAME).git
    async with client(hub) as github:
        encoded = base64.b64encode(b"\x00\xff").decode()
        blob = await made(github, "blobs", {"content": encoded, "encoding": "base64"})
        entries = [
            entry("bin/run", "100755", sha=blob),
            entry("link", "120000", content="bin/run"),
            entry("lib", "160000", sha="a" * 40),
            entry("src/widgets.py/now/a/folder", content="é\r\n"),
            entry("README.md", sha=None),
        ]
        tree = await made(github, "trees", {"base_tree": "main", "tree": entries})
        moved = {"base_tree": tree, "tree": [entry("README.md", sha=None)]}
        assert (await github.send("POST", TREES, moved)).status == 422
    listed = run_git(git.path, "ls-tree", "-r", tree)
    rows = {line.split("\t")[1]: line.split()[0] for line in listed.splitlines()}
    assert rows["bin/run"] == "100755"
    assert (rows["link"], rows["lib"]) == ("120000", "160000")
    assert "src/widgets.py/now/a/folder" in rows
    assert not {"README.md", "src/widgets.py"} & rows.keys()
    assert git.blob(blob) == b"\x00\xff"


@pytest.mark.parametrize(
    ("what", "body", "words"),
    [
        ("blobs", {"encoding": "base64"}, "Validation Failed"),
        ("blobs", {"content": "?", "encoding": "base64"}, "not valid Base64"),
        ("blobs", {"content": "xxxxxxxxx"}, "too large to process"),
        ("trees", {"tree": []}, "Invalid tree info"),
        ("trees", {"tree": [entry("a", "100600", content="")]}, "tree.mode"),
        ("trees", {"tree": [entry("../a", content="")]}, "malformed path"),
        ("trees", {"tree": [entry("a", sha="b" * 40)]}, "not a valid blob"),
        ("trees", {"tree": [entry("a", sha="b", content="")]}, "either tree.sha or"),
        ("trees", {"base_tree": "b" * 40, "tree": [entry("a", content="")]}, "oid"),
        ("commits", {"tree": "b" * 40}, "Validation Failed"),
        ("commits", {"message": "x", "tree": "b" * 40}, "Tree SHA does not exist"),
    ],
)
async def test_what_does_not_fit_is_refused(
    hub: LocalHub, what: str, body: Any, words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(git_data, "LARGEST_BLOB_BYTES", 8)
    async with client(hub) as github:
        answer = await github.send("POST", f"{REPO}/git/{what}", body)
    assert answer.status == 422
    assert words in answer.body["message"]


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({}, "valid"),
        ({"author": {"name": "Ada", "email": "ada@example.org"}}, "unsigned"),
        ({"committer": {"name": "Ada", "email": "ada@example.org"}}, "unsigned"),
    ],
)
async def test_only_what_is_all_in_the_name_of_the_app_is_signed(
    hub: LocalHub, named: Any, reason: str
):
    hub.require_signatures(NAME, "batch/*")
    git = hub.repository(NAME).git
    async with client(hub) as github:
        tree = await made(github, "trees", {"tree": [entry("a", content="b")]})
        commit = {"message": "M\n\nB", "tree": tree, "parents": [git.resolve("main")]}
        sha = await made(github, "commits", {**commit, **named})
        found = (await github.get(f"{COMMITS}/{sha}")).body
        ref = {"ref": "refs/heads/batch/x/1", "sha": sha}
        answer = await github.send("POST", f"{REPO}/git/refs", ref)
        rules = (await github.get(f"{REPO}/rules/branches/batch/x/1")).body
    assert found["verification"]["reason"] == reason
    assert found["message"] == "M\n\nB"
    assert answer.status == (201 if reason == "valid" else 422)
    assert [rule["type"] for rule in rules] == ["required_signatures"]
    if reason == "valid":
        assert found["author"]["email"].endswith("[bot]@users.noreply.github.com")
    else:
        assert "must have verified signatures" in answer.body["message"]
