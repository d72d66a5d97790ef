"""Names of time zones as people type them."""

from bot.core.command.guesses import nearest
from bot.core.zones import known_zones


def likely_zone(name: str) -> str:
    """Return the name of the zone that is probably meant; nothing if nobody can say."""
    known = known_zones()
    plain = name.strip().replace(" ", "_").casefold()
    for one in known:
        if plain in (one.casefold(), one.rpartition("/")[2].casefold()):
            return one
    return nearest(name, known)


def zone_problem(name: str) -> str:
    """Return why a zone cannot be taken; nothing if it is one."""
    if name in known_zones():
        return ""
    guess = likely_zone(name)
    hint = f"did you mean {guess}?" if guess else "use a name such as Europe/Zurich"
    return f"there is no time zone of this name; {hint}"
