"""What goes between the bot and a machine of the pool, as JSON that is checked.

The machine answers with an *answer*: a parcel, or what went wrong.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bot.core.model import CommandResult
from bot.core.say.problems.server import Breach, NotAsAgreed, SaidByWorker
from bot.errors import BotError, BranchMissing, PermanentError, TransientError
from bot.ports.host import BUNDLE, Parcel

MOST_BYTES = 1024**3
"""How large the files may be, all in all, that come back of one attempt."""

MOST_RESULT_BYTES = 16 * 1024**2

Kind = Literal["parcel", "stopped", "branch missing", "permanent", "transient"]

_CONTENT = re.compile(r"[0-9a-f]{64}")
_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended on a machine."""

    __pydantic_config__: ClassVar = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64"
    )
    kind: Kind
    parcel: Parcel | None = None
    words: str = ""
    advice: str = ""
    contents: Mapping[str, bytes] = field(default_factory=dict)
    """The files of the parcel that are not to be fetched: all, if they are small."""

    @classmethod
    def of(cls, error: BotError) -> "Answer":
        """Return the answer of a machine on which an attempt ended so."""
        advice = error.advice if isinstance(error, PermanentError) else ""
        kind: Kind = "permanent"
        if isinstance(error, BranchMissing):
            kind = "branch missing"
        elif isinstance(error, TransientError):
            kind = "transient"
        return cls(kind, words=str(error), advice=advice)

    def error(self) -> BotError:
        """Return the error that this is the answer of."""
        problem = SaidByWorker(self.words, self.advice)
        match self.kind:
            case "branch missing":
                return BranchMissing(problem)
            case "transient":
                return TransientError(problem)
            case "permanent" | "stopped" | "parcel":
                return PermanentError(problem)


_ANSWER = TypeAdapter(Answer)


def encode(answer: Answer) -> bytes:
    """Return an answer as JSON."""
    return _ANSWER.dump_json(answer)


def decode(data: object) -> Answer:
    """Return the answer that a machine sent.

    Raises ``PermanentError`` for what none sends: it may be broken, or another program.
    """
    if not isinstance(data, bytes) or len(data) > MOST_RESULT_BYTES:
        raise PermanentError(NotAsAgreed(Breach.NO_ANSWER))
    try:
        answer = _ANSWER.validate_json(data)
    except ValidationError:
        raise PermanentError(NotAsAgreed(Breach.UNREADABLE)) from None
    if answer.kind == "parcel":
        _check(answer.parcel, answer.contents)
    return answer


def _check(parcel: Parcel | None, contents: Mapping[str, bytes]) -> None:
    if parcel is None:
        raise PermanentError(NotAsAgreed(Breach.NO_RESULT))
    for name, size in parcel.files.items():
        if size < 0 or (name != BUNDLE and not _CONTENT.fullmatch(name)):
            raise PermanentError(NotAsAgreed(Breach.NAMES))
    if any(parcel.files.get(name) != len(data) for name, data in contents.items()):
        raise PermanentError(NotAsAgreed(Breach.PIECES))
    if sum(parcel.files.values()) > MOST_BYTES:
        raise PermanentError(NotAsAgreed(Breach.SIZE))
    sha = parcel.result.commit
    if bool(sha) != (BUNDLE in parcel.files) or (sha and not _SHA.fullmatch(sha)):
        raise PermanentError(NotAsAgreed(Breach.NO_COMMIT))


def without_moves(result: CommandResult) -> CommandResult:
    """Return a result without what only the bot's own host can have done to it."""
    return replace(result, moved_from=(), stuck="")
