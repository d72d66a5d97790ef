"""References to issues and pull requests as people write them."""

import re
from collections.abc import Iterator

from bot.core.model import ItemNumber, Reference

MAX_DIGITS = 9

_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})"
_NAME = r"[A-Za-z0-9._-]{1,100}"
_DIGITS = rf"[1-9][0-9]{{0,{MAX_DIGITS - 1}}}(?![0-9])"
_FULL = rf"(?P<full>{_OWNER}/{_NAME})\#(?P<full_number>{_DIGITS})"
# Beside the page of an item itself there are some of a pull request.
_PAGE = (
    r"(?![\w-]|\.\w)(?!/(?!(?:files|commits|checks|changes)(?![\w-])|[\s)>\],;]|\Z))"
)
_URL = (
    rf"https?://(?P<host>[A-Za-z0-9.-]{{1,255}}(?::[0-9]{{1,5}})?)/(?P<path>{_OWNER}/{_NAME})"
    rf"/(?:issues|pull|pulls)/(?P<path_number>{_DIGITS}){_PAGE}"
)
_SHORT = rf"(?:\#|GH-)(?P<number>{_DIGITS})"
REFERENCE = rf"(?:{_URL}|{_FULL}|{_SHORT})"
"""The pattern of any reference, to be compiled with re.VERBOSE and re.IGNORECASE."""

_QUALIFIED = re.compile(
    rf"<?(?:{_URL}(?:/[a-z]+(?:/[0-9a-f]{{7,40}})?)?/?(?:[?\#][^\s<>]*)?|{_FULL})>?\Z",
    re.VERBOSE | re.IGNORECASE,
)
_ANY = re.compile(REFERENCE, re.VERBOSE | re.IGNORECASE)


def qualified_reference(text: str) -> Reference | None:
    """Return what ``owner/name#12`` or the URL of an item means, if *text* is one."""
    found = _QUALIFIED.match(text)
    return _reference(found, "") if found else None


def is_repository_name(text: str) -> bool:
    """Return whether *text* is ``owner/name``, as GitHub lets repositories be called."""
    return _REPOSITORY.match(text) is not None and text.rpartition("/")[2] not in _UP


_REPOSITORY = re.compile(rf"{_OWNER}/{_NAME}\Z")
_UP = (".", "..")


def host_in(text: str) -> str:
    """Return the server that a URL is of, without regard to case; empty without one."""
    found = _HOST.match(text)
    return found[1].casefold() if found else ""


_HOST = re.compile(r"<?https?://([^/\s?\#]+)", re.IGNORECASE)


def references_in(text: str, repository: str, *, host: str = "") -> Iterator[Reference]:
    """Yield all references; short ones are items of *repository*.

    With a *host*, what is on other servers is left out.
    """
    for found in _ANY.finditer(text):
        if not host or (found["host"] or host).casefold() == host:
            yield _reference(found, repository)


def _reference(found: re.Match[str], repository: str) -> Reference:
    parts = found.groupdict()
    number = parts["path_number"] or parts["full_number"] or parts["number"]
    named = parts["path"] or parts["full"]
    # GitHub compares names without case; equal references must be equal values.
    if not named or named.casefold() == repository.casefold():
        named = repository
    return Reference(named, ItemNumber(int(number)))
