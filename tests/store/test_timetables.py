from dataclasses import replace

from bot.core.model import Scheduled
from bot.store.codec import BATCH
from bot.store.store import Store
from tests.store.samples import NOW, REPOSITORY, TIMETABLE, after, make_batch


async def test_the_last_timetable_of_each_repository_is_kept(store: Store):
    assert await store.timetables.all() == {}
    key = TIMETABLE.schedules[0].schedule.key(REPOSITORY)
    later = TIMETABLE.dealt_with(key, after(60), "there was nothing to do")
    await store.timetables.keep(5, TIMETABLE)
    await store.timetables.keep(6, TIMETABLE)
    await store.timetables.keep(5, later)
    assert await store.timetables.all() == {5: later, 6: TIMETABLE}
    await store.timetables.keep(6, None)
    await store.timetables.keep(6, None)
    assert await store.timetables.all() == {5: later}


def test_a_batch_that_a_schedule_began_is_read_as_one():
    batch = make_batch()
    origin = Scheduled("0f" * 8, NOW, "Mon 06:00", "Europe/Zurich")
    batch = replace(batch, request=replace(batch.request, origin=origin))
    assert BATCH.decode(BATCH.encode(batch)) == batch
    assert batch.source == "schedule:0f0f0f0f0f0f0f0f:20260303T1500Z.0"
