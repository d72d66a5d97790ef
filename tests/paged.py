"""The pages of a real store without a bot: nothing in it runs, and nobody is turned away."""

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from bot.core.model import BatchId, ItemId
from bot.core.run.capacity import Capacity
from bot.core.run.reasons import Reason
from bot.engine.recorder import Recorder
from bot.engine.situation import Face, Situations
from bot.ports.clock import Clock
from bot.ports.github import Budget
from bot.store.store import Store
from bot.web.access import Viewer
from bot.web.pages.sources import PageSources


class Present:
    """A scheduler and a ledger at rest."""

    is_stopping = False

    def __init__(self, waiting: Mapping[ItemId, Reason]) -> None:
        self._waiting = waiting

    def reasons(self, _batch_id: BatchId) -> Mapping[ItemId, Reason]:
        return self._waiting

    def capacity(self, of: object = None) -> Capacity:
        return Capacity({}, 1, 1)

    def budget(self, _installation: object) -> Budget:
        return Budget(5000, 3412, None, 500)

    def spent(self, _source: str) -> int:
        return 488


class Everybody:
    """Lets everybody see everything; what it takes to look is not measured here."""

    signs_in = ""

    async def viewer(self, _request: web.Request) -> Viewer:
        return Viewer(is_operator=True)

    async def may_see(self, *_about: object) -> bool:
        return True

    async def opened(self, _viewer: Viewer) -> tuple[BatchId, ...]:
        return ()

    async def may_control(self, *_about: object) -> bool:
        return False

    def sign_in(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=401)

    def form_mark(self, *_about: object) -> str:
        return ""


def sources_of(
    store: Store, recorder: Recorder, present: Present, *, folder: Path, clock: Clock
) -> PageSources:
    """Return what the pages read of a store, whose logs are in *folder*."""
    situations = Situations(
        batches=store.batches,
        recorder=recorder,
        github=present,  # type: ignore[arg-type]  # as much as is asked of it
        slots=present,
        clock=clock,
        face=Face(b"paged"),
    )
    return PageSources(
        presents=situations,
        batches=store.batches,
        lists=store.lists,
        costs=store.costs,
        deliveries=store.deliveries,
        effects=store.effects,
        slots=present,
        budgets=present,  # type: ignore[arg-type]  # as much as is asked of it
        listen=recorder.listen,
        log=lambda attempt: folder / f"{attempt}.log",
        clock=clock,
    )
