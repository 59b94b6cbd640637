"""Worker processes to be killed, and a producer that goes on whatever happens to them."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import yaml
from confluent_kafka import Producer

from examples.fraud.events import StreamEvent
from tests.chaos.auditor import Auditor, Topics
from tests.chaos.kafka_auditor import KafkaAuditor

_ROOT = Path(__file__).parents[2]
_PARTITIONS = 4


class Fleet:
    """Workers of one group."""

    def __init__(
        self,
        config: Path,
        *,
        fault: str = "none",
        publish_delay: float = 0.0,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._environment = {**os.environ, **environment}
        self._command = [sys.executable, "-m", "tests.chaos.launch", fault, str(publish_delay)]
        self._command += ["worker", "--config", str(config)]
        self._log = config.with_suffix(".log").open("ab")
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(self._command, cwd=_ROOT, stdout=self._log, stderr=self._log, env=self._environment)
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """End it with SIGKILL: nothing of its memory survives."""
        worker.kill()
        worker.wait(10)
        self.workers.remove(worker)

    def stop(self, worker: subprocess.Popen[bytes]) -> int:
        """End it with SIGTERM, and return its exit code."""
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(40)
        self.workers.remove(worker)
        return code

    def replace_the_dead(self) -> None:
        """Start another for each that ended by itself, as its supervisor would."""
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.workers.remove(worker)
            self.start()

    def close(self) -> None:
        for worker in list(self.workers):
            self.kill(worker)
        self._log.close()


@contextmanager
def fleet(
    config: Path,
    *,
    fault: str = "none",
    publish_delay: float = 0.0,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Fleet]:
    workers = Fleet(config, fault=fault, publish_delay=publish_delay, environment=environment)
    try:
        yield workers
    finally:
        workers.close()


def configure(
    folder: Path,
    bootstrap_servers: str,
    topics: Topics,
    store: Path,
    *,
    session_timeout_s: float = 2.0,
    **stream: object,
) -> Path:
    """Write the workers' configuration: a short session, so that the group notices a death soon."""
    kafka = {"kind": "kafka", "bootstrap_servers": bootstrap_servers}
    settings = {
        "store": str(store),
        "deployments": [{"name": "blue", "model": "fraud@champion"}],
        "stream": {
            "source": {**kafka, "topic": topics.source, "group": topics.group, "session_timeout_s": session_timeout_s},
            "sink": {**kafka, "topic": topics.sink},
            "dead_letters": {**kafka, "topic": topics.dead_letters},
            "health": None,
            **stream,
        },
    }
    path = folder / "weir.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


class Flow:
    """Produces an auditor's events, by key, at a rate; in portions, each of which is let go when it is asked for."""

    def __init__(self, auditor: KafkaAuditor, rate: float, portions: int) -> None:
        self._auditor = auditor
        self._rate = rate
        self._size = -(-len(auditor.sent) // portions)
        self._asked = threading.Semaphore(0)
        self._over = threading.Event()
        self.thread = threading.Thread(target=self._produce)

    def more(self) -> None:
        """Let one more portion go."""
        self._asked.release()

    def close(self) -> None:
        self._over.set()
        self._asked.release()
        self.thread.join()

    def _produce(self) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self._auditor.bootstrap_servers,
                "linger.ms": 5,
                "enable.idempotence": True,
                "log_level": 2,
            }
        )
        offsets = [0] * _PARTITIONS
        for start in range(0, len(self._auditor.sent), self._size):
            self._asked.acquire()
            if self._over.is_set():
                break
            self._send(producer, self._auditor.sent[start : start + self._size], offsets)
        producer.flush(30)

    def _send(self, producer: Producer, events: Sequence[StreamEvent], offsets: list[int]) -> None:
        chunk = max(1, int(self._rate / 100))
        started = time.monotonic()
        for start in range(0, len(events), chunk):
            for event in events[start : start + chunk]:
                partition = sum(event.key) % _PARTITIONS
                # noted before it is sent, so that no answer can come before the note
                self._auditor.at[partition, offsets[partition]] = event
                offsets[partition] += 1
                producer.produce(self._auditor.topics.source, event.value, event.key, partition)
            producer.poll(0)
            if self._over.wait(max(0.0, started + (start + chunk) / self._rate - time.monotonic())):
                return


@contextmanager
def flowing(auditor: KafkaAuditor, *, rate: float, portions: int = 1) -> Iterator[Flow]:
    """Produce while the block runs; the first portion is let go at once."""
    flow = Flow(auditor, rate, portions)
    flow.thread.start()
    flow.more()
    try:
        yield flow
    finally:
        flow.close()


def watch(auditor: Auditor, seconds: float, until: Callable[[], object] = lambda: False) -> bool:
    """Let the auditor look, again and again, for so long or until something holds; return whether it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        auditor.look()
        if until():
            return True
        time.sleep(0.02)
    return bool(until())


def pauses(count: int, seed: int, *, shortest: float, longest: float) -> list[float]:
    """Return seeded random times, in seconds."""
    chosen = random.Random(seed)
    return [chosen.uniform(shortest, longest) for _ in range(count)]
