"""What only GitHub knows of the app: its registration, its webhook, where it is installed.

Unlike what the running bot says of itself this asks GitHub, a few requests for each
part. Links lead to the page that mends what was found.

https://docs.github.com/rest/apps/webhooks
"""

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.core.command.trigger import EVENTS, WAKING
from bot.core.model import InstallationId
from bot.core.say import checkup as say
from bot.core.say import findings
from bot.core.say.findings import Words
from bot.core.world.budget import DEFAULT_RESERVE, Reserve
from bot.core.world.permissions import ORGANIZATIONS_ONLY, PERMISSIONS, lacking
from bot.errors import NotFound, PermanentError, TransientError
from bot.github import examined
from bot.github.client import Client
from bot.ports.clock import Clock
from bot.ports.examined import Examined, Finding, State

ALWAYS_SENT = frozenset({"installation", "installation_repositories"})
"""Events that every app gets without subscribing to them."""

NEEDED_EVENTS = (EVENTS | WAKING) - ALWAYS_SENT

MOST_ASKED = 20
"""Installations that are asked what is left to them, and repositories looked for."""

WEBHOOK = "webhook"
DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the settings say of deliveries and repositories."""

    webhook_path: str
    site: str = "https://github.com"  # where people see that GitHub
    web_url: str = ""
    proxy_url: str = ""
    polls: bool = False  # deliveries are taken from GitHub's list
    secrets: tuple[str, ...] = field(default=(), repr=False)
    repositories: tuple[str, ...] = ()  # owner/name or owner/*; none: all
    reserve: Reserve = DEFAULT_RESERVE


class About:
    """The app's registration, asked for once by whoever needs it first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked: asyncio.Task[Mapping[str, Any]] | None = None

    async def of_app(self) -> Mapping[str, Any]:
        """Return ``GET /app``; what it raised once is raised again."""
        if self._asked is None:
            self._asked = asyncio.create_task(self._client.app.get("/app"))
        return await asyncio.shield(self._asked)

    async def page(self, name: str = "") -> str:
        """Return the address of a page of the app's settings, for its owner."""
        about = await self.of_app()
        parts = urlsplit(str(about["html_url"]))
        owner = about.get("owner") or {}
        # An Enterprise account is an owner without a login.
        is_organization = owner.get("type") == "Organization"
        of = f"/organizations/{owner['login']}" if is_organization else ""
        path = f"{of}/settings/apps/{about['slug']}{name and f'/{name}'}"
        return f"{parts.scheme}://{parts.netloc}{path}"

    async def install_page(self) -> str:
        """Return where the app is installed."""
        about = await self.of_app()
        return f"{about['html_url']}/installations/new"


class Asked:
    """A part that asks GitHub; an answer that is none is what was found."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        look: Callable[[], Awaitable[Sequence[Finding]]],
    ) -> None:
        self._client = client
        self._clock = clock
        self._look = look

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        try:
            return await self._look()
        except (TransientError, PermanentError) as error:
            ledger, now = self._client.ledger, self._clock.now()
            broken = [
                one
                for one in examined.of_ledger(ledger, now)
                if one.state is not State.FINE
            ]
            words = findings.told(error.problem)
            return broken or [Finding(examined.PART, State.BROKEN, *words)]


def parts(client: Client, clock: Clock, expected: Expected) -> Mapping[str, Examined]:
    """Return what can be asked of GitHub, by name."""
    about = About(client)
    looks: Mapping[str, Callable[[], Awaitable[Sequence[Finding]]]] = {
        "the app": Registration(client, clock, about).look,
        "the webhook": Hook(client, about, expected).look,
        "the installations": Installed(client, about, expected).look,
    }
    return {name: Asked(client, clock, look) for name, look in looks.items()}


@dataclass(frozen=True, slots=True)
class Registration:
    """The key, the clock, and what the app asks of whoever installs it."""

    client: Client
    clock: Clock
    about: About

    async def look(self) -> Sequence[Finding]:
        """Ask who the app is."""
        about = await self.about.of_app()
        ahead = abs(self.client.ledger.clock.ahead_seconds)
        known = findings.app_known(
            str(about["slug"]), int(about["id"]), int(about.get("installations_count") or 0)
        )  # fmt: skip
        found = [
            *examined.of_ledger(self.client.ledger, self.clock.now()),
            Finding("app", State.FINE, *known),
        ]
        if ahead <= examined.MOST_CLOCK_SECONDS:
            found.append(Finding("clock", State.FINE, *say.clock_agrees(ahead)))
        page = await self.about.page("permissions")
        return [*found, *of_registration(about, page)]


def of_registration(about: Mapping[str, Any], page: str) -> Iterator[Finding]:
    """Yield what the registration lacks of what the bot uses."""
    levels, events = about.get("permissions") or {}, about.get("events") or []
    permissions = lacking(levels)
    if permissions:
        is_needed = any(not PERMISSIONS[name].is_optional for name in permissions)
        named = [f"{name}: {PERMISSIONS[name].level}" for name in permissions]
        state = State.BROKEN if is_needed else State.NOTE
        words = say.app_lacks_permissions(named, page)
        yield Finding("permissions", state, *words)
    missing = sorted(NEEDED_EVENTS - {*events})
    if missing:
        state = State.BROKEN if "issue_comment" in missing else State.NOTE
        yield Finding("events", state, *say.app_lacks_events(missing, page))
    if not permissions and not missing:
        words = say.app_is_complete(len(PERMISSIONS), len(NEEDED_EVENTS))
        yield Finding("permissions", State.FINE, *words)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where GitHub delivers to, and what became of the last delivery."""

    client: Client
    about: About
    expected: Expected

    async def look(self) -> Sequence[Finding]:
        """Ask how the webhook is set, and for the newest delivery."""
        page = await self.about.page()
        config = await self.client.app.get("/app/hook/config")
        found = [*of_hook(config, self.expected, page)]
        listed = await self.client.app.get(
            "/app/hook/deliveries{?per_page}", per_page=1
        )
        if not listed:
            words = say.nothing_delivered()
            return [*found, Finding(DELIVERIES, State.NOTE, *words)]
        number = int(listed[0]["id"])
        newest = await self.client.app.get("/app/hook/deliveries/{id}", id=number)
        return [*found, *of_delivery(newest, self.expected, page)]


