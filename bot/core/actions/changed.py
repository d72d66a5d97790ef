"""How an attempt ends whose one effect changes the state of an item."""

from bot.core.actions.step import End
from bot.core.effects import Receipt
from bot.core.model import Action, Outcome, OutcomeKind
from bot.core.world.markdown import join, prose_code

Names = tuple[str, ...]


def ended(
    receipt: Receipt, *, done: str, already: str, undo: Action | None = None
) -> End:
    """Return the end, with what was really changed: *done*, or *already* so; *undo*
    takes it back.
    """
    if receipt.changed:
        return End(Outcome(OutcomeKind.COMPLETED, summary=done, undo=undo))
    if receipt.was_tried:
        summary = f"{done}, probably by a try that got no answer"
        return End(Outcome(OutcomeKind.COMPLETED, summary=summary))
    return End(Outcome(OutcomeKind.UNCHANGED, summary=already))


def signs_back(name: str, receipt: Receipt) -> Action | None:
    """Return the action that takes back what was put on and taken off, if that is known."""
    put_on = (f"-{one}" for one in receipt.added or ())
    taken_off = (f"+{one}" for one in receipt.removed or ())
    signs = (*put_on, *taken_off)
    return Action(name, signs) if signs else None


def told(receipt: Receipt, add: Names, remove: Names) -> tuple[Names, Names]:
    """Return what was added and removed; what was asked for where nobody read it back."""
    if receipt.added is None or receipt.removed is None or receipt.was_tried:
        return add, remove
    return receipt.added, receipt.removed


def signed(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments with a plus, and those with a minus, without the signs."""
    add = tuple(word.removeprefix("+") for word in arguments if word[:1] != "-")
    remove = tuple(word[1:] for word in arguments if word[:1] == "-")
    return add, remove


def both(plus: str, add: tuple[str, ...], minus: str, remove: tuple[str, ...]) -> str:
    """Return ``labelled `bug`; took off `triage```, without a part that is empty."""
    parts = [
        f"{word} {join([prose_code(name) for name in names])}"
        for word, names in ((plus, add), (minus, remove))
        if names
    ]
    return "; ".join(parts)
