"""A remote repository on disk, and the adapters that reach it."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.model import Repository
from bot.core.world.redaction import Secrets
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.mirrors import Mirrors
from bot.host.push import BranchPusher
from bot.host.workspaces import GitWorkspaces
from tests.fakes import FakeClock

TOKEN = "ghs_thetokenoftheinstallation"  # noqa: S105 - opens nothing
_ME = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - the test's own words
        ["/usr/bin/env", "git", *_ME, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.strip()


@dataclass
class Remote:
    """A bare repository with a clone beside it to commit from."""

    bare: Path
    clone: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Remote":
        bare, clone = folder / "remote.git", folder / "clone"
        bare.mkdir(parents=True)
        git(bare, "init", "-q", "--bare", "-b", "main")
        git(folder, "init", "-q", "-b", "main", "clone")
        git(clone, "remote", "add", "origin", "../remote.git")  # also in a copy
        return cls(bare, clone)

    def copied_to(self, folder: Path) -> "Remote":
        """Return a copy of both in a new folder."""
        shutil.copytree(self.bare.parent, folder, symlinks=True)
        return Remote(folder / self.bare.name, folder / self.clone.name)

    def commit(self, branch: str, files: Mapping[str, str], *, start: str = "") -> str:
        """Commit files to a branch, made from *start* if it is new; return the SHA."""
        if start:
            git(self.clone, "checkout", "-q", "-b", branch, start)
        elif self.head("main"):
            git(self.clone, "checkout", "-q", branch)
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "-q", "-m", "Change")
        git(self.clone, "push", "-q", "origin", branch)
        return git(self.clone, "rev-parse", "HEAD")

    def head(self, branch: str) -> str:
        """Return where a branch of the bare repository is, or nothing."""
        listed = git(self.bare, "for-each-ref", f"refs/heads/{branch}")
        return listed.split(" ")[0]

    def show(self, revision: str) -> str:
        return git(self.bare, "show", revision)


class OneToken:
    """Tokens for tests."""

    is_new = False  # whether it may be unknown there

    async def token(self, repository: Repository, *, to_push: bool = False) -> str:
        return TOKEN

    def drop(self, text: str) -> None:
        assert text == TOKEN

    def is_fresh(self, text: str) -> bool:
        return self.is_new


@dataclass
class Host:
    """The git adapters of one host."""

    folders: Folders
    git: Git
    workspaces: GitWorkspaces
    pusher: BranchPusher


def host(
    folders: Folders,
    url: str,
    environment: Mapping[str, str],
    secrets: Secrets | None = None,
) -> Host:
    tool = Git(environment=environment, host=folders.host, secrets=secrets)
    remotes = Remotes(OneToken(), lambda repository: url)
    mirrors = Mirrors(folders, git=tool, remotes=remotes)
    workspaces = GitWorkspaces(folders, mirrors=mirrors, clock=FakeClock())
    return Host(folders, tool, workspaces, BranchPusher(mirrors))
