"""What the command line asks of the running bot: JSON in, JSON out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from pydantic_core import from_json

from bot.core.model import BatchId
from bot.core.say.terminal import document_of, row_of
from bot.engine.operator import OperatorDesk, Told
from bot.engine.wished import Wished
from bot.ports.clock import Clock
from bot.ports.examined import Finding
from bot.ports.store import Delivery

Json = Mapping[str, Any]

CONTROLS = ("cancel", "pause", "resume", "retry")


class Wishes:
    """Takes what the command line asks for to the engine."""

    def __init__(
        self,
        *,
        operator: OperatorDesk,
        wished: Wished,
        findings: Callable[[], Awaitable[Sequence[Finding]]],
        may_act_on: Callable[[str, Mapping[str, Any]], bool],
        add: Callable[[Delivery], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        self._operator = operator
        self._wished = wished
        self._findings = findings
        self._may_act_on = may_act_on
        self._add = add
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
        verb, names = str(asked["verb"]), [str(one) for one in asked["items"]]
        if verb not in CONTROLS:
            raise ValueError(verb)
        batch_id = BatchId(str(asked["batch"]))
        return _told(await self._wished.ask(verb, batch_id, names, self._add))

    async def plan(self, asked: Json) -> Json:
        """Say what a command would come to."""
        repository, text = str(asked["repository"]), str(asked["text"])
        return _told(await self._operator.plan(repository, text))

    async def show(self, asked: Json) -> Json:
        """Return all that is known of a batch."""
        found = await self._operator.present(BatchId(str(asked["batch"])))
        return {"batch": document_of(*found) if found else None}

    async def rows(self, asked: Json) -> Json:
        """Return a row for each batch."""
        present = self._operator.present
        found = [await present(BatchId(str(one))) for one in asked["batches"]]
        return {"batches": [row_of(*one) for one in found if one]}

    async def receive(self, asked: Json) -> Json:
        """Take a delivery as if GitHub had sent it, under a GUID of its own."""
        event, body = str(asked["event"]), str(asked["body"]).encode()
        payload = from_json(body)
        if not isinstance(payload, dict):
            raise TypeError(type(payload).__name__)
        guid = str(uuid4())
        if not self._may_act_on(event, payload):
            return {"guid": guid, "became": "ignored"}
        await self._add(Delivery(guid, event, self._clock.now(), body))
        return {"guid": guid, "became": "stored"}

    async def findings(self, _asked: Json) -> Json:
        """Return how all parts stand, as the start and ``/readyz`` have it."""
        found = await self._findings()
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
