"""Joins the parts: the one file that names concrete adapters."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import entry_points, version
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.core.actions.ability import Abilities
from bot.core.actions.spec import ActionSpec
from bot.core.actions.table import ACTIONS
from bot.core.command.trigger import may_matter
from bot.core.command.vocabulary import RESERVED
from bot.core.effects import (
    EnqueuePullRequest,
    Intent,
    MergePullRequest,
    PushBranch,
    Receipt,
)
from bot.core.model import OPERATOR, BatchId, InstallationId, Repository, Role
from bot.core.run.capacity import Room
from bot.core.say import findings, programs
from bot.core.say.starts import (
    no_dask,
    no_pool_files,
    no_such_action,
    no_such_worker,
    no_worker_made,
    pool_files_unfit,
)
from bot.core.world.redaction import Secrets
from bot.engine.additions import Additions
from bot.engine.alarm import Alarm
from bot.engine.answers import Answers
from bot.engine.batches import NewBatches
from bot.engine.boxes import Boxes
from bot.engine.changes import Changes
from bot.engine.checks import Checks
from bot.engine.controls import Controls
from bot.engine.conversation import Conversation
from bot.engine.effects import Effects
from bot.engine.elsewhere import Elsewhere
from bot.engine.examination import Examination
from bot.engine.freezes import Freezes, asking
from bot.engine.gate import Gate
from bot.engine.gathering import Gathering
from bot.engine.histories import asking_git
from bot.engine.inbox import Inbox
from bot.engine.intake import Desks, Intake, Policy
from bot.engine.journal import journal
from bot.engine.marks import TakenBack
from bot.engine.operator import OperatorDesk, Told
from bot.engine.outages import Outages
from bot.engine.patience import when_stored
from bot.engine.present import Present
from bot.engine.questions import Help, Questions
from bot.engine.readers import Readers
from bot.engine.reading import Reader
from bot.engine.recorder import Recorder
from bot.engine.recovery import Recovery
from bot.engine.redrawing import Redrawing
from bot.engine.replies import Replies
from bot.engine.reports import Reports
from bot.engine.requested import Requested
from bot.engine.retries import Retries
from bot.engine.running import Running
from bot.engine.scheduled import ScheduledBatches
from bot.engine.scheduler import Scheduler, SlotLimits
from bot.engine.situation import Face, Situations
from bot.engine.start_times import StartTimes
from bot.engine.starts import Starts
from bot.engine.steps import Steps
from bot.engine.supervisor import Supervisor
from bot.engine.sweep import Awaited, Forgotten, Missed, Short, Sweep, Uncounted, Untold
from bot.engine.timetables import Timetables
from bot.engine.tracker import Tracker
from bot.engine.verdicts import Verdicts
from bot.engine.voice import Voice
from bot.engine.waits import Waits
from bot.engine.which import Which
from bot.engine.windows import Windows
from bot.engine.wished import Wished
from bot.engine.withdrawals import Withdrawals
from bot.engine.work import Work
from bot.errors import SettingsError
from bot.github.adapter import GitHubAdapter, GitHubSettings, Way
from bot.github.effects import GitHubEffects
from bot.github.ledger import Keep
from bot.github.sign_ins import GitHubSignIns
from bot.host.commands import HostCommands
from bot.host.commits import Commits
from bot.host.disk import Disk
from bot.host.examined import HostExamined
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.histories import GitHistories
from bot.host.isolation import Isolation, View, choose, reach
from bot.host.job import run_command_job
from bot.host.memory import HostMemory
from bot.host.mirrors import Mirrors
from bot.host.process import (
    AUTHORITIES,
    GRACE_SECONDS,
    INHERITED,
    PROXIES,
    clean_environment,
)
from bot.host.push import BranchPusher
from bot.host.shipping import HostShipping
from bot.host.workspaces import GitWorkspaces
from bot.metrics import Metrics, Sources
from bot.ports.clock import Clock
from bot.ports.examined import Examined, Finding, State
from bot.ports.github import People, Tokens
from bot.ports.host import Shipping
from bot.ports.people import Account
from bot.ports.store import Delivery, Held
from bot.ports.work import Means, Worker
from bot.settings import Settings, secret_files
from bot.settings.examined import SettingsExamined
from bot.store.store import Store
from bot.web.access import PageAccess, Ways
from bot.web.cookies import Cookies
from bot.web.entrance import Entrance, turned_away
from bot.web.forms import Forms
from bot.web.pages.sources import PageSources
from bot.web.routes import Readiness
from bot.web.seals import LINKS, Seals, derived
from bot.workers.codes import Codes
from bot.workers.encryption import called
from bot.workers.local import LocalWorker
from bot.workers.redeeming import TokensExamined, is_taken

if TYPE_CHECKING:
    from bot.workers.pool import Address

POLL_SECONDS = 5.0
"""How often GitHub is asked for deliveries that come by no other way."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outside:
    """The ``EffectAdapter``: pushes go through git, the rest through the API."""

    github: GitHubEffects
    pusher: BranchPusher
    gate: Gate

    async def find(self, intent: Intent, *, since: datetime) -> Receipt | None:
        """Look whether the effect has happened since *since*."""
        if isinstance(intent, PushBranch):
            return await self.pusher.find(intent, since=since)
        return await self.github.find(intent, since=since)

    async def do(self, intent: Intent) -> Receipt:
        """Carry the effect out."""
        if isinstance(intent, PushBranch):
            return await self.pusher.do(intent)
        if isinstance(intent, MergePullRequest | EnqueuePullRequest):
            async with self.gate.passing(intent) as passage:
                done = self.github.do(intent, last_look=passage.last_look)
                return await passage.told(done)
        return await self.github.do(intent)


