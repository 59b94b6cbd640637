"""Avro files: headers, blocks of every codec, and the way behind what is damaged."""

import io
import json
import tracemalloc
import zlib

import fastavro
import pytest
from cramjam import snappy
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_worker.replay.avro import CODECS, DamageError, read_header, walk
from stream_worker.replay.event_data import decoder
from stream_worker.replay.limits import Limits
from tests.replay.archives import avro_bytes, make_events

MARKER = b"weir-sync-marker"
EVENTS = make_events(200)
LIMITS = Limits(max_block_bytes=1_000_000)


def long(value):
    """A number as Avro writes it."""
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def header(codec="null", schema='"string"'):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(
        buffer,
        {"type": "record", "name": "header", "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "sync", "size": 16}},
        ]},
        {"magic": b"Obj\x01", "meta": {"avro.schema": schema.encode(), "avro.codec": codec.encode()}, "sync": MARKER},
    )  # fmt: skip
    return buffer.getvalue()


def block(data, count=1, marker=MARKER, size=None):
    return long(count) + long(len(data) if size is None else size) + data + marker


def keep(data, count):
    if data.startswith(b"bad"):
        raise DamageError("a bad block")
    return data


def look(text, limits=LIMITS):
    source = io.BytesIO(text)
    head = read_header(source)
    return [
        (each.offset, each.content, each.damage) for each in walk(source, head, keep, start=head.size, limits=limits)
    ]


@pytest.mark.parametrize("codec", CODECS)
def test_blocks_are_those_that_fastavro_writes(codec):
    text = avro_bytes(EVENTS, codec=codec, block_bytes=2000)
    source = io.BytesIO(text)
    head = read_header(source)
    assert (head.codec, head.marker) == (codec, MARKER)
    assert head.schema["name"].endswith("EventData")
    found = list(walk(source, head, lambda data, count: (len(data), count), start=head.size, limits=LIMITS))
    expected = list(fastavro.block_reader(io.BytesIO(text)))
    assert [(each.offset, each.end) for each in found] == [(each.offset, each.offset + each.size) for each in expected]
    assert [each.content for each in found] == [
        (len(each.bytes_.getvalue()), each.num_records) for each in expected
    ]  # fmt: skip
    assert {each.damage for each in found} == {None}


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_may_have_a_header_only(codec):
    assert look(avro_bytes([], codec=codec)) == []


def test_reading_may_begin_at_any_block():
    text = avro_bytes(EVENTS, block_bytes=2000)
    source = io.BytesIO(text)
    head = read_header(source)
    whole = list(walk(source, head, keep, start=head.size, limits=LIMITS))
    for place, each in enumerate(whole):
        assert list(walk(source, head, keep, start=each.offset, limits=LIMITS)) == whole[place:]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not an Avro file: expected it to begin with b'Obj\\x01'"),
        (b'{"a": 1}\n', "not an Avro file: expected it to begin with b'Obj\\x01'"),
        (b"Obj\x01", "the header is cut off, or larger than 1048576 bytes"),
        (header()[:-1], "the header is cut off, or larger than 1048576 bytes"),
        (b"Obj\x01" + long(1) + long(1 << 40) + b"x" * 100, "the header is cut off, or larger than 1048576 bytes"),
        (
            header(schema="{" * 100),
            "the header is damaged: DecodeError JSON is malformed: object keys must be strings (byte 1)",
        ),
        (
            header(schema="[" * 500_000),
            "the header is damaged: RecursionError maximum recursion depth exceeded while deserializing an object",
        ),
        (header().replace(b"avro.schema", b"avro.scheme"), "the header is damaged: KeyError 'avro.schema'"),
        (header() + b"x" * 3_000_000, None),
    ],
    ids=["empty", "json", "magic only", "cut", "endless key", "schema", "deep schema", "no schema", "good"],
)
def test_a_header_that_is_none_is_told(text, words):
    if words is None:
        assert read_header(io.BytesIO(text)).codec == "null"
        return
    with pytest.raises(DamageError) as caught:
        read_header(io.BytesIO(text))
    assert str(caught.value) == words


