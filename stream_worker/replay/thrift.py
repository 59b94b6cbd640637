"""Values in Thrift's compact protocol, which Parquet's footers and page headers are written in.

See "Thrift compact protocol encoding" of Apache Thrift 0.22. Nothing is taken at its word: what the bytes do not hold,
however many values they claim, ends in an error before memory is taken.
"""

from typing import Any

__all__ = ["Struct", "ThriftError", "read_struct"]

Struct = dict[int, Any]
"""The values of a struct by field: numbers, bytes, lists and structs."""

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_MAX_DEPTH = 16
_MAX_SHIFT = 63


class ThriftError(Exception):
    """The bytes end before the struct does, or are none."""


def read_struct(data: bytes) -> tuple[Struct, int]:
    """Return the struct that begins with the first byte, and where it ends.

    Raises:
        ThriftError: there is none.
    """
    reader = _Reader(data)
    try:
        return reader.struct(0), reader.at
    except IndexError as error:
        raise ThriftError("the data ends too early") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data

    def struct(self, depth: int) -> Struct:
        found: Struct = {}
        field = 0
        if depth > _MAX_DEPTH:
            raise ThriftError("structs too deep in each other")
        while head := self._byte():
            step, kind = head >> 4, head & 0x0F
            field = field + step if step else self._zigzag()
            found[field] = self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_I32, _I64, _I16):
            return self._zigzag()
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in (_BYTE, _DOUBLE):
            return self._bytes(1 if kind == _BYTE else 8)
        raise ThriftError(f"a value of an unknown type, {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size, kind = head >> 4, head & 0x0F
        size = self._varint() if size == 15 else size  # noqa: PLR2004 - what does not fit into four bits follows
        kind = _BYTE if kind in (_TRUE, _FALSE) else kind
        return [self._value(kind, depth) for _ in range(size)]

    def _bytes(self, count: int) -> bytes:
        found = self._data[self.at : self.at + count]
        if len(found) < count:
            raise IndexError
        self.at += count
        return found

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
                return value
            shift += 7
            if shift > _MAX_SHIFT:
                raise ThriftError("a number too large")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