@dataclass(frozen=True, slots=True)
class Host:
    """What the bot does on this machine."""

    folders: Folders
    isolation: Isolation
    git: Git
    environment: Mapping[str, str]  # the bot's own
    examined: HostExamined
    secrets: Secrets

    @classmethod
    def of(
        cls,
        settings: Settings,
        environment: Mapping[str, str],
        secrets: Secrets,
        *,
        root: Path | None = None,
    ) -> "Host":
        """Look at the machine; *root* is of one that is not the bot's own.

        Raises ``SettingsError`` if commands cannot be isolated, or cannot be run so.
        """
        own = settings.commands_here if root is None else settings.commands
        root = root or settings.database.resolve().parent / "host"
        folders = Folders(root)
        pool = settings.file.dask
        hidden = (
            root.parent,
            *(path.resolve() for path in secret_files()),
            *(pool.files if pool else ()),
        )
        network = settings.file.network
        authorities = [environment.get(name) for name in AUTHORITIES if network]
        shown = (*settings.file.show, *(Path(path) for path in authorities if path))
        view = View(hidden, shown, network=network)
        # Where no command runs, nothing has to be isolated.
        isolation = choose(settings.sandbox if own else "best-effort", view)
        path = clean_environment(environment)["PATH"]
        path = settings.command_environment().get("PATH", path)
        tried = {n: reach(isolation, argv, path) for n, argv in own.items()}
        faults = [
            programs.of_command(n, fault)
            for n, r in tried.items()
            for fault in r.faults
        ]
        if faults:
            raise SettingsError("\n".join(faults))
        doubts = [
            programs.of_command(n, doubt)
            for n, r in tried.items()
            for doubt in r.doubts
        ]
        git = Git(environment=environment, host=folders.host, secrets=secrets)
        examined = HostExamined(
            folders,
            isolation=isolation,
            git=git,
            commands=own,
            path=path,
            doubts=doubts,
        )
        return cls(folders, isolation, git, environment, examined, secrets)

    def commands(self, settings: Settings, clock: Clock) -> HostCommands:
        """Return what runs the operator's commands here."""
        return HostCommands(
            self.folders,
            isolation=self.isolation,
            clock=clock,
            environment=self.environment,
            extra=settings.command_environment(),
            has_caches=settings.file.cache,
            disk=Disk(self.folders.root, clock, quota_bytes=settings.file.quota),
            inherits=(*INHERITED, *PROXIES, *AUTHORITIES)
            if settings.file.network
            else INHERITED,
            secrets=self.secrets,
        )


