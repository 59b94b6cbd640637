"""JSON Lines: every line once, whatever the ranges; ends, blanks and marks; what is too long, damaged or endless."""

import gzip
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_worker.replay.archive import plan, read
from stream_worker.replay.limits import Limits
from stream_worker.replay.records import PORTION
from tests.scoring.makers import manifest

MANIFEST = manifest()
LINE = b'{"a": 1}\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lines")


def portions(path, text=None, range_bytes=33_554_432, **more):
    if text is not None:
        path.write_bytes(text)
    return [
        portion
        for group in plan([str(path)], range_bytes=range_bytes).groups
        for portion in read(group, manifest=MANIFEST, **more)
    ]


def values(found):
    return [event.value for portion in found for event in portion.events]


def problems(found):
    return [(problem.offset, problem.words) for portion in found for problem in portion.problems]


def lines_of(text):
    """What the lines of a text are, told simply."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    return [line.removesuffix(b"\r") for line in text.split(b"\n") if line.strip()]


pieces = st.lists(
    st.sampled_from([b"{}", b'{"a": 1}', b"x" * 30, b"\n", b"\r\n", b" ", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf"]),
    max_size=60,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(text=pieces, range_bytes=st.integers(1, 70), zipped=st.booleans())
def test_every_line_comes_once_whatever_the_ranges(folder, text, range_bytes, zipped):
    path = folder / ("a.jsonl.gz" if zipped else "a.jsonl")
    found = portions(path, gzip.compress(text) if zipped else text, range_bytes) if text else []
    assert values(found) == lines_of(text)
    assert problems(found) == []


@settings(max_examples=60, deadline=None)
@given(
    text=pieces,
    times=st.integers(1, 5),
    blanks=st.booleans(),
    zipped=st.booleans(),
    limit=st.sampled_from([20, 1000]),
    reads=st.sampled_from([7, 4096, 1 << 20]),
)
def test_reading_goes_on_behind_any_portion(folder, text, *, times, blanks, zipped, limit, reads):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_worker.replay.jsonl.PORTION", 5)
        patch.setattr("stream_worker.replay.jsonl._READ_BYTES", reads)
        whole = (text + LINE * 7 + b"\n \r\n" * blanks) * times + b"last"
        path = folder / ("b.jsonl.gz" if zipped else "b.jsonl")
        path.write_bytes(gzip.compress(whole) if zipped else whole)
        limits = Limits(max_event_bytes=limit)
        for group in plan([str(path)], range_bytes=100).groups:
            found = list(read(group, manifest=MANIFEST, limits=limits))
            assert all(len(portion.events) == 5 for portion in found[:-1])
            for place, portion in enumerate(found):
                after = list(read(group, manifest=MANIFEST, limits=limits, cursor=portion.cursor))
                assert told(after) == told(found[place + 1 :])


def told(found):
    return [(portion.events, portion.problems, portion.cursor) for portion in found]


def test_portions_are_full_until_the_last(folder):
    found = portions(folder / "a.jsonl", LINE * (2 * PORTION + 3))
    assert [len(portion.events) for portion in found] == [PORTION, PORTION, 3]
    assert [portion.cursor for portion in found] == [
        {"offset": PORTION * 9}, {"offset": 2 * PORTION * 9}, {"offset": (2 * PORTION + 3) * 9},
    ]  # fmt: skip
    assert [portion.bytes_read for portion in found] == [portion.cursor["offset"] for portion in found]
    assert found[0].events[0].position is None
    assert (found[0].columns, found[0].event_ids, found[0].duplicates) == (None, None, 0)
    assert [len(portion.events) for portion in portions(folder / "b.jsonl", LINE * PORTION)] == [PORTION]


@pytest.mark.parametrize("text", [b"\n", b"\r\n \n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_of_blanks_has_no_events(folder, text):
    assert portions(folder / "a.jsonl", text) == []


def test_a_line_that_is_too_long_is_a_problem_and_its_neighbours_are_read(folder):
    text = LINE + b"x" * 101 + b"\n" + LINE + b"y" * 100 + b"\n" + b"z" * 5000 + b"\n" + LINE + b"w" * 200
    limits = Limits(max_event_bytes=100)
    found = portions(folder / "a.jsonl", text, limits=limits)
    assert values(found) == [LINE[:-1], LINE[:-1], b"y" * 100, LINE[:-1]]
    words = "a line of more than 100 bytes; it was passed over"
    assert problems(found) == [
        (9, words),
        (9 + 102 + 9 + 101, words),
        (len(text) - 200, words),
    ]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("filler", [b"x", b"\x00"])
def test_a_line_without_end_takes_no_memory(folder, zipped, filler):
    text = LINE + filler * 30_000_000 + b"\n" + LINE
    path = folder / ("a.jsonl.gz" if zipped else "a.jsonl")
    path.write_bytes(gzip.compress(text, 1) if zipped else text)
    del text
    tracemalloc.start()
    found = portions(path, range_bytes=10_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values(found) == [LINE[:-1]] * 2
    assert problems(found) == [(9, "a line of more than 1048576 bytes; it was passed over")]
    assert peak < 12_000_000


def test_a_range_in_the_midst_of_a_line_has_no_lines(folder):
    path = folder / "a.jsonl"
    path.write_bytes(LINE + b"x" * 1000 + b"\n" + LINE)
    found = [list(read(group, manifest=MANIFEST)) for group in plan([str(path)], range_bytes=300).groups]
    assert [len(values(each)) for each in found] == [2, 0, 0, 1]


@pytest.mark.parametrize("text", [b"\x00", b"\n", b"{}\n"])
def test_a_bomb_is_stopped(folder, text):
    path = folder / "a.jsonl.gz"
    packer = zlib.compressobj(9, wbits=31)
    half = 3 if text == b"{}\n" else 1
    path.write_bytes(
        packer.compress(LINE)
        + b"".join(packer.compress(text * (1_000_002 // half)) for _ in range(60))
        + packer.flush()
    )
    limits = Limits(max_block_bytes=20_000_000)
    found = portions(path, limits=limits)
    (*_, (offset, words)) = problems(found)
    assert words == (
        "cannot be read from here on: it grows to more than 250 times its size when decompressed; a bomb, not events"
    )
    assert offset < 25_000_000
    assert values(found)[0] == LINE[:-1]


def test_what_is_merely_well_compressed_is_read(folder):
    text = b"".join(b'{"id": "tx-%d", "amount": 12.5, "country": "DE"}\n' % number for number in range(50_000))
    found = portions(folder / "a.jsonl.gz", gzip.compress(text, 9), limits=Limits(max_block_bytes=1000))
    assert values(found) == lines_of(text)


def test_a_compressed_file_that_is_cut_off_is_read_up_to_there(folder):
    text = b"".join(b'{"id": %d, "x": %r}\n' % (number, random.random()) for number in range(5000))
    packed = gzip.compress(text)
    found = portions(folder / "a.jsonl.gz", packed[: len(packed) // 2])
    ((offset, words),) = problems(found)
    assert values(found) == lines_of(text)[: len(values(found))]
    assert len(values(found)) > 1000
    assert text[:offset].count(b"\n") == len(values(found))
    assert words == ("cannot be read from here on: Compressed file ended before the end-of-stream marker was reached")


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_a_problem_or_changes_nothing_that_came_before(folder, place, bit):
    text = b"".join(b'{"id": %d}\n' % number for number in range(3000))
    packed = bytearray(gzip.compress(text, mtime=0))
    packed[place % len(packed)] ^= 1 << bit
    found = portions(folder / "a.jsonl.gz", bytes(packed))
    assert problems(found) or values(found) == lines_of(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"hello", "cannot be read from here on: Not a gzipped file (b'he')"),
        (gzip.compress(LINE) + b"junk", "cannot be read from here on: Not a gzipped file (b'ju')"),
    ],
)
def test_a_file_that_is_not_compressed_is_a_problem(folder, text, words):
    assert [each for _, each in problems(portions(folder / "a.jsonl.gz", text))] == [words]


def test_members_of_a_compressed_file_follow_each_other(folder):
    text = gzip.compress(LINE) + gzip.compress(b'{"b":') + gzip.compress(b" 2}\n") + bytes(100)
    assert values(portions(folder / "a.jsonl.gz", text)) == [LINE[:-1], b'{"b": 2}']


def test_a_file_that_changes_vanishes_or_shrinks_is_a_problem(folder):
    path = folder / "a.jsonl"
    path.write_bytes(LINE * 1000)
    (group,) = plan([str(path)]).groups
    with path.open("ab") as file:
        file.write(LINE)
    changed = "changed while it was read: it had 9000 bytes when it was listed, and has "
    (portion,) = read(group, manifest=MANIFEST)
    assert (len(portion.events), problems([portion])) == (1000, [(9000, f"{changed}9009 now")])
    path.write_bytes(LINE * 10)
    (portion,) = read(group, manifest=MANIFEST)
    assert (len(portion.events), problems([portion])) == (10, [(90, f"{changed}90 now")])
    path.unlink()
    (portion,) = read(group, manifest=MANIFEST)
    assert problems([portion]) == [(0, "vanished while it was read: there is no such file")]


def test_a_file_that_shrinks_while_it_is_read_is_a_problem(folder):
    path = folder / "a.jsonl"
    path.write_bytes(LINE * 1_000_000)
    (group,) = plan([str(path)]).groups
    reader = read(group, manifest=MANIFEST)
    next(reader)
    path.write_bytes(LINE)
    rest = list(reader)
    assert problems(rest)[-1][1].endswith("it had 9000000 bytes when it was listed, and has 9 now")


def test_memory_does_not_grow_with_the_file(folder):
    path = folder / "a.jsonl"
    path.write_bytes(LINE * 1_000_000)
    (group,) = plan([str(path)]).groups
    tracemalloc.start()
    count = sum(len(portion.events) for portion in read(group, manifest=MANIFEST))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 1_000_000
    assert peak < 20_000_000
