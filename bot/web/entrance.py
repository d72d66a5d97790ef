"""Where people come in: by GitHub, by the operator's token, by a link to a batch.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

import re
from collections import deque
from collections.abc import Callable
from html import escape
from secrets import token_urlsafe
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from cachetools import LRUCache
from yarl import URL

from bot.core.model import BatchId
from bot.core.say import entrance as said
from bot.core.say.problems.github import SignInRefused
from bot.core.world.markers import link_mark
from bot.core.world.registration import CALLBACK_PATH
from bot.errors import PermanentError, StoreUnavailable, TransientError
from bot.ports.clock import Clock
from bot.ports.people import Proof, SignIns
from bot.web.access import PageAccess, Reading, Viewer, Ways
from bot.web.cookies import STATE, Cookies
from bot.web.plain import Way, page, wants_json
from bot.web.seals import is_same

SIGN_IN = "/sign-in"
OPERATOR = f"{SIGN_IN}/operator"
SIGN_OUT = "/sign-out"

MOST_WRONG = 5
WRONG_SECONDS = 60.0
"""How many wrong tokens one address may send in so many seconds."""

_MOST_ADDRESSES = 10_000
_LONGEST_PATH = 2_000
_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)
_BATCH = re.compile(r"/batches/([a-z][0-9][a-z][0-9])(?:[./].*)?", re.ASCII)
_CODE = re.compile(r"[\w-]{1,200}", re.ASCII)
_ERROR = re.compile(r"[a-z_]{1,40}", re.ASCII)

log = structlog.get_logger()


def own_path(text: str) -> str:
    """Return a path of this server with its query; ``/`` for whatever leads elsewhere."""
    is_own = len(text) <= _LONGEST_PATH and _PATH.fullmatch(text)
    return text if is_own and not text.startswith((SIGN_IN, SIGN_OUT)) else "/"


def see(path: str) -> web.Response:
    """Return the answer that leads a browser to another page, which learns of no other."""
    headers = {"Location": path, "Referrer-Policy": "no-referrer"}
    return web.Response(status=303, headers=headers)


def comes_from(request: web.Request, site: URL) -> bool:
    """Return whether a form was sent by a page of *site*: browsers say so, and no page
    can say it in their place.
    """
    fetched = request.headers.getall("Sec-Fetch-Site", ())
    origins = request.headers.getall("Origin", ())
    if any(one != "same-origin" for one in fetched):
        return False
    if list(origins) in ([], ["null"]):  # a page may keep it from its own forms
        return bool(fetched)
    return list(origins) == [str(site.origin())]


def turned_away(request: web.Request, ways: Ways) -> web.StreamResponse:
    """Return what a stranger gets instead of any page."""
    if wants_json(request) or request.method not in ("GET", "HEAD"):
        headers = {"WWW-Authenticate": "Bearer"}
        words = {"error": said.stranger_to_programs()}
        return web.json_response(words, status=401, headers=headers)
    here = own_path(request.rel_url.raw_path_qs)
    query = f"?next={quote(here, safe='')}"
    links = []
    if ways.by_github:
        links.append(Way("Sign in with GitHub", f"{SIGN_IN}{query}"))
    if ways.operator_token:
        links.append(Way("Sign in as the operator", f"{OPERATOR}{query}"))
    title, words_ = said.stranger(
        by_github=ways.by_github, by_token=bool(ways.operator_token)
    )
    return page(title, words_, status=401, ways=links)


class Entrance:
    """The routes by which people come in and go."""

    def __init__(
        self,
        *,
        access: PageAccess,
        cookies: Cookies,
        sign_ins: SignIns | None,
        reading: Callable[[], Reading | None],
        link_key: bytes,
        web_url: str,
        clock: Clock,
    ) -> None:
        self._access = access
        self._cookies = cookies
        self._sign_ins = sign_ins  # None: nobody signs in with GitHub
        self._reading = reading
        self._link_key = link_key
        self._site = URL(web_url)
        self._callback = f"{web_url.rstrip('/')}{CALLBACK_PATH}"
        self._clock = clock
        self._wrong: LRUCache[str, deque[float]] = LRUCache(_MOST_ADDRESSES)

    def add_to(self, app: web.Application) -> None:
        """Mount the routes."""
        app.middlewares.append(self._links)
        if self._sign_ins is not None:
            app.router.add_get(SIGN_IN, self._begin, allow_head=False)
            app.router.add_get(CALLBACK_PATH, self._come_back, allow_head=False)
        if self._access.has_operator:
            app.router.add_get(OPERATOR, self._ask_token)
            app.router.add_post(OPERATOR, self._take_token)
        app.router.add_post(SIGN_OUT, self._leave)

    # --- by GitHub ---------------------------------------------------------------

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        """Lead to GitHub, and remember in this browser what for."""
        assert self._sign_ins is not None
        proof = Proof(token_urlsafe(32), token_urlsafe(48))
        response = see(self._sign_ins.address(proof, callback=self._callback))
        kept = {"state": proof.state, "verifier": proof.verifier}
        path = own_path(request.query.get("next", "/"))
        self._cookies.write(response, STATE, {**kept, "next": path})
        return response

    async def _come_back(self, request: web.Request) -> web.StreamResponse:
        """Let in whom GitHub names, in the browser in which that was begun."""
        begun = self._cookies.read(request, STATE)
        query = request.query
        is_ours = bool(begun) and is_same(query.get("state", ""), str(begun["state"]))
        if not is_ours:
            return self._refused(said.not_begun_here(), 400)
        if "error" in query:
            error = query["error"] if _ERROR.fullmatch(query["error"]) else "an error"
            problem = SignInRefused(error)
            return self._refused(said.refused(str(problem), problem.advice), 403)
        if not _CODE.fullmatch(query.get("code", "")):
            return self._refused(said.not_begun_here(), 400)
        proof = Proof(str(begun["state"]), str(begun["verifier"]))
        assert self._sign_ins is not None
        try:
            account = await self._sign_ins.account(
                query["code"], proof, callback=self._callback
            )
        except TransientError as error:
            return self._refused(said.no_answer(str(error)), 503)
        except PermanentError as error:
            log.warning("sign-in refused", error=str(error))
            advice = error.problem.advice
            return self._refused(said.refused(str(error), advice), 403)
        response = see(str(begun["next"]))
        self._cookies.drop(response, STATE)
        self._access.begin(response, token_urlsafe(16), account)
        log.info("signed in", login=account.login)
        return response

    def _refused(self, words: said.Words, status: int) -> web.Response:
        response = page(*words, status=status, ways=[Way("Sign in", SIGN_IN)])
        self._cookies.drop(response, STATE)
        return response

    # --- by token ----------------------------------------------------------------

    async def _ask_token(self, request: web.Request) -> web.StreamResponse:
        path = escape(own_path(request.query.get("next", "/")))
        form = (
            f'<form method="post" action="{OPERATOR}">'
            f'<input type="hidden" name="next" value="{path}">'
            '<p><label for="token">The operator\'s token</label></p>'
            '<p><input id="token" name="token" type="password" required'
            ' autocomplete="current-password"></p><p><button>Sign in</button></p></form>'
        )
        return page("Sign in as the operator", "", form=form)

    async def _take_token(self, request: web.Request) -> web.StreamResponse:
        if not comes_from(request, self._site):
            return page(*said.foreign_form(), status=403)
        now = self._clock.monotonic()
        wrong = self._wrong.setdefault(request.remote or "", deque(maxlen=MOST_WRONG))
        if len(wrong) == MOST_WRONG and now - wrong[0] < WRONG_SECONDS:
            response = page(*said.too_often(), status=429)
            response.headers["Retry-After"] = str(int(WRONG_SECONDS))
            return response
        form = await request.post()
        path = own_path(str(form.get("next", "/")))
        if not self._access.is_token(str(form.get("token", ""))):
            wrong.append(now)
            log.warning("wrong operator's token", remote=request.remote)
            again = Way("Try again", f"{OPERATOR}?next={quote(path, safe='')}")
            return page(*said.wrong_token(), status=403, ways=[again])
        response = see(path)
        self._access.begin(response, token_urlsafe(16), None)
        log.info("operator signed in", remote=request.remote)
        return response

    # --- by link -----------------------------------------------------------------

    @property
    def _links(self) -> Middleware:
        """What exchanges the key in an address for a cookie."""

        @web.middleware
        async def links(request: web.Request, handler: Handler) -> web.StreamResponse:
            found = _BATCH.fullmatch(request.path)
            is_read = request.method in ("GET", "HEAD")
            if found is None or not is_read or "key" not in request.query:
                return await handler(request)
            query = [(n, v) for n, v in request.query.items() if n != "key"]
            path = str(URL(request.rel_url.raw_path, encoded=True).with_query(query))
            response = see(own_path(path))
            if await self._is_key(request.query["key"], BatchId(found[1])):
                self._access.open_link(request, response, BatchId(found[1]))
            return response

        return links

    async def _is_key(self, key: str, batch_id: BatchId) -> bool:
        """Return whether a key opens a batch. One that does not says nothing of it."""
        reading = self._reading()
        if reading is None:
            return False
        try:
            batch = await reading.batch(batch_id)
            if batch is None or not is_same(key, link_mark(batch, self._link_key)):
                return False
            return await reading.is_open(batch_id)
        except StoreUnavailable as error:
            log.warning("link not looked at", batch=batch_id, error=str(error))
            return False

    # --- going -------------------------------------------------------------------

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        """End a session; only a form of this site does."""
        viewer: Viewer = await self._access.viewer(request)
        form = await request.post()
        mark = str(form.get("mark", ""))
        if not comes_from(request, self._site) or not self._access.is_own_form(
            viewer, mark, "sign-out"
        ):
            return page(*said.foreign_form(), status=403)
        response = see("/")
        self._access.end(response, viewer)
        return response