def of_hook(
    config: Mapping[str, Any], expected: Expected, page: str
) -> Iterator[Finding]:
    """Yield what is to be said of ``GET /app/hook/config``."""
    address = str(config.get("url") or "")
    if not address:
        yield Finding(WEBHOOK, State.BROKEN, *say.hook_without_address(page))
        return
    found = [
        Finding(WEBHOOK, state, *words)
        for state, words in _faults_of_hook(config, address, expected, page)
    ]
    yield from found or [Finding(WEBHOOK, State.FINE, *say.hook_goes_to(address))]


def _faults_of_hook(
    config: Mapping[str, Any], address: str, expected: Expected, page: str
) -> Iterator[tuple[State, Words]]:
    parts = urlsplit(address)
    wanted = expected.proxy_url or expected.web_url
    variable = "WEBHOOK_PROXY_URL" if expected.proxy_url else "WEB_URL"
    paths = ("", "/", expected.webhook_path)
    if wanted and not expected.polls and not address.startswith(wanted):
        yield State.NOTE, say.hook_goes_elsewhere(address, wanted, variable, page)
    elif not (expected.proxy_url or expected.polls) and parts.path not in paths:
        path = expected.webhook_path
        yield State.NOTE, say.hook_other_path(address, path, page)
    if expected.polls:
        return  # where it leads to matters to nobody
    if is_out_of_reach(parts.hostname or "", expected.site) and not wanted:
        yield State.NOTE, say.hook_not_public(address, page)
    content_type = str(config.get("content_type") or "form")
    if content_type != "json":
        yield State.BROKEN, say.hook_content_type(content_type, page)
    if not config.get("secret"):
        yield State.BROKEN, say.hook_without_secret(page)
    if str(config.get("insecure_ssl", "0")) == "1":
        yield State.NOTE, say.hook_insecure(page)


def is_out_of_reach(host: str, site: str) -> bool:
    """Return whether the GitHub at *site* cannot get to a host.

    That is one of this machine or, unless it is an Enterprise server, which has a place
    in such a network itself, one in a network of somebody's own.
    """
    own = urlsplit(site).hostname or ""
    is_public = own == "github.com" or own.endswith(".ghe.com")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        is_local = host == "localhost" or host.endswith(".localhost")
        return is_local or (is_public and host.endswith((".local", ".internal")))
    return address.is_loopback or (is_public and not address.is_global)


def of_delivery(
    delivery: Mapping[str, Any], expected: Expected, page: str
) -> Iterator[Finding]:
    """Yield what became of a delivery, and whether its signature is of a secret."""
    event, status = str(delivery["event"]), int(delivery["status_code"])
    at = datetime.fromisoformat(delivery["delivered_at"])
    fits = signs(delivery, expected.secrets)
    if expected.polls:
        yield Finding(DELIVERIES, State.FINE, *say.listed(event, at))
    elif 200 <= status < 300:
        yield Finding(DELIVERIES, State.FINE, *say.delivered(event, at))
    elif status == 401 and not fits:
        words = say.refused_signature(event, at, page)
        yield Finding(DELIVERIES, State.BROKEN, *words)
    elif 300 <= status < 500:
        words = say.answered_elsewhere(status, event, at, expected.webhook_path)
        yield Finding(DELIVERIES, State.NOTE, *words)
    else:
        said = str(delivery.get("status") or "")
        words = say.not_delivered(status, said, event, at)
        yield Finding(DELIVERIES, State.NOTE, *words)
    if fits:
        yield Finding("secret", State.FINE, *say.secret_fits(event))


