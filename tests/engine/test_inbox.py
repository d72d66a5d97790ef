"""Who waits for whom among deliveries."""

import asyncio
from pathlib import Path

from bot.engine.inbox import Inbox
from bot.engine.supervisor import Supervisor
from bot.ports.store import Delivery
from bot.store.store import open_store
from tests.fakes import START, FakeClock


async def test_no_number_of_waiting_deliveries_holds_up_another_repository(
    tmp_path: Path,
):
    clock, supervisor = FakeClock(), Supervisor()
    seen: list[str] = []
    b_is_done = asyncio.Event()

    async def handle(delivery: Delivery) -> str:
        if delivery.event == "a":
            await asyncio.Event().wait()
        seen.append(delivery.guid)
        if delivery.guid == "b3":
            b_is_done.set()
        return "done"

    async def tell(delivery: Delivery, words: str) -> None:
        raise AssertionError(delivery, words)

    async with open_store(tmp_path / "batch.db", clock=clock) as store:
        inbox = Inbox(
            deliveries=store.deliveries,
            handle=handle,
            tell=tell,
            lane_of=lambda delivery: delivery.event,
            clock=clock,
            supervisor=supervisor,
            fraction=lambda: 0.5,
        )
        many = [Delivery(f"a{n}", "a", START, b"{}") for n in range(1500)]
        few = [Delivery(f"b{n}", "b", START, b"{}") for n in range(4)]
        await asyncio.gather(*map(inbox.add, [*many, *few]))
        supervisor.start("inbox", inbox.run())
        async with asyncio.timeout(30):
            await b_is_done.wait()
        await supervisor.close()
    assert seen == ["b0", "b1", "b2", "b3"]
