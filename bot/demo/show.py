"""The demo's two ways: one batch in the terminal, or pages until it is interrupted."""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from bot.core.say.terminal import plain, unlinked
from bot.demo.scenarios import SCENARIOS, Scenario
from bot.demo.seed import REPOSITORY
from bot.demo.stage import REPAIR, THREAD, DemoFailed, Stage, stage
from bot.localhub.state import Comment

PATIENCE_SECONDS = 120.0

_ITEM = re.compile(r"^- \[[ x]\] (?!<!--)(?P<text>.+)$", re.MULTILINE)
_HEADING = re.compile(r"^### (?P<text>.+)$", re.MULTILINE)


async def once(*, scenario: str = "implement", program: Sequence[str] = REPAIR) -> None:
    """Do what a scenario says, show the progress, print the report and check it.

    Python runs *program* to implement an issue. Raises ``DemoFailed`` if what was promised is not
    there in the end.
    """
    console, shown = Console(), SCENARIOS[scenario]
    console.print("Starting a local GitHub and the bot …")
    number = shown.thread
    async with stage(program=program, prepare=shown.prepare, number=number) as on:
        where = (
            f" writes in {REPOSITORY}#{number}" if shown.is_typed else " was asked to"
        )
        console.print(f"ada{where}:  [bold]{shown.command}[/]\n")
        shown.begin(on.hub)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await _show(console, on, lambda: shown.is_over(on))
        except TimeoutError as error:
            tracking = on.comment_of("tracking")
            said = tracking.body if tracking else "there is no tracking comment"
            message = f"the batch did not end in {PATIENCE_SECONDS:.0f} s: {said}"
            raise DemoFailed(message) from error
        report = on.comment_of("report")
        if report is None:
            message = "there is no report"
            raise DemoFailed(message)
        console.print(f"\nThe report, as a new comment in #{number}:\n")
        console.print(readable(report.body))
        console.print()
        console.print(_checked(on, shown))
    console.print(
        "\nNext: [bold]python -m bot demo[/] serves this GitHub as pages, where you write"
        " commands,\ntick boxes, and kill the bot or break the network under it."
    )


async def serve(*, port: int, scenario: str = "implement") -> None:
    """Serve the local GitHub's pages, with all that a scenario's command needs, until
    the process is interrupted.
    """
    console, shown = Console(), SCENARIOS[scenario]
    console.print("Starting a local GitHub and the bot …")
    async with stage(
        port=port, with_pages=True, pace_seconds=1.5, prepare=shown.prepare
    ) as on:
        url = f"{on.hub.html_url}/{REPOSITORY}/issues/{THREAD}"
        console.print("A local GitHub with the bot is running. Open")
        console.print(f"  [bold]{url}[/]", soft_wrap=True)
        what = f"write [bold]{shown.command}[/] there"
        if not shown.is_typed:
            what = f"[bold]{shown.command}[/]"
        console.print(f"and {what}. Ctrl-C ends it.", soft_wrap=True)
        console.print(f"The bot's own pages: [bold]{on.url}[/]", soft_wrap=True)
        console.print(f"The bot's log: {on.log}", soft_wrap=True, highlight=False)
        await asyncio.Event().wait()


def perform(demonstration: Coroutine[Any, Any, None]) -> None:
    """Run a demonstration; exit with 1 and the reason if it fails, 130 if interrupted."""

    async def until_stopped() -> None:
        # The bot is a process of its own: however this one is told to end, that one
        # has to end first.
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, task.cancel)
        await demonstration

    try:
        asyncio.run(until_stopped())
    except DemoFailed as error:
        click.echo(f"\nThe demo failed: {error}", err=True)
        sys.exit(1)
    except asyncio.CancelledError:
        click.echo("\nThe demo has ended.")
        sys.exit(130)


def readable(markdown: str) -> Markdown:
    """Return a whole comment, laid out for the terminal; links lead nowhere there."""
    return Markdown(unlinked(markdown))


async def _show(console: Console, on: Stage, is_over: Callable[[], bool]) -> None:
    """Show the tracking comment until the end: a table that lives, or plain lines."""
    shown: list[str] = []
    live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
    with live or contextlib.nullcontext():
        while not is_over():
            lines = _lines(on.comment_of("tracking"))
            if live is not None:
                live.update(_table(lines))
            for line in lines:
                if live is None and line not in shown:
                    console.print(line, markup=False, highlight=False)
            shown = lines
            await on.requests.wait()


def _lines(tracking: Comment | None) -> list[str]:
    """Return heading and items of the tracking comment."""
    if tracking is None:
        return []
    heading = _HEADING.search(tracking.body)
    items = [plain(match["text"]) for match in _ITEM.finditer(tracking.body)]
    return [*([plain(heading["text"])] if heading else []), *items]


def _checked(on: Stage, scenario: Scenario) -> Table:
    """Return what was promised and is there, as a table."""
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(overflow="fold")
    for found in scenario.check(on):
        table.add_row(*(Text(cell) for cell in found))
    return table


def _table(lines: list[str]) -> Table:
    table = Table(show_header=False, box=None)
    for line in lines:
        table.add_row(Text(line))
    return table
