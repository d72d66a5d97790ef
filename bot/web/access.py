"""Who may see the bot's pages, and who may use what is on them.

The operator, by token; people with the repository's read role, once GitHub has said who
they are; whoever has the link in a batch's comment, that batch. What a browser carries
is closed with this server's keys: nothing is kept here of who has signed in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web
from cachetools import TTLCache

from bot.core.model import Batch, BatchId, Repository, Role
from bot.ports.clock import Clock
from bot.ports.people import Account
from bot.web.cookies import LINKS, SESSION, Cookies
from bot.web.seals import Seals, is_same

_MOST_ENDED = 100_000
_MOST_LINKS = 40
"""How many batches one browser remembers the links of."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page; without any of these, a stranger."""

    login: str = ""  # at GitHub
    is_operator: bool = False
    batches: frozenset[BatchId] = frozenset()  # opened by signed links
    id: int = 0  # of the account, which keeps it
    session: str = ""  # of who signed in at a browser; what its forms are tied to

    @property
    def account(self) -> Account | None:
        """Who GitHub says it is."""
        return Account(self.id, self.login) if self.login else None


class Access(Protocol):
    """Says who looks, and what of it they may see."""

    async def viewer(self, request: web.Request) -> Viewer:
        """Return who looks. Never raises for what a stranger can send."""

    async def may_see(
        self, viewer: Viewer, repository: Repository, batch: BatchId | None
    ) -> bool:
        """Return whether somebody may see a batch, or without one all of a repository."""

    async def opened(self, viewer: Viewer) -> Sequence[BatchId]:
        """Return the batches that somebody may see by their links. Raises
        ``StoreUnavailable``.
        """

    async def may_control(self, viewer: Viewer, repository: Repository) -> bool:
        """Return whether it is worth to offer somebody the controls of batches."""

    def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Return what a stranger gets instead of any page."""

    def form_mark(self, viewer: Viewer, form: str, *about: str) -> str:
        """Return what the page of somebody who signed in sends with a form."""

    @property
    def signs_in(self) -> str:
        """Where somebody signs in; empty if nobody can."""


class Reading(Protocol):
    """What is known of people and of links: ``bot.engine.readers``."""

    async def role(self, repository: Repository, account: Account) -> Role:
        """Return the role that somebody had there some minutes ago at most."""

    async def batch(self, batch_id: BatchId) -> Batch | None:
        """Return a batch."""

    async def is_open(self, batch_id: BatchId) -> bool:
        """Return whether links to a batch still open it."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody can come in."""

    operator_token: str = field(default="", repr=False)  # empty: no operator does
    by_github: bool = False


