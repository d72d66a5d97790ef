"""The local GitHub's own git: bare repositories, changed without a working tree.

What is read or written as an object is a file (``objects``); all else is one short git
process and blocks for a few milliseconds. That is wanted: a change of the state and of
the repository is one step for everybody else.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from bot.localhub.objects import Entry, Objects, headers

GIT = shutil.which("git") or "git"
ZERO_SHA = "0" * 40
WHOLE_NAME = re.compile(r"[0-9a-f]{40}")
PLAIN_FILE = "100644"
WEB_FLOW = ("GitHub", "noreply@github.com")
SERVER_SETTINGS = """\
[http]
\treceivepack = true
[receive]
\tdenyNonFastForwards = false
\tautogc = false
[transfer]
\thideRefs = refs/batch-hub
[uploadpack]
\tallowReachableSHA1InWant = true
[gc]
\tauto = 0
"""
STATUSES = {
    "A": "added",
    "M": "modified",
    "D": "removed",
    "R": "renamed",
    "T": "changed",
}


class GitFailed(Exception):
    """A git command ended with an error; the message is what it wrote."""


class MergeConflict(GitFailed):
    """Two commits change the same lines."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of a diff. Counts are 0 for binary files, which have no patch."""

    path: str
    status: str  # GitHub's word: added, modified, removed, renamed
    additions: int
    deletions: int
    sha: str  # of the blob after the change (before, if removed)
    patch: str | None
    previous_path: str | None = None


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit's own words."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_name: str
    at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class TreeChange:
    """What a tree has at a path from now on; without a ``sha`` nothing."""

    path: str
    mode: str
    sha: str | None


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A bare repository at ``path``."""

    path: Path
    _refs: dict[str, str] = field(
        default_factory=dict, compare=False, repr=False
    )  # by full name, until somebody else may have moved one

    @property
    def _objects(self) -> Objects:
        return Objects(self.path / "objects")

    def create(self, *, default_branch: str) -> None:
        """Make the empty repository on disk, as an HTTP server wants it."""
        self.path.mkdir(parents=True, exist_ok=True)
        branch = f"--initial-branch={default_branch}"
        self.run("init", "--bare", "--quiet", "--template=", branch)
        with (self.path / "config").open("a") as file:
            file.write(SERVER_SETTINGS)

    def create_fork(self, parent: "GitRepository", *, default_branch: str) -> None:
        """Make a copy of the branches of another; as at GitHub, both share objects."""
        self.create(default_branch=default_branch)
        shutil.rmtree(self.path / "objects")
        (self.path / "objects").symlink_to(parent.path / "objects")
        for ref, sha in parent.refs().items():
            self.set_ref(ref, sha)

    def refs(self, prefix: str = "refs/heads/") -> dict[str, str]:
        """Return object names by full ref name."""
        if not self._refs:
            output = self.run("for-each-ref", "--format=%(objectname) %(refname)")
            pairs = (line.split(" ", 1) for line in output.splitlines())
            self._refs.update({name: sha for sha, name in pairs})
        return {n: sha for n, sha in self._refs.items() if n.startswith(prefix)}

    def forget_refs(self) -> None:
        """Read the refs again when they are asked for: somebody may have moved them."""
        self._refs.clear()

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a branch, ref or sha names."""
        is_full = revision.startswith("refs/")
        names = (revision,) if is_full else (f"refs/heads/{revision}", revision)
        refs = self.refs("refs/")
        for candidate in names:
            sha = refs.get(candidate, candidate)
            found = self._objects.read(sha) if WHOLE_NAME.fullmatch(sha) else None
            if found is not None and found[0] == "commit":
                return sha
        return None if is_full and revision not in refs else self._peeled(names)

    def _peeled(self, names: Sequence[str]) -> str | None:
        """Return the commit of a tag or of what only git itself can read."""
        for candidate in names:
            try:
                return self.run(
                    "rev-parse", "--verify", "--quiet", "--end-of-options",
                    f"{candidate}^{{commit}}",
                ).strip()  # fmt: skip
            except GitFailed:
                continue
        return None

    def set_ref(
        self, ref: str, sha: str | None, *, expected: str | None = None
    ) -> None:
        """Point a full ref name at a commit, or delete it (None)."""
        old = [] if expected is None else [expected]
        self.refs()  # or what is set here would be taken for all there is
        if sha is None:
            self.run("update-ref", "-d", ref, *old)
            self._refs.pop(ref, None)
        else:
            self.run("update-ref", ref, sha, *old)
            self._refs[ref] = sha

    def set_head(self, branch: str) -> None:
        """Have a clone check out *branch*."""
        self.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def object_at(self, expression: str) -> tuple[str, str] | None:
        """Return type and name of what ``revision:path`` or a revision names."""
        revision, colon, path = expression.partition(":")
        commit = self.resolve(revision) if colon else None
        if commit is not None:
            entry = self._objects.at(self.commit(commit).tree, path)
            return (entry.kind, entry.sha) if entry is not None else None
        output = self.run("cat-file", "--batch-check", stdin=expression.encode())
        parts = output.split()
        return (parts[1], parts[0]) if len(parts) == 3 else None

    def blob(self, sha: str) -> bytes:
        """Return the content of a blob."""
        return self.content("blob", sha)

    def read_file(self, revision: str, path: str) -> bytes | None:
        """Return a file's content at a revision."""
        found = self.object_at(f"{revision}:{path}")
        return self.blob(found[1]) if found is not None and found[0] == "blob" else None

    def tree(self, revision: str, path: str = "") -> list[tuple[str, str, str, int]]:
        """Return (type, sha, path, size) of the entries of a folder."""
        inside = f"{path}/" if path else ""
        output = self.run("ls-tree", "-z", "--long", revision, "--", inside or ".")
        entries = []
        for line in filter(None, output.split("\0")):
            meta, name = line.split("\t", 1)
            _mode, kind, sha, size = meta.split()
            entries.append((kind, sha, name, int(size) if size != "-" else 0))
        return entries

    def entries(self, tree: str) -> list[tuple[str, str, str, str]]:
        """Return (mode, type, sha, name) of the entries of a tree."""
        found = self._objects.entries(tree).items()
        return [(entry.mode, entry.kind, entry.sha, name) for name, entry in found]

    def write(self, kind: str, content: bytes) -> str:
        """Keep an object; return its name."""
        return self._objects.write(kind, content)

    def content(self, kind: str, sha: str) -> bytes:
        """Return an object as it is kept; raises ``GitFailed`` if it is of another kind."""
        found = self._objects.read(sha)
        if found is None or found[0] != kind:
            message = f"{sha} is no {kind} here"
            raise GitFailed(message)
        return found[1]

    def new_commits(self, sha: str) -> list[str]:
        """Return the commits of *sha* that no ref has."""
        return self.run("rev-list", sha, "--not", "--all").split()

    def changed_tree(self, base: str | None, changes: Sequence[TreeChange]) -> str:
        """Return a tree with changes made one after the other.

        Raises ``GitFailed`` for a path that is to go and is not there.
        """
        root = self._objects.folder(base)
        for change in changes:
            entry = Entry(change.mode, change.sha) if change.sha is not None else None
            if not self._objects.put(root, change.path, entry):
                message = f"{change.path} is not in the tree"
                raise GitFailed(message)
        return self._objects.keep(root)

    def commit_files(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        parent: str | None,
        message: str,
        author: tuple[str, str],
        at: datetime,
    ) -> str:
        """Return a new commit on *parent* with files written, or deleted (None)."""
        root = self._objects.folder(parent and self.commit(parent).tree)
        for path, content in files.items():
            entry = None
            if content is not None:
                data = content.encode() if isinstance(content, str) else content
                entry = Entry(PLAIN_FILE, self.write("blob", data))
            self._objects.put(root, path, entry)
        parents = [parent] if parent is not None else []
        return self.commit_tree(
            self._objects.keep(root),
            parents=parents,
            message=message,
            author=author,
            at=at,
        )

    def commit_tree(
        self,
        tree: str,
        *,
        parents: list[str],
        message: str,
        author: tuple[str, str],
        at: datetime,
    ) -> str:
        """Return a new commit of a tree."""
        stamp = f"{int(at.timestamp())} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        for role, (name, email) in (("author", author), ("committer", WEB_FLOW)):
            lines.append(f"{role} {name} <{email}> {stamp}")
        text = "\n".join(lines) + f"\n\n{message}"
        return self.write("commit", text.encode())

    def merged_tree(self, ours: str, theirs: str) -> str:
        """Return the tree of the merge of two commits.

        Raises ``MergeConflict``.
        """
        result = self._process("merge-tree", "--write-tree", ours, theirs)
        if result.returncode == 1:
            raise MergeConflict(result.stdout.decode(errors="replace"))
        if result.returncode != 0:
            raise GitFailed(result.stderr.decode(errors="replace"))
        return result.stdout.decode().strip()

    def replay(self, commit: CommitInfo, *, onto: str, at: datetime) -> str:
        """Return the commit made again on another parent.

        Raises ``MergeConflict``. A commit with the tree of *onto* and the parent of
        *commit* makes that parent the base of the three-way merge.
        """
        author = (commit.author_name, commit.author_email)
        stand_in = self.commit_tree(
            self.commit(onto).tree,
            parents=list(commit.parents[:1]),
            message="",
            author=author,
            at=at,
        )
        return self.commit_tree(
            self.merged_tree(stand_in, commit.sha),
            parents=[onto],
            message=commit.message,
            author=author,
            at=at,
        )

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor."""
        if self.is_ancestor(one, other):
            return one
        result = self._process("merge-base", one, other)
        return result.stdout.decode().strip() if result.returncode == 0 else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Return whether *descendant* contains *ancestor*."""
        seen, following = set[str](), [descendant]
        while following:
            sha = following.pop()
            if sha == ancestor:
                return True
            if sha not in seen:
                seen.add(sha)
                following += self.commit(sha).parents
        return False

    def ahead_behind(self, base: str, head: str) -> tuple[int, int]:
        """Return how many commits *head* has more, and *base* has more."""
        output = self.run("rev-list", "--left-right", "--count", f"{base}...{head}")
        behind, ahead = output.split()
        return int(ahead), int(behind)

    def commits(self, base: str, head: str) -> list[CommitInfo]:
        """Return the commits in *head* that *base* lacks, oldest first."""
        return list(_commits(self, base, head))

    def commit(self, sha: str) -> CommitInfo:
        """Return what a commit says; *sha* is its whole name."""
        return _commit(self, sha)

    def changed_files(self, base: str, head: str) -> list[ChangedFile]:
        """Return what changed between two commits, by path; both by their whole names."""
        return list(_changed_files(self, base, head))

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Return what a git command writes; raises ``GitFailed``."""
        output = self._run_bytes(*arguments, stdin=stdin, environment=environment)
        return output.decode(errors="replace")

    def _run_bytes(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        result = self._process(*arguments, stdin=stdin, environment=environment)
        if result.returncode != 0:
            message = f"git {arguments[0]}: {result.stderr.decode(errors='replace')}"
            raise GitFailed(message)
        return result.stdout

    def _process(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - no shell; names are checked before
            [GIT, "--git-dir=.", *arguments],
            cwd=self.path,
            input=stdin,
            env=git_environment() | dict(environment or {}),
            capture_output=True,
            check=False,
        )


# Commits never change, so what they say can be remembered for good.


@lru_cache(maxsize=2048)
def _commit(git: GitRepository, sha: str) -> CommitInfo:
    found, message = headers(git.content("commit", sha))
    author = _by(found["author"][0])
    return CommitInfo(
        sha,
        found["tree"][0],
        tuple(found.get("parent", ())),
        author["name"],
        author["email"],
        _by(found["committer"][0])["name"],
        datetime.fromtimestamp(int(author["at"]), tz=UTC),
        message.rstrip("\n"),
    )


def _by(line: str) -> re.Match[str]:
    """Return the name, the address and the time in an author's or committer's line."""
    found = re.fullmatch(r"(?P<name>.*?) ?<(?P<email>.*)> (?P<at>-?\d+) [+-]\d+", line)
    assert found is not None
    return found


@lru_cache(maxsize=2048)
def _commits(git: GitRepository, base: str, head: str) -> tuple[CommitInfo, ...]:
    output = git.run("rev-list", "--reverse", "--topo-order", f"{base}..{head}")
    return tuple(git.commit(sha) for sha in output.split())


@lru_cache(maxsize=2048)
def _changed_files(git: GitRepository, base: str, head: str) -> tuple[ChangedFile, ...]:
    forms = ("--raw", "--no-abbrev", "--numstat", "--patch")
    told = git.run("diff", "-z", *forms, "-M", base, head)
    lists, _, text = told.partition("\0\0")
    changes, numbers = _listed(lists.split("\0"))
    counts, patches = _numstat(numbers), _patches(text)
    files = []
    for old_sha, new_sha, status, *names in changes:
        additions, deletions = counts[names[-1]]
        patch = next(patches)
        if status[0] == "T":  # such as a file that becomes a link: git writes two
            patch = "\n".join(filter(None, (patch, next(patches)))) or None
        files.append(
            ChangedFile(
                names[-1],
                STATUSES.get(status[0], "changed"),
                additions,
                deletions,
                old_sha if status[0] == "D" else new_sha,
                patch,
                names[0] if len(names) > 1 else None,
            )
        )
    return tuple(sorted(files, key=lambda file: file.path))


def _listed(fields: list[str]) -> tuple[list[list[str]], list[str]]:
    """Return of each file both blobs, the status and its names; and the fields behind."""
    changes, place = [], 0
    while fields[place].startswith(":"):
        _old_mode, _new_mode, *meta = fields[place].split()
        behind = place + (3 if meta[-1][0] in "RC" else 2)
        changes.append([*meta, *fields[place + 1 : behind]])
        place = behind
    return changes, fields[place:]


def _patches(text: str) -> Iterator[str | None]:
    """Yield the hunks of each file of a diff in turn, None for one without any."""
    for section in re.split(r"(?m)^(?=diff --git )", text)[1:]:
        start = section.find("\n@@")
        yield section[start + 1 :].rstrip("\n") if start >= 0 else None


def git_environment() -> dict[str, str]:
    """Return an environment in which git reads no configuration of the user."""
    return {
        "PATH": os.defpath,
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _numstat(numbers: list[str]) -> dict[str, tuple[int, int]]:
    counts = {}
    fields = iter(numbers)
    for entry in fields:
        if not entry:
            continue
        added, deleted, path = entry.split("\t", 2)
        if not path:  # a rename: the two names follow
            next(fields)
            path = next(fields)
        counts[path] = (
            int(added) if added != "-" else 0,
            int(deleted) if deleted != "-" else 0,
        )
    return counts
