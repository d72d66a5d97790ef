"""What a review goes by: the pull request, its files, what was said of it before.

https://docs.github.com/graphql/reference/objects#pullrequestreview
https://docs.github.com/rest/pulls/pulls#list-pull-requests-files
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from bot.core.review.facts import (
    Annotation,
    ChangedFile,
    EarlierReview,
    ReviewFacts,
    ReviewFactsOf,
)
from bot.core.world.pulls import PullRequest, PullRequestNow
from bot.errors import Refused
from bot.github.app import App
from bot.github.client import Connection
from bot.github.facts import login_of
from bot.github.older import Asked
from bot.github.pull_now import PullPart, is_app

_FILES = "/repos/{+repository}/pulls/{number}/files{?per_page}"
_COMPARE = "/repos/{+repository}/compare/{head}...{base}"
_EMPTY_BLOBS = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)
"""How git calls an empty file, by SHA-1 and by SHA-256."""

_SUBMODULE = re.compile(
    r"@@ [^@\n]+ @@"
    r"(?:\n-Subproject commit (?P<before>[0-9a-f]{40,64}))?"
    r"(?:\n\+Subproject commit (?P<after>[0-9a-f]{40,64}))?\n?"
)
"""How a submodule that moved is shown in place of its lines."""

_CONFLICTS = {"MERGEABLE": False, "CONFLICTING": True}
_SAID = """
  reviews(last: 100, before: $x{place}) {{
    pageInfo {{ hasPreviousPage startCursor }}
    nodes {{ id url body state isMinimized author {{ __typename login }} commit {{ oid }} }}
  }}
  reviewThreads(first: 100, after: $y{place}) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{
      id isResolved comments(first: 1) {{ nodes {{ pullRequestReview {{ id }} }} }}
    }}
  }}
"""
_TOLD = """
  author { __typename login } title body updatedAt milestone { title }
  labels(first: 100) { nodes { name } } assignees(first: 100) { nodes { login } }
"""
_ANNOTATED = """
  annotated: commits(last: 1) {
    nodes {
      commit {
        statusCheckRollup {
          contexts(first: 100) {
            nodes {
              __typename
              ... on CheckRun {
                name
                annotations(first: 3) {
                  nodes { path message location { start { line } } }
                }
              }
            }
          }
        }
      }
    }
  }
"""


@dataclass(slots=True, eq=False)
class _Said:
    """What was said of a pull request so far, read page by page."""

    app: App
    reviews: list[Mapping[str, Any]] = field(default_factory=list)  # oldest first
    threads: list[Mapping[str, Any]] = field(default_factory=list)
    before: str | None = None
    after: str | None = None

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        """Return what to ask of the pull request, and the variables."""
        return _SAID.format(place=place), {
            f"x{place}": ("String", self.before),
            f"y{place}": ("String", self.after),
        }

    def read(self, pull: Mapping[str, Any]) -> bool:
        """Take an answer in; return whether there is more to ask for.

        Of what has no more, the next page is empty.
        """
        reviews, threads = pull["reviews"] or {}, pull["reviewThreads"] or {}
        self.reviews = [*_nodes(reviews), *self.reviews]
        self.threads += _nodes(threads)
        earlier, later = reviews.get("pageInfo") or {}, threads.get("pageInfo") or {}
        self.before = earlier.get("startCursor") or self.before
        self.after = later.get("endCursor") or self.after
        return bool(earlier.get("hasPreviousPage") or later.get("hasNextPage"))

    @property
    def open_conversations(self) -> int:
        """How many are not resolved."""
        return sum(not one["isResolved"] for one in self.threads)

    def own(self) -> Iterator[EarlierReview]:
        """Yield the app's own reviews, oldest first."""
        threads: dict[str, list[str]] = {}
        for thread in self.threads:
            comments = [] if thread["isResolved"] else _nodes(thread["comments"])
            for comment in comments:
                if of := comment["pullRequestReview"]:
                    threads.setdefault(str(of["id"]), []).append(str(thread["id"]))
        for review in self.reviews:
            if _is_own(review, self.app):
                yield EarlierReview(
                    node_id=str(review["id"]),
                    url=str(review["url"]),
                    commit=str((review["commit"] or {}).get("oid") or ""),
                    mark=review["body"].split("\n", 1)[0].rstrip(),
                    is_hidden=bool(review["isMinimized"]),
                    open_threads=tuple(threads.get(str(review["id"]), ())),
                )


