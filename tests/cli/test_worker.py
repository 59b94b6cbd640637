"""`python -m weir worker` from its start to its stop."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from scoring import Event
from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.running import ROOT
from tests.stream.kafka import committed, read_back, send

PARTITIONS = 4
BOUND_S = 40.0


class Running:
    """A worker's process, and what it says."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def said(self) -> str:
        return self._log.read_text()

    def until(self, condition, what: str) -> None:
        deadline = time.monotonic() + BOUND_S
        while not condition():
            assert self.process.poll() is None, f"it ended by itself\n{self.said}"
            assert time.monotonic() < deadline, f"not {what} within {BOUND_S:g} s\n{self.said}"
            time.sleep(0.05)

    def ports(self) -> list[str]:
        return re.findall(r"health on http://127.0.0.1:(\d+)/readyz", self.said)

    def all_ready(self, workers: int) -> bool:
        return len(self.ports()) == workers and all(answers_well(port) for port in self.ports())

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(BOUND_S)


def answers_well(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def two_free_ports() -> int:
    """Return the first of two neighbouring ports that nobody listens on."""
    for _ in range(20):
        with suppress(OSError), socket.create_server(("127.0.0.1", 0)) as one:
            port = int(one.getsockname()[1])
            with socket.create_server(("127.0.0.1", port + 1)):
                return port
    raise AssertionError("no two neighbouring ports are free")


@contextmanager
def running(folder: Path, settings: dict, *arguments: str) -> Iterator[Running]:
    """Start a worker, and kill whatever is left of it in the end."""
    config, log = folder / "weir.yaml", folder / "worker.log"
    config.write_text(yaml.safe_dump(settings | {"store": str(folder / "store")}))
    command = [sys.executable, "-m", "weir", "worker", "--config", str(config), *arguments]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait(10)


def body(number: int) -> bytes | None:
    """Every tenth event is bad, each in one of five ways."""
    payment = {"id": f"p{number}", "amount": number / 8, "count": number % 5, "country": ("de", "fr", "it")[number % 3]}
    bad = {
        0: f'{{"id": "p{number}", "amount": '.encode(),
        10: json.dumps(payment | {"amount": "much"}).encode(),
        20: json.dumps(payment | {"country": "xx"}).encode(),
        30: json.dumps({"id": f"p{number}"}).encode(),
        40: None,
    }
    return bad.get(number % 50, json.dumps(payment).encode())


def is_bad(number: int) -> bool:
    return number % 50 in {0, 10, 20, 30, 40}


CODES = {b"invalid_json": 20, b"wrong_type": 20, b"scoring_failed": 20, b"missing_field": 20, b"tombstone": 20}


class Stage:
    """Topics on a broker, and 1,000 events."""

    def __init__(self, broker, folder: Path) -> None:
        self.servers = broker.bootstrap_servers
        self.topics = {key: broker.create_topic(unique_topic(key), PARTITIONS) for key in ("in", "out", "dead")}
        self.settings = configuration(folder, self.servers)
        stream = self.settings["stream"]
        stream["source"]["session_timeout_s"] = 6
        for key, name in (("source", "in"), ("sink", "out"), ("dead_letters", "dead")):
            stream[key]["topic"] = self.topics[name]
        self.group = stream["source"]["group"]

    def send(self) -> None:
        for partition in range(PARTITIONS):
            numbers = range(partition, 1000, PARTITIONS)
            send(self.servers, self.topics["in"], [Event(body(n), f"k{n}".encode()) for n in numbers], partition)

    def is_committed(self) -> bool:
        ends = dict.fromkeys(range(PARTITIONS), 1000 // PARTITIONS)
        return committed(self.servers, self.group, self.topics["in"], PARTITIONS) == ends

    def check_answers(self) -> None:
        predictions = read_back(self.servers, self.topics["out"])
        answers = [json.loads(message.value()) for message in predictions]
        assert sorted(answer["event_id"] for answer in answers) == sorted(f"p{n}" for n in range(1000) if not is_bad(n))
        assert all(m.key() == b"k" + a["event_id"][1:].encode() for m, a in zip(predictions, answers, strict=True))
        assert len({answer["prediction_id"] for answer in answers}) == 900
        letters = read_back(self.servers, self.topics["dead"])
        assert {(m.key(), m.value()) for m in letters} == {
            (f"k{n}".encode(), body(n)) for n in range(1000) if is_bad(n)
        }
        codes = [dict(message.headers())["weir-error-code"] for message in letters]
        assert {code: codes.count(code) for code in codes} == CODES


def test_a_stream_is_scored_from_start_to_stop(broker, tmp_path):
    stage = Stage(broker, tmp_path)
    stage.send()
    with running(tmp_path, stage.settings) as worker:
        worker.until(lambda: worker.all_ready(1), "ready")
        worker.until(stage.is_committed, "committed")
        assert worker.stop() == 0
        assert "stopped after 1000 events: 900 predictions, 100 dead letters" in worker.said
        assert "Traceback" not in worker.said
    stage.check_answers()
    assert stage.is_committed()


def test_two_processes_share_a_stream(apache_kafka, tmp_path):
    stage = Stage(apache_kafka, tmp_path)
    stage.settings["stream"]["health"]["port"] = first = two_free_ports()
    with running(tmp_path, stage.settings, "--workers", "2") as workers:
        workers.until(lambda: workers.all_ready(2), "ready")
        assert set(workers.ports()) == {str(first), str(first + 1)}
        workers.until(lambda: len(set(re.findall(r"reading partitions (\[\d, \d\])", workers.said))) == 2, "shared")
        stage.send()
        workers.until(stage.is_committed, "committed")
        assert workers.stop() == 0
        counts = [int(count) for count in re.findall(r"stopped after (\d+) events", workers.said)]
        assert sorted(counts) == [500, 500]
        assert "Traceback" not in workers.said
    stage.check_answers()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_before_the_broker_answers_is_a_clean_one(tmp_path, number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = configuration(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}")
        with running(tmp_path, settings) as worker:
            worker.until(lambda: len(worker.ports()) == 1, "started")
            assert not answers_well(worker.ports()[0])
            started = time.monotonic()
            assert worker.stop(number) == 0
            assert time.monotonic() - started < 15
