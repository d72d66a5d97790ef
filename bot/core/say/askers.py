"""By whom, and with what, a batch was asked for."""

from collections.abc import Sequence

from bot.core.model import Batch, Labelled, Mark, ReviewAsked
from bot.core.world.markdown import Links, code_span, escape_line, join, link, some

_MOST = 8


def asked_with(batch: Batch, links: Links) -> str:
    """Return where, or with what, a batch was asked for: “in this comment”."""
    match batch.request.origin:
        case Labelled(marks):
            what = "a label" if len(marks) == 1 else "labels"
            return f"with {what} on {_items(marks, links)}"
        case ReviewAsked(marks):
            what = "a request" if len(marks) == 1 else "requests"
            return f"with {what} for a review of {_items(marks, links)}"
        case _:
            return f"in {link('this comment', batch.asker.url)}"


def on_again(batch: Batch) -> str:
    """Return what else runs again what did not complete, if anything but a command."""
    if isinstance(batch.request.origin, Labelled):
        return "A label stays on what did not complete; put on anew, it runs it again."
    return ""


def began_by(batch: Batch, links: Links) -> str:
    """Return who put which labels on what, or asked whom for which reviews; nothing if
    the batch was begun by a comment.
    """
    who = escape_line(batch.asker.login)
    match batch.request.origin:
        case Labelled(marks):
            parts = [
                f"{code_span(name)} on {items}"
                for name, items in _by_name(marks, links).items()
            ]
            return f"{who} put {join(parts)}."
        case ReviewAsked(marks):
            parts = [
                f"{code_span(name.partition(':')[2])} for a review of {items}"
                for name, items in _by_name(marks, links).items()
            ]
            return f"{who} asked {join(parts)}."
        case _:
            return ""


def _items(marks: Sequence[Mark], links: Links) -> str:
    items = [links.item(n) for n in dict.fromkeys(mark.number for mark in marks)]
    return some(items[:_MOST], len(items))


def _by_name(marks: Sequence[Mark], links: Links) -> dict[str, str]:
    """Return the items of each label, or of whom is asked, as links."""
    names: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for mark in marks:
        name = names.setdefault(mark.name.casefold(), mark.name)
        found.setdefault(name, []).append(links.item(mark.number))
    return {name: some(items[:_MOST], len(items)) for name, items in found.items()}