GOOD = (b"one" * 10, b"two" * 10, b"three" * 10)
START = len(header())


def damaged(middle):
    """What becomes of a file whose second block is another."""
    text = header() + block(GOOD[0]) + middle + block(GOOD[2])
    return look(text), START + len(block(GOOD[0]))


@pytest.mark.parametrize(
    ("middle", "words"),
    [
        (block(b"bad"), "a bad block"),
        (block(b"x", count=-5), "a block that claims -5 records; at most 1048576 are read at once"),
        (block(b"x", count=1 << 40), "a block that claims 1099511627776 records; at most 1048576 are read at once"),
        (block(b"x", size=-2), "a block that claims -2 bytes; at most 1000000 are read at once"),
        (block(b"x", size=1 << 60), f"a block that claims {1 << 60} bytes; at most 1000000 are read at once"),
        (block(b"x", size=900), "the file ends inside a block: 916 bytes were to come, and 85 did"),
        (b"\xff" * 11 + MARKER, "the file ends inside a block, or a block's length is damaged"),
    ],
    ids=["content", "negative count", "large count", "negative size", "huge size", "larger size", "no number"],
)
def test_a_damaged_block_is_told_with_its_place_and_its_neighbours_are_read(middle, words):
    found, place = damaged(middle)
    assert found == [(START, GOOD[0], None), (place, None, words), (place + len(middle), GOOD[2], None)]


def test_a_damaged_marker_costs_no_events():
    found, place = damaged(block(GOOD[1], marker=b"weir-sync-mArker"))
    words = "the marker behind this block is damaged; its events were read"
    assert found == [(START, GOOD[0], None), (place, GOOD[1], words), (place + len(block(GOOD[1])), GOOD[2], None)]


def test_junk_between_blocks_is_told_once():
    junk = b"\x05junk" * 1000
    found, place = damaged(junk + MARKER + b"\x07more junk" + MARKER)
    assert [(offset, content) for offset, content, _ in found] == [
        (START, GOOD[0]), (place, None), (place + len(junk) + 16 + 10 + 16, GOOD[2]),
    ]  # fmt: skip


def test_a_file_that_is_cut_off_is_read_up_to_there():
    whole = header() + block(GOOD[0]) + block(GOOD[1])
    for cut in range(START, len(whole)):
        found = look(whole[:cut])
        complete = (cut - START) // len(block(GOOD[0]))
        assert [content for _, content, damage in found if damage is None] == list(GOOD[:complete])
        if cut not in (START, START + len(block(GOOD[0]))):
            assert found[-1][0] == START + complete * len(block(GOOD[0]))
            assert found[-1][2].startswith("the file ends inside a block") or found[-1][1] is None


