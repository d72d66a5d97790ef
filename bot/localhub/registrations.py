"""How an app is registered from a manifest, and what GitHub refuses of one.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.localhub.accounts import App, User, UserType
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.installations import Installations
from bot.localhub.sign_ins import SignIns

CODE_LIFE = timedelta(hours=1)
LONGEST_NAME = 34
MOST_CALLBACKS = 10
INVALID = "The configuration does not appear to be a valid GitHub App manifest."
NEEDS: Mapping[str, tuple[str, ...]] = {
    "check_run": ("checks",),
    "check_suite": ("checks",),
    "issue_comment": ("issues", "pull_requests"),
    "issue_dependencies": ("issues",),
    "issues": ("issues",),
    "member": ("members", "administration"),
    "merge_group": ("merge_queues",),
    "milestone": ("issues", "pull_requests"),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "pull_request_review_thread": ("pull_requests",),
    "push": ("contents",),
    "repository": ("metadata",),
    "status": ("statuses",),
    "sub_issues": ("issues",),
    "workflow_job": ("actions",),
    "workflow_run": ("actions",),
}
"""Events that an app can subscribe to, and a permission that each takes one of."""
LEVELS = ("read", "write")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What GitHub tells once of an app that a manifest made, besides the app."""

    private_key: str  # PEM
    client_secret: str


@dataclass(slots=True)
class Code:
    """Stands for the secrets of an app, until they are fetched or an hour is over."""

    made: Made
    made_at: datetime
    is_used: bool = False


class Registrations:
    """Manifests, the app that is made of one, and the codes for its secrets."""

    def __init__(self, world: Installations, sign_ins: SignIns) -> None:
        self._world = world
        self._sign_ins = sign_ins
        self._codes: dict[str, Code] = {}

    def owner_of(self, login: str, organization: str) -> User:
        """Return whose app it will be; 404 unless it is theirs to register one there."""
        user = self._world.user(login)
        if not organization:
            return user
        account = self._world.user(organization)
        if account.type is not UserType.ORGANIZATION:
            raise not_found()
        if not self._world.owns(user, account):
            raise not_found()
        return account

    def read(self, text: str) -> Json:
        """Return a manifest; 422 with all that is wrong with it."""
        try:
            manifest = json.loads(text)
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict):
            raise GitHubError(422, INVALID)
        faults = tuple(faults_of(manifest))
        if faults:
            raise GitHubError(422, INVALID, texts=faults)
        return manifest

    def fault_of_name(self, name: str, owner: User) -> str:
        """Return why an app cannot have the name; empty if it can."""
        if not name.strip():
            return "Name can't be blank"
        if len(name) > LONGEST_NAME:
            return f"Name is too long (maximum is {LONGEST_NAME} characters)"
        account = self._world.state.user(slug_of(name))
        is_taken = account is not None and account is not owner
        if is_taken or slug_of(name) == self._world.app.slug:
            return "Name is already taken"
        return ""

    def register(self, login: str, manifest: Json, name: str, owner: User) -> str:
        """Make the app, in the place of the one there was; return the code for it."""
        fault = self.fault_of_name(name, owner)
        if fault:
            raise GitHubError(422, fault)
        world, hook = self._world, manifest.get("hook_attributes") or {}
        for installation in [*world.state.installations.values()]:
            world.uninstall(installation)
        private_key, public_key = new_key()
        slug = slug_of(name)
        world.app = App(
            world.state.next_id(),
            slug,
            bot=world.state.add_user(f"{slug}[bot]", UserType.BOT),
            owner=owner,
            public_key=public_key,
            webhook_secret=token_hex(20),
            permissions={"metadata": "read", **manifest.get("default_permissions", {})},
            events=tuple(manifest.get("default_events", ())),
            created_at=world.now(),
            given_name=name,
            url=str(manifest["url"]),
            description=str(manifest.get("description", "")),
            is_public=bool(manifest.get("public", False)),
        )
        world.private_key = private_key
        world.webhooks.secret = world.app.webhook_secret
        world.webhooks.url = hook.get("url") if hook.get("active", True) else None
        code = token_hex(20)
        made = Made(private_key, client_secret=token_hex(20))
        self._sign_ins.client_secret = made.client_secret
        self._sign_ins.callback_urls = [*manifest.get("callback_urls", ())]
        self._codes[code] = Code(made, world.now())
        return code

    def convert(self, code: str) -> Made:
        """Return the secrets that a code stands for, once and within an hour; or 404."""
        found = self._codes.get(code)
        if (
            found is None
            or found.is_used
            or self._world.now() - found.made_at > CODE_LIFE
        ):
            raise not_found()
        found.is_used = True
        return found.made


def faults_of(manifest: Json) -> Iterator[str]:
    """Yield what GitHub says of a manifest that it does not take."""
    if not manifest.get("url"):
        yield 'Error "url" wasn\'t supplied'
    elif not _is_url(manifest["url"]):
        yield "Url must be a valid URL"
    if not _is_url(manifest.get("redirect_url", "")):
        yield "Redirect url must be a valid URL"
    hook = manifest.get("hook_attributes")
    if isinstance(hook, dict):
        yield from _faults_of_hook(str(hook.get("url") or ""))
    if len(manifest.get("callback_urls", ())) > MOST_CALLBACKS:
        yield f"Callback urls is too long (maximum is {MOST_CALLBACKS})"
    permissions = manifest.get("default_permissions") or {}
    wrong = [name for name, level in permissions.items() if level not in LEVELS]
    if wrong:
        yield f"Default permissions unsupported: {_listed(wrong)}"
    yield from _faults_of_events(manifest.get("default_events") or (), permissions)


def _faults_of_hook(url: str) -> Iterator[str]:
    if not url:
        yield 'Error "url" wasn\'t supplied'  # of the hook, which GitHub does not say
        return
    host = urlsplit(url).hostname or ""
    if not _is_url(url):
        yield "Hook url must be a valid URL"
    elif _is_local(host):
        yield (
            "Hook url is not supported because it isn't reachable over the public"
            f" Internet ({host})"
        )


def _faults_of_events(
    events: Sequence[str], permissions: Mapping[str, str]
) -> Iterator[str]:
    unknown = [event for event in events if event not in NEEDS]
    if unknown:
        yield f"Default events unsupported: {_listed(unknown)}"
    have = {"metadata", *permissions}
    lacking = [
        event for event in events if not have & {*NEEDS.get(event, ("nothing",))}
    ]
    if lacking:
        yield f"Default events are not supported by permissions: {_listed(lacking)}"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _is_url(value: object) -> bool:
    parts = urlsplit(str(value))
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local"))


def slug_of(name: str) -> str:
    """Return an app's name as addresses have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def new_key() -> tuple[str, str]:
    """Return a private and a public key as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()
