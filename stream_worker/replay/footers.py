"""What a Parquet file's footer says of its row groups, and what the headers of their pages say.

pyarrow would tell the same, but a damaged footer can make it end the process, and it takes memory by what a page's
header claims. See "parquet.thrift" of Apache Parquet 2.12.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from stream_worker.replay.thrift import Struct, ThriftError, read_struct

__all__ = ["Chunk", "FooterError", "RowGroup", "largest_page", "read_footer"]

_MAGIC = b"PAR1"
_TAIL = 8
_MAX_FOOTER = 67_108_864
_BYTE_ARRAY = 6
_PAGE_HEADER_BYTES = (1_024, 65_536, 4_194_304)


class FooterError(Exception):
    """The footer, or a page's header, is damaged, or claims too much; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A column's part of a row group.

    Attributes:
        start: its first byte.
        stop: the one after its last.
        varies: whether its values vary in length.
    """

    start: int
    stop: int
    varies: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Consecutive rows.

    Attributes:
        rows: how many.
        size: of their cells in bytes, before compression.
        chunks: by the dotted path of the column.
    """

    rows: int
    size: int
    chunks: Mapping[str, Chunk]


def read_footer(source: BinaryIO) -> Sequence[RowGroup]:
    """Return the row groups of a Parquet file.

    Raises:
        FooterError: it is none, or the footer is damaged.
        OSError: it cannot be read.
    """
    size = source.seek(0, io.SEEK_END)
    source.seek(max(0, size - _TAIL))
    tail = source.read(_TAIL)
    if len(tail) < _TAIL or not tail.endswith(_MAGIC):
        raise FooterError(f"not a whole Parquet file: expected it to end with {_MAGIC!r}")
    length = int.from_bytes(tail[:4], "little")
    if length > min(size - _TAIL - len(_MAGIC), _MAX_FOOTER):
        raise FooterError(f"a footer that claims {length} bytes, in a file of {size}")
    source.seek(size - _TAIL - length)
    try:
        found, _ = read_struct(source.read(length))
        return [_row_group(group, size) for group in found[4]]
    except (ThriftError, LookupError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise FooterError("the footer is damaged") from error


def largest_page(source: BinaryIO, chunk: Chunk, limit: int) -> int:
    """Return the size of a column chunk's largest page once decompressed.

    Args:
        source: the file.
        chunk: of the column.
        limit: how large one may be.

    Raises:
        FooterError: one is larger, or its header is damaged.
        OSError: it cannot be read.
    """
    position, largest = chunk.start, 0
    while position < chunk.stop:
        used, large, small = _page(source, position)
        if large > limit or small > limit:
            raise FooterError(
                f"a page at byte {position} that claims {max(large, small)} bytes; at most {limit} are read"
            )
        largest = max(largest, large)
        position += used + small
    return largest


def _row_group(group: Struct, size: int) -> RowGroup:
    chunks: dict[str, Chunk] = {}
    for column in group[1]:
        described: Struct = column[3]
        path = ".".join(part.decode() for part in described[3])
        start = min(described[9], described.get(11) or described[9])
        stop = start + _number(described[7])
        if not 0 <= start <= stop <= size:
            raise FooterError(f"a column {path} that claims the bytes {start} to {stop}, in a file of {size}")
        chunks[path] = Chunk(start=start, stop=stop, varies=described[1] == _BYTE_ARRAY)
    return RowGroup(rows=_number(group[3]), size=_number(group[2]), chunks=chunks)


def _number(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _page(source: BinaryIO, position: int) -> tuple[int, int, int]:
    """Return how long the header at `position` is, and its page decompressed and as it stands."""
    for size in _PAGE_HEADER_BYTES:
        source.seek(position)
        start = source.read(size)
        try:
            found, used = read_struct(start)
            return used, _number(found[2]), _number(found[3])
        except ThriftError:
            if len(start) < size:
                break
        except (LookupError, TypeError):
            break
    raise FooterError(f"a page at byte {position} whose header is damaged")
