"""Everything that the API can say."""

from dataclasses import dataclass

from bot.localhub.payloads.checks import CheckPayloads


@dataclass(frozen=True, slots=True)
class Payloads(CheckPayloads):
    """Makes JSON of all records of the state."""
