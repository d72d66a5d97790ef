"""What a plan says that merges would do now."""

from dataclasses import replace

from bot.core.model import Edge, Origin, Plan
from bot.core.say.outlook import asked, outlook
from bot.core.world.features import Feature
from bot.core.world.freezes import Freeze
from bot.core.world.pulls import QueueEntry
from tests.core.actions.pulls import pull
from tests.store.samples import NOW, make_batch

PULL = pull()


def test_what_is_true_of_several_is_one_line():
    batch = make_batch(numbers=(12, 15, 16), action="merge")
    frozen = replace(PULL, frozen=Freeze("main", "ada", NOW, "release"))
    queued = replace(frozen, queue=QueueEntry(1, "queued", NOW, by_app=True))
    found = dict(zip(batch.plan.items, (PULL, queued, PULL), strict=True))
    assert outlook(batch, found) == [
        "#12 and #16 would be merged now (`merge`).",
        "#15 would be taken out of the merge queue.",
    ]


def test_what_an_older_server_does_not_tell_is_said():
    batch = make_batch(numbers=(12,), action="merge")
    found = dict(zip(batch.plan.items, (PULL,), strict=True))
    lines = outlook(batch, found, lacks=[Feature.BASE_RULES])
    assert lines[1:] == [
        "This GitHub server has no readable rules of bases. So what they demand beyond"
        " what is said here, a merge learns when it is refused."
    ]
    assert outlook(batch, found, lacks=[Feature.PINS]) == lines[:1]


def test_of_what_waits_for_another_one_nothing_is_asked_or_said():
    batch = make_batch(numbers=(12, 15), action="merge")
    first, second = batch.plan.items
    edge = Edge(second.id, first.id, Origin.STACK)
    waits = replace(batch, plan=Plan(batch.plan.items, (edge,)))
    assert set(asked(batch)) == {first, second}
    assert set(asked(waits)) == {first}
