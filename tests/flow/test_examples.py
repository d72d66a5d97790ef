"""Deliveries of all kinds that GitHub sends, none of which is a command."""

import hashlib
import hmac
import json
from uuid import uuid4

import aiohttp

from tests import contracts
from tests.flow.world import World


async def test_every_example_delivery_is_taken_and_changes_nothing(on: World):
    examples = contracts.example_deliveries()
    assert len(examples) > 200
    secret = on.hub.app.webhook_secret.encode()
    async with on.bot() as bot, aiohttp.ClientSession() as session:
        before = [exchange.method for exchange in on.hub.log]
        for event, example in examples:
            body = json.dumps(example).encode()
            signature = hmac.digest(secret, body, hashlib.sha256).hex()
            headers = {
                "Content-Type": "application/json",
                "X-GitHub-Event": event,
                "X-GitHub-Delivery": str(uuid4()),
                "X-Hub-Signature-256": f"sha256={signature}",
            }
            url = f"{bot.url}/api/github/webhooks"
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 202, (event, await answer.text())
        await on.until(
            lambda: on.rows("SELECT 1 FROM deliveries WHERE outcome IS NULL") == []
        )
        asked = list(on.hub.log)[len(before) :]
    looks = ("/graphql", "/app/installations/{installation_id}/access_tokens")
    assert {one.method for one in asked if one.template not in looks} <= {"GET"}
    assert not any("mutation" in str(one.request) for one in asked)
    outcomes = dict(
        on.rows("SELECT outcome, count(*) FROM deliveries GROUP BY outcome")
    )
    assert set(outcomes) <= {
        "ignored",
        "noted",
        "ignored: not the bot's comment",
        "failed: The app is no longer installed there.",
    }
