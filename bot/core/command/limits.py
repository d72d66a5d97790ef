"""How much one command may ask for."""

from dataclasses import dataclass

HARD_ITEM_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """How many items a command may have, and from how many on it asks first."""

    items: int = 50
    confirm_over: int = 20
