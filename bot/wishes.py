"""What the command line asks of the running bot: JSON in, JSON out."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from pydantic_core import from_json

from bot.core.command import syntax
from bot.core.command.syntax import Control
from bot.core.model import BatchId, ItemNumber
from bot.core.say.terminal import document_of, row_of
from bot.engine.operator import Told
from bot.ports.clock import Clock
from bot.ports.examined import Finding
from bot.ports.store import Delivery
from bot.wiring import Engine, Front

Json = Mapping[str, Any]

CONTROLS: Mapping[str, Callable[[BatchId, tuple[ItemNumber, ...]], Control]] = {
    "cancel": syntax.Cancel,
    "pause": lambda batch_id, _items: syntax.Pause(batch_id),
    "resume": lambda batch_id, _items: syntax.Resume(batch_id),
    "retry": syntax.Retry,
}


class Wishes:
    """Takes what the command line asks for to the engine."""

    def __init__(self, engine: Engine, front: Front, clock: Clock) -> None:
        self._engine = engine
        self._front = front
        self._clock = clock

    def handlers(self) -> Mapping[str, Callable[[Json], Awaitable[Json]]]:
        """Return who answers, by name."""
        return {
            "control": self.control,
            "plan": self.plan,
            "show": self.show,
            "rows": self.rows,
            "receive": self.receive,
            "findings": self.findings,
        }

    async def control(self, asked: Json) -> Json:
        """Cancel, pause, resume or retry a batch, or some of its items."""
        items = tuple(ItemNumber(int(number)) for number in asked["items"])
        batch_id = BatchId(str(asked["batch"]))
        command = CONTROLS[asked["verb"]](batch_id, items)
        wish = str(asked["wish"])
        return _told(await self._engine.operator.control(batch_id, command, wish))

    async def plan(self, asked: Json) -> Json:
        """Say what a command would come to."""
        wanted = (str(asked[key]) for key in ("repository", "text", "wish"))
        return _told(await self._engine.operator.plan(*wanted))

    async def show(self, asked: Json) -> Json:
        """Return all that is known of a batch."""
        found = await self._engine.operator.present(BatchId(str(asked["batch"])))
        return {"batch": document_of(*found) if found else None}

    async def rows(self, asked: Json) -> Json:
        """Return a row for each batch."""
        present = self._engine.operator.present
        found = [await present(BatchId(str(one))) for one in asked["batches"]]
        return {"batches": [row_of(*one) for one in found if one]}

    async def receive(self, asked: Json) -> Json:
        """Take a delivery as if GitHub had sent it, under a GUID of its own."""
        event, body = str(asked["event"]), str(asked["body"]).encode()
        payload = from_json(body)
        if not isinstance(payload, dict):
            raise TypeError(type(payload).__name__)
        guid = str(uuid4())
        if not self._front.may_act_on(event, payload):
            return {"guid": guid, "became": "ignored"}
        await self._front.add(Delivery(guid, event, self._clock.now(), body))
        return {"guid": guid, "became": "stored"}

    async def findings(self, _asked: Json) -> Json:
        """Return how all parts stand, as the start and ``/readyz`` have it."""
        found = await self._engine.examination.findings()
        return {"findings": [_finding(one) for one in found]}


def _finding(one: Finding) -> Json:
    return {
        "part": one.part,
        "state": one.state,
        "words": one.words,
        "advice": one.advice,
    }


def _told(told: Told) -> Json:
    return {
        "outcome": told.outcome,
        "said": told.said,
        "is_refused": told.is_refused,
    }