@settings(max_examples=100, deadline=None)
@given(
    flips=st.dictionaries(st.integers(0, 4), st.integers(0, 10**6), min_size=1, max_size=4),
    codec=st.sampled_from(CODECS),
)
def test_flipped_bits_cost_no_blocks_but_those_they_are_in(flips, codec):
    text = avro_bytes(EVENTS, codec=codec, block_bytes=2000)
    source = io.BytesIO(text)
    head = read_header(source)
    decode = decoder(head.schema, "s", 0)
    whole = list(walk(source, head, decode, start=head.size, limits=LIMITS))
    hurt = bytearray(text)
    # at most every second block is hurt: nothing finds the way between a size that lies and a marker that does
    for number, place in {number * 2 % len(whole): place for number, place in flips.items()}.items():
        each = whole[number // 2 * 2]
        hurt[each.offset + place // 8 % (each.end - each.offset)] ^= 1 << place % 8
    touched = [each for each in whole if hurt[each.offset : each.end] != text[each.offset : each.end]]
    found = list(walk(io.BytesIO(bytes(hurt)), head, decode, start=head.size, limits=LIMITS))
    kept = [(each.offset, each.content) for each in found if each.content is not None]
    assert [(each.offset, each.content) for each in whole if each not in touched] == [
        each for each in kept if each[0] not in {block.offset for block in touched}
    ]  # fmt: skip


def deflated(data):
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(data) + packer.flush()


def snapped(data):
    return bytes(snappy.compress_raw(data)) + zlib.crc32(data).to_bytes(4, "big")


BOMB = bytes(300_000_000)


@pytest.mark.parametrize(
    ("codec", "make", "words"),
    [
        ("deflate", lambda: deflated(BOMB), "a block that grows beyond 1000000 bytes when decompressed"),
        (
            "deflate",
            lambda: b"\xff" * 50,
            "a block that does not decompress: Error -3 while decompressing data: invalid block type",
        ),
        ("deflate", lambda: deflated(b"abc" * 100)[:-3], "a block whose compressed data is cut off"),
        (
            "snappy",
            lambda: b"\xff\xff\xff\xff\x0f" + b"\x00" * 50,
            "a block that claims 4294967295 bytes when decompressed; at most 1000000 are read at once",
        ),
        ("snappy", lambda: b"\xff" * 50, "a block that does not decompress: it does not say its size"),
        ("snappy", lambda: b"", "a block that does not decompress: it does not say its size"),
        ("snappy", lambda: snapped(b"abc" * 100)[:-1] + b"!", "a block whose checksum is wrong"),
        (
            "snappy",
            lambda: b"\x05\xf0" + bytes(20),
            (
                "a block that does not decompress: snappy: corrupt input "
                "(expected literal read of length 1; remaining src: 5; remaining dst: 0)"
            ),
        ),
    ],
    ids=[
        "deflate bomb",
        "deflate junk",
        "deflate cut",
        "snappy bomb",
        "snappy junk",
        "snappy empty",
        "checksum",
        "snappy bad",
    ],
)
def test_what_cannot_be_decompressed_is_stopped_and_told(codec, make, words):
    pack = {"deflate": deflated, "snappy": snapped}[codec]
    bad = block(make())
    text = header(codec) + block(pack(GOOD[0])) + bad + block(pack(GOOD[2]))
    place = len(header(codec)) + len(block(pack(GOOD[0])))
    tracemalloc.start()
    found = look(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [content for _, content, _ in found] == [GOOD[0], None, GOOD[2]]
    assert found[1][0] == place
    assert found[1][2] == words
    assert peak < 30_000_000


def test_markers_without_blocks_between_them_take_no_time():
    text = header() + block(GOOD[0]) + (b"\x02" + long(900_000) + MARKER) * 20_000 + block(GOOD[1])
    found = look(text)
    assert [content for _, content, _ in found] == [GOOD[0], None, GOOD[1]]


def test_a_marker_is_found_across_pieces(monkeypatch):
    monkeypatch.setattr("stream_worker.replay.avro._SEARCH_BYTES", (7, 9))
    found, _ = damaged(b"\x03" + bytes(100) + MARKER)
    assert [content for _, content, _ in found] == [GOOD[0], None, GOOD[2]]


def test_the_schema_is_json():
    assert read_header(io.BytesIO(header(schema=json.dumps({"type": "map", "values": "long"})))).schema == {
        "type": "map", "values": "long",
    }  # fmt: skip


class Counted(io.BytesIO):
    """A file that counts the bytes that are asked for."""

    asked = 0

    def read(self, size=-1):
        self.asked += size
        return super().read(size)


def test_markers_without_end_take_no_time():
    """Behind each is the next: a megabyte read for each would take forever."""
    source = Counted(header() + MARKER * 20_000)
    head = read_header(source)
    found = list(walk(source, head, keep, start=head.size, limits=LIMITS))
    assert {each.content for each in found} == {None}
    assert source.asked < 20_000 * 10_000


def test_a_block_has_the_room_that_there_is_just_now():
    text = header("deflate") + b"".join(
        block(deflated(bytes(size)), count) for count, size in ((1, 90), (2, 90), (3, 90))
    )
    source = io.BytesIO(text)
    head = read_header(source)
    found = list(walk(source, head, keep, start=head.size, limits=LIMITS, room=lambda count: 50 * count))
    assert [(each.size, each.count, each.damage) for each in found] == [
        (0, 0, "a block that grows beyond 50 bytes when decompressed"), (90, 2, None), (90, 3, None)
    ]  # fmt: skip
