"""`weir replay --then-follow`: from an archive to the live stream without a gap or a duplicate."""

import json
import re
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from models import LocalStore
from scoring import Event, Position
from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.models.graphs import payments, payments_manifest
from tests.replay.archives import write_capture, write_feature_parquet, write_parquet
from tests.replay.commanded import BOUND_S, begun, in_process
from tests.replay.reading import payment
from tests.stream.kafka import committed, read_back, send
from weir.replay import follow

ARCHIVED, LIVE, LATER = 3000, 500, 200
ANSWERED = re.compile(rb'"event_id":"p(\d+)"')


def events(stream: str, numbers: range) -> list[Event]:
    """Payments in turn over two partitions, one in fifty without an amount."""
    return [
        Event(
            payment(number) if number % 50 else b'{"id": "p%d"}' % number,
            b"card-%d" % (number % 7),
            (),
            Position(stream, number % 2, number // 2),
            1_700_000_000_000 + number,
        )
        for number in numbers
    ]


class Stage:
    """A topic with events, of which an archive has the first, and where the answers go."""

    def __init__(self, kafka, folder: Path) -> None:
        self.folder = folder
        self.servers = kafka.bootstrap_servers
        self.topics = {
            key: kafka.create_topic(unique_topic(key), 2) for key in ("transactions", "predictions", "letters")
        }
        self.stream = self.topics["transactions"]
        self.settings = configuration(folder, self.servers)
        for key, topic in (("source", "transactions"), ("sink", "predictions"), ("dead_letters", "letters")):
            self.settings["stream"][key]["topic"] = self.topics[topic]
        self.group = self.settings["stream"]["source"]["group"]
        (folder / "weir.yaml").write_text(yaml.safe_dump(self.settings))
        self.sent = 0

    def append(self, count: int) -> None:
        """Go on with the live topic."""
        added = events(self.stream, range(self.sent, self.sent + count))
        for partition in range(2):
            mine = [event for event in added if event.position.partition == partition]
            send(self.servers, self.stream, mine, partition)
        self.sent += count

    def following(self, *more: str):
        """Start the command."""
        return begun(self.folder, "archive", "--to-stream", "--then-follow", *more)

    def stands_at_the_end(self) -> bool:
        stands = committed(self.servers, self.group, self.stream, 2)
        return stands == {0: (self.sent + 1) // 2, 1: self.sent // 2}

    def stopped(self, process) -> str:
        """Stop a command that has come to the end of the topic, and return what it printed."""
        deadline = time.monotonic() + BOUND_S
        while not self.stands_at_the_end():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, committed(self.servers, self.group, self.stream, 2)
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        printed, told = process.communicate(timeout=BOUND_S)
        assert process.returncode == 0, told
        return printed

    def check(self) -> None:
        """See that each event has one answer, and that each partition's are in order."""
        found = {kind: read_back(self.servers, self.topics[kind]) for kind in ("predictions", "letters")}
        for partition in range(2):
            mine = [number for number in range(self.sent) if number % 2 == partition]
            predicted, refused = ([at for at in found[kind] if at.partition() == partition] for kind in found)
            assert [int(ANSWERED.search(at.value())[1]) for at in predicted] == [n for n in mine if n % 50]
            assert [int(json.loads(at.value())["id"][1:]) for at in refused] == [n for n in mine if not n % 50]
            assert [at.key() for at in predicted] == [b"card-%d" % (n % 7) for n in mine if n % 50]
            sources = [dict(at.headers())["weir-source"].decode() for at in predicted]
            assert sources == [f"{self.stream}/{partition}/{n // 2}" for n in mine if n % 50]


@pytest.fixture
def stage(apache_kafka, tmp_path):
    return Stage(apache_kafka, tmp_path)


@pytest.fixture
def here(stage, monkeypatch, capsys):
    return in_process(stage.folder, monkeypatch, capsys)


@pytest.fixture
def captured(stage):
    """The first events of the topic in a Capture, and more in the topic."""
    write_capture(stage.folder / "archive", events(stage.stream, range(ARCHIVED)), per_file=400, overlap=30)
    stage.append(ARCHIVED + LIVE)
    return stage


def test_a_capture_and_then_the_topic(captured):
    with captured.following() as process:
        captured.append(LATER)
        printed = captured.stopped(process)
    captured.check()
    assert f"written to {captured.topics['predictions']}, with its journal in replay.journal\n" in printed
    assert printed.endswith(
        f"following {captured.stream} as {captured.group}, partition 0 from 1,500, partition 1 from 1,500\n"
    )
    ends = json.loads((captured.folder / "replay.journal" / "summary.json").read_text())["ends"]
    assert ends == {f"{captured.stream}/0": 1499, f"{captured.stream}/1": 1499}


def test_started_again_it_follows_from_where_it_was(captured):
    with captured.following() as process:
        captured.stopped(process)
    captured.append(LATER)
    grown = events(captured.stream, range(ARCHIVED, captured.sent))
    write_capture(captured.folder / "archive" / "since", grown, per_file=400)  # as a Capture does meanwhile
    with captured.following("--workers", "2") as process:
        printed = captured.stopped(process)
    captured.check()
    at = (ARCHIVED + LIVE) // 2
    assert printed == (
        "scored already: 3,000 records, told in replay.journal\n"
        f"following {captured.stream} as {captured.group}, partition 0 from {at:,}, partition 1 from {at:,}\n"
    )


@pytest.mark.parametrize("moment", ["begin_after", "note_followed", "_say"])
def test_killed_between_the_archive_and_the_stream_it_goes_on(captured, here, monkeypatch, moment):
    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(follow, moment, killed)
        done = here("archive", "--to-stream", "--then-follow")
    assert done.returncode == 130, done.stderr
    with captured.following() as process:
        printed = captured.stopped(process)
    captured.check()
    assert printed.startswith("scored already: 3,000 records, told in replay.journal\n")


def test_killed_in_the_archive_it_goes_on(captured):
    with captured.following() as process:
        while not (captured.folder / "replay.journal" / "journal").exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    grown = events(captured.stream, range(ARCHIVED, captured.sent))
    write_capture(captured.folder / "archive" / "since", grown, per_file=400)  # the live topic has it, too
    with captured.following() as process:
        assert "│ records                │ 3,000" in captured.stopped(process)
    found = [read_back(captured.servers, captured.topics[kind]) for kind in ("predictions", "letters")]
    values = [message.value() for messages in found for message in messages]
    assert len(set(values)) == captured.sent  # what came twice has the same bytes
    assert len(values) - captured.sent <= 2 * 4096


def test_a_table_with_positions_and_then_the_topic(stage):
    write_parquet(stage.folder / "archive" / "all.parquet", events(stage.stream, range(ARCHIVED)))
    stage.append(ARCHIVED + LIVE)
    with stage.following("--stream", stage.stream) as process:
        stage.stopped(process)
    stage.check()


def test_a_group_that_has_read_is_refused_before_anything_is_published(captured, here):
    with captured.following() as process:
        captured.stopped(process)
    arguments = ("archive", "--to-stream", "--then-follow", "--journal", "another.journal")
    done = here(*arguments)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: the group '{captured.group}' stands at 1750 in partition 0 of '{captured.stream}': an archive is "
        "followed by a group that has read nothing\n"
    )
    captured.check()
    captured.settings["stream"]["source"]["group"] = "another"
    (captured.folder / "weir.yaml").write_text(yaml.safe_dump(captured.settings))
    done = here("archive", "--to-stream", "--then-follow")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: the archive has been followed on '{captured.stream}' as group '{captured.group}', and would be on "
        f"'{captured.stream}' as 'another': what came since would be scored again."
    )


