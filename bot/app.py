"""The life of the bot: start, serve, drain, end."""

import asyncio
import ctypes
import gc
import hashlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from errno import EADDRINUSE
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.core.actions.table import installed
from bot.core.model import InstallationId, ItemNumber
from bot.core.review.facts import ReviewFactsOf
from bot.core.review.text import Review, review
from bot.core.say import findings, starts
from bot.core.world.redaction import Secrets
from bot.engine.configured import configured
from bot.engine.examination import tell
from bot.engine.supervisor import Supervisor
from bot.errors import BotError, Refused, SettingsError
from bot.github.adapter import GitHubAdapter, Way
from bot.host.clock import SystemClock
from bot.host.zones import install_zones
from bot.ports.clock import Clock
from bot.ports.examined import Examined
from bot.settings import Settings, environment
from bot.settings.examined import SettingsExamined
from bot.store.lock import DYING_SECONDS
from bot.store.store import Store, open_store
from bot.web import local
from bot.web.relay import Relay
from bot.web.routes import WebSurface, make_app, make_runner
from bot.web.tokens import make_tokens_app
from bot.web.wishes import Wishes
from bot.wiring import (
    Engine,
    Front,
    Host,
    actions_from_outside,
    encryption,
    github_settings,
    keep_holds,
    open_doors,
)
from bot.workers.codes import Codes
from bot.workers.encryption import served

LOOK_AGAIN_SECONDS = (1.0, 2.0, 4.0)
"""How long GitHub may take to work out whether a pull request can be merged."""

LEARNING_SECONDS = 5.0
"""For how long a start waits to be told what is left of the requests."""

ADDRESS_SECONDS = 0.1
"""How often an address is tried that a process has which has just died."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bot:
    """The running bot, as those see it who started it."""

    url: str
    stopped: asyncio.Event  # set when it cannot go on
    drain: "asyncio.Event"  # set it to begin an orderly end


@dataclass(slots=True)
class Standby:
    """Says once of each process that has the database that it is waited for."""

    database: Path
    holder: str = ""  # who was waited for last; empty: nobody

    def wait(self, holder: str) -> None:
        """Take note of who has the database."""
        if holder and holder != self.holder:
            log.info("standing by", database=str(self.database), holder=holder)
            self.holder = holder


async def run(settings: Settings, secrets: Secrets, *, stands_by: bool = False) -> None:
    """Run the bot until SIGTERM or SIGINT; a second one ends it at once.

    If it *stands by* it begins when no other process has the database any more.
    *secrets* learn its tokens. Raises ``SettingsError`` if it cannot start as it is set up, another ``BotError`` if
    it could not go on.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    asked = asyncio.Event()

    def stop() -> None:
        if asked.is_set():
            os._exit(1)
        asked.set()
        if bot is None:
            task.cancel()

    bot: Bot | None = None
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    try:
        async with start(settings, secrets=secrets, stands_by=stands_by) as bot:
            # Whoever reads this may end the bot at once.
            log.info("ready", url=bot.url)
            waiting = {
                asyncio.create_task(event.wait()) for event in (asked, bot.stopped)
            }
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in waiting:
                one.cancel()
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
        log.info("ended before it was ready")
        return
    if bot.stopped.is_set():
        raise BotError(starts.part_died())


async def preview(settings: Settings, name: str, number: int) -> Review | None:
    """Return the review that a pull request would get now; None if there is none.

    Nothing is posted. Raises ``ConfigurationError`` and what GitHub answers.
    """
    clock = SystemClock()
    way = GitHubAdapter.open(github_settings(settings), clock, random.random)
    async with way as opened:
        github = opened.github
        repository = await github.repository_named(name)
        about, _ = await github.facts(repository, ())
        rules = (await configured(github, repository, about)).rules
        asked = ReviewFactsOf(repository, ItemNumber(number))
        facts = (await github.ask([asked])).get(asked)
        for seconds in LOOK_AGAIN_SECONDS:
            if facts is None or facts.has_conflicts is not None:
                break
            await clock.sleep(seconds)
            facts = (await github.ask([asked])).get(asked)
        return facts and review(facts, rules)


