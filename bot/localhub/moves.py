"""How an issue goes away: deleted, transferred, converted to a discussion."""

from bot.localhub.errors import invalid
from bot.localhub.state import Thread
from bot.localhub.threads import Threads


class Moves(Threads):
    """Issues that leave their place for good."""

    def delete_issue(self, login: str, repository: str, number: int) -> None:
        """Delete an issue; its number stays taken and answers 410."""
        thread, actor = self._issue(repository, number), self.user(login)
        self.require(actor, thread.repository, "admin")
        self.announce_thread("deleted", actor, thread)
        thread.is_deleted = True
        self.state.unrelate(thread)

    def transfer_issue(
        self, login: str, repository: str, number: int, to: str
    ) -> Thread:
        """Return the issue in another repository of the account, with another number.

        Its old address leads there, the addresses below it nowhere. It keeps what the
        other repository knows as well: labels and milestone by name, collaborators.
        https://docs.github.com/en/issues/tracking-your-work-with-issues/administering-issues/transferring-an-issue-to-another-repository
        """
        thread, actor = self._issue(repository, number), self.user(login)
        old, new = thread.repository, self.repository(to)
        self.require(actor, old, "write")
        self.require(actor, new, "write")
        if new is old or new.owner is not old.owner:
            raise invalid(resource="Issue", field="repository")
        before = self.payloads.webhook_issue(thread)
        new.last_number += 1
        old.moved[number] = old.threads.pop(number)
        new.threads[new.last_number] = thread
        thread.repository, thread.number = new, new.last_number
        thread.id = self.state.next_id()
        found = (new.label(label.name) for label in thread.labels)
        thread.labels = [label for label in found if label is not None]
        thread.assignees = self._assignable(new, [u.login for u in thread.assignees])
        title = thread.milestone.title if thread.milestone else None
        thread.milestone = next((m for m in new.milestones if m.title == title), None)
        self.tell(thread, "transferred", actor, f"{old.full_name}#{number}")
        after = self.payloads.webhook_issue(thread)
        places = [self.payloads.minimal_repository(r) for r in (old, new)]
        self.announce(
            "issues", "transferred", actor, old,
            issue=before, changes={"new_issue": after, "new_repository": places[1]},
        )  # fmt: skip
        self.announce(
            "issues", "opened", actor, new,
            issue=after, changes={"old_issue": before, "old_repository": places[0]},
        )  # fmt: skip
        return thread

    def convert_to_discussion(self, login: str, repository: str, number: int) -> None:
        """Turn an issue into a discussion.

        The issue stays, closed and locked; nobody can comment on it, unlocked or not.
        The app hears of both, of the discussion only if it asked for those events.
        """
        thread, actor = self._issue(repository, number), self.user(login)
        self.require(actor, thread.repository, "triage")
        self.close_thread(thread, actor, reason="completed")
        self.lock(login, repository, number)
        self.tell(thread, "converted_to_discussion", actor)
        thread.is_discussion = True

    def _issue(self, repository: str, number: int) -> Thread:
        """Return an issue; raises 404, 410, and 422 for a pull request."""
        thread = self.thread(repository, number)
        if thread.pull is not None:
            raise invalid(
                resource="Issue", field="number", message="pull requests stay"
            )
        return thread
