import gc
import mmap
import subprocess
import sys
import threading
import time
import tracemalloc

import pytest
from azure.storage.blob import ContainerClient

from scoring.errors import ConfigurationError
from telemetry.collection import Collector, Counts
from telemetry.collection.fakes import FakeStorage
from telemetry.collection.waiting import MAX_BYTES
from tests.cli.running import ROOT
from tests.observing.collection.making import (
    HOUR_NS,
    NOON_NS,
    card_manifest,
    facts_of,
    payment,
    pipeline_of,
    placed,
    read,
    rows_below,
    settings,
    until,
)
from tests.observing.collection.test_blobs import account_at
from tests.scoring.makers import event, feature, manifest

PIPELINE = pipeline_of(card_manifest())


def batch(start=0, count=100, **more):
    return facts_of(PIPELINE, [event(**payment(number, **more)) for number in range(start, start + count)])


@pytest.fixture
def storage():
    storage = FakeStorage()
    yield storage
    storage.go_on()


@pytest.fixture
def collect(storage):
    """Start a collector that writes to the fake; it is closed in the end."""
    started = []

    def start(**more):
        clock = {name: more.pop(name) for name in ("clock",) if name in more}
        started.append(Collector(settings(**({"part_rows": 100, "queue_rows": 1000} | more)), storage=storage, **clock))
        return started[-1]

    yield start
    storage.go_on()
    for collector in started:
        collector.close(10)


def test_what_is_scored_is_in_the_files(tmp_path):
    collector = Collector(settings(tmp_path / "out"))
    for start in range(0, 300, 100):
        collector.scored(batch(start))
    assert not (tmp_path / "out").exists()
    collector.close(10)
    assert collector.counts == Counts(collected=300, dropped=0, parts=1, waiting=0)
    rows = rows_below(tmp_path / "out" / "model" / "1")
    assert [row["id"] for row in rows] == [f"tx-{number}" for number in range(300)]
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".parquet"] == []


def test_only_a_share_is(collect, storage):
    collector = collect(share=0.1)
    collector.scored(batch(count=1000))
    collector.close(10)
    assert 60 < collector.counts.collected < 140
    assert sum(read(content).num_rows for content in storage.files.values()) == collector.counts.collected


def test_of_a_batch_without_a_chosen_row_nothing_is_kept(collect, storage):
    collector = collect(share=1e-12)
    collector.scored(batch())
    collector.scored(facts_of(PIPELINE, [event(amount="no number")]))
    collector.scored(facts_of(PIPELINE, []))
    collector.close(10)
    assert collector.counts == Counts(0, 0, 0, 0)
    assert storage.files == {}


def test_each_hour_has_its_folder(collect, storage):
    now = [NOON_NS - 1]
    collector = collect(clock=lambda: now[0])
    for moment in (NOON_NS - 1, NOON_NS, NOON_NS + HOUR_NS):
        now[0] = moment
        collector.scored(batch(count=10))
    collector.close(10)
    assert [name.rpartition("/")[0] for name in storage.files] == [
        f"model/1/2025/11/20/{hour}" for hour in (11, 12, 13)
    ]
    assert str(read(next(iter(storage.files.values())))["time"][0]) == "2025-11-20 11:59:59.999999+00:00"


def test_rows_are_written_after_a_while_without_more(collect):
    collector = collect(flush_s=0.05)
    collector.scored(batch(count=3))
    until(lambda: collector.counts == Counts(collected=3, dropped=0, parts=1, waiting=0))


def test_with_and_without_positions_are_files_of_their_own(collect, storage):
    collector = collect()
    events = [event(**payment(number)) for number in range(20)]
    collector.scored(facts_of(PIPELINE, placed(events)))
    collector.scored(facts_of(PIPELINE, events))
    collector.close(10)
    assert ["offset" in read(content).schema.names for content in storage.files.values()] == [True, False]


