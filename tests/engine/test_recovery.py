"""What a start removes and goes on with; nothing that is left keeps the bot from living."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.core.model import BatchId, Expectations
from bot.engine.recovery import Recovery

LIVE, ENDED = BatchId("b7k2"), BatchId("c3d4")


@dataclass
class Machine:
    """What an earlier process left, and who is told to go on."""

    faults: list[Exception] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def kill_orphans(self) -> int:
        return self._clean("processes")

    async def remove_all(self) -> int:
        return self._clean("workspaces")

    def _clean(self, what: str) -> int:
        if self.faults:
            raise self.faults.pop()
        self.done.append(what)
        return 1

    async def live(self) -> list[BatchId]:
        return [LIVE]

    async def unconcluded(self) -> list[BatchId]:
        return [ENDED]

    async def expectations(self) -> Expectations:
        return {}

    async def adopt(
        self, batch_id: BatchId, *, is_restart: bool, expectations: Expectations
    ) -> None:
        self.done.append(f"adopt {batch_id} {is_restart} {expectations}")

    def follow(self, batch_id: BatchId) -> None:
        self.done.append(f"follow {batch_id}")


def recovery_of(machine: Machine) -> Recovery:
    part: Any = machine
    return Recovery(
        batches=part, scheduler=part, tracker=part, commands=part, workspaces=part
    )


async def test_processes_end_before_workspaces_are_removed():
    machine = Machine()
    await recovery_of(machine).clean()
    assert machine.done == ["processes", "workspaces"]


@pytest.mark.parametrize("fault", [OSError("it is busy"), RecursionError(), KeyError()])
async def test_a_fault_of_cleaning_ends_neither_the_start_nor_the_rest_of_it(fault):
    machine = Machine([fault])
    await recovery_of(machine).clean()
    assert machine.done == ["workspaces"]


async def test_live_batches_go_on_and_ended_ones_say_their_last_word():
    machine = Machine()
    await recovery_of(machine).resume()
    assert machine.done == ["adopt b7k2 True {}", "follow b7k2", "follow c3d4"]
