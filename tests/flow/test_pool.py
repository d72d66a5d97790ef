"""Commands in a pool: a real scheduler, real machines, TLS; each of them dies or freezes."""

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

pytest.importorskip("distributed", reason="the extra [dask] is not installed")

import cloudpickle
from distributed import Client, Security

from bot.core.world.redaction import Secrets
from bot.errors import SettingsError
from bot.host.clock import SystemClock
from bot.pooled import alone, work
from bot.settings import settings_of_machine
from bot.wiring import pool_examined
from bot.workers.pool import VERSION
from tests.flow.killing import mortal_world
from tests.flow.pooling import (
    SECRET,
    PooledChild,
    Processes,
    by_the_page,
    certify,
    pool,
)
from tests.flow.world import World

pytestmark = [pytest.mark.outside, pytest.mark.timeout(600)]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[tuple[World, Processes, PooledChild]]:
    """Have a GitHub, a pool, and a bot; none of the two is started."""
    async with (
        mortal_world(folder) as (on, scythe, _),
        pool(folder / "pool", on) as made,
    ):
        child = PooledChild(on, scythe)
        child.pool = made
        try:
            yield on, made, child
        except AssertionError as error:
            error.add_note("\n".join(["The bot's log ends with:", *child.lines[-30:]]))
            for name in made.machines:
                error.add_note(f"{name}:\n{made.said(name)[-3000:]}")
            raise
        finally:
            await child.kill()


async def test_each_item_is_done_once_whatever_dies_or_freezes(tmp_path: Path):
    async with stage(tmp_path) as (on, made, bot):
        for number in (12, 15, 18, 20):
            on.issue(number, "a b")
        await made.open("one", "two")
        await bot.start()
        # A machine dies, then the bot.
        command = on.say("/batch 12 15")
        await on.until(lambda: len(made.ran) == 2)
        lost = made.machine_of("-12-1")
        is_shared = made.machine_of("-15-1") == lost
        made.machines[lost].send_signal(signal.SIGKILL)
        await on.until(lambda: len(made.ran) == 3 + is_shared)
        assert made.machine_of("-12-2") != lost
        await bot.kill()
        made.let_go(12)
        await bot.start()
        await on.until(lambda: 12 in on.pull_requests())
        made.let_go(15)
        await on.finished(command)
        assert sorted(on.pull_requests()) == [12, 15]
        ran = len(made.ran)
        assert ran == 3 + is_shared, "nothing ran again for the bot's sake"
        assert "2 of 2 done" in on.said("report")
        # One freezes, then the bot ends in order.
        await made.join(lost)
        command = on.say("/batch 18")
        await on.until(lambda: len(made.ran) == ran + 1)
        frozen = made.machine_of("-18-1")
        joined = made.times_joined(frozen)
        made.machines[frozen].send_signal(signal.SIGSTOP)
        await on.until(lambda: len(made.ran) == ran + 2)
        assert made.machine_of("-18-2") != frozen
        assert await bot.stop() == 0
        assert len(made.ran) == ran + 2
        await bot.start()
        made.let_go(18)
        await on.finished(command)
        assert 18 in on.pull_requests()
        assert len(made.ran) == ran + 2, "an orderly end of the bot ends nothing there"
        # A cancel reaches the processes, while the frozen one comes back.
        again = on.say("/batch 20")
        await on.until(lambda: len(made.ran) == ran + 3)
        running = made.folder / made.machine_of("-20-1") / "data/worker/host/attempts"
        assert list(running.iterdir())
        began = monotonic()
        on.say("/batch cancel")
        await on.until(lambda: not list(running.iterdir()))
        assert monotonic() - began < 10
        await on.finished(again)
        made.machines[frozen].send_signal(signal.SIGCONT)
        await on.until(lambda: made.times_joined(frozen) > joined)


async def test_the_pool_is_what_can_run_and_comes_back_and_tells_no_secret(
    tmp_path: Path,
):
    async with stage(tmp_path) as (on, made, bot):
        made.files |= by_the_page(tmp_path / "by-the-page")
        run = made.settings["commands"]["implement"]
        for name, many in (("train", 1), ("huge", 4)):
            needs = {"run": [*run], "needs": {"gpu": many}}
            made.settings["commands"][name] = needs
        on.configure("actions: {train: {command: train}, huge: {command: huge}}")
        for number in (12, 15, 18, 20):
            on.issue(number, "the text of a private issue")
        await made.start("scheduler", "scheduler")
        await made.join("one", "--has", "gpu=1")
        await _assert_refused(made, tmp_path)
        await bot.start()
        # Plans tell what the pool has.
        assert "`train` in the pool, with `gpu: 1`, for #12." in await on.answer(
            "/batch plan train 12"
        )
        said = await on.answer("/batch huge 12")
        assert "no machine of this server's pool has `gpu: 4` and runs `huge`" in said
        assert "othing" in said
        await _assert_other_version_refused(made, tmp_path)
        # What waits for a machine takes no slot.
        command = on.say("/batch 12 15 18")
        await on.until(lambda: len(made.ran) == 2)
        await on.until(
            lambda: "waits for a machine of the pool that runs" in on.said("tracking")
        )
        on.say("/batch close 20")
        await on.until(lambda: on.thread(20).closed_at is not None)
        assert len(made.ran) == 2
        told = await _state(made)
        assert "12" in told
        for secret in (
            SECRET,
            "ghs_",
            "the text of a private",
            on.hub.private_key[40:80],
        ):
            assert secret not in told, secret
        # The scheduler dies; what ran is ended, and tried again.
        made.machines["scheduler"].send_signal(signal.SIGKILL)
        await made.machines["scheduler"].wait()
        await made.start("scheduler", "scheduler")
        await on.until(lambda: len(made.ran) == 4)
        for number in (12, 15, 18):
            made.let_go(number)
        await on.finished(command)
        assert sorted(on.pull_requests()) == [12, 15, 18]
        settings = on.settings(**made.environment)
        found = await pool_examined(settings, SystemClock()).examine()
        words = [one.words for one in found]
        assert "the pool has 1 machine for 2 commands at a time" in words
        assert "no machine of the pool with gpu runs huge" in words


