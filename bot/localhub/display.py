"""How the pages show what is there: the timeline of a thread, diffs, people, instants."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from bot.localhub.accounts import User, UserType
from bot.localhub.state import Comment, Review, Thread, ThreadEvent

SHOWN_CHARACTERS = 20_000
AVATARS = {"ada": "👩‍💻", "grace": "👩‍🚀", "linus": "🐧", "newcomer": "🐣"}
BOT_AVATAR = "🧺"
TOLD = {
    "labeled": "added the label",
    "unlabeled": "removed the label",
    "closed": "closed this",
    "reopened": "reopened this",
    "merged": "merged this",
    "renamed": "changed the title to",
    "assigned": "assigned",
    "unassigned": "unassigned",
    "milestoned": "added this to",
    "demilestoned": "removed this from",
    "committed": "pushed",
    "review_requested": "asked for a review by",
    "review_request_removed": "no longer asks for a review by",
    "ready_for_review": "marked this as ready for review",
    "converted_to_draft": "marked this as a draft",
    "blocked_by_added": "marked this as blocked by",
    "sub_issue_added": "added the sub-issue",
    "locked": "locked this",
    "unlocked": "unlocked this",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on a thread's page: its first text, a comment, a review, an event."""

    id: str
    thread: Thread
    at: datetime
    subject: Thread | Comment | Review | ThreadEvent


def timeline(thread: Thread) -> list[Entry]:
    """Return what a thread's page shows, the oldest first."""
    entries = [
        Entry(f"issuecomment-{comment.id}", thread, comment.created_at, comment)
        for comment in thread.comments
    ]
    if thread.pull is not None:
        entries += [
            Entry(f"review-{review.id}", thread, review.submitted_at, review)
            for review in thread.pull.reviews
        ]
    entries += [
        Entry(f"event-{number}", thread, event.at, event)
        for number, event in enumerate(thread.events)
        if event.kind in TOLD
    ]
    entries.sort(key=lambda entry: entry.at)
    return [Entry("first", thread, thread.created_at, thread), *entries]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff with its numbers on both sides."""

    kind: str  # hunk (what git says of the lines), added, removed or same
    old: str
    new: str
    text: str


@dataclass(frozen=True, slots=True)
class DiffFile:
    """A changed file."""

    path: str
    status: str
    additions: int
    deletions: int
    lines: tuple[DiffLine, ...]


def diff_lines(
    files: Iterable[tuple[str, str, int, int, str | None]],
) -> list[DiffFile]:
    """Return changed files (path, status, additions, deletions, patch) line by line."""
    return [
        DiffFile(path, status, added, deleted, tuple(_lines_of(patch or "")))
        for path, status, added, deleted, patch in files
    ]


def _lines_of(patch: str) -> Iterator[DiffLine]:
    old = new = 0
    for line in filter(None, patch.split("\n")):
        if line.startswith("@@"):
            old, new = (
                int(word.lstrip("+-").split(",")[0]) for word in line.split()[1:3]
            )
            yield DiffLine("hunk", "", "", line)
        elif line.startswith("+"):
            yield DiffLine("added", "", str(new), line[1:])
            new += 1
        elif line.startswith("-"):
            yield DiffLine("removed", str(old), "", line[1:])
            old += 1
        elif line.startswith("\\"):  # such as "\ No newline at end of file"
            yield DiffLine("hunk", "", "", line)
        else:
            yield DiffLine("same", str(old), str(new), line[1:])
            old, new = old + 1, new + 1


def path_of(thread: Thread) -> str:
    """Return the path of a thread's page."""
    kind = "issues" if thread.pull is None else "pull"
    return f"/{thread.repository.full_name}/{kind}/{thread.number}"


def icon_of(thread: Thread) -> str:
    """Return the name of the icon that shows kind and state."""
    if thread.pull is None:
        if thread.is_open:
            return "issue-open"
        return "issue-done" if thread.state_reason == "completed" else "issue-dropped"
    if thread.pull.is_merged:
        return "pull-merged"
    if not thread.is_open:
        return "pull-closed"
    return "pull-draft" if thread.pull.is_draft else "pull-open"


def avatar(user: User) -> str:
    """Return the picture of an account."""
    if is_bot(user):
        return BOT_AVATAR
    return AVATARS.get(user.login, user.login[:1].upper())


def is_bot(user: User) -> bool:
    """Return whether the account is an app's."""
    return user.type is UserType.BOT or user.login.endswith("[bot]")


def shown_login(user: User) -> str:
    """Return the name as GitHub shows it: apps without ``[bot]``."""
    return user.login.removesuffix("[bot]")


def stamp(at: datetime) -> Markup:
    """Return an instant as an element that the page's script makes relative."""
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(), f"{at:%d %b %Y %H:%M} UTC"
    )


def pretty(value: object) -> str:
    """Return JSON to read, cut where it gets too long."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if len(text) > SHOWN_CHARACTERS:
        return text[:SHOWN_CHARACTERS] + "\n…"
    return text
