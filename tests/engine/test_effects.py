"""What an operator reads of an effect: one line, with its key and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from bot.core.effects import (
    CheckReport,
    CreateCheckRun,
    CreateComment,
    Intent,
    PushBranch,
    Receipt,
    UpdateBranch,
)
from bot.core.model import InstallationId, ItemNumber, Repository
from bot.core.world.answers import Answered, Failure
from bot.engine.effects import LOOKS, Effects
from bot.errors import BotError, Refused, TransientError, Uncertain
from bot.ports.store import EffectRecord
from tests.fakes import START
from tests.github.server import HurriedClock

REPOSITORY = Repository(1, "acme/widgets", InstallationId(7))
COMMENT = CreateComment(REPOSITORY, ItemNumber(40), "<!-- m -->", "<!-- m -->\nHello")
RECEIPT = Receipt(991)
REFUSED = Refused(Answered(Failure.FORBIDDEN, "Not here."), status=403)
LOST = Uncertain(Answered(Failure.LATE))
AWAY = TransientError(Answered(Failure.UNREACHABLE, "no route"))


@dataclass
class Log:
    """The port ``EffectLog`` in memory."""

    records: dict[str, EffectRecord] = field(default_factory=dict)

    async def find(self, key: str) -> EffectRecord | None:
        return self.records.get(key)

    async def intend(self, key: str, intent: Intent, *, at: datetime) -> None:
        self.records[key] = EffectRecord(intent, None, at)

    async def done(self, key: str, receipt: Receipt, *, at: datetime) -> None:
        self.records[key] = EffectRecord(self.records[key].intent, receipt, at)


@dataclass
class Outside:
    """The port ``EffectAdapter``: answers, or raises, one after the other."""

    does: Sequence[Receipt | BotError]
    finds: Sequence[Receipt | BotError | None] = ()

    def __post_init__(self) -> None:
        self._does, self._finds = iter(self.does), iter(self.finds)

    async def do(self, _: Intent) -> Receipt:
        match next(self._does):
            case Receipt() as receipt:
                return receipt
            case error:
                raise error

    async def find(self, _: Intent, *, since: datetime) -> Receipt | None:
        match next(self._finds):
            case BotError() as error:
                raise error
            case found:
                return found


@pytest.mark.parametrize(
    ("outside", "came", "level"),
    [
        (Outside([RECEIPT]), "done", "info"),
        (Outside([LOST], [RECEIPT]), "found", "info"),
        (Outside([LOST, RECEIPT], [None]), "done", "info"),
        (Outside([LOST] * LOOKS, [None] * LOOKS), "failed", "info"),
        (Outside([LOST], [AWAY] * LOOKS), "uncertain", "warning"),
        (Outside([AWAY]), "failed", "info"),
        (Outside([REFUSED]), "refused", "warning"),
    ],
)
async def test_what_came_of_an_effect_is_one_line_and_counted(
    outside: Outside, came: str, level: str
):
    clock = HurriedClock()
    effects = Effects(
        effect_log=Log(), adapter=outside, clock=clock, fraction=lambda: 0.5
    )
    with capture_logs() as lines:
        receipt = await effects.attempt("b7k2/report", COMMENT)
    assert (receipt == RECEIPT) == (came in ("done", "found"))
    (line,) = [line for line in lines if line["event"] == f"effect {came}"]
    assert (line["key"], line["kind"]) == ("b7k2/report", "create_comment")
    assert line["log_level"] == level
    assert ("error" in line) == (receipt is None)
    assert effects.ended == {("create_comment", came): 1}


@pytest.mark.parametrize(
    ("outside", "was_tried"),
    [
        (Outside([Receipt(changed=False)]), False),
        (Outside([LOST, Receipt(changed=False)], [None]), True),
        (Outside([LOST, Receipt()], [None]), False),
    ],
)
async def test_who_made_a_change_is_in_doubt_after_a_lost_answer(
    outside: Outside, was_tried: bool
):
    effects = Effects(
        effect_log=Log(), adapter=outside, clock=HurriedClock(), fraction=lambda: 0.5
    )
    receipt = await effects.perform("b7k2-12/label", COMMENT)
    assert receipt.was_tried is was_tried


async def test_who_made_a_change_is_in_doubt_after_a_crash():
    log = Log()
    await log.intend("b7k2-12/label", COMMENT, at=START)
    effects = Effects(
        effect_log=log,
        adapter=Outside([Receipt(changed=False)], [None]),
        clock=HurriedClock(),
        fraction=lambda: 0.5,
    )
    assert (await effects.perform("b7k2-12/label", COMMENT)).was_tried


async def test_what_was_done_before_is_known():
    clock = HurriedClock()
    effects = Effects(
        effect_log=Log(), adapter=Outside([RECEIPT]), clock=clock, fraction=lambda: 0.5
    )
    for _ in range(2):
        assert await effects.perform("b7k2/report", COMMENT) == RECEIPT
    assert effects.ended == {
        ("create_comment", "done"): 1,
        ("create_comment", "known"): 1,
    }


async def test_a_branch_that_github_did_not_update_is_updated_by_the_next_try():
    update = UpdateBranch(REPOSITORY, ItemNumber(12), "a" * 40)
    outside = Outside([Receipt(id=12), Receipt(id=12)])
    effects = Effects(
        effect_log=Log(), adapter=outside, clock=HurriedClock(), fraction=lambda: 0.5
    )
    for _ in range(2):
        assert (await effects.perform("b7k2-12/update@aaa-bbb", update)).changed
    assert effects.ended == {("update_branch", "done"): 2}


class Branches:
    """The port ``EffectAdapter`` of one branch, which is pushed to."""

    def __init__(self, head: str = "") -> None:
        self.head = head

    async def find(self, intent: Intent, *, since: datetime) -> Receipt | None:
        assert isinstance(intent, PushBranch)
        return Receipt(sha=self.head) if self.head == intent.sha else None

    async def do(self, intent: Intent) -> Receipt:
        assert isinstance(intent, PushBranch)
        if self.head != intent.expected_sha:
            raise REFUSED
        self.head = intent.sha
        return Receipt(sha=self.head)


@pytest.mark.parametrize(
    ("recorded", "is_done", "head"),
    [
        (PushBranch(REPOSITORY, "b", "one"), True, "one"),
        (PushBranch(REPOSITORY, "b", "one"), False, "one"),  # its answer was lost
        (PushBranch(REPOSITORY, "b", "one"), False, ""),
        (PushBranch(REPOSITORY, "b", "two", expected_sha="one"), False, "one"),
        (PushBranch(REPOSITORY, "b", "two", expected_sha="one"), False, "two"),
        (PushBranch(REPOSITORY, "b", "two", expected_sha="one"), True, "two"),
    ],
)
async def test_a_branch_is_moved_from_wherever_an_earlier_push_left_it(
    recorded: PushBranch, is_done: bool, head: str
):
    log, there = Log(), Branches(head)
    receipt = Receipt(sha=recorded.sha) if is_done else None
    log.records["push"] = EffectRecord(recorded, receipt, START)
    effects = Effects(
        effect_log=log, adapter=there, clock=HurriedClock(), fraction=lambda: 0.5
    )
    pushed = await effects.perform("push", PushBranch(REPOSITORY, "b", "two"))
    assert (pushed.sha, there.head) == ("two", "two")


async def test_a_branch_that_was_pushed_and_is_gone_is_not_pushed_again():
    log, there = Log(), Branches("")
    moved = PushBranch(REPOSITORY, "b", "two", expected_sha="one")
    log.records["push"] = EffectRecord(moved, Receipt(sha="two"), START)
    effects = Effects(
        effect_log=log, adapter=there, clock=HurriedClock(), fraction=lambda: 0.5
    )
    await effects.perform("push", PushBranch(REPOSITORY, "b", "two"))
    assert there.head == ""


@pytest.mark.parametrize(
    ("change", "came"),
    [
        ({"report": CheckReport("Batch b7k2 finished", "3 of 3", "success")}, "known"),
        ({"head_sha": "b" * 40}, "done"),
        ({"external_id": "c8m3"}, "done"),
    ],
)
async def test_a_check_run_that_is_there_is_not_made_again_whatever_it_says(
    change: dict[str, object], came: str
):
    report = CheckReport("Batch b7k2 is running", "2 of 3")
    create = CreateCheckRun(REPOSITORY, "a" * 40, "Batch b7k2", "b7k2", report)
    outside = Outside([RECEIPT, Receipt(992)], [None])
    effects = Effects(
        effect_log=Log(), adapter=outside, clock=HurriedClock(), fraction=lambda: 0.5
    )
    await effects.perform("check", create)
    again = await effects.perform("check", replace(create, **change))  # type: ignore[arg-type]  # one of its fields
    assert again.id == (991 if came == "known" else 992)
    assert effects.ended["create_check_run", came]
