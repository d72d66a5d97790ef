"""The pages that are not about one batch: the list of all, installations, costs."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.core.durations import span
from bot.core.model import BatchId, BatchKind, BatchState, InstallationId, Repository
from bot.core.say import pages as said
from bot.core.say.installations import (
    BudgetRow,
    InstallationRow,
    Overview,
    Standing,
    Weather,
    WorkRow,
    budget_row,
    least_first,
    work_row,
)
from bot.core.say.stats import HEADINGS, cells, footnote, heading
from bot.core.say.view import BatchRow
from bot.ports.store import OVER, WAITING, BatchCounts, BatchesWanted
from bot.web.forms import new_form
from bot.web.pages.charts import svg
from bot.web.pages.documents import (
    LONGEST_TEXT,
    STATES,
    BatchList,
    InstallationList,
)
from bot.web.pages.frame import (
    Frame,
    Look,
    NotThereError,
    UnfitError,
    document,
    number_in,
)
from bot.web.plain import wants_json

_SINCE = ("24h", "7d", "30d", "12w", "52w")
_WORDS = ("repository", "state", "kind", "q")
_WANTED: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "live": {"states": [one for one in BatchState if one.is_live]},
    "waiting": {"states": WAITING},
    "failed": {"has_failed": True},
    "over": {"states": OVER},
}
_STATES = (
    ("", "All"),
    ("live", "With work left"),
    ("waiting", "Waiting"),
    ("failed", "With failures"),
    ("over", "Ended"),
)
_KINDS = (
    ("", "any"),
    (str(BatchKind.ISSUE_IMPLEMENTATION), "implementing issues"),
    (str(BatchKind.PR_REVIEW), "reviewing pull requests"),
    (str(BatchKind.MIXED), "anything else"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list was asked for."""

    repository: str = ""
    state: str = ""
    kind: str = ""
    q: str = ""
    before: int = 0

    @property
    def is_filtered(self) -> bool:
        """Whether not everything was asked for."""
        return any((self.repository, self.state, self.kind, self.q))

    def older(self, before: int) -> str:
        """Return the address of the next page; empty if there is none."""
        return self._address(before=str(before)) if before else ""

    def sort(self, state: str) -> str:
        """Return the address of the same list with what is in another state."""
        return self._address(state=state)

    def _address(self, **changes: str) -> str:
        words = {name: getattr(self, name) for name in _WORDS} | changes
        query = urlencode({name: word for name, word in words.items() if word})
        return f"/?{query}" if query else "/"


def asked(request: web.Request) -> Asked:
    """Return what a list was asked for. Raises ``UnfitError``."""
    words = {name: request.query.get(name, "") for name in _WORDS}
    if any(len(word) > LONGEST_TEXT for word in words.values()):
        message = f"No part of it may be longer than {LONGEST_TEXT} characters."
        raise UnfitError(message)
    if words["state"] not in ("", *STATES):
        message = f"The state is one of {', '.join(STATES)}."
        raise UnfitError(message)
    if words["kind"] not in ("", *BatchKind):
        message = f"The kind is one of {', '.join(BatchKind)}."
        raise UnfitError(message)
    words["q"] = words["q"].strip()
    return Asked(**words, before=number_in(request, "before"))


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with what it finds: a link."""

    label: str
    count: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch of a list; ``form`` is empty for who may not control it."""

    row: BatchRow
    form: str
    mark: str