async def test_machines_fetch_from_github_with_a_token_that_nobody_sees(
    tmp_path: Path,
):
    async with stage(tmp_path) as (on, made, bot):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            made.files["tokens"] = f"127.0.0.1:{probe.getsockname()[1]}"
        for number in (12, 15):
            on.issue(number, "a b")
        await made.open("one", "two")
        await bot.start()
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: len(made.ran) == 1)
        told = await _state(made)
        made.let_go(12)
        made.let_go(15)
        await on.finished(command)
        assert sorted(on.pull_requests()) == [12, 15]
        (first, *_) = [line for line in bot.lines if "a token was given out" in line]
        assert '"attempt": "' in first
        told += "".join(map(made.said, made.machines)) + "".join(bot.lines)
        assert "ghs_" not in told
        assert "has to be sent" not in told


async def _assert_other_version_refused(made: Processes, folder: Path) -> None:
    """Start a machine of another version, which says so and ends."""
    other = folder / "other" / "batch_bot-9.9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Name: batch-bot\nVersion: 9.9.9\n")
    process = await made.start("other", "worker", PYTHONPATH=str(other.parent))
    assert await process.wait() == 2
    said = made.said("other")
    assert "This machine does not join the pool:" in said
    assert f"this is batch-bot 9.9.9 and the bot is {VERSION}: install the same" in said
    assert not made.times_joined("other")


async def _assert_refused(made: Processes, folder: Path) -> None:
    """Try to get in without a certificate, with a stranger's, and without TLS."""
    context = ssl.create_default_context(cafile=made.files["ca"])
    context.check_hostname = False
    host, _, port = made.url.removeprefix("tls://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
        await reader.read()
    writer.close()
    other = await asyncio.to_thread(certify, folder / "stranger")
    theirs = Security(
        tls_ca_file=made.files["ca"],
        tls_client_cert=other["cert"],
        tls_client_key=other["key"],
    )
    for url, security in (
        (made.url, theirs),
        (made.url.replace("tls:", "tcp:"), Security()),
    ):
        client = Client(
            url,
            asynchronous=True,
            timeout=2,
            security=security,
            set_as_default=False,
        )
        with pytest.raises(OSError, match="Timed out|EOF|reset|SSLError"):
            await client
        await client.close(timeout=1)


async def _state(made: Processes) -> str:
    """Return all that the scheduler holds, as far as it can be spelled."""

    def look(dask_scheduler: Any) -> str:
        found = [
            [str(dask_scheduler.__dict__)],
            [str(t.run_spec) for t in dask_scheduler.tasks.values()],
            [
                str(list(events))
                for events in dask_scheduler._broker._topics["batch-bot"].events
            ],
            [str(one.__dict__) for one in dask_scheduler.extensions.values()],
            [str(dask_scheduler.transition_log), str(dask_scheduler.task_metadata)],
        ]
        return str(found)

    # The scheduler does not know this module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    files = made.files
    security = Security(
        tls_ca_file=files["ca"],
        tls_client_cert=files["cert"],
        tls_client_key=files["key"],
        require_encryption=True,
    )
    async with Client(made.url, asynchronous=True, security=security) as client:
        return str(await client.run_on_scheduler(look))


async def test_a_machine_that_does_not_fit_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is asked of the scheduler before; there is none here."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "batch-bot.yml"
    file.write_text("commands: {fix: [no-such-agent]}\n")
    for name, value in (("SETTINGS_FILE", str(file)), ("SANDBOX", "off")):
        monkeypatch.setenv(f"BATCH_{name}", value)

    async def said() -> str:
        with pytest.raises(SettingsError) as raised:
            await work(
                settings_of_machine(),
                Secrets(()),
                slots=1,
                has={},
                folder=tmp_path / "worker",
            )
        return str(raised.value)

    assert "BATCH_DASK is not set" in await said()
    monkeypatch.setenv("BATCH_DASK", "tcp://127.0.0.1:1")
    assert "no-such-agent is not on the PATH" in await said()
    with alone(tmp_path / "worker"):
        assert "is in use by another worker" in await said()
