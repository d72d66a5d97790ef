"""``python -m bot``: the command line."""

import asyncio
import sys
from typing import Any

import click
from rich.console import Console

from bot import app, demo
from bot.errors import SettingsError
from bot.logs import configure_logging
from bot.settings import load_settings


@click.group(invoke_without_command=True)
@click.version_option(package_name="batch-bot")
@click.pass_context
def main(context: click.Context) -> None:
    """Run batches of issues and pull requests from a slash command.

    Without a command, the bot is run.
    """
    if context.invoked_subcommand is None:
        context.invoke(run)


@main.command()
@click.option("--host", help="The address to listen on. [HOST]")
@click.option("--port", help="The port to listen on. [PORT]")
def run(host: str | None = None, port: str | None = None) -> None:
    """Run the bot until SIGTERM; a second one ends it at once."""
    try:
        settings = load_settings({"HOST": host, "PORT": port})
        configure_logging(level=settings.log_level, style=settings.log_format)
        asyncio.run(app.run(settings))
    except SettingsError as error:
        click.echo(f"batch-bot cannot start:\n{error}", err=True)
        sys.exit(2)


@main.command("demo")
@click.option("--once", is_flag=True, help="Run one batch, print its report, and exit.")
@click.option("--port", default=0, help="The port of the local GitHub's pages.")
def show(**options: Any) -> None:
    """Try the bot on a local GitHub, without an account."""
    console = Console()
    try:
        if options["once"]:
            asyncio.run(demo.once(console))
        else:
            asyncio.run(demo.serve(console, port=options["port"]))
    except demo.DemoFailed as error:
        click.echo(f"The demo failed: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("The demo has ended.")


if __name__ == "__main__":
    main()
