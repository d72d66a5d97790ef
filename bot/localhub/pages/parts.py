"""What a thread's page is made of: an open page is told which of its parts changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from bot.localhub import pulls
from bot.localhub.accounts import User, UserType
from bot.localhub.display import (
    Entry,
    icon_of,
    path_of,
    timeline,
)
from bot.localhub.markdown import Context, Target, render
from bot.localhub.pages.frame import Frame
from bot.localhub.pages.merge_box import merge_box
from bot.localhub.state import Repository, Review, ReviewComment, Thread, ThreadEvent


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page that is replaced as a whole when it changes."""

    id: str
    html: Markup

    @property
    def digest(self) -> str:
        """A short hash of what is shown."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:16]


Place = tuple[str, str, str]
"""A line of a diff: its file, the side and the number there; both empty: the file."""

Slots = dict[str, list[Part]]
"""The parts of a page by the place where they stand."""


class Parts(Frame):
    """The parts of the pages of threads."""

    def _news(
        self, request: web.Request, known: dict[str, str]
    ) -> dict[str, list[dict[str, str]]] | None:
        """Return all parts in their order, with HTML where the reader lacks it.

        None if the reader knows everything.
        """
        slots = self._slots(request, self._thread(request))
        now = {part.id: part.digest for parts in slots.values() for part in parts}
        if now == known:
            return None
        news = {
            slot: [
                {"id": part.id, "digest": part.digest}
                | ({} if known.get(part.id) == part.digest else {"html": part.html})
                for part in parts
            ]
            for slot, parts in slots.items()
        }
        known.clear()
        known.update(now)
        return news

    def _slots(self, request: web.Request, thread: Thread) -> Slots:
        viewer = self._hub.user(self._login(request))
        context = self._context(thread.repository)
        common = {"thread": thread, "viewer": viewer, "repository": thread.repository}

        def part(id_: str, template: str, **values: Any) -> Part:
            return Part(id_, self._render(f"parts/{template}", **common, **values))

        slots: Slots = {
            "head": [part("head", "head.html")],
            "timeline": [
                self._entry(entry, viewer, context, common)
                for entry in timeline(thread)
            ],
            "actions": [part("actions", "actions.html")],
            "list": [
                part("list", "list.html", threads=thread.repository.visible_threads())
            ],
            "counts": [
                part(
                    "counts",
                    "counts.html",
                    webhooks=len(self._hub.webhooks.deliveries),
                    requests=len(self._hub.log),
                    dashboard_url=self._dashboard_url,
                )
            ],
            "side": [
                part("labels", "labels.html"),
                part(
                    "budget",
                    "budget.html",
                    window=self._hub.limits.window(self._client(), "core"),
                ),
                part(
                    "faults",
                    "faults.html",
                    outage=bool(self._hub.faults.active()),
                    hooks=self._hub.webhooks.faults,
                    can_restart=self._restart_bot is not None,
                ),
            ],
        }
        if thread.pull is not None:
            slots["merge"] = [
                part(
                    "merge",
                    "merge.html",
                    box=merge_box(thread, app_id=self._hub.app.id),
                    teams=[
                        team
                        for (owner, _), team in self._hub.state.teams.items()
                        if owner == thread.repository.owner.login.lower()
                    ],
                )
            ]
        return slots

    def _entry(
        self,
        entry: "Entry",
        viewer: User,
        context: Context,
        common: dict[str, Any],
    ) -> Part:
        subject = entry.subject
        values = common | {"entry": entry, "subject": subject}
        if isinstance(subject, ThreadEvent):
            return Part(entry.id, self._render("parts/event.html", **values))
        thread = entry.thread
        may_edit = subject.author is viewer or self._hub.may(
            viewer, thread.repository, "write"
        )
        html = render(
            subject.body, context, boxes=may_edit and not isinstance(subject, Review)
        )
        line_comments = []
        if isinstance(subject, Review) and thread.pull is not None:
            line_comments = [
                (comment, render(comment.body, context))
                for comment in thread.pull.review_comments
                if comment.review is subject
            ]
        values |= {"html": html, "line_comments": line_comments}
        return Part(entry.id, self._render("parts/comment.html", **values))

    def _said(
        self, thread: Thread
    ) -> Mapping[Place, list[tuple[ReviewComment, Markup]]]:
        """Return the comments on lines of a pull request, with their HTML."""
        context = self._context(thread.repository)
        found: dict[Place, list[tuple[ReviewComment, Markup]]] = {}
        for comment in pulls.pull_of(thread).review_comments:
            line = (comment.side, str(comment.line)) if comment.line else ("", "")
            place = (comment.path, *line)
            html = render(comment.body, context)
            found.setdefault(place, []).append((comment, html))
        return found

    def _context(self, repository: Repository) -> Context:
        targets = tuple(
            Target(t.number, t.title, icon_of(t), path_of(t))
            for t in repository.visible_threads()
        )
        logins = frozenset(
            user.login.lower()
            for user in self._hub.state.users.values()
            if user.type is UserType.USER
        )
        return Context(repository.full_name, self._hub.html_url, targets, logins)
