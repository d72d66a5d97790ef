"""Where operators' commands run."""

from collections.abc import Mapping

from bot.core.model import PlanItem
from bot.core.world.markdown import code_span, join

Needs = Mapping[str, Mapping[str, float]]
"""What each command needs of a machine, by command."""

_PLACES = {"local": "on the bot's machine", "dask": "in the pool"}


def where(item: PlanItem, needs: Needs) -> str:
    """Return where the command of an item runs, to follow its name, as Markdown."""
    place = _PLACES.get(item.worker) or f"on {code_span(item.worker)}"
    has = spelled(needs.get(item.action.runs, {}))
    return f"{place}, with {has}" if has else place


def spelled(needs: Mapping[str, float]) -> str:
    """Return what a command needs as Markdown, such as ```gpu: 1```."""
    return join([code_span(f"{label}: {many:g}") for label, many in needs.items()])
