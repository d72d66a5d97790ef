"""Commits of the mirror that GitHub makes itself, and signs.

Where a rule wants verified signatures no push of ours is taken: what git would have
sent goes through the git data API, and has to come out as the same trees.
https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
"""

from dataclasses import dataclass, replace

from bot.core.effects import PushBranch, Receipt
from bot.core.model import Repository
from bot.core.say.problems.change import FileTooLarge
from bot.core.say.problems.git import NameNotText
from bot.errors import PermanentError, Refused
from bot.host.blobs import small_blobs
from bot.host.git import Place
from bot.host.mirrors import SEEN, Mirrors
from bot.host.printed import readable
from bot.ports.github import NewCommit, RemoteCommit, SignedCommits, TreeEntry

MOST_INLINE_BYTES = 64 * 1024
"""Text that is no longer goes with its tree; each other file is a request of its own."""


@dataclass(frozen=True, slots=True)
class _Commit:
    sha: str
    parents: tuple[str, ...]
    tree: str
    message: str


class SignedPusher:
    """Has GitHub make commits, and moves branches to them."""

    def __init__(self, mirrors: Mirrors, commits: SignedCommits) -> None:
        self._mirrors = mirrors
        self._git = mirrors.git
        self._commits = commits

    async def is_wanted(self, intent: PushBranch) -> bool:
        """Return whether what is merged into the base has to be signed."""
        base = intent.base_branch
        return bool(base) and await self._commits.are_wanted(intent.repository, base)

    async def found(self, intent: PushBranch, head: str) -> Receipt | None:
        """Return a receipt if the branch's head is the commit as GitHub made it."""
        there = await self._commits.look(intent.repository, head)
        ours = await self._commit(self._place(intent.repository), intent.sha)
        is_same = (there.tree, there.message) == (ours.tree, ours.message)
        return _receipt(intent, there) if is_same else None

    async def push(self, intent: PushBranch) -> Receipt:
        """Make what GitHub lacks up to the commit, and move the branch there.

        What is made before the branch moves is in nobody's way, however often.
        """
        repository, place = intent.repository, self._place(intent.repository)
        unknown = (intent.sha, "--not", f"--glob={SEEN}/*")
        listed = await self._git.run(
            *("rev-list", "--reverse", "--topo-order", *unknown), place=place
        )
        objects = await self._git.run(
            *("rev-list", "--objects", "--no-object-names", *unknown), place=place
        )
        new = set(objects.decode().split())
        made = {intent.sha: RemoteCommit(intent.sha, "", "")}
        for sha in listed.decode().split():
            commit = await self._commit(place, sha)
            changes = await self._changes(repository, place, commit, new)
            parents = [made[p].sha if p in made else p for p in commit.parents]
            base = await self._commit(place, commit.parents[0])
            made[sha] = await self._commits.make(
                repository,
                NewCommit(
                    commit.message, commit.tree, base.tree, tuple(parents), changes
                ),
            )
        last = made[intent.sha]
        await self._commits.point(
            repository, intent.branch, last.sha, expected_sha=intent.expected_sha
        )
        return _receipt(intent, last)

    def _place(self, repository: Repository) -> Place:
        return Place(self._mirrors.of(repository))

    async def _commit(self, place: Place, sha: str) -> _Commit:
        ask = ("log", "-1", "--format=%P%x00%T%x00%B", sha)
        printed = (await self._git.run(*ask, place=place)).decode()
        parents, tree, message = printed.split("\0", 2)
        return _Commit(sha, tuple(parents.split()), tree, message.rstrip("\n"))

    async def _changes(
        self, repository: Repository, place: Place, commit: _Commit, new: set[str]
    ) -> tuple[TreeEntry, ...]:
        """Return what the commit changes; contents that GitHub lacks are there then."""
        options = ["-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none"]
        compare = ["diff-tree", *options, commit.parents[0], commit.sha]
        entries = _entries(await self._git.run(*compare, place=place))
        sent = [one for one in entries if one.sha in new]
        most = MOST_INLINE_BYTES
        shas = [one.sha for one in sent]
        small = await small_blobs(self._git, place, shas, most_bytes=most)
        texts = {sha: text for sha in small if (text := _text(small[sha])) is not None}
        for entry in sent:
            if entry.sha not in texts:
                await self._upload(repository, place, entry)
        return tuple(replace(one, content=texts.get(one.sha)) for one in entries)

    async def _upload(
        self, repository: Repository, place: Place, entry: TreeEntry
    ) -> None:
        content = await self._git.run("cat-file", "blob", entry.sha, place=place)
        try:
            await self._commits.keep(repository, content)
        except Refused as error:
            if "too_large" not in str(error):
                raise
            raise PermanentError(FileTooLarge(entry.path, len(content))) from error


def _entries(printed: bytes) -> list[TreeEntry]:
    """Return what ``git diff-tree --raw -z`` printed."""
    found = []
    fields = iter(printed.split(b"\0")[:-1])
    for head in fields:
        before, mode, _, sha, status = head.decode().lstrip(":").split(" ")
        path = next(fields).decode("utf-8", "surrogateescape")
        if readable(path) != path:
            raise PermanentError(NameNotText(readable(path)))
        is_gone = status == "D"
        found.append(
            TreeEntry(path, before if is_gone else mode, "" if is_gone else sha)
        )
    return found


def _text(content: bytes) -> str | None:
    """Return a content that JSON carries as it is, None for any other."""
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _receipt(intent: PushBranch, commit: RemoteCommit) -> Receipt:
    return Receipt(sha=intent.sha, made_sha=commit.sha, note=commit.unverified)
