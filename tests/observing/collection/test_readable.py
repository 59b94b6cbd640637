"""A collection is an archive: `weir replay` scores it to the same scores, and other readers find only whole files."""

import random
import signal
import subprocess
import sys
import time

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml

from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Position
from telemetry.collection import Collector
from tests.cli.configured import configuration
from tests.cli.running import ROOT, weir
from tests.models.graphs import payments, payments_manifest
from tests.observing.collection.making import KEY, facts_of, rows_below, settings, until
from tests.replay.reading import payment

BATCH = 64
EVENTS = 2000


@pytest.fixture
def place(tmp_path):
    """A folder with a configuration and a store."""
    (tmp_path / "weir.yaml").write_text(yaml.safe_dump(configuration(tmp_path)))
    return tmp_path


def scored(folder, name="payments", *, is_placed=False):
    """Facts of many batches, as a door tells them."""
    pipeline = load_pipeline(LocalStore(folder / "store"), parse_reference(f"{name}:1"))
    for start in range(0, EVENTS, BATCH):
        yield facts_of(
            pipeline,
            [
                Event(payment(number), position=Position("tx", 0, number) if is_placed else None)
                for number in range(start, min(start + BATCH, EVENTS))
            ],
        )


def collect(folder, facts, **more):
    collector = Collector(settings(folder / "collection", **more))
    outcomes = []
    for each in facts:
        collector.scored(each)
        outcomes += each.outcomes
    collector.close(30)
    assert collector.counts.dropped == 0
    return outcomes


def replayed(folder, *arguments):
    done = weir("replay", *arguments, "--to", "again.parquet", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return pq.read_table(folder / "again.parquet").to_pylist()


@pytest.mark.parametrize("share", [1, 0.2])
def test_a_replay_of_it_gives_the_same_predictions(place, share):
    outcomes = collect(place, scored(place), share=share, part_rows=500)
    again = {
        row["prediction_id"]: (row["event_id"], row["label"], row["score"]) for row in replayed(place, "collection")
    }
    live = {each.prediction_id: (each.event_id, each.label, each.score) for each in outcomes}
    assert len(again) == len(rows_below(place / "collection"))
    assert again.items() <= live.items()
    assert len(again) == EVENTS if share == 1 else 0 < len(again) < EVENTS


def test_of_a_stream_without_event_ids_too(place):
    """The ids are then made of the positions, which the collection has, and the stream's name, which is said."""
    LocalStore(place / "store").add(payments_manifest(name="nameless"), payments())
    outcomes = collect(place, scored(place, "nameless", is_placed=True))
    arguments = ("collection/nameless/1", "--model", "nameless:1", "--stream", "tx")
    again = {row["prediction_id"]: row["score"] for row in replayed(place, *arguments)}
    assert again == {each.prediction_id: each.score for each in outcomes}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"sensitive": ["country"], "hash_key": KEY}, "column country is binary; expected string"),
        ({"sensitive": ["id"], "hash_key": KEY}, "column id is binary; expected the events' ids"),
        ({"columns": ["amount", "id", "count"]}, "nor the features country"),
    ],
    ids=["hashed", "id", "left-out"],
)
def test_what_was_hashed_or_left_out_is_not_scored_as_if_it_were_the_value(place, chosen, words):
    collect(place, scored(place), **chosen)
    done = weir("replay", "collection", "--to", "again", cwd=place)
    told = " ".join((done.stdout + done.stderr).split())
    assert words in told


def test_other_readers_read_it_as_one_table(place):
    collect(place, scored(place), part_rows=500)
    table = ds.dataset(place / "collection", format="parquet").to_table()
    assert table.num_rows == EVENTS
    assert set(table["model"].to_pylist()) == {"payments:1"}


def test_a_kill_leaves_no_half_file(place):
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, '.')\n"
        "from tests.observing.collection.test_readable import scored, settings, Collector\n"
        "collector = Collector(settings(Path(sys.argv[1]) / 'collection', part_rows=64, flush_s=0.01))\n"
        "facts = list(scored(Path(sys.argv[1])))\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    for each in facts: collector.scored(each)\n"
    )
    chance = random.Random(6)
    for _ in range(4):
        command = [sys.executable, "-c", program, str(place)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            before = len(list((place / "collection").rglob("*.parquet")))
            until(lambda before=before: len(list((place / "collection").rglob("[!.]*.parquet"))) > before)
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
    found = rows_below(place / "collection")
    assert found
    assert ds.dataset(place / "collection", format="parquet").to_table().num_rows == len(found)
    done = weir("replay", "collection", "--to", "again", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problems │ 0" in " ".join(done.stdout.split())
