"""How every command ends: the exit code, and what is said of a refusal."""

import json
import sys
from typing import Any

import click

from bot.errors import BotError

INTERRUPTED = 130

_IS_JSON = "bot.is_json"


def _remember(context: click.Context, _option: click.Parameter, is_json: bool) -> bool:  # noqa: FBT001 - as click calls it
    context.meta[_IS_JSON] = is_json
    return is_json


AS_JSON = click.option(
    "--json",
    "is_json",
    is_flag=True,
    callback=_remember,
    help="Print it as JSON, for programs.",
)


class CommandLine(click.Group):
    """Commands of which each ends as ``.github/docs/commandline.md`` says."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry a command out; end with 1 where it is refused, with 130 by Ctrl-C."""
        try:
            return super().invoke(ctx)
        except BotError as error:
            refuse(str(error), is_json=ctx.meta.get(_IS_JSON, False))
        except (KeyboardInterrupt, click.Abort):
            sys.exit(INTERRUPTED)


def refuse(words: str, *, is_json: bool) -> None:
    """Say why nothing was done, on one line for programs, and end with 1."""
    if is_json:
        click.echo(json.dumps({"error": words}))
    else:
        click.echo(words, err=True)
    sys.exit(1)