class Lists:
    """Answers with what there is of everything."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    # --- batches -----------------------------------------------------------------

    async def batches(self, look: Look) -> web.StreamResponse:
        """Answer with the batches that somebody may see."""
        wanted = asked(look.request)
        version = look.boards.version  # what happens from here on is told by the stream
        repositories = await self._repositories(look)
        chosen = [one for one in repositories if wanted.repository in ("", one.name)]
        is_any = wanted.repository == ""
        linked = await look.access.opened(look.viewer) if is_any else ()
        standings = _of(await look.boards.standings.live(), chosen, linked)
        fits = BatchesWanted(
            [one.id for one in chosen],
            batches=linked,
            also=[one.batch for one in standings if one.is_kept_waiting],
            kind=BatchKind(wanted.kind) if wanted.kind else None,
            text=wanted.q,
            before=wanted.before,
            **_WANTED[wanted.state],
        )
        counts = await look.boards.counts(fits)
        also = fits.also if wanted.state == "waiting" else ()
        found = await look.sources.lists.wanted(replace(fits, also=also))
        rows = tuple([await look.boards.row(one) for one in found.batches])
        overview = await self._overview(look, chosen, standings)
        if wants_json(look.request):
            return document(BatchList(rows, counts, overview, found.next))
        return self._frame.answer(
            look,
            "list.html",
            version=look.boards.stamp(version),
            about=said.whose_batches(
                is_operator=look.viewer.is_operator,
                is_signed_in=bool(look.viewer.login),
            ),
            nothing=said.nothing_found(is_filtered=wanted.is_filtered),
            asked=wanted,
            overview=overview,
            chips=_chips(wanted, counts),
            listed=await self._listed(look, rows, repositories),
            back=look.request.rel_url.raw_path_qs,
            older=wanted.older(found.next),
            repositories=sorted({one.name for one in repositories}),
            kinds=_KINDS,
        )

    async def _listed(
        self, look: Look, rows: Iterable[BatchRow], repositories: Iterable[Repository]
    ) -> Sequence[Listed]:
        """Return rows with what somebody may do to them."""
        places = {one.name: one for one in repositories}
        may: dict[str, bool] = {}
        listed = []
        for row in rows:
            place = places.get(row.repository)
            if place is not None and row.offers and row.repository not in may:
                may[row.repository] = await look.access.may_control(look.viewer, place)
            is_controlled = bool(row.offers) and may.get(row.repository, False)
            form = new_form(look.access, look.viewer, row.id) if is_controlled else None
            listed.append(Listed(row, *(form or ("", ""))))
        return listed

    async def _overview(
        self, look: Look, chosen: Sequence[Repository], standings: Sequence[Standing]
    ) -> Overview:
        """Return the figures of the installations of some repositories."""
        accounts = _accounts(chosen)
        # Others of the same installation spend the same requests and take its slots.
        live = await look.boards.standings.live()
        budgets = [self._budget(look, one, live, accounts[one]) for one in accounts]
        is_operator = look.viewer.is_operator
        return Overview(
            tuple(least_first(budgets)),
            self._work(look, tuple(accounts), standings),
            await look.boards.standings.deliveries() if is_operator else None,
            look.sources.clock.now(),
        )

    async def _repositories(self, look: Look) -> Sequence[Repository]:
        known = await look.sources.lists.repositories()
        may_see = self._frame.access.may_see
        seen = await asyncio.gather(*(may_see(look.viewer, one, None) for one in known))
        return [one for one, may in zip(known, seen, strict=True) if may]

    # --- installations -----------------------------------------------------------

    async def installations(self, look: Look) -> web.StreamResponse:
        """Answer, to the operator alone, with how installations stand."""
        if not look.viewer.is_operator:
            raise NotThereError
        version = look.boards.version
        rows = tuple(await self._installations(look))
        if wants_json(look.request):
            return document(InstallationList(rows))
        return self._frame.answer(
            look,
            "installations.html",
            installations=rows,
            version=look.boards.stamp(version),
        )

    async def _installations(self, look: Look) -> Sequence[InstallationRow]:
        accounts = _accounts(await look.sources.lists.repositories())
        live = await look.boards.standings.live()
        rows = []
        for one, names in accounts.items():
            own = [found for found in live if found.installation == one]
            batches = [await look.boards.row(found.batch) for found in own]
            budget = self._budget(look, one, own, names)
            rows.append(
                InstallationRow(budget, self._work(look, (one,), own), tuple(batches))
            )
        return rows

    def _budget(
        self,
        look: Look,
        installation: InstallationId,
        live: Iterable[Standing],
        accounts: tuple[str, ...],
    ) -> BudgetRow:
        sources = look.sources
        told = sources.budgets.budget(installation)
        budget = sources.presents.budget(installation)
        return budget_row(
            installation,
            Weather(budget, told.held_until, told.outage),
            live,
            accounts=accounts,
            now=sources.clock.now(),
        )

    def _work(
        self,
        look: Look,
        installations: tuple[InstallationId, ...],
        live: Iterable[Standing],
    ) -> WorkRow:
        free = look.sources.slots.capacity(installations).installations
        own = [free[one] for one in installations if one in free]
        return work_row(own, live, look.sources.clock.now())

    # --- costs -------------------------------------------------------------------

    async def stats(self, look: Look) -> web.StreamResponse:
        """Answer, to the operator alone, with what batches cost over time."""
        if not look.viewer.is_operator:
            raise NotThereError
        since = span(look.request.query.get("since", "30d"))
        if since is None:
            message = f"since is a time such as {', '.join(_SINCE)}."
            raise UnfitError(message)
        sources, now = look.sources, look.sources.clock.now()
        told = await sources.costs.between(now - since, now)
        if wants_json(look.request):
            return document(told)
        drawn = svg(self._frame.templates, told, is_alone=False)
        return self._frame.answer(
            look,
            "stats.html",
            heading=heading(told),
            footnote=footnote(),
            headings=HEADINGS,
            rows=[cells(row) for row in told.rows],
            charts=drawn if told.rows else "",
            times=_SINCE,
            asked=look.request.query.get("since", "30d"),
        )


def _of(
    live: Iterable[Standing],
    repositories: Iterable[Repository],
    also: Iterable[BatchId],
) -> Sequence[Standing]:
    """Return those of some repositories, and of the others some batches."""
    places, names = {one.id for one in repositories}, {*also}
    return [one for one in live if one.repository in places or one.batch in names]


def _accounts(
    repositories: Iterable[Repository],
) -> Mapping[InstallationId, tuple[str, ...]]:
    """Return the installations of repositories, each with its accounts."""
    found: dict[InstallationId, dict[str, None]] = {}
    for one in repositories:
        found.setdefault(one.installation_id, {})[one.name.partition("/")[0]] = None
    return {installation: tuple(names) for installation, names in found.items()}


def _chips(wanted: Asked, counts: BatchCounts) -> Sequence[Chip]:
    more = "" if counts.is_whole else "+"
    return [
        Chip(
            label,
            f"{getattr(counts, state or 'all'):,}{more}",
            wanted.sort(state),
            state == wanted.state,
        )
        for state, label in _STATES
    ]
