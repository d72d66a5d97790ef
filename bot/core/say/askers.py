"""By whom, and with what, a batch was asked for."""

from collections.abc import Sequence
from dataclasses import replace

from bot.core.command.faults import Declined
from bot.core.model import (
    Batch,
    Labelled,
    Link,
    Mark,
    Operator,
    Page,
    Request,
    ReviewAsked,
    Scheduled,
)
from bot.core.world.markdown import Links, code_span, escape_line, join, link, some

_MOST = 8


def asked_with(batch: Batch, links: Links) -> str:
    """Return where, or with what, a batch was asked for: “in this comment”."""
    match batch.request.origin:
        case Labelled(marks):
            what = "a label" if len(marks) == 1 else "labels"
            return f"with {what} on {_items(marks, links)}"
        case ReviewAsked(marks):
            return f"for a review of {_items(marks, links)}"
        case Operator():
            return "from the command line of its server"
        case Scheduled() as scheduled:
            file = link("batch.yml", batch.asker.url)
            return f"with the schedule {_schedule(scheduled)} of {file}"
        case Page():
            return "on its page"
        case _:
            return f"in {link('this comment', batch.asker.url)}"


def _asked(name: str, items: str) -> str:
    match name:
        case "opened":
            return f"opened {items}"
        case "ready_for_review":
            return f"marked {items} as ready for review"
        case _:
            return f"asked {code_span(name.partition(':')[2])} for a review of {items}"


def what_was_read(batch: Batch) -> str:
    """Return what a batch was asked for with, to be named as a cost."""
    words = {
        Labelled: "the labels",
        ReviewAsked: "the requests",
        Scheduled: "the schedule",
    }
    return words.get(type(batch.request.origin), "the command")


def last_steps(batch: Batch, *, shows_progress: bool) -> str:
    """Return what the bot still does with its report, and after it."""
    steps = ["posting it"]
    if shows_progress:
        steps.append("the last changes to the progress comment")
    match batch.request.origin:
        case Labelled():
            steps.append("taking labels off")
        case ReviewAsked() | Scheduled() | Operator():
            pass
        case _:
            steps.append("the reaction to the command")
    return join(steps)


def on_again(batch: Batch) -> str:
    """Return what else runs again what did not complete, if anything but a command."""
    if isinstance(batch.request.origin, Labelled):
        return "A label stays on what did not complete; put on anew, it runs it again."
    return ""


def began_by(batch: Batch, links: Links) -> str:
    """Return who put which labels on what, or asked whom for which reviews; nothing if
    the batch was begun by a comment.
    """
    return who_asked(batch.request, links)


def declined_to(request: Request, declined: Declined, links: Links) -> Declined:
    """Return why what labels, or requests for reviews, ask for is not begun, with who
    asked for it.
    """
    nothing = "Nothing was started."
    parts = (
        declined.message.removesuffix(nothing).rstrip(),
        who_asked(request, links),
        nothing,
    )
    return replace(declined, message=" ".join(filter(None, parts)))


def who_asked(request: Request, links: Links) -> str:
    """Return who asked for something with what; nothing for a comment."""
    who = escape_line(request.asker.login)
    match request.origin:
        case Labelled(marks):
            parts = [
                f"{code_span(name)} on {items}"
                for name, items in _by_name(marks, links).items()
            ]
            return f"{who} put {join(parts)}."
        case ReviewAsked(marks):
            parts = [
                _asked(name, items) for name, items in _by_name(marks, links).items()
            ]
            return f"{who} {join(parts)}."
        case Scheduled() as scheduled:
            file = link("batch.yml", request.asker.url)
            return (
                f"The schedule {_schedule(scheduled)} of {file}, which {who} pushed,"
                f" was due at {scheduled.due_at:%Y-%m-%d %H:%M} UTC."
            )
        case _:
            return ""


def _schedule(scheduled: Scheduled) -> str:
    return code_span(f"{scheduled.at} {scheduled.zone}")


def drafts_left_out(marks: Sequence[Mark]) -> str:
    """Return which pull requests are not reviewed, for they are drafts."""
    numbers = [f"#{number}" for number in dict.fromkeys(mark.number for mark in marks)]
    is_one = len(numbers) == 1
    shown, are = (
        some(numbers[:_MOST], len(numbers)),
        "is a draft" if is_one else "are drafts",
    )
    return (
        f"{shown} {are} and **left out**; ask again once"
        f" {'it is' if is_one else 'they are'} ready for review."
    )


def all_are_drafts(marks: Sequence[Mark]) -> str:
    """Return that there is nothing to review."""
    return f"Nothing is left to do. {drafts_left_out(marks)} Nothing was started."


def render_reviewed_before(review: Link, *, marker: str) -> str:
    """Return that a head has a review already."""
    where = link(review.text, review.url)
    return (
        f"{marker}\nThis head has its {where} already, so nothing was started. With new"
        " commits, a new request gets a new one."
    )


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
