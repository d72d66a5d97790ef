"""What browsers and comments carry for the bot, so that nobody else makes or changes it.

All keys come from the app's private key, one for each use (HKDF, RFC 5869): nothing more
has to be set up, and whoever changes the app's key ends sessions and links.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.ports.clock import Clock

LONGEST = 4096
"""The most characters of what a browser keeps in one cookie."""

LINKS = "links to batches"
"""The use of the key that the marks of links are made with."""


def derived(secret: str, use: str) -> bytes:
    """Return the key for one use, 32 bytes, that tells nothing of the others."""
    info = f"batch-bot {use}".encode()
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(secret.encode())


class Seals:
    """Closes values, so that only this server opens them, and marks words as its own."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock
        self._keys: dict[str, bytes] = {}

    def close(self, use: str, value: Mapping[str, Any]) -> str:
        """Return a value as text that nobody else reads, and that *use* alone opens."""
        text = json.dumps(value, separators=(",", ":")).encode()
        return self._fernet(use).encrypt_at_time(text, self._now()).decode()

    def open(self, use: str, text: str, *, seconds: int) -> Mapping[str, Any] | None:
        """Return what was closed *seconds* ago at most, None for anything else."""
        if not text or len(text) > LONGEST or not text.isascii():
            return None
        try:
            found = self._fernet(use).decrypt_at_time(text, seconds, self._now())
        except InvalidToken:
            return None
        value = json.loads(found)
        return value if isinstance(value, dict) else None

    def mark(self, use: str, *words: str) -> str:
        """Return the mark of words, which stand apart from each other."""
        message = json.dumps(words).encode()
        return hmac.digest(self._key(use), message, "sha256").hex()

    def is_marked(self, mark: str, use: str, *words: str) -> bool:
        """Return whether somebody has the mark of words."""
        return is_same(mark, self.mark(use, *words))

    def _fernet(self, use: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._key(use)))

    def _key(self, use: str) -> bytes:
        if use not in self._keys:
            self._keys[use] = derived(self._secret, use)
        return self._keys[use]

    def _now(self) -> int:
        return int(self._clock.now().astimezone(UTC).timestamp())


def is_same(given: str, wanted: str) -> bool:
    """Return whether two texts are the same; how long it takes does not tell where not."""
    return hmac.compare_digest(
        given.encode(errors="replace"), wanted.encode(errors="replace")
    )
