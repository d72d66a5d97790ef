"""What an operator reads while the app is registered: in the terminal, on the page."""

from collections.abc import Collection, Sequence

# --- in the terminal -----------------------------------------------------------------


def open_link(link: str, *, is_opened: bool) -> str:
    """Where it begins, in a browser of this machine."""
    if is_opened:
        return f"A browser opens {link}\nPress “Register on GitHub” there."
    return f"Open in a browser, and press “Register on GitHub”:\n\n  {link}\n"


def from_elsewhere(host: str, port: int, page: str) -> str:
    """How it is done with a browser on another machine."""
    return (
        "Your browser is on another machine? Either run there first\n\n"
        f"  ssh -L {port}:127.0.0.1:{port} {host}\n\n"
        "or give your browser this as the address (it is the page with the button):\n\n"
        f"  {page}\n\n"
        "Then it ends at an address that does not open there: paste that one here."
    )


def not_an_address() -> str:
    """What was pasted has no code."""
    return (
        "That is not where GitHub led to: it begins with http://127.0.0.1 and has"
        " code=… and state=…. Copy all of it."
    )


def another_state() -> str:
    """The way back was not from what was begun here."""
    return (
        "That does not belong to this setup: it was begun by another one, or by somebody"
        " else. Nothing was fetched. Begin again at the link in the terminal."
    )


def done_already() -> str:
    """A second way back."""
    return "The app is registered already; the terminal says how it goes on."


def code_is_gone(site: str, *, is_lost: bool) -> str:
    """GitHub answers 404 to a code."""
    if is_lost:
        return (
            "GitHub's answer with the key was lost, and it gives that once only. The app"
            f" is there, but of no use: delete it at {site}/settings/apps (or the"
            " organization's), and begin again at the link. Nothing was written."
        )
    return (
        "GitHub does not know this code: it holds for one hour, and once. If the app is"
        f" at {site}/settings/apps, delete it there and begin again at the link."
        " Nothing was written."
    )


def github_unwell(why: str) -> str:
    """GitHub did not give the key yet."""
    return (
        f"GitHub did not answer with the app's key: {why} Reload the page, or paste the"
        " address again, within an hour. Nothing was written yet."
    )


def registered(name: str, url: str) -> str:
    """The app is there."""
    return f"The app {name} is registered: {url}"


def written(file: str, names: Sequence[str]) -> str:
    """What is in .env now."""
    return f"{file} has {', '.join(names)}; it is for your eyes only (mode 0600)."


def not_written(file: str, why: str) -> str:
    """The secrets could not be kept."""
    return (
        f"{file} could not be written: {why}. GitHub gives these once only, so keep them"
        " now, as lines of that file:"
    )


def start_by_hand(file: str) -> str:
    """The app is there, and its settings are not in the file."""
    return (
        f"The bot was not started: {file} does not have the app's settings. Put the lines"
        " above there, then start it with `python -m bot run`."
    )


def install_it(page: str) -> str:
    """The next step."""
    return (
        "Install it where it is to work: press “Install” on the page that opens, or at\n\n"
        f"  {page}\n\nWaiting for that (Ctrl-C to do it later) …"
    )


def installed(account: str, repositories: Sequence[str], count: int) -> str:
    """Where it is installed."""
    if not count:
        return f"It is installed on {account}, which has no repository yet."
    more = f" and {count - len(repositories)} more" if count > len(repositories) else ""
    return f"It is installed on {account}: {', '.join(repositories)}{more}."


def what_next(repository: str) -> str:
    """How to try it."""
    where = f"in an issue of {repository}" if repository else "in an issue"
    return f"Comment /batch help {where} once the bot runs."


def no_command_yet() -> str:
    """Nothing implements issues."""
    return (
        "No command implements issues yet: name one in a settings file (README, Run it, 3)."
        " All other actions work without."
    )


def start_now() -> str:
    """The last question."""
    return "Start the bot now?"


def start_later() -> str:
    """It was not started."""
    return (
        "Start it with `python -m bot run`; `python -m bot doctor` looks at all of it."
    )


def stopped_before_installing(page: str) -> str:
    """Ctrl-C while it waits for an installation."""
    return (
        f"The app is registered and not installed yet: do that at {page}, then start the"
        " bot with `python -m bot run`."
    )


