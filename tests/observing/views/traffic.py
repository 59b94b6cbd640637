"""A worker and a server that go through everything the views show, and tell both kinds of backend of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from models import LocalStore
from scoring import Baseline, Event, Outputs
from tests.brokers import unique_topic
from tests.brokers.faults import FaultyBroker
from tests.cli.configured import configuration
from tests.cli.test_worker import running
from tests.emulators.ingestion import Ingestion
from tests.http.running import KEY, Serving
from tests.models.graphs import PAYMENT_FEATURES, payments, payments_manifest
from tests.stream.kafka import send

__all__ = ["make_traffic"]

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_ROOT = Path(__file__).parents[3]
_EVENTS = 600
_PRODUCE = 0
_NOT_ALLOWED = 29  # Kafka's error for a topic that may not be written
_TENTHS = Baseline(edges=tuple(float(edge) for edge in range(1, 10)), counts=(100,) * 10)
_UNLUCKY = 13
# `weir serve` with a planted fault: a request with so many rows fails in a way that nobody foresaw
_BROKEN_SERVER = f"""
from function_app.service import Service
from weir.cli import main

score = Service.score

async def fail(self, batcher, events, *others, **more):
    if len(events) == {_UNLUCKY}:
        raise RuntimeError("a planted fault")
    return await score(self, batcher, events, *others, **more)

Service.score = fail
main()
"""

# The figures of a worker whose partitions move while it holds a batch, which no test can time.
_MOVED_PARTITIONS = """
import os
from telemetry.otel.metrics import StreamMetrics
from telemetry.otel.providers import OwnProviders
from telemetry.settings import TelemetrySettings
from telemetry.subject import Place, StreamSubject

providers = OwnProviders(TelemetrySettings(), os.environ)
place = Place(system="kafka", name="payments", address="localhost", port=9092)
StreamMetrics(providers.meter, StreamSubject(source=place, group="scoring", sink=place)).dropped(5)
providers.close(10)
"""


def make_traffic(folder: Path, told: Ingestion) -> None:
    """Let both work until all that they have to tell has arrived."""
    _fill_store(folder / "store")
    with FaultyBroker() as broker:
        _stream(folder, broker, told)
    _serve(folder, told)
    subprocess.run([sys.executable, "-c", _MOVED_PARTITIONS], cwd=_ROOT, check=True, timeout=60)


def _fill_store(store: Path) -> None:
    """Put in a model with baselines, of which one feature may be null."""
    amount, count, country = PAYMENT_FEATURES
    features = (
        amount.model_copy(update={"nullable": True, "minimum": 0.0, "maximum": 10.0, "baseline": _TENTHS}),
        count.model_copy(update={"minimum": 0.0, "maximum": 4.0, "baseline": _TENTHS}),
        country.model_copy(update={"categories": ("de", "fr"), "baseline": Baseline(counts=(500, 500, 0))}),
    )
    outputs = Outputs(labels=("no", "yes"), positive="yes", baseline=Baseline(edges=(0.5,), counts=(500, 500)))
    LocalStore(store).add(payments_manifest(features=features, outputs=outputs, event_id=("id",)), payments())


def _settings(folder: Path, servers: str, role: str) -> dict[str, Any]:
    telemetry = {
        "service_name": role,
        "metrics_interval_s": 1,
        "drift": {"min_rows": 20},
        "collection": {"to": str(folder / "collected"), "share": 1, "flush_s": 0.5},
    }
    return configuration(folder, servers) | {"telemetry": telemetry, "store": str(folder / "store")}


def _events() -> Iterator[Event]:
    for number in range(_EVENTS):
        fields = {
            "id": f"p{number}",
            "amount": number / 8,
            "count": number % 7,
            "country": ("de", "fr", "it")[number % 3],
        }
        if number % 10 == 0:
            fields["amount"] = None
        if number % 25 == 1:
            fields["country"] = "nowhere"
        headers = (("traceparent", f"00-{_TRACE}-b7ad6b7169203331-01".encode()),) if number % 100 == 3 else ()
        yield Event(b"{" if number % 50 == 2 else json.dumps(fields).encode(), f"k{number}".encode(), headers)


def _stream(folder: Path, broker: FaultyBroker, told: Ingestion) -> None:
    settings = _settings(folder, broker.bootstrap_servers, "scoring-stream")
    stream = settings["stream"]
    for key in ("source", "sink", "dead_letters"):
        stream[key]["topic"] = broker.create_topic(unique_topic(key), 2)
    stream["source"]["session_timeout_s"] = 6
    stream["batch"] = {"max_events": 200}
    topic, events = stream["source"]["topic"], list(_events())
    send(broker.bootstrap_servers, topic, events)
    with running(folder, settings) as worker:
        told.wait(lambda: told.metric("weir.drift.psi") and told.metric("weir.consumer.lag"))
        told.wait(lambda: any(each["name"].startswith("commit") for each in told.of("RemoteDependencyData")))
        assert worker.stop() == 0, worker.said
    send(broker.bootstrap_servers, topic, events[:5])
    broker.push_errors(_PRODUCE, [_NOT_ALLOWED] * 100)
    with running(folder, settings) as worker:
        assert worker.process.wait(40) == 1, worker.said
    told.wait(lambda: told.metric("weir.batches.failed"))


def _serve(folder: Path, told: Ingestion) -> None:
    (folder / "primary").write_text(KEY)
    settings = _settings(folder, "localhost:1", "scoring-http")
    settings["http"] = {"port": 0, "auth": {"mode": "key", "primary_key_file": str(folder / "primary")}}
    del settings["stream"]
    config = folder / "serve.yaml"
    config.write_text(yaml.safe_dump(settings))
    with _broken_server(config) as server:
        rows = [{"amount": 1.5, "count": number % 5, "country": "de"} for number in range(50)]
        for asked, expected in ((rows, 200), (rows, 200), (rows[:_UNLUCKY], 500)):
            status, answer = server.ask("POST", "/score", json.dumps({"data": asked}).encode())
            assert status == expected, answer
        told.wait(lambda: told.of("ExceptionData"))
        assert server.stop() == 0, "".join(server.log)


@contextmanager
def _broken_server(config: Path) -> Iterator[Serving]:
    process = subprocess.Popen(
        [sys.executable, "-c", _BROKEN_SERVER, "serve", "--config", str(config)],
        cwd=_ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield Serving(process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
