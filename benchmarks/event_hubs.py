"""How fast one worker reads Event Hubs natively, beside the same worker reading Kafka, in one run.

    python -m benchmarks.event_hubs                # about two minutes

The same events, the same model, and the same Kafka topic for the answers, so that only the source differs; then Event
Hubs at both ends. Event Hubs is the tests' server on the real wire, in this process; Apache Kafka and Azurite run
beside it. All share this machine's cores, and none of them is Azure: the ratio is the client libraries' cost.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import machine
from benchmarks.running import ROOT, finished
from benchmarks.topics import append_span, count
from benchmarks.workload import add_model, event_bodies, produce
from models import LocalStore
from tests.brokers.apache import THROUGHPUT_JVM, ApacheKafka
from tests.emulators.azurite import Azurite
from tests.emulators.event_hubs import EventHubsServer

_PARTITIONS = 4
_LONGEST_S = 300.0
_PREFETCH = (300, 3000)


def main() -> None:
    """Measure each pair of source and sink, print it, and keep it in `benchmarks/results/event_hubs.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name, EventHubsServer() as hubs, Azurite() as azurite:
        folder = Path(name)
        add_model(LocalStore(folder / "store"))
        with ApacheKafka(heap="1g", jvm_options=THROUGHPUT_JVM) as kafka:
            bench = _Bench(folder, hubs, azurite, kafka, events)
            rates = bench.measure()
    results = {"machine": machine("azure-eventhub", "aiokafka"), "events": events, "events_per_second": rates}
    out = Path(__file__).parent / "results" / "event_hubs.json"
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    for what, rate in rates.items():
        print(f"{what:45} {rate:>9,} events a second   {rate / rates['kafka to kafka']:.2f}")
    print(f"kept in {out.relative_to(ROOT)}")


class _Bench:
    """The three servers with the events in them."""

    def __init__(self, folder: Path, hubs: EventHubsServer, azurite: Azurite, kafka: ApacheKafka, events: int) -> None:
        self._folder = folder
        self._hubs = hubs
        self._azurite = azurite
        self._kafka = kafka
        self._events = events

    def measure(self) -> dict[str, int]:
        """Return events a second by what was read and written; the first run, unmeasured, warms Kafka up."""
        self._write()
        rates = {}
        for name in ("warming up", "kafka to kafka"):
            rates[name] = self._to_kafka(self._kafka_source(name.replace(" ", "-")))
        del rates["warming up"]
        for prefetch in _PREFETCH:
            rates[f"event hubs (prefetch {prefetch}) to kafka"] = self._to_kafka(self._hubs_source(prefetch))
        rates["event hubs (prefetch 300) to event hubs"] = self._to_hubs(self._hubs_source(300))
        return rates

    def _write(self) -> None:
        self._kafka.create_topic("transactions", _PARTITIONS)
        produce(self._kafka.bootstrap_servers, "transactions", self._events)
        self._hubs.create_hub("transactions", _PARTITIONS)
        parts: list[list[bytes]] = [[] for _ in range(_PARTITIONS)]
        for key, body in event_bodies(self._events):
            parts[int(key[-4:]) % _PARTITIONS].append(body)
        for number, bodies in enumerate(parts):
            self._hubs.append_many("transactions", number, bodies)

    def _to_kafka(self, source: Mapping[str, Any]) -> int:
        name = f"predictions-{os.urandom(4).hex()}"
        address = self._kafka.bootstrap_servers
        for topic in (name, f"{name}.dead"):
            self._kafka.create_topic(topic, _PARTITIONS, message_timestamp_type="LogAppendTime")
        kafka = {"kind": "kafka", "bootstrap_servers": address}
        self._run(source, {**kafka, "topic": name}, {**kafka, "topic": f"{name}.dead"})
        first, last = append_span(address, name)
        return self._rate(count(address, name), last - first)

    def _to_hubs(self, source: Mapping[str, Any]) -> int:
        for hub in ("predictions", "dead"):
            self._hubs.create_hub(hub, _PARTITIONS)
        self._run(source, {"kind": "event_hubs", "hub": "predictions"}, {"kind": "event_hubs", "hub": "dead"})
        stored = [event for number in range(_PARTITIONS) for event in self._hubs.events("predictions", number)]
        times = [event.enqueued_time for event in stored]
        return self._rate(len(stored), (max(times) - min(times)) / 1000)

    def _rate(self, answered: int, seconds: float) -> int:
        if answered != self._events:
            raise RuntimeError(f"{answered} predictions for {self._events} events")
        return round(answered / seconds)

    def _kafka_source(self, group: str) -> dict[str, Any]:
        address = self._kafka.bootstrap_servers
        return {"kind": "kafka", "bootstrap_servers": address, "topic": "transactions", "group": group}

    def _hubs_source(self, prefetch: int) -> dict[str, Any]:
        checkpoints = {"container": self._azurite.create_container()}
        source = {"kind": "event_hubs", "hub": "transactions", "group": "$Default", "prefetch": prefetch}
        return source | {"checkpoints": checkpoints}

    def _run(self, source: Mapping[str, Any], sink: Mapping[str, Any], dead_letters: Mapping[str, Any]) -> None:
        stream = {"source": dict(source), "sink": dict(sink), "dead_letters": dict(dead_letters), "health": None}
        deployments = [{"name": "blue", "model": "benchmark"}]
        path = self._folder / "weir.yaml"
        path.write_text(
            yaml.safe_dump({"store": str(self._folder / "store"), "deployments": deployments, "stream": stream})
        )
        environment = dict(os.environ)
        if source["kind"] == "event_hubs":
            environment["WEIR__STREAM__SOURCE__CONNECTION_STRING"] = self._hubs.connection_string()
            environment["WEIR__STREAM__SOURCE__CHECKPOINTS__CONNECTION_STRING"] = self._azurite.connection_string
        command = [sys.executable, "-m", "benchmarks.worker_process"]
        command += ["--config", str(path), "--events", str(self._events)]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
        finished(worker, _LONGEST_S)


if __name__ == "__main__":
    main()
