"""The page on which an app is named, and to which GitHub leads back.

It listens on loopback only. Who does not know the link gets nothing; GitHub's way back
is known by its ``state``.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from html import escape
from http import HTTPStatus
from secrets import token_urlsafe
from urllib.parse import urlsplit

from aiohttp import web

from bot.core.say import registration as say
from bot.core.world.permissions import PERMISSIONS
from bot.core.world.registration import (
    LONGEST_NAME,
    Wanted,
    is_login,
    registration_page,
)
from bot.errors import UserError
from bot.github.checkup import is_out_of_reach
from bot.setup.registering import Registering, Returned

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(
    r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?(/[\w./~%+=-]*)?", re.ASCII
)
"""An address as it can stand in ``.env``."""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #1f2328; background: #fff }
header { background: #24292f; color: #fff; padding: 8px 20px; display: flex; gap: 16px }
header span { background: #bf8700; border-radius: 12px; padding: 0 10px; font-size: 13px }
main { max-width: 860px; margin: 24px auto; padding: 0 16px }
section { border: 1px solid #d0d7de; border-radius: 8px; padding: 12px 22px; margin: 16px 0 }
h1 { font-size: 26px } h2 { font-size: 18px; margin: 4px 0 8px }
label { display: block; margin: 8px 0 2px } .hint { color: #57606a; font-size: 13px; margin: 2px 0 }
input[type=text] { width: 100%; box-sizing: border-box; font: inherit; padding: 5px 8px }
td { padding: 3px 14px 3px 0; font-size: 14px; vertical-align: top }
button { background: #1f883d; color: #fff; border: 0; border-radius: 6px; padding: 8px 16px; font: inherit; margin: 12px 0 4px; cursor: pointer }
.problem { color: #cf222e; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3 } section { border-color: #30363d }
  .hint { color: #8d96a0 } .problem { color: #ff7b72 }
  input[type=text] { background: #010409; color: inherit; border: 1px solid #30363d }
}
"""


