"""Fills the local GitHub with ``acme/widgets``: a library with bugs, tests and issues.

What it holds is data, in the folder ``seed`` beside this file: ``files`` (each with
``.txt`` behind its name, so that no tool takes it for a part of the bot), the commits
in ``history.yml``, and a Markdown file for each issue and pull request in ``threads``.
Each open bug is seen by a failing test of the repository. #18 needs the fix of #12.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.localhub.branches import person
from bot.localhub.hub import LocalHub
from bot.localhub.state import Comment, Thread

REPOSITORY = "acme/widgets"
MAIN = "refs/heads/main"
ROLES = {"ada": "admin", "grace": "maintain", "linus": "write", "newcomer": "read"}
REVIEWERS = "batch-reviewers"
LABELS = {
    "bug": ("d73a4a", "Something is not as the documentation says"),
    "release": ("0e8a16", "Has to be done for the next release"),
    "batch": ("5319e7", "batch-bot works on it"),
    "docs": ("0075ca", "About the documentation"),
    "windows": ("c5def5", "Happens on Windows only"),
    "good first issue": ("7057ff", "Small, and somebody will help"),
}
MILESTONE = "2.4"
FOLDER = Path(__file__).with_name("seed")


@dataclass(frozen=True, slots=True)
class Entry:
    """An issue or pull request as its file describes it."""

    number: int
    facts: Mapping[str, Any]
    body: str

    @property
    def pull(self) -> Mapping[str, Any] | None:
        """What a pull request changes; None for issues."""
        pull: Mapping[str, Any] | None = self.facts.get("pull")
        return pull


def seed(hub: LocalHub) -> None:
    """Make the people, the repository with its history, and all threads.

    No webhook is sent: what is made here was there before the app was.
    """
    url = hub.webhooks.url
    hub.set_webhook_url(None)
    _make_repository(hub)
    commits = _make_history(hub)
    entries = read_entries()
    for entry in entries:
        _make_thread(hub, entry, commits)
    for entry in entries:
        _relate(hub, entry)
    for entry in entries:
        _date(hub, entry)
    hub.install(REPOSITORY.partition("/")[0])
    hub.set_webhook_url(url)


def read_files() -> dict[str, str]:
    """Return the files of the repository's main branch, by path."""
    folder = FOLDER / "files"
    return {
        path.relative_to(folder).as_posix().removesuffix(".txt"): path.read_text(
            "utf-8"
        )
        for path in sorted(folder.rglob("*.txt"))
    }


def read_entries() -> list[Entry]:
    """Return the issues and pull requests by number."""
    return sorted(
        (_read_entry(path) for path in (FOLDER / "threads").glob("*.md")),
        key=lambda entry: entry.number,
    )


def _read_entry(path: Path) -> Entry:
    _, front, body = path.read_text("utf-8").split("---\n", 2)
    return Entry(int(path.stem), yaml.safe_load(front), body.strip())


def _make_repository(hub: LocalHub) -> None:
    owner = hub.add_organization(REPOSITORY.partition("/")[0])
    for login in ROLES:
        hub.add_user(login)
    hub.create_repository(
        REPOSITORY, files={}, description="Reads, checks and adds up widgets."
    )
    for login, role in ROLES.items():
        hub.set_role("ada", REPOSITORY, login, role)
    hub.add_team(owner.login, REVIEWERS, ["grace", "linus"])
    for name, (color, description) in LABELS.items():
        hub.add_label(REPOSITORY, name, color=color, description=description)
    hub.add_milestone("ada", REPOSITORY, MILESTONE)


def _make_history(hub: LocalHub) -> list[str]:
    """Return the commits of main, oldest first; main itself is at the last but one."""
    git = hub.repository(REPOSITORY).git
    files = read_files()
    commits: list[str] = []
    for step in yaml.safe_load((FOLDER / "history.yml").read_text("utf-8")):
        written = {path: files[path] for path in step["files"]}
        for change in step.get("before", ()):
            written[change["path"]] = _replaced(
                written[change["path"]], change["new"], change["old"]
            )
        commits.append(
            git.commit_files(
                written,
                parent=commits[-1] if commits else None,
                message=step["message"].strip() + "\n",
                author=person(hub.user(step["author"])),
                at=step["at"],
            )
        )
    git.set_ref(MAIN, commits[-2])
    return commits