@asynccontextmanager
async def start(
    settings: Settings,
    *,
    clock: Clock | None = None,
    secrets: Secrets | None = None,
    stands_by: bool = False,
) -> AsyncIterator[Bot]:
    """Start the whole bot, and end it in order.

    Order of the start: look at the machine, lock and check the database, take
    deliveries, ask GitHub who the app is, give tokens to machines of the pool, remove what
    an earlier process left on this machine, resume the batches, deal with the deliveries. Who *stands by* waits for the
    lock, and does nothing else meanwhile.
    """
    calm_collector()
    give_memory_back()
    install_zones()
    clock = clock or SystemClock()
    secrets = secrets or Secrets(settings.secrets)
    async with AsyncExitStack() as stack:
        stack.enter_context(installed(actions_from_outside()))
        host = await asyncio.to_thread(Host.of, settings, environment(), secrets)
        standby = Standby(settings.database)
        waits = standby.wait if stands_by else None
        store = await stack.enter_async_context(
            open_store(settings.database, clock=clock, waits=waits)
        )
        if standby.holder:
            log.info("taking over", holder=standby.holder)
        supervisor = Supervisor()
        way = await stack.enter_async_context(
            Way.open(
                github_settings(settings),
                clock,
                random.random,
                holds=await store.holds.all(),
                keep=keep_holds(store, clock, supervisor),
                secrets=secrets,
            )
        )
        clock = way.clock
        stack.push_async_callback(supervisor.close)
        parts: dict[str, Examined] = {
            "settings": SettingsExamined(settings),
            "database": store,
            "GitHub": way,
            "this machine": host.examined,
        }
        front, registry = Front(store, parts), CollectorRegistry()
        patience_seconds = DYING_SECONDS if standby.holder else 0.0
        url = await stack.enter_async_context(
            _serve(
                settings,
                front,
                way,
                registry,
                clock,
                patience_seconds=patience_seconds,
            )
        )
        log.info("listening", url=url)
        github = await _introduced(settings, host, way)
        drain = asyncio.Event()
        engine = Engine(
            settings, store, host, github, clock, supervisor, drain, registry
        )
        stack.push_async_callback(engine.pool.close)
        if codes := engine.pool.codes:
            await stack.enter_async_context(
                _serve_tokens(settings, codes, clock, patience_seconds=patience_seconds)
            )
        await engine.recovery.clean()
        await _learn_budgets(store, github)
        tell(await engine.examination.findings())
        supervisor.start("scheduler", engine.scheduler.run(), is_vital=True)
        await engine.recovery.resume()
        supervisor.start("inbox", engine.inbox.run(), is_vital=True)
        supervisor.start("schedules", engine.alarm.run(), is_vital=True)
        supervisor.start("outages", engine.outages.run(), is_vital=True)
        if watch := engine.pool.watch:
            supervisor.start("pool", watch(engine.scheduler.look_again), is_vital=True)
        supervisor.start("sweep", engine.sweep.run(), is_vital=True)
        # Nothing is lost with it: a look works out for itself what is not kept.
        supervisor.start("counting", engine.counting.run())
        supervisor.start("redrawing", engine.redrawing.run(), is_vital=True)
        if settings.polls:
            supervisor.start("polling", engine.polling.run(), is_vital=True)
        front.hand_over(engine)
        if settings.webhook_proxy_url:
            relay = Relay(
                settings.webhook_proxy_url,
                f"{url}{settings.webhook_path}",
                refused=partial(_ask_github, engine),
                clock=clock,
                fraction=random.random,
            )
            supervisor.start("webhook proxy", relay.run(), is_vital=True)
        wishes = Wishes(
            operator=engine.operator,
            wished=engine.wished,
            findings=engine.examination.findings,
            may_act_on=front.may_act_on,
            add=front.add,
            clock=clock,
        )
        await stack.enter_async_context(
            local.serve(
                local.socket_of(settings.database),
                wishes.handlers(),
                version=version("batch-bot"),
            )
        )
        yield Bot(url, supervisor.failed, drain)
        drain.set()
        await engine.drain(settings.shutdown_seconds)


async def _ask_github(engine: Engine) -> None:
    """Take in from GitHub what did not come as it was sent."""
    try:
        await engine.take_missed()
    except BotError as error:
        log.warning("GitHub was not asked for a delivery", error=str(error))


