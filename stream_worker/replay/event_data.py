"""Event Hubs Capture's records to events, as the live source would have given them."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import fastavro
import msgspec

from scoring import Event, Position
from stream_worker.replay.avro import DamageError

__all__ = ["check_schema", "decoder", "first_number", "milliseconds"]

_PARTITION_KEY, _KAFKA_KEY, _ENQUEUED = "x-opt-partition-key", "x-opt-kafka-key", "x-opt-enqueued-time"
_OUR_KEY = "weir-key"
_NUMBER, _BODY, _TIME = "SequenceNumber", "Body", "EnqueuedTimeUtc"
_SYSTEM, _PROPERTIES = "SystemProperties", "Properties"
_US_FORM = "%m/%d/%Y %I:%M:%S %p"
_SCALARS = frozenset({"null", "boolean", "int", "long", "float", "double", "string", "bytes"})
_DECODING = (EOFError, ValueError, TypeError, LookupError, OverflowError)

_read: Callable[..., Any] = fastavro.schemaless_reader


def decoder(schema: Any, stream: str, partition: int) -> Callable[[bytes, int], Sequence[Event]]:
    """Return what makes events of a block's bytes, and of how many records they are.

    Args:
        schema: of the file's records.
        stream: the hub that they stood in.
        partition: its partition.

    Raises:
        DamageError: the records are not those of Capture; names the field.
    """
    parsed = check_schema(schema)

    def decode(data: bytes, count: int) -> Sequence[Event]:
        text = io.BytesIO(data)
        try:
            events = [_event(_read(text, parsed, None), stream, partition) for _ in range(count)]
        except _DECODING as error:
            why = str(error) or type(error).__name__
            raise DamageError(f"a block with a record that cannot be decoded: {why}") from error
        if text.tell() != len(data):
            raise DamageError(f"a block of {len(data)} bytes whose {count} records take {text.tell()}")
        return events

    return decode


def first_number(schema: Any) -> Callable[[bytes, int], int | None]:
    """Return what finds the sequence number of a block's first record; None where it has no records.

    Raises:
        DamageError: the records are not those of Capture; names the field.
    """
    parsed = check_schema(schema)

    def decode(data: bytes, count: int) -> int | None:
        try:
            return int(_read(io.BytesIO(data), parsed, None)[_NUMBER]) if count else None
        except _DECODING as error:
            raise DamageError(str(error)) from error

    return decode


def check_schema(schema: Any) -> Any:
    """Return a schema as the decoder takes it.

    Raises:
        DamageError: it lacks a field of Capture's, or has one of a type that a few bytes could make endless.
    """
    if not isinstance(schema, dict) or schema.get("type") != "record" or not isinstance(schema.get("fields"), list):
        raise DamageError("not a Capture file: its schema is not a record")
    fields: dict[Any, Any] = {
        field.get("name"): field.get("type") for field in schema["fields"] if isinstance(field, dict)
    }
    for name in (_NUMBER, _BODY):
        if name not in fields:
            raise DamageError(f"not a Capture file: its records have no field {name} (they have {_listed(fields)})")
    if fields[_NUMBER] not in ("long", "int"):
        raise DamageError(f"not a Capture file: {_NUMBER} is {_short(fields[_NUMBER])}; expected a long")
    for name, kind in fields.items():
        expected = _expected(name)
        if not (_is_map(kind) if expected == "a map" else _is_plain(kind) or (expected is None and _is_map(kind))):
            raise DamageError(f"not a Capture file: {name} is {_short(kind)}; expected {expected or 'a plain value'}")
    try:
        return fastavro.parse_schema(schema)
    except Exception as error:
        raise DamageError(f"a schema that cannot be read: {error}") from error


def _expected(name: str) -> str | None:
    return {_BODY: "null or bytes", _TIME: "a string", _SYSTEM: "a map", _PROPERTIES: "a map"}.get(name)


def _is_plain(kind: Any) -> bool:
    if isinstance(kind, list):
        return all(isinstance(each, str) and each in _SCALARS for each in kind)
    return isinstance(kind, str) and kind in _SCALARS


def _is_map(kind: Any) -> bool:
    return isinstance(kind, dict) and kind.get("type") == "map" and _is_plain(kind.get("values"))


def _listed(fields: Mapping[Any, Any]) -> str:
    return ", ".join(map(str, list(fields)[:10])) or "none"


def _short(kind: Any) -> str:
    text = msgspec.json.encode(kind).decode()
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - so much fits into a line


def _event(record: dict[str, Any], stream: str, partition: int) -> Event:
    system: Mapping[str, Any] = record.get(_SYSTEM) or {}
    key = system.get(_PARTITION_KEY, system.get(_KAFKA_KEY))
    properties: dict[str, Any] = record.get(_PROPERTIES) or {}
    if _OUR_KEY in properties:
        key = properties.pop(_OUR_KEY)
    enqueued = system.get(_ENQUEUED)
    body = record[_BODY]
    return Event(
        body if body is None or isinstance(body, bytes) else _bytes(body),
        None if key is None else _bytes(key),
        tuple([(name, value.encode() if type(value) is str else _bytes(value)) for name, value in properties.items()]),
        Position(stream, partition, record[_NUMBER]),
        enqueued if isinstance(enqueued, int) else milliseconds(record.get(_TIME)),
    )


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


@lru_cache(maxsize=4096)
def milliseconds(text: str | None) -> int | None:
    """Return a time in UTC as milliseconds since 1970, in the form that Capture writes or in ISO 8601.

    Capture writes "11/16/2016 4:44:11 PM", whatever the country. Other text is no time.
    """
    if not isinstance(text, str):
        return None
    try:
        found = datetime.strptime(text, _US_FORM).replace(tzinfo=UTC) if "/" in text else datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
