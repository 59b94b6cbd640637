"""What telemetry costs: the same stream with everything on, and with everything off, in turn.

    python -m benchmarks.telemetry

On is: spans, figures and log to Azure Monitor and to an OTLP collector at once, trace contexts on every event, drift,
and a hundredth of the rows collected to Parquet. Both ends are one small process on this machine, which takes its share
of the two cores.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from operator import truediv
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import machine
from benchmarks.running import configure, finished, python
from benchmarks.topics import append_span, count
from benchmarks.workload import add_model, produce
from models import LocalStore
from tests.brokers.apache import THROUGHPUT_JVM, ApacheKafka

_LONGEST_S = 300.0
_PACKAGES = ("aiokafka", "azure-monitor-opentelemetry-exporter", "opentelemetry-sdk", "onnxruntime", "pyarrow")
_KEY = "11111111-2222-3333-4444-555555555555"


def main() -> None:
    """Run, print, and keep it in `benchmarks/results/telemetry.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000, help="events of one run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        results = _measure(Path(folder), options.events, options.runs)
    out = Path(__file__).parent / "results" / "telemetry.json"
    out.write_text(json.dumps({"machine": machine(*_PACKAGES), **results}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))
    print("kept in benchmarks/results/telemetry.json")


def _measure(folder: Path, events: int, runs: int) -> dict[str, Any]:
    add_model(LocalStore(folder / "store"))
    rates: dict[str, list[float]] = {"off": [], "on": []}
    cpu: dict[str, list[float]] = {"off": [], "on": []}
    with ApacheKafka(heap="1g", jvm_options=THROUGHPUT_JVM) as kafka, _backend() as destinations:
        address = kafka.bootstrap_servers
        kafka.create_topic("transactions", 4)
        kafka.create_topic("dead", 4)
        produce(address, "transactions", events, sampled=1000)
        for run in range(runs + 1):  # the first is not counted: the JVM is still warming up
            # neither kind always comes first: what the machine is slowed down by comes and goes
            for kind in ("off", "on") if run % 2 else ("on", "off"):
                environment = destinations if kind == "on" else {}
                topic = f"predictions-{kind}-{run}"
                kafka.create_topic(topic, 4, message_timestamp_type="LogAppendTime")
                config = _configured(folder, address, topic, is_on=kind == "on")
                arguments = ("--config", str(config), "--events", str(events))
                said = finished(python("benchmarks.worker_process", *arguments, **environment), _LONGEST_S)
                if count(address, topic) != events:
                    raise RuntimeError(f"{count(address, topic)} predictions for {events} events")
                first, last = append_span(address, topic)
                rate = events / (last - first)
                print(
                    f"run {run}, telemetry {kind}: {rate:,.0f}/s, {said['cpu_us']:.2f} us of CPU an event", flush=True
                )
                if run:
                    rates[kind].append(rate)
                    cpu[kind].append(said["cpu_us"])
    medians = {kind: statistics.median(found) for kind, found in rates.items()}
    return {
        "events": events,
        "events_per_second": {kind: [round(rate) for rate in found] for kind, found in rates.items()},
        "median": {kind: round(rate) for kind, rate in medians.items()},
        "cpu_us_per_event": {kind: round(statistics.median(found), 2) for kind, found in cpu.items()},
        "ratio": round(statistics.median(map(truediv, rates["on"], rates["off"])), 3),  # of runs next to each other
    }


def _configured(folder: Path, address: str, topic: str, *, is_on: bool) -> Path:
    path = configure(folder, address, address)
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["stream"]["sink"]["topic"] = topic
    settings["stream"]["source"]["group"] = topic
    settings["telemetry"] = {"drift": None}
    if is_on:
        settings["telemetry"] = {
            "collection": {"to": str(folder / "collection"), "share": 0.01},
            "metrics_interval_s": 10,
        }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@contextmanager
def _backend() -> Iterator[dict[str, str]]:
    """Run both ends, and yield the variables that name them."""
    backend = python("benchmarks.telemetry_backend")
    said = "" if backend.stdout is None else backend.stdout.readline()
    url = f"http://127.0.0.1:{int(said)}"
    try:
        yield {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={_KEY};IngestionEndpoint={url}/",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        }
    finally:
        backend.terminate()
        backend.wait(10)


if __name__ == "__main__":
    main()