class SetupPages:
    """The pages of one setup."""

    def __init__(self, registering: Registering) -> None:
        self._registering = registering
        self._key = token_urlsafe(24)
        self._site = ""  # where they are served
        self.arrived = asyncio.Event()  # once an app is there

    @property
    def link(self) -> str:
        """The one-time link."""
        return f"{self._site}/{self._key}"

    @property
    def redirect_url(self) -> str:
        """Where GitHub leads back to."""
        return f"{self._site}/registered"

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[int]:
        """Serve them on loopback while the context lasts; yield the port.

        Raises ``OSError`` if that is taken.
        """
        app = web.Application(client_max_size=65_536)
        app.router.add_get("/registered", self._guarded(self._back))
        app.router.add_get("/{key}", self._guarded(self._form))
        app.router.add_post("/{key}", self._guarded(self._post))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, LOOPBACK, port)
            await site.start()
            port = runner.addresses[0][1]
            self._site = f"http://{LOOPBACK}:{port}"
            yield port
        finally:
            await runner.cleanup()

    def _guarded(self, handler: Handler) -> Handler:
        """Return a handler that answers under its own name, and who knows the link."""

        async def guard(request: web.Request) -> web.StreamResponse:
            host = urlsplit(self._site).netloc
            key = request.match_info.get("key", self._key)
            if request.host != host or key != self._key:
                raise web.HTTPNotFound(text=say.not_here())
            return await handler(request)

        return guard

    async def _form(self, _request: web.Request) -> web.StreamResponse:
        made = self._registering.registered
        if made is not None:
            raise web.HTTPSeeOther(made.install_page)
        return self._page(form_of(self._registering, wanted=self._registering.wanted))

    async def _post(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        wanted, fault = wanted_in(form, self._registering.settings.site_url)
        if fault:
            page = form_of(self._registering, wanted=wanted, fault=fault, form=form)
            return self._page(page, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        self._registering.wanted = wanted
        return self._page(self._onward(), sends_itself=True)

    def _onward(self) -> str:
        """Return the form that brings the manifest to GitHub."""
        registering = self._registering
        return manifest_form(registering, self.redirect_url)

    async def _back(self, request: web.Request) -> web.StreamResponse:
        back = Returned(request.query.get("code", ""), request.query.get("state", ""))
        made = self._registering.registered
        if made is not None and back.state == self._registering.state:
            raise web.HTTPSeeOther(made.install_page)  # the page was reloaded
        try:
            made = await self._registering.take(back)
        except UserError as error:
            body = f'<p class="problem">{escape(str(error))}</p>'
            return self._page(body, status=HTTPStatus.FORBIDDEN)
        self.arrived.set()
        raise web.HTTPSeeOther(made.install_page)

    def _page(
        self, body: str, *, status: int = 200, sends_itself: bool = False
    ) -> web.Response:
        nonce = token_urlsafe(12)
        script = (
            f'<script nonce="{nonce}">document.forms[0].submit()</script>'
            if sends_itself
            else ""
        )
        site = self._registering.settings.site_url
        headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'nonce-{nonce}';"
                f" script-src 'nonce-{nonce}'; form-action 'self' {site};"
                " base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "strict-origin",  # the link's key goes nowhere
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        html = (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{say.TITLE}</title><style nonce="{nonce}">{STYLE}</style>'
            f"<header><b>🧺 batch-bot</b><span>{say.BADGE}</span></header>"
            f"<main><h1>{say.TITLE}</h1>{body}</main>{script}</html>"
        )
        return web.Response(
            text=html, content_type="text/html", status=status, headers=headers
        )


def wanted_in(form: Mapping[str, str], site: str) -> tuple[Wanted, str]:
    """Return what the form asks of the GitHub at *site*, and what is wrong with it."""
    way, address = form.get("way", "none"), form.get("address", "").strip()
    wanted = Wanted(
        name=form.get("name", "").strip(),
        organization=form.get("organization", "").strip(),
        address="" if way == "none" else address.rstrip("/"),
        is_channel=way == "channel",
    )
    fault = fault_of(wanted, site)
    if not fault and way != "none" and not wanted.address:
        fault = say.bad_address()
    return wanted, fault


def fault_of(wanted: Wanted, site: str) -> str:
    """Return why there cannot be such an app on the GitHub at *site*; empty if it can."""
    if not 1 <= len(wanted.name) <= LONGEST_NAME:
        return say.bad_name()
    if wanted.organization and not is_login(wanted.organization):
        return say.bad_organization()
    if not wanted.address:
        return ""
    if not _ADDRESS.fullmatch(wanted.address):
        return say.bad_address()
    parts = urlsplit(wanted.address)
    if parts.path and not wanted.is_channel:
        return say.address_with_path()
    if is_out_of_reach(parts.hostname or "", site):
        return say.private_address(parts.hostname or "")
    return ""


def manifest_form(registering: Registering, redirect_url: str) -> str:
    """Return the form with the manifest, which is posted to GitHub."""
    to = registration_page(
        registering.settings.site_url, registering.wanted, registering.state
    )
    text = json.dumps(registering.manifest(redirect_url))
    return (
        f'<form method="post" action="{escape(to)}">'
        f'<input type="hidden" name="manifest" value="{escape(text)}">'
        f"<button>{say.ON}</button></form>"
    )


def form_of(
    registering: Registering,
    *,
    wanted: Wanted,
    fault: str = "",
    form: Mapping[str, str] | None = None,
) -> str:
    """Return the form on which the app is named."""
    chosen = "channel" if wanted.is_channel else "public" if wanted.address else "none"
    way = (form or {}).get("way", chosen)
    address = (form or {}).get("address", wanted.address)
    hint = say.PUBLIC_HINT.format(path=registering.settings.webhook_path)
    ways = "".join(
        f'<label><input type="radio" name="way" value="{value}"'
        f"{' checked' if value == way else ''}> {label}</label>"
        f'<p class="hint">{more}</p>'
        for value, label, more in (
            ("public", say.PUBLIC, hint),
            ("channel", say.CHANNEL, say.CHANNEL_HINT),
            ("none", say.NONE, ""),
        )
    )
    levels: Mapping[str, str] = registering.app["default_permissions"]
    rows = "".join(
        f"<tr><td><b>{escape(name)}</b><td>{escape(level)}"
        f"<td>{escape(PERMISSIONS[name].purpose.replace('`', ''))}"
        for name, level in levels.items()
    )
    problem = f'<p class="problem">{escape(fault)}</p>' if fault else ""
    return (
        f'<p class="hint">{say.INTRODUCTION}</p>'
        f"<details><summary>{say.HAVE_APP}</summary><p>{say.HAVE_APP_HOW}</p></details>"
        f'{problem}<form method="post">'
        f"<section><h2>1 {say.WHERE}</h2>{ways}"
        f'<label for="address">{say.ADDRESS}</label>'
        f'<input type="text" id="address" name="address" value="{escape(address)}">'
        f"</section><section><h2>2 {say.REGISTER}</h2>"
        f'<label for="organization">{say.OWNER}</label>'
        '<input type="text" id="organization" name="organization"'
        f' value="{escape(wanted.organization)}">'
        f'<label for="name">{say.NAME}</label>'
        f'<input type="text" id="name" name="name" maxlength="{LONGEST_NAME}"'
        f' value="{escape(wanted.name)}"><p class="hint">{say.NAME_HINT}</p>'
        f"<h2>{say.MAY}</h2><table>{rows}</table><button>{say.BUTTON}</button>"
        f"</section></form><section><h2>3 {say.INSTALL}</h2>"
        f'<p class="hint">{say.INSTALL_HOW}</p></section>'
    )
