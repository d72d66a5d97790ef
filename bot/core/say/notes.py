"""Short words that stand beside others: in progress lines, on receipts, in logs."""

from collections.abc import Sequence
from enum import StrEnum

from bot.core.world.markdown import code_span, join, some
from bot.errors import BotError

# --- how far an attempt is -----------------------------------------------------------


def getting_repository() -> str:
    """The workspace is made."""
    return "getting the repository"


def running_command() -> str:
    """The workspace is there; a command that is quiet says no more for a while."""
    return "running the command"


def waits_for_machine() -> str:
    """No machine of the pool has taken a command yet."""
    return "waits for a machine of the pool"


def pool_away() -> str:
    """Nobody knows how a command goes that runs in the pool."""
    return "the pool does not answer; what runs there goes on"


def silent(site: str, seconds: float) -> str:
    """The other side of git says nothing; it is listened on."""
    return f"{site} has been silent for {seconds:.0f} s"


def waits(error: BotError) -> str:
    """Something passing is in the way of a command."""
    return f"waits: {error}"


def waits_for_github(error: BotError) -> str:
    """An item cannot begin before GitHub has answered."""
    return f"waits for GitHub: {error}"


def its_turn(name: str) -> str:
    """What is waited for is held by another item."""
    return f"its turn to {name}"


def not_stopped(error: BotError) -> str:
    """What a cancelled attempt still had to do could not be done."""
    return f"it could not be stopped: {error}"


def left_out(lines: int) -> str:
    """The middle of a log is not kept; with no *lines*, that of one line."""
    what = f"{lines:,} lines" if lines else "the middle of a line"
    return f"… {what} left out …"


# --- what an effect did not do -------------------------------------------------------


def no_pins() -> str:
    """GitHub has no pins there."""
    return "comments cannot be pinned in this repository"


def no_pins_on_pull_requests() -> str:
    """GitHub has no pins on pull requests."""
    return "comments of pull requests cannot be pinned"


def other_pin() -> str:
    """A second pin would displace the first."""
    return "the issue has another pinned comment"


def not_pinned(error: BotError) -> str:
    """GitHub refused a pin."""
    return f"GitHub did not pin the comment: {error}"


def pin_stayed(error: BotError) -> str:
    """GitHub refused to take a pin off."""
    return f"the pin stayed: {error}"


def comments_not_taken(error: BotError) -> str:
    """Return that a review says all in its summary."""
    return f"GitHub took no comments on lines: {error}"


def verdict_not_taken(error: BotError) -> str:
    """Return that a review neither approves nor asks for changes."""
    return f"GitHub took no verdict: {error}"


def not_folded(error: BotError) -> str:
    """Earlier reviews, or their conversations, stay as they are."""
    return f"not all that earlier reviews said was folded: {error}"


def review_without_id() -> str:
    """A reaction to a review of which too little is known."""
    return "reviews take reactions only by their node id"


def not_assigned(logins: Sequence[str]) -> str:
    """GitHub left out people in silence."""
    return f"{join(logins)} cannot be assigned here"


def not_unassigned(logins: Sequence[str]) -> str:
    """GitHub kept people in silence."""
    return f"{join(logins)} could not be unassigned"


def not_labelled(names: Sequence[str]) -> str:
    """GitHub left out labels in silence."""
    return f"{join(names)} could not be put on"


def milestone_stayed(title: str) -> str:
    """GitHub kept the milestone in silence."""
    return f"GitHub left the milestone at {title}" if title else "GitHub set none"


def draft_stayed(*, is_draft: bool) -> str:
    """GitHub kept a pull request as it was in silence."""
    return f"GitHub left it {'a draft' if is_draft else 'ready for review'}"


def not_asked(names: Sequence[str]) -> str:
    """GitHub asked not all of those for a review, and did not say why."""
    return f"GitHub did not ask {join(names)}"


def no_reviewers(names: Sequence[str]) -> str:
    """Those cannot review there."""
    return f"{join(names)} cannot be asked for reviews here"


def unseen_teams(names: Sequence[str]) -> str:
    """The app may not see teams."""
    return f"{join(names)} cannot be seen by the app without members: read"


def own_review(login: str) -> str:
    """The author was to review."""
    return f"{login} wrote it, and GitHub asks no author for a review"


def still_asked(names: Sequence[str]) -> str:
    """GitHub kept requests in silence."""
    return f"{join(names)} could not be taken off"


def without_reason() -> str:
    """The server closes issues without a reason."""
    return "the server took no reason"


def found_otherwise(head: str, wanted: str, *, is_merged: bool, is_closed: bool) -> str:
    """A pull request of the branch is there; how it is not as a new one would be."""
    notes = [f"its head is {head[:7]}, not {wanted[:7]}"] if head != wanted else []
    if is_merged or is_closed:
        notes.append("it is merged" if is_merged else "it is closed")
    return "; ".join(notes)


def base_is_not(base: str, *, is_closed: bool) -> str:
    """A pull request is no more what it was when its base was to be changed."""
    return "it is closed" if is_closed else f"its base is {base} by now"


def base_kept(error: BotError) -> str:
    """GitHub refused another base."""
    return f"GitHub did not change its base: {error}"


# --- what a change is made without ---------------------------------------------------


class Leftover(StrEnum):
    """Why a new file or folder is no part of a change."""

    CACHE = "a cache"
    INSTALLED = "installed packages"
    BUILT = "build output"
    AGENT = "an agent's own notes"
    SECRETS = "may hold secrets"
    EMPTY = "an empty file of a sandbox"
    REPOSITORY = "a repository of its own"
    NAME = "git takes no such name"
    LONG = "its path is too long"
    OWN = "left out by the settings of this server"
    SUBMODULE = "a submodule: its work belongs into its own repository"


def has_merges(commits: Sequence[str]) -> str:
    """Return why a branch is not rebased: it would not be the same without these."""
    shown = some([code_span(sha) for sha in commits[:3]], len(commits))
    return f"its branch has merges in it ({shown})"
