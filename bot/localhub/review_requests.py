"""Who is asked for a review of a pull request, and whom GitHub does not ask."""

from collections.abc import Sequence

from bot.localhub.accounts import Team, User, UserType
from bot.localhub.errors import GitHubError
from bot.localhub.pull_requests import PullRequests
from bot.localhub.pulls import pull_of
from bot.localhub.state import Repository, Thread

AUTHOR = "Review cannot be requested from pull request author."
OUTSIDER = (
    "Reviews may only be requested from collaborators. One or more of the users or"
    " teams you specified is not a collaborator of the {} repository."
)
UNSEEN = "Could not resolve to a node with the global id of '{}'."


class ReviewRequests(PullRequests):
    """Requests of reviews."""

    def request_review(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        reviewers: Sequence[str] = (),
        teams: Sequence[str] = (),
        sees_teams: bool = True,
    ) -> None:
        """Ask people and teams (slugs) for a review.

        Nobody is asked, and 422 raised, if one of them is the author, no collaborator, or
        a team that whoever asks may not see. Apps and logins that nobody has are left out
        in silence.
        """
        thread, actor = self.pull_request(repository, number), self.user(login)
        pull, found = pull_of(thread), thread.repository
        self.require(actor, found, "triage")
        users = self._reviewers(thread, reviewers)
        asked = [self._team(found, slug, is_seen=sees_teams) for slug in teams]
        for user in [u for u in users if u not in pull.requested_reviewers]:
            pull.requested_reviewers.append(user)
            self._tell("review_requested", actor, thread, user)
        for team in [t for t in asked if t not in pull.requested_teams]:
            pull.requested_teams.append(team)
            self._tell("review_requested", actor, thread, team)

    def remove_review_request(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        reviewers: Sequence[str] = (),
        teams: Sequence[str] = (),
    ) -> None:
        """Take review requests back."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        pull = pull_of(thread)
        self.require(actor, thread.repository, "triage")
        people = {name.lower() for name in reviewers}
        slugs = {slug.lower() for slug in teams}
        for user in [u for u in pull.requested_reviewers if u.login.lower() in people]:
            pull.requested_reviewers.remove(user)
            self._tell("review_request_removed", actor, thread, user)
        for team in [t for t in pull.requested_teams if t.slug in slugs]:
            pull.requested_teams.remove(team)
            self._tell("review_request_removed", actor, thread, team)

    def _reviewers(self, thread: Thread, logins: Sequence[str]) -> list[User]:
        known = [user for login in logins if (user := self.state.user(login))]
        people = [user for user in known if user.type is UserType.USER]
        if thread.author in people:
            raise GitHubError(422, AUTHOR)
        found = thread.repository
        allowed = self._assignable(found, [user.login for user in people])
        if len(allowed) != len(people):
            raise GitHubError(422, OUTSIDER.format(found.full_name))
        return people

    def _team(self, repository: Repository, slug: str, *, is_seen: bool) -> Team:
        found = self.state.teams.get((repository.owner.login.lower(), slug.lower()))
        if found is None:
            raise GitHubError(422, OUTSIDER.format(repository.full_name))
        if not is_seen:
            texts = (UNSEEN.format(f"T_{found.id}"),)
            raise GitHubError(422, "Validation Failed", texts=texts)
        return found

    def _tell(self, action: str, actor: User, thread: Thread, who: User | Team) -> None:
        if isinstance(who, Team):
            self.tell(thread, action, actor, who.slug)
            shape = {"requested_team": self.payloads.webhook_team(who)}
        else:
            self.tell(thread, action, actor, who.login)
            shape = {"requested_reviewer": self.payloads.user(who)}
        self.announce_thread(action, actor, thread, **shape)