@dataclass(slots=True, eq=False)
class ReviewPart:
    """What a query asks for one review; its files are read after that."""

    question: ReviewFactsOf
    app: App
    has: Asked
    pull: PullPart = field(init=False)
    said: _Said = field(init=False)
    found: ReviewFacts | None = None

    def __post_init__(self) -> None:
        asked = PullRequestNow(self.question.repository, self.question.number)
        self.pull, self.said = PullPart(asked, self.app, self.has), _Said(self.app)

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        """Return what to ask of the repository, and the variables."""
        asked, variables = self.pull.fields(place)
        said, cursors = self.said.fields(place)
        more = f"mergeable changedFiles additions deletions {_TOLD} {said} {_ANNOTATED}"
        asked += f" v{place}: pullRequest(number: $i{place}) {{ {more} }}"
        return asked, {**variables, **cursors}

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        """Take an answer in; return whether there is more to ask for."""
        has_more = self.pull.read(data, place)
        told, pull = data.get(f"v{place}"), self.pull.answer()
        if told is None or pull is None:
            self.said = _Said(self.app)
            return has_more and told is not None
        goes_on = self.said.read(told) or has_more
        open_ = self.said.open_conversations
        self.found = ReviewFacts(
            replace(pull, open_conversations=open_),
            has_conflicts=_CONFLICTS.get(told["mergeable"]),
            files_in_all=int(told["changedFiles"]),
            additions=int(told["additions"]),
            deletions=int(told["deletions"]),
            annotations=dict(_annotations(told)),
            earlier=tuple(self.said.own()),
            is_own=is_app(told["author"] or {}, self.app),
            title=str(told["title"]),
            body=str(told["body"] or ""),
            author=login_of(told["author"]),
            labels=tuple(str(one["name"]) for one in _nodes(told["labels"])),
            assignees=tuple(str(one["login"]) for one in _nodes(told["assignees"])),
            milestone=str((told["milestone"] or {}).get("title") or ""),
            updated_at=str(told["updatedAt"]),
        )
        return goes_on

    async def read_files(self, connection: Connection) -> None:
        """Read the files, and with conflicts those that the base changed too."""
        if self.found is None or self.found.has_conflicts is None:
            return
        name, number = self.question.repository.name, self.question.number
        files: list[ChangedFile] = []
        heads: set[str] = set()
        pages = connection.pages(_FILES, repository=name, number=number, per_page=100)
        try:
            async with aclosing(pages):
                async for entry in pages:
                    files.append(_file(entry))
                    heads.add(entry["contents_url"].rpartition("ref=")[2])
        except Refused:
            # A diff that takes GitHub too long: the review says how many it knows.
            files.clear()
        pull = self.found.pull
        if moved := heads - {pull.head_sha}:
            pull = replace(pull, head_sha=moved.pop())
        both: Sequence[str] = ()
        if self.found.has_conflicts:
            both = await _changed_on_both(connection, name, pull, files)
        self.found = replace(
            self.found, pull=pull, files=tuple(files), changed_on_both=tuple(both)
        )

    def answer(self) -> ReviewFacts | None:
        """Return what is known, None if GitHub does not have the pull request."""
        return self.found


async def _changed_on_both(
    connection: Connection, name: str, pull: PullRequest, files: Sequence[ChangedFile]
) -> list[str]:
    """Return the files that the base changed too since the branch left it."""
    try:
        there = await connection.get(
            _COMPARE, repository=name, head=pull.head_sha, base=pull.base_sha
        )
    except Refused:
        return []  # where the conflicts are is not needed to know that there are some
    on_base = {entry["filename"] for entry in there.get("files") or ()}
    return [f.path for f in files if not on_base.isdisjoint((f.path, f.previous_path))]


def _file(entry: Mapping[str, Any]) -> ChangedFile:
    return ChangedFile(
        path=str(entry["filename"]),
        status=str(entry["status"]),
        additions=int(entry["additions"]),
        deletions=int(entry["deletions"]),
        patch=entry.get("patch"),
        previous_path=str(entry.get("previous_filename") or ""),
        is_empty=entry["sha"] in _EMPTY_BLOBS,
        submodule=_submodule(entry),
    )


def _submodule(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the commits of a submodule: its patch names them, and the entry one.

    The name of a file that merely reads so is that of a blob.
    """
    found = _SUBMODULE.fullmatch(entry.get("patch") or "")
    if found is None or entry["sha"] not in found.groups():
        return None
    return found["before"] or "", found["after"] or ""


def _is_own(review: Mapping[str, Any], app: App) -> bool:
    # What was begun and never submitted nobody else sees.
    return is_app(review["author"] or {}, app) and review["state"] != "PENDING"


def _annotations(
    pull: Mapping[str, Any],
) -> Iterator[tuple[str, tuple[Annotation, ...]]]:
    for node in _nodes(pull["annotated"]):
        rollup = node["commit"]["statusCheckRollup"] or {}
        for check in _nodes(rollup.get("contexts")):
            said = check.get("annotations")
            found = tuple(
                Annotation(
                    str(one["path"]),
                    int(one["location"]["start"]["line"]),
                    str(one["message"]),
                )
                for one in _nodes(said)
            )
            if found:
                yield str(check["name"]), found


def _nodes(connection: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [node for node in (connection or {}).get("nodes") or () if node]
