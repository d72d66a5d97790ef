"""Actions that the language has and this version refuses before anything starts."""

from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Overtaken,
    Words,
)
from bot.core.model import Expectation

DISPATCH = ActionSpec(
    "dispatch",
    Words(
        "dispatch",
        "dispatching",
        "Workflows run",
        "one GitHub Actions run per item, followed to its end",
    ),
    AppliesTo.BOTH,
    ItemNeed.ANY,
    None,
    arguments=Arguments(Form.WORKFLOW, "workflow.yml [key=value …]", are_needed=True),
    builds_on_predecessors=True,
    overtaken_by=Overtaken.CLOSING_OR_PUSH,
    expected=Expectation(seconds=300, requests=6),
)