def signs(delivery: Mapping[str, Any], secrets: Sequence[str]) -> bool:
    """Return whether one of *secrets* is certain to have signed a delivery.

    GitHub lists what it signed as JSON, not byte by byte: what does not fit says nothing.
    """
    asked = delivery.get("request") or {}
    headers = {k.lower(): str(v) for k, v in (asked.get("headers") or {}).items()}
    signature = headers.get("x-hub-signature-256", "")
    body = json.dumps(
        asked.get("payload"), ensure_ascii=False, separators=(",", ":")
    ).encode(errors="surrogatepass")
    return any(
        hmac.compare_digest(
            f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}", signature
        )
        for secret in secrets
    )


@dataclass(frozen=True, slots=True)
class Installed:
    """What each installation grants, and what is left to it."""

    client: Client
    about: About
    expected: Expected

    async def look(self) -> Sequence[Finding]:
        """List the installations, and ask the first of them what is left."""
        about = await self.about.of_app()
        pages = self.client.app.pages("/app/installations{?per_page}", per_page=100)
        installations = [one async for one in pages]
        if not installations:
            words = say.installed_nowhere(await self.about.install_page())
            return [Finding("installations", State.NOTE, *words)]
        events = NEEDED_EVENTS & {*about.get("events", ())}
        asks_for = about.get("permissions") or {}
        found = [
            one
            for each in installations
            for one in of_installation(each, asks_for=asks_for, events=events)
        ]
        at_work = [each for each in installations if not each.get("suspended_at")]
        asked = await asyncio.gather(*map(self._budget, at_work[:MOST_ASKED]))
        found += asked
        if len(at_work) > MOST_ASKED:
            words = say.more_installations(MOST_ASKED, len(at_work))
            found.append(Finding("budget", State.NOTE, *words))
        return [*found, *await self._unseen(installations)]

    async def _budget(self, installation: Mapping[str, Any]) -> Finding:
        account = _account(installation)
        connection = self.client.installation(InstallationId(int(installation["id"])))
        try:
            reached = await connection.get(
                "/installation/repositories{?per_page}", per_page=1
            )
            repositories = int(reached["total_count"])
        except (TransientError, PermanentError) as error:
            words, advice = findings.told(error.problem)
            return Finding("budget", State.NOTE, f"{account}: {words}", advice)
        try:
            core = (await connection.get("/rate_limit"))["resources"]["core"]
        except NotFound:
            return Finding("budget", State.FINE, say.no_limits(account, repositories))
        limit, left = int(core["limit"]), int(core["remaining"])
        reset_at = datetime.fromtimestamp(int(core["reset"]), UTC)
        words = say.budget(account, left, limit, reset_at, repositories)
        reserve = self.expected.reserve.of(limit)
        if left <= reserve:
            return Finding("budget", State.NOTE, words, say.short_of_requests(reserve))
        return Finding("budget", State.FINE, words)

    async def _unseen(
        self, installations: Sequence[Mapping[str, Any]]
    ) -> list[Finding]:
        """Return which repositories of the settings the app is not installed on."""
        accounts = {_account(each).lower() for each in installations}

        async def is_seen(name: str) -> bool:
            owner, _, repository = name.partition("/")
            if owner.lower() not in accounts:
                return False
            if repository == "*":
                return True
            path = "/repos/{+repository}/installation"
            try:
                await self.client.app.get(path, repository=name)
            except NotFound:
                return False
            return True

        names = self.expected.repositories[:MOST_ASKED]
        seen = await asyncio.gather(*map(is_seen, names))
        unseen = [
            name for name, is_there in zip(names, seen, strict=True) if not is_there
        ]
        if not unseen:
            return []
        words = say.not_installed_on(unseen, await self.about.install_page())
        return [Finding("repositories", State.NOTE, *words)]


def of_installation(
    installation: Mapping[str, Any],
    *,
    asks_for: Mapping[str, str],
    events: frozenset[str],
) -> Iterator[Finding]:
    """Yield what an installation lacks of what the app has in its registration.

    What the app itself does not ask for is said of the app.
    """
    account, page = _account(installation), str(installation["html_url"])
    if installation.get("suspended_at"):
        yield Finding("installations", State.NOTE, *say.suspended(account, page))
        return
    apart = {*lacking(asks_for)}
    if str(installation.get("target_type")) == "User":
        apart |= ORGANIZATIONS_ONLY  # which it has not to grant
    missing = {
        f"{name}: {PERMISSIONS[name].level}": PERMISSIONS[name].purpose
        for name in lacking(installation.get("permissions") or {})
        if name not in apart
    }
    if missing:
        words = say.not_granted(account, missing, page)
        yield Finding("permissions", State.NOTE, *words)
    untold = sorted(events - {*(installation.get("events") or ())})
    if untold:
        yield Finding("events", State.NOTE, *say.not_told_of(account, untold, page))


def _account(installation: Mapping[str, Any]) -> str:
    account = installation.get("account") or {}
    return str(account.get("login") or account.get("slug") or installation["id"])
