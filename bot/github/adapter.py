"""GitHub as the rest of the bot gets it: opened once, by ``bot.app``."""

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from aiohttp import ClientSession

from bot.core.command.syntax import Search
from bot.core.command.trigger import Sender
from bot.core.model import (
    Comment,
    InstallationId,
    ItemFacts,
    ItemNumber,
    Permit,
    Reference,
    Repository,
    Request,
    Role,
)
from bot.core.plan.sources import Gone, Place, Source
from bot.core.review.facts import ReviewFacts
from bot.core.run.retry import delay_seconds
from bot.core.say import findings
from bot.core.say.problems.github import KeyRefused
from bot.core.world.budget import DEFAULT_RESERVE, Reserve
from bot.core.world.features import Feature
from bot.core.world.job_logs import JobLogOf
from bot.core.world.permissions import Grants, not_granted
from bot.core.world.pulls import PullRequest
from bot.core.world.questions import Question
from bot.core.world.redaction import Secrets
from bot.core.world.runs import WorkflowNow
from bot.errors import NotFound, Refused, TransientError, Unauthorized
from bot.github import (
    activities,
    comments,
    examined,
    files,
    repositories,
    runs,
    searches,
)
from bot.github.app import App
from bot.github.auth import AppCredentials, InstallationTokens
from bot.github.client import Client, Random, open_session
from bot.github.deliveries import GitHubDeliveries
from bot.github.effects import GitHubEffects
from bot.github.facts import Facts
from bot.github.job_logs import lines_of
from bot.github.large_files import LargeFileUploads
from bot.github.ledger import Keep, Ledger, Pace
from bot.github.line import awaited
from bot.github.older import Asked
from bot.github.people import GitHubPeople
from bot.github.questions import answers
from bot.github.rules import BranchRules, with_rulesets
from bot.github.signed_commits import GitHubSignedCommits
from bot.github.time import GitHubTime
from bot.ports.clock import Clock
from bot.ports.examined import Finding, State
from bot.ports.github import NOW, Budget, RepositoryFacts
from bot.ports.people import Account
from bot.ports.store import Held

MOST_WAIT_SECONDS = 60.0
"""How long the start waits at most before GitHub is asked again."""

