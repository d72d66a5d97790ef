"""What the doctor says of the app, its webhook and its installations, with the remedy."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.core.say.findings import Words


def no_database_yet(database: str, free_bytes: int) -> Words:
    """There is no database, and one can be made."""
    free = f"{free_bytes / 1_000_000_000:.1f} GB"
    return f"{database} is made at the first start; its disk has {free} left", ""


def migrates(database: str, steps: int) -> Words:
    """The database is an older version's."""
    return (
        f"{database} is sound, and of an older version ({steps} steps)",
        "it is brought up to date at the next start: back it up before, with"
        " `python -m bot db backup`",
    )


def sound(database: str) -> Words:
    """The file is what SQLite, and this version, take."""
    return f"{database} is sound", ""


def running(holder: str) -> Words:
    """Another process has the database."""
    return f"the bot runs: {holder or 'another process'}", ""


def of_running(words: str) -> str:
    """The bot that runs has other settings than whoever looks."""
    return f"the bot that runs: {words}"


def not_running() -> Words:
    """No process has the database."""
    return "no bot runs on this database", "start it with `python -m bot run`"


def not_asked() -> Words:
    """It is not known which GitHub, or which app, to ask."""
    return "GitHub was not asked about the app", "put the settings right first"


# --- the app -------------------------------------------------------------------------


def clock_agrees(seconds: float) -> Words:
    """This machine's time is GitHub's."""
    return f"this machine's clock agrees with GitHub's, to {seconds:.0f} s", ""


def app_lacks_permissions(permissions: Sequence[str], url: str) -> Words:
    """The app's registration asks for less than the bot uses."""
    return (
        f"the app does not ask for {', '.join(permissions)}",
        f"give it that, as app.yml has it, at {url}",
    )


def app_lacks_events(events: Sequence[str], url: str) -> Words:
    """The app is not told of everything that the bot goes by."""
    return (
        f"the app is not subscribed to {', '.join(events)}",
        f"subscribe it, as app.yml has it, at {url}",
    )


def app_is_complete(permissions: int, events: int) -> Words:
    """The registration has all that the bot uses."""
    return (
        f"the app has all {permissions} permissions and {events} events of app.yml",
        "",
    )


# --- the webhook ---------------------------------------------------------------------


def hook_without_address(url: str) -> Words:
    """GitHub has nowhere to deliver to."""
    return (
        "the app's webhook has no address: GitHub delivers nothing",
        f"make it active, and set one at {url}: the bot's, a smee channel (also in"
        " WEBHOOK_PROXY_URL) or, for `python -m bot run --poll`, one that leads nowhere,"
        " such as https://batch-bot.invalid",
    )


def hook_not_public(address: str, url: str) -> Words:
    """GitHub cannot get to a place inside somebody's network."""
    return (
        f"the app's webhook goes to {address}, which GitHub cannot reach",
        f"set a public address at {url}, or a smee channel there and in"
        " WEBHOOK_PROXY_URL; or take them from GitHub with `python -m bot run --poll`",
    )


def hook_goes_elsewhere(address: str, expected: str, variable: str, url: str) -> Words:
    """The webhook and the settings do not name the same place."""
    return (
        f"the app's webhook goes to {address}, and {variable} has {expected}",
        f"make them the same: at {url}, or in {variable}",
    )


def hook_other_path(address: str, path: str, url: str) -> Words:
    """The webhook's address does not end in what the bot answers."""
    return (
        f"the app's webhook goes to {address}, and the bot answers at {path}",
        f"unless a proxy changes the path, set it at {url} or in WEBHOOK_PATH",
    )


def hook_content_type(content_type: str, url: str) -> Words:
    """Deliveries do not come as JSON."""
    return (
        f"the app's webhook sends {content_type}, and the bot takes JSON alone",
        f"set its content type to application/json at {url}",
    )


def hook_without_secret(url: str) -> Words:
    """GitHub signs nothing."""
    return (
        "the app's webhook has no secret: every delivery is refused",
        f"set there what WEBHOOK_SECRET has: {url}",
    )


def hook_insecure(url: str) -> Words:
    """GitHub does not look at the certificate."""
    return (
        "the app's webhook goes to whoever answers: SSL verification is off",
        f"switch it on at {url}",
    )


