"""Pages of GitHub that list issues and pull requests, and the filters that they show."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.core.command.vocabulary import FILTER_VALUES, FILTERS, in_words

_ADDRESS = re.compile(
    r"<?https?://(?P<host>[^/\s?#]+)/(?P<repository>[\w.-]+/[\w.-]+)"
    r"/(?P<what>issues|pulls|labels|milestone)(?:/(?P<rest>[^?#\s]*?))?/?"
    r"(?:\?(?P<query>[^#\s]*?))?(?:#[^\s]*?)?>?\Z",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_TERM = re.compile(
    r'(?P<sign>-?)(?P<key>[A-Za-z][\w-]*):(?P<value>(?:"(?:[^"\\]|\\.)*"|[^\s"])+)\Z'
)
_WORDS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+')
_VALUES = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",]+)')
_KINDS = {"issues": "issue", "pulls": "pr"}
_OPEN = ("is:open", "state:open", "archived:false")
_MOST = 1000  # characters of an address


@dataclass(frozen=True, slots=True)
class Shown:
    """A filter: key, values (either), and whether it must not hold."""

    key: str
    values: tuple[str, ...]
    is_not: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows: ``shown``, or why a batch has no filters for it."""

    host: str
    repository: str
    shown: tuple[Shown, ...] = ()
    problem: str = ""


def page_of(address: str) -> Page | None:
    """Return the page of GitHub with that address, if it lists items of a repository."""
    found = _ADDRESS.match(address[:_MOST])
    if found is None or len(address) > _MOST:
        return None
    host, repository = found["host"].casefold(), found["repository"]
    query: dict[str, list[str]] = {}
    for part in filter(None, (found["query"] or "").split("&")):
        name, _, value = part.partition("=")
        query.setdefault(name, []).append(_plain(value.replace("+", " ")))
    try:
        match found["what"].casefold(), _plain(found["rest"] or ""):
            case "labels", name if name and "/" not in name:
                shown = [Shown("label", (name,))]
            case "milestone", number if number.isdigit() and "closed" not in query:
                shown = [Shown("milestone", (number,))]
            case ("issues" | "pulls") as what, where:
                shown = list(_listed(what, where, query, repository))
            case _:
                return None
    except _NoFilterError as error:
        return Page(host, repository, problem=str(error))
    return Page(host, repository, tuple(dict.fromkeys(shown)))


def _plain(text: str) -> str:
    """Return a part of an address without its percent signs."""
    return _ESCAPED.sub(
        lambda some: bytes.fromhex(some[0].replace("%", "")).decode(errors="replace"),
        text,
    )


class _NoFilterError(Exception):
    """A page shows what no filter of a batch says."""


def _listed(
    what: str, where: str, query: dict[str, list[str]], repository: str
) -> Iterator[Shown]:
    kind = Shown("is", (_KINDS[what],))
    by, _, login = where.rpartition("/")
    if by in ("created_by", "assigned") and login and not query:
        yield from (
            kind,
            Shown("author" if by == "created_by" else "assignee", (login,)),
        )
        return
    if where or query.keys() - {"q", "page"}:
        message = f"this page is no search; write its filters: {in_words(FILTERS)}"
        raise _NoFilterError(message)
    terms = [
        word
        for word in _WORDS.findall(" ".join(query.get("q", ())))
        if word.casefold() not in (*_OPEN, f"repo:{repository}".casefold())
        and not word.casefold().startswith("sort:")
    ]
    found = [_shown(term) for term in terms]
    if not any(one.key == "is" and one.values[0] in ("issue", "pr") for one in found):
        found.insert(0, kind)
    if len(found) == 1 and found[0].key == "is":
        message = "this page shows all that is open; say which: label:ready"
        raise _NoFilterError(message)
    yield from found


def _shown(term: str) -> Shown:
    found = _TERM.match(term)
    key = found["key"].casefold() if found else ""
    key = "is" if key in ("type", "state") else key
    if found is None or key not in FILTERS:
        message = f"this search has {term}, and there is no filter for that"
        raise _NoFilterError(message)
    values = tuple(
        re.sub(r"\\(.)", r"\1", quoted) or plain
        for quoted, plain in _VALUES.findall(found["value"])
    )
    choices = FILTER_VALUES.get(key)
    if choices:
        values = tuple(one.casefold().replace("_", "-") for one in values)
    is_known = choices is None or (len(values) == 1 and values[0] in choices)
    if not values or not is_known or "*" in values:
        ended = key == "is" and values[:1] in (("closed",), ("merged",))
        message = f"this search has {term}, and there is no filter for that"
        if ended:
            message = "filters find open items only"
        raise _NoFilterError(message)
    return Shown(key, values, bool(found["sign"]))