async def _introduced(settings: Settings, host: Host, way: Way) -> GitHubAdapter:
    """Return GitHub's ports once it has said who the app is.

    Raises ``SettingsError`` for a key that GitHub refuses and never took; one that it
    took once is shown again.
    """
    key = hashlib.sha256(f"{settings.app_id}\n{settings.private_key}".encode())
    mark = host.folders.root / "key-taken"
    was_taken = mark.is_file() and mark.read_text() == key.hexdigest()
    try:
        github = await way.adapter(was_taken=was_taken)
    except Refused as error:
        raise SettingsError(findings.key_never_taken(str(error))) from error
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(key.hexdigest())
    return github


async def _learn_budgets(store: Store, github: GitHubAdapter) -> None:
    """Ask what is left of the requests of each installation that has work to go on.

    Who does not answer soon holds nobody up, and is learned of with the first request.
    """

    async def learn(installation_id: InstallationId) -> None:
        if github.github.budget(installation_id).held_until is not None:
            return  # nothing begins there before that is over
        try:
            async with asyncio.timeout(LEARNING_SECONDS):
                await github.github.learn_budget(installation_id)
        except (BotError, TimeoutError) as error:
            what = str(error) or "no answer yet"
            log.warning("budget unknown", installation=installation_id, error=what)

    await asyncio.gather(*map(learn, await store.batches.busy_installations()))


@asynccontextmanager
async def _serve(
    settings: Settings,
    front: Front,
    way: Way,
    registry: CollectorRegistry,
    clock: Clock,
    *,
    patience_seconds: float,
) -> AsyncIterator[str]:
    """Listen, and yield the address; one that is taken may be left for so long."""
    surface = WebSurface(
        add_delivery=front.add,
        may_act_on=front.may_act_on,
        secrets=settings.webhook_secrets,
        readiness=front.readiness,
        clock=clock,
        registry=registry,
        refresh=front.refresh,
        webhook_path=settings.webhook_path,
        metrics_token=settings.metrics_token,
    )
    site = make_app(surface)
    if settings.web_url:
        # Who has no pages does not wait for what makes them.
        from bot.web.pages.site import add_pages  # noqa: PLC0415

        access = open_doors(site, settings, front, way, clock)
        add_pages(site, access, front.pages)
    runner = make_runner(site, shutdown_seconds=0.1 * settings.shutdown_seconds)
    await runner.setup()
    try:
        await _listen(
            partial(web.TCPSite, runner, settings.host, settings.port),
            partial(starts.address_taken, settings.host, settings.port),
            clock,
            patience_seconds=patience_seconds,
        )
        port = runner.addresses[0][1]
        yield f"http://{settings.host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _serve_tokens(
    settings: Settings, codes: Codes, clock: Clock, *, patience_seconds: float
) -> AsyncIterator[None]:
    """Give machines of the pool tokens for codes, at an address of its own."""
    host, port = settings.tokens_door
    context = encryption(settings, served)
    runner = make_runner(
        make_tokens_app(codes.redeem), shutdown_seconds=0.1 * settings.shutdown_seconds
    )
    await runner.setup()
    try:
        await _listen(
            partial(web.TCPSite, runner, host, port, ssl_context=context),
            partial(starts.tokens_not_served, settings.tokens_at),
            clock,
            patience_seconds=patience_seconds,
        )
        log.info("giving tokens to machines of the pool", address=settings.tokens_at)
        yield
    finally:
        await runner.cleanup()


async def _listen(
    site: Callable[[], web.BaseSite],
    taken: Callable[[str], str],
    clock: Clock,
    *,
    patience_seconds: float,
) -> None:
    """Start a *site*; an address in use may be left for so long.

    Raises ``SettingsError`` with what *taken* says of why it cannot be.
    """
    taken_until = clock.monotonic() + patience_seconds
    while True:
        trying = site()
        try:
            await trying.start()
        except OSError as error:
            if error.errno != EADDRINUSE or clock.monotonic() >= taken_until:
                why = os.strerror(error.errno or 0)
                raise SettingsError(taken(why)) from error
        else:
            return
        await clock.sleep(ADDRESS_SECONDS)


_M_MMAP_THRESHOLD = -3  # of malloc.h


def calm_collector() -> None:
    """Let Python's collector of cycles look less often.

    A batch makes many small values that live long and form no cycles; looking through
    them over and over took half of the time of a large one.
    """
    gc.set_threshold(100_000, 50, 100)


def give_memory_back() -> None:
    """Have glibc give large blocks back to the system as soon as they are freed.

    Else it keeps room for as large a body as it has ever seen, and copies one that
    grows: a flood took a quarter more memory, now and then.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1024 * 1024)
