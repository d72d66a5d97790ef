"""What people and the app do on issues, and on pull requests as far as they are the same."""

import re
from collections.abc import Iterable, Sequence

from bot.localhub.accounts import User, UserType
from bot.localhub.errors import archived, forbidden, invalid, not_found
from bot.localhub.setup import Setup
from bot.localhub.state import (
    COMMENT_LIMIT,
    REACTIONS,
    Comment,
    Edit,
    Label,
    Milestone,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    Thread,
)

BOX = re.compile(r"^(\s*(?:[-*+]|[0-9]+[.)])\s+\[)([ xX])(\]\s.*)$")
FENCE = re.compile(r"^\s{0,3}(```|~~~)")
ASSIGNEE_LIMIT = 10
STATE_REASONS = ("completed", "not_planned", "duplicate", "reopened")


class Threads(Setup):
    """Comments, labels, assignees, states and relations of threads."""

    def open_issue(
        self,
        login: str,
        repository: str,
        title: str,
        body: str = "",
        *,
        labels: Sequence[str] = (),
        assignees: Sequence[str] = (),
        milestone: int | None = None,
    ) -> Thread:
        """Return a new issue."""
        author, found = self.user(login), self.repository(repository)
        thread = self.new_thread(found, author, title, body)
        thread.labels = [self.add_label(repository, name) for name in labels]
        thread.assignees = self._assignable(found, assignees)
        if milestone is not None:
            thread.milestone = self._milestone(found, milestone)
        self.announce_thread("opened", author, thread)
        for label in thread.labels:
            self.announce_thread(
                "labeled", author, thread, label=self.payloads.label(found, label)
            )
        for user in thread.assignees:
            self.announce_thread(
                "assigned", author, thread, assignee=self.payloads.user(user)
            )
        return thread

    def new_thread(
        self, repository: Repository, author: User, title: str, body: str
    ) -> Thread:
        """Return a thread with the repository's next number, without telling anybody."""
        if not title.strip():
            raise invalid(resource="Issue", field="title", code="missing_field")
        check_body(body, "Issue")
        if repository.is_archived:
            raise archived()
        repository.last_number += 1
        now = self.now()
        thread = Thread(
            self.state.next_id(), repository, repository.last_number, author,
            title.strip(), body, now, now,
        )  # fmt: skip
        repository.threads[thread.number] = thread
        return thread

    def edit_thread(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
    ) -> Thread:
        """Return the thread with another title or body."""
        thread, actor = self.thread(repository, number), self.user(login)
        self._require_author(actor, thread)
        changes = {}
        if title is not None and title != thread.title:
            changes["title"] = {"from": thread.title}
            thread.title = title
            self.tell(thread, "renamed", actor, title)
        if body is not None and body != thread.body:
            check_body(body, "Issue")
            changes["body"] = {"from": thread.body}
            thread.edits.append(Edit(actor, self.touch(thread), thread.body))
            thread.body = body
        if changes:
            self.announce_thread("edited", actor, thread, changes=changes)
        return thread

    # --- comments

    def comment(self, login: str, repository: str, number: int, body: str) -> Comment:
        """Return a new comment."""
        thread, author = self.thread(repository, number), self.user(login)
        if thread.repository.is_archived:
            raise archived()
        if thread.is_discussion or (
            # What an app may write elsewhere does not count there.
            thread.is_locked
            and (
                author is self.app.bot
                or not self.may(author, thread.repository, "write")
            )
        ):
            raise forbidden(message="Unable to create comment because issue is locked.")
        if len(thread.comments) >= self.most_comments:
            message = "Commenting is disabled on issues with more than 2500 comments"
            raise forbidden(message=message)
        check_body(body, "IssueComment", required=True)
        now = self.touch(thread)
        comment = Comment(self.state.next_id(), thread, author, body, now, now)
        thread.comments.append(comment)
        self._announce_comment("created", author, comment)
        return comment

    def edit_comment(
        self, login: str, repository: str, comment_id: int, body: str
    ) -> Comment:
        """Return the comment with another body."""
        comment, actor = self.find_comment(repository, comment_id), self.user(login)
        self._require_own(actor, comment.author, comment.thread.repository)
        check_body(body, "IssueComment", required=True)
        before = comment.body
        if body == before:
            return comment
        comment.updated_at = self.touch(comment.thread)
        comment.edits.append(Edit(actor, comment.updated_at, before))
        comment.body = body
        self._announce_comment(
            "edited", actor, comment, changes={"body": {"from": before}}
        )
        return comment

    def tick(
        self,
        login: str,
        repository: str,
        comment_id: int,
        box: int | str,
        *,
        checked: bool = True,
    ) -> Comment:
        """Return the comment with a task box ticked, as the browser saves it: with CRLF.

        *box* is its place (0 is the first) or a text of its line.
        """
        comment = self.find_comment(repository, comment_id)
        body = set_box(comment.body, box, checked=checked)
        return self.edit_comment(login, repository, comment_id, body)

    def delete_comment(self, login: str, repository: str, comment_id: int) -> None:
        """Delete a comment."""
        comment, actor = self.find_comment(repository, comment_id), self.user(login)
        self._require_own(actor, comment.author, comment.thread.repository)
        comment.thread.comments.remove(comment)
        self.touch(comment.thread)
        self._announce_comment("deleted", actor, comment)

    def pin_comment(self, login: str, repository: str, comment_id: int) -> Comment:
        """Return the comment, pinned; an issue's earlier pin is gone then."""
        comment, actor = self.find_comment(repository, comment_id), self.user(login)
        thread = comment.thread
        self.require(actor, thread.repository, "triage")
        if thread.pull is not None:
            raise invalid(
                resource="IssueComment",
                field="issue",
                message="Only issue comments can be pinned.",
            )
        if thread.pinned_comment is comment:
            return comment
        if thread.pinned_comment is not None:
            thread.pinned_comment.pinned_at = None
        comment.pinned_at, comment.pinned_by = self.now(), actor
        self.tell(thread, "comment_pinned", actor, str(comment.id))
        self._announce_comment("pinned", actor, comment)
        return comment

    def unpin_comment(self, login: str, repository: str, comment_id: int) -> None:
        """Take the pin off a comment."""
        comment, actor = self.find_comment(repository, comment_id), self.user(login)
        self.require(actor, comment.thread.repository, "triage")
        if comment.pinned_at is None:
            raise not_found()
        comment.pinned_at = comment.pinned_by = None
        self.tell(comment.thread, "comment_unpinned", actor, str(comment.id))
        self._announce_comment("unpinned", actor, comment)

    def react(
        self,
        login: str,
        subject: Comment | Review | ReviewComment | Thread,
        content: str,
    ) -> tuple[Reaction, bool]:
        """Return the reaction and whether it is new. Reactions send no webhook."""
        if content not in REACTIONS:
            raise invalid(resource="Reaction", field="content")
        actor = self.user(login)
        thread = subject if isinstance(subject, Thread) else subject.thread
        if thread.repository.is_archived:
            raise archived()
        for reaction in subject.reactions:
            if reaction.user is actor and reaction.content == content:
                return reaction, False
        reaction = Reaction(self.state.next_id(), actor, content, self.now())
        subject.reactions.append(reaction)
        return reaction, True

    # --- labels, people, milestones

    def label(self, login: str, repository: str, number: int, *names: str) -> None:
        """Put labels on a thread; names that the repository lacks become labels."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        for label in [self.add_label(repository, name) for name in names]:
            if label not in thread.labels:
                thread.labels.append(label)
                self._announce_label("labeled", actor, thread, label)

    def unlabel(self, login: str, repository: str, number: int, *names: str) -> None:
        """Take labels off a thread; raises 404 for one that it does not have."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        for name in names:
            label = thread.repository.label(name)
            if label is None or label not in thread.labels:
                message = not_found()
                message.message = "Label does not exist"
                raise message
            thread.labels.remove(label)
            self._announce_label("unlabeled", actor, thread, label)

    def set_labels(
        self, login: str, repository: str, number: int, names: Iterable[str]
    ) -> None:
        """Leave exactly these labels on a thread."""
        thread = self.thread(repository, number)
        wanted = list(names)
        lowered = {name.lower() for name in wanted}
        gone_ = [x.name for x in thread.labels if x.name.lower() not in lowered]
        self.unlabel(login, repository, number, *gone_)
        self.label(login, repository, number, *wanted)

    def delete_label(self, login: str, repository: str, name: str) -> None:
        """Delete a label: it goes from its threads, which is told without its name."""
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        label = found.label(name)
        if label is None:
            raise not_found()
        found.labels.remove(label)
        for thread in [t for t in found.threads.values() if label in t.labels]:
            thread.labels.remove(label)
            self.tell(thread, "unlabeled", actor, label.name)
            self.announce_thread("unlabeled", actor, thread)

    def rename_label(self, login: str, repository: str, name: str, new: str) -> None:
        """Call a label differently; it stays where it is."""
        found = self.repository(repository)
        self.require(self.user(login), found, "write")
        label = found.label(name)
        if label is None:
            raise not_found()
        label.name = new

    def assign(self, login: str, repository: str, number: int, *logins: str) -> None:
        """Assign people; those who cannot be assigned are passed over, as GitHub does."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        wanted = {name.lower() for name in logins}
        able = self._assignable(thread.repository, logins)
        able += [u for u in thread.participants if u.login.lower() in wanted]
        for user in able:
            if user not in thread.assignees and len(thread.assignees) < ASSIGNEE_LIMIT:
                thread.assignees.append(user)
                self._announce_assignee("assigned", actor, thread, user)

    def assignable(self, repository: Repository) -> list[User]:
        """Return who can be assigned to all items: people with access to the repository."""
        users = self.state.users.values()
        people = [user for user in users if user.type is UserType.USER]
        return self._assignable(repository, [user.login for user in people])

    def unassign(self, login: str, repository: str, number: int, *logins: str) -> None:
        """Unassign people."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        lowered = {name.lower() for name in logins}
        for user in [u for u in thread.assignees if u.login.lower() in lowered]:
            thread.assignees.remove(user)
            self._announce_assignee("unassigned", actor, thread, user)

    def set_milestone(
        self, login: str, repository: str, number: int, milestone: int | None
    ) -> None:
        """Put the thread into a milestone, or into none."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        before = thread.milestone
        after = (
            None if milestone is None else self._milestone(thread.repository, milestone)
        )
        if before is after:
            return
        thread.milestone = after
        for action, found in (("demilestoned", before), ("milestoned", after)):
            if found is not None:
                self.tell(thread, action, actor, found.title)
                shape = self.payloads.milestone(thread.repository, found)
                self.announce_thread(action, actor, thread, milestone=shape)

    # --- states

    def close(
        self, login: str, repository: str, number: int, *, reason: str = "completed"
    ) -> None:
        """Close an issue (with a reason) or a pull request."""
        thread, actor = self.thread(repository, number), self.user(login)
        self._require_author(actor, thread)
        self.close_thread(thread, actor, reason=reason)

    def close_thread(self, thread: Thread, actor: User, *, reason: str) -> None:
        """Close a thread for whatever cause."""
        if thread.pull is None:
            if reason not in STATE_REASONS:
                raise invalid(resource="Issue", field="state_reason")
            thread.state_reason = reason
        if not thread.is_open:
            return
        thread.state = "closed"
        thread.closed_at, thread.closed_by = self.now(), actor
        self.tell(thread, "closed", actor, thread.state_reason or "")
        self.announce_thread("closed", actor, thread)

    def reopen(self, login: str, repository: str, number: int) -> None:
        """Open a closed thread again."""
        thread, actor = self.thread(repository, number), self.user(login)
        self._require_author(actor, thread)
        if thread.is_open:
            return
        if thread.pull is not None and thread.pull.is_merged:
            raise invalid(
                resource="PullRequest",
                field="state",
                message="state cannot be changed.",
            )
        self._require_branches(thread)
        thread.state = "open"
        thread.state_reason = "reopened" if thread.pull is None else None
        thread.closed_at = thread.closed_by = None
        self.tell(thread, "reopened", actor)
        self.announce_thread("reopened", actor, thread)

    def _require_branches(self, thread: Thread) -> None:
        """Raise 422 for a pull request that has lost a branch."""
        pull, here = thread.pull, thread.repository
        places = (
            ((pull.fork or here, pull.head_ref), (here, pull.base_ref)) if pull else ()
        )
        for place, name in places:
            if place.git.resolve(f"refs/heads/{name}") is None:
                message = (
                    f"state cannot be changed. The {name} branch has been deleted."
                )
                raise invalid(
                    resource="PullRequest",
                    field="state",
                    code="custom",
                    message=message,
                )

    def lock(
        self, login: str, repository: str, number: int, *, reason: str | None = None
    ) -> None:
        """Allow comments by collaborators only."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        thread.is_locked, thread.lock_reason = True, reason
        self.tell(thread, "locked", actor, reason or "")
        self.announce_thread("locked", actor, thread)

    def unlock(self, login: str, repository: str, number: int) -> None:
        """Allow comments by everybody again."""
        thread, actor = self.thread(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        thread.is_locked, thread.lock_reason = False, None
        self.tell(thread, "unlocked", actor)
        self.announce_thread("unlocked", actor, thread)

    # --- relations

    def block(self, login: str, blocked: Thread, by: Thread) -> None:
        """Note that one issue waits for another."""
        actor = self.user(login)
        self.require(actor, blocked.repository, "triage")
        if by is blocked or by.pull is not None or blocked.pull is not None:
            raise invalid(resource="IssueDependency", field="issue_id")
        if by in blocked.blocked_by:
            raise invalid(
                resource="IssueDependency", field="issue_id", code="already_exists"
            )
        blocked.blocked_by.append(by)
        by.blocks.append(blocked)
        self.tell(blocked, "blocked_by_added", actor, f"#{by.number}")
        self._announce_dependency("blocked_by_added", actor, blocked, by)

    def unblock(self, login: str, blocked: Thread, by: Thread) -> None:
        """Take the note away again; raises 404 if there is none."""
        actor = self.user(login)
        self.require(actor, blocked.repository, "triage")
        if by not in blocked.blocked_by:
            raise not_found()
        blocked.blocked_by.remove(by)
        by.blocks.remove(blocked)
        self.tell(blocked, "blocked_by_removed", actor, f"#{by.number}")
        self._announce_dependency("blocked_by_removed", actor, blocked, by)

    def add_sub_issue(
        self, login: str, parent: Thread, child: Thread, *, replace: bool = False
    ) -> None:
        """Make one issue a part of another."""
        actor = self.user(login)
        self.require(actor, parent.repository, "triage")
        if child is parent or child.pull is not None or parent.pull is not None:
            raise invalid(resource="SubIssue", field="sub_issue_id")
        if child.parent is not None:
            if not replace:
                raise invalid(
                    resource="SubIssue", field="sub_issue_id", code="already_exists"
                )
            self.remove_sub_issue(login, child.parent, child)
        child.parent = parent
        parent.sub_issues.append(child)
        self.tell(parent, "sub_issue_added", actor, f"#{child.number}")
        self.tell(child, "parent_issue_added", actor, f"#{parent.number}")
        self._announce_sub_issue("sub_issue_added", actor, parent, child)

    def remove_sub_issue(self, login: str, parent: Thread, child: Thread) -> None:
        """Take a part out of an issue; raises 404 if it is none."""
        actor = self.user(login)
        self.require(actor, parent.repository, "triage")
        if child.parent is not parent:
            raise not_found()
        child.parent = None
        parent.sub_issues.remove(child)
        self.tell(parent, "sub_issue_removed", actor, f"#{child.number}")
        self._announce_sub_issue("sub_issue_removed", actor, parent, child)

    # --- parts

    def _announce_comment(
        self, action: str, actor: User, comment: Comment, **parts: object
    ) -> None:
        thread = comment.thread
        self.announce(
            "issue_comment", action, actor, thread.repository,
            issue=self.payloads.webhook_issue(thread),
            comment=self.payloads.comment(comment),
            **parts,
        )  # fmt: skip

    def _announce_label(
        self, action: str, actor: User, thread: Thread, label: Label
    ) -> None:
        self.tell(thread, action, actor, label.name)
        shape = self.payloads.label(thread.repository, label)
        self.announce_thread(action, actor, thread, label=shape)

    def _announce_assignee(
        self, action: str, actor: User, thread: Thread, user: User
    ) -> None:
        self.tell(thread, action, actor, user.login)
        shape = self.payloads.user(user)
        self.announce_thread(action, actor, thread, assignee=shape)

    def _announce_dependency(
        self, action: str, actor: User, blocked: Thread, by: Thread
    ) -> None:
        self.announce(
            "issue_dependencies", action, actor, blocked.repository,
            blocked_issue_id=blocked.id,
            blocked_issue=self.payloads.issue(blocked),
            blocking_issue_id=by.id,
            blocking_issue=self.payloads.issue(by),
            blocking_issue_repo=self.payloads.minimal_repository(by.repository),
        )  # fmt: skip

    def _announce_sub_issue(
        self, action: str, actor: User, parent: Thread, child: Thread
    ) -> None:
        self.announce(
            "sub_issues", action, actor, parent.repository,
            sub_issue_id=child.id,
            sub_issue=self.payloads.issue(child),
            sub_issue_repo=self.payloads.minimal_repository(child.repository),
            parent_issue_id=parent.id,
            parent_issue=self.payloads.issue(parent),
        )  # fmt: skip

    def _require_own(self, actor: User, author: User, repository: Repository) -> None:
        self.require(actor, repository, "read" if actor is author else "write")

    def _require_author(self, actor: User, thread: Thread) -> None:
        role = "read" if actor is thread.author else "triage"
        self.require(actor, thread.repository, role)

    def _assignable(self, repository: Repository, logins: Iterable[str]) -> list[User]:
        users = (self.state.user(login) for login in logins)
        return [
            user
            for user in users
            if user is not None
            and (user is repository.owner or user.login in repository.roles)
        ]

    def _milestone(self, repository: Repository, number: int) -> Milestone:
        found = repository.milestone(number)
        if found is None:
            raise invalid(resource="Issue", field="milestone")
        return found


def check_body(body: str, resource: str, *, required: bool = False) -> None:
    """Raise 422 for a body that is blank or too long."""
    if required and not body.strip():
        raise invalid(
            resource=resource,
            field="data",
            code="unprocessable",
            message="Body cannot be blank",
        )
    if len(body) > COMMENT_LIMIT:
        message = f"Body is too long (maximum is {COMMENT_LIMIT} characters)"
        raise invalid(
            resource=resource, field="data", code="unprocessable", message=message
        )


def set_box(body: str, box: int | str, *, checked: bool) -> str:
    """Return the body with one task box changed and CRLF line ends; raises 422."""
    lines = body.replace("\r\n", "\n").split("\n")
    place, fenced = -1, False
    for index, line in enumerate(lines):
        fenced ^= FENCE.match(line) is not None
        found = BOX.match(line)
        if fenced or found is None:
            continue
        place += 1
        if place == box or (isinstance(box, str) and box in line):
            lines[index] = f"{found[1]}{'x' if checked else ' '}{found[3]}"
            return "\r\n".join(lines)
    raise invalid(resource="IssueComment", field="body", message=f"no box {box!r}")
