"""Event Hubs Capture: partitions in order, each event once, from many files, some of them damaged."""

import io
import random
import tracemalloc
from contextlib import closing
from pathlib import Path

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import Event, FakeScorer, Pipeline, Position, Rejected
from stream_worker.replay.archive import plan, read
from stream_worker.replay.limits import Limits
from stream_worker.replay.merging import Merge
from stream_worker.replay.records import PORTION
from tests.replay.archives import avro_bytes, events_of, make_events, write_capture
from tests.scoring.makers import feature, manifest

GENUINE = Path(__file__).parent / "data" / "event-hubs-capture-2016.avro"
MANIFEST = manifest(feature("amount"))
EVENTS = make_events(400)
PATTERN = "{EventHub}-{PartitionId}-{Minute}"


def portions(path, **more):
    found = plan([str(path)], **more)
    assert found.problems == []
    return [portion for group in found.groups for portion in read(group, manifest=MANIFEST)]


def events(found):
    return [event for portion in found for event in portion.events]


def numbers(found):
    return [event.position.offset for event in events(found)]


def problems(found):
    return [
        (Path(problem.path).name, problem.offset, problem.words) for portion in found for problem in portion.problems
    ]


def write(folder, *files, **more):
    """Write files `s-0-<number>.avro` of events with these numbers."""
    for number, wanted in enumerate(files):
        chosen = [EVENTS[each] for each in wanted]
        (folder / f"s-0-{number}.avro").write_bytes(avro_bytes(chosen, **more))
    return plan([str(folder)], pattern=PATTERN).groups[0]


def test_the_genuine_file_is_read():
    (portion,) = portions(GENUINE, stream="sensors")
    assert portion.problems == []
    assert portion.events == [
        Event(
            b'{"field1": "value1", "field2": "value2"}', None, (), Position("sensors", 0, 0), 1479314651000
        )
    ]  # fmt: skip
    assert portion.bytes_read == 599


def test_the_genuine_event_is_one_rejection_that_says_what_is_missing():
    (portion,) = portions(GENUINE)
    pipeline = Pipeline(MANIFEST, FakeScorer(lambda columns: columns["amount"]))
    assert pipeline.score(portion.events) == [Rejected("missing_field", "amount is missing", "amount")]


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy"])
@pytest.mark.parametrize("overlap", [0, 7])
def test_a_partition_comes_in_order_and_each_event_once(tmp_path, codec, overlap):
    some = make_events(10_000, partitions=2)
    write_capture(tmp_path, some, codec=codec, per_file=333, overlap=overlap, empty_every=4)
    written = sum(len(list(fastavro.reader(io.BytesIO(path.read_bytes())))) for path in tmp_path.rglob("*.avro"))
    found = portions(tmp_path)
    assert [event for event in events(found) if event.position.partition == 0] == events_of(some, 0)
    assert [event for event in events(found) if event.position.partition == 1] == events_of(some, 1)
    assert [len(portion.events) for portion in found] == [PORTION, 5000 - PORTION] * 2
    assert sum(portion.duplicates for portion in found) == written - 10_000
    groups = plan([str(tmp_path)]).groups
    assert [found[1].bytes_read, found[3].bytes_read] == [group.size for group in groups]


numbers_of_a_file = st.sets(st.integers(0, 60), max_size=25).map(sorted)


