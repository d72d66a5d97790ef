"""What an operator's monitoring reads of the running bot: /metrics and /readyz."""

import asyncio
import json
import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import Bot
from bot.localhub.faults import Fault, FaultKind
from bot.store.connection import Connections
from tests.flow.world import PATIENCE, World, world

DASHBOARD = Path(__file__).parents[2] / ".github/grafana.json"
DOCS = (Path(__file__).parents[2] / ".github/docs/operating.md").read_text()

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]


async def asked(bot: Bot, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{bot.url}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def scraped(bot: Bot) -> Samples:
    """Return the figures by name and by the values of their labels, sorted by label."""
    status, text = await asked(bot, "/metrics")
    assert status == 200
    seen: Samples = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            seen[sample.name][labels] = sample.value
    return seen


async def readyz(bot: Bot) -> tuple[int, dict[str, Any]]:
    status, text = await asked(bot, "/readyz")
    return status, json.loads(text)


async def ready(bot: Bot, *, is_ready: bool) -> list[str]:
    """Wait until it is ready, or is not; return its reasons then."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while True:
            status, said = await readyz(bot)
            if (status == 200) == is_ready:
                return list(said["reasons"])
            await asyncio.sleep(1.0)


async def noted(bot: Bot, words: str) -> str:
    """Wait until a note has *words*; return it. That is no reason not to be ready."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while True:
            status, said = await readyz(bot)
            assert (status, said["reasons"]) == (200, [])
            if found := [note for note in said["notes"] if words in note]:
                return str(found[0])
            await asyncio.sleep(0.05)


async def a_batch(on: World) -> None:
    """Run a batch with a retry, a failure, and an item behind it."""
    on.issue(12, "write a b\nexit 75 once")
    on.issue(15, "exit 1")
    on.issue(18, "write c d")
    await on.finished(on.say("/batch 12 15 18 after:15"))
    await on.dealt_with()


async def test_the_figures_are_those_of_the_world(on: World):
    async with on.bot() as bot:
        await a_batch(on)
        seen = await scraped(bot)
    delivered = len(on.hub.webhooks.deliveries)
    taken = seen["batch_deliveries_total"]
    assert taken["stored",] + taken["ignored",] + taken["noted",] == delivered
    assert [(taken["stored",],)] == on.rows("SELECT count(*) FROM delivery_bodies")
    assert seen["batch_inbox_deliveries"][()] == 0
    assert seen["batch_ready"][()] == 1
    answers: Counter[str] = Counter()
    for (answer, _), count in seen["batch_github_requests_total"].items():
        answers[answer] += int(count)
    assert +answers == Counter(
        "304" if e.status == 304 else f"{e.status // 100}xx" for e in on.hub.log
    )
    assert seen["batch_items_ended_total"] == {
        ("completed",): 1,
        ("unchanged",): 0,
        ("failed",): 1,
        ("skipped",): 1,
        ("cancelled",): 0,
    }
    assert seen["batch_item_retries_total"][()] == 1
    assert {key: n for key, n in seen["batch_attempts_total"].items() if n} == {
        ("implement", "completed"): 1,
        ("implement", "failed"): 1,
        ("implement", "transient"): 1,
    }
    edits = on.hub.log.count("PATCH")
    assert seen["batch_tracking_edits_total"][()] == edits > 0
    effects = seen["batch_effects_total"]
    # An increase from nothing is none for a server: each figure begins with zero.
    assert effects["create_comment", "uncertain"] == 0
    assert effects["merge_pull_request", "uncertain"] == 0
    assert seen["batch_attempts_total"]["merge", "failed"] == 0
    done = Counter({kind: n for (kind, came), n in effects.items() if came == "done"})
    assert done.pop("edit_comment") == edits
    logged = on.rows("SELECT count(*) FROM effects WHERE key NOT LIKE '%/edit'")
    assert done.total() == logged[0][0] > 5
    assert {came for (_, came), n in effects.items() if n} == {"done"}


async def test_the_readme_names_exactly_what_there_is(on: World):
    table = DOCS.split("\n## Watch it\n")[1].split("\n## ")[0]
    spans = re.findall(r"`([^`]+)`", table.replace("…", "batch_github"))
    parts = re.compile(r"(batch_\w+)(?:\{((?:\w+,){2,}\w+)\}(\w+))?")
    named = set()
    for found in filter(None, map(parts.match, spans)):
        first, middles, last = found[1], found[2] or "", found[3] or ""
        named |= {f"{first}{middle}{last}" for middle in middles.split(",")}
    async with on.bot() as bot:
        await a_batch(on)
        _, text = await asked(bot, "/metrics")
    families = set(re.findall(r"^# TYPE (batch_\w+) ", text, re.MULTILINE))
    assert named == {one for one in families if not one.endswith("_created")}


async def test_the_dashboard_shows_only_what_there_is(on: World):
    """Every series that it names exists, with every label that it asks for."""
    panels = [p for p in json.loads(DASHBOARD.read_text())["panels"] if "targets" in p]
    targets = [(p["title"], target) for p in panels for target in p["targets"]]
    held = Fault(status=429, path="/issues/12/labels", headers={"retry-after": "600"})
    async with on.bot(SHUTDOWN_TIMEOUT="1") as bot:
        await a_batch(on)
        on.hub.faults.add(held)
        on.say("/batch label +bug 12")
        await on.until(lambda: [one for one in on.hub.log if one.status == 429])
        _, text = await asked(bot, "/metrics")
    there: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            there[sample.name] |= {*sample.labels, "job"}  # which the server adds
    shown = set()
    for title, target in targets:
        labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        for grouped in re.findall(r"\bby \(([\w, ]+)\)", target["expr"]):
            labels |= set(grouped.split(", "))
        series = re.findall(
            r"\b((?:batch|process)_\w+)\b(?:{([^}]*)})?", target["expr"]
        )
        assert series, title
        for name, matchers in series:
            asked_for = labels | set(re.findall(r"(\w+)=", matchers))
            assert asked_for <= there.get(name, set()), f"{title}: {name}"
            shown.add(name)
    missing = {
        name
        for name in there
        if name.startswith("batch_")
        and not name.endswith(("_created", "_sum", "_count"))
    } - shown
    assert missing == set(), "the dashboard leaves these out"


def test_the_dashboard_asks_for_each_figure_as_what_it_is():
    """What only grows by its rate, in the unit of its name; a stat as of now, so that
    one of a bot that is gone is not what it was last."""
    panels = [p for p in json.loads(DASHBOARD.read_text())["panels"] if "targets" in p]
    for panel in panels:
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            about, query = panel["title"], target["expr"]
            names = re.findall(r"\b(?:batch|process)_\w+", query)
            for name in names:
                grows = name.endswith(("_total", "_bucket"))
                assert grows == bool(
                    re.search(rf"\b(rate|increase)\({name}\b", query)
                ), about
                is_bucket = f"histogram_quantile(0.5, sum by (le) (rate({name}" in query
                is_bucket |= (
                    f"histogram_quantile(0.99, sum by (le) (rate({name}" in query
                )
                assert name.endswith("_bucket") == is_bucket, about
            is_time = all("_seconds" in name for name in names)
            counts = re.search(r"\brate\(process_cpu|\bchanges\(", query)
            assert (unit == "s") == (is_time and not counts), about
            assert (unit == "bytes") == all("_bytes" in name for name in names), about
            assert (panel["type"] == "stat") == bool(target.get("instant")), about


async def test_what_is_left_is_what_github_says(on: World):
    async with on.bot() as bot:
        await a_batch(on)
        seen = await scraped(bot)
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    for resource in ("core", "graphql"):
        window = on.hub.limits.window(installation.id, resource)
        key = (str(installation.id), resource)
        name = "batch_github_budget"
        assert seen[f"{name}_limit_requests"][key] == window.limit
        assert seen[f"{name}_reserve_requests"][key] == window.limit / 10
        assert seen[f"{name}_remaining_requests"][key] == window.limit - window.used
        assert window.reset_at is not None
        reset = seen[f"{name}_reset_timestamp_seconds"][key]
        assert reset == pytest.approx(window.reset_at.timestamp(), abs=1)


async def test_what_is_under_way_is_seen(on: World):
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    on.issue(15)
    on.issue(18)
    async with on.bot() as bot:
        command = on.say("/batch 12 15 18 after:12")
        await on.until(lambda: on.comments("tracking"))
        states = "SELECT state FROM items ORDER BY number"
        there = [("running",), ("completed",), ("pending",)]
        await on.until(lambda: on.rows(states) == there)
        seen = await scraped(bot)
        assert seen["batch_batches"][("running",)] == 1
        items = {state: n for (state,), n in seen["batch_items"].items() if n}
        assert items == {"running": 1, "pending": 1, "completed": 1}
        go.touch()
        await on.finished(command)
        await on.until(lambda: on.rows("SELECT 1 FROM batches WHERE is_concluded"))
        seen = await scraped(bot)
    assert seen["batch_batches"][("running",)] == 0
    assert sum(seen["batch_items"].values()) == 0
    assert seen["batch_batches_unconcluded"][()] == 0


async def test_names_are_as_prometheus_wants_them_and_labels_are_few(on: World):
    async with on.bot() as bot:
        await a_batch(on)
        _, text = await asked(bot, "/metrics")
    (batch,) = [row[0] for row in on.rows("SELECT id FROM batches")]
    labels = set()
    for family in text_string_to_metric_families(text):
        assert re.fullmatch(r"(batch|process)_[a-z_]+", family.name)
        assert family.documentation
        for sample in family.samples:
            is_counter = family.type == "counter"
            assert sample.name.endswith("_total") == is_counter
            labels |= set(sample.labels)
            for name, value in sample.labels.items():
                assert batch not in value
                assert not value.isdigit() or name in ("installation", "answer")
                assert not {"acme", "widgets", "ada"} & set(re.split(r"\W", value))
    assert labels == {
        "answer",
        "installation",
        "kind",
        "le",
        "outcome",
        "reason",
        "resource",
        "action",
        "state",
        "version",
    }


# --- /readyz -----------------------------------------------------------------------


async def test_github_out_of_reach_is_a_reason_and_goes_by_itself(on: World):
    async with on.bot(BATCH_SWEEP_SECONDS="10") as bot:
        assert await readyz(bot) == (200, {"ready": True, "reasons": [], "notes": []})
        on.hub.faults.add(Fault(FaultKind.RESET, times=None))
        (reason,) = await ready(bot, is_ready=False)
        assert reason.startswith("GitHub does not answer since ")
        assert (await scraped(bot))["batch_ready"][()] == 0
        on.hub.faults.clear()
        assert await ready(bot, is_ready=True) == []
        requests = (await scraped(bot))["batch_github_requests_total"]
    assert requests["lost", "core"] >= 3


async def test_a_refused_key_is_a_reason_until_it_is_accepted(on: World):
    async with on.bot(BATCH_SWEEP_SECONDS="10") as bot:
        on.hub.faults.add(
            Fault(status=401, path="^/app/", message="Bad credentials", times=None)
        )
        (reason,) = await ready(bot, is_ready=False)
        assert reason.startswith("GitHub refuses the app's key (401)")
        on.hub.faults.clear()
        assert await ready(bot, is_ready=True) == []


async def test_an_installation_that_is_held_is_a_note_and_no_reason(on: World):
    on.issue(12)
    held = Fault(status=429, path="/issues/12/labels", headers={"retry-after": "600"})
    on.hub.faults.add(held)
    async with on.bot(SHUTDOWN_TIMEOUT="1") as bot:
        on.say("/batch label +bug 12")
        await on.until(lambda: [e for e in on.hub.log if e.status == 429])
        status, said = await readyz(bot)
        seen = await scraped(bot)
    assert (status, said["reasons"]) == (200, [])
    (note,) = said["notes"]
    assert note.startswith("GitHub wants nothing of 1 installation until ")
    (seconds,) = seen["batch_github_held_seconds"].values()
    assert 0 < seconds <= 600
    assert seen["batch_github_requests_total"]["limited", "core"] == 1


async def test_while_the_disk_is_full_figures_are_still_shown(
    on: World, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    async with on.bot() as bot:
        with monkeypatch.context() as broken:
            broken.setattr(Connections, "_commit", full)
            (reason,) = await ready(bot, is_ready=False)
            assert reason == "the database cannot be used: database or disk is full"
            seen = await scraped(bot)
            assert seen["batch_ready"][()] == 0
            assert "batch_database_free_bytes" not in seen
            assert seen["batch_batches"][("running",)] == 0
        assert await ready(bot, is_ready=True) == []
        assert (await scraped(bot))["batch_database_free_bytes"][()] > 0


async def test_a_database_that_lost_its_end_is_noticed_and_its_batch_named(
    tmp_path: Path,
):
    async with world(tmp_path) as on:
        for number in (12, 13, 14):
            on.issue(number)
        database = on.folder / "data" / "batch.db"
        async with on.bot():
            await on.finished(on.say("/batch label +bug 12"))
        before = on.folder / "before.db"
        with closing(sqlite3.connect(database)) as whole:
            whole.execute("VACUUM INTO ?", (str(before),))
        async with on.bot():
            on.say("/batch label +late 13 after:14")
            await on.until(lambda: len(on.comments("tracking")) == 2)
            await on.dealt_with()
        tracking = on.comments("tracking")[-1]
        for log in database.parent.glob("batch.db-*"):
            log.unlink()
        database.write_bytes(before.read_bytes())
        async with on.bot() as bot:
            note = await noted(bot, "is said to run")
    assert note.startswith("the database has lost ")
    assert f"issuecomment-{tracking.id}) is said to run, and nobody knows of it" in note
    assert on.thread(13).labels == []
