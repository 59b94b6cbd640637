"""What an event is on the wire, and what is kept of it."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import Message

from .encoding import decode_value, entries, sections

__all__ = ["Event", "StoredEvent", "decode", "encode_event", "events_of", "with_annotations"]

_HEADER, _DELIVERY_ANNOTATIONS, _ANNOTATIONS = 0x70, 0x71, 0x72
_APPLICATION_PROPERTIES, _DATA, _SEQUENCE, _VALUE = 0x74, 0x75, 0x76, 0x77
_NULL, _STRINGS = 0x40, (0xA1, 0xB1)
_KEY = b"x-opt-partition-key"
_NULL_BODY = b"\x00\x53\x77\x40"

# The annotations that the service adds: the sequence number, when it was stored, and, last, the offset.
_STAMP = struct.Struct(">23s B q 21s B q 14s B B")
_SEQUENCE_NUMBER_KEY = b"\xa3\x15x-opt-sequence-number"
_ENQUEUED_TIME_KEY = b"\xa3\x13x-opt-enqueued-time"
_OFFSET_KEY = b"\xa3\x0cx-opt-offset"
_PARTITION_KEY_KEY = b"\xa3\x13" + _KEY
_MAP = struct.Struct(">3s B I I")
_OWN_KEYS = (b"x-opt-sequence-number", b"x-opt-enqueued-time", b"x-opt-offset")

_Kind = Literal["data", "sequence", "value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as a partition keeps it.

    Attributes:
        sequence_number: 0 for the partition's first event, and one more for each.
        offset: where the event starts in the partition; grows with the sizes of the events.
        enqueued_time: when it was stored, in milliseconds since 1970, by the server's clock.
        body: for data the bytes, for a sequence the list, for a value what it is, e.g. None; a string as `str`.
        body_kind: which of AMQP's kinds of body it is. A message without any is a value, None.
        partition_key: None where the sender gave none.
        properties: the application's properties, as they came.
    """

    sequence_number: int
    offset: str
    enqueued_time: int
    body: Any
    body_kind: _Kind
    partition_key: str | None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An event that has no place yet: its key, further annotations, and the rest of its message as it came."""

    key: bytes | None
    annotations: bytes
    annotation_count: int
    header: bytes
    rest: bytes

    @property
    def size(self) -> int:
        """The bytes that it takes in a partition, roughly."""
        return len(self.annotations) + len(self.header) + len(self.rest)


def encode_event(body: bytes | None, *, key: str | None = None, properties: Mapping[str, Any] | None = None) -> Event:
    """Encode an event as a client would."""
    start = bytearray()
    if properties:
        own: dict[str | bytes, Any] = {name: properties[name] for name in properties}
        encode_payload(start, Message(application_properties=own))
    if body is None:
        start += _NULL_BODY
    else:
        size = len(body)
        start += b"\x00\x53\x75" + (bytes((0xA0, size)) if size < 256 else b"\xb0" + size.to_bytes(4, "big"))
        start += body
    return Event(key.encode() if key else None, b"", 0, b"", bytes(start))


def events_of(message: bytes | memoryview, *, batch: bool) -> list[Event]:
    """Take a message apart, or the messages of a batch, as far as the service needs it.

    Raises:
        ValueError: the bytes are no message.
    """
    try:
        return _batched(bytes(message)) if batch else [_parse(bytes(message), None)]
    except (IndexError, TypeError, RecursionError, struct.error) as error:
        raise ValueError(f"the bytes are no message of AMQP 1.0: {error}") from error


def _batched(envelope: bytes) -> list[Event]:
    key, messages = None, []
    for code, _, value, _ in sections(envelope):
        if code == _ANNOTATIONS:
            key = _split_annotations(envelope, value)[0]
        elif code == _DATA:
            messages.append(decode_value(envelope, value))
    return [_parse(message, key) for message in messages]


def _parse(message: bytes, key: bytes | None) -> Event:
    annotations, count, header, rest = b"", 0, b"", []
    for code, start, value, end in sections(message):
        if code == _HEADER:
            header = message[start:end]
        elif code == _ANNOTATIONS:
            own, annotations, count = _split_annotations(message, value)
            key = own or key
        elif code != _DELIVERY_ANNOTATIONS:
            rest.append(message[start:end])
    return Event(key, annotations, count, header, b"".join(rest))


def _split_annotations(message: bytes, start: int) -> tuple[bytes | None, bytes, int]:
    """Return the partition key, the annotations that are not the service's own, and how many those are."""
    key, kept = None, []
    if message[start] == _NULL:
        return None, b"", 0
    for name, value, end in entries(message, start):
        decoded = decode_value(message, name)
        if decoded == _KEY and message[value] in _STRINGS:  # the service passes over keys of other types
            key = decode_value(message, value).encode()
        elif decoded not in _OWN_KEYS:
            kept.append(message[name:end])
    return key, b"".join(kept), len(kept)


def with_annotations(event: Event, sequence_number: int, offset: int, enqueued_time: int) -> bytes:
    """Encode an event as receivers get it."""
    place = b"%d" % offset
    stamp = _STAMP.pack(
        _SEQUENCE_NUMBER_KEY, 0x81, sequence_number, _ENQUEUED_TIME_KEY, 0x83, enqueued_time, _OFFSET_KEY,
        0xA1, len(place),
    )  # fmt: skip
    count = 6 + 2 * event.annotation_count
    parts = [event.header, b"", stamp, place, event.annotations]
    if event.key is not None:
        count += 2
        size = len(event.key)
        parts += (
            _PARTITION_KEY_KEY,
            bytes((0xA1, size)) if size < 256 else b"\xb1" + size.to_bytes(4, "big"),
            event.key,
        )
    parts[1] = _MAP.pack(b"\x00\x53\x72", 0xD1, 4 + sum(map(len, parts[2:])), count)
    parts.append(event.rest)
    return b"".join(parts)


def decode(message: bytes, sequence_number: int, offset: int, enqueued_time: int) -> StoredEvent:
    """Read back what `with_annotations` wrote."""
    key: str | None = None
    properties: dict[str, Any] = {}
    kind: _Kind = "value"
    data: list[bytes] = []
    body: Any = None
    for code, _, value, _ in sections(message):
        if code == _DATA:
            kind = "data"
            data.append(decode_value(message, value))
        elif code == _ANNOTATIONS:
            found = _split_annotations(message, value)[0]
            key = found.decode() if found is not None else None
        elif code == _APPLICATION_PROPERTIES:
            properties = {
                decode_value(message, name): decode_value(message, item) for name, item, _ in entries(message, value)
            }
        elif code == _VALUE:
            body = decode_value(message, value)
        elif code == _SEQUENCE:
            kind, body = "sequence", decode_payload(memoryview(message)).sequence
    return StoredEvent(
        sequence_number=sequence_number,
        offset=str(offset),
        enqueued_time=enqueued_time,
        body=b"".join(data) if kind == "data" else body,
        body_kind=kind,
        partition_key=key,
        properties=properties,
    )