@dataclass(frozen=True, slots=True)
class Unfit:
    """A machine on which commands cannot be run, or nobody knows which."""

    faults: Sequence[str]
    git: Git

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        found = [Finding("commands", State.BROKEN, fault) for fault in self.faults]
        fault = await self.git.fault()
        words = findings.told(fault) if fault else findings.git_works()
        state = State.BROKEN if fault else State.FINE
        return [*found, Finding("git", state, *words)]


def machine_of(
    settings: Settings,
    environment: Mapping[str, str],
    secrets: Secrets,
    *,
    knows_commands: bool,
) -> Examined:
    """Look at the machine, and return it with whatever is wrong."""
    root = settings.database.resolve().parent / "host"
    git = Git(environment=environment, host=Folders(root).host, secrets=secrets)
    if not knows_commands:
        return Unfit((), git)
    try:
        return Host.of(settings, environment, secrets).examined
    except SettingsError as error:
        return Unfit(str(error).splitlines(), git)


@dataclass(frozen=True, slots=True)
class Going:
    """Whether the engine goes on: what it records reaches the disk, nobody ends it."""

    recorder: Recorder
    reports: Reports
    forgotten: Forgotten
    stopping: asyncio.Event

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        found = []
        if trouble := self.recorder.trouble:
            found.append(Finding("engine", State.BROKEN, *findings.told(trouble)))
        if self.stopping.is_set():
            found.append(Finding("engine", State.BROKEN, *findings.stopping()))
        if untold := self.reports.untold:
            found.append(Finding("batches", State.NOTE, *findings.not_told(untold)))
        if lost := self.forgotten.deliveries:
            words = findings.lost_end(
                len(lost), min(lost.values()), self.forgotten.running
            )
            found.append(Finding("database", State.NOTE, *words))
        return found


@dataclass(frozen=True, slots=True)
class Pooled:
    """The pool of machines, if the settings name one."""

    workers: Mapping[str, Worker]
    parts: Mapping[str, Examined]
    close: Callable[[], Awaitable[None]]
    rooms: Mapping[str, Callable[[], Room | None]] = field(default_factory=dict)
    watch: Callable[[Callable[[], None]], Coroutine[Any, Any, None]] | None = None
    codes: Codes | None = None  # None: its machines get no tokens

    @classmethod
    def of(
        cls,
        settings: Settings,
        shipping: Shipping,
        people: People,
        tokens: Tokens,
        clock: Clock,
    ) -> "Pooled":
        """Return the way there; nothing is asked yet.

        Raises ``SettingsError`` if what it takes is not installed.
        """
        if not settings.dask:
            return cls({}, {}, nothing)
        try:
            from bot.workers.dask import DaskWorker  # noqa: PLC0415 - of an extra
            from bot.workers.examined import PoolExamined  # noqa: PLC0415
            from bot.workers.pool import Pool  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SettingsError(no_dask()) from error
        pool = Pool(address_of(settings), clock)
        codes, parts = None, dict[str, Examined]()
        if settings.tokens_at:
            codes = Codes(tokens, clock)
            parts["tokens"] = TokensExamined(settings.tokens_at)
        worker = DaskWorker(
            pool=pool,
            shipping=shipping,
            people=people,
            clock=clock,
            commands=settings.needs,
            codes=codes,
        )
        examined = PoolExamined(pool, settings.needs)
        return cls(
            {worker.name: worker},
            {"pool": examined, **parts},
            pool.close,
            {worker.name: worker.room},
            worker.watch,
            codes,
        )


