import threading
import time

import pytest

from telemetry.collection.layout import layout_of
from telemetry.collection.rows import Kept
from telemetry.collection.waiting import Counts, Waiting
from tests.observing.collection.making import card_manifest, settings

MODEL = card_manifest()
LAYOUT = layout_of(MODEL, settings())


def kept(rows, size=1):
    return Kept(
        manifest=MODEL, layout=LAYOUT, time=0, rows=rows, packed=b"", has_positions=False,
        hides_ids=False, size=size,
    )  # fmt: skip


@pytest.fixture
def waiting():
    return Waiting(rows=10, enough=5, most_bytes=100)


def add(waiting, rows, size=1):
    room = waiting.let_in(rows)
    if room:
        waiting.put(kept(room, size))
    return room


def test_rows_are_held_until_they_are_written(waiting):
    assert (add(waiting, 4), add(waiting, 4), add(waiting, 4)) == (4, 4, 2)
    assert waiting.counts == Counts(collected=0, dropped=2, parts=0, waiting=10)
    taken, is_last = waiting.take(0)
    assert ([each.rows for each in taken], is_last) == ([4, 4, 2], False)
    assert add(waiting, 1) == 0
    waiting.written(8, 2)
    waiting.failed(2, 1)
    assert waiting.counts == Counts(collected=8, dropped=5, parts=1, waiting=0)
    assert add(waiting, 10) == 10


def test_bytes_are_bounded_too(waiting):
    add(waiting, 2, size=60)
    add(waiting, 3, size=41)
    assert waiting.counts == Counts(collected=0, dropped=3, parts=0, waiting=2)
    add(waiting, 3, size=40)
    assert waiting.counts.waiting == 5


@pytest.mark.parametrize(("rows", "size"), [(5, 1), (1, 50)])
def test_enough_rows_or_bytes_are_handed_out_at_once(waiting, rows, size):
    add(waiting, 1, size=0)
    assert waiting.take(0.01) != ([], False)
    add(waiting, rows, size)
    start = time.monotonic()
    assert waiting.take(60)[0]
    assert time.monotonic() - start < 10


def test_nothing_waits(waiting):
    assert waiting.take(0.01) == ([], False)


def test_what_was_let_in_and_could_not_be_copied(waiting):
    waiting.give_back(waiting.let_in(7))
    assert waiting.counts == Counts(collected=0, dropped=7, parts=0, waiting=0)


def test_the_end_wakes_whoever_takes_and_whoever_pauses(waiting):
    add(waiting, 1)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(waiting.take(60))),
        threading.Thread(target=lambda: found.append(waiting.wait_for_close(60))),
    ]
    for thread in threads:
        thread.start()
    waiting.close()
    for thread in threads:
        thread.join(10)
    assert len(found) == 2
    assert any(each is not None and len(each[0]) == 1 and each[1] for each in found)


def test_nothing_is_let_in_after_the_end(waiting):
    room = waiting.let_in(3)
    waiting.close()
    waiting.put(kept(room))
    assert add(waiting, 2) == 0
    assert waiting.counts == Counts(collected=0, dropped=5, parts=0, waiting=0)


def test_what_is_given_up_is_dropped_once(waiting):
    add(waiting, 4)
    waiting.take(0)
    add(waiting, 3)
    late = waiting.let_in(1)
    waiting.close()
    assert waiting.give_up() == 8
    assert waiting.is_over
    waiting.written(4, 1)
    waiting.failed(3, 1)
    waiting.put(kept(late))
    assert waiting.give_up() == 0
    assert waiting.counts == Counts(collected=0, dropped=8, parts=0, waiting=0)
