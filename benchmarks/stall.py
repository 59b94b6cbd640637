"""Memory while the sink stands still behind a topic of a million events, and whether all of them come out after it."""

import time
from pathlib import Path
from typing import Any

from benchmarks.running import configure, finished, python, watched
from benchmarks.topics import count
from benchmarks.workload import produce
from tests.brokers.apache import ApacheKafka

__all__ = ["measure_stall"]

EVENTS = 1_000_000


def measure_stall(folder: Path, seconds: int) -> dict[str, Any]:
    """Return resident memory before, during and after a stall of the sink's broker, and what came out."""
    with ApacheKafka(heap="1g") as source, ApacheKafka() as sink:
        source.create_topic("transactions", 4)
        for topic in ("predictions", "dead"):
            sink.create_topic(topic, 4)
        print(f"writing {EVENTS:,} events", flush=True)
        produce(source.bootstrap_servers, "transactions", EVENTS)
        config = configure(folder, source.bootstrap_servers, sink.bootstrap_servers)
        worker = python("benchmarks.worker_process", "--config", str(config), "--events", str(EVENTS))
        with watched(worker) as memory:
            _wait_for(sink.bootstrap_servers, EVENTS // 10)
            before = len(memory.samples)
            sink.pause(0)
            print(f"the sink stands still for {seconds} s", flush=True)
            time.sleep(seconds)
            during = memory.samples[before:]
            sink.resume(0)
            finished(worker, 300)
        predictions = count(sink.bootstrap_servers, "predictions")
    result = {
        "events": EVENTS,
        "stalled_seconds": seconds,
        "predictions": predictions,
        "resident_mib": {
            "before": round(max(memory.samples[:before])),
            "while_stalled": [round(min(during)), round(max(during))],
            "largest": round(max(memory.samples)),
        },
    }
    print(f"stall {result}", flush=True)
    return result


def _wait_for(address: str, events: int) -> None:
    deadline = time.monotonic() + 120
    while count(address, "predictions") < events:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the worker did not score {events} events within two minutes")
        time.sleep(0.2)