def pool_examined(settings: Settings, clock: Clock) -> Examined:
    """Return how a pool is looked at beside the bot.

    Raises ``SettingsError`` if what it takes is not installed.
    """
    try:
        from bot.workers.examined import PoolExamined  # noqa: PLC0415 - of an extra
        from bot.workers.pool import Pool  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(no_dask()) from error
    pool = Pool(address_of(settings), clock)
    return PoolExamined(pool, settings.needs, closes=True)


def address_of(settings: Settings) -> "Address":
    """Return where the scheduler is, and what opens it."""
    from bot.workers.pool import Address  # noqa: PLC0415 - of an extra

    files = settings.file.dask
    if files is None:
        return Address(settings.dask)
    return Address(settings.dask, str(files.ca), str(files.cert), str(files.key))


def tokens_examined(settings: Settings) -> Examined:
    """Return how it is seen from beside the bot whether machines can get tokens.

    Raises ``SettingsError`` for files that do not fit.
    """
    host, port = settings.tokens_door
    context = encryption(settings, called)
    taken = partial(is_taken, host or "127.0.0.1", port, context=context)
    return TokensExamined(settings.tokens_at, is_taken=taken)


def encryption(
    settings: Settings, make: Callable[[str, str, str], SSLContext]
) -> SSLContext:
    """Return what *make* makes of the pool's files. Raises ``SettingsError``."""
    assert settings.file.dask is not None
    files = settings.file.dask.files
    if missing := [str(path) for path in files if not path.is_file()]:
        raise SettingsError(no_pool_files(missing))
    try:
        return make(*map(str, files))
    except OSError as error:
        raise SettingsError(pool_files_unfit(str(error))) from error


async def nothing() -> None:
    """Do nothing."""


