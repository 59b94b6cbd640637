"""One hundred thousand events through every door, in batches of several sizes: one digest of all predictions."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import uvloop
import yaml

from examples.fraud.events import events
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Position, encode
from stream_worker import StreamSettings
from telemetry import Counters
from tests.brokers import unique_topic
from tests.cli.running import weir
from tests.http.doors import door, post
from tests.replay.archives import write_capture, write_feature_parquet, write_jsonl, write_parquet
from tests.stream.kafka import read_back, send
from weir.worker import build_worker

pytestmark = pytest.mark.timeout(280)

EVENTS = 100_000
PARTITIONS = 4


def digest(predictions: Iterable[bytes]) -> str:
    """Return the SHA-256 over predictions sorted by their ids, with which each begins."""
    return hashlib.sha256(b"\n".join(sorted(predictions))).hexdigest()


@pytest.fixture(scope="module")
def archived() -> list[Event]:
    """Well-formed events, where a topic of four partitions would have them."""
    offsets = [0] * PARTITIONS
    found = []
    for event in events(EVENTS, malformed=0):
        partition = sum(event.key) % PARTITIONS
        at = Position("transactions", partition, offsets[partition])
        found.append(Event(event.value, event.key, (), at, 1_700_000_000_000 + len(found)))
        offsets[partition] += 1
    return found


@pytest.fixture(scope="module")
def live(archived, apache_kafka, fraud_store: Path) -> str:
    """The digest of what a worker published on Apache Kafka."""
    names = [apache_kafka.create_topic(unique_topic(each), PARTITIONS) for each in ("tx", "out", "dead")]
    for partition in range(PARTITIONS):
        mine = [event for event in archived if event.position.partition == partition]
        send(apache_kafka.bootstrap_servers, names[0], mine, partition)
    published = uvloop.run(stream(names, apache_kafka.bootstrap_servers, fraud_store))
    assert len(published) == EVENTS
    return digest(published)


async def stream(names: Sequence[str], servers: str, store: Path) -> list[bytes]:
    kafka = {"kind": "kafka", "bootstrap_servers": servers}
    settings = StreamSettings.model_validate(
        {
            "source": {**kafka, "topic": names[0], "group": unique_topic("group")},
            "sink": {**kafka, "topic": names[1]},
            "dead_letters": {**kafka, "topic": names[2]},
            "batch": {"max_events": 1000},
            "health": None,
        }
    )
    counters, stop = Counters(), asyncio.Event()
    pipeline = load_pipeline(LocalStore(store), parse_reference("fraud@champion"))
    running = asyncio.create_task(build_worker(pipeline, settings, counters).run(stop))
    async with asyncio.timeout(120):
        while counters.events < EVENTS:
            await asyncio.sleep(0.05)
        stop.set()
        await running
    return await asyncio.to_thread(lambda: [message.value() for message in read_back(servers, names[1])])


@pytest.mark.parametrize("size", [1, 500])
async def test_posted_over_http(archived, live, fraud_store: Path, size: int) -> None:
    # one by one a tenth of them is enough to see; the others come in the larger batches
    asked = archived[: EVENTS // 10] if size == 1 else archived
    published = []
    async with door(fraud_store) as handler:
        for start in range(0, len(asked), size):
            bodies = [event.value for event in asked[start : start + size]]
            body = bodies[0] if size == 1 else b"[" + b",".join(bodies) + b"]"
            response = await post(handler, "/models/fraud@champion/predictions", body)
            published += response.body[1:-1].replace(b'},{"prediction_id"', b'}\n{"prediction_id"').split(b"\n")
    if size == 1:
        pipeline = load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))
        assert digest(published) == digest(encode(pipeline.score(asked)))
    else:
        assert digest(published) == live


@pytest.fixture(scope="module")
def archives(archived, fraud_store: Path, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    for partition in range(PARTITIONS):
        mine = [event for event in archived if event.position.partition == partition]
        write_capture(folder / "capture", mine, per_file=5000, codec="deflate", overlap=100)
    write_jsonl(folder / "events.jsonl", archived)
    write_parquet(folder / "events.parquet", archived, row_group=10_000)
    write_feature_parquet(folder / "features.parquet", archived, row_group=10_000)
    return {
        "store": fraud_store,
        "capture": folder / "capture",
        "jsonl": folder / "events.jsonl",
        "parquet": folder / "events.parquet",
        "columns": folder / "features.parquet",
    }


@pytest.mark.parametrize("how", [["--workers", "1"], ["--workers", "2"]], ids=["one", "two"])
@pytest.mark.parametrize("kind", ["capture", "jsonl", "parquet", "columns"])
def test_replayed(archives, live, tmp_path: Path, kind: str, how: list[str]) -> None:
    assert replayed(archives[kind], archives["store"], tmp_path, *how) == live


def test_replayed_on_two_executors_of_a_spark_cluster(archives, live, fraud_store: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    how = ["--engine", "spark", "--master", "local-cluster[2,1,1024]"]
    assert replayed(archives["capture"], fraud_store, tmp_path, *how) == live


def replayed(archive: Path, store: Path, folder: Path, *how: str) -> str:
    deployments = [{"name": "blue", "model": "fraud@champion"}]
    (folder / "weir.yaml").write_text(yaml.safe_dump({"store": str(store), "deployments": deployments}))
    done = weir("replay", archive, "--to", "out", *how, cwd=folder, SPARK_LOCAL_IP="127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "out" / "summary.json").read_text())["predictions"] == EVENTS
    tables = [
        pq.read_table(path, columns=["prediction"]) for path in (folder / "out" / "predictions").rglob("*.parquet")
    ]
    return digest(value.encode() for table in tables for value in table.column("prediction").to_pylist())
