"""The engine's rooms over a store on disk, in front of a GitHub that a test fills in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.core import events as e
from bot.core.effects import CreateComment, Intent, React, Receipt
from bot.core.model import (
    Asker,
    Batch,
    BatchId,
    Box,
    Comment,
    CommentKind,
    InstallationId,
    ItemFacts,
    ItemNumber,
    Reference,
    Repository,
    Request,
)
from bot.engine.changes import Changes
from bot.engine.checks import Checks
from bot.engine.controls import Controls
from bot.engine.effects import Effects
from bot.engine.elsewhere import Elsewhere
from bot.engine.present import Present
from bot.engine.recorder import Recorder
from bot.engine.replies import Replies
from bot.engine.reports import Reports
from bot.engine.retries import Retries
from bot.engine.running import Running
from bot.engine.scheduler import Scheduler, SlotLimits
from bot.engine.situation import Face, Situations
from bot.engine.starts import Starts
from bot.engine.steps import Steps
from bot.engine.supervisor import Supervisor
from bot.engine.tracker import Tracker
from bot.engine.voice import Voice
from bot.engine.which import Which
from bot.engine.withdrawals import Withdrawals
from bot.engine.work import Work
from bot.errors import BotError
from bot.ports.github import RepositoryFacts
from bot.store.store import Store, open_store
from tests.bench.bench_schedule import Unlimited, facts_of
from tests.fakes import FakeClock, ScriptedWorker
from tests.plans import WIDGETS, batch, plan

NAME = BatchId("b7k2")
ABOUT = RepositoryFacts("main", None, name="acme/widgets")


@dataclass
class Hub(Unlimited):
    """A GitHub that answers what the test says, and keeps what it is given."""

    items: dict[int, ItemFacts] = field(default_factory=dict)
    about: RepositoryFacts = ABOUT
    no_access: BotError | None = None
    outside: dict[Reference, ItemFacts] = field(default_factory=dict)
    done: list[Intent] = field(default_factory=list)
    looks: int = 0  # at items

    def used_fraction(self) -> float:
        return 1.0  # no memory is left: nothing starts

    async def facts(
        self, repository: Repository, numbers: Sequence[ItemNumber]
    ) -> tuple[RepositoryFacts, Mapping[ItemNumber, ItemFacts]]:
        self.looks += 1
        return self.about, {n: self.items[n] for n in numbers if n in self.items}

    async def references(
        self, installation_id: InstallationId, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        return {one: self.outside[one] for one in references if one in self.outside}

    async def check_access(self, repository: Repository, **_: object) -> None:
        if self.no_access is not None:
            raise self.no_access

    async def do(self, intent: Intent) -> Receipt:
        self.done.append(intent)
        return Receipt(len(self.done), f"https://x.test/{len(self.done)}")

    async def find(self, intent: Intent, *, since: object) -> Receipt | None:
        return None

    def said(self, kind: str) -> list[str]:
        """Return the comments of a kind, oldest first."""
        told = [one for one in self.done if isinstance(one, CreateComment)]
        return [one.body for one in told if f":{kind} " in one.marker]

    @property
    def reactions(self) -> list[str]:
        return [one.content for one in self.done if isinstance(one, React)]


def tracking(
    store: Store,
    recorder: Recorder,
    effects: Effects,
    github: Any,
    slots: Any,
    supervisor: Supervisor,
    clock: FakeClock,
) -> tuple[Situations, Tracker]:
    """Return a tracker, and what it knows of the present, as the bot joins them."""
    situations = Situations(
        batches=store.batches,
        recorder=recorder,
        github=github,
        slots=slots,
        clock=clock,
        face=Face(b"key"),
    )
    reports = Reports(
        situations=situations, recorder=recorder, effects=effects, clock=clock
    )
    checks = Checks(github=github, recorder=recorder, effects=effects, clock=clock)
    voice = Voice(
        situations=situations,
        recorder=recorder,
        effects=effects,
        reports=reports,
        checks=checks,
        clock=clock,
    )
    tracker = Tracker(
        situations=situations,
        recorder=recorder,
        voice=voice,
        github=github,
        clock=clock,
        supervisor=supervisor,
    )
    return situations, tracker


class House:
    """Who commands and tells what has changed, and what comes of it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.hub, self.clock, self.store = Hub(), clock, store
        self.supervisor = Supervisor()
        batches, github = store.batches, self.hub
        anything: Any = github
        self.recorder = Recorder(batches=batches, clock=clock)
        effects = Effects(
            effect_log=store.effects,
            adapter=anything,
            clock=clock,
            fraction=lambda: 0.5,
        )
        face = Face(b"key")
        present = Present(github=anything, clock=clock)
        work = Work(
            workers={"scripted": ScriptedWorker(clock)},
            workspaces=anything,
            clock=clock,
            fraction=lambda: 0.5,
        )
        running = Running(
            steps=Steps(
                effects=effects,
                role=github.role,
                waits=anything,
                work=work,
                clock=clock,
                fraction=lambda: 0.5,
            ),
            batches=batches,
            github=anything,
            present=present,
            supervisor=self.supervisor,
            marker_key=b"key",
            fraction=lambda: 0.5,
        )
        self.scheduler = Scheduler(
            batches=batches,
            recorder=self.recorder,
            running=running,
            github=anything,
            memory=anything,
            clock=clock,
            limits=SlotLimits(),
        )
        situations, self.tracker = tracking(
            store,
            self.recorder,
            effects,
            github,
            self.scheduler,
            self.supervisor,
            clock,
        )
        which = Which(batches, situations)
        self.replies = Replies(
            effects=effects,
            face=face,
            refusals=store.refusals,
            clock=clock,
            supervisor=self.supervisor,
        )
        self.starts = Starts(
            recorder=self.recorder,
            scheduler=self.scheduler,
            tracker=self.tracker,
            replies=self.replies,
            situations=situations,
            which=which,
            elsewhere=Elsewhere(github=anything, allows=lambda _: True),
        )
        self.controls = Controls(
            which=which,
            scheduler=self.scheduler,
            retries=Retries(
                github=anything,
                batches=batches,
                recorder=self.recorder,
                tracker=self.tracker,
                starts=self.starts,
                which=which,
                clock=clock,
            ),
            replies=self.replies,
            situations=situations,
            withdrawals=Withdrawals(),
            recorder=self.recorder,
        )
        self.changes = Changes(
            github=anything,
            batches=batches,
            present=present,
            scheduler=self.scheduler,
            situations=situations,
            recorder=self.recorder,
            tracker=self.tracker,
        )

    async def keep(self, made: Batch, *events: e.Event) -> Batch:
        """Have a batch with its past; what it is about is open on GitHub."""
        made = replace(made, created_at=self.clock.now())
        facts = facts_of(made.plan)
        self.hub.items |= {fact.number: fact for fact in facts.values()}
        assert await self.store.batches.create(made, facts, events)
        return made

    async def run(self, made: Batch | None = None, *events: e.Event) -> Batch:
        """Have a batch that ada has started; its items wait for memory."""
        made = made or batch(plan({12: [], 15: [12]}))
        started = e.BatchStarted(self.clock.now(), "ada")
        made = await self.keep(made, started, *events)
        await self.scheduler.adopt(made.id)
        return made

    async def kinds(self, name: BatchId = NAME) -> list[str]:
        """Return what has happened to a batch, in the names of the events."""
        return [type(one).__name__ for one in await self.store.batches.events(name)]

    async def all_said(self) -> None:
        """Wait until nobody has anything more to say."""
        await self.clock.run_until(lambda: len(self.supervisor._tasks) == 1)

    async def states(self, name: BatchId = NAME) -> dict[int, str]:
        views = (await self.recorder.progress(name)).items.values()
        return {view.item.number: str(view.state) for view in views}


def asks(
    source: int,
    *,
    by: str = "ada",
    repository: Repository = WIDGETS,
    in_box: bool = False,
) -> Request:
    """Return a request in thread 40; what has one *source* is one wish."""
    kind = CommentKind.ISSUE
    return Request(
        repository=repository,
        thread=ItemNumber(40),
        thread_is_pull_request=False,
        asker=Asker(by, f"https://github.com/acme/widgets/issues/40#{source}"),
        origin=Box(source, "pause", "1") if in_box else Comment(source, kind),
    )


@asynccontextmanager
async def house_at(path: Path) -> AsyncIterator[House]:
    """Yield a house whose scheduler works."""
    clock = FakeClock()
    async with open_store(path, clock=clock) as store:
        house = House(store, clock)
        house.supervisor.start("scheduler", house.scheduler.run())
        try:
            yield house
        finally:
            await house.supervisor.close()