class Engine:
    """All parts of the engine, joined."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        host: Host,
        github: GitHubAdapter,
        clock: Clock,
        supervisor: Supervisor,
        stopping: asyncio.Event,
        registry: CollectorRegistry,
    ) -> None:
        self._clock = clock
        face = Face(
            marker_key=hashlib.sha256(settings.private_key.encode()).digest(),
            web_url=settings.web_url,
            link_key=derived(settings.private_key, LINKS),
            # What runs elsewhere says in the report how it was isolated.
            isolation=host.isolation.name if settings.commands_here else "",
            needs=settings.needs if settings.runs_elsewhere else None,
        )

        def clone_url(repository: Repository) -> str:
            return settings.clone_url(repository.name)

        remotes = Remotes(github.tokens, clone_url)
        mirrors = Mirrors(host.folders, git=host.git, remotes=remotes)
        pusher = BranchPusher(
            mirrors,
            large_files=github.large_files(clone_url),
            commits=github.signed_commits,
        )
        histories = GitHistories(mirrors, Commits(host.git, clock))
        workspaces = GitWorkspaces(
            host.folders,
            mirrors=mirrors,
            clock=clock,
            leave_out=settings.file.leave_out,
            signs_off=settings.file.sign_off,
        )
        commands = host.commands(settings, clock)
        shipping = HostShipping(
            host.folders,
            mirrors=mirrors,
            clock=clock,
            signs_off=settings.file.sign_off,
        )
        run = partial(
            run_command_job,
            argvs=settings.commands,
            commands=commands,
            workspaces=workspaces,
            people=github.people,
        )
        local = LocalWorker(
            run=run,
            commands=commands,
            workspaces=workspaces,
            clock=clock,
            names=settings.commands_here,
            needs=settings.needs,
        )
        self.pool = Pooled.of(settings, shipping, github.people, github.tokens, clock)
        means = Means(local, frozenset(settings.commands), clock)
        known = workers_from_outside(
            means, {local.name: local, **self.pool.workers}, settings.workers
        )
        workers = {name: known[name] for name in settings.workers}
        gate = Gate(store.freezes, clock)
        effects = Effects(
            effect_log=store.effects,
            adapter=Outside(github.effects, pusher, gate),
            clock=clock,
            fraction=random.random,
        )
        self.recorder = Recorder(batches=store.batches, clock=clock)
        self.recorder.listen(journal)
        present = Present(github=github.github, clock=clock)
        waits = Waits(
            ask=asking_git(asking(github.github.ask, store.freezes), histories),
            metered=github.github.metered,
            clock=clock,
            supervisor=supervisor,
            fraction=random.random,
        )
        work = Work(
            workers=known,  # what runs where nothing begins any more is waited for
            workspaces=workspaces,
            clock=clock,
            fraction=random.random,
            rooms=self.pool.rooms,
        )
        steps = Steps(
            effects=effects,
            role=github.github.role,
            waits=waits,
            work=work,
            clock=clock,
            fraction=random.random,
        )
        running = Running(
            steps=steps,
            batches=store.batches,
            github=github.github,
            present=present,
            supervisor=supervisor,
            marker_key=face.marker_key,
            fraction=random.random,
        )
        self.scheduler = Scheduler(
            batches=store.batches,
            recorder=self.recorder,
            running=running,
            github=github.github,
            memory=HostMemory(clock),
            clock=clock,
            limits=SlotLimits(settings.concurrency, settings.workspaces),
        )
        situations = Situations(
            batches=store.batches,
            recorder=self.recorder,
            github=github.github,
            slots=self.scheduler,
            clock=clock,
            face=face,
        )
        self.pages = PageSources(
            presents=situations,
            batches=store.batches,
            lists=store.lists,
            costs=store.costs,
            deliveries=store.deliveries,
            effects=store.effects,
            slots=self.scheduler,
            budgets=github.github,
            listen=self.recorder.listen,
            log=host.folders.log,
            clock=clock,
        )
        self.reports = Reports(
            situations=situations,
            recorder=self.recorder,
            effects=effects,
            clock=clock,
        )
        voice = Voice(
            situations=situations,
            recorder=self.recorder,
            effects=effects,
            reports=self.reports,
            checks=Checks(
                github=github.github,
                recorder=self.recorder,
                effects=effects,
                clock=clock,
            ),
            clock=clock,
        )
        self.tracker = Tracker(
            situations=situations,
            recorder=self.recorder,
            voice=voice,
            github=github.github,
            clock=clock,
            supervisor=supervisor,
            items_seconds=settings.edit_interval_seconds,
        )
        replies = Replies(
            effects=effects,
            face=face,
            refusals=store.refusals,
            clock=clock,
            supervisor=supervisor,
        )
        which = Which(store.batches, situations)
        elsewhere = Elsewhere(github=github.github, allows=settings.allows)
        starts = Starts(
            recorder=self.recorder,
            scheduler=self.scheduler,
            tracker=self.tracker,
            replies=replies,
            situations=situations,
            which=which,
            elsewhere=elsewhere,
        )
        withdrawals = Withdrawals()
        controls = Controls(
            which=which,
            scheduler=self.scheduler,
            retries=Retries(
                github=github.github,
                batches=store.batches,
                recorder=self.recorder,
                tracker=self.tracker,
                starts=starts,
                which=which,
                clock=clock,
            ),
            replies=replies,
            situations=situations,
            withdrawals=withdrawals,
            recorder=self.recorder,
        )
        abilities = Abilities(
            {n: w.why_not for n, w in workers.items()},
            settings.commands_for_forks,
            settings.commands.keys(),
            settings.workers_of,
        )
        bots = frozenset(settings.allowed_bots)
        self.timetables = Timetables(
            kept=store.timetables, github=github.github, clock=clock, bots=bots
        )
        reader = Reader(
            github=github.github,
            batches=store.batches,
            freezes=store.freezes,
            slots=settings.concurrency,
            abilities=abilities,
            elsewhere=elsewhere,
            timetables=self.timetables,
        )
        new = NewBatches(
            batches=store.batches,
            reader=reader,
            starts=starts,
            replies=replies,
            situations=situations,
            abilities=abilities,
            clock=clock,
        )
        self.operator = OperatorDesk(
            github=github.github,
            batches=store.batches,
            reader=reader,
            new_batches=new,
            situations=situations,
        )
        self.wished = Wished(
            github=github.github,
            batches=store.batches,
            controls=controls,
            starts=starts,
            replies=replies,
            situations=situations,
            clock=clock,
        )
        self.readers = Readers(
            github=github.github,
            batches=store.batches,
            situations=situations,
            clock=clock,
        )
        answers = Answers(
            batches=new,
            additions=Additions(
                batches=store.batches,
                new=new,
                reader=reader,
                which=which,
                scheduler=self.scheduler,
                situations=situations,
                replies=replies,
            ),
            starts=starts,
            controls=controls,
            questions=Questions(
                batches=store.batches,
                which=which,
                situations=situations,
                tracker=self.tracker,
                replies=replies,
                timetables=self.timetables,
            ),
            freezes=Freezes(
                kept=store.freezes,
                gate=gate,
                github=github.github,
                replies=replies,
                wake=waits.wake_all,
                clock=clock,
            ),
            help=Help(
                github=github.github,
                situations=situations,
                replies=replies,
                abilities=abilities,
                version=version("batch-bot"),
            ),
        )
        start_times = StartTimes(
            batches=store.batches,
            github=github.github,
            starts=starts,
            replies=replies,
            situations=situations,
            allows=settings.allows,
        )
        intake = Intake(
            github=github.github,
            desks=Desks(
                conversation=Conversation(
                    github=github.github,
                    reader=reader,
                    replies=replies,
                    answers=answers,
                    withdrawals=withdrawals,
                    clock=clock,
                ),
                boxes=Boxes(
                    github=github.github,
                    batches=store.batches,
                    situations=situations,
                    tracker=self.tracker,
                    starts=starts,
                    controls=controls,
                    marker_key=face.marker_key,
                ),
                changes=Changes(
                    github=github.github,
                    batches=store.batches,
                    present=present,
                    scheduler=self.scheduler,
                    situations=situations,
                    recorder=self.recorder,
                    tracker=self.tracker,
                ),
                windows=Windows(
                    gatherer=Gathering(
                        github=github.github,
                        reader=reader,
                        batches=store.batches,
                        new=new,
                        requested=Requested(store.batches, situations, replies),
                        replies=replies,
                        clock=clock,
                    ),
                    taken_back=TakenBack(
                        github.github,
                        store.batches,
                        self.scheduler,
                        self.recorder,
                        clock,
                    ),
                    clock=clock,
                    supervisor=supervisor,
                    fraction=random.random,
                    seconds=settings.trigger_window_seconds,
                ),
                verdicts=Verdicts(
                    github=github.github,
                    effects=effects,
                    timetables=self.timetables,
                    clock=clock,
                ),
                wished=self.wished,
                timetables=self.timetables,
                scheduled=ScheduledBatches(
                    timetables=self.timetables,
                    github=github.github,
                    reader=reader,
                    batches=store.batches,
                    new=new,
                    replies=replies,
                    allows=settings.allows,
                ),
                start_times=start_times,
            ),
            policy=Policy(
                app_login=github.login,
                allowed_bots=bots,
                allows=settings.allows,
            ),
            wake=waits.wake,
        )
        self.may_act_on = intake.may_act_on
        self.inbox = Inbox(
            deliveries=store.deliveries,
            dealer=intake,
            clock=clock,
            supervisor=supervisor,
            fraction=random.random,
        )
        self.alarm = Alarm(
            timetables=self.timetables,
            start_times=start_times,
            add=self.inbox.add,
            clock=clock,
        )
        self.recovery = Recovery(
            batches=store.batches,
            scheduler=self.scheduler,
            tracker=self.tracker,
            commands=commands,
            workspaces=workspaces,
        )
        self.forgotten = Forgotten(
            past=github.deliveries,
            batches=store.batches,
            marker_key=face.marker_key,
        )
        missed = Missed(
            deliveries=store.deliveries,
            past=github.deliveries,
            inbox=self.inbox,
            forgotten=self.forgotten,
            clock=clock,
            hears=self.may_act_on,
            is_direct=not (settings.polls or settings.webhook_proxy_url),
        )
        self.take_missed = missed.sweep
        self.polling = Sweep((missed,), clock=clock, every_seconds=POLL_SECONDS)
        self.outages = Outages(
            self.scheduler,
            self.tracker,
            github.github.probe,
            clock=clock,
            fraction=random.random,
        )
        self.redrawing = Redrawing(
            batches=store.batches,
            recorder=self.recorder,
            situations=situations,
            tracker=self.tracker,
            github=github.github,
            clock=clock,
        )
        self.sweep = Sweep(
            (
                Awaited(self.scheduler, github.github),
                missed,
                Untold(store.batches, self.tracker),
                Short(self.scheduler, github.github.learn_budget),
            ),
            clock=clock,
            every_seconds=settings.sweep_seconds,
        )
        self.counting = Sweep(
            (Uncounted(store.costs),),
            clock=clock,
            every_seconds=settings.sweep_seconds,
        )
        self.examination = Examination(
            {
                "settings": SettingsExamined(settings),
                "database": store,
                "engine": Going(self.recorder, self.reports, self.forgotten, stopping),
                "GitHub": github,
                "schedules": self.timetables,
                "this machine": host.examined,
                **self.pool.parts,
            }
        )
        self.metrics = Metrics(
            Sources(
                scheduler=self.scheduler,
                running=running,
                effects=effects,
                ledger=github.ledger,
                deliveries=store.deliveries,
                batches=store.batches,
                probe=store.probe,
                is_ready=self.is_ready,
                clock=clock,
            ),
            registry,
        )
        self.recorder.listen(self.metrics.notice)

    async def drain(self, seconds: float) -> None:
        """End in order, in *seconds* at most, a tenth of which is for the web server.

        Commands that do not end when told to take their time before they are killed.
        """
        ends_at = self._clock.monotonic() + 0.9 * seconds
        wait = max(0.4 * seconds, 0.7 * seconds - GRACE_SECONDS)
        await self.scheduler.drain(wait)
        left = ends_at - self._clock.monotonic()
        await self.tracker.say_stopping(max(0.1 * seconds, left))

    async def readiness(self) -> Readiness:
        """Return why the bot cannot do its work now. Never raises."""
        return readiness_of(await self.examination.findings())

    async def is_ready(self) -> bool:
        """Return whether the bot can do its work now."""
        return not (await self.readiness()).reasons


class Front:
    """What callers meet: the engine, and until GitHub has answered the store alone."""

    def __init__(self, store: Store, parts: Mapping[str, Examined]) -> None:
        self._store = store
        self._examination = Examination(parts)
        self._engine: Engine | None = None

    def hand_over(self, engine: Engine) -> None:
        """Have *engine* deal with what comes from now on."""
        self._engine = engine

    async def add(self, delivery: Delivery) -> bool:
        """Store a delivery; False if it is known. Whoever comes later takes it up."""
        add = self._engine.inbox.add if self._engine else self._store.deliveries.add
        return await add(delivery)

    def may_act_on(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Return whether a delivery may be a reason to act."""
        if self._engine is None:
            # Nobody knows yet what are the app's own words.
            return may_matter(event, payload.get("action"))
        return self._engine.may_act_on(event, payload)

    async def readiness(self) -> Readiness:
        """Return why the bot cannot do its work now. Never raises."""
        if self._engine is None:
            return readiness_of(await self._examination.findings())
        return await self._engine.readiness()

    def pages(self) -> PageSources | None:
        """Return what the pages read; None until GitHub has answered."""
        return self._engine.pages if self._engine else None

    def readers(self) -> Readers | None:
        """Return who knows what people may read; None until GitHub has answered."""
        return self._engine.readers if self._engine else None

    async def wish(
        self,
        verb: str,
        batch_id: BatchId,
        names: Sequence[str],
        *,
        by: Account | None,
        form: str,
    ) -> Told | None:
        """Have a control of a page carried out; None until GitHub has answered."""
        if self._engine is None:
            return None
        return await self._engine.wished.ask(
            verb, batch_id, names, self.add, by=by, form=form
        )

    async def refresh(self) -> None:
        """Read the figures that take time."""
        if self._engine is not None:
            await self._engine.metrics.refresh()


