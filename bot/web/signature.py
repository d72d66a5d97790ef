"""Whether GitHub, and nobody else, sent these bytes.

https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hmac
import re
from collections.abc import Sequence

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)


def digest_of(headers: Sequence[str]) -> bytes | None:
    """Return the digest in the ``X-Hub-Signature-256`` headers of a request.

    None unless there is exactly one, in exactly the form that GitHub writes.
    """
    match = _SIGNATURE.fullmatch(headers[0]) if len(headers) == 1 else None
    return bytes.fromhex(match[1]) if match else None


class Signatures:
    """The digests of a body that comes in parts, one for each secret."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._parts = [hmac.new(secret, digestmod="sha256") for secret in secrets]

    def update(self, part: bytes) -> None:
        """Take the next part of the body."""
        for made in self._parts:
            made.update(part)

    def fit(self, digest: bytes) -> bool:
        """Return whether one of the secrets signed the body, as ``is_signed`` does."""
        found = [hmac.compare_digest(made.digest(), digest) for made in self._parts]
        return any(found)


def is_signed(
    body: bytes | bytearray, digest: bytes, *, secrets: Sequence[bytes]
) -> bool:
    """Return whether one of *secrets* signed *body*, in a time that tells nothing."""
    found = [
        hmac.compare_digest(hmac.digest(secret, body, "sha256"), digest)
        for secret in secrets
    ]
    return any(found)
