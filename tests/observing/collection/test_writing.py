import re
from contextlib import contextmanager

import pytest

from telemetry.collection.fakes import FakeStorage
from telemetry.collection.layout import layout_of
from telemetry.collection.rows import Kept
from telemetry.collection.waiting import Counts, Waiting
from telemetry.collection.writing import Writer, parts_of
from tests.observing.collection.making import card_manifest, settings, until

HOUR_US = 3_600_000_000
NOON_US = 1_763_640_000_000_000
MODEL, NEXT = card_manifest(), card_manifest(version=2)


def kept(rows=1, *, model=MODEL, time=NOON_US, hides_ids=False, has_positions=False, size=1):
    return Kept(
        manifest=model, layout=layout_of(model, settings()), time=time, rows=rows, packed=b"",
        has_positions=has_positions, hides_ids=hides_ids, size=size,
    )  # fmt: skip


def shown(parts):
    return [[batch.rows for batch in part] for part in parts]


def test_a_part_ends_with_the_batch_that_fills_it():
    assert shown(parts_of([kept(rows) for rows in (1, 2, 3, 9, 1)], 5)) == [[1, 2, 3], [9], [1]]
    assert shown(parts_of([kept(size=20 * 2**20)] * 3, 5)) == [[1, 1], [1]]
    assert shown(parts_of([], 5)) == []


@pytest.mark.parametrize(
    "other", [{"model": NEXT}, {"time": NOON_US + HOUR_US}, {"hides_ids": True}, {"has_positions": True}]
)
def test_what_differs_is_kept_apart(other):
    assert shown(parts_of([kept(1), kept(2, **other), kept(3), kept(4, **other)], 50)) == [[1, 3], [2, 4]]


@contextmanager
def writing(storage, encode=lambda part: memoryview(b"%d" % len(part)), **more):
    """Yield a queue that is written from, and see to it that the thread ends."""
    waiting = Waiting(rows=1000, enough=1)
    fields = {"to": "there", "flush_s": 60, "part_rows": 100, "pauses_s": (0.001, 0.001)}
    writer = Writer(waiting, storage, encode, **(fields | more))
    yield lambda batch: waiting.let_in(batch.rows) and waiting.put(batch), waiting
    waiting.close()
    assert writer.join(10)


def test_files_are_named_by_model_and_hour():
    storage = FakeStorage()
    with writing(storage) as (add, waiting):
        for batch in (kept(), kept(2, model=NEXT), kept(3, time=NOON_US + HOUR_US - 1), kept(4, time=NOON_US - 1)):
            add(batch)
            until(lambda: not waiting.counts.waiting)
    names = [re.fullmatch(r"(.*/)([0-9a-f]{16})-(\d{6})\.parquet", name) for name in storage.files]
    assert [name and (name[1], name[3]) for name in names] == [
        ("model/1/2025/11/20/12/", "000001"),
        ("model/2/2025/11/20/12/", "000002"),
        ("model/1/2025/11/20/12/", "000003"),
        ("model/1/2025/11/20/11/", "000004"),
    ]
    assert len({name and name[2] for name in names}) == 1
    assert waiting.counts == Counts(collected=10, dropped=0, parts=4, waiting=0)
    assert storage.is_closed


def test_a_failure_that_passes_costs_nothing():
    storage = FakeStorage()
    storage.failing = "not now"
    with writing(storage, pauses_s=(0.05, 5)) as (add, waiting):
        add(kept(7))
        until(lambda: storage.attempts == 2)
        storage.failing = ""
        # the third attempt waits for five seconds, or for the end
    assert waiting.counts == Counts(collected=7, dropped=0, parts=1, waiting=0)
    assert storage.attempts == 3


def test_a_failure_that_stays_is_told_once_a_while(caplog):
    storage = FakeStorage()
    storage.failing = "the disk is full"
    with writing(storage) as (add, waiting):
        for rows in (1, 2, 3):
            add(kept(rows))
            until(lambda: not waiting.counts.waiting)
        assert caplog.messages == ["the collection dropped 1 rows: cannot write to there: the disk is full"]
        storage.failing = ""
        add(kept(4))
    assert caplog.messages[1:] == ["the collection dropped 5 rows: cannot write to there: the disk is full"]
    assert waiting.counts == Counts(collected=4, dropped=6, parts=1, waiting=0)
    assert storage.attempts == 10


def test_rows_that_cannot_be_encoded_do_not_stop_the_next(caplog):
    def encode(part):
        if part[0].rows == 2:
            raise ValueError("4111111111111111 is not a country")
        return memoryview(b"")

    storage = FakeStorage()
    with writing(storage, encode) as (add, waiting):
        for rows in (1, 2, 3):
            add(kept(rows))
            until(lambda: not waiting.counts.waiting)
    assert waiting.counts == Counts(collected=4, dropped=2, parts=2, waiting=0)
    assert caplog.messages == ["the collection dropped 2 rows: rows cannot be written as Parquet (ValueError)"]


def test_a_storage_that_raises_something_else_is_a_failure_too(caplog):
    class Broken(FakeStorage):
        def put(self, name, content):
            raise KeyError("AccountKey=SECRET")

    with writing(Broken()) as (add, waiting):
        add(kept(2))
        until(lambda: not waiting.counts.waiting)
    assert waiting.counts.dropped == 2
    assert caplog.messages == ["the collection dropped 2 rows: cannot write to there (KeyError)"]


def test_what_did_not_fit_is_told_too(caplog):
    storage = FakeStorage()
    with writing(storage, flush_s=0.01) as (_, waiting):
        assert waiting.let_in(1100) == 1000
        until(lambda: bool(caplog.messages))
        assert caplog.messages == ["the collection dropped 100 rows: more are chosen than can be written"]
        waiting.give_back(1000)


@pytest.mark.parametrize("failing", ["", "the disk is full"])
def test_after_giving_up_nothing_more_is_tried(failing):
    storage = FakeStorage()
    storage.failing = failing
    storage.hang()
    with writing(storage) as (add, waiting):
        add(kept(1))
        until(lambda: storage.attempts == 1)
        add(kept(2))
        waiting.close()
        assert waiting.give_up() == 3
        storage.go_on()
    assert storage.attempts == 1
    assert waiting.counts == Counts(collected=0, dropped=3, parts=0, waiting=0)
