"""Event Hubs' messages to events, and back."""

from uuid import UUID

import pytest
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from hypothesis import given
from hypothesis import strategies as st

from stream_worker import Outgoing
from stream_worker.event_hubs.messages import partition_key, to_event, to_message

HEADERS = st.dictionaries(st.text(min_size=1).filter(lambda name: name != "weir-key"), st.binary(), max_size=4)


def received(message: AmqpAnnotatedMessage) -> EventData:
    """Return a message as the client hands it out."""
    data = EventData("")
    data._raw_amqp_message = message
    message.annotations = {b"x-opt-sequence-number": 7, b"x-opt-enqueued-time": 5, **(message.annotations or {})}
    return data


@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS)
def test_what_is_sent_comes_back(value, key, headers):
    sent = Outgoing(value, key, list(headers.items()), 0)
    event = to_event(received(to_message(sent)), "tx", 3)
    assert (event.value, event.key, list(event.headers)) == (sent.value, sent.key, sent.headers)


def test_where_and_when():
    event = to_event(received(AmqpAnnotatedMessage(data_body=b"x")), "tx", 3)
    assert (str(event.position), event.time) == ("tx/3/7", 5)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (AmqpAnnotatedMessage(data_body=[b'{"a":', b" 1}"]), b'{"a": 1}'),
        (AmqpAnnotatedMessage(value_body="text"), b"text"),
        (AmqpAnnotatedMessage(value_body=b"bytes"), b"bytes"),
        (AmqpAnnotatedMessage(value_body={b"a": 1, b"b": [b"c", 2.5, None]}), b'{"a":1,"b":["c",2.5,null]}'),
        (AmqpAnnotatedMessage(sequence_body=[[1, b"two"]]), b'[[1,"two"]]'),
        (AmqpAnnotatedMessage(value_body=None), None),
    ],
)
def test_bodies_of_every_kind(message, expected):
    assert to_event(received(message), "tx", 0).value == expected


def test_properties_of_every_kind_are_read_as_text():
    properties = {b"a": 5, "b": True, b"c": b"\x00\xff", b"d": "text", b"e": UUID(int=1), b"f": 2.5}
    event = to_event(received(AmqpAnnotatedMessage(data_body=b"", application_properties=properties)), "tx", 0)
    expected = {"a": b"5", "b": b"true", "c": b"\x00\xff", "d": b"text", "f": b"2.5"}
    assert dict(event.headers) == expected | {"e": b'"00000000-0000-0000-0000-000000000001"'}


def test_text_is_sent_as_text_and_the_last_of_two_headers():
    message = to_message(Outgoing(b"", None, [("traceparent", b"00-1"), ("raw", b"\xff"), ("traceparent", b"00-2")], 0))
    assert message.application_properties == {"traceparent": "00-2", "raw": b"\xff"}
    assert message.body_type is AmqpMessageBodyType.DATA


@pytest.mark.parametrize(
    ("key", "expected"), [(b"card-7", "card-7"), (None, None), (b"", None), (b"\xff", None), (b"x" * 129, None)]
)
def test_keys_that_the_service_takes(key, expected):
    assert partition_key(key) == expected
