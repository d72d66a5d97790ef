"""The local GitHub's own git: bare repositories, changed without a working tree.

Every call is one short git process and blocks for a few milliseconds. That is wanted:
a change of the state and of the repository is one step for everybody else.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

GIT = shutil.which("git") or "git"
ZERO_SHA = "0" * 40
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
    _refs: dict[str, dict[str, str]] = field(
        default_factory=dict, compare=False, repr=False
    )  # by prefix, until a ref is moved

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
        if prefix not in self._refs:
            form = "--format=%(objectname) %(refname)"
            output = self.run("for-each-ref", form, prefix)
            pairs = (line.split(" ", 1) for line in output.splitlines())
            self._refs[prefix] = {name: sha for sha, name in pairs}
        return dict(self._refs[prefix])

    def forget_refs(self) -> None:
        """Read the refs again when they are asked for: somebody may have moved them."""
        self._refs.clear()

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a branch, ref or sha names."""
        is_full = revision.startswith("refs/")
        names = (revision,) if is_full else (f"refs/heads/{revision}", revision)
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
        if sha is None:
            self.run("update-ref", "-d", ref, *old)
        else:
            self.run("update-ref", ref, sha, *old)
        self.forget_refs()

    def set_head(self, branch: str) -> None:
        """Have a clone check out *branch*."""
        self.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def object_at(self, expression: str) -> tuple[str, str] | None:
        """Return type and name of what ``revision:path`` or a revision names."""
        output = self.run("cat-file", "--batch-check", stdin=expression.encode())
        parts = output.split()
        return (parts[1], parts[0]) if len(parts) == 3 else None

    def blob(self, sha: str) -> bytes:
        """Return the content of a blob."""
        return self._run_bytes("cat-file", "blob", sha)

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
        output = self.run("ls-tree", "-z", tree)
        rows = [line.split("\t", 1) for line in output.split("\0") if line]
        split = [(*meta.split(), name) for meta, name in rows]
        return [(mode, kind, sha, name) for mode, kind, sha, name in split]

    def write(self, kind: str, content: bytes) -> str:
        """Keep an object; return its name."""
        options = ("-t", kind, "-w", "--stdin")
        return self.run("hash-object", *options, stdin=content).strip()

    def content(self, kind: str, sha: str) -> bytes:
        """Return an object as it is kept."""
        return self._run_bytes("cat-file", kind, sha)

    def new_commits(self, sha: str) -> list[str]:
        """Return the commits of *sha* that no ref has."""
        return self.run("rev-list", sha, "--not", "--all").split()

    def changed_tree(self, base: str | None, changes: Sequence[TreeChange]) -> str:
        """Return a tree with changes made one after the other.

        Raises ``GitFailed`` for a path that is to go and is not there.
        """
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if base is not None:
                self.run("read-tree", base, environment=index)
            for change in changes:
                self._change_index(change, index)
            return self.run("write-tree", environment=index).strip()

    def _change_index(self, change: TreeChange, index: Mapping[str, str]) -> None:
        path = change.path
        listed = self.run("ls-files", "-z", "--", path, environment=index)
        there = [name for name in listed.split("\0") if name]
        if change.sha is None and not there:
            message = f"{path} is not in the tree"
            raise GitFailed(message)
        # What was a folder is no longer one, and the other way round.
        parents = [path[:n] for n, letter in enumerate(path) if letter == "/"]
        lines = [f"0 {ZERO_SHA}\t{name}\0" for name in (*there, *parents)]
        if change.sha is not None and change.mode != "040000":
            lines.append(f"{change.mode} {change.sha}\t{path}\0")
        self.run(
            "update-index", "-z", "--index-info",
            stdin="".join(lines).encode(), environment=index,
        )  # fmt: skip
        if change.sha is not None and change.mode == "040000":
            prefix = f"--prefix={path}/"
            self.run("read-tree", prefix, change.sha, environment=index)

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
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if parent is not None:
                self.run("read-tree", parent, environment=index)
            lines = []
            for path, content in files.items():
                if content is None:
                    lines.append(f"0 {ZERO_SHA}\t{path}\0")
                    continue
                data = content.encode() if isinstance(content, str) else content
                sha = self.run("hash-object", "-w", "--stdin", stdin=data).strip()
                lines.append(f"100644 {sha}\t{path}\0")
            self.run(
                "update-index", "-z", "--index-info",
                stdin="".join(lines).encode(), environment=index,
            )  # fmt: skip
            tree = self.run("write-tree", environment=index).strip()
        parents = [parent] if parent is not None else []
        return self.commit_tree(
            tree, parents=parents, message=message, author=author, at=at
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
        date = f"{int(at.timestamp())} +0000"
        name, email = author
        return self.run(
            "commit-tree", tree, *(word for p in parents for word in ("-p", p)),
            stdin=message.encode(),
            environment={
                "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email,
                "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_NAME": WEB_FLOW[0],
                "GIT_COMMITTER_EMAIL": WEB_FLOW[1], "GIT_COMMITTER_DATE": date,
            },
        ).strip()  # fmt: skip

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
            f"{onto}^{{tree}}",
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
        result = self._process("merge-base", one, other)
        return result.stdout.decode().strip() if result.returncode == 0 else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Return whether *descendant* contains *ancestor*."""
        result = self._process("merge-base", "--is-ancestor", ancestor, descendant)
        return result.returncode == 0

    def ahead_behind(self, base: str, head: str) -> tuple[int, int]:
        """Return how many commits *head* has more, and *base* has more."""
        output = self.run("rev-list", "--left-right", "--count", f"{base}...{head}")
        behind, ahead = output.split()
        return int(ahead), int(behind)

    def commits(self, base: str, head: str) -> list[CommitInfo]:
        """Return the commits in *head* that *base* lacks, oldest first."""
        output = self.run("rev-list", "--reverse", "--topo-order", f"{base}..{head}")
        return [self.commit(sha) for sha in output.split()]

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
    form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%cn%x00%at%x00%B"
    output = git.run("show", "--no-patch", f"--format={form}", sha)
    full, tree, parents, name, email, committer, at, message = output.split("\0", 7)
    when = datetime.fromtimestamp(int(at), tz=UTC)
    return CommitInfo(
        full,
        tree,
        tuple(parents.split()),
        name,
        email,
        committer,
        when,
        message.rstrip("\n"),
    )


@lru_cache(maxsize=2048)
def _changed_files(git: GitRepository, base: str, head: str) -> tuple[ChangedFile, ...]:
    raw = git.run("diff", "-z", "--raw", "--no-abbrev", "-M", base, head)
    numbers = git.run("diff", "-z", "--numstat", "-M", base, head)
    counts = _numstat(numbers)
    patches = _patches(git.run("diff", "-M", base, head))
    files = []
    fields = iter(filter(None, raw.split("\0")))
    for meta in fields:
        _old_mode, _new_mode, old_sha, new_sha, status = meta.lstrip(":").split()
        path = next(fields)
        previous = None
        if status[0] in "RC":
            previous, path = path, next(fields)
        additions, deletions = counts[path]
        patch = next(patches)
        if status[0] == "T":  # such as a file that becomes a link: git writes two
            patch = "\n".join(filter(None, (patch, next(patches)))) or None
        files.append(
            ChangedFile(
                path,
                STATUSES.get(status[0], "changed"),
                additions,
                deletions,
                old_sha if status[0] == "D" else new_sha,
                patch,
                previous,
            )
        )
    return tuple(sorted(files, key=lambda file: file.path))


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


def _numstat(output: str) -> dict[str, tuple[int, int]]:
    counts = {}
    fields = iter(output.split("\0"))
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
