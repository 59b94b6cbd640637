import uuid

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import Header, Message, Properties
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.event_hubs.messages import decode, encode_event, events_of, with_annotations
from tests.emulators.peer import encoded

NUMBER, OFFSET, TIME = 5, 4096, 1_700_000_000_123

texts = st.text(min_size=1, max_size=300)
values = st.one_of(
    texts, st.binary(max_size=300), st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False), st.booleans()
)
bodies = st.one_of(
    st.fixed_dictionaries({"data": st.lists(st.binary(max_size=300), min_size=1, max_size=3)}),
    st.fixed_dictionaries({"value": st.one_of(texts, st.integers(1, 100), st.dictionaries(texts, values, min_size=1))}),
    st.fixed_dictionaries({"sequence": st.lists(st.lists(values, min_size=1), min_size=1, max_size=3)}),
)
names = st.text(st.characters(codec="ascii", categories=("L",)), min_size=1, max_size=30).map("x-opt-own-{}".format)
messages = st.fixed_dictionaries(
    {"body": bodies},
    optional={
        "key": st.text(max_size=300),
        "annotations": st.dictionaries(names, values, max_size=4),
        "application_properties": st.dictionaries(texts, values, min_size=1, max_size=40),
        "properties": st.tuples(st.one_of(texts, st.just(uuid.UUID(int=7))), st.none(), texts).map(
            lambda fields: Properties(*fields)
        ),
        "header": st.tuples(st.booleans(), st.integers(0, 255)).map(lambda fields: Header(*fields)),
        "footer": st.dictionaries(names, values, min_size=1, max_size=3),
    },
)


@settings(max_examples=50)
@given(messages)
def test_a_message_is_delivered_as_it_came_with_the_service_s_annotations(parts):
    parts = dict(parts)
    key, annotations = parts.pop("key", ""), parts.pop("annotations", {})
    marked = annotations | ({"x-opt-partition-key": key} if key else {})
    sent = encoded(message_annotations=marked, delivery_annotations={"x": 1}, **parts.pop("body"), **parts)
    (event,) = events_of(sent, batch=False)
    delivered = with_annotations(event, NUMBER, OFFSET, TIME)
    before, after = decode_payload(memoryview(sent)), decode_payload(memoryview(delivered))
    own = {b"x-opt-sequence-number": NUMBER, b"x-opt-offset": b"4096", b"x-opt-enqueued-time": TIME}
    assert after.message_annotations == (before.message_annotations or {}) | own
    assert after.delivery_annotations is None
    assert after._replace(message_annotations=None) == before._replace(
        message_annotations=None, delivery_annotations=None
    )
    stored = decode(delivered, NUMBER, OFFSET, TIME)
    assert (stored.sequence_number, stored.offset, stored.enqueued_time) == (NUMBER, "4096", TIME)
    assert stored.partition_key == (key or None)
    assert stored.properties == parts.get("application_properties", {})


@given(st.lists(st.binary(max_size=50), max_size=5), st.one_of(st.none(), texts))
def test_a_batch_is_its_messages_and_its_key_is_theirs(data, key):
    inner = [encoded(data=[body]) for body in data] + [
        encoded(data=[b"own"], message_annotations={"x-opt-partition-key": "own"})
    ]
    envelope = encoded(data=inner, message_annotations={"x-opt-partition-key": key} if key else None)
    events = [decode(with_annotations(event, 0, 0, 0), 0, 0, 0) for event in events_of(envelope, batch=True)]
    assert [event.body for event in events] == [*data, b"own"]
    assert [event.partition_key for event in events] == [key] * len(data) + ["own"]


@given(st.binary(max_size=200), st.booleans())
def test_bytes_that_are_no_message_are_refused(junk, batch):
    try:
        events = events_of(junk, batch=batch)
    except ValueError:
        return
    assert isinstance(events, list)


@pytest.mark.parametrize("key", [7, b"bytes"])
def test_keys_that_are_no_strings_are_annotations_like_others(key):
    (event,) = events_of(encoded(data=[b"x"], message_annotations={"x-opt-partition-key": key}), batch=False)
    assert event.key is None
    after = decode_payload(memoryview(with_annotations(event, NUMBER, OFFSET, TIME)))
    assert after.message_annotations[b"x-opt-partition-key"] == key


@pytest.mark.parametrize("size", [0, 255, 256, 70_000])
def test_events_of_the_test_s_own_are_encoded_as_a_client_would(size):
    event = encode_event(b"x" * size, key="k" * max(1, size), properties={"n": 1, "s": "t"})
    output = bytearray()
    encode_payload(output, Message(application_properties={"n": 1, "s": "t"}, data=[b"x" * size]))
    assert event.rest == output
    assert decode(with_annotations(event, 0, 0, 0), 0, 0, 0).partition_key == "k" * max(1, size)
