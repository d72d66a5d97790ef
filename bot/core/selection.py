"""Which items a command means, once GitHub's facts are known."""

from dataclasses import dataclass, field

from bot.core.model import Action, ItemFacts, Options, Reference


@dataclass(frozen=True, slots=True)
class SelectedItem:
    """An item with what the command says about it. None means the batch's own value."""

    facts: ItemFacts
    action: Action
    after: tuple[Reference, ...] = ()
    priority: int | None = None
    timeout_seconds: int | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command selects, in the order asked for."""

    items: tuple[SelectedItem, ...]
    options: Options = field(default_factory=Options)
    is_dry_run: bool = False
    notes: tuple[str, ...] = ()  # Markdown written by the bot: how it was read
    must_confirm: bool = False  # more items than the repository starts unasked
