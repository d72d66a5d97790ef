"""The git repository that a command finds in its workspace.

It borrows the mirror's objects and has a copy of the bot's index, so that it costs no
second checkout. It is the command's to change or to delete: the bot never reads it.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from bot.core.model import Person
from bot.host.folders import AttemptFolder

_CONFIG = """\
[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
[gc]
	auto = 0
[user]
	name = {name}
	email = {email}
[remote "origin"]
	url = {url}
	fetch = +refs/heads/*:refs/remotes/origin/*
"""


def make_clone(
    folder: AttemptFolder,
    mirror: Path,
    *,
    branch: str,
    sha: str,
    remote_shas: Mapping[str, str],
    url: str,
    author: Person,
) -> None:
    """Write the repository into the workspace: on *branch*, at *sha*.

    *remote_shas* are the branches of ``origin``.
    """
    git = folder.workspace / ".git"
    for inside in ("objects/info", "objects/pack", "refs/heads", "hooks", "info"):
        (git / inside).mkdir(parents=True)
    folder.objects.symlink_to(mirror / "objects")
    refs = {f"refs/remotes/origin/{name}": sha for name, sha in remote_shas.items()}
    refs |= {f"refs/heads/{branch}": sha}
    files = {
        "HEAD": f"ref: refs/heads/{branch}\n",
        "config": _CONFIG.format(
            name=_quoted(author.name), email=_quoted(author.address), url=url
        ),
        "objects/info/alternates": f"{folder.objects}\n",
        "packed-refs": "".join(f"{sha} {ref}\n" for ref, sha in sorted(refs.items())),
    }
    for file, text in files.items():
        (git / file).write_text(text, encoding="utf-8")
    shutil.copy2(folder.index, git / "index")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
