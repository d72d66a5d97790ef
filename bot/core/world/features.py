"""What older GitHub Enterprise servers lack, and the words for it."""

from collections.abc import Collection
from enum import StrEnum

from bot.core.model import Deps
from bot.core.world.markdown import join


class Feature(StrEnum):
    """Something of GitHub that the bot uses where it is, and does without elsewhere."""

    PINS = "pinned comments"
    DEPENDENCIES = "dependencies between issues"
    SUB_ISSUES = "sub-issues"
    MERGE_QUEUE = "merge queues"
    BASE_RULES = "readable rules of bases"


def lacking(lacks: Collection[Feature]) -> str:
    """Return the sentence that says what a server lacks; empty if it lacks nothing."""
    names = [f"no {feature.value}" for feature in Feature if feature in lacks]
    return f"This GitHub server has {join(names)}." if names else ""


def without_dependencies(deps: Deps) -> str:
    """Return the note on a plan whose order GitHub's own dependencies cannot say."""
    others = "`after:` and the texts of the items" if deps is Deps.ALL else "`after:`"
    return f"{lacking([Feature.DEPENDENCIES])} Only {others} say what waits for what."


def without_rules() -> str:
    """Return the note on a plan of merges into bases that say little of their rules."""
    told = (
        "what they demand beyond what is said here, a merge learns when it is refused"
    )
    return f"{lacking([Feature.BASE_RULES])} So {told}."