def test_a_journal_of_something_else_is_told(captured, here, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(follow, "begin_after", lambda *_, **__: pytest.fail("it must not come so far"))
        assert here("archive", "--to-stream").returncode == 0
        write_capture(captured.folder / "other", events(captured.stream, range(4)))
        done = here("other", "--to-stream", "--then-follow")
        assert done.returncode == 2
        assert done.stderr == (
            "error: replay.journal is the journal of another replay: it had none of the files that are in the archive "
            "now. Pass --overwrite to score this archive, or name another --journal\n"
        )
        done = here("archive", "--to-stream", "--then-follow", "--from-sequence", "4")
        assert "another replay: --from-sequence was not given and is 4. Pass --overwrite to score" in done.stderr


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Follow an archive of a topic called events, of which no broker knows, and return the error."""
    replay = in_process(tmp_path, monkeypatch, capsys)

    def run(*arguments: str, to_stream: bool = True, **changes) -> str:
        (tmp_path / "weir.yaml").write_text(yaml.safe_dump(configuration(tmp_path, **changes)))
        done = replay(*arguments, *["--to-stream"] * to_stream, "--then-follow")
        assert done.returncode == 2, done.stderr
        assert not (tmp_path / "replay.journal").exists()
        return done.stderr.removeprefix("error: ").removesuffix("\n")

    write_capture(tmp_path / "archive", events("events", range(10)))
    return run


def test_where_to(refused):
    words = "--then-follow: pass --to-stream, for the live stream's answers go where the archive's go"
    assert refused("archive", to_stream=False) == words
    assert refused("archive", "--to", "folder", to_stream=False) == words
    assert refused("archive", "--dry-run") == "--then-follow does not go with --dry-run"
    assert refused("archive", "--compare", "payments:1", "payments:1") == "--then-follow does not go with --compare"


@pytest.mark.parametrize("option", ["--partition 0", "--to-sequence 7", "--to-time 2026-11-20T09:30:00Z"])
def test_what_would_make_a_gap(refused, option):
    name, value = option.split()
    assert refused("archive", name, value) == (
        f"--then-follow does not go with {name}: what it leaves out would be in neither the archive's answers nor the "
        "live ones"
    )


def test_an_archive_without_positions(refused, tmp_path):
    write_parquet(tmp_path / "without.parquet", events("events", range(10)), places=False)
    (tmp_path / "lines.jsonl").write_bytes(payment(1))
    for name in ("without.parquet", "lines.jsonl"):
        assert refused("archive", name, "--stream", "events") == (
            f"--then-follow: {name} does not keep where its events stood, so nothing says where to go on"
        )


def test_the_rows_of_a_table_are_no_positions(refused, tmp_path):
    LocalStore(tmp_path / "store").add(payments_manifest(), payments())  # nothing but its row tells an event apart
    write_feature_parquet(tmp_path / "rows.parquet", [Event(payment(number)) for number in range(9)])
    assert refused("rows.parquet", "--stream", "events") == (
        "--then-follow: rows.parquet does not keep where its events stood, so nothing says where to go on"
    )


def without_partitions(path: Path, some: list[Event]) -> None:
    """Write a table that has offsets, and no partitions."""
    write_parquet(path, some)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns("partition").rename_columns({"sequence_number": "offset"}), path)


def test_offsets_of_nobody_knows_which_partition_are_refused(stage, here):
    mine = [event for event in events(stage.stream, range(10)) if event.position.partition == 1]
    without_partitions(stage.folder / "archive" / "all.parquet", mine)
    stage.append(10)
    for _ in range(2):  # before anything is scored, and where that has been done without following
        done = here("archive", "--stream", stage.stream, "--to-stream", "--then-follow")
        assert done.returncode == 2
        assert done.stderr == (
            "error: --then-follow: archive/all.parquet does not keep of which partition its events are, and "
            f"'{stage.stream}' has 2 of them, so nothing says where to go on\n"
        )
        assert committed(stage.servers, stage.group, stage.stream, 2) == {}
        here("archive", "--stream", stage.stream, "--to-stream")


def test_an_archive_of_another_stream(refused):
    told = refused("archive", stream__source__topic="payments")
    assert re.fullmatch(
        r"--then-follow: archive/.*\.avro is of 'events', and stream\.source is 'payments': pass --stream payments if "
        "both are the same",
        told,
    )


def test_a_source_that_would_begin_at_the_end(refused):
    assert refused("archive", stream__source__start="latest").startswith("source.start is latest: expected earliest, ")


def test_another_model_than_the_deployed_one(refused, tmp_path):
    configuration(tmp_path)
    LocalStore(tmp_path / "store").add(payments_manifest(version=2), payments())
    assert refused("archive", "--model", "payments:2") == (
        "--model payments:2: with --then-follow one model scores the archive and the live stream, and the deployed one "
        "is payments:1"
    )
