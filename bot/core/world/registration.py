"""How the app is registered: the manifest that GitHub is shown, and what comes back.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_NAME = 34
NOWHERE = "https://batch-bot.invalid"
"""Where a webhook leads that nobody can receive: GitHub lists only what it tried."""

CALLBACK_PATH = "/sign-in/callback"
"""Where GitHub leads back to who signs in at the bot's pages, below its address."""

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The app as its owner wants it.

    ``organization`` is empty for an account of one's own; ``address`` is where GitHub
    delivers to, a smee channel if ``is_channel``, and empty for nowhere.
    """

    name: str
    organization: str = ""
    address: str = ""
    is_channel: bool = False


def suggested_name(name: str, *, organization: str, unlike: str) -> str:
    """Return a name that nobody else's app is likely to have.

    *name* is the app's, *unlike* a few letters for an account without a known name.
    """
    whole = f"{organization}-{name}" if organization else f"{name}-{unlike}"
    return whole if len(whole) <= LONGEST_NAME else f"{name}-{unlike}"


def is_login(text: str) -> bool:
    """Return whether an account can have that name."""
    return _LOGIN.fullmatch(text) is not None


def manifest(
    app: Mapping[str, Any],
    wanted: Wanted,
    *,
    webhook_path: str,
    redirect_url: str,
) -> Mapping[str, Any]:
    """Return the manifest of *app*, as app.yml has it, for this server.

    The webhook is always active, and has an address: without one GitHub takes no
    manifest that mentions a hook, and lists no deliveries for a bot that asks for them.
    """
    address = wanted.address or NOWHERE
    back: Mapping[str, Any] = {}
    if wanted.address and not wanted.is_channel:
        address = f"{wanted.address.rstrip('/')}{webhook_path}"
        back = {"callback_urls": [f"{wanted.address.rstrip('/')}{CALLBACK_PATH}"]}
    return {
        **app,
        **back,
        "name": wanted.name,
        "redirect_url": redirect_url,
        "hook_attributes": {"url": address, "active": True},
    }


def registration_page(site: str, wanted: Wanted, state: str) -> str:
    """Return where a manifest is posted to; *site* is GitHub's, such as
    ``https://github.com``.
    """
    of = f"/organizations/{wanted.organization}" if wanted.organization else ""
    return f"{site}{of}/settings/apps/new?state={state}"
