"""Whether a branch wants verified signatures, as an app may know that."""

from typing import Any

import pytest

from bot.github.rules import RULES_SECONDS, BranchRules
from tests.github.server import REPOSITORY, Bench, Reply

RULES = "GET /repos/octo/app/rules/branches/main"
NO_FIELD = "Field 'refUpdateRule' doesn't exist on type 'Ref'"


def protection(rule: Any) -> Reply:
    return Reply({"data": {"repository": {"ref": {"refUpdateRule": rule}}}})


@pytest.mark.parametrize(
    ("rules", "told", "wanted"),
    [
        (Reply([{"type": "required_signatures"}]), None, True),
        (Reply([{"type": "deletion"}]), {"requiresSignatures": True}, True),
        (Reply([]), {"requiresSignatures": False}, False),
        (Reply([]), None, False),
        (Reply({"message": "Not Found"}, 404), {"requiresSignatures": True}, True),
    ],
)
async def test_signatures_are_wanted_by_rulesets_and_by_classic_protection(
    desk: Bench, rules: Reply, told: Any, wanted: bool
):
    desk.github.on(RULES, rules)
    desk.github.on("POST /graphql", protection(told))
    known = BranchRules(desk.client, desk.clock)
    assert await known.want_signatures(REPOSITORY, "main") is wanted
    asked = len(desk.github.calls)
    assert await known.want_signatures(REPOSITORY, "main") is wanted
    assert len(desk.github.calls) == asked
    await desk.clock.advance(RULES_SECONDS + 1)
    await known.want_signatures(REPOSITORY, "main")
    assert len(desk.github.calls) == 2 * asked


@pytest.mark.parametrize(
    "answer",
    [
        Reply({"errors": [{"message": NO_FIELD, "type": "undefinedField"}]}),
        Reply(
            {
                "data": {"repository": None},
                "errors": [
                    {
                        "type": "FORBIDDEN",
                        "path": ["repository"],
                        "message": "Resource not accessible by integration",
                    }
                ],
            }
        ),
        Reply({"data": {"repository": {"ref": None}}}),
    ],
)
async def test_where_protection_is_not_told_the_push_has_to_tell(
    desk: Bench, answer: Reply
):
    desk.github.on(RULES, Reply([]))
    desk.github.on("POST /graphql", answer)
    known = BranchRules(desk.client, desk.clock)
    assert not await known.want_signatures(REPOSITORY, "main")
