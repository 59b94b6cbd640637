"""Event Hubs' messages to events, and ours to theirs.

An application property has one value and a name that is text, so of a header that comes twice the last is sent; bytes
that are UTF-8 go out as a string, which is what clients in other languages expect of `traceparent` and its like. A key
that cannot be a partition key goes along as the property `weir-key`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType

from scoring import Event, Position
from stream_worker.ports import Outgoing

__all__ = ["MAX_PARTITION_KEY", "partition_key", "to_event", "to_message"]

MAX_PARTITION_KEY = 128
"""The most characters that a partition key may have."""

_KEY = "weir-key"
_PARTITION_KEY, _ENQUEUED = b"x-opt-partition-key", b"x-opt-enqueued-time"


def to_event(data: EventData, hub: str, partition: int) -> Event:
    """Return an event as it arrived.

    A body that is an AMQP string is its UTF-8; one that is a map, a list or another value is read as JSON.
    """
    message = data.raw_amqp_message
    annotations: Mapping[Any, Any] = message.annotations or {}
    key = annotations.get(_PARTITION_KEY)
    headers = message.application_properties or {}
    named = [(_text(name), _bytes(value)) for name, value in headers.items()]
    if headers and any(name == _KEY for name, _ in named):
        key = dict(named)[_KEY]
        named = [(name, value) for name, value in named if name != _KEY]
    return Event(
        _body(message),
        key if key is None or isinstance(key, bytes) else str(key).encode(),
        tuple(named),
        Position(hub, partition, int(data.sequence_number or 0)),
        annotations.get(_ENQUEUED),
    )


def to_message(outgoing: Outgoing) -> AmqpAnnotatedMessage:
    """Return a message to send, with its partition key where it has one."""
    properties: dict[str | bytes, Any] = {name: _readable(value) for name, value in outgoing.headers}
    key = partition_key(outgoing.key)
    if key is None and outgoing.key is not None:
        properties[_KEY] = outgoing.key
    body: dict[str, Any] = {"value_body": None} if outgoing.value is None else {"data_body": outgoing.value}
    return AmqpAnnotatedMessage(
        **body, application_properties=properties, annotations={} if key is None else {_PARTITION_KEY: key}
    )


def partition_key(key: bytes | None) -> str | None:
    """Return a key as the service takes it; None where it cannot: it is empty, too long, or not UTF-8."""
    if not key:
        return None
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return None
    return text if len(text) <= MAX_PARTITION_KEY else None


def _body(message: AmqpAnnotatedMessage) -> bytes | None:
    if message.body_type is AmqpMessageBodyType.DATA:
        return b"".join(message.body)
    body = message.body if message.body_type is AmqpMessageBodyType.VALUE else list(message.body)
    return None if body is None else _bytes(body)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return msgspec.json.encode(_plain(value), enc_hook=str)


def _plain(value: Any) -> Any:
    """Return what the codec made of AMQP's maps and lists, its strings as strings: it leaves them as bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _text(name: Any) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _readable(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