def hook_goes_to(address: str) -> Words:
    """The webhook leads to the bot, as far as it can be told."""
    return f"the app's webhook goes to {address}", ""


def nothing_delivered() -> Words:
    """GitHub has tried nothing."""
    return (
        "GitHub has delivered nothing for days",
        "comment `/batch help` where the app is installed, then look again",
    )


def delivered(event: str, at: datetime) -> Words:
    """The newest delivery was taken."""
    return f"the last delivery was taken: {event}, {_time(at)}", ""


def listed(event: str, at: datetime) -> Words:
    """The newest delivery is on GitHub's list, from which it is taken."""
    return (
        f"deliveries are taken from GitHub's list; the last: {event}, {_time(at)}",
        "",
    )


def refused_signature(event: str, at: datetime, url: str) -> Words:
    """The newest delivery was answered with 401."""
    return (
        f"the last delivery was refused (401): {event}, {_time(at)}",
        "make WEBHOOK_SECRET what the webhook's secret is, without quotes or spaces"
        f" around it: {url}",
    )


def answered_elsewhere(status: int, event: str, at: datetime, path: str) -> Words:
    """The newest delivery was answered by something that is not the bot's route."""
    return (
        f"the last delivery was answered with {status}: {event}, {_time(at)}",
        f"its address has to end in {path}, and a proxy in front has to pass POST on",
    )


def not_delivered(status: int, said: str, event: str, at: datetime) -> Words:
    """The newest delivery did not get through."""
    how = f"{status}, {said}" if said else str(status)
    return (
        f"the last delivery did not arrive ({how}): {event}, {_time(at)}",
        "look at address, certificate and proxy; what was missed is fetched when the bot"
        " runs",
    )


def secret_fits(event: str) -> Words:
    """A delivery's signature was made with the bot's secret."""
    return f"WEBHOOK_SECRET is what GitHub signs with (seen by a delivery, {event})", ""


# --- installations -------------------------------------------------------------------


def installed_nowhere(url: str) -> Words:
    """The app is on no account."""
    return "the app is installed nowhere", f"install it at {url}"


def suspended(account: str, url: str) -> Words:
    """An owner has taken the access away for a time."""
    return f"{account} has suspended the app", f"its owner can end that at {url}"


def not_granted(account: str, permissions: Mapping[str, str], url: str) -> Words:
    """An installation lacks permissions; each with what it is for."""
    named = "; ".join(f"{name} ({what})" for name, what in permissions.items())
    return f"{account} has not granted {named}", f"its owner can do that at {url}"


def not_told_of(account: str, events: Sequence[str], url: str) -> Words:
    """An installation sends less than the bot goes by."""
    return (
        f"{account} sends no {', '.join(events)}",
        f"its owner has to accept what the app asks for, at {url}",
    )


def budget(
    account: str, remaining: int, limit: int, reset_at: datetime, repositories: int
) -> str:
    """What is left to an installation, and what it reaches."""
    some = "1 repository" if repositories == 1 else f"{repositories:,} repositories"
    return (
        f"{account}: {remaining:,} of {limit:,} requests left until"
        f" {reset_at:%H:%M:%S} UTC, in {some}"
    )


def no_limits(account: str, repositories: int) -> str:
    """An Enterprise server counts no requests."""
    some = "1 repository" if repositories == 1 else f"{repositories:,} repositories"
    return f"{account}: no limit of requests, in {some}"


def short_of_requests(reserve: int) -> str:
    """Less is left than the reserve."""
    return f"that is no more than the reserve ({reserve:,}): items wait until then"


def more_installations(shown: int, of: int) -> Words:
    """Not every installation was asked for its budget."""
    return f"the budgets of {shown} of {of} installations were looked at", ""


def not_installed_on(repositories: Sequence[str], url: str) -> Words:
    """The settings allow what the app cannot see."""
    return (
        f"allowed_repositories has {', '.join(repositories)}, where the app is not"
        " installed",
        f"install it there: {url}",
    )


def summary(broken: int, notes: int) -> str:
    """The last line."""
    if not broken and not notes:
        return "All is well."
    some = f"{notes} note{'' if notes == 1 else 's'}"
    if not broken:
        return f"All works, with {some}."
    return f"{broken} thing{' is' if broken == 1 else 's are'} broken, {some}."


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