class PageAccess:
    """The ``Access`` of the running bot."""

    def __init__(
        self,
        *,
        seals: Seals,
        cookies: Cookies,
        ways: Ways,
        reading: Callable[[], Reading | None],
        turn_away: Callable[[web.Request, Ways], web.StreamResponse],
        clock: Clock,
    ) -> None:
        self._seals = seals
        self._cookies = cookies
        self._ways = ways
        self._reading = reading  # None until GitHub has said who the app is
        self._turn_away = turn_away
        self._ended: TTLCache[str, bool] = TTLCache(
            _MOST_ENDED, ttl=SESSION.seconds, timer=clock.monotonic
        )

    async def viewer(self, request: web.Request) -> Viewer:
        """Return who looks: what a program shows counts for itself, without cookies."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":  # others are of proxies in front of this server
            return Viewer(is_operator=self.is_token(given))
        batches = self.links(request)
        session = self._cookies.read(request, SESSION)
        id_ = str(session.get("sid") or "")
        if not id_ or id_ in self._ended:
            return Viewer(batches=batches)
        if "operator" in session:
            token = self._ways.operator_token
            is_operator = bool(token) and is_same(
                str(session["operator"]), self._seals.mark("operator", token)
            )
            if is_operator:
                return Viewer(is_operator=True, batches=batches, session=id_)
            return Viewer(batches=batches)
        login, number = session.get("login"), session.get("id")
        if not (isinstance(login, str) and login and isinstance(number, int)):
            return Viewer(batches=batches)
        return Viewer(login, batches=batches, id=number, session=id_)

    async def may_see(
        self, viewer: Viewer, repository: Repository, batch: BatchId | None
    ) -> bool:
        """Return whether somebody may see a batch, or without one all of a repository."""
        if viewer.is_operator:
            return True
        reading = self._reading()
        if reading is None:
            return False
        is_linked = batch is not None and batch in viewer.batches
        if batch is not None and is_linked and await reading.is_open(batch):
            return True
        account = viewer.account
        if account is None:
            return False
        return await reading.role(repository, account) >= Role.READ

    async def opened(self, viewer: Viewer) -> Sequence[BatchId]:
        """Return the batches that somebody may see by their links. Raises
        ``StoreUnavailable``.
        """
        reading = self._reading()
        if reading is None:
            return ()
        return [one for one in sorted(viewer.batches) if await reading.is_open(one)]

    async def may_control(self, viewer: Viewer, repository: Repository) -> bool:
        """Return whether it is worth to offer somebody the controls of batches.

        It is asked again, of GitHub, when one is used.
        """
        if not viewer.session:
            return False
        account, reading = viewer.account, self._reading()
        if viewer.is_operator or account is None or reading is None:
            return viewer.is_operator
        return await reading.role(repository, account) >= Role.TRIAGE

    def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Return what a stranger gets instead of any page."""
        return self._turn_away(request, self._ways)

    @property
    def has_operator(self) -> bool:
        """Whether the operator has set a token up to come in with."""
        return bool(self._ways.operator_token)

    @property
    def signs_in(self) -> str:
        """Where somebody signs in; empty if nobody can."""
        if self._ways.by_github:
            return "/sign-in"
        return "/sign-in/operator" if self.has_operator else ""

    # --- coming and going --------------------------------------------------------

    def links(self, request: web.Request) -> frozenset[BatchId]:
        """Return the batches whose links a browser has opened."""
        found = self._cookies.read(request, LINKS).get("batches")
        return frozenset(
            map(BatchId, map(str, found if isinstance(found, list) else ()))
        )

    def open_link(
        self, request: web.Request, response: web.StreamResponse, batch_id: BatchId
    ) -> None:
        """Have a browser remember that it has the link of a batch."""
        known = sorted(self.links(request) - {batch_id})
        kept = [*known[-_MOST_LINKS + 1 :], batch_id]
        self._cookies.write(response, LINKS, {"batches": kept})

    def begin(
        self, response: web.StreamResponse, session: str, account: Account | None
    ) -> None:
        """Begin a session of somebody, or of the operator, under a name never used."""
        who: dict[str, object] = {"sid": session}
        if account is None:
            token = self._ways.operator_token
            who["operator"] = self._seals.mark("operator", token)
        else:
            who |= {"id": account.id, "login": account.login}
        self._cookies.write(response, SESSION, who)

    def end(self, response: web.StreamResponse, viewer: Viewer) -> None:
        """End a session, also for who has copied its cookie, and forget the links."""
        if viewer.session:
            self._ended[viewer.session] = True
        self._cookies.drop(response, SESSION)
        self._cookies.drop(response, LINKS)

    def is_token(self, given: str) -> bool:
        """Return whether it is the operator's token; without one set up, nothing is."""
        token = self._ways.operator_token
        return is_same(given, token) and bool(token)

    # --- forms -------------------------------------------------------------------

    def form_mark(self, viewer: Viewer, form: str, *about: str) -> str:
        """Return what the page of somebody who signed in sends with a form."""
        return self._seals.mark("form", viewer.session, form, *about)

    def is_own_form(self, viewer: Viewer, mark: str, form: str, *about: str) -> bool:
        """Return whether a form stood on a page that this person looked at."""
        is_marked = is_same(mark, self.form_mark(viewer, form, *about))
        return is_marked and bool(viewer.session)
