import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import events as e
from bot.core.effects import Intent, Receipt
from bot.core.model import Batch, ItemFacts
from bot.errors import PermanentError
from bot.store.codec import (
    BATCH,
    FACTS,
    RECEIPT,
    Json,
    decode_event,
    decode_intent,
    encode_event,
    encode_intent,
    from_us,
    to_us,
)
from tests.store.samples import EVERY_EVENT, NOW, any_of, i, make_batch, make_facts


@pytest.mark.parametrize("type_", get_args(e.Event))
def test_every_event_comes_back_as_it_was(type_: type):
    @settings(max_examples=30, deadline=None)
    @given(any_of(type_))
    def check(event: e.Event) -> None:
        assert decode_event(*encode_event(event)) == event

    check()


@pytest.mark.parametrize("type_", get_args(Intent))
def test_every_intent_comes_back_as_it_was(type_: type):
    @settings(max_examples=30, deadline=None)
    @given(any_of(type_))
    def check(intent: Intent) -> None:
        assert decode_intent(*encode_intent(intent)) == intent

    check()


@pytest.mark.parametrize(
    ("codec", "type_"), [(BATCH, Batch), (FACTS, ItemFacts), (RECEIPT, Receipt)]
)
def test_batches_facts_and_receipts_come_back_as_they_were(
    codec: Json[Any], type_: type
):
    @settings(max_examples=40, deadline=None)
    @given(any_of(type_))
    def check(value: object) -> None:
        assert codec.decode(codec.encode(value)) == value

    check()


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_are_exact(instant: datetime):
    assert from_us(to_us(instant)) == instant


def test_the_samples_hold_every_event():
    assert {type(event) for event in EVERY_EVENT} == set(get_args(e.Event))


def test_other_time_zones_become_utc():
    there = NOW.astimezone(timezone(timedelta(hours=2)))
    kind, data = encode_event(e.BatchStarted(there, "ada"))
    assert json.loads(data)["at"] == "2026-03-03T15:00:00Z"
    assert decode_event(kind, data) == e.BatchStarted(NOW, "ada")


def test_an_instant_without_a_zone_is_a_bug():
    with pytest.raises(ValueError, match="BatchStarted.at has no time zone"):
        encode_event(e.BatchStarted(NOW.replace(tzinfo=None), "ada"))


def test_half_a_surrogate_pair_does_not_lose_the_rest():
    batch = make_batch()
    facts = make_facts(batch)[i(12)]
    broken = ItemFacts(
        facts.number, facts.kind, "a \ud83d title", "é", facts.url, True, NOW
    )
    decoded = FACTS.decode(FACTS.encode(broken))
    assert (decoded.title, decoded.body) == ("a ? title", "é")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("ItemTeleported", "{}"),
        ("ItemEnded", '{"at": "2026-03-03T15:00:00Z", "item": "1", "attempt": 1}'),
    ],
)
def test_what_a_newer_version_wrote_is_refused_with_what_to_do(kind: str, data: str):
    with pytest.raises(PermanentError, match=kind) as caught:
        decode_event(kind, data)
    assert "newer version" in str(caught.value)
    assert "Run the newer version" in caught.value.advice


def test_an_intent_of_a_newer_version_is_refused():
    with pytest.raises(PermanentError, match="LaunchRocket"):
        decode_intent("LaunchRocket", "{}")
