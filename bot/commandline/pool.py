"""The commands of a pool's machines."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from bot.core.say import starts
from bot.core.world.redaction import Secrets
from bot.errors import SettingsError
from bot.host.process import wait_by_descriptors
from bot.logs import configure_logging
from bot.settings import Settings, settings_of_machine


class _Label(click.ParamType[tuple[str, int]]):
    """``gpu`` or ``gpu=2``."""

    name = "label"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        label, _, many = str(value).partition("=")
        if not label.isidentifier() or not (many or "1").isdigit():
            self.fail(f"{value!r} is no label; write gpu, or gpu=2", param, ctx)
        return label, int(many or 1)


@click.command()
@click.option(
    "--slots",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many commands run here at a time.",
)
@click.option(
    "--has",
    multiple=True,
    type=_Label(),
    metavar="LABEL[=N]",
    help="What commands may need, such as gpu=2; may be given again.",
)
@click.option(
    "--folder",
    default=Path("data/worker"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where repositories and workspaces are kept.",
)
def worker(slots: int, has: tuple[tuple[str, int], ...], folder: Path) -> None:
    """Run operators' commands on this machine, for a bot on another one.

    Needs BATCH_DASK, and BATCH_SETTINGS_FILE with the files that open the pool and the
    commands; no key of the app. SIGTERM or Ctrl-C ends it; ends with 2 if this machine
    does not fit, or is of another version than the bot.
    """

    def run(settings: Settings, secrets: Secrets) -> Coroutine[Any, Any, None]:
        from bot import pooled  # noqa: PLC0415 - of an extra

        return pooled.work(
            settings, secrets, slots=slots, has=dict(has), folder=folder.resolve()
        )

    _run(run, "This machine does not join the pool")


@click.command()
def scheduler() -> None:
    """Run the scheduler of a pool, which the bot and its workers meet at.

    Needs BATCH_DASK, and BATCH_SETTINGS_FILE with the files that open the pool. SIGTERM
    or Ctrl-C ends it: what runs in the pool is lost then, and tried again.
    """

    def run(settings: Settings, secrets: Secrets) -> Coroutine[Any, Any, None]:
        from bot import pooled  # noqa: PLC0415 - of an extra

        return pooled.schedule(settings)

    _run(run, "The pool is not open")


Run = Callable[[Settings, Secrets], Coroutine[Any, Any, None]]


def _run(run: Run, refused: str) -> None:
    """Run it; end with 2, and with why, if it does not fit."""
    try:
        settings = settings_of_machine()
        secrets = Secrets(settings.secrets)
        configure_logging(
            level=settings.log_level, style=settings.log_format, secrets=secrets
        )
        try:
            work = run(settings, secrets)
        except ModuleNotFoundError as error:
            if error.name not in ("dask", "distributed"):
                raise
            raise SettingsError(starts.no_dask()) from error
        wait_by_descriptors()
        asyncio.run(work)
    except SettingsError as error:
        click.echo(f"{refused}:\n{error}", err=True)
        sys.exit(2)