def stopped() -> str:
    """Ctrl-C before anything was registered."""
    return "Nothing was registered here, and nothing written."


# --- what is there already -----------------------------------------------------------


def configured(app: str, file: str) -> str:
    """An app is set up."""
    return f"An app is set up here already: {file} has APP_ID={app}."


def what_to_do() -> str:
    """What one can do about it."""
    return "[d] look at it with the doctor, [n] register a new one, [q] leave it"


def replaces(file: str, names: Collection[str]) -> str:
    """What a new app takes the place of."""
    return f"The new app's values take the place of {_all(names)} in {file}. Go on?"


def nothing_asked() -> str:
    """Nobody is there to say yes."""
    return (
        "Nothing was changed: there is no terminal to ask on. Look at it with"
        " `python -m bot doctor`, or take those lines out of the file first."
    )


def left_alone() -> str:
    """It was not replaced."""
    return "Nothing was changed."


def in_the_environment(names: Collection[str]) -> str:
    """What is set there would win over the file."""
    return (
        f"The environment has {_all(names)}, which comes before .env: what is written"
        " there would not count. Unset it first, or say --print. Nothing was changed."
    )


def where_is_github(faults: Collection[str]) -> str:
    """The settings that name GitHub do not fit."""
    return "\n".join([*faults, "Put that right first. Nothing was changed."])


def other_faults(faults: Collection[str]) -> str:
    """Settings that the bot will stumble over afterwards."""
    lines = "\n".join(f"  {one}" for one in faults)
    return f"Besides, these settings do not fit; the bot does not start with them:\n{lines}"


def file_cannot_be_written(file: str, why: str) -> str:
    """There is no point in beginning."""
    return (
        f"{file} cannot be written: {why}. Go to a folder that you may write in, or say"
        " --print. Nothing was changed."
    )


# --- on the page ---------------------------------------------------------------------

TITLE = "Connect batch-bot to GitHub"
BADGE = "set-up, not receiving webhooks yet"
INTRODUCTION = "About two minutes. Nothing is sent until you press the button."
HAVE_APP = "I already have an app"
HAVE_APP_HOW = (
    "End this in the terminal with Ctrl-C, and write its APP_ID, PRIVATE_KEY (or"
    " PRIVATE_KEY_PATH) and WEBHOOK_SECRET into .env; python -m bot doctor tells what it"
    " lacks of app.yml."
)
WHERE = "Where GitHub sends webhooks"
PUBLIC = "A public address of this server"
PUBLIC_HINT = "https:// and the name; webhooks go to {path} there."
CHANNEL = "A smee channel, on a laptop"
CHANNEL_HINT = "Such as https://smee.io/…; make one at https://smee.io/new."
NONE = "No address: the bot asks GitHub every five seconds"
ADDRESS = "Address"
REGISTER = "Register the app"
OWNER = "Organization (empty: your own account)"
NAME = "Name"
NAME_HINT = (
    "GitHub shows it once more; at most 34 characters, and unlike any other app's."
)
MAY = "What it may do"
BUTTON = "Register on GitHub →"
ON = "Go on to GitHub →"
INSTALL = "Install it and try"
INSTALL_HOW = (
    "You are led to where it is installed by yourself. The keys are in .env then (mode"
    " 600), and the bot starts."
)


def bad_name() -> str:
    """A name that GitHub would refuse."""
    return "The name has to have 1 to 34 characters."


def bad_organization() -> str:
    """No account is called so."""
    return "An organization's name has letters, digits and hyphens."


def bad_address() -> str:
    """Nothing that is an address."""
    return "Write an address that begins with https:// or http://, such as https://bot.example.com."


def address_with_path() -> str:
    """The bot's pages have a host for themselves."""
    return (
        "Write the address without a path, such as https://bot.example.com: the bot has a"
        " host name, or a port, of its own."
    )


def not_begun(fault: str) -> str:
    """An option would lead nowhere."""
    return f"{fault} Nothing was registered."


def private_address(host: str) -> str:
    """GitHub would not take it."""
    return (
        f"GitHub cannot reach {host}: it is this machine's own, or in a network of yours."
        " Name an address that GitHub reaches, use a smee channel, or none at all."
    )


def not_here() -> str:
    """A request without the link's secret."""
    return "This page needs the one-time link printed in the terminal.\n"


def _all(names: Collection[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