def _make_thread(hub: LocalHub, entry: Entry, commits: list[str]) -> None:
    hub.repository(REPOSITORY).last_number = entry.number - 1
    facts = entry.facts
    if entry.pull is None:
        hub.open_issue(facts["author"], REPOSITORY, facts["title"], entry.body)
    else:
        _open_pull(hub, entry, entry.pull, commits)
    hub.label("ada", REPOSITORY, entry.number, *facts.get("labels", ()))
    if facts.get("milestone"):
        hub.set_milestone("ada", REPOSITORY, entry.number, 1)
    for comment in facts.get("comments", ()):
        hub.comment(
            comment["author"], REPOSITORY, entry.number, comment["body"].strip()
        )
    if "closed" in facts:
        hub.close("ada", REPOSITORY, entry.number, reason=facts["closed"])


def _open_pull(
    hub: LocalHub, entry: Entry, pull: Mapping[str, Any], commits: list[str]
) -> None:
    """Open a pull request of one commit, or of one that main then gets (merged)."""
    git = hub.repository(REPOSITORY).git
    merged = pull.get("merged")
    if merged:
        head = commits[merged - 1]
    else:
        parent = commits[pull.get("start", len(commits)) - 1]
        head = _commit(hub, entry, pull, parent)
    git.set_ref(f"refs/heads/{pull['branch']}", head)
    hub.open_pull_request(
        entry.facts["author"], REPOSITORY, entry.facts["title"],
        head=pull["branch"], body=entry.body,
    )  # fmt: skip
    for name, conclusion in pull.get("checks", {}).items():
        hub.check(REPOSITORY, head, name, conclusion=conclusion)
    if merged:
        hub.set_ref("grace", REPOSITORY, MAIN, head)
        git.set_ref(f"refs/heads/{pull['branch']}", None)


def _commit(hub: LocalHub, entry: Entry, pull: Mapping[str, Any], parent: str) -> str:
    git = hub.repository(REPOSITORY).git
    files: dict[str, str | bytes | None] = {}
    for change in pull["changes"]:
        path = change["path"]
        text = files.get(path) or git.read_file(parent, path)
        assert text is not None
        plain = text.decode() if isinstance(text, bytes) else text
        files[path] = _replaced(plain, change["old"], change["new"])
    # An hour after its parent: the same commit, with the same name, every time.
    at = git.commit(parent).at + timedelta(hours=1)
    author = person(hub.user(entry.facts["author"]))
    message = pull["message"] + "\n"
    return git.commit_files(files, parent=parent, message=message, author=author, at=at)


def _relate(hub: LocalHub, entry: Entry) -> None:
    thread = hub.thread(REPOSITORY, entry.number)
    for number in entry.facts.get("blocked_by", ()):
        hub.block("ada", thread, hub.thread(REPOSITORY, number))
    for number in entry.facts.get("sub_issues", ()):
        hub.add_sub_issue("ada", thread, hub.thread(REPOSITORY, number))


def _date(hub: LocalHub, entry: Entry) -> None:
    """Put everything about a thread as many days back as its file says."""
    thread = hub.thread(REPOSITORY, entry.number)
    now = hub.now()
    opened = _days_before(now, entry.facts["days_ago"], thread)
    thread.created_at = thread.updated_at = opened
    thread.events.clear()
    for comment, facts in zip(
        thread.comments, entry.facts.get("comments", ()), strict=True
    ):
        _date_comment(thread, comment, _days_before(now, facts["days_ago"], thread))
    if not thread.is_open:
        thread.closed_at = thread.updated_at = opened + timedelta(hours=30)
    if thread.pull is not None and thread.pull.is_merged:
        thread.pull.merged_at = thread.closed_at


def _date_comment(thread: Thread, comment: Comment, at: datetime) -> None:
    comment.created_at = comment.updated_at = thread.updated_at = at


def _days_before(now: datetime, days: int, thread: Thread) -> datetime:
    """Return an instant some days ago; threads differ by minutes, as in life."""
    return now - timedelta(days=days, minutes=thread.number * 7 % 50)


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} has to be there once"
    return text.replace(old, new)
