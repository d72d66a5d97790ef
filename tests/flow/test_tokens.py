"""The bot listens for machines of its pool, as long as it runs."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra [dask] is not installed")

from distributed import Scheduler

from bot.app import start
from bot.core.world.redaction import Secrets
from bot.errors import PermanentError, SettingsError, TransientError
from bot.host.clock import SystemClock
from bot.pooled import NO_PAGES, quiet, redeem_of
from bot.ports.examined import State
from bot.settings import Settings
from bot.store.lock import locked
from bot.wiring import tokens_examined
from bot.workers.pool import Address
from tests.flow.pooling import certify
from tests.flow.test_doctor import examined, said_of
from tests.flow.world import World, world

pytestmark = pytest.mark.outside


@dataclass
class Stage:
    """A GitHub, a scheduler, and a bot that is not started."""

    on: World
    port: int
    variables: dict[str, str]

    @property
    def settings(self) -> Settings:
        return self.on.settings(**self.variables)

    async def ask(self) -> str:
        """Show the bot a code that it never gave; return what came of that."""
        redeem = redeem_of(self.settings, Secrets())
        assert redeem is not None
        with pytest.raises((PermanentError, TransientError)) as caught:
            await redeem("a guess")
        return str(caught.value)

    async def look(self) -> tuple[State, str]:
        """Return what the doctor finds."""
        (found,) = await tokens_examined(self.settings).examine()
        return found.state, str(found)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    files = certify(tmp_path / "tls")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with world(tmp_path, clock=SystemClock()) as on, _scheduler(files) as url:
        on.settings_file["dask"] = {**files, "tokens": f"127.0.0.1:{port}"}
        yield Stage(on, port, {"BATCH_DASK": url})


@asynccontextmanager
async def _scheduler(files: dict[str, str]) -> AsyncIterator[str]:
    with quiet():
        async with Scheduler(
            protocol="tls://",
            host="127.0.0.1",
            port=0,
            security=Address("tls://", **files).security,
            dashboard=False,
            dashboard_address=NO_PAGES,
        ) as scheduler:
            yield scheduler.address


async def test_the_bot_listens_from_its_start_to_its_end_and_the_doctor_knows(
    stage: Stage,
):
    works = (State.FINE, f"machines of the pool get tokens at 127.0.0.1:{stage.port}")
    assert await stage.look() == works  # nobody has the port
    assert "Connect call failed" in await stage.ask()
    async with stage.on.bot(**stage.variables):
        assert "good for no token: it is not known here" in await stage.ask()
        assert await stage.look() == works
        _, found = await examined(
            stage.on,
            BATCH_SETTINGS_FILE=str(stage.on.folder / "batch-bot.yml"),
            **stage.variables,
        )
        assert said_of(found["fine"], "tokens").count(works[1]) == 1
        assert not said_of([*found["note"], *found["broken"]], "tokens")
    assert "Connect call failed" in await stage.ask()


async def test_a_port_in_use_ends_the_start_and_the_doctor_warns(stage: Stage):
    with socket.create_server(("127.0.0.1", stage.port)) as taken:
        with pytest.raises(
            SettingsError, match=r"dask\.tokens='127.*cannot be listened on: Address"
        ):
            async with stage.on.bot(**stage.variables):
                pass
        looking = asyncio.create_task(stage.look())
        stranger, _ = await asyncio.to_thread(taken.accept)
        stranger.close()
        state, words = await looking
    assert state is State.NOTE
    assert "what listens there is not this bot: give dask.tokens another port" in words


async def test_a_standby_listens_once_it_takes_over(stage: Stage, stream: io.StringIO):
    settings = stage.settings
    settings.database.parent.mkdir(parents=True)
    over = asyncio.Event()

    async def stand_by() -> None:
        async with start(settings, stands_by=True):
            await over.wait()

    with locked(settings.database, now=SystemClock().now()):
        bot = asyncio.create_task(stand_by())
        await stage.on.until(lambda: "standing by" in stream.getvalue())
        assert "Connect call failed" in await stage.ask()
    await stage.on.until(lambda: "giving tokens to machines" in stream.getvalue())
    assert "it is not known here" in await stage.ask()
    over.set()
    await bot


@pytest.mark.parametrize("name", ["ca", "cert", "key"])
async def test_files_that_do_not_fit_end_the_start(stage: Stage, name: str):
    files = stage.on.settings_file["dask"]
    await asyncio.to_thread(Path(files[name]).write_text, "no PEM")
    with pytest.raises(SettingsError, match="files that dask names cannot be used"):
        async with stage.on.bot(**stage.variables):
            pass
    await asyncio.to_thread(Path(files[name]).unlink)
    with pytest.raises(SettingsError, match=rf"dask names {files[name]}, which cannot"):
        async with stage.on.bot(**stage.variables):
            pass
    with pytest.raises(SettingsError, match="dask names"):
        redeem_of(stage.settings, Secrets())


async def test_where_no_address_is_named_there_are_no_tokens(stage: Stage):
    del stage.on.settings_file["dask"]["tokens"]
    assert redeem_of(stage.settings, Secrets()) is None
