"""What the bot's own pages say when they show something else than a batch."""

Refusal = tuple[str, str]
"""A title and a sentence."""


def not_there() -> Refusal:
    """Return what is said of a batch that is not there, or not to be seen."""
    return (
        "Not found",
        "There is no such page, or you may not see it: a batch is shown to people who"
        " can read its repository. The list of batches has those that you may see.",
    )


def unfit(what: str) -> Refusal:
    """Return what is said of an address with a part that does not fit."""
    return "This address does not fit", f"{what} Go back to the list of batches."


def no_database() -> Refusal:
    """Return what is said while the database does not answer."""
    return (
        "Not now",
        "The bot's database does not answer at this moment. Nothing is lost; try again"
        " in a minute.",
    )


def starting() -> Refusal:
    """Return what is said until GitHub has told the bot who it is."""
    return "Not now", "The bot is starting; try again in a few seconds."


def refused(status: int, words: str) -> str:
    """Return why a program gets nothing, if no page says so."""
    match status:
        case 404:
            return not_there()[1]
        case 405:
            return "This address is not for that method; nothing was changed."
        case 413:
            return "That is too long; nothing was changed."
        case 415:
            return (
                "Send a form (application/x-www-form-urlencoded); nothing was changed."
            )
        case _:
            return words.strip()


def too_many_watch() -> str:
    """Return what is said to who would follow a page while too many do."""
    return "Too many pages are followed at this moment; reload it to see what is new.\n"


def nothing_found(*, is_filtered: bool) -> str:
    """Return what an empty list says."""
    if is_filtered:
        return "No batch fits. Look for less, or in all repositories."
    return (
        "There are none yet. A comment /batch help in an issue says how to begin one."
    )


def whose_batches(*, is_operator: bool, is_signed_in: bool) -> str:
    """Return which batches a list has."""
    if is_operator:
        return "Every batch of this server."
    if not is_signed_in:
        return "The batches whose links you have opened."
    return "Every batch of the repositories that you can read."
