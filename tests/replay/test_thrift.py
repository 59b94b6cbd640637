"""Thrift's compact protocol: what it may hold, and what claims more than there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_worker.replay.thrift import ThriftError, read_struct


def number(value):
    """A number as the protocol writes it."""
    value = (value << 1) ^ (value >> 63)
    return varint(value)


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_a_struct_holds_numbers_texts_lists_structs_and_switches():
    data = (
        b"\x15" + number(-3)  # field 1, 32 bits
        + b"\x16" + number(1 << 40)  # field 2, 64 bits
        + b"\x18" + varint(3) + b"abc"  # field 3, bytes
        + b"\x19\x25" + number(7) + number(8)  # field 4, a list of two numbers
        + b"\x1c\x15" + number(9) + b"\x00"  # field 5, a struct
        + b"\x11\x12"  # fields 6 and 7, true and false
        + b"\x13\xff"  # field 8, a byte
        + b"\x17" + bytes(8)  # field 9, a double
        + b"\x05" + number(30) + number(5)  # field 30, in full
        + b"\x19\xf1" + varint(20) + b"\x01" * 20  # field 31, a list of twenty switches
        + b"\x00rest"
    )  # fmt: skip
    found, end = read_struct(data)
    assert found == {
        1: -3, 2: 1 << 40, 3: b"abc", 4: [7, 8], 5: {1: 9}, 6: True, 7: False, 8: b"\xff", 9: bytes(8), 30: 5,
        31: [b"\x01"] * 20,
    }  # fmt: skip
    assert data[end:] == b"rest"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the data ends too early"),
        (b"\x15", "the data ends too early"),
        (b"\x18" + varint(1 << 60) + b"a", "the data ends too early"),
        (b"\x19\xf5" + varint(1 << 60) + b"\x02" * 100, "the data ends too early"),
        (b"\x15" + b"\x80" * 1000, "a number too large"),
        (b"\x1c" * 1000, "structs too deep in each other"),
        (b"\x1b\x00", "a value of an unknown type, 11"),
        (b"\x1f", "a value of an unknown type, 15"),
    ],
)
def test_what_is_not_there_is_not_believed(data, words):
    with pytest.raises(ThriftError) as caught:
        read_struct(data)
    assert str(caught.value) == words


@given(st.binary(max_size=300))
def test_any_bytes_are_a_struct_or_an_error(data):
    try:
        _, end = read_struct(data)
    except ThriftError:
        return
    assert 0 < end <= len(data)
