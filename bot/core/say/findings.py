"""What operators read of the parts of the bot: each as what is so, and what to do."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from math import ceil

from bot.core.model import BatchId
from bot.core.say.programs import of_command
from bot.core.world.markdown import join
from bot.errors import Problem

Words = tuple[str, str]
"""What was found, and the advice; empty where there is none to give."""

MOST_NAMED = 3
_WAITS = "what is accepted waits until they are taken"


def database_works(size_bytes: int, free_bytes: int) -> Words:
    """The database takes writes."""
    return (
        f"the database has {_size(size_bytes)}, its disk {_size(free_bytes)} left",
        "",
    )


def disk_is_nearly_full(free_bytes: int) -> Words:
    """There is little room for the database."""
    return (
        f"the disk of the database has {_size(free_bytes)} left",
        "make room; without any, no delivery is taken",
    )


def told(problem: Problem) -> Words:
    """Something is wrong, as an error has it."""
    return str(problem), problem.advice


def half_a_client(missing: str) -> Words:
    """One of the two that the app is known by to who signs in is missing."""
    return (
        f"nobody can sign in at the pages with GitHub: {missing} is not set",
        "set CLIENT_ID and CLIENT_SECRET, both are in the app's settings",
    )


def clear_pages(web_url: str) -> Words:
    """The pages are served without encryption, and not only to this machine."""
    return (
        f"the pages are at {web_url}: cookies and tokens travel unencrypted",
        "put a proxy with TLS in front, and set WEB_URL to its https address",
    )


def only_by_link() -> Words:
    """There are pages, and nobody signs in."""
    return (
        "the pages open by the links in comments alone",
        "set CLIENT_ID and CLIENT_SECRET of the app, or OPERATOR_TOKEN",
    )


def stopping() -> Words:
    """The bot was told to end."""
    return "the bot is stopping", ""


def silent(part: str, seconds: float) -> Words:
    """A part could not be examined."""
    return f"{part} did not answer within {seconds:.0f} s", ""


def broken(part: str) -> Words:
    """Examining a part failed."""
    return f"{part} could not be examined", "the log says why"


def github_works() -> Words:
    """GitHub answers, and takes the key."""
    return "GitHub answers and takes the app's key", ""


def not_answered_yet() -> Words:
    """GitHub has not said who the app is since the start."""
    return "the bot starts, and GitHub has not answered yet", ""


def key_never_taken(said: str) -> str:
    """GitHub does not take the app's key, and never did."""
    return (
        f"APP_ID and PRIVATE_KEY (or PRIVATE_KEY_PATH): {said.rstrip('.')}. Both are on the app's page"
        " of GitHub's settings; GITHUB_API_URL or GHE_HOST, if set, must be that GitHub."
    )


def unsigned(deliveries: int, since: datetime, *, secrets: int) -> Words:
    """Deliveries came that no secret signed, and none that one did since then."""
    some = "1 delivery" if deliveries == 1 else f"{deliveries:,} deliveries"
    comma = "; it has a comma, and counts as two" if secrets > 1 else ""
    return (
        f"{some} since {since:%H:%M:%S} UTC with a signature that does not fit",
        "unless strangers sent them, WEBHOOK_SECRET is not the secret of the app's"
        f" webhook{comma}",
    )


def key_refused() -> Words:
    """GitHub does not take the app's JWT."""
    return (
        "GitHub refuses the app's key (401)",
        "check APP_ID, PRIVATE_KEY and this machine's clock",
    )


def lost_end(deliveries: int, since: datetime, running: Mapping[BatchId, str]) -> Words:
    """The database does not know what it took in: its end is gone, or it is an older one.

    *running* are batches that are gone with it, with their comments.
    """
    them = f"{deliveries} deliveries" if deliveries > 1 else "a delivery"
    shown = [f"{batch} ({url})" for batch, url in sorted(running.items())]
    gone = ""
    if shown:
        more = " …" if len(shown) > MOST_NAMED else ""
        verb = "are said to run" if len(shown) > 1 else "is said to run"
        gone = f"; {', '.join(shown[:MOST_NAMED])}{more} {verb}, and nobody knows of it"
    return (
        f"the database has lost {them} since {since:%Y-%m-%d %H:%M} UTC{gone}",
        "what was asked is not done again: look there, and give the commands again",
    )


def not_told(batches: Mapping[BatchId, str]) -> Words:
    """Batches have ended, and their threads take no comment."""
    shown = [f"{batch} in {where}" for batch, where in sorted(batches.items())]
    more = " …" if len(shown) > MOST_NAMED else ""
    named = ", ".join(shown[:MOST_NAMED])
    return (
        f"cannot say how they ended: {named}{more}",
        "look whether the app may comment",
    )


def tokens_refused(installations: Sequence[int]) -> Words:
    """GitHub takes the app's JWT, but not the tokens that it made with it."""
    some = ", ".join(map(str, installations))
    return f"GitHub refuses tokens that it made (401): installation {some}", _WAITS


