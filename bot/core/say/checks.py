"""The check run that shows a batch on the head of its pull request."""

from collections.abc import Iterator
from itertools import islice

from bot.core.effects import CheckButton, CheckReport
from bot.core.model import BatchState, ItemState
from bot.core.run.progress import ItemView, Progress
from bot.core.say.deeds import deeds
from bot.core.say.headings import Phase, counts_of_phase, heading, phase_of
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import Look, look, squares
from bot.core.say.rows import page_url
from bot.core.say.sentences import did_not_succeed, fault, skip_sentence
from bot.core.say.situation import Situation
from bot.core.world.markdown import link, paragraphs

RETRY = "retry"
"""What a press of the button asks for."""

_ORDER = list(Look)
_MOST_ROWS = 10
_WIDTH = 120
_SHORT_SHA = 7


def check_name(progress: Progress) -> str:
    """Return the name of a batch's check run: one of its own, or a later batch on the
    same head would stand in its place.
    """
    return f"Batch {progress.batch.id}"


def render_check(progress: Progress, situation: Situation) -> CheckReport:
    """Return what the check run says of a batch at this moment, without any clock."""
    phase = phase_of(progress, situation)
    can_retry = _is_over(progress) and not progress.retried_as
    views = sorted(progress.items.values(), key=lambda view: _ORDER.index(look(view)))
    left = [view for view in views if did_not_succeed(view)]
    button = CheckButton(RETRY, "Retry", "Run again what did not succeed")
    return CheckReport(
        title=_title(progress, phase),
        summary=paragraphs(
            heading(progress, situation),
            squares(progress),
            "\n".join(_rows(left, names_of(progress))),
            _what_next(progress, left if can_retry else []),
            _live_view(progress, situation),
        ),
        conclusion=_conclusion(progress),
        buttons=(button,) if can_retry and left else (),
        details_url=progress.tracking_url or page_url(progress, situation),
    )


def render_moved(progress: Progress, head_sha: str) -> CheckReport:
    """Return what the check run says on a head that is not the present one any more."""
    where = f"at the new head, {head_sha[:_SHORT_SHA]}"
    follow = progress.tracking_url
    return CheckReport(
        title=f"Shown {where}",
        summary=paragraphs(
            f"The pull request has commits that came after this one: the batch is shown"
            f" {where}.",
            link("How it stands", follow) if follow else "",
        ),
        conclusion="neutral",
        details_url=follow,
    )


def _title(progress: Progress, phase: Phase) -> str:
    """Return the title: plain text, to be read after the name."""
    return f"{phase.value.capitalize()}: {counts_of_phase(progress, phase)}"


def _conclusion(progress: Progress) -> str:
    """Return how it ended; nothing while it goes on. A batch is no verdict on the head:
    what failed is neutral.
    """
    if not _is_over(progress):
        return ""
    is_all = progress.count(ItemState.COMPLETED) == len(progress.items)
    return "success" if is_all else "neutral"


def _rows(left: list[ItemView], names: Names) -> Iterator[str]:
    for view in islice(left, _MOST_ROWS):
        yield f"- {look(view).icon} {names.link(view.item.id)} — {_why(view, names)}"
    if len(left) > _MOST_ROWS:
        yield f"- and {len(left) - _MOST_ROWS} more"


def _why(view: ItemView, names: Names) -> str:
    match view.state:
        case ItemState.FAILED:
            return f"**failed**: {fault(view, _WIDTH)}"
        case ItemState.SKIPPED:
            return f"skipped, {skip_sentence(view, names.links)}"
        case _:
            return "cancelled"


def _what_next(progress: Progress, left: list[ItemView]) -> str:
    url = progress.tracking_url
    sentences = []
    if left:
        items = [view.item for view in left]
        sentences.append(
            f"**Retry** starts what did not succeed again: {deeds(items)}."
        )
    if progress.retried_as:
        sentences.append(f"What did not succeed runs again in `{progress.retried_as}`.")
    if url and _is_over(progress):
        sentences.append(f"{link('The comment', url)} has all of it.")
    elif url:
        boxes = link("The comment", url)
        sentences.append(f"{boxes} has all items, and boxes to pause or cancel it.")
    return " ".join(sentences)


def _live_view(progress: Progress, situation: Situation) -> str:
    url = page_url(progress, situation)
    return link("Live view", url) if url else ""


def _is_over(progress: Progress) -> bool:
    return progress.state in (BatchState.FINISHED, BatchState.CANCELLED)
