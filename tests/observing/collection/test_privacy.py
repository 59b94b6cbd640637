"""A value that is not to be seen is in no byte of any file, and in no message."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telemetry.collection import Collector
from telemetry.collection.fakes import FakeStorage
from tests.observing.collection.making import KEY, card_manifest, facts_of, payment, pipeline_of, placed, settings
from tests.scoring.makers import event

CANARY = "4111222233334444"


def bytes_of(storage):
    """All bytes of all files, as they are and without their compression."""
    whole = b""
    for content in storage.files.values():
        plain = io.BytesIO()
        pq.write_table(pq.read_table(io.BytesIO(content)), plain, compression="none", use_dictionary=False)
        whole += content + plain.getvalue()
    return whole


@pytest.mark.parametrize(
    "chosen",
    [
        {"sensitive": ["card"]},
        {"columns": ["amount"]},
        {"columns": ["amount", "card"], "sensitive": ["card"]},
        {"sensitive": ["id", "card"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["event", "record"])
@pytest.mark.parametrize("is_placed", [True, False])
def test_a_value_that_is_hashed_or_left_out(chosen, form, is_placed, caplog):
    storage = FakeStorage()
    fields = [payment(number, card=CANARY) | ({"id": CANARY} if "id" in str(chosen) else {}) for number in range(50)]
    if form == "record":
        fields = [{name: value for name, value in each.items() if name != "id"} for each in fields]
    events = [event(**each) for each in fields]
    collector = Collector(settings(hash_key=KEY, **chosen), storage=storage)
    collector.scored(facts_of(pipeline_of(card_manifest()), placed(events) if is_placed else events, form))
    collector.close(10)
    found = bytes_of(storage)
    assert collector.counts.collected == 50
    assert CANARY.encode() not in found
    assert KEY.encode() not in found
    assert CANARY not in caplog.text


def test_the_canary_would_be_found(caplog):
    storage = FakeStorage()
    collector = Collector(settings(), storage=storage)
    collector.scored(facts_of(pipeline_of(card_manifest()), [event(**payment(1, card=CANARY))]))
    collector.close(10)
    assert CANARY.encode() in bytes_of(storage)


def test_nothing_that_is_made_of_it_without_the_key():
    """Whoever knows everything else of an event can try all cards: no unkeyed hash of one is to be found."""
    pipeline, storage = pipeline_of(card_manifest()), FakeStorage()
    record = {"amount": 1, "country": "de", "card": CANARY}
    facts = facts_of(pipeline, [event(**record)], "record")
    collector = Collector(settings(hash_key=KEY, sensitive=["card"]), storage=storage)
    collector.scored(facts)
    collector.close(10)
    assert facts.outcomes[0].prediction_id.encode() not in bytes_of(storage)


def test_failing_to_write_it_does_not_tell_it(caplog, monkeypatch):
    def fail(values, *_, **__):
        raise pa.ArrowInvalid(f"cannot write {values}")

    monkeypatch.setattr("telemetry.collection.parquet.pa.array", fail)
    collector = Collector(settings(), storage=FakeStorage())
    collector.scored(facts_of(pipeline_of(card_manifest()), [event(**payment(1, card=CANARY))]))
    collector.close(10)
    assert collector.counts.dropped == 1
    assert caplog.messages == ["the collection dropped 1 rows: rows cannot be written as Parquet (ArrowInvalid)"]
    assert CANARY not in caplog.text