KEY_TRIES = 4
"""How often the key is shown at the start before it counts as wrong."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """What it takes to speak to GitHub as the app."""

    app_id: str  # or the client id
    private_key: str = field(repr=False)  # PEM
    api_url: str = "https://api.github.com"
    reserve: Reserve = DEFAULT_RESERVE
    write_interval_seconds: float = 1.0  # 0: no pace at all, for servers of one's own
    bots: Mapping[str, Role] = field(default_factory=dict)  # lower case → its role
    proxy: str = field(
        default="", repr=False
    )  # the way to it, which may have a password


class GitHubReader:
    """The port ``GitHub``."""

    def __init__(
        self,
        client: Client,
        app: App,
        rules: BranchRules,
        *,
        bots: Mapping[str, Role] | None = None,
    ) -> None:
        self._client = client
        self._app = app
        self._rules = rules
        self._bots = bots or {}
        self._facts = Facts()
        self._asked = Asked()

    async def role(
        self, repository: Repository, login: str, permits: Sequence[Permit] = ()
    ) -> Role:
        """Return the person's role at this moment; of a bot, what the operator gave it.

        Whoever is in a team of each of *permits* counts as having the roles of all.
        """
        given = self._bots.get(login.lower())
        if given is not None:
            return given
        connection = self._client.installation(repository.installation_id)
        role = await repositories.role(connection, repository, login)
        return await repositories.lifted(connection, repository, login, role, permits)

    async def role_of(self, repository: Repository, account: Account) -> Role:
        """Return an account's role at this moment; none for somebody else's login."""
        connection = self._client.installation(repository.installation_id)
        return await repositories.role_of(connection, repository, account)

    async def file(self, repository: Repository, place: Place) -> Source | None:
        """Return a file that the installation may read; None if it sees none."""
        connection = self._client.installation(repository.installation_id)
        return await files.read(connection, place)

    async def may_be_asked(self, repository: Repository, name: str) -> bool:
        """Return whether somebody, or a team, can be asked for reviews."""
        connection = self._client.installation(repository.installation_id)
        return await repositories.may_be_asked(connection, repository, name)

    async def proposed(
        self,
        repository: Repository,
        sha: str,
        *,
        number: ItemNumber | None = None,
        base_sha: str = "",
    ) -> Source | Gone | None:
        """Return the configuration of a commit, if a pull request changes it."""
        connection = self._client.installation(repository.installation_id)
        found = await files.at_commit(connection, repository, sha, base_sha)
        if found is None or number is None:
            return found
        is_changed = await files.is_changed(connection, repository, number)
        return found if is_changed else None

    async def pushed_by(self, repository: Repository, branch: str) -> Sender | None:
        """Return who brought the configuration as it is onto a branch."""
        connection = self._client.installation(repository.installation_id)
        return await activities.pushed_by(connection, repository, branch)

    async def facts(
        self, repository: Repository, numbers: Sequence[ItemNumber]
    ) -> tuple[RepositoryFacts, Mapping[ItemNumber, ItemFacts]]:
        """Return the facts of the items, 50 a query; unknown numbers are left out."""
        connection = self._client.installation(repository.installation_id)
        try:
            found = await self._facts.of_repository(connection, repository, numbers)
        except NotFound:
            # Another one may have its name by now: the id is what lasts.
            now = await repositories.present(connection, repository)
            found = await self._facts.of_repository(connection, now, numbers)
        self._client.labels.tell(repository, found[1])
        return found

    def heard(self, payload: Mapping[str, Any]) -> None:
        """Take note of what a delivery tells, so that nobody has to ask for it."""
        self._client.labels.deliver(payload)
        match payload:
            case {
                "repository": {"full_name": str(name)},
                "installation": {"id": int(number)},
            }:
                connection = self._client.installation(InstallationId(number))
                connection.forget_rename(name)
            case _:
                pass

    async def select(
        self, repository: Repository, search: Search, *, limit: int
    ) -> Sequence[ItemNumber]:
        """Return the open issues and pull requests for which all filters hold."""
        connection = self._client.installation(repository.installation_id)
        return await searches.select(connection, repository, search, limit=limit)

    async def repository_named(self, name: str) -> Repository:
        """Return a repository that the app is installed on. Raises ``NotFound``."""
        path = "/repos/{+repository}"
        covering = await self._client.app.get(f"{path}/installation", repository=name)
        installation_id = InstallationId(int(covering["id"]))
        connection = self._client.installation(installation_id)
        about = await connection.get(path, repository=name)
        return Repository(int(about["id"]), str(about["full_name"]), installation_id)

    async def workflow(self, repository: Repository, file: str) -> WorkflowNow:
        """Return a workflow as the default branch has it."""
        connection = self._client.installation(repository.installation_id)
        return await runs.workflow(connection, repository, file)

    async def labels(self, repository: Repository) -> Mapping[str, int]:
        """Return the repository's labels with the count of open items of each."""
        connection = self._client.installation(repository.installation_id)
        return await repositories.labels(connection, repository)

    async def has_branch(self, repository: Repository, branch: str) -> bool:
        """Return whether the repository has a branch of exactly that name."""
        connection = self._client.installation(repository.installation_id)
        return await repositories.has_branch(connection, repository, branch)

    async def milestones(self, repository: Repository) -> Mapping[str, int]:
        """Return its milestones with the count of open items of each."""
        connection = self._client.installation(repository.installation_id)
        return await repositories.milestones(connection, repository)

    async def references(
        self, installation_id: InstallationId, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        """Return facts of items of any repository that the installation can see."""
        connection = self._client.installation(installation_id)
        return await self._facts.of_references(connection, references)

    async def ask(
        self, questions: Sequence[Question[Any]]
    ) -> Mapping[Question[Any], Any]:
        """Return the answers to questions about one repository."""
        repository = questions[0].repository
        connection = self._client.installation(repository.installation_id)
        logs = [one for one in questions if isinstance(one, JobLogOf)]
        of_runs = [one for one in questions if isinstance(one, runs.RunQuestion)]
        others = [
            q for q in questions if not isinstance(q, JobLogOf | runs.RunQuestion)
        ]
        found = await answers(
            connection, repository, others, app=self._app, has=self._asked
        )
        told: dict[Question[Any], Any] = {
            question: await self._with_rules(repository, answer)
            for question, answer in found.items()
        }
        for asked in of_runs:
            if (answer := await runs.answer_to(connection, asked)) is not None:
                told[asked] = answer
        for one in logs:
            told[one] = await lines_of(connection, repository, one.job_id)
        return told

    async def _with_rules(self, repository: Repository, answer: Any) -> Any:
        if isinstance(answer, ReviewFacts):
            return replace(answer, pull=await self._with_rules(repository, answer.pull))
        if not isinstance(answer, PullRequest):
            return answer
        rulesets = await self._rules.of(repository, answer.base_branch)
        return replace(answer, rules=with_rulesets(answer.rules, rulesets))

    async def learn_budget(self, installation_id: InstallationId) -> None:
        """Ask what is left, at no cost, so that a start does not begin blind."""
        connection = self._client.installation(installation_id)
        try:
            answer = await connection.get("/rate_limit")
        except NotFound:
            return  # an Enterprise server without limits
        self._client.ledger.account(installation_id).learn(answer["resources"])

    async def probe(self, installation_id: InstallationId) -> None:
        """Ask what costs nothing: a good answer ends an outage, any other one raises."""
        if self._client.ledger.refuses_key:
            await self._client.app.get("/app")
        await self.learn_budget(installation_id)

    async def grants(self, installation_id: InstallationId) -> Grants | None:
        """Return what an installation grants; None while GitHub has not told."""
        levels = self._client.tokens.granted.get(installation_id)
        if not levels:
            return None
        if not not_granted(levels):
            return Grants(levels)
        # A token knows what had been granted when it was made.
        found = await self._client.app.get(
            "/app/installations/{id}", id=installation_id
        )
        if found["permissions"] != levels:
            self._client.tokens.forget(installation_id)
        return Grants(found["permissions"], str(found["html_url"]))

    async def said(
        self, repository: Repository, thread: ItemNumber, comment: Comment
    ) -> str | None:
        """Return what a comment says at this moment, None if it is gone."""
        connection = self._client.installation(repository.installation_id)
        return await comments.said(connection, repository, thread, comment)

    async def is_answered(self, request: Request, *, since: datetime) -> bool:
        """Return whether the app has dealt with a comment, by what stands on GitHub."""
        connection = self._client.installation(request.repository.installation_id)
        return await comments.is_answered(
            connection, request, app=self._app, since=since
        )

    async def check_access(
        self, repository: Repository, *, within: timedelta = NOW
    ) -> None:
        """Raise ``AppUnavailable`` unless the app may work there, or could a while ago."""
        await self._client.tokens.check_access(repository, within=within)

    def lacks(self, repository: Repository) -> frozenset[Feature]:
        """Return what the server was found to lack so far, without a request."""
        fields = {"blockedBy": Feature.DEPENDENCIES, "subIssues": Feature.SUB_ISSUES}
        found = {fields[name] for name in self._facts.missing & fields.keys()}
        if repository.id in self._client.unpinnable:
            found.add(Feature.PINS)
        found |= self._asked.lacks
        return frozenset(found)

    def budget(self, installation_id: InstallationId) -> Budget:
        """Return the ledger's present state, without a request."""
        ledger = self._client.ledger
        outage = ledger.outage(installation_id)
        return replace(ledger.account(installation_id).budget(), outage=outage)

    def requests_fit(self, installation_id: InstallationId) -> int:
        """Return how many requests of item work fit before the reset."""
        return self._client.ledger.account(installation_id).room()

    def spent(self, meter: str) -> int:
        """Return the requests charged to *meter* so far."""
        return self._client.ledger.spent(meter)

    def metered(self, *meters: str) -> AbstractContextManager[None]:
        """Charge the requests made inside to each of *meters*."""
        return self._client.ledger.metered(*meters)

    def first(
        self, installation_id: InstallationId, key: str
    ) -> AbstractContextManager[None]:
        """Let what is asked inside go first once it has had to wait."""
        return self._client.ledger.account(installation_id).precedence.first(key)

    def awaited(self) -> AbstractContextManager[None]:
        """Let what is asked inside go first: a person waits for it."""
        return awaited()


@dataclass(frozen=True, slots=True)
class GitHubAdapter:
    """The ports that ``bot.github`` fills, and who the app is."""

    github: GitHubReader
    effects: GitHubEffects
    people: GitHubPeople
    large_files: Callable[[Callable[[Repository], str]], LargeFileUploads]
    signed_commits: GitHubSignedCommits
    tokens: InstallationTokens
    deliveries: GitHubDeliveries
    app: App
    installations: int
    ledger: Ledger
    clock: Clock

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said of GitHub now, without a request. Never raises."""
        known = findings.app_known(
            self.app.login.removesuffix("[bot]"), self.app.id, self.installations
        )
        return [
            Finding("app", State.FINE, *known),
            *examined.of_ledger(self.ledger, self.clock.now()),
            *examined.of_grants(self.tokens.granted),
        ]

    @property
    def login(self) -> str:
        """The app's login, such as ``batch-bot[bot]``."""
        return self.app.login

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: GitHubSettings,
        clock: Clock,
        random: Random,
        *,
        holds: Mapping[InstallationId, Held] | None = None,
        keep: Keep = lambda _installation_id, _held: None,
        secrets: Secrets | None = None,
    ) -> AsyncIterator["GitHubAdapter"]:
        """Open the way to GitHub, ask who the app is, and close at the end.

        Raises ``Refused`` for a key that GitHub does not take.
        """
        way = Way.open(settings, clock, random, holds=holds, keep=keep, secrets=secrets)
        async with way as opened:
            yield await opened.adapter()


