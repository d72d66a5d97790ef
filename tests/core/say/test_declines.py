"""Why something was not done: each says what was left as it was, or what to write."""

import pytest

from bot.core.model import BatchId, ItemNumber, Reference, Role
from bot.core.say import declines
from bot.core.say.problems.git import NoBranch
from bot.core.say.problems.github import Unseen
from bot.core.world.answers import Answered, Failure

ONE, OTHER = BatchId("b7k2"), BatchId("c3d4")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            declines.comes_late("2d 3h"),
            "This command was written 2d 3h before I came to it.",
        ),
        (
            declines.no_such_batch(ONE),
            "There is no batch `b7k2` in this repository. Nothing changed.",
        ),
        (
            declines.which_batch([]),
            "There is no live batch in this thread. Give the id of another one, such as"
            " `b7k2`; `/batch status` lists them. Nothing changed.",
        ),
        (
            declines.which_batch([ONE, OTHER]),
            "There are 2 live batches in this thread: `b7k2`, `c3d4`. Say which one."
            " Nothing changed.",
        ),
        (
            declines.withdrawn("ada"),
            "ada cancelled here before GitHub let me start this, so nothing was started.",
        ),
        (
            declines.which_plan(),
            "There is not exactly one plan here that waits for its start. Give its id:"
            " `/batch start b7k2`.",
        ),
        (
            declines.not_unfinished([ItemNumber(12), ItemNumber(15)]),
            "No live batch has #12 or #15 unfinished. Nothing changed.",
        ),
        (
            declines.in_different_batches(
                [(ItemNumber(12), ONE), (ItemNumber(15), OTHER)]
            ),
            "#12 is in `b7k2`, #15 is in `c3d4`: name those of one batch."
            " Nothing changed.",
        ),
        (
            declines.in_no_batch(ItemNumber(12)),
            "No batch of this repository has #12.",
        ),
        (
            declines.started_before(ONE, "https://x.test/1", is_over=False),
            "Batch `b7k2` is running already: [progress](https://x.test/1). Nothing"
            " more was started.",
        ),
        (
            declines.same_plan("`b7k2`"),
            "You asked for this a moment ago: it is batch `b7k2`. Nothing more was started.",
        ),
        (
            declines.started_before(ONE, "", is_over=True),
            "Batch `b7k2` has ended. Nothing more was started.",
        ),
        (
            declines.plan_expired(ONE),
            "The plan `b7k2` is no longer valid. Give the command again to get a new"
            " one. Nothing started.",
        ),
        (
            declines.busy([("#12", ONE), ("#15", OTHER)]),
            "Some of its items are live in another batch: #12 in `b7k2`, #15 in `c3d4`."
            " Nothing started.",
        ),
        (
            declines.busy([("#12", ONE)], is_retry=True),
            "Some of it is live in another batch: #12 in `b7k2`. Nothing started.",
        ),
        (
            declines.never_started(ONE),
            "Batch `b7k2` was never started. Nothing started.",
        ),
        (
            declines.needs_role(Role.MAINTAIN),
            "That needs **maintain** access. Nothing started.",
        ),
        (
            declines.all_succeeded(ONE),
            "Everything in batch `b7k2` succeeded. Nothing started.",
        ),
        (
            declines.none_found(),
            "None of these items can be found any more. Nothing started.",
        ),
        (
            declines.same_command("[`b7k2`](u)"),
            "You gave this command a moment ago: batch [`b7k2`](u) is already there."
            " Nothing more was started.",
        ),
        (
            declines.unseen([Reference("acme/api", ItemNumber(5))]),
            "I cannot see `acme/api#5`, so nothing could ever tell me that it is done."
            " Leave it out, or install me there.",
        ),
        (
            declines.went_wrong(Answered(Failure.NOT_FOUND, "*boom* @ada")),
            r"That did not work: \*boom\* @⁠ada. Nothing more was started.",
        ),
        (
            declines.went_wrong(NoBranch("x", "acme/api")),
            "That did not work: there is no branch x in acme/api. If it was merged, run the item again on"
            " its own. Nothing more was started.",
        ),
        (
            declines.went_wrong(Unseen("acme/api")),
            "That did not work: acme/api cannot be seen by the app any more. Give the app access to it"
            " again. Nothing more was started.",
        ),
        (
            declines.in_line("/batch 12", "It is closed."),
            "`/batch 12`: It is closed.",
        ),
        (
            declines.given_up(declines.no_answer_for_an_hour(), is_begun=True),
            "GitHub did not answer me for an hour, so nothing more was started. Give"
            " what is missing again.",
        ),
        (
            declines.given_up("My database is full", is_begun=False),
            "My database is full, so nothing was started. Give the command again.",
        ),
    ],
)
def test_what_is_declined_is_said_with_what_was_left_as_it_was(said: str, words: str):
    assert said == words