def test_two_threads_at_once(collect, storage):
    collector = collect(queue_rows=100_000, part_rows=500)
    batches = [[batch(1000 * each + 100 * part) for part in range(10)] for each in range(2)]

    def score(mine):
        for facts in mine * 5:
            collector.scored(facts)

    threads = [threading.Thread(target=score, args=[mine]) for mine in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    collector.close(10)
    assert (collector.counts.collected, collector.counts.dropped) == (10_000, 0)
    ids = [row["id"] for content in storage.files.values() for row in read(content).to_pylist()]
    assert sorted(ids) == sorted([f"tx-{number}" for number in range(2000)] * 5)


class TestStorageThatHangs:
    def test_scoring_goes_on_in_bounds(self, collect, storage):
        collector = collect()
        storage.hang()
        facts = batch(count=150)
        slowest = 0.0
        for _ in range(50):
            start = time.perf_counter()
            collector.scored(facts)
            slowest = max(slowest, time.perf_counter() - start)
        assert slowest < 5
        assert collector.counts == Counts(collected=0, dropped=6500, parts=0, waiting=1000)
        storage.go_on()
        until(lambda: not collector.counts.waiting)
        collector.scored(facts)
        collector.close(10)
        assert collector.counts.collected == 1150
        assert sum(read(content).num_rows for content in storage.files.values()) == 1150

    def test_memory_is_bounded(self, collect, storage):
        collector = collect(queue_rows=1_000_000, part_rows=1_000_000)
        pipeline = pipeline_of(manifest(feature("x"), feature("about", "text", max_length=10_000)))
        storage.hang()
        tracemalloc.start()
        try:
            for _ in range(200):
                collector.scored(facts_of(pipeline, [event(x=1, about="x" * 10_000)] * 100))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        apart = sum(len(found) for found in gc.get_objects() if isinstance(found, mmap.mmap))
        assert apart > MAX_BYTES / 2
        assert held + apart < 1.5 * MAX_BYTES  # of 200 MB
        assert collector.counts.dropped > 10_000
        assert sum(collector.counts) == 20_000

    def test_closing_gives_up_in_time(self, collect, storage, caplog):
        collector = collect()
        storage.hang()
        collector.scored(batch())
        start = time.monotonic()
        collector.close(0.2)
        assert 0.2 <= time.monotonic() - start < 5
        assert collector.counts == Counts(collected=0, dropped=100, parts=0, waiting=0)
        assert caplog.messages == ["the collection gave up 100 rows: they were not written within 0.2 s"]
        collector.scored(batch())
        collector.close(0)
        assert collector.counts.dropped == 200
        assert len(caplog.messages) == 1

    def test_a_server_that_never_answers(self, silent_server, caplog):
        account = account_at(silent_server, key="U0VDUkVU")
        collector = Collector(settings("abfs://container/x", connection_string=account, part_rows=1))
        slowest = 0.0
        for _ in range(20):
            start = time.perf_counter()
            collector.scored(batch())
            slowest = max(slowest, time.perf_counter() - start)
        start = time.monotonic()
        collector.close(0.5)
        assert time.monotonic() - start < 5
        assert slowest < 5
        assert collector.counts == Counts(collected=0, dropped=2000, parts=0, waiting=0)
        assert "U0VDUkVU" not in caplog.text


@pytest.fixture
def silent_server():
    """The port of a server that accepts connections and says nothing, until the test is over."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept():
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for connection in held:
            connection.close()
    # what hung is told so now, and ends
    until(lambda: not any(thread.name == "weir-collection" for thread in threading.enumerate()))


def test_a_file_where_the_folder_should_be(tmp_path, caplog):
    (tmp_path / "out").write_text("in the way")
    collector = Collector(settings(tmp_path / "out"))
    collector.scored(batch())
    collector.close(20)
    assert collector.counts == Counts(collected=0, dropped=100, parts=0, waiting=0)
    assert caplog.messages == [f"the collection dropped 100 rows: cannot write to {tmp_path / 'out'}: not a directory"]


def test_blobs_appear(azurite):
    container = azurite.create_container()
    to = f"abfs://{container}/collected"
    collector = Collector(settings(to, connection_string=azurite.connection_string))
    collector.scored(batch())
    collector.close(20)
    assert collector.counts == Counts(collected=100, dropped=0, parts=1, waiting=0)
    with ContainerClient.from_connection_string(azurite.connection_string, container) as client:
        (name,) = client.list_blob_names()
        assert name.startswith("collected/model/1/")
        assert read(client.download_blob(name).readall()).num_rows == 100


@pytest.mark.timeout(120)
def test_blob_storage_that_stops_answering_and_comes_back(azurite):
    container = azurite.create_container()
    collector = Collector(
        settings(f"abfs://{container}", connection_string=azurite.connection_string, part_rows=1, queue_rows=500)
    )
    collector.scored(batch(0))
    until(lambda: collector.counts.parts == 1)
    azurite.stop_answering()
    try:
        for start in range(100, 1100, 100):
            collector.scored(batch(start))
        assert collector.counts == Counts(collected=100, dropped=500, parts=1, waiting=500)
    finally:
        azurite.resume()
    collector.close(60)
    assert collector.counts.collected == 600


def test_a_collection_that_fails_does_not_fail_scoring(collect, storage):
    collector = collect()
    facts = batch()
    object.__setattr__(facts, "columns", {})
    collector.scored(facts)
    assert collector.counts == Counts(collected=0, dropped=100, parts=0, waiting=0)


def test_models_come_and_go(collect, storage):
    collector = collect(queue_rows=10_000)
    for version in range(1, 200):
        model = manifest(feature("x"), version=version)
        collector.scored(facts_of(pipeline_of(model), [event(x=version)]))
    collector.close(10)
    assert len(storage.files) == collector.counts.parts
    assert collector.counts.collected == 199
    assert len(collector._layouts) <= 64


def test_without_pyarrow_there_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "telemetry.collection.parquet", None)
    with pytest.raises(ConfigurationError) as caught:
        Collector(settings())
    assert str(caught.value) == "telemetry.collection needs pyarrow: install requirements/replay.txt"


def test_who_does_not_collect_loads_nothing_for_it():
    program = (
        "import sys, telemetry.collection, telemetry.collection.settings, telemetry.collection.storage\n"
        "print([name for name in ('pyarrow', 'azure', 'pandas', 'fsspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_its_thread_does_not_keep_the_process(tmp_path):
    program = f"from telemetry.collection import *; Collector(CollectionSettings(to={str(tmp_path)!r})); print('over')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("over\n", "")
