"""Walks the blocks of an Avro file, and finds its way again behind a damaged one.

A file is a header with the schema and a marker of 16 bytes, then blocks: how many records, how many bytes, the records,
and the marker again. See "Object Container Files" in the specification of Apache Avro 1.12.

Rules:
- Nothing is believed that a block says of itself: what it claims is held against the bounds before memory is taken.
- A block counts only as a whole. Behind one that cannot be read, the next marker is looked for, in steps that grow: it
  may be near, a million times over.
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar

import fastavro
import msgspec
from cramjam import DecompressionError, snappy

from stream_worker.replay.limits import Limits

__all__ = ["CODECS", "Block", "DamageError", "Header", "read_header", "walk"]

_T = TypeVar("_T")
_MAGIC = b"Obj\x01"
_HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "sync", "size": 16}},
        ],
    }
)
_HEADER_BYTES = (65_536, 1_048_576)
_MARKER = 16
_CHECKSUM = 4
_LONG = 10  # the most bytes that a number takes
_SEARCH_BYTES = (4_096, 1_048_576)
_MAX_RECORDS = 1_048_576
_DECODING = (
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
    fastavro.read.SchemaResolutionError,
)


class DamageError(Exception):
    """Something in the file is not what it should be; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the blocks.

    Attributes:
        schema: of a record.
        codec: how the blocks are compressed.
        marker: what ends each block.
        size: where the first block begins.
    """

    schema: Any
    codec: str
    marker: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Block(Generic[_T]):
    """A decoded block, or why it cannot be read.

    Attributes:
        offset: the byte at which it begins.
        end: the one at which the next begins.
        content: what `decode` made of it; None where it is damaged.
        damage: in words; None where it is whole.
        size: of its bytes, decompressed; 0 where it is damaged.
        count: of its records; likewise.
    """

    offset: int
    end: int
    content: _T | None
    damage: str | None = None
    size: int = 0
    count: int = 0


def read_header(source: BinaryIO) -> Header:
    """Return the header of the file that `source` begins with.

    Raises:
        DamageError: it is no Avro file, or its header is damaged.
        OSError: it cannot be read.
    """
    start = source.read(_HEADER_BYTES[0])
    if not start.startswith(_MAGIC):
        raise DamageError(f"not an Avro file: expected it to begin with {_MAGIC!r}")
    try:
        return _header(start)
    except EOFError:
        start += source.read(_HEADER_BYTES[1] - len(start))
    try:
        return _header(start)
    except EOFError as error:
        raise DamageError(f"the header is cut off, or larger than {_HEADER_BYTES[1]} bytes") from error


def _header(start: bytes) -> Header:
    text = io.BytesIO(start)
    try:
        found: Any = fastavro.schemaless_reader(text, _HEADER, None)
        schema = msgspec.json.decode(found["meta"]["avro.schema"])
        codec = found["meta"].get("avro.codec", b"null").decode()
    except EOFError:
        raise
    except _DECODING as error:
        raise DamageError(f"the header is damaged: {type(error).__name__} {error}") from error
    if len(found["sync"]) < _MARKER:
        raise EOFError
    return Header(schema=schema, codec=codec, marker=found["sync"], size=text.tell())


def walk(
    source: BinaryIO,
    header: Header,
    decode: Callable[[bytes, int], _T],
    *,
    start: int,
    limits: Limits,
    room: Callable[[int], int] | None = None,
) -> Iterator[Block[_T]]:
    """Yield the blocks from `start` on, and where one is damaged, that.

    Args:
        source: the file.
        header: its header.
        decode: makes something of a block's bytes, decompressed, and its number of records; raises `DamageError`.
        start: where a block begins.
        limits: no block is decompressed beyond them.
        room: returns how many bytes a block of so many records may have just now, where that is less.

    Raises:
        OSError: it cannot be read.
    """
    position: int | None = start
    trusted, told = True, False
    while position is not None:
        offset, frame = position, None
        try:
            frame = _frame(source, header, offset, limits, trusted=trusted)
            if frame is None:
                return
            limit = limits.max_block_bytes if room is None else min(limits.max_block_bytes, room(frame.count))
            data = _decompressed(frame.data, header.codec, limit)
            content = decode(data, frame.count)
        except DamageError as error:
            placed = frame is not None and (frame.marked or _is_block(source, header, frame.end, limits))
            position = frame.end if frame and placed else _after_marker(source, header.marker, offset + 1)
            if placed or not told:
                yield Block(offset, position or source.tell(), None, str(error))
            trusted, told = placed, not placed
        else:
            position, damage = frame.end, None
            if not frame.marked:
                damage = "the marker behind this block is damaged; its events were read"
                if not _is_block(source, header, frame.end, limits):  # its size may be damaged, too
                    position = _after_marker(source, header.marker, offset + 1) or frame.end
            yield Block(offset, position, content, damage, len(data), frame.count)
            trusted, told = frame.marked, False


@dataclass(frozen=True, slots=True)
class _Frame:
    count: int
    data: bytes
    end: int
    marked: bool


def _is_block(source: BinaryIO, header: Header, offset: int, limits: Limits) -> bool:
    """Return whether a block begins at `offset`, as far as can be told without decoding it."""
    try:
        return _frame(source, header, offset, limits, trusted=False) is not None
    except DamageError:
        return False


def _frame(source: BinaryIO, header: Header, offset: int, limits: Limits, *, trusted: bool) -> _Frame | None:
    """Return the block at `offset`, None at the end of the file.

    A block whose marker is wrong is taken where the one before it was whole: it may be only the marker that is damaged.
    """
    source.seek(offset)
    start = source.read(2 * _LONG)
    if not start:
        return None
    count, used = _long(start, 0)
    size, used = _long(start, used)
    if count < 0 or count > _MAX_RECORDS:
        raise DamageError(f"a block that claims {count} records; at most {_MAX_RECORDS} are read at once")
    if size < 0 or size > limits.max_block_bytes:
        raise DamageError(f"a block that claims {size} bytes; at most {limits.max_block_bytes} are read at once")
    end = offset + used + size + _MARKER
    if not trusted:
        source.seek(end - _MARKER)
        if source.read(_MARKER) != header.marker:
            raise DamageError("no block begins here")
    source.seek(offset + used)
    body = source.read(size + _MARKER)
    if len(body) < size + _MARKER:
        raise DamageError(f"the file ends inside a block: {size + _MARKER} bytes were to come, and {len(body)} did")
    return _Frame(count, body[:size], end, body[size:] == header.marker)


def _long(data: bytes, at: int) -> tuple[int, int]:
    """Return the zigzag number at `at`, and where it ends."""
    value = shift = 0
    for index in range(at, min(at + _LONG, len(data))):
        value |= (data[index] & 0x7F) << shift
        shift += 7
        if data[index] < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
            return (value >> 1) ^ -(value & 1), index + 1
    raise DamageError("the file ends inside a block, or a block's length is damaged")


def _decompressed(data: bytes, codec: str, limit: int) -> bytes:
    if codec != "null":
        return _CODECS[codec](data, limit)
    if len(data) > limit:
        raise DamageError(f"a block of {len(data)} bytes; at most {limit} are read at once")
    return data


def _inflated(data: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        made = inflater.decompress(data, limit)
    except zlib.error as error:
        raise DamageError(f"a block that does not decompress: {error}") from error
    if not inflater.eof:
        if len(made) >= limit:
            raise DamageError(f"a block that grows beyond {limit} bytes when decompressed")
        raise DamageError("a block whose compressed data is cut off")
    if len(inflater.unused_data) > _CHECKSUM:  # of which some writers leave a part
        raise DamageError("a block with more than its compressed data")
    return made


def _unsnapped(data: bytes, limit: int) -> bytes:
    packed, check = data[:-4], data[-4:]
    claimed = _snappy_size(packed)
    if claimed > limit:
        raise DamageError(f"a block that claims {claimed} bytes when decompressed; at most {limit} are read at once")
    try:
        made = bytes(snappy.decompress_raw(packed))
    except DecompressionError as error:
        raise DamageError(f"a block that does not decompress: {error}") from error
    if zlib.crc32(made).to_bytes(4, "big") != check:
        raise DamageError("a block whose checksum is wrong")
    return made


def _snappy_size(packed: bytes) -> int:
    size = shift = 0
    for byte in packed[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
            return size
    raise DamageError("a block that does not decompress: it does not say its size")


_CODECS: Mapping[str, Callable[[bytes, int], bytes]] = {"deflate": _inflated, "snappy": _unsnapped}
CODECS = ("null", *_CODECS)


def _after_marker(source: BinaryIO, marker: bytes, position: int) -> int | None:
    """Return where the first marker at `position` or after it ends; None where there is none."""
    source.seek(position)
    held, (step, most) = b"", _SEARCH_BYTES
    while data := source.read(step):
        held += data
        step = min(2 * step, most)
        at = held.find(marker)
        if at >= 0:
            return position + at + _MARKER
        position += max(0, len(held) - _MARKER + 1)
        held = held[-_MARKER + 1 :]
    return None
