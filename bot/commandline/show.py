"""Batches in the terminal: tables, bars, and who waits for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from bot.core.durations import spell_about
from bot.core.run.usage import Stats
from bot.core.say import stats
from bot.core.say.terminal import unlinked

Json = Mapping[str, Any]

SIGNS = {
    "pending": "·",
    "running": "▶",
    "completed": "✓",
    "failed": "✗",
    "skipped": "↷",
    "cancelled": "⊘",
}
STYLES = {"running": "cyan", "completed": "green", "failed": "red"}


def table_of(rows: Sequence[Json]) -> RenderableType:
    """Return a line for each batch."""
    if not rows:
        return Text("There are no batches yet.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("batch", "where", "", "stands", "finished", "asked for by"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            Text(row["id"], style="bold"),
            Text(f"{row['repository']}#{row['thread']}"),
            Text(row["picture"]),
            Text(row["words"]),
            Text(f"{row['finished']} of {row['total']}"),
            Text(row["asked_by"]),
        )
    return table


def table_of_schedules(rows: Sequence[Json]) -> RenderableType:
    """Return a line for each schedule."""
    if not rows:
        return Text("There are no schedules.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("where", "at", "runs", "next", "in the name of", "the last time"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            Text(row["repository"]),
            Text(row["at"]),
            Text(row["run"], style="bold"),
            Text(row["next"]),
            Text(row["pushed_by"] or "nobody: off"),
            Text(row["became"]),
        )
    return table


def table_of_stats(told: Stats) -> RenderableType:
    """Return a line for each repository and action with its figures, which are never
    shortened, and one with what else is to be said of it.
    """
    if not told.rows:
        return Text(stats.heading(told))
    figures, rest = (Table(box=None, pad_edge=False, header_style="bold") for _ in "12")
    for place, name in enumerate(stats.HEADINGS):
        is_figure = 2 <= place < stats.FIGURES
        if place < stats.FIGURES:
            how: Any = {"justify": "right", "no_wrap": True} if is_figure else {}
            figures.add_column(name, overflow="fold", **how)
        if not is_figure:
            rest.add_column(name, overflow="fold")
    for row in told.rows:
        cells = [Text(cell) for cell in stats.cells(row)]
        figures.add_row(*cells[: stats.FIGURES])
        rest.add_row(*cells[:2], *cells[stats.FIGURES :])
    head, foot = Text(stats.heading(told)), Text(stats.footnote(), style="dim")
    return Group(head, "", figures, "", rest, "", foot)


def picture_of(batch: Json) -> RenderableType:
    """Return a batch with a bar, its items and, if some wait for others, who for whom."""
    head = Text.assemble(
        (f"Batch {batch['id']}", "bold"),
        f" in {batch['repository']}#{batch['thread']}: {batch['words']}",
    )
    left = batch["seconds_left"]
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(
            total=max(batch["total"], 1), completed=batch["finished"], width=40
        ),
        Text(f"{batch['finished']} of {batch['total']} finished"),
        Text(f"{spell_about(left)} left" if left and not batch["is_over"] else ""),
    )
    parts: list[RenderableType] = [head, Text(batch["command"], style="dim"), bar]
    parts += [Text(), _items(batch["items"])]
    if any(item["waits_for"] for item in batch["items"]):
        parts += [Text(), _graph(batch["items"])]
    links = (batch["url"], batch["report_url"])
    parts += [Text(url, style="dim") for url in links if url]
    if batch["from"] == "database":
        parts.append(
            Text("No bot runs: this is what the database has.", style="yellow")
        )
    return Group(*parts)


def _items(items: Sequence[Json]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for ratio in (None, None, 2, 3):
        table.add_column(overflow="fold", ratio=ratio)
    for item in items:
        style = STYLES.get(item["state"], "")
        table.add_row(
            Text(SIGNS[item["state"]], style=style),
            Text(item["name"], style="bold"),
            Text(item["title"]),
            Text(f"{item['action']}: {item['words']}", style=style),
        )
    return table


def _graph(items: Sequence[Json]) -> Tree:
    """Return the items below what they wait for, the last of it where it is several."""
    tree = Tree("Order", guide_style="dim")
    branches: dict[str, Tree] = {}
    left = list(items)
    while left:
        ready = [
            item
            for item in left
            if not {*item["waits_for"]} & {other["id"] for other in left}
        ]
        for item in ready or left:
            before = [one for one in item["waits_for"] if one in branches]
            parent = branches[before[-1]] if before else tree
            label = f"{SIGNS[item['state']]} {item['name']}"
            also = [one for one in item["waits_for"] if one not in before[-1:]]
            label += f"  (after {', '.join(also)} too)" if also and before else ""
            label += f"  (after {', '.join(also)})" if also and not before else ""
            branches[item["id"]] = parent.add(Text(label))
        left = [item for item in left if item["id"] not in branches]
    return tree


def markdown(text: str) -> RenderableType:
    """Return what the bot says in comments, laid out for the terminal."""
    return Markdown(unlinked(text))


def deliveries_of(rows: Sequence[Json]) -> RenderableType:
    """Return a line for each delivery."""
    if not rows:
        return Text("GitHub has delivered nothing for days.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("delivered", "event", "GUID", "answer", "became"):
        # A GUID that is broken could not be copied.
        table.add_column(heading, overflow="fold", no_wrap=heading == "GUID")
    for row in rows:
        is_bad = not 200 <= row["status_code"] < 300
        table.add_row(
            Text(row["delivered_at"]),
            Text(row["event"]),
            Text(row["guid"]),
            Text(
                f"{row['status_code']} {row['status']}", style="red" if is_bad else ""
            ),
            Text(row["became"]),
        )
    return table