def open_doors(
    app: web.Application, settings: Settings, front: Front, way: Way, clock: Clock
) -> PageAccess:
    """Mount where people come in to the pages and use what is on them; return who may."""
    seals = Seals(settings.private_key, clock)
    cookies = Cookies(seals, settings.web_url)
    sign_ins = None
    if settings.client_id and settings.client_secret:
        sign_ins = GitHubSignIns(
            way.session,
            settings.site_url,
            settings.api_url,
            settings.client_id,
            settings.client_secret,
            way.client.secrets.learn,
        )
    access = PageAccess(
        seals=seals,
        cookies=cookies,
        ways=Ways(settings.operator_token, by_github=sign_ins is not None),
        reading=front.readers,
        turn_away=turned_away,
        clock=clock,
    )
    Entrance(
        access=access,
        cookies=cookies,
        sign_ins=sign_ins,
        reading=front.readers,
        link_key=derived(settings.private_key, LINKS),
        web_url=settings.web_url,
        clock=clock,
    ).add_to(app)
    Forms(
        access=access,
        reading=front.readers,
        wish=front.wish,
        web_url=settings.web_url,
    ).add_to(app)
    return access


def readiness_of(found: Sequence[Finding]) -> Readiness:
    """Return what was found as the routes show it."""
    return Readiness(
        reasons=tuple(str(one) for one in found if one.state is State.BROKEN),
        notes=tuple(str(one) for one in found if one.state is State.NOTE),
    )


