"""How much one command may ask for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

HARD_ITEM_LIMIT = 500


class Limits(BaseModel):
    """How many items a command may have, and from how many on it asks first."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    items: Annotated[int, Field(ge=1, le=HARD_ITEM_LIMIT)] = 50
    confirm_over: Annotated[int, Field(ge=0, le=HARD_ITEM_LIMIT)] = 20
