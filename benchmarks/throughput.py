"""Events a second from the start of a full topic, for the worker and for the bare loop, in turn."""

from pathlib import Path
from typing import Any

from benchmarks.running import configure, finished, python, watched
from benchmarks.topics import append_span, count
from benchmarks.workload import produce
from tests.brokers.apache import THROUGHPUT_JVM, ApacheKafka

__all__ = ["measure_throughput"]

_LONGEST_S = 300.0


def measure_throughput(folder: Path, events: int) -> dict[str, Any]:
    """Return events a second of both, their ratio, and the worker's time by stage and memory."""
    with ApacheKafka(heap="1g", jvm_options=THROUGHPUT_JVM) as kafka:
        address = kafka.bootstrap_servers
        kafka.create_topic("transactions", 4)
        print(f"writing {events:,} events", flush=True)
        produce(address, "transactions", events)
        for topic in ("warm", "bare", "predictions", "dead"):
            kafka.create_topic(topic, 4, message_timestamp_type="LogAppendTime")
        model = folder / "store" / "benchmark" / "1" / "model.onnx"
        bare_options = ("--kafka", address, "--source", "transactions", "--model", str(model))
        # once unmeasured: a JVM that has just started is slower, and would be so for whoever comes first
        warm = python(
            "benchmarks.bare_loop", *bare_options, "--sink", "warm", "--group", "w", "--events", str(events // 4)
        )
        finished(warm, _LONGEST_S)
        bare = python("benchmarks.bare_loop", *bare_options, "--sink", "bare", "--group", "b", "--events", str(events))
        finished(bare, _LONGEST_S)
        worker = python(
            "benchmarks.worker_process", "--config", str(configure(folder, address, address)), "--events", str(events)
        )
        with watched(worker) as memory:
            said = finished(worker, _LONGEST_S)
        rates = {name: events / _seconds(address, topic) for name, topic in (("bare", "bare"), ("weir", "predictions"))}
        if count(address, "predictions") != events:
            raise RuntimeError(f"{count(address, 'predictions')} predictions for {events} events")
    result = {
        "events": events,
        "bare_events_per_second": round(rates["bare"]),
        "weir_events_per_second": round(rates["weir"]),
        "ratio": round(rates["weir"] / rates["bare"], 3),
        "events_per_batch": round(said["events"] / said["batches"]),
        "microseconds_per_event": {stage: round(value, 2) for stage, value in said["us"].items()},
        "resident_mib": memory.summary(),
    }
    print(
        f"bare loop {rates['bare']:,.0f}/s, weir {rates['weir']:,.0f}/s, ratio {result['ratio']}; {result}", flush=True
    )
    return result


def _seconds(address: str, topic: str) -> float:
    first, last = append_span(address, topic)
    return last - first
