"""The questions of ``setup``, where there is somebody to answer."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from enum import Enum
from typing import Any, TypeVar

import click

from bot.core.say import registration as say
from bot.errors import UserError
from bot.setup.flow import FILE, Before

T = TypeVar("T")


class Choice(Enum):
    """What is done about an app that is set up already."""

    REGISTER = "n"
    DOCTOR = "d"
    LEAVE = "q"


def about(before: Before, *, prints: bool) -> Choice:
    """Ask before anything is replaced; without a terminal raise ``UserError``.

    Whoever answers by Ctrl-C is told, as by ``click.Abort``, that nothing was changed.
    """
    if prints or not before.taken:
        return Choice.REGISTER
    if before.app_id:
        click.echo(say.configured(before.app_id, str(FILE)))
    if not _has_terminal():
        raise UserError(say.nothing_asked())
    try:
        choice = _chosen(before)
    except click.Abort:
        click.echo(f"\n{say.left_alone()}")
        raise
    if choice is Choice.LEAVE:
        click.echo(say.left_alone())
    return choice


def _chosen(before: Before) -> Choice:
    if before.app_id:
        letters = click.Choice([one.value for one in Choice])
        choice = Choice(click.prompt(say.what_to_do(), type=letters, default="d"))
        if choice is not Choice.REGISTER:
            return choice
    is_sure = click.confirm(say.replaces(str(FILE), before.taken))
    return Choice.REGISTER if is_sure else Choice.LEAVE


def starts_now() -> bool:
    """Ask whether the bot is started; without a terminal it is."""
    if not _has_terminal():
        return True
    try:
        return click.confirm(say.start_now(), default=True)
    except click.Abort:
        click.echo(f"\n{say.start_later()}")
        raise


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Run *work*, which is cancelled by Ctrl-C and by SIGTERM."""

    async def run() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await work

    return asyncio.run(run())
