"""Whether items of a repository may be shown in the threads of another one, its home."""

from enum import Enum, auto

from bot.core.model import Visibility
from bot.core.plan.sources import Source, shown_in


class Bar(Enum):
    """What keeps items of a repository out of the threads of another one."""

    TOO_PUBLIC = auto()  # more people can read the home
    NOT_LISTED = auto()  # the repository does not name the home


def bar(
    visibility: Visibility | None,
    own: Source | None,
    *,
    home: str,
    at_home: Visibility | None,
) -> Bar | None:
    """Return what keeps items of a repository out of the threads of *home*, if anything.

    What is public everybody may read. Anything else is shown where its *own* file on the
    default branch lists the home by its present name, as long as that is no more public
    than itself: a list does not say how public the home was to be. What is not told (None)
    counts as that which keeps out.
    """
    if visibility is Visibility.PUBLIC:
        return None
    if (at_home or Visibility.INTERNAL) > (visibility or Visibility.PRIVATE):
        return Bar.TOO_PUBLIC
    return None if home.casefold() in shown_in(own) else Bar.NOT_LISTED
