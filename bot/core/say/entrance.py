"""What people read who come to the bot's pages and are not let in, or not yet."""

Words = tuple[str, str]
"""A heading, and what is wrong with what to do next. Plain text."""


def stranger(*, by_github: bool, by_token: bool) -> Words:
    """Nobody knows who looks."""
    ways = []
    if by_github:
        ways.append("sign in with GitHub")
    if by_token:
        ways.append("sign in with the operator's token")
    ways.append("open the link in the batch's comment")
    return "Sign in", f"To see this, {', or '.join(ways)}."


def stranger_to_programs() -> str:
    """Nobody knows which program asks for JSON."""
    return "Sign in to see this: send the operator's token as a bearer token."


def not_begun_here() -> Words:
    """Somebody came back from GitHub with what this browser did not ask for."""
    return (
        "You are not signed in",
        "This sign-in was not begun in this browser, or took longer than ten minutes."
        " Sign in again.",
    )


def refused(why: str, advice: str) -> Words:
    """GitHub did not say who it is."""
    return "You are not signed in", f"{why} {advice}".strip()


def no_answer(why: str) -> Words:
    """GitHub cannot be asked who it is."""
    return "You are not signed in", f"{why} Try again in a minute."


def wrong_token() -> Words:
    """What was typed is not the operator's token."""
    return (
        "You are not signed in",
        "That is not the token OPERATOR_TOKEN of this server.",
    )


def too_often() -> Words:
    """Wrong tokens came too often."""
    return (
        "You are not signed in",
        "Too many wrong tokens came from your address. Try again in a minute.",
    )


def foreign_form() -> Words:
    """A form was not sent by a page that this person looks at."""
    return (
        "Nothing was changed",
        "This form comes from another site, or from before you signed in."
        " Load the page again and use it there.",
    )


def unfit_form() -> Words:
    """A form asks for what no page offers."""
    return "Nothing was changed", "No page offers that. Load the page again."


def not_there() -> Words:
    """There is no such batch, or it is not for who asks: nobody can tell which."""
    return "Not found", "There is no such page, or you may not see it."


def starting() -> Words:
    """The bot does not know yet who it is at GitHub."""
    return "Nothing was changed", "The bot is starting; try again in a few seconds."


def by_link_only() -> Words:
    """Somebody who has a link wants to use a control."""
    return "Nothing was changed", "A link only shows a batch. Sign in to use controls."


def not_done(said: str) -> Words:
    """A control was refused; *said* tells why."""
    return "That was not done", said


def waits(said: str) -> Words:
    """A control waits for its turn; *said* tells for what."""
    return "That is kept", said
