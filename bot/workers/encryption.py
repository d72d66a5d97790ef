"""How the bot and the machines of its pool know each other when they talk by HTTPS.

The pool's certificates have no host names in them, and distributed asks for none: whoever
has one of the pool's authority is of the pool, and nobody else. So no name is checked
here either, and the system's authorities count for nothing.
"""

import ssl


def served(ca: str, cert: str, key: str) -> ssl.SSLContext:
    """Return what the bot listens with. Raises ``OSError`` for files that do not fit."""
    return _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ca, cert, key)


def called(ca: str, cert: str, key: str) -> ssl.SSLContext:
    """Return what a machine calls with. Raises ``OSError`` for files that do not fit."""
    return _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ca, cert, key)


def _loaded(context: ssl.SSLContext, ca: str, cert: str, key: str) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=ca)
    context.load_cert_chain(cert, key)
    return context
