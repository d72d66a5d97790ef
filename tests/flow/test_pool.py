"""Commands in a pool: a real scheduler, real machines, TLS; each of them dies or freezes."""

import asyncio
import signal
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

from tests.flow.killing import mortal_world
from tests.flow.pooling import SECRET, PooledChild, Processes, certify, pool
from tests.flow.test_doctor import run
from tests.flow.world import World

pytestmark = [pytest.mark.outside, pytest.mark.timeout(300)]


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


async def test_a_machine_dies_then_the_bot_and_each_item_is_done_once(tmp_path: Path):
    async with stage(tmp_path) as (on, made, bot):
        for number in (12, 15):
            on.issue(number, "a b")
        await made.open("one", "two")
        await bot.start()
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
        assert len(made.ran) == 3 + is_shared, "nothing ran again for the bot's sake"
        report = on.said("report")
        assert "2 of 2 done" in report


async def test_a_frozen_machine_is_noticed_and_a_cancel_reaches_the_processes(
    tmp_path: Path,
):
    async with stage(tmp_path) as (on, made, bot):
        for number in (12, 15):
            on.issue(number, "a b")
        await made.open("one", "two")
        await bot.start()
        command = on.say("/batch 12")
        await on.until(lambda: len(made.ran) == 1)
        frozen = made.machine_of("-12-1")
        made.machines[frozen].send_signal(signal.SIGSTOP)
        await on.until(lambda: len(made.ran) == 2)
        assert made.machine_of("-12-2") != frozen
        assert await bot.stop() == 0
        assert len(made.ran) == 2
        await bot.start()
        made.let_go(12)
        await on.finished(command)
        assert 12 in on.pull_requests()
        assert len(made.ran) == 2, "an orderly end of the bot ends nothing in the pool"
        again = on.say("/batch 15")
        await on.until(lambda: len(made.ran) == 3)
        running = made.folder / made.machine_of("-15-1") / "data/worker/host/attempts"
        assert list(running.iterdir())
        began = monotonic()
        on.say("/batch cancel")
        await on.until(lambda: not list(running.iterdir()))
        assert monotonic() - began < 10
        await on.finished(again)
        made.machines[frozen].send_signal(signal.SIGCONT)
        await on.until(lambda: made.said(frozen).count("joined the pool") == 2)


async def test_the_scheduler_comes_back_and_tells_no_secret(tmp_path: Path):
    async with stage(tmp_path) as (on, made, bot):
        on.issue(12, "the text of a private issue")
        await made.open("one")
        await _assert_refused(made, tmp_path)
        await bot.start()
        command = on.say("/batch 12")
        await on.until(lambda: "working on 12" in on.said("tracking"))
        told = await _state(made)
        assert "12" in told
        for secret in (
            SECRET,
            "ghs_",
            "the text of a private",
            on.hub.private_key[40:80],
        ):
            assert secret not in told, secret
        assert "[redacted]" in told or SECRET not in told
        made.machines["scheduler"].send_signal(signal.SIGKILL)
        await made.machines["scheduler"].wait()
        await made.start("scheduler", "scheduler")
        await on.until(lambda: len(made.ran) == 2)
        made.let_go(12)
        await on.finished(command)
        assert 12 in on.pull_requests()
        _, said = await run(
            on.folder, "doctor", **{**on.environment(), **made.environment}
        )
        assert any("the pool has 1 machine for 2 commands" in line for line in said)


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


async def test_a_machine_that_does_not_fit_says_why(tmp_path: Path):
    async with stage(tmp_path) as (_, made, bot):
        process = await made.start("one", "worker", BATCH_DASK="")
        assert await process.wait() == 2
        assert "BATCH_DASK is not set" in made.said("one")
        await made.start("scheduler", "scheduler")
        await bot.start()
        made.settings["commands"]["fix"] = ["no-such-agent"]
        process = await made.start("two", "worker")
        assert await process.wait() == 2
        assert "no-such-agent is not on the PATH" in made.said("two")
        del made.settings["commands"]["fix"]
