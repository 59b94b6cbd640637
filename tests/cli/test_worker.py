"""`python -m weir worker` as its user meets it: what goes wrong in words, and a stream scored from start to stop."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from models import LocalStore
from scoring import Event
from tests.brokers import unique_topic
from tests.cli.running import ROOT, weir
from tests.models.graphs import payments, payments_manifest
from tests.stream.kafka import closed_port, committed, read_back, send

PARTITIONS = 4
BOUND_S = 40.0
NOWHERE = "localhost:1"


def configuration(folder: Path, servers: str = NOWHERE, **changes) -> dict:
    """Put a certified model into a store, and return the settings of a worker that serves it."""
    if not (folder / "store").exists():
        LocalStore(folder / "store").add(payments_manifest(event_id=("id",)), payments())
    stream = {
        "source": {"kind": "kafka", "bootstrap_servers": servers, "topic": "events", "group": unique_topic("group")},
        "sink": {"kind": "kafka", "topic": "predictions"},
        "dead_letters": {"kind": "kafka", "topic": "dead"},
        "health": {"port": 0},
    }
    settings = {"store": "store", "deployments": [{"name": "blue", "model": "payments:1"}], "stream": stream}
    for path, value in changes.items():
        *above, key = path.split("__")
        inner = settings
        for part in above:
            inner = inner[part]
        inner[key] = value
    return settings


class TestWhatGoesWrong:
    @pytest.fixture
    def refused(self, tmp_path):
        def run(content, *arguments, bound=15, **environment):
            if content is not None:
                text = content if isinstance(content, str) else yaml.safe_dump(content)
                (tmp_path / "weir.yaml").write_text(text)
            started = time.monotonic()
            done = weir("worker", *arguments, cwd=tmp_path, **environment)
            assert time.monotonic() - started < bound
            assert done.returncode in {1, 2}
            assert "Traceback" not in done.stderr
            assert done.stdout == ""
            [error] = {line for line in done.stderr.splitlines() if line.startswith("error: ")}
            return done.returncode, error.removeprefix("error: ")

        return run

    def test_no_configuration_file(self, refused):
        assert refused(None, "--config", "my.yaml") == (2, "no configuration file my.yaml")

    def test_a_file_that_is_not_yaml(self, refused):
        assert refused("store: [") == (2, "weir.yaml is not YAML: line 1, column 9: expected the node content, but found '<stream end>'")  # fmt: skip # noqa: E501

    def test_a_key_that_does_not_exist(self, refused, tmp_path):
        code, error = refused(configuration(tmp_path, stream__source__tpoic="x"))
        assert (code, error) == (2, "weir.yaml: stream.source.tpoic: there is no such key")

    def test_a_variable_that_does_not_exist(self, refused, tmp_path):
        code, error = refused(configuration(tmp_path), WEIR__STRAEM__BATCH="{}")
        assert (code, error.split(";")[0]) == (2, "WEIR__STRAEM__BATCH of the environment: there is no such key")

    def test_no_stream(self, refused, tmp_path):
        settings = configuration(tmp_path)
        del settings["stream"]
        code, error = refused(settings)
        assert (code, error.split(":")[:2]) == (2, ["weir.yaml", " stream is missing"])

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"store": "elsewhere"}, "elsewhere"),
            ({"deployments": [{"name": "blue", "model": "cards"}]}, "cards"),
            ({"deployments": [{"name": "blue", "model": "payments:7"}]}, "payments:7|version 7"),
            ({"deployments": [{"name": "blue", "model": "payments@champion"}]}, "champion"),
            ({"deployments": [{"name": "blue", "model": "Payments!"}]}, "Payments!"),
        ],
    )
    def test_no_such_model(self, refused, tmp_path, changes, expected):
        code, error = refused(configuration(tmp_path, **changes))
        assert code == 2
        assert re.search(expected, error)

    def test_no_such_model_for_several_processes(self, refused, tmp_path):
        deployments = [{"name": "blue", "model": "cards"}]
        code, error = refused(configuration(tmp_path, deployments=deployments), "--workers", "2")
        assert (code, "cards" in error) == (2, True)

    def test_several_deployments(self, refused, tmp_path):
        blue, green = {"name": "blue", "model": "payments"}, {"name": "green", "model": "payments:1", "mirror": 10}
        code, error = refused(configuration(tmp_path, deployments=[blue | {"traffic": 100}, green]))
        assert (code, error) == (
            2,
            "deployments: a worker serves one, not blue, green; give each a worker of its own",
        )

    def test_a_model_without_a_certificate(self, refused, tmp_path):
        LocalStore(tmp_path / "store").add(payments_manifest(certificate=None), payments())
        code, error = refused(configuration(tmp_path))
        assert code == 2
        assert error.startswith("payments:1 has no certificate: convert it again, or set allow_uncertified")

    def test_no_broker(self, refused, tmp_path):
        servers = f"127.0.0.1:{closed_port()}"
        code, error = refused(configuration(tmp_path, servers), bound=BOUND_S)
        assert code == 1
        assert error.startswith(f"dead_letters: Kafka at {servers} does not answer: ")

    def test_a_health_port_that_is_taken(self, refused, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            code, error = refused(configuration(tmp_path, stream__health__port=port))
        assert (code, error) == (2, f"stream.health: cannot listen on 127.0.0.1:{port}: Address already in use")

    @pytest.mark.parametrize("key", ["source", "sink", "dead_letters"])
    def test_a_topic_that_does_not_exist(self, refused, tmp_path, apache_kafka, key):
        settings = configuration(tmp_path, apache_kafka.bootstrap_servers)
        for other in {"source", "sink", "dead_letters"} - {key}:
            settings["stream"][other]["topic"] = apache_kafka.create_topic(unique_topic(), 1)
        settings["stream"][key]["topic"] = "nowhere"
        code, error = refused(settings, bound=BOUND_S)
        expected = f"{key}: Kafka at {apache_kafka.bootstrap_servers} has no topic 'nowhere' ({key}.topic)"
        assert (code, error) == (1, expected)


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
    with running(tmp_path, stage.settings, "--workers", "2") as workers:
        workers.until(lambda: workers.all_ready(2), "ready")
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