def out_of_reach(*, answers: bool, since: datetime, requests: int) -> Words:
    """Several requests in a row had no good answer."""
    how = "answers with errors" if answers else "does not answer"
    return (
        f"GitHub {how} since {since:%H:%M:%S} UTC ({requests} requests in a row)",
        "",
    )


def clock_is_off(ahead_seconds: float) -> Words:
    """This machine's time is not GitHub's."""
    way = "ahead of" if ahead_seconds > 0 else "behind"
    return (
        f"this machine's clock is {abs(ahead_seconds):.0f} s {way} GitHub's",
        "the bot goes by GitHub's; let a time service set it",
    )


def held(installations: int, until: datetime) -> Words:
    """GitHub asked for a pause of some installations."""
    some = f"{installations} installation{'s' if installations > 1 else ''}"
    return f"GitHub wants nothing of {some} until {until:%H:%M:%S} UTC", ""


def not_granted(permission: str, installations: Sequence[int]) -> Words:
    """Installations lack a permission that the bot uses."""
    some = "installation" if len(installations) == 1 else "installations"
    named = _named([str(number) for number in installations])
    return (
        f"{permission} is not granted by {some} {named}",
        "their owners are asked on the app's page of their settings",
    )


def isolated(name: str, notes: Collection[str]) -> Words:
    """How commands are kept apart from the bot."""
    if name == "none":
        return f"commands are not isolated: {'; '.join(notes)}", ""
    return f"commands run isolated by {name} ({'; '.join(notes)})", ""


def git_works() -> Words:
    """The program git is there, and new enough."""
    return "git is there and new enough", ""


def program_gone(command: str, fault: str) -> Words:
    """An operator's command cannot be started any more."""
    return of_command(command, fault), ""


def programs_work(commands: Mapping[str, str]) -> Words:
    """All programs that operators named are there; each command with where it is."""
    named = [f"{name} ({commands[name]})" for name in sorted(commands)]
    return ", ".join(named) or "none is set up to run on this machine", ""


def listens(version: str, address: str) -> Words:
    """Which bot this is, and where deliveries come to."""
    return f"batch-bot {version}, webhooks come to {address}", ""


def open_to(repositories: Sequence[str]) -> Words:
    """Which repositories may use this server."""
    named = ", ".join(repositories) or "every one in which the app is installed"
    return f"repositories: {named}", ""


def app_known(name: str, app_id: int, installations: int) -> Words:
    """Who the bot is on GitHub."""
    accounts = "1 account" if installations == 1 else f"{installations} accounts"
    return f"the app {name} ({app_id}), installed on {accounts}", ""


def left_aside(names: Sequence[str]) -> Words:
    """Folders of ended attempts that could not be deleted."""
    return f"cannot be deleted, and was moved aside: {_named(names)}", ""


def _named(names: Sequence[str]) -> str:
    more = " …" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _size(size_bytes: int) -> str:
    if size_bytes < 100_000_000:
        return f"{ceil(size_bytes / 1_000_000)} MB"
    return f"{size_bytes / 1_000_000_000:.1f} GB"


def pool_works(machines: int, slots: int) -> Words:
    """The scheduler answers, and there are machines."""
    some = "1 machine" if machines == 1 else f"{machines} machines"
    many = "1 command" if slots == 1 else f"{slots} commands"
    return f"the pool has {some} for {many} at a time", ""


def pool_is_away(why: str) -> Words:
    """The scheduler does not answer."""
    return why, "start the scheduler (python -m bot scheduler); commands wait for it"


def pool_is_empty() -> Words:
    """No machine has joined."""
    return (
        "the pool has no machine",
        "start one (python -m bot worker); commands wait for it",
    )


def pool_has_others(names: Collection[str], version: str) -> Words:
    """Machines joined that are not of the bot's version."""
    return (
        f"nothing runs on {join(sorted(names))} of the pool",
        f"install {version} there, and start it by python -m bot worker",
    )


def pool_cannot_run(command: str, needs: Collection[str]) -> Words:
    """No machine has all that a command takes."""
    what = f" with {join(sorted(needs))}" if needs else ""
    return (
        f"no machine of the pool{what} runs {command}",
        f"name it under commands in the settings file of one{' that has that' if needs else ''}",
    )


def tokens_are_given(address: str) -> Words:
    """Machines of the pool reach the bot by itself."""
    return f"machines of the pool get tokens at {address}", ""


def tokens_port_is_taken(address: str) -> Words:
    """Another program has the port, or the bot of another pool."""
    return (
        f"machines of the pool get no tokens at {address}: what listens there is not"
        " this bot",
        "give dask.tokens another port; until then a bot does not start",
    )


def pool_silent(address: str, why: str) -> str:
    """A machine of the pool cannot reach its scheduler, for now."""
    return f"the scheduler at {address} does not answer ({why}); this is tried again"
