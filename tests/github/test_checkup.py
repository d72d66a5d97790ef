"""What is made of GitHub's answers about the app's webhook and registration."""

import json
from typing import Any

import pytest

from bot.core.world.permissions import PERMISSIONS
from bot.github.checkup import (
    NEEDED_EVENTS,
    Expected,
    is_out_of_reach,
    of_delivery,
    of_hook,
    of_installation,
    of_registration,
)
from bot.localhub.webhooks import Webhooks
from bot.ports.examined import State
from tests.fakes import FakeClock

PAGE = "https://github.test/settings/apps/batch-bot"
PATH = "/api/github/webhooks"
GOOD = {
    "url": f"https://bot.example.com{PATH}",
    "content_type": "json",
    "secret": "********",
    "insecure_ssl": "0",
}
EXPECTED = Expected(webhook_path=PATH, web_url="https://bot.example.com")
LEVELS = {name: one.level for name, one in PERMISSIONS.items()}


def test_a_webhook_that_leads_to_the_bot_is_fine():
    [found] = of_hook(GOOD, EXPECTED, PAGE)
    assert (found.state, found.advice) == (State.FINE, "")


@pytest.mark.parametrize(
    ("config", "expected", "state", "words"),
    [
        ({"url": ""}, EXPECTED, State.BROKEN, "has no address"),
        ({"content_type": "form"}, EXPECTED, State.BROKEN, "sends form"),
        ({"secret": None}, EXPECTED, State.BROKEN, "has no secret"),
        ({"insecure_ssl": "1"}, EXPECTED, State.NOTE, "SSL verification is off"),
        (
            {"url": "https://bot.example.com/hooks"},
            EXPECTED,
            State.NOTE,
            f"the bot answers at {PATH}",
        ),
        (
            {"url": f"https://old.example.com{PATH}"},
            EXPECTED,
            State.NOTE,
            "WEB_URL has https://bot.example.com",
        ),
        (
            {"url": "https://smee.test/abc"},
            Expected(webhook_path=PATH, proxy_url="https://smee.test/abd"),
            State.NOTE,
            "WEBHOOK_PROXY_URL has https://smee.test/abd",
        ),
        (
            {"url": f"http://192.168.1.4:3000{PATH}"},
            Expected(webhook_path=PATH),
            State.NOTE,
            "which GitHub cannot reach",
        ),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said_with_its_page(
    config: dict[str, Any], expected: Expected, state: State, words: str
):
    [found] = of_hook(GOOD | config, expected, PAGE)
    assert found.state is state
    assert words in found.words
    assert PAGE in found.advice


def test_a_smee_channel_that_both_name_is_fine():
    expected = Expected(webhook_path=PATH, proxy_url="https://smee.test/abc")
    [found] = of_hook(GOOD | {"url": "https://smee.test/abc"}, expected, PAGE)
    assert found.state is State.FINE


@pytest.mark.parametrize(
    ("host", "of_github", "of_enterprise"),
    [
        *((host, True, True) for host in ("localhost", "127.0.0.1", "::1")),
        *((host, True, False) for host in ("10.0.0.1", "a.local", "a.internal")),
        *((host, False, False) for host in ("bot.example.com", "140.82.121.4")),
    ],
)
def test_what_github_and_what_an_enterprise_server_cannot_reach_is_known(
    host: str, *, of_github: bool, of_enterprise: bool
):
    assert is_out_of_reach(host, "https://github.com") is of_github
    assert is_out_of_reach(host, "https://acme.ghe.com") is of_github
    assert is_out_of_reach(host, "https://github.acme.test") is of_enterprise


def delivery(status: int, secret: str, text: str = "Grüße \u2028 😀") -> Any:
    hooks = Webhooks(now=FakeClock().now, next_id=lambda: 1, hook_id=1)
    hooks.url, hooks.secret = "https://x.test", secret
    hooks.send("issues", {"a": text}, app_id=1, installation_id=1, repository_id=None)
    sent = hooks.deliveries[0]
    # GitHub signs its own bytes, which are not escaped as Python's are.
    body = json.dumps({"a": text}, ensure_ascii=False, separators=(",", ":")).encode()
    digest = hooks._digest(body, "sha256")
    return {
        "event": "issues",
        "status": "who knows",
        "status_code": status,
        "delivered_at": "2026-03-01T12:00:00Z",
        "request": {
            "headers": sent.request_headers
            | {"X-Hub-Signature-256": f"sha256={digest}"},
            "payload": {"a": text},
        },
    }


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (202, State.FINE, "was taken: issues, 2026-03-01 12:00:00 UTC"),
        (404, State.NOTE, "was answered with 404"),
        (502, State.NOTE, "did not arrive (502, who knows)"),
        (401, State.BROKEN, "was refused (401)"),
    ],
)
def test_what_became_of_a_delivery_leads_to_what_is_wrong(
    status: int, state: State, words: str
):
    expected = Expected(webhook_path=PATH, secrets=("mine",))
    [found] = of_delivery(delivery(status, "other"), expected, PAGE)
    assert found.state is state
    assert words in found.words


def test_a_secret_is_known_by_a_signature_even_if_nobody_answered():
    expected = Expected(webhook_path=PATH, secrets=("old", "mine"))
    arrived, secret = of_delivery(delivery(502, "mine"), expected, PAGE)
    assert (arrived.state, secret.state) == (State.NOTE, State.FINE)
    # Whatever refused it, this bot would have taken it.
    elsewhere, _ = of_delivery(delivery(401, "mine"), expected, PAGE)
    assert elsewhere.state is State.NOTE


def test_an_app_as_app_yml_has_it_is_complete():
    about = {"permissions": LEVELS, "events": [*NEEDED_EVENTS]}
    [found] = of_registration(about, PAGE)
    assert found.state is State.FINE


def test_an_app_that_lacks_what_all_needs_is_broken_and_what_some_need_a_note():
    few = {"permissions": LEVELS | {"checks": "read"}, "events": ["issue_comment"]}
    assert [o.state for o in of_registration(few, PAGE)] == [State.NOTE] * 2
    none, events = of_registration({}, PAGE)
    assert none.state is events.state is State.BROKEN
    assert "issues: write" in none.words
    assert PAGE in none.advice


def test_an_installation_is_not_blamed_for_what_the_app_does_not_ask_for():
    granted = {name: level for name, level in LEVELS.items() if name != "checks"}
    installation = {
        "id": 7,
        "html_url": "https://github.test/i/7",
        "account": {"login": "acme"},
        "permissions": granted,
        "events": ["issue_comment"],
    }
    asks = dict.fromkeys(("issue_comment", "issues"))
    found = of_installation(installation, asks_for=granted, events=frozenset(asks))
    [untold] = found
    assert untold.words == "acme sends no issues"
    assert untold.advice.endswith("https://github.test/i/7")


@pytest.mark.parametrize(("kind", "said"), [("User", 0), ("Organization", 1)])
def test_only_organizations_are_asked_for_their_members(kind: str, said: int):
    installation = {
        "id": 7,
        "html_url": "https://github.test/i/7",
        "account": {"login": "ada"},
        "target_type": kind,
        "permissions": {name: LEVELS[name] for name in LEVELS if name != "members"},
        "events": [],
    }
    found = of_installation(installation, asks_for=LEVELS, events=frozenset())
    assert len([*found]) == said