@dataclass(frozen=True, slots=True)
class Way:
    """The way to GitHub, before anybody has said who the app is."""

    client: Client
    session: ClientSession
    settings: GitHubSettings
    clock: GitHubTime
    random: Random

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: GitHubSettings,
        clock: Clock,
        random: Random,
        *,
        holds: Mapping[InstallationId, Held] | None = None,
        keep: Keep = lambda _installation_id, _held: None,
        secrets: Secrets | None = None,
    ) -> AsyncIterator["Way"]:
        """Open the session, and close it at the end; nothing is asked.

        *random* returns a fraction between 0 and 1; *holds* is what *keep* was given
        by an earlier process; *secrets* learn the tokens.
        """
        ledger = Ledger(
            clock,
            reserve=settings.reserve,
            pace=Pace(settings.write_interval_seconds),
            keep=keep,
        )
        ledger.go_on(holds or {})
        async with open_session(settings.proxy) as session:
            client = Client(
                session,
                api_url=settings.api_url,
                app=AppCredentials(settings.app_id, settings.private_key, ledger.clock),
                ledger=ledger,
                random=random,
                secrets=secrets,
            )
            yield cls(client, session, settings, ledger.clock, random)

    async def adapter(self, *, was_taken: bool = False) -> GitHubAdapter:
        """Ask GitHub who the app is, and return the ports; wait until it answers.

        Raises ``Refused`` for a key that GitHub does not take. One that *was_taken* once
        is shown again until it is: the refusal may be GitHub's own trouble.
        """
        client, clock = self.client, self.clock
        about = await _about(client, clock, self.random, was_taken=was_taken)
        app = App(id=int(about["id"]), login=f"{about['slug']}[bot]")
        rules = BranchRules(client, clock)
        return GitHubAdapter(
            github=GitHubReader(client, app, rules, bots=self.settings.bots),
            effects=GitHubEffects(client, app),
            people=GitHubPeople(client, login=app.login, api_url=self.settings.api_url),
            large_files=partial(LargeFileUploads, self.session, client),
            signed_commits=GitHubSignedCommits(client, rules),
            tokens=client.tokens,
            deliveries=GitHubDeliveries(client.app),
            app=app,
            installations=int(about.get("installations_count") or 0),
            ledger=client.ledger,
            clock=clock,
        )

    async def examine(self) -> Sequence[Finding]:
        """Return what keeps the bot from starting. Never raises."""
        found = [*examined.of_ledger(self.client.ledger, self.clock.now())]
        if all(one.state is not State.BROKEN for one in found):
            words = findings.not_answered_yet()
            found = [Finding(examined.PART, State.BROKEN, *words)]
        return found


async def _about(
    client: Client, clock: Clock, random: Random, *, was_taken: bool
) -> Any:
    """Return what GitHub says of the app, however long it takes to say anything."""
    for tries in itertools.count(1):
        try:
            return await client.app.get("/app")
        except Unauthorized as error:
            if tries >= KEY_TRIES and not was_taken:
                raise Refused(KeyRefused(str(error)), status=401) from error
            # It may be weather: a key that was just made, a clock that is off.
            log.warning("GitHub refuses the key", error=str(error), tries=tries)
            wait = delay_seconds(tries, random(), most_seconds=MOST_WAIT_SECONDS)
        except Refused as error:
            if not was_taken:
                raise
            log.warning("the start waits for GitHub", error=str(error))
            wait = delay_seconds(tries, random(), most_seconds=MOST_WAIT_SECONDS)
        except TransientError as error:
            log.warning("the start waits for GitHub", error=str(error))
            after = error.retry_after_seconds
            wait = delay_seconds(tries, random(), after, most_seconds=MOST_WAIT_SECONDS)
        await clock.sleep(wait)
    raise AssertionError  # itertools.count does not end