def actions_from_outside() -> Sequence[ActionSpec]:
    """Return the actions that installed packages add, by entry points.

    Raises ``SettingsError`` for one that is none.
    """
    found: dict[str, ActionSpec] = {}
    for point in entry_points(group="batch_bot.actions"):
        spec = point.load()
        taken = (*ACTIONS, *RESERVED, *found)
        if not isinstance(spec, ActionSpec) or spec.name in taken:
            raise SettingsError(no_such_action(point.name, point.value))
        found[spec.name] = spec
    return list(found.values())


def workers_from_outside(
    means: Means, own: Mapping[str, Worker], wanted: Sequence[str]
) -> Mapping[str, Worker]:
    """Return the bot's own workers with those that are *wanted* of installed packages.

    They have the names of their entry points. Raises ``SettingsError`` for one that
    nobody brings, or that is none.
    """
    found, others = dict(own), [name for name in wanted if name not in own]
    if not others:
        return found  # to look at all that is installed takes a while
    points = {p.name: p for p in entry_points(group="batch_bot.workers")}
    for name in others:
        if name not in points:
            raise SettingsError(no_such_worker(name, [*own, *points]))
        worker = points[name].load()(means)
        if getattr(worker, "name", "") != name:
            raise SettingsError(no_worker_made(name, points[name].value))
        found[name] = worker
    return found


def keep_holds(store: Store, clock: Clock, supervisor: Supervisor) -> Keep:
    """Return what has each hold of GitHub, and its end, written down."""
    latest: dict[InstallationId, Held | None] = {}

    def keep(installation_id: InstallationId, held: Held | None) -> None:
        def write() -> Awaitable[None]:
            # What waits for the disk must not undo what was written since.
            return store.holds.keep(installation_id, latest[installation_id])

        latest[installation_id] = held
        supervisor.start(f"hold {installation_id}", when_stored(clock, write))

    return keep


def github_settings(settings: Settings) -> GitHubSettings:
    """Return what the adapter of GitHub has to know."""
    return GitHubSettings(
        app_id=settings.app_id,
        private_key=settings.private_key,
        api_url=settings.api_url,
        proxy=settings.proxy,
        bots={**settings.allowed_bots, OPERATOR: Role.ADMIN},
        reserve=settings.reserve,
        write_interval_seconds=settings.write_interval_seconds,
    )
