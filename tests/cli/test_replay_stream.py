"""`weir replay --to-stream`: to Apache Kafka, killed and gone on with."""

import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from scoring import Event, Position
from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.running import weir
from tests.replay.archives import write_parquet
from tests.replay.commanded import begun, furnish, killed, whole
from tests.replay.reading import payment
from tests.stream.kafka import read_back

MOST_TWICE = 5 * 2 * 4096  # kills, partitions, records in a portion


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return furnish(tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def undisturbed(place) -> Path:
    """The files of a run that nothing happens to."""
    whole(place, "jsonl")
    return place / "whole-jsonl"


@pytest.fixture
def topics(apache_kafka, place, tmp_path):
    """The sink and the dead letters of a configuration in a folder of the test's own."""
    settings = configuration(tmp_path, apache_kafka.bootstrap_servers, store=str(place / "store"))
    topics = {key: apache_kafka.create_topic(unique_topic(key), 2) for key in ("source", "sink", "dead_letters")}
    for key, topic in topics.items():
        settings["stream"][key]["topic"] = topic
    (tmp_path / "weir.yaml").write_text(yaml.safe_dump(settings))
    return topics


def test_killed_and_gone_on_with_it_loses_nothing_and_repeats_the_same(
    apache_kafka, place, tmp_path, undisturbed, topics
):
    arguments = [*(str(place / "archive" / f"{name}.jsonl") for name in "01"), "--to-stream", "--workers", "2"]
    chance = random.Random(1)
    for _ in range(5):
        with begun(tmp_path, *arguments) as process:
            assert killed(process, tmp_path / "replay.journal", chance), process.communicate()
    done = weir("replay", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"written to {topics['sink']}, with its journal in replay.journal" in done.stdout
    check_predictions(read_back(apache_kafka.bootstrap_servers, topics["sink"]), undisturbed)
    check_letters(read_back(apache_kafka.bootstrap_servers, topics["dead_letters"]), undisturbed)
    done = weir("replay", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "is there already: pass --overwrite to replace it" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_several_tables_of_one_partition_keep_its_order(workers, apache_kafka, tmp_path, topics):
    numbers = range(30_000)
    events = [Event(payment(n), b"card-%d" % (n % 3), (), Position("tx", 1, n), 1000 * n) for n in numbers]
    write_parquet(tmp_path / "archive" / "2.parquet", events[:-1000], row_group=10_000)
    write_parquet(tmp_path / "archive" / "10.parquet", events[-1000:])
    done = weir("replay", "archive", "--to-stream", "--workers", workers, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = read_back(apache_kafka.bootstrap_servers, topics["sink"])
    for key in range(3):
        mine = [number_of(message.value()) for message in found if message.key() == b"card-%d" % key]
        assert mine == [n for n in numbers if n % 3 == key]


def check_predictions(found, undisturbed):
    published = [message.value() for message in found]
    expected = rows(undisturbed, "predictions")
    assert set(published) == set(expected)
    assert len(published) - len(expected) <= MOST_TWICE
    assert {(message.key(), *message.headers()) for message in found} == {
        (None, ("weir-source", name)) for name in (b"0", b"1")
    }
    for start in (0, 100_000):  # the first appearances of each file's records are in its order
        mine = [value for value in dict.fromkeys(published) if start <= number_of(value) < start + 100_000]
        assert mine == [value for value in expected if start <= number_of(value) < start + 100_000]


def check_letters(found, undisturbed):
    """Each is there with all that belongs to it, and what came twice is the same in every byte."""
    published = Counter((message.key(), message.value(), *message.headers()) for message in found)
    expected = [letter_of(json.loads(row)) for row in rows(undisturbed, "dead_letters")]
    assert set(published) == set(expected)
    assert len(expected) == len(set(expected)) == 909
    assert published.total() - len(expected) <= MOST_TWICE
    events = {json.loads(value)["id"] for _, value, *_ in published}
    assert len(events) == len(expected)  # no event has two that differ


def letter_of(row):
    reasons = {f"weir-error-{name}": row[f"error_{name}"] for name in ("code", "reason", "field")}
    headers = reasons | {"weir-source": row["source"], "weir-model": row["model"]}
    return (row["key"], row["value"].encode(), *((name, text.encode()) for name, text in headers.items()))


def rows(folder: Path, kind: str) -> list[bytes]:
    return [row for path in sorted((folder / kind).glob("[01]*/*")) for row in path.read_bytes().splitlines()]


def number_of(prediction: bytes) -> int:
    found = re.search(rb'"event_id":"p(\d+)"', prediction)
    assert found is not None
    return int(found[1])
