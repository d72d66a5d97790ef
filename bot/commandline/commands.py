"""The commands that speak of batches and deliveries; each is light until it is used."""

import asyncio
import json
import re
import sys
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class

from bot.commandline.ending import AS_JSON
from bot.commandline.pool import scheduler, worker
from bot.core.durations import span
from bot.errors import BotError, UserError
from bot.host.clock import SystemClock
from bot.settings import database_path, load_settings

LOOK_SECONDS = 1.0
"""How often a batch that is watched, or a log that is followed, is looked at."""

RECEIVE_SECONDS = 60.0
"""How long ``receive`` waits for what becomes of a delivery."""

_FULL_NAME = re.compile(r"[A-Za-z0-9-_.]+/[A-Za-z0-9-_.]+")

T = TypeVar("T")


def _complete(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from bot.commandline.batches import complete  # noqa: PLC0415

    try:
        return [CompletionItem(one) for one in complete(database_path(), begun)]
    except BotError:
        return []


def _complete_item(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from bot.commandline.batches import complete  # noqa: PLC0415

    try:
        found = complete(database_path(), begun, with_items=True)
        return [CompletionItem(one) for one in found]
    except BotError:
        return []


class _Repository(click.ParamType[str]):
    """``owner/name``."""

    name = "repository"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not _FULL_NAME.fullmatch(str(value)):
            self.fail(f"{value!r} is not owner/name, such as acme/widgets", param, ctx)
        return str(value)


def _time_of(
    _context: click.Context, _parameter: click.Parameter, text: str
) -> timedelta:
    found = span(text.strip())
    if found is None:
        message = f"{text} is no time: write 12h, 30d or 8w, 9999 of them at most."
        raise click.BadParameter(message)
    return found


BATCH = click.argument("batch", shell_complete=_complete)
REPOSITORY = click.argument("repository", type=_Repository())
AT_LEAST_ONE = click.IntRange(min=1)


# --- to look -------------------------------------------------------------------------


@click.command()
@click.option(
    "--limit",
    default=20,
    type=AT_LEAST_ONE,
    show_default=True,
    help="How many at most.",
)
@AS_JSON
def batches(*, limit: int, is_json: bool) -> None:
    """List the batches: those with work left, then the newest."""
    from bot.commandline.batches import BatchReader  # noqa: PLC0415

    rows = _run(BatchReader(database_path()).rows(limit=limit))
    if is_json:
        _print_json(rows)
        return
    from bot.commandline.show import table_of  # noqa: PLC0415

    _console().print(table_of(rows))


@click.command()
@AS_JSON
def schedules(*, is_json: bool) -> None:
    """List the schedules of all repositories: when each runs next, in whose name."""
    from bot.commandline.batches import schedules  # noqa: PLC0415

    rows = _run(schedules(database_path()))
    if is_json:
        _print_json(rows)
        return
    from bot.commandline.show import table_of_schedules  # noqa: PLC0415

    _console().print(table_of_schedules(rows))


@click.command()
@click.option(
    "--since",
    default="30d",
    show_default=True,
    callback=_time_of,
    help="How far back: hours, days or weeks, such as 12h, 30d, 8w.",
)
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw it, as charts in this file.",
)
@AS_JSON
def stats(*, since: timedelta, svg: Path | None, is_json: bool) -> None:
    """Say what batches cost: items, success, times, requests, retries, waits.

    By repository and action, for the items that ended in that time.
    """
    from bot.commandline.stats import document, drawn, read  # noqa: PLC0415

    told = _run(read(database_path(), since=since))
    if svg is not None:
        try:
            svg.write_text(drawn(told), encoding="utf-8")
        except OSError as error:
            message = f"The charts cannot be written to {svg}: {error.strerror}"
            raise UserError(message) from error
    if is_json:
        _print_json(document(told))
        return
    from bot.commandline.show import table_of_stats  # noqa: PLC0415

    _console().print(table_of_stats(told))


@click.command()
@BATCH
@click.option("--watch", is_flag=True, help="Go on showing it until it is over.")
@AS_JSON
def show(batch: str, *, watch: bool, is_json: bool) -> None:
    """Show a batch: its items, why they wait, what became of them, their order.

    With --watch and --json it prints a line for each change.
    """
    _run(_watch(batch, is_json=is_json) if watch else _show(batch, is_json=is_json))


async def _show(batch: str, *, is_json: bool) -> None:
    from bot.commandline.batches import BatchReader  # noqa: PLC0415

    document = await BatchReader(database_path()).document(batch)
    if is_json:
        _print_json(document)
        return
    from bot.commandline.show import picture_of  # noqa: PLC0415

    _console().print(picture_of(document))


async def _watch(batch: str, *, is_json: bool) -> None:
    from rich.live import Live  # noqa: PLC0415

    from bot.commandline.batches import BatchReader  # noqa: PLC0415
    from bot.commandline.show import picture_of  # noqa: PLC0415

    reader, clock, console = BatchReader(database_path()), SystemClock(), _console()
    lives = console.is_terminal and not is_json
    live = Live(console=console, auto_refresh=False) if lives else None
    shown: object = None
    try:
        if live is not None:
            live.start()
        while True:
            document = dict(await reader.document(batch))
            seen = {key: document[key] for key in document if key != "seconds_left"}
            if live is not None:
                live.update(picture_of(document), refresh=True)
            elif seen != shown and is_json:
                click.echo(json.dumps(document))
            elif seen != shown:
                console.print(picture_of(document))
            shown = seen
            if document["is_over"]:
                return
            await clock.sleep(LOOK_SECONDS)
    finally:
        if live is not None:
            live.stop()


@click.command()
@click.argument("item", metavar="BATCH/ITEM", shell_complete=_complete_item)
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt ends.")
@click.option("--attempt", type=AT_LEAST_ONE, help="Which; the last one without it.")
@AS_JSON
def logs(item: str, *, follow: bool, attempt: int | None, is_json: bool) -> None:
    """Print what the command of an item has printed, such as b7k2/15.

    Secrets are taken out of it before it is kept.
    """
    batch, slash, name = item.partition("/")
    if not (batch and slash and name):
        message = "Write batch and item, such as b7k2/15."
        raise click.UsageError(message)
    _run(_logs(batch, name, attempt or 0, follow=follow, is_json=is_json))


async def _logs(
    batch: str, item: str, number: int, *, follow: bool, is_json: bool
) -> None:
    from bot.commandline.batches import BatchReader  # noqa: PLC0415

    reader, clock = BatchReader(database_path()), SystemClock()
    attempt = await reader.attempt(batch, item, number)
    path = reader.log(attempt)
    at = 0
    while True:
        is_running = follow and await reader.is_running(batch, attempt)
        text, at = await asyncio.to_thread(_more, path, at, is_last=not is_running)
        if is_json:
            lines = text.splitlines()
            _each(json.dumps({"attempt": attempt, "line": line}) for line in lines)
        elif text:
            click.echo(text, nl=False)
        if not is_running:
            break
        await clock.sleep(LOOK_SECONDS)
    if not at:
        message = (
            f"Attempt {attempt} has printed nothing, or its log is gone or on another"
            f" machine: {path} is not there."
        )
        raise UserError(message)


def _more(path: Path, at: int, *, is_last: bool) -> tuple[str, int]:
    """Return the whole lines of a file behind *at*, and where they end.

    What has no end yet is written on; the *last* time it is returned too.
    """
    try:
        with path.open("rb") as file:
            file.seek(at)
            data = file.read()
    except FileNotFoundError:
        return "", at
    if not is_last:
        data = data[: data.rfind(b"\n") + 1]
    return data.decode(errors="replace"), at + len(data)


def _each(lines: Any) -> None:
    for line in lines:
        click.echo(line)


@click.command()
@REPOSITORY
@click.argument("command")
@AS_JSON
def plan(repository: str, command: str, *, is_json: bool) -> None:
    """Say what COMMAND would do in REPOSITORY (owner/name); nothing starts.

    COMMAND is what stands behind /batch, in quotes: "12 15 18 after:12".
    """
    from bot.web.door import Door  # noqa: PLC0415

    text = command.strip().removeprefix("/batch").strip()
    answer = Door(database_path()).ask("plan", repository=repository, text=text)
    _tell(answer, is_json=is_json)


# --- to act --------------------------------------------------------------------------


@click.command()
@BATCH
@click.argument("items", nargs=-1)
@AS_JSON
def cancel(batch: str, items: tuple[str, ...], *, is_json: bool) -> None:
    """Stop a batch, or only some of its items."""
    _control("cancel", batch, items, is_json=is_json)


@click.command()
@BATCH
@AS_JSON
def pause(batch: str, *, is_json: bool) -> None:
    """Start nothing new in a batch; what runs goes on."""
    _control("pause", batch, (), is_json=is_json)


@click.command()
@BATCH
@AS_JSON
def resume(batch: str, *, is_json: bool) -> None:
    """Go on with a batch that is paused."""
    _control("resume", batch, (), is_json=is_json)


@click.command()
@BATCH
@click.argument("items", nargs=-1)
@AS_JSON
def retry(batch: str, items: tuple[str, ...], *, is_json: bool) -> None:
    """Run failed, skipped and cancelled items again, or only some of them."""
    _control("retry", batch, items, is_json=is_json)


def _control(verb: str, batch: str, items: Sequence[str], *, is_json: bool) -> None:
    from bot.web.door import Door  # noqa: PLC0415

    door = Door(database_path())
    answer = door.ask("control", verb=verb, batch=batch, items=list(items))
    _tell(answer, is_json=is_json)


def _tell(answer: Any, *, is_json: bool) -> None:
    """Print what became of a wish; end with 1 if it was refused."""
    if is_json:
        _print_json(answer)
    else:
        from bot.commandline.show import markdown  # noqa: PLC0415

        _console().print(markdown(answer["said"] or answer["outcome"]))
    sys.exit(1 if answer["is_refused"] else 0)


# --- deliveries ----------------------------------------------------------------------


@click.command()
@click.option("-e", "--event", required=True, help="Its name, such as issue_comment.")
@click.option(
    "-p",
    "--payload",
    required=True,
    type=click.File("rb"),
    help="The file with its JSON; - is the standard input.",
)
@AS_JSON
def receive(*, event: str, payload: Any, is_json: bool) -> None:
    """Have the running bot deal with a delivery as if GitHub had sent it.

    It is dealt with in earnest, under a GUID of its own; a comment that was dealt with
    before starts nothing again.
    """
    from bot.web.door import Door  # noqa: PLC0415

    body = _json_object(payload.read(), payload.name)
    answer = dict(Door(database_path()).ask("receive", event=event, body=body))
    if answer["became"] == "stored":
        answer["became"] = _run(_outcome(answer["guid"]))
    if is_json:
        _print_json(answer)
    else:
        click.echo(f"{answer['guid']}: {answer['became']}")


def _json_object(data: bytes, file: str) -> str:
    """Return the text of a file. Raises ``UserError`` unless it is a JSON object."""
    try:
        text = data.decode()
        found = json.loads(text)
    except UnicodeDecodeError as error:
        message = f"{file} is no text in UTF-8. Nothing was received."
        raise UserError(message) from error
    except ValueError as error:
        message = f"{file} is no JSON: {error}. Nothing was received."
        raise UserError(message) from error
    if not isinstance(found, dict):
        message = f"{file} is no JSON object, as deliveries are. Nothing was received."
        raise UserError(message)
    return text


async def _outcome(guid: str) -> str:
    """Return what becomes of a delivery, as far as that is known in a minute."""
    from bot.store.deliveries import WAITING  # noqa: PLC0415
    from bot.store.store import read_store  # noqa: PLC0415

    clock = SystemClock()
    ends_at = clock.monotonic() + RECEIVE_SECONDS
    async with read_store(database_path(), clock=clock, is_thorough=False) as store:
        while True:
            found = (await store.deliveries.outcomes([guid])).get(guid, WAITING)
            if found != WAITING or clock.monotonic() > ends_at:
                return found
            await clock.sleep(LOOK_SECONDS / 5)


@click.command()
@click.option(
    "--limit",
    default=30,
    type=AT_LEAST_ONE,
    show_default=True,
    help="How many at most.",
)
@click.option(
    "--redeliver",
    multiple=True,
    metavar="GUID",
    help="Have GitHub deliver this again; may be given several times.",
)
@AS_JSON
def deliveries(*, limit: int, redeliver: tuple[str, ...], is_json: bool) -> None:
    """List what GitHub has delivered, and what became of it here.

    Asks GitHub, with the settings of the bot; runs beside it and without it.
    """
    from bot.commandline import github  # noqa: PLC0415

    settings = load_settings()
    if redeliver:
        _run(github.redeliver(settings, redeliver))
        if is_json:
            _print_json({"redelivered": list(redeliver)})
        else:
            click.echo(f"GitHub delivers again: {', '.join(redeliver)}")
        return
    rows = _run(github.deliveries(settings, limit=limit))
    if is_json:
        _print_json(rows)
        return
    from bot.commandline.show import deliveries_of  # noqa: PLC0415

    _console().print(deliveries_of(rows))


# --- the shell -----------------------------------------------------------------------


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete the words of batch-bot.

    For bash: eval "$(batch-bot completion bash)" in ~/.bashrc.
    """
    found = get_completion_class(shell)
    assert found is not None
    group = context.find_root().command
    click.echo(found(group, {}, "batch-bot", "_BATCH_BOT_COMPLETE").source())


COMMANDS = (
    batches,
    schedules,
    show,
    logs,
    plan,
    cancel,
    pause,
    resume,
    retry,
    receive,
    deliveries,
    stats,
    completion,
    worker,
    scheduler,
)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def _console() -> Any:
    from rich.console import Console  # noqa: PLC0415

    return Console(soft_wrap=False, highlight=False)
