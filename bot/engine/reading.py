"""Reads a comment: its commands, and all that GitHub has to say about what they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from bot.core.actions.ability import Abilities
from bot.core.actions.spec import of_the_item
from bot.core.command.faults import Unreadable
from bot.core.command.parser import parse_comment
from bot.core.command.syntax import (
    Add,
    Command,
    Freeze,
    RunCommand,
    Selector,
    SubIssues,
    Tasks,
    Term,
    This,
    Unfreeze,
    format_command,
)
from bot.core.command.syntax import Plan as PlanCommand
from bot.core.events import TrackingCommented
from bot.core.model import (
    Asker,
    Batch,
    BatchId,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Reference,
    Repository,
    Request,
)
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.expansion import Away, Known, Wanted
from bot.core.plan.selection import to_be_opened, wanted
from bot.core.plan.texts import open_tasks_in
from bot.core.say import outlook
from bot.core.world.markdown import code_span
from bot.core.world.questions import Assignable, AssignableTo, OpenPullsOf, Question
from bot.core.world.references import host_in
from bot.engine.configured import configured, with_workflows
from bot.engine.elsewhere import Elsewhere
from bot.engine.freezes import asking
from bot.engine.outside import outside, references
from bot.engine.timetables import Timetables
from bot.errors import Refused, TransientError
from bot.ports.github import GitHub, RepositoryFacts
from bot.ports.store import Batches, Freezes

log = structlog.get_logger()

MOST_ROUNDS = 8
"""Rounds of questions to GitHub; a command needs two or three."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Commands that can be read, with what is known of the repository."""

    commands: tuple[Command, ...]
    configuration: RepositoryConfiguration
    about: RepositoryFacts
    known: Known
    notes: tuple[str, ...] = ()  # Markdown: how the commands came
    given_at: datetime | None = None  # when they were written; None: just now

    def not_granted_to_answer(self, request: Request) -> str:
        """Return the permission for want of which nothing can be said in the thread."""
        is_pull_request = request.thread_is_pull_request
        kind = ItemKind.PULL_REQUEST if is_pull_request else ItemKind.ISSUE
        grants = self.known.grants
        return grants.missing(of_the_item(kind)) if grants else ""


