"""``setup`` from its first question to an installed app."""

import asyncio
import base64
import random
import socket
import sys
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from secrets import token_hex

from bot.core.say import registration as say
from bot.core.world.redaction import Secrets
from bot.core.world.registration import Wanted, suggested_name
from bot.errors import UserError
from bot.github.registration import Installed, Registered, first_installation
from bot.host.clock import SystemClock
from bot.ports.clock import Clock
from bot.settings import Settings, dotfile, environment, settings_that_fit, variables
from bot.setup import typed
from bot.setup.pages import SetupPages, fault_of, manifest_form
from bot.setup.registering import Registering, app_of_file, returned

FILE = Path(".env")
WHO = (
    "APP_ID", "PRIVATE_KEY", "PRIVATE_KEY_PATH", "WEBHOOK_SECRET",
    "CLIENT_ID", "CLIENT_SECRET",
)  # fmt: skip
WAYS_OF = {
    "WEB_URL": ("WEBHOOK_PROXY_URL", "BATCH_POLL"),
    "WEBHOOK_PROXY_URL": ("BATCH_POLL",),
    "BATCH_POLL": ("WEBHOOK_PROXY_URL",),
}
"""How deliveries come, and what would have them come in another way."""
WHERE = ("GHE_HOST", "GHE_PROTOCOL", "GITHUB_API_URL")
"""Which GitHub the app is of: said in the environment, it is written down too."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed behind ``setup``; what is empty is as the settings have it."""

    organization: str = ""
    name: str = ""
    address: str = ""
    port: int = 0
    prints: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """What is there before anything is done."""

    settings: Settings
    app_id: str  # of an app that is set up in the file; empty if none is
    taken: Sequence[str]  # variables of the file that a new app's values replace
    where: Mapping[str, str]  # which GitHub, as far as the environment names it
    in_environment: Sequence[str]  # and those that come before the file
    where_faults: Sequence[str]  # what is wrong with the settings that name GitHub
    other_faults: Sequence[str]


Say = Callable[[str], None]


def look() -> Before:
    """Return what is set up already. Raises ``UserError`` for a file that cannot be read."""
    found = settings_that_fit()
    in_file = dotfile.values_in(FILE, interpolate=False)
    values = {name: value for name, value in in_file.items() if value}
    known = variables()
    names = [one for name in WHO for one in (name, *known[name])]
    given = environment()
    where = {name: given[name] for name in WHERE if given.get(name)}
    elsewhere = [name for name in where if values.get(name, where[name]) != where[name]]
    apart = ("APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET")
    return Before(
        settings=found.settings,
        app_id=next(
            (values[n] for n in ("APP_ID", *known["APP_ID"]) if n in values), ""
        ),
        taken=[*(name for name in names if name in values), *elsewhere],
        where=where,
        in_environment=[name for name in names if given.get(name)],
        where_faults=[one for one in found.faults if one.startswith(WHERE)],
        other_faults=[
            one for one in found.faults if not one.startswith((*WHERE, *apart))
        ],
    )


def check(before: Before, *, prints: bool) -> None:
    """Raise ``UserError`` if a new app could not be set up here."""
    if before.where_faults:
        raise UserError(say.where_is_github(before.where_faults))
    if prints:
        return
    if before.in_environment:
        raise UserError(say.in_the_environment(before.in_environment))
    try:
        dotfile.check_writable(FILE)
    except OSError as error:
        why = str(error.strerror)
        raise UserError(say.file_cannot_be_written(str(FILE), why)) from error


async def set_up(
    before: Before, options: Options, tell: Say, *, clock: Clock | None = None
) -> Installed | None:
    """Have an app registered and installed; return where, None if not yet.

    *tell* is given what the operator reads. Raises ``UserError`` with what keeps it from
    that, or, once the app is there, the file from having its settings.
    """
    settings, secrets, clock = before.settings, Secrets(), clock or SystemClock()
    proposed = _proposed(settings, options)
    typed_only = replace(proposed, address=options.address, is_channel=False)
    if fault := fault_of(typed_only, settings.site_url):
        raise UserError(say.not_begun(fault))
    keeping = Keeping(before, prints=options.prints, tell=tell)
    registering = Registering(
        settings, clock, secrets, app_of_file(), proposed,
        keep=keeping.keep,
    )  # fmt: skip
    pages = SetupPages(registering)
    try:
        async with AsyncExitStack() as stack:
            try:
                port = await stack.enter_async_context(pages.served(options.port))
            except OSError as error:
                message = f"Port {options.port} cannot be used: {error.strerror}."
                raise UserError(message) from error
            _invite(pages, registering, port, tell)
            await _arrival(pages, registering, tell)
            made = registering.registered
            assert made is not None
            tell(say.registered(made.slug, made.html_url))
            tell(say.install_it(made.install_page))
            installed = await first_installation(
                made,
                api_url=settings.api_url,
                proxy=settings.proxy,
                clock=clock,
                random=random.random,
                secrets=secrets,
            )
    except asyncio.CancelledError:
        made = registering.registered
        words = (
            say.stopped_before_installing(made.install_page) if made else say.stopped()
        )
        tell(f"\n{words}")
        if keeping.has_failed:
            tell(say.start_by_hand(str(FILE)))
        return None
    tell(say.installed(installed.account, installed.repositories, installed.count))
    first = installed.repositories[0] if installed.repositories else ""
    tell(say.what_next(first))
    if not settings.commands:
        tell(say.no_command_yet())
    if keeping.has_failed:
        raise UserError(say.start_by_hand(str(FILE)))
    return installed


