"""What the stream benchmarks score: 500-byte events with 21 numbers, and a model of 200 boosted trees."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pandas as pd
from confluent_kafka import Producer
from sklearn.ensemble import HistGradientBoostingClassifier

from converters import Columns, Source, convert, sample_of
from models import Store
from scoring import Manifest

__all__ = ["FEATURES", "add_model", "event_bodies", "produce"]

FEATURES = tuple(f"measurement_{index:02d}" for index in range(21))
_EVENT_BYTES = 500
_KEYS = 1000
_SEED = 7


def add_model(store: Store) -> tuple[Manifest, HistGradientBoostingClassifier]:
    """Train 200 boosted trees on seeded data, add them to the store as `benchmark`, and return both forms."""
    random = np.random.default_rng(_SEED)
    table = pd.DataFrame(random.normal(50.0, 25.0, (20_000, len(FEATURES))).astype(np.float32), columns=list(FEATURES))
    signal = table[FEATURES[0]] + 0.5 * table[FEATURES[1]] - 0.3 * table[FEATURES[2]]
    label = (signal + random.normal(0, 20, len(table)) > signal.quantile(0.9)).astype(int)
    model = HistGradientBoostingClassifier(max_iter=200, early_stopping=False, random_state=_SEED).fit(table, label)
    source = Source(
        estimator=model,
        sample=sample_of(table.assign(label=label), name="seeded"),
        columns=Columns(label="label", event_id="transaction_id"),
    )
    return convert(source, name="benchmark", store=store, positive=1, threshold=0.5), model


def event_bodies(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and bodies; the numbers repeat after 20,000 events, the ids do not."""
    random = np.random.default_rng(_SEED + 1)
    rows = np.round(random.normal(50.0, 25.0, (20_000, len(FEATURES))), 3).tolist()
    bodies = [msgspec.json.encode(dict(zip(FEATURES, row, strict=True)))[1:] for row in rows]
    for number in range(count):
        body = bodies[number % len(bodies)]
        head = b'{"transaction_id":"tx-%012d",' % number
        padding = b" " * max(0, _EVENT_BYTES - len(head) - len(body))
        yield b"customer-%04d" % (number * 7919 % _KEYS), head + padding + body


def produce(bootstrap_servers: str, topic: str, count: int, *, sampled: int = 0) -> None:
    """Write `count` events to a topic, by key.

    Args:
        bootstrap_servers: the cluster.
        topic: where to.
        count: how many.
        sampled: with it each event carries a trace context, and one in so many is of a trace that is recorded.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "linger.ms": 20,
            "acks": "all",
            "queue.buffering.max.messages": 500_000,
        }
    )
    for number, (key, body) in enumerate(event_bodies(count)):
        headers: list[tuple[str, str | bytes | None]] = []
        if sampled:
            headers.append(("traceparent", _traceparent(number, sampled)))
        producer.produce(topic, body, key, headers=headers)
        if number % 5000 == 0:
            producer.poll(0)
            while len(producer) > 400_000:
                producer.poll(0.1)
    if producer.flush(60):
        raise RuntimeError("the broker did not take all events within a minute")


def _traceparent(number: int, sampled: int) -> bytes:
    return b"00-%032x-%016x-%02x" % (number + 1, number + 1, number % sampled == 0)
