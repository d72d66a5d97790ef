"""What operators read of their commands, and of how those are kept apart from the bot."""

# --- programs ------------------------------------------------------------------------


def not_on_path(what: str, path: str) -> str:
    """A program is found in no folder of the PATH."""
    return (
        f"{what} is not on the PATH that commands get ({path}): write its whole path,"
        " or add its folder to the PATH and start again"
    )


def wanted_by(program: str, name: str) -> str:
    """What is looked for is what a program begins with: its interpreter."""
    return f"{program} wants {name}, which"


def missing(what: str, target: str = "") -> str:
    """A program is not there; it is a link to *target*, if that is given."""
    leads = f" leads to {target}, which" if target else ""
    return f"{what}{leads} does not exist"


def missing_in_repository(program: str) -> str:
    """A program is to be in the repository, and this one does not have it."""
    return f"{program} does not exist in the repository"


def no_program(what: str) -> str:
    """A file is there and cannot be run."""
    return f"{what} is no program: chmod +x, if it should be one"


def not_tried(program: str, said: str) -> str:
    """Whether a program can be reached could not be found out."""
    return f"{program} could not be tried: {said}"


def hidden(program: str, folder: str) -> str:
    """A program lies where nothing shows to commands."""
    return f"{program} is {_hidden(folder)}"


def mentions_hidden(program: str, path: str, folder: str) -> str:
    """A script names a program that lies where nothing shows to commands."""
    return f"{program} mentions {path}, which is {_hidden(folder)}"


def of_command(name: str, said: str) -> str:
    """What is said of the program of one command."""
    return f"commands.{name}: {said}"


def _hidden(folder: str) -> str:
    return (
        f"hidden from commands: `show: [{folder}]` in the settings file lets them read"
        " it"
    )


# --- isolation -----------------------------------------------------------------------


def network(*, is_on: bool) -> str:
    """Whether commands reach the network."""
    return "network on" if is_on else "network off"


def as_root() -> str:
    """The bot runs as root."""
    return "the bot runs as root: the kernel does not limit the number of processes"


def files_open() -> str:
    """Commands run in a namespace of processes alone."""
    return "commands can read and change the bot's files"


def all_open() -> str:
    """Commands run without any isolation."""
    return "commands can read and change all that the bot can"


def ended_with(exit_code: int) -> str:
    """A trial of the isolation failed without a word."""
    return f"it ended with {exit_code}"


def no_bubblewrap(fault: str) -> str:
    """The isolation that is required does not work: the bot does not start."""
    return (
        f"BATCH_SANDBOX=required, but bubblewrap does not work here: {fault}. Install "
        "it (Debian and Ubuntu: apt install bubblewrap) and let it make user "
        "namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0; in Docker "
        "--security-opt seccomp=unconfined --security-opt systempaths=unconfined), or "
        "set BATCH_SANDBOX=best-effort to do with what works, or off."
    )