class Reader:
    """Asks GitHub what the commands of a comment need, in as few queries as it takes."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        freezes: Freezes,
        slots: int,
        abilities: Abilities,
        elsewhere: Elsewhere,
        timetables: Timetables,
    ) -> None:
        self._timetables = timetables
        self._github = github
        self._batches = batches
        self._freezes = freezes
        self._slots = slots
        self._abilities = abilities
        self.elsewhere = elsewhere

    async def outlook(self, batch: Batch) -> Sequence[str]:
        """Return what merges and updates of a plan would do now, and wait for."""
        asked = outlook.asked(batch)
        if not asked:
            return ()
        try:
            ask = asking(self._github.ask, self._freezes)
            found: dict[Question[Any], Any] = {}
            for place in batch.repositories:
                here = [q for q in asked.values() if q.repository.id == place.id]
                found.update(await ask(here) if here else {})
        except (TransientError, Refused) as error:
            log.info("plan without outlook", error=str(error))
            return (outlook.not_told(),)
        pulls = {item: found.get(question) for item, question in asked.items()}
        lacks = self._github.lacks(batch.request.repository)
        return outlook.outlook(batch, pulls, lacks=lacks)

    async def read(self, request: Request, text: str) -> Reading | Unreadable | None:
        """Return the commands of a comment, what is wrong with them, or None.

        Raises ``ConfigurationError`` if ``.github/batch.yml`` cannot be read.
        """
        # Most repositories add no action: one query answers for the items and for the
        # configuration. Where it adds some, the comment is read again.
        guess = parse_comment(text)
        if guess is None:
            return None
        known = Known(
            repository=request.repository.name,
            this=request.thread,
            host=host_in(request.asker.url),
            asker=request.asker.login,
            why_not=self._abilities.why_not,
            runs_command=self._abilities.runs_command,
        )
        if isinstance(guess, tuple) and not any(map(_asks_github, guess)):
            # A control needs no facts: it must work while GitHub answers little.
            nothing = RepositoryFacts(default_branch="", configuration=None)
            return Reading(guess, RepositoryConfiguration(), nothing, known)
        first = wanted_by(guess, known) if isinstance(guess, tuple) else ()
        about, facts = await self._github.facts(request.repository, first)
        configuration = await configured(self._github, request.repository, about)
        await self._timetables.notice(request.repository, about, configuration)
        names, limits = tuple(configuration.actions), configuration.limits
        commands = parse_comment(text, actions=names, limits=limits)
        if commands is None or isinstance(commands, Unreadable):
            return commands
        known = replace(known, facts={number: facts.get(number) for number in first})
        known = await self._of_repository(
            request.repository, known, about, configuration
        )
        known = await self._complete_all(request, commands, known)
        return Reading(commands, configuration, about, known)

    async def look(
        self, repository: Repository, asker: Asker, numbers: Sequence[ItemNumber]
    ) -> Reading:
        """Return what is known of items, and of what can be done there, for somebody who
        has typed no command.

        Raises ``ConfigurationError`` if ``.github/batch.yml`` cannot be read.
        """
        about, facts = await self._github.facts(repository, numbers)
        configuration = await configured(self._github, repository, about)
        known = Known(
            repository=about.name or repository.name,
            this=ItemNumber(0),  # no thread yet
            host=host_in(asker.url),
            asker=asker.login,
            facts={number: facts.get(number) for number in numbers},
        )
        known = await self._of_repository(repository, known, about, configuration)
        return Reading((), configuration, about, known)

    async def _of_repository(
        self,
        repository: Repository,
        known: Known,
        about: RepositoryFacts,
        configuration: RepositoryConfiguration,
    ) -> Known:
        """Return *known* with what is so for everything in the repository."""
        able = self._abilities.of(about.name or repository.name)
        return replace(
            known,
            why_not=able.why_not,
            runs_command=able.runs_command,
            newest_number=about.newest_number,
            concurrency_limit=self._slots,
            configuration=configuration,
            freezes=await self._freezes.of(repository.id),
            lacks=self._github.lacks(repository),
            grants=await self._github.grants(repository.installation_id),
        )

    async def _complete_all(
        self, request: Request, commands: Sequence[Command], known: Known
    ) -> Known:
        for command in commands:
            if isinstance(command, RunCommand | PlanCommand | Add):
                run = command if isinstance(command, RunCommand) else command.run
                known = await self.complete(request.repository, run, known)
        return known

    async def read_again(
        self, request: Request, text: str, before: Reading
    ) -> Reading | Unreadable | None:
        """Return like ``read``; what was known *before* is not asked for again."""
        configuration = before.configuration
        names, limits = tuple(configuration.actions), configuration.limits
        commands = parse_comment(text, actions=names, limits=limits)
        if commands is None or isinstance(commands, Unreadable):
            return commands
        known = await self._complete_all(request, commands, before.known)
        return replace(before, commands=commands, known=known)

    async def complete(
        self, repository: Repository, run: RunCommand, known: Known
    ) -> Known:
        """Return *known* with everything that *run* asks for."""
        for _ in range(MOST_ROUNDS):
            missing = wanted(run, known)
            if not missing.is_nothing:
                known = await self._ask(repository, missing, known)
                continue
            before, known = known, await self._with_open_pulls(repository, run, known)
            if known is before:
                break
        away = dict(known.away)
        for name, place in known.away.items():
            if isinstance(place, Away):
                there = await self.complete(place.repository, run, place.known)
                away[name] = replace(place, known=there)
        return await self.with_live_items(repository, replace(known, away=away))

    async def _away(self, home: Repository, name: str, known: Known) -> Away | str:
        """Return what is known of another repository, or why none of its items fits."""
        found = await self.elsewhere.look(home, known.asker, name)
        if isinstance(found, str):
            return found
        there = Known(
            repository=found.repository.name,
            home=known.repository,
            this=known.this,
            host=known.host,
            asker=known.asker,
        )
        there = await self._of_repository(
            found.repository, there, found.about, found.configuration
        )
        return Away(found.repository, found.about.default_branch, there)

    async def _with_open_pulls(
        self, there: Repository, run: RunCommand, known: Known
    ) -> Known:
        """Return *known* with the open pull requests of the issues to be worked on."""
        asked = {
            number: OpenPullsOf(there, number)
            for number in to_be_opened(run, known)
            if number not in known.open_pulls
        }
        if not asked:
            return known
        told = await self._github.ask(list(asked.values()))
        found = {number: told.get(question, ()) for number, question in asked.items()}
        return replace(known, open_pulls={**known.open_pulls, **found})

    async def with_live_items(self, repository: Repository, known: Known) -> Known:
        """Return *known* with the items that are live in a batch at this moment."""
        numbers = [n for n, facts in known.facts.items() if facts is not None]
        live = await self._batches.live_items(repository.id, numbers)
        links = {name: await self.link(name, repository) for name in set(live.values())}
        away = dict(known.away)
        for name, place in known.away.items():
            if isinstance(place, Away):
                there = await self.with_live_items(place.repository, place.known)
                away[name] = replace(place, known=there)
        return replace(known, live_items=live, batch_link=links.__getitem__, away=away)

    async def outside(
        self, request: Request, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        """Return the facts of what a plan waits for outside itself."""
        return await outside(self._github, request.repository, references)

    async def suggestions(self, request: Request) -> tuple[str, ...]:
        """Return commands that run the parts of the thread's own issue."""
        _, facts = await self._github.facts(request.repository, [request.thread])
        fact = facts.get(request.thread)
        if fact is None:
            return ()
        name = request.repository.name
        parts: dict[Selector, Sequence[Reference]] = {
            SubIssues(This()): fact.sub_issues,
            Tasks(This()): open_tasks_in(fact.body, name, url=fact.url).references,
        }
        return tuple(
            format_command(RunCommand((Term(selector),)))
            for selector, references in parts.items()
            if any(r.repository == request.repository.name for r in references)
        )

    async def _ask(
        self, repository: Repository, missing: Wanted, known: Known
    ) -> Known:
        if missing.repositories:
            found_there = {
                name.casefold(): await self._away(repository, name, known)
                for name in missing.repositories
            }
            known = replace(known, away={**known.away, **found_there})
        if missing.numbers:
            _, facts = await self._github.facts(repository, missing.numbers)
            answered = {number: facts.get(number) for number in missing.numbers}
            known = replace(known, facts={**known.facts, **answered})
        for search in missing.filters:
            limit = known.configuration.limits.items
            numbers = await self._github.select(repository, search, limit=limit)
            known = replace(known, filters={**known.filters, search: tuple(numbers)})
        if missing.labels:
            known = replace(known, labels=await self._github.labels(repository))
        if missing.people:
            known = await self._with_people(repository, missing, known)
        if missing.reviewers:
            known = await self._with_reviewers(repository, missing.reviewers, known)
        if missing.milestones:
            known = replace(known, milestones=await self._github.milestones(repository))
        known = await with_workflows(self._github, repository, missing, known)
        if missing.others:
            found = await references(self._github, repository, missing.others)
            others = {reference: found.get(reference) for reference in missing.others}
            known = replace(known, others={**known.others, **others})
        return known

    async def _with_people(
        self, repository: Repository, missing: Wanted, known: Known
    ) -> Known:
        """Return *known* with who of the people that are to be assigned can be."""
        numbers = tuple(n for n, facts in known.facts.items() if facts is not None)
        question = AssignableTo(repository, missing.people, numbers)
        try:
            told = (await self._github.ask([question]))[question]
        except Refused as error:
            # GitHub will say at each item then.
            log.warning("not told who can be assigned", error=str(error))
            told = Assignable(frozenset(missing.people))
        assignable = {login: login in told.asked for login in missing.people}
        return replace(
            known,
            assignable={**known.assignable, **assignable},
            people=told.people or known.people,
        )

    async def _with_reviewers(
        self, repository: Repository, names: Sequence[str], known: Known
    ) -> Known:
        """Return *known* with who of these can be asked for reviews."""
        found: dict[str, bool] = {}
        for name in names:
            try:
                found[name] = await self._github.may_be_asked(repository, name)
            except Refused as error:
                # GitHub will say at each item then.
                log.warning("not told who can be asked", error=str(error))
                found[name] = True
        return replace(known, reviewers={**known.reviewers, **found})

    async def link(self, batch_id: BatchId, here: Repository) -> str:
        """Return a batch's id, as a link to its tracking comment if that is *here*: others
        may be hidden from who reads it.
        """
        batch = await self._batches.load(batch_id)
        if batch is None or batch.repository.id != here.id:
            return code_span(batch_id)
        for event in await self._batches.events(batch_id):
            if isinstance(event, TrackingCommented):
                return f"[{code_span(batch_id)}]({event.url})"
        return code_span(batch_id)


def _asks_github(command: Command) -> bool:
    """Return whether what a command means depends on what GitHub says."""
    return isinstance(command, RunCommand | PlanCommand | Add | Freeze | Unfreeze)


def wanted_by(commands: Sequence[Command], known: Known) -> tuple[ItemNumber, ...]:
    """Return the numbers that the first query can ask for already."""
    runs = [c.run if isinstance(c, PlanCommand | Add) else c for c in commands]
    numbers = [
        number
        for run in runs
        if isinstance(run, RunCommand)
        for number in wanted(run, known).numbers
    ]
    return tuple(dict.fromkeys(numbers))