def _proposed(settings: Settings, options: Options) -> Wanted:
    name = suggested_name(
        str(app_of_file()["name"]),
        organization=options.organization,
        unlike=token_hex(2),
    )
    address, is_channel = options.address, False
    if not address and settings.webhook_proxy_url:
        address, is_channel = settings.webhook_proxy_url, True
    elif not address and not settings.polls:
        address = settings.web_url
    return Wanted(options.name or name, options.organization, address, is_channel)


def _invite(pages: SetupPages, registering: Registering, port: int, tell: Say) -> None:
    """Say where it begins; where there is no browser, also how it is done elsewhere."""
    has_screen = has_browser(environment(), sys.platform)
    is_opened = has_screen and webbrowser.open(pages.link)
    tell(say.open_link(pages.link, is_opened=is_opened))
    if not has_screen:
        page = _page_to_carry(registering, pages.redirect_url)
        tell(say.from_elsewhere(socket.gethostname(), port, page))


def has_browser(variables: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser that is started here shows on the operator's screen."""
    if variables.get("SSH_CONNECTION") or variables.get("SSH_TTY"):
        return False
    is_windowed = variables.get("DISPLAY") or variables.get("WAYLAND_DISPLAY")
    return platform == "darwin" or bool(is_windowed)


def _page_to_carry(registering: Registering, redirect_url: str) -> str:
    """Return the form for GitHub as an address that holds the whole page."""
    html = (
        f'<!doctype html><meta charset="utf-8"><h1>{escape(say.TITLE)}</h1>'
        f"{manifest_form(registering, redirect_url)}"
    )
    return f"data:text/html;base64,{base64.b64encode(html.encode()).decode()}"


async def _arrival(pages: SetupPages, registering: Registering, tell: Say) -> None:
    """Return once the app is there, by the browser or by what is pasted."""
    arrived = asyncio.create_task(pages.arrived.wait())
    pasted = asyncio.create_task(_pasted(registering, tell))
    try:
        await asyncio.wait((arrived, pasted), return_when=asyncio.FIRST_COMPLETED)
        if not pasted.done():
            return
        if not pasted.result():  # nobody types anything
            await arrived
    finally:
        for task in (arrived, pasted):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _pasted(registering: Registering, tell: Say) -> bool:
    """Return True once an address that was pasted has led to the app."""
    async for line in typed.lines():
        if not line.strip():
            continue
        back = returned(line)
        if back is None:
            tell(say.not_an_address())
            continue
        try:
            await registering.take(back)
        except UserError as error:
            tell(str(error))
        else:
            return True
    return False


@dataclass(slots=True)
class Keeping:
    """Puts what GitHub tells once where it stays."""

    before: Before
    prints: bool
    tell: Say
    has_failed: bool = False  # the file could not be written

    def keep(self, made: Registered, wanted: Wanted) -> None:
        """Write ``.env``, or print its lines if that fails, or is wanted."""
        values = {**values_of(made, wanted), **self.before.where}
        if self.prints:
            _print(values)
            return
        gone = {*self.before.taken, *WAYS_OF[_way(wanted)]} - {*values}
        try:
            text = FILE.read_text("utf-8-sig") if FILE.exists() else ""
            dotfile.write(FILE, dotfile.changed(text, values, without=sorted(gone)))
        except OSError as error:
            self.has_failed = True
            self.tell(say.not_written(str(FILE), str(error.strerror)))
            _print(values)
            return
        self.tell(say.written(str(FILE), list(values)))


def values_of(made: Registered, wanted: Wanted) -> Mapping[str, str]:
    """Return the variables of a new app, in the form of ``.env``."""
    values = {
        "APP_ID": str(made.id),
        # On one line, and without quotes: systemd and containers read the file too.
        "PRIVATE_KEY": base64.b64encode(made.private_key.encode()).decode(),
        "WEBHOOK_SECRET": made.webhook_secret,
        "CLIENT_ID": made.client_id,
        "CLIENT_SECRET": made.client_secret,
    }
    way = _way(wanted)
    return {**values, way: wanted.address or "true"}


def _way(wanted: Wanted) -> str:
    """Return the variable that says how deliveries come."""
    if not wanted.address:
        return "BATCH_POLL"
    return "WEBHOOK_PROXY_URL" if wanted.is_channel else "WEB_URL"


def _print(values: Mapping[str, str]) -> None:
    sys.stdout.write("".join(f"{name}={value}\n" for name, value in values.items()))
    sys.stdout.flush()
