"""The app's private key, in the forms in which it reaches a server."""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

_BLOCK = re.compile(
    r"(-----BEGIN ([A-Z ]*PRIVATE KEY)-----)(.*?)(-----END \2-----)", re.DOTALL
)
_LONGEST_PATH = 300
_LINE = 64  # characters, as openssl breaks them


def key_in(value: object) -> str:
    """Return the PEM that *value* is, escaped or encoded, or whose path it is.

    Raises ``ValueError``; its words are the rest of a sentence and show nothing of it.
    """
    text = str(value)
    if not text.strip("\ufeff \t\r\n\"'"):
        message = "or PRIVATE_KEY_PATH is needed"
        raise ValueError(message)
    block = _block_in(text)
    if block is None and len(text) < _LONGEST_PATH and "\n" not in text.strip():
        return _key_in_file(text.strip().strip("\"'"), what="is no key and ")
    return _checked(block)


def key_at(path: object) -> str:
    """Return the PEM that a file holds, in any of these forms. Raises ``ValueError``."""
    return _key_in_file(str(path)) if path else ""


def nobodys_key() -> str:
    """Return a new key as PEM, where one has to stand that opens nothing."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key.private_bytes(*form).decode()


def _key_in_file(path: str, *, what: str = "") -> str:
    try:
        return _checked(_block_in(_text_of(Path(path).expanduser().read_bytes())))
    except OSError as error:
        # The text itself may be most of a key: it is not shown.
        message = f"{what}cannot be read as a file: {error.strerror}"
        raise ValueError(message) from None


def _text_of(content: bytes) -> str:
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")  # as PowerShell writes
    return content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace")


def _block_in(text: str) -> str | None:
    """Return the block of a key in *text*, whatever stands around it."""
    text = text.replace("\\n", "\n").replace("\r\n", "\n")
    if "-----BEGIN" not in text:
        # Whoever encodes it may break its lines.
        encoded = "".join(text.split()).strip("\ufeff\"'")
        try:
            text = _text_of(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            return None
        text = text.replace("\r\n", "\n")
    found = _BLOCK.search(text)
    return found[0] if found else None


def _checked(block: str | None) -> str:
    """Return the PEM, the same one for a key however it was given."""
    if block is not None and "ENCRYPTED" in block:
        message = (
            "is protected by a passphrase; take that off (openssl rsa -in old.pem -out"
            " new.pem)"
        )
        raise ValueError(message)
    for pem in _forms(block) if block else ():
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if not isinstance(key, RSAPrivateKey):
            message = "is no RSA key, and GitHub Apps have no others"
            raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueErrors
        return f"{pem}\n"
    message = (
        "is no private key; give the .pem file that GitHub made, as it is, in base64"
        " or with \\n for its line ends"
    )
    raise ValueError(message)


def _forms(block: str) -> Iterator[str]:
    """Yield a block as it is, and in the lines that it may have lost on its way."""
    if "\n" in block:
        yield block
    found = _BLOCK.fullmatch(block)
    assert found is not None
    content = "".join(found[3].split())
    lines = [content[at : at + _LINE] for at in range(0, len(content), _LINE)]
    yield "\n".join([found[1], *lines, found[4]])
