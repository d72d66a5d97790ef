"""Why the bot does not start, or does not go on: what its operator reads then."""

from collections.abc import Collection


def dotfile_closed(file: str) -> str:
    """The file with the settings is another user's."""
    return (
        f"{file} may not be read by this user: run this as the user of the bot, or in"
        " another folder."
    )


def dotfile_unreadable(file: str, why: str) -> str:
    """The file with the settings is no file, or its disk fails."""
    return f"{file} cannot be read: {why}"


def dotfile_no_text(file: str) -> str:
    """The file with the settings is not in UTF-8."""
    return f"{file} is no text in UTF-8: save it as one."


def database_in_use(database: str, holder: str) -> str:
    """Another process has the database."""
    return (
        f"{database} is in use by {holder or 'another process'}; stop it, or name another"
        " file in BATCH_DB"
    )


def no_dask() -> str:
    """A pool is wanted, and what it takes is not installed."""
    return "BATCH_DASK needs an extra of batch-bot: pip install '.[dask]'"


def no_pool_named() -> str:
    """A machine of a pool, or its scheduler, is to run and nobody says where."""
    return (
        "BATCH_DASK is not set: it says where the scheduler of the pool is, for example"
        " BATCH_DASK=tls://pool.example.com:8786"
    )


def no_pool_files(files: Collection[str]) -> str:
    """Files that open the pool are not there."""
    return (
        f"BATCH_SETTINGS_FILE: dask names {', '.join(files)}, which cannot be read as a"
        " file; see .github/docs/pool.md for how they are made"
    )


def pool_not_opened(address: str, why: str) -> str:
    """The scheduler cannot listen there."""
    return f"BATCH_DASK: {address} cannot be listened on: {why}"


def pool_files_unfit(why: str) -> str:
    """Files that open the pool are there, and are not what they have to be."""
    return (
        f"BATCH_SETTINGS_FILE: the files that dask names cannot be used: {why}; see"
        " .github/docs/pool.md for how they are made"
    )


def tokens_not_served(address: str, why: str) -> str:
    """The system does not let the bot listen where machines are to get tokens."""
    return (
        f"BATCH_SETTINGS_FILE: dask.tokens={address!r}: this port cannot be listened on:"
        f" {why}"
    )


def folder_in_use(folder: str) -> str:
    """Another machine of the pool, on this one, works in the folder."""
    return (
        f"{folder} is in use by another worker; name another folder, for example"
        " --folder ./data/worker-2"
    )


def git_unfit(why: str) -> str:
    """This machine has no git that can be used."""
    return f"this machine cannot take part in the pool: {why}"


def other_version(here: str, there: str) -> str:
    """The bot is of another version than this machine of its pool."""
    return (
        f"this is {here} and the bot is {there}: install the same version on both. Until"
        " then nothing runs here"
    )


def database_linked(database: str) -> str:
    """Another process has the same file by another name."""
    return (
        f"{database} is in use by another process, under another name of the same file;"
        " stop it, or name another file in BATCH_DB"
    )


def database_not_written(database: str, why: str) -> str:
    """The file, or its folder, does not take writes."""
    return f"BATCH_DB: {database} cannot be written: {why}"


def database_not_migrated(database: str, why: str) -> str:
    """The schema could not be brought up to date."""
    return f"BATCH_DB: {database} cannot be brought up to date: {why}"


def database_damaged(database: str, why: str) -> str:
    """SQLite does not take the file for a sound database."""
    return (
        f"BATCH_DB: {database} is damaged or cannot be read ({why}). Restore a backup to"
        " this place, or move the file away to begin with an empty one. Nothing was"
        " changed."
    )


def database_foreign(database: str) -> str:
    """The file has tables that are not the bot's."""
    return (
        f"BATCH_DB: {database} is the database of something else; name another file."
        " Nothing was changed."
    )


def database_newer(database: str, migrations: Collection[str]) -> str:
    """The schema is one that this version does not know."""
    return (
        f"BATCH_DB: {database} was written by a newer version of batch-bot"
        f" ({', '.join(sorted(migrations))}): run that version, or restore the backup"
        " from before it. Nothing was changed."
    )


def database_older(database: str) -> str:
    """The schema is an older one, which only a start of the bot changes."""
    return (
        f"BATCH_DB: {database} is of an older version of batch-bot: start the bot once"
        " with this version, which brings it up to date"
    )


def address_taken(host: str, port: int, why: str) -> str:
    """The system does not let the bot listen there."""
    return f"HOST={host} PORT={port} cannot be listened on: {why}"


def no_such_action(name: str, value: str) -> str:
    """An entry point names what is no action, or one by a name that is taken."""
    return f"{value} adds no action that can be had: {name}"


def no_such_worker(name: str, known: Collection[str]) -> str:
    """The settings name a worker that nobody brings."""
    return (
        f"BATCH_SETTINGS_FILE: workers names {name}, and there is {', '.join(known)}; others"
        " come with packages that are installed beside the bot"
    )


def no_worker_made(name: str, value: str) -> str:
    """An entry point makes what is no worker, or one by a name that is taken."""
    return f"{value} makes no worker that can be had: {name}"


def backup_onto_itself(path: str) -> str:
    """A copy would take the place of the database that it is made of."""
    return f"{path} is the database itself. Give the copy another name."


def part_died() -> str:
    """Something ended without which the bot does nothing."""
    return "a part that must live has died; the log says why"