@settings(max_examples=150, deadline=None)
@given(
    files=st.lists(numbers_of_a_file, min_size=1, max_size=7),
    block_bytes=st.sampled_from([1, 600, 16_000]),
    portion=st.integers(1, 30),
)
def test_files_are_merged_however_they_overlap(tmp_path_factory, files, block_bytes, portion):
    folder = tmp_path_factory.mktemp("files")
    group = write(folder, *files, block_bytes=block_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_worker.replay.capture.PORTION", portion)
        found = list(read(group, manifest=MANIFEST))
        every = [number for file in files for number in file]
        assert numbers(found) == sorted(set(every))
        assert sum(each.duplicates for each in found) == len(every) - len(set(every))
        assert all(len(each.events) == portion for each in found[:-1])
        assert problems(found) == []
        for place, each in enumerate(found):
            after = list(read(group, manifest=MANIFEST, cursor=each.cursor))
            assert after == found[place + 1 :]
        if found:
            assert found[-1].bytes_read == group.size


def test_hundreds_of_interleaved_files_are_merged(tmp_path):
    group = write(tmp_path, *(range(start, 400, 100) for start in range(100)))
    found = list(read(group, manifest=MANIFEST))
    assert (numbers(found), problems(found)) == (list(range(400)), [])


def test_hundreds_of_copies_are_one_and_few_of_them_stay_open(tmp_path):
    group = write(tmp_path, *[range(50)] * 100)
    files = Path("/proc/self/fd")
    before = len(list(files.iterdir()))
    with pytest.MonkeyPatch.context() as patch, closing(read(group, manifest=MANIFEST)) as coming:
        patch.setattr("stream_worker.replay.capture.PORTION", 20)
        first = next(coming)
        assert len(list(files.iterdir())) - before <= 64
        found = [first, *coming]
        assert list(read(group, manifest=MANIFEST, cursor=first.cursor)) == found[1:]
    assert (numbers(found), problems(found)) == (list(range(50)), [])
    assert sum(portion.duplicates for portion in found) == 99 * 50


def test_where_the_memory_is_full_the_order_is_broken_and_nothing_is_lost(tmp_path):
    group = write(tmp_path, *(range(start, 400, 60) for start in range(60)))
    found = list(read(group, manifest=MANIFEST, limits=Limits(max_block_bytes=60_000)))
    assert sorted(numbers(found)) == list(range(400))
    assert {words.partition(":")[0] for _, _, words in problems(found)} == {"out of order"}


@settings(max_examples=60, deadline=None)
@given(
    files=st.lists(numbers_of_a_file, min_size=2, max_size=9),
    block_bytes=st.sampled_from([1, 600, 16_000]),
    most=st.integers(500, 30_000),
)
def test_what_memory_allows_is_the_same_after_an_interruption(tmp_path_factory, files, block_bytes, most):
    group = write(tmp_path_factory.mktemp("files"), *files, block_bytes=block_bytes, codec="deflate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_worker.replay.capture.PORTION", 7)
        found = list(read(group, manifest=MANIFEST, limits=Limits(max_block_bytes=most)))
        for place, each in enumerate(found):
            after = list(read(group, manifest=MANIFEST, cursor=each.cursor, limits=Limits(max_block_bytes=most)))
            assert after == found[place + 1 :]


@pytest.mark.parametrize("small_first", [False, True])
def test_bombs_side_by_side_share_the_memory_of_one(tmp_path, small_first):
    """Each is within what one block may take; together they are not, be it at once or when their turn comes."""
    for number in range(8):
        large = Event(bytes(9_000_000), position=Position("s", 0, 100))
        some = [*[Event(b"{}", position=Position("s", 0, number))] * small_first, large]
        some.append(Event(b"{}", position=Position("s", 0, 200 + number)))
        (tmp_path / f"s-0-{number}.avro").write_bytes(avro_bytes(some, codec="deflate", block_bytes=1))
    del large, some
    (group,) = plan([str(tmp_path)], pattern=PATTERN).groups
    limits = Limits(max_block_bytes=10_000_000, max_event_bytes=100)
    tracemalloc.start()
    found = list(read(group, manifest=MANIFEST, limits=limits))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000
    assert {number for number in numbers(found) if number >= 200} == set(range(200, 208))


def test_a_block_without_room_beside_other_files_is_told(tmp_path):
    for number in range(2):
        places = [Position("s", 0, each) for each in (0, 10 + number, 20 + number)]
        some = [Event(value, position=at) for value, at in zip((b"{}", bytes(7_000_000), b"{}"), places, strict=True)]
        (tmp_path / f"s-0-{number}.avro").write_bytes(avro_bytes(some, codec="deflate", block_bytes=1))
    (group,) = plan([str(tmp_path)], pattern=PATTERN).groups
    found = list(read(group, manifest=MANIFEST, limits=Limits(max_block_bytes=10_000_000)))
    assert (numbers(found), sum(portion.duplicates for portion in found)) == ([0, 10, 20, 21], 1)
    ((name, _, words),) = problems(found)
    assert (name, words[:26]) == ("s-0-1.avro", "a block that grows beyond ")


def test_only_the_files_whose_turn_it_is_are_open(tmp_path, monkeypatch):
    group = write(tmp_path, *(range(start, start + 10) for start in range(0, 400, 10)))
    open_at_once = []
    take = Merge.take
    monkeypatch.setattr(Merge, "take", lambda self, *rest: open_at_once.append(len(self)) or take(self, *rest))
    assert numbers(read(group, manifest=MANIFEST)) == list(range(400))
    assert max(open_at_once) == 1


def test_numbers_out_of_order_in_a_file_are_told_and_read(tmp_path):
    group = write(tmp_path, [0, 1, 2, 300, 3, 4], [5, 6])
    found = list(read(group, manifest=MANIFEST))
    assert sorted(numbers(found)) == [0, 1, 2, 3, 4, 5, 6, 300]
    ((name, _, words),) = problems(found)
    assert (name, words) == (
        "s-0-0.avro", "out of order: sequence number 3 comes after 300; it was read all the same",
    )  # fmt: skip


def test_a_number_that_comes_again_with_another_body_is_a_problem_and_no_duplicate(tmp_path):
    other = [Event(b"{}", None, (), Position("s", 0, number)) for number in range(5, 8)]
    (tmp_path / "s-0-1.avro").write_bytes(avro_bytes([*EVENTS[:5], *other], block_bytes=1))
    group = write(tmp_path, range(10))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_worker.replay.capture.PORTION", 6)
        found = list(read(group, manifest=MANIFEST))
        assert list(read(group, manifest=MANIFEST, cursor=found[0].cursor)) == found[1:]
    assert [event.value for event in events(found)] == [event.value for event in EVENTS[:10]]
    assert sum(portion.duplicates for portion in found) == 5
    assert [(name, words) for name, _, words in problems(found)] == [
        (
            "s-0-1.avro",
            (
                f"sequence number {number} came before with another body: was the hub made anew? It was passed over; "
                "replay the files from before and from after one by one"
            ),
        )
        for number in range(5, 8)
    ]


def test_a_body_that_is_null_is_not_one_that_is_empty(tmp_path):
    for number, value in enumerate((None, b"", None)):
        (tmp_path / f"s-0-{number}.avro").write_bytes(avro_bytes([Event(value, None, (), Position("s", 0, 0))]))
    (portion,) = read(plan([str(tmp_path)], pattern=PATTERN).groups[0], manifest=MANIFEST)
    assert ([event.value for event in portion.events], portion.duplicates, len(portion.problems)) == ([None], 1, 1)


def test_empty_windows_are_nothing(tmp_path):
    group = write(tmp_path, [], [], [])
    assert list(read(group, manifest=MANIFEST)) == []


def spoil(path, change):
    text = bytearray(path.read_bytes())
    change(text)
    path.write_bytes(bytes(text))


def test_damaged_files_are_told_with_their_places_and_all_else_is_read(tmp_path):
    folder = tmp_path
    group = write(folder, range(100), range(100, 200), range(200, 300), range(300, 400), block_bytes=2000)
    texts = [(folder / f"s-0-{number}.avro").read_bytes() for number in range(2)]
    blocks = [[block.offset for block in fastavro.block_reader(io.BytesIO(text))] for text in texts]
    sizes = [[block.num_records for block in fastavro.block_reader(io.BytesIO(text))] for text in texts]
    spoil(
        folder / "s-0-0.avro", lambda text: text.__setitem__(slice(blocks[0][2] + 40, blocks[0][2] + 60), b"\xff" * 20)
    )
    spoil(folder / "s-0-1.avro", lambda text: text.__delitem__(slice(blocks[1][-1] + 30, None)))
    (folder / "s-0-2.avro").write_bytes(b"hello, world")
    group = plan([str(folder)], pattern=PATTERN).groups[0]
    found = list(read(group, manifest=MANIFEST))
    lost = {*range(sum(sizes[0][:2]), sum(sizes[0][:3])), *range(100 + sum(sizes[1][:-1]), 200), *range(200, 300)}
    told = problems(found)
    assert [(name, offset) for name, offset, _ in told] == [
        ("s-0-2.avro", 0), ("s-0-0.avro", blocks[0][2]), ("s-0-1.avro", blocks[1][-1]),
    ]  # fmt: skip
    assert told[0][2] == "not an Avro file: expected it to begin with b'Obj\\x01'"
    assert told[1][2].startswith("a block with a record that cannot be decoded")
    assert told[2][2].startswith("the file ends inside a block")
    assert numbers(found) == [number for number in range(400) if number not in lost]


@settings(max_examples=80, deadline=None)
@given(
    flips=st.lists(st.integers(0, 10**7), min_size=1, max_size=4), codec=st.sampled_from(["null", "deflate", "snappy"])
)
def test_flipped_bits_never_stop_a_replay(tmp_path_factory, flips, codec):
    folder = tmp_path_factory.mktemp("flipped")
    write(folder, range(50), range(40, 120), range(120, 150), codec=codec, block_bytes=1500)
    for flip in flips:
        path = folder / f"s-0-{flip % 2}.avro"
        spoil(
            path,
            lambda text, flip=flip: text.__setitem__(
                flip // 16 % len(text), text[flip // 16 % len(text)] ^ 1 << flip % 8
            ),
        )
    group = plan([str(folder)], pattern=PATTERN).groups[0]
    found = list(read(group, manifest=MANIFEST))
    assert set(numbers(found)) >= set(range(120, 150))
    assert problems(found) or set(numbers(found)) == set(range(150)) or codec == "null"
    for place, each in enumerate(found):
        assert list(read(group, manifest=MANIFEST, cursor=each.cursor)) == found[place + 1 :]


def test_another_schema_and_another_codec_are_told(tmp_path):
    schema = {"type": "record", "name": "Sale", "fields": [{"name": "amount", "type": "double"}]}
    with (tmp_path / "s-0-0.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"amount": 1.0}])
    (tmp_path / "s-0-1.avro").write_bytes(avro_bytes(EVENTS[:3], codec="bzip2"))
    (tmp_path / "s-0-2.avro").write_bytes(avro_bytes(EVENTS[:3]))
    (portion,) = portions(tmp_path, pattern=PATTERN)
    assert problems([portion]) == [
        ("s-0-0.avro", 0, "not a Capture file: its records have no field SequenceNumber (they have amount)"),
        ("s-0-1.avro", 0, "its blocks are compressed by bzip2; expected null, deflate, snappy"),
    ]
    assert numbers([portion]) == [0, 1, 2]


def test_a_bomb_is_told_and_its_neighbours_are_read(tmp_path):
    bomb = Event(bytes(50_000_000), position=Position("s", 0, 1))
    some = [EVENTS[0], bomb, EVENTS[2]]
    (tmp_path / "s-0-0.avro").write_bytes(avro_bytes(some, codec="deflate", block_bytes=1))
    del bomb, some
    (group,) = plan([str(tmp_path)], pattern=PATTERN).groups
    tracemalloc.start()
    found = list(read(group, manifest=MANIFEST, limits=Limits(max_block_bytes=1_000_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert numbers(found) == [0, 2]
    assert [words for _, _, words in problems(found)] == ["a block that grows beyond 1000000 bytes when decompressed"]
    assert peak < 10_000_000


def test_files_that_change_or_vanish_are_told_and_the_rest_is_read(tmp_path):
    group = write(tmp_path, range(10), range(10, 20), range(20, 30))
    (tmp_path / "s-0-0.avro").unlink()
    (tmp_path / "s-0-1.avro").write_bytes(avro_bytes(EVENTS[10:21]))
    found = list(read(group, manifest=MANIFEST))
    assert numbers(found) == list(range(10, 30))
    told = problems(found)
    assert told[0] == ("s-0-0.avro", 0, "vanished while it was read: there is no such file")
    assert told[1][0] == "s-0-1.avro"
    assert told[1][2].startswith("changed while it was read: it had ")
    assert len(told) == 2


def test_reading_goes_on_after_a_file_has_vanished(tmp_path):
    group = write(tmp_path, *(range(start, start + 100) for start in range(0, 400, 100)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_worker.replay.capture.PORTION", 150)
        found = list(read(group, manifest=MANIFEST))
        (tmp_path / "s-0-0.avro").unlink()
        assert list(read(group, manifest=MANIFEST, cursor=found[0].cursor)) == found[1:]
        (tmp_path / "s-0-3.avro").unlink()
        after = list(read(group, manifest=MANIFEST, cursor=found[0].cursor))
    assert numbers(after) == list(range(150, 300))
    assert {name for name, _, _ in problems(after)} == {"s-0-3.avro"}


def test_memory_does_not_grow_with_the_number_or_the_size_of_the_files(tmp_path):
    some = make_events(15_000)
    write_capture(tmp_path, some, per_file=300)
    (group,) = plan([str(tmp_path)]).groups
    del some
    tracemalloc.start()
    count = sum(len(portion.events) for portion in read(group, manifest=MANIFEST))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 15_000
    assert peak < 10_000_000


def test_shuffled_files_come_in_order(tmp_path):
    starts = list(range(0, 400, 20))
    random.Random(5).shuffle(starts)
    group = write(tmp_path, *(range(start, start + 20) for start in starts))
    assert numbers(read(group, manifest=MANIFEST)) == list(range(400))
