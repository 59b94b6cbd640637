"""AMQP 1.0 as bytes: frames, with the codec of the SDK, and the sections of a message, without decoding them.

The two frames of which there are many, transfers and acknowledgements, are packed here.
"""

import struct
from collections.abc import Iterator
from typing import Any

from azure.eventhub._pyamqp._decode import _DECODE_BY_CONSTRUCTOR
from azure.eventhub._pyamqp._encode import encode_frame

__all__ = [
    "AMQP_HEADER",
    "EMPTY_FRAME",
    "SASL_HEADER",
    "TRANSFER_OVERHEAD",
    "accepted_frame",
    "decode_value",
    "entries",
    "frame",
    "sections",
    "transfer_frame",
    "width",
]

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
AMQP_FRAME = b"\x00"
SASL_FRAME = b"\x01"

# size, data offset, type, channel; the descriptor and the list's size and count; handle; delivery id; delivery tag;
# message format 0, settled, more; five nulls, for the SDK indexes every field
_TRANSFER = struct.Struct(">IBBH 6s BI BI BBI BBB 5s")
_TRANSFER_START = b"\x00\x53\x14\xc0\x19\x0b"
TRANSFER_OVERHEAD = _TRANSFER.size
# ..., role: receiver, first, last, settled, the state Accepted, batchable: null
_ACCEPTED = struct.Struct(">IBBH 6s BBIBIB 4s B")
_ACCEPTED_START = b"\x00\x53\x15\xc0\x12\x06"
_TRUE, _FALSE, _NULL = 0x41, 0x42, 0x40

_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def frame(performative: Any, channel: int = 0, kind: bytes = AMQP_FRAME) -> bytes:
    """Encode a performative of the SDK, every field of it."""
    header, body = encode_frame(performative, frame_type=kind)
    return b"".join((header, channel.to_bytes(2, "big"), body or b""))


def transfer_frame(channel: int, handle: int, delivery: int, size: int, *, more: bool = False) -> bytes:
    """Encode what stands before `size` bytes of a message that needs no acknowledgement."""
    return _TRANSFER.pack(
        TRANSFER_OVERHEAD + size, 2, 0, channel, _TRANSFER_START, 0x70, handle, 0x70, delivery, 0xA0, 4, delivery,
        0x43, _TRUE, _TRUE if more else _FALSE, b"\x40" * 5,
    )  # fmt: skip


def accepted_frame(channel: int, delivery: int) -> bytes:
    """Encode the acknowledgement of one delivery."""
    return _ACCEPTED.pack(
        _ACCEPTED.size, 2, 0, channel, _ACCEPTED_START, _TRUE, 0x70, delivery, 0x70, delivery, _TRUE,
        b"\x00\x53\x24\x45", _NULL,
    )  # fmt: skip


def width(data: bytes | memoryview, start: int) -> int:
    """Return how many bytes the value takes whose constructor is at `start`."""
    constructor = data[start]
    if constructor == 0:
        descriptor = width(data, start + 1)
        return 1 + descriptor + width(data, start + 1 + descriptor)
    kind = constructor >> 4
    if kind in _FIXED_WIDTHS:
        return 1 + _FIXED_WIDTHS[kind]
    if kind in (0xA, 0xC, 0xE):
        return 2 + data[start + 1]
    if kind in (0xB, 0xD, 0xF):
        return 5 + int.from_bytes(data[start + 1 : start + 5], "big")
    raise ValueError(f"{constructor:#04x} is no constructor of AMQP 1.0")


def sections(message: bytes | memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Walk the sections of a message: the descriptor's code, and where the section, its value and its end are."""
    start = 0
    end = len(message)
    while start < end:
        if message[start] != 0:
            raise ValueError(f"a section cannot begin with {message[start]:#04x}")
        value = start + 1 + width(message, start + 1)
        after = value + width(message, value)
        if after > end:
            raise ValueError("the message ends inside a section")
        yield message[value - 1], start, value, after
        start = after


def entries(data: bytes | memoryview, start: int) -> Iterator[tuple[int, int, int]]:
    """Walk the map at `start`: where each key, its value and its end are."""
    small = data[start] == 0xC1
    count = data[start + 2] if small else int.from_bytes(data[start + 5 : start + 9], "big")
    position = start + (3 if small else 9)
    for _ in range(count // 2):
        value = position + width(data, position)
        after = value + width(data, value)
        yield position, value, after
        position = after


def decode_value(data: bytes | memoryview, start: int) -> Any:
    """Decode the value at `start`; a string becomes a `str` where the SDK's own decoder leaves its bytes."""
    view = memoryview(data)
    value = _DECODE_BY_CONSTRUCTOR[view[start]](view[start + 1 :])[1]
    return value.decode() if view[start] in (0xA1, 0xB1) else value
