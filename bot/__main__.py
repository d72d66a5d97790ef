"""``python -m bot``: the command line; what a command needs is imported by that alone."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from bot.commandline.commands import COMMANDS, REPOSITORY
from bot.commandline.ending import AS_JSON, INTERRUPTED, CommandLine
from bot.core.world.redaction import Secrets
from bot.errors import BotError, ConfigurationError, SettingsError, UserError
from bot.host.zones import install_zones
from bot.logs import configure_logging
from bot.settings import database_path, load_settings


@click.group(cls=CommandLine, invoke_without_command=True)
@click.version_option(package_name="batch-bot")
@click.pass_context
def main(context: click.Context) -> None:
    """Run batches of issues and pull requests from a slash command.

    Without a command, the bot is run.
    """
    install_zones()
    configure_logging(level="error", style="pretty")
    if context.invoked_subcommand is None:
        context.invoke(run)


@main.command()
@click.option("--host", help="The address to listen on; before the variable HOST.")
@click.option("--port", help="The port to listen on; before the variable PORT.")
@click.option(
    "--poll",
    is_flag=True,
    help="Take deliveries from GitHub's list, for want of an address; as BATCH_POLL.",
)
@click.option(
    "--standby",
    is_flag=True,
    help="While another process has the database, wait, and take over when it ends.",
)
def run(
    host: str | None = None,
    port: str | None = None,
    *,
    poll: bool = False,
    standby: bool = False,
) -> None:
    """Run the bot.

    It is set up by environment variables, or by a file .env in this folder; the README
    lists them. SIGTERM or Ctrl-C ends it in order, a second one at once.
    """
    from bot import app  # noqa: PLC0415
    from bot.host.process import wait_by_descriptors  # noqa: PLC0415

    try:
        settings = load_settings(
            {"HOST": host, "PORT": port, "BATCH_POLL": "true" if poll else None}
        )
        secrets = Secrets(settings.secrets)
        configure_logging(
            level=settings.log_level, style=settings.log_format, secrets=secrets
        )
        wait_by_descriptors()
        asyncio.run(app.run(settings, secrets, stands_by=standby))
    except SettingsError as error:
        click.echo(f"batch-bot cannot start:\n{error}", err=True)
        sys.exit(2)
    except BotError as error:
        # Not for want of settings: whoever supervises it may try again.
        click.echo(f"batch-bot has stopped: {error}", err=True)
        sys.exit(1)


@main.command("doctor")
@AS_JSON
def doctor_(*, is_json: bool) -> None:
    """Look at everything that has to be right, and say how to mend what is not.

    Settings, database, isolation, commands, git, and on GitHub the app, its webhook
    and its installations. Runs beside a running bot, and without one; it changes
    nothing. Ends with 1 if anything is broken.
    """
    from bot import doctor  # noqa: PLC0415
    from bot.ports.examined import State  # noqa: PLC0415

    found = asyncio.run(doctor.examine())
    if is_json:
        click.echo(json.dumps(doctor.document(found), indent=2))
    else:
        click.echo("\n".join(doctor.lines(found)))
    sys.exit(1 if doctor.count(found, State.BROKEN) else 0)


@main.command("setup")
@click.option("--org", default="", help="The organization that is to own the app.")
@click.option("--name", default="", help="What it is called, at most 34 characters.")
@click.option("--url", default="", help="The public address of this server.")
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Of the page, on this machine's loopback.",
)
@click.option("--print", "prints", is_flag=True, help="Print the lines of .env only.")
@click.option("--no-run", is_flag=True, help="Do not start the bot in the end.")
@click.pass_context
def setup_(
    context: click.Context,
    *,
    org: str,
    name: str,
    url: str,
    port: int,
    prints: bool,
    no_run: bool,
) -> None:
    """Register the app on GitHub in a browser, and write .env in this folder.

    GHE_HOST or GITHUB_API_URL name an Enterprise server. With --print nothing is
    written: the lines go to the standard output, all else to the other one. In the end
    the bot is started.
    """
    from bot.core.say import registration  # noqa: PLC0415
    from bot.setup import asking, flow  # noqa: PLC0415

    def tell(text: str) -> None:
        click.echo(text, err=prints)

    before = flow.look()
    choice = asking.about(before, prints=prints)
    if choice is asking.Choice.DOCTOR:
        context.invoke(doctor_, is_json=False)
    if choice is asking.Choice.LEAVE:
        return
    flow.check(before, prints=prints)
    if before.other_faults:
        tell(registration.other_faults(before.other_faults))
    options = flow.Options(org, name, url.rstrip("/"), port, prints)
    if asking.until_stopped(flow.set_up(before, options, tell)) is None:
        sys.exit(INTERRUPTED)
    if prints or no_run or not asking.starts_now():
        tell(registration.start_later())
        return
    context.invoke(run)


@main.command("review")
@REPOSITORY
@click.argument("number", type=int)
@click.option("--print", "is_print", is_flag=True, help="Show what would be posted.")
@AS_JSON
def review_(repository: str, number: int, *, is_print: bool, is_json: bool) -> None:
    """Show the review that pull request NUMBER of REPOSITORY (owner/name) would get.

    Nothing is posted: reviews are asked for on GitHub, by /batch review. Needs the same
    settings as the bot.
    """
    from bot import app  # noqa: PLC0415

    if not is_print:
        message = "Say --print: reviews are posted by /batch review on GitHub alone."
        raise click.UsageError(message)
    try:
        settings = load_settings({})
        configure_logging(
            level="error",
            style=settings.log_format,
            secrets=Secrets(settings.secrets),
        )
        found = asyncio.run(app.preview(settings, repository, number))
    except BotError as error:
        message = f"There is no review: {error}"
        raise UserError(message) from error
    if found is None:
        message = f"There is no review: {repository} has no pull request {number}."
        raise UserError(message)
    if is_json:
        comments = [
            {"path": one.path, "line": one.line, "body": one.body}
            for one in found.comments
        ]
        document = {
            "verdict": found.verdict,
            "body": found.body.strip(),
            "comments": comments,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(found.body.strip())
    for one in found.comments:
        click.echo(f"\n{one.path}:{one.line}\n{one.body}")


@main.group()
def config() -> None:
    """Look after the .github/batch.yml of a repository. Needs no setting."""


@config.command("schema")
@AS_JSON
def schema_(*, is_json: bool) -> None:
    """Print the JSON Schema of the file, for editors."""
    from bot.core.plan.keys import schema  # noqa: PLC0415

    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))


@config.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@AS_JSON
def check_config(file: Path, *, is_json: bool) -> None:
    """Check FILE as the bot reads it; "-" is not supported.

    Ends with 0 if it fits, with 1 if it does not: then each line of the output is what
    is wrong in one place. What FILE extends is not looked at.
    """
    from bot.core.plan.configuration import PATH  # noqa: PLC0415
    from bot.core.plan.sources import (  # noqa: PLC0415
        Place,
        Source,
        extended,
        read_sources,
    )
    from bot.core.say import configuration  # noqa: PLC0415

    try:
        content = file.read_bytes()
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise UserError(message) from error
    source = Source(content, str(file))
    try:
        read_sources([source])
        extends = extended(source, [Place("owner/this", PATH)])
    except ConfigurationError as error:
        if is_json:
            faults = [asdict(fault) for fault in error.faults]
            click.echo(json.dumps({"fits": False, "faults": faults}, indent=2))
            sys.exit(1)
        for fault in error.faults:
            place = f":{fault.line}:{fault.column}" if fault.line else ""
            click.echo(f"{fault.file}{place}: {fault.words}")
        click.echo(configuration.does_not_fit(len(error.faults)), err=True)
        sys.exit(1)
    if is_json:
        click.echo(json.dumps({"fits": True, "faults": []}, indent=2))
        return
    click.echo(configuration.fits(str(file), extends=extends is not None))


@main.group()
def db() -> None:
    """Look after the database that BATCH_DB names."""


@db.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", "replaces", is_flag=True, help="Replace what PATH has.")
@AS_JSON
def backup(path: Path, *, replaces: bool, is_json: bool) -> None:
    """Copy the database as it is now to PATH, also while the bot runs.

    What is there already is replaced with --replace only, once the copy is whole. To restore it, stop the bot and put the copy in the database's place. No other
    setting is needed.
    """
    from bot.commandline.database import back_up  # noqa: PLC0415

    database = database_path()
    if path.exists() and not replaces:
        message = (
            f"There is no backup: {path} is there already. Name another file, or say"
            " --replace."
        )
        raise UserError(message)
    try:
        asyncio.run(back_up(database, path))
    except BotError as error:
        message = f"There is no backup: {error}"
        raise UserError(message) from error
    if is_json:
        click.echo(json.dumps({"database": str(database), "copy": str(path)}))
    else:
        click.echo(f"{database} is copied to {path}.")


@db.command()
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@AS_JSON
def check(path: Path | None, *, is_json: bool) -> None:
    """Look thoroughly at the database, or at a copy of it at PATH.

    Only reads, also while the bot runs, and needs no other setting.
    """
    from bot.store.store import check_file  # noqa: PLC0415

    database = path or database_path()
    found = check_file(database)
    if is_json:
        click.echo(json.dumps({"database": str(database), "damage": found}))
        sys.exit(1 if found else 0)
    if found:
        click.echo(f"{database} is damaged: {found}", err=True)
        sys.exit(1)
    click.echo(f"{database} is sound.")


@db.command()
@click.option(
    "--days",
    default=30,
    type=click.IntRange(0, 36500),
    show_default=True,
    help="How long a delivery is known again.",
)
@AS_JSON
def prune(*, days: int, is_json: bool) -> None:
    """Forget the deliveries that were dealt with long ago.

    A bot that runs does this by itself, and has to be stopped before. What GitHub
    could deliver again, three days back, is always kept.
    """
    from bot.commandline.database import prune  # noqa: PLC0415

    try:
        pruned = asyncio.run(prune(database_path(), days=days))
    except BotError as error:
        message = f"Nothing is pruned: {error}"
        raise UserError(message) from error
    if is_json:
        click.echo(json.dumps({"deliveries": pruned}))
    else:
        click.echo(f"{pruned:,} deliveries are forgotten.")


for command in COMMANDS:
    main.add_command(command)


@main.command("demo")
@click.option("--once", is_flag=True, help="Run one batch, print its report, and exit.")
@click.option(
    "--scenario",
    type=click.Choice(["implement", "merge", "review", "across", "labels", "reviews"]),
    default="implement",
    help="What is shown: issues that are worked on, a train of merges, reviews, a batch in"
    " two repositories; or what labels, or requests for reviews, begin.",
)
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="The port of the local GitHub; without it a free one.",
)
def show(*, once: bool, scenario: str, port: int) -> None:
    """Try the bot on a local GitHub, without an account or network.

    Serves a repository with issues and pull requests as pages, with the bot listening
    to what is done there, until Ctrl-C. With --once it needs no browser: one
    command is given, or what the scenario says is done; the progress and report are shown, and what came of it is checked.
    """
    try:
        from bot.demo import show as demo  # noqa: PLC0415 - needs the extra [demo]
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "bot":
            raise
        click.echo(
            f"The demo needs the extra [demo] ({error.name} is missing): run pip install"
            " '.[demo]' in the folder of batch-bot's source.",
            err=True,
        )
        sys.exit(1)
    demo.perform(
        demo.once(scenario=scenario)
        if once
        else demo.serve(port=port, scenario=scenario)
    )


if __name__ == "__main__":
    main()
