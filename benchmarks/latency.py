"""From an event's append to its prediction's append, while events come at a steady rate whatever the worker does."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Producer

from benchmarks.running import configure, finished, python, watched
from benchmarks.topics import count, messages
from benchmarks.workload import event_bodies
from tests.brokers.apache import THROUGHPUT_JVM, ApacheKafka

__all__ = ["measure_latency"]

RATE = 5000
_WARM_UP = 5000
_TICK_S = 0.001
_PARTITIONS = 4


def measure_latency(folder: Path, seconds: int) -> dict[str, Any]:
    """Return the latency's quantiles in milliseconds over `seconds` of 5,000 events a second."""
    events = _WARM_UP + RATE * seconds
    with ApacheKafka(heap="1g", jvm_options=THROUGHPUT_JVM) as kafka:
        address = kafka.bootstrap_servers
        for topic in ("transactions", "predictions", "dead"):
            kafka.create_topic(topic, _PARTITIONS, message_timestamp_type="LogAppendTime")
        worker = python(
            "benchmarks.worker_process", "--config", str(configure(folder, address, address)), "--events", str(events)
        )
        print(f"{RATE:,} events a second for {seconds} s", flush=True)
        with watched(worker) as memory:
            _produce_steadily(address, events)
            finished(worker, 60)
        appended = {(m.partition(), m.offset()): m.timestamp()[1] for m in messages(address, "transactions")}
        answered = ((_source_of(m.headers()), m.timestamp()[1]) for m in messages(address, "predictions"))
        # the first ones waited for the group to form
        waited = np.array(
            [time_ms - appended[source] for source, time_ms in answered if source[1] >= _WARM_UP // _PARTITIONS]
        )
    result = {
        "events_per_second": RATE,
        "seconds": seconds,
        "ms": {f"p{q:g}": float(np.percentile(waited, q)) for q in (50, 90, 99, 99.9, 100)},
        "resident_mib": memory.summary(),
    }
    print(f"latency {result}", flush=True)
    return result


def _produce_steadily(address: str, events: int) -> None:
    producer = Producer({"bootstrap.servers": address, "linger.ms": 1, "acks": "all"})
    bodies = event_bodies(events)
    for number, (key, body) in zip(range(_WARM_UP), bodies, strict=False):
        producer.produce("transactions", body, key, number % _PARTITIONS)
    producer.flush(10)
    deadline = time.monotonic() + 60
    while count(address, "predictions") < _WARM_UP - 1:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker did not score the first events within a minute")
        time.sleep(0.1)
    started = time.monotonic()
    for sent, (key, body) in enumerate(bodies, 1):
        producer.produce("transactions", body, key, sent % _PARTITIONS)
        if sent % int(RATE * _TICK_S) == 0:
            producer.poll(0)
            time.sleep(max(0.0, started + sent / RATE - time.monotonic()))
    producer.flush(10)


def _source_of(headers: Any) -> tuple[int, int]:
    _, partition, offset = dict(headers)["weir-source"].decode().rsplit("/", 2)
    return int(partition), int(offset)
