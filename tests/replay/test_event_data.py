"""Capture's records to events: the fields, the key's names, headers, times, and schemas that are not Capture's."""

import contextlib
import io
import json

import fastavro
import pytest
from azure.eventhub import EventData
from hypothesis import given
from hypothesis import strategies as st

from scoring import Event, Position
from stream_worker.event_hubs.messages import to_event
from stream_worker.replay.avro import DamageError
from stream_worker.replay.event_data import check_schema, decoder, first_number, milliseconds
from tests.replay.archives import CAPTURE_SCHEMA, us_form

RECORD = {
    "SequenceNumber": 7,
    "Offset": "3584",
    "EnqueuedTimeUtc": "12/2/2021 2:58:24 PM",
    "SystemProperties": {},
    "Properties": {},
    "Body": b"{}",
}


def data_of(*records, schema=CAPTURE_SCHEMA):
    buffer = io.BytesIO()
    for record in records:
        fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), record)
    return buffer.getvalue()


def decoded(**changes):
    (event,) = decoder(CAPTURE_SCHEMA, "orders", 3)(data_of(RECORD | changes), 1)
    return event


def test_a_record_is_an_event_with_its_position_and_time():
    assert decoded() == Event(b"{}", None, (), Position("orders", 3, 7), 1638457104000)


def test_a_body_may_be_null():
    assert decoded(Body=None).value is None
    assert decoded(Body=b"").value == b""


@pytest.mark.parametrize(
    ("system", "key"),
    [
        ({"x-opt-partition-key": "3e7a30bd"}, b"3e7a30bd"),
        ({"x-opt-partition-key": b"\xff"}, b"\xff"),
        ({"x-opt-kafka-key": b"card"}, b"card"),
        ({"x-opt-kafka-key": b"card", "x-opt-partition-key": "own"}, b"own"),
        ({"x-opt-publisher": "buddy1234"}, None),
    ],
)
def test_the_key_is_the_partition_key(system, key):
    assert decoded(SystemProperties=system).key == key


def test_a_key_that_could_not_be_a_partition_key_is_found_where_our_sink_puts_it():
    event = decoded(Properties={"a": "1", "weir-key": b"\x00\xff", "b": "2"})
    assert (event.key, event.headers) == (b"\x00\xff", (("a", b"1"), ("b", b"2")))


def test_properties_are_headers_with_the_bytes_that_the_live_source_gives_them():
    properties = {"text": "é", "bytes": b"\xff", "long": -5, "double": 1.5}
    live = EventData(b"{}")
    live.properties = properties
    live._raw_amqp_message.annotations = {b"x-opt-sequence-number": 7}
    assert decoded(Properties=properties).headers == to_event(live, "orders", 3).headers


def test_the_service_s_own_time_is_finer_than_the_field():
    event = decoded(SystemProperties={"x-opt-enqueued-time": 1638457104816})
    assert event.time == 1638457104816


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11/16/2016 4:44:11 PM", 1479314651000),
        ("1/1/1970 12:00:00 AM", 0),
        ("1/1/1970 12:00:01 PM", 43201000),
        ("2021-12-02T14:58:24Z", 1638457104000),
        ("2021-12-02T14:58:24.8169999Z", 1638457104817),
        ("2021-12-02T15:58:24+01:00", 1638457104000),
        ("2021-12-02 14:58:24", 1638457104000),
        ("31/12/2021 2:58:24 PM", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_times_have_several_forms(text, expected):
    assert milliseconds(text) == expected


@given(st.integers(0, 4_000_000_000))
def test_every_second_is_read_as_it_was_written(seconds):
    assert milliseconds(us_form(seconds * 1000)) == seconds * 1000


def without(name):
    return CAPTURE_SCHEMA | {"fields": [field for field in CAPTURE_SCHEMA["fields"] if field["name"] != name]}


def changed(name, kind):
    return CAPTURE_SCHEMA | {"fields": [
        {"name": field["name"], "type": kind if field["name"] == name else field["type"]}
        for field in CAPTURE_SCHEMA["fields"]
    ]}  # fmt: skip


BOMB = {"type": "array", "items": "null"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            without("Body"),
            (
                "not a Capture file: its records have no field Body (they have SequenceNumber, Offset, "
                "EnqueuedTimeUtc, SystemProperties, Properties)"
            ),
        ),
        (
            without("SequenceNumber"),
            (
                "not a Capture file: its records have no field SequenceNumber (they have Offset, "
                "EnqueuedTimeUtc, SystemProperties, Properties, Body)"
            ),
        ),
        (
            {"type": "record", "name": "x", "fields": []},
            ("not a Capture file: its records have no field SequenceNumber (they have none)"),
        ),
        ("string", "not a Capture file: its schema is not a record"),
        ({"type": "record", "name": "x", "fields": "a"}, "not a Capture file: its schema is not a record"),
        (changed("SequenceNumber", "string"), 'not a Capture file: SequenceNumber is "string"; expected a long'),
        (changed("Body", BOMB), 'not a Capture file: Body is {"type":"array","items":"null"}; expected null or bytes'),
        (changed("Properties", "bytes"), 'not a Capture file: Properties is "bytes"; expected a map'),
        (
            changed("Properties", {"type": "map", "values": BOMB}),
            (
                "not a Capture file: Properties is "
                '{"type":"map","values":{"type":"array","items":"null"}}; expected a map'
            ),
        ),
        (
            changed("Offset", BOMB),
            'not a Capture file: Offset is {"type":"array","items":"null"}; expected a plain value',
        ),
        (changed("Offset", "EventData"), 'not a Capture file: Offset is "EventData"; expected a plain value'),
    ],
)
def test_a_schema_that_is_not_captures_is_told_with_the_field(schema, words):
    with pytest.raises(DamageError) as caught:
        check_schema(schema)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "schema",
    [
        CAPTURE_SCHEMA | {"fields": [*CAPTURE_SCHEMA["fields"], {"name": "More", "type": ["null", "long"]}]},
        without("Offset"),
        without("SystemProperties"),
        changed("Body", "bytes"),
        changed("Body", ["null", "bytes", "string"]),
        changed("EnqueuedTimeUtc", ["null", "string"]),
    ],
)
def test_small_differences_do_not_matter(schema):
    record = RECORD | {"More": 5}
    (event,) = decoder(json.loads(json.dumps(schema)), "s", 0)(data_of(record, schema=schema), 1)
    assert (event.value, event.position.offset) == (b"{}", 7)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "a block of 99 bytes whose 1 records take 33"),
        (4, "a block with a record that cannot be decoded: EOFError"),
    ],
)
def test_a_block_has_as_many_records_as_it_claims(count, words):
    data = data_of(*[RECORD] * 3)
    with pytest.raises(DamageError) as caught:
        decoder(CAPTURE_SCHEMA, "s", 0)(data, count)
    assert str(caught.value) == words


@given(st.binary(max_size=200), st.integers(0, 20))
def test_any_bytes_are_events_or_damage(data, count):
    with contextlib.suppress(DamageError):
        assert len(decoder(CAPTURE_SCHEMA, "s", 0)(data, count)) == count


def test_the_first_number_is_found_without_the_others():
    find = first_number(CAPTURE_SCHEMA)
    assert find(data_of(RECORD, RECORD | {"SequenceNumber": 8}), 2) == 7
    assert find(b"", 0) is None
    with pytest.raises(DamageError):
        find(b"", 1)
