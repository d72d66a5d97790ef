"""Which comments a batch writes by itself: see ``Speech``."""

from bot.core.model import ItemState, Speech
from bot.core.run.progress import Progress


def shows_progress(progress: Progress) -> bool:
    """Return whether a batch has a comment with its progress."""
    is_wanted = progress.batch.plan.options.comments is Speech.ALL
    return is_wanted or bool(progress.tracking_comment_id)


def reports_its_end(progress: Progress) -> bool:
    """Return whether a batch says how it ended."""
    if progress.batch.plan.options.comments is not Speech.NONE:
        return True
    return progress.count(ItemState.COMPLETED) < len(progress.items)
