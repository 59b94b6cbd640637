"""Writes the same events as Event Hubs Capture, as JSON Lines and as Parquet."""

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from scoring import Event, Position

__all__ = ["CAPTURE_SCHEMA", "HUB", "START_MS", "avro_bytes", "capture_record", "events_of", "make_events"]
__all__ += ["write_capture", "write_feature_parquet", "write_jsonl", "write_parquet"]

HUB = "transactions"
NAMESPACE = "contoso"
START_MS = 1_700_000_000_000

_VALUES = ["long", "double", "string", "bytes"]
CAPTURE_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": _VALUES}},
        {"name": "Properties", "type": {"type": "map", "values": _VALUES}},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}


def make_events(count: int, *, partitions: int = 1, hub: str = HUB) -> list[Event]:
    """Return events in turn over the partitions, each partition's numbered from 0, a millisecond apart."""
    return [
        Event(
            json.dumps({"id": f"tx-{number}", "amount": number / 4, "hour": number % 24}).encode(),
            f"card-{number % 7}".encode(),
            (("traceparent", f"00-{number:032x}".encode()),),
            Position(hub, number % partitions, number // partitions),
            START_MS + number,
        )
        for number in range(count)
    ]


def events_of(events: Sequence[Event], partition: int) -> list[Event]:
    """Return those of one partition, in the order of their sequence numbers."""
    found = [event for event in events if event.position and event.position.partition == partition]
    return sorted(found, key=_sequence)


def capture_record(event: Event) -> dict[str, Any]:
    """Return an event as Capture keeps it."""
    system: dict[str, Any] = {}
    if event.key is not None:
        system["x-opt-partition-key"] = event.key.decode()
    if event.time is not None:
        system["x-opt-enqueued-time"] = event.time
    return {
        "SequenceNumber": _sequence(event),
        "Offset": str(_sequence(event) * 512),
        "EnqueuedTimeUtc": us_form(event.time or START_MS),
        "SystemProperties": system,
        "Properties": {name: value.decode() for name, value in event.headers},
        "Body": event.value,
    }


def us_form(milliseconds: int) -> str:
    """Return a time as Capture writes it: 11/16/2016 4:44:11 PM."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    clock = f"{moment.hour % 12 or 12}:{moment.minute:02}:{moment.second:02} {'AM' if moment.hour < 12 else 'PM'}"
    return f"{moment.month}/{moment.day}/{moment.year} {clock}"


def avro_bytes(
    events: Sequence[Event], *, codec: str = "null", block_bytes: int = 16_000, marker: bytes = b"weir-sync-marker"
) -> bytes:
    """Return a Capture file's bytes.

    Args:
        events: none make a file that is a header only.
        codec: null, deflate or snappy.
        block_bytes: about how large a block is before it is compressed; 1 puts each event into its own.
        marker: what ends each block.
    """
    buffer = io.BytesIO()
    records = map(capture_record, events)
    fastavro.writer(buffer, CAPTURE_SCHEMA, records, codec=codec, sync_interval=block_bytes, sync_marker=marker)
    return buffer.getvalue()


def write_capture(
    folder: Path,
    events: Sequence[Event],
    *,
    codec: str = "null",
    per_file: int = 100,
    overlap: int = 0,
    empty_every: int = 0,
    pattern: str | None = None,
    block_bytes: int = 16_000,
) -> list[Path]:
    """Write events as Capture does: many small files, those of a partition by time; return their paths.

    Args:
        folder: the container.
        events: with positions.
        codec: null, deflate or snappy.
        per_file: events of a partition in a file.
        overlap: how many of them the next file has, too.
        empty_every: after so many files comes one without events; 0 for never.
        pattern: the path's template; Azure's own where None.
        block_bytes: about how large a block is.
    """
    paths: list[Path] = []
    by_partition: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(events, key=_sequence):
        by_partition[event.position.partition if event.position else 0].append(event)
    for partition, found in by_partition.items():
        windows = _windows(found, per_file, overlap, empty_every)
        for number, window in enumerate(windows):
            path = folder / _path(pattern, found[0].position.stream if found[0].position else HUB, partition, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(avro_bytes(window, codec=codec, block_bytes=block_bytes))
            paths.append(path)
    return paths


def write_jsonl(path: Path, events: Sequence[Event], *, end: bytes = b"\n") -> Path:
    """Write the values as lines, compressed where the name ends with .gz."""
    text = b"".join((event.value or b"") + end for event in events)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, mtime=0) if path.name.endswith(".gz") else text)
    return path


def write_parquet(
    path: Path, events: Sequence[Event], *, places: bool = True, row_group: int = 1000, column: str = "value"
) -> Path:
    """Write one row an event, with its value as it is.

    Args:
        path: of the file.
        events: with positions where `places`.
        places: whether key, partition, sequence number and time stand beside the value.
        row_group: rows in a row group.
        column: what the value's column is called.
    """
    columns: dict[str, Any] = {column: pa.array([event.value for event in events], pa.binary())}
    if places:
        columns |= {
            "key": pa.array([event.key for event in events], pa.binary()),
            "partition": pa.array([event.position.partition if event.position else 0 for event in events], pa.int32()),
            "sequence_number": pa.array(map(_sequence, events), pa.int64()),
            "timestamp": pa.array([event.time for event in events], pa.timestamp("ms", "UTC")),
        }
    return _write_table(path, columns, row_group)


def write_feature_parquet(path: Path, events: Sequence[Event], *, row_group: int = 1000) -> Path:
    """Write one row an event, with the fields of its value as columns; nested ones by their dotted path."""
    rows = [dict(_flat(json.loads(event.value or b"{}"))) for event in events]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _write_table(path, {name: pa.array([row.get(name) for row in rows]) for name in names}, row_group)


def _write_table(path: Path, columns: dict[str, Any], row_group: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=row_group)
    return path


def _flat(fields: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def _sequence(event: Event) -> int:
    return event.position.offset if event.position is not None else 0


def _windows(events: Sequence[Event], per_file: int, overlap: int, empty_every: int) -> Iterator[Sequence[Event]]:
    for number, start in enumerate(range(0, len(events), per_file)):
        if empty_every and number % empty_every == 0:
            yield ()
        yield events[start : start + per_file + overlap]


def _path(pattern: str | None, hub: str, partition: int, window: int) -> str:
    """Return a window's path; windows are five minutes apart."""
    time = datetime.fromtimestamp(START_MS // 1000, UTC) + timedelta(minutes=5 * window)
    template = pattern or "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"
    said = {
        "Namespace": NAMESPACE,
        "EventHub": hub,
        "PartitionId": str(partition),
        "Year": f"{time.year:04}",
        "Month": f"{time.month:02}",
        "Day": f"{time.day:02}",
        "Hour": f"{time.hour:02}",
        "Minute": f"{time.minute:02}",
        "Second": f"{time.second:02}",
    }
    for name, text in said.items():
        template = template.replace(f"{{{name}}}", text)
    return f"{template}.avro"
