"""A worker's telemetry as a backend gets it: from the producer through the batch to the prediction."""

import json
from pathlib import Path

import pytest

from scoring import Event
from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.test_worker import running
from tests.emulators.ingestion import Ingestion, ingestion_server
from tests.stream.kafka import read_back, send

PRODUCER_TRACE = "0af7651916cd43dd8448eb211c80319c"
PRODUCER_SPAN = "b7ad6b7169203331"
TRACEPARENT = f"00-{PRODUCER_TRACE}-{PRODUCER_SPAN}-01".encode()


class Stage:
    """Topics on a broker, and a worker that tells of its work."""

    def __init__(self, broker, folder: Path, **telemetry) -> None:
        self.servers = broker.bootstrap_servers
        self.topics = {key: broker.create_topic(unique_topic(key), 1) for key in ("in", "out", "dead")}
        self.settings = configuration(folder, self.servers)
        self.settings["telemetry"] = {"service_name": "scoring-of-payments", "metrics_interval_s": 1, **telemetry}
        stream = self.settings["stream"]
        stream["source"]["session_timeout_s"] = 6
        for key, name in (("source", "in"), ("sink", "out"), ("dead_letters", "dead")):
            stream[key]["topic"] = self.topics[name]

    def send(self, *events: Event) -> None:
        send(self.servers, self.topics["in"], list(events))

    def predictions(self) -> list:
        return read_back(self.servers, self.topics["out"])

    def letters(self) -> list:
        return read_back(self.servers, self.topics["dead"])


def payment(number: int, **more) -> Event:
    headers = more.pop("headers", ())
    fields = {"id": f"p{number}", "amount": number / 8, "count": number % 5, "country": "de"}
    return Event(json.dumps(fields | more).encode(), f"k{number}".encode(), headers)


@pytest.fixture
def told(monkeypatch, tmp_path) -> Ingestion:
    """Where telemetry goes, to both kinds of backend."""
    with ingestion_server() as server:
        for name, value in (server.azure_monitor | server.collector | {"OTEL_TRACES_SAMPLER": "always_on"}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        yield server


def test_a_trace_leads_from_the_producer_through_the_batch_to_the_prediction(apache_kafka, tmp_path, told):
    stage = Stage(apache_kafka, tmp_path)
    stage.send(payment(1, headers=(("traceparent", TRACEPARENT),)), payment(2), payment(3, country="nowhere"))
    with running(tmp_path, stage.settings) as worker:
        told.wait(lambda: len(told.of("RequestData")) >= 2 and told.metric("weir.consumer.lag"))
        told.wait(lambda: any(each["name"].startswith("commit") for each in told.of("RemoteDependencyData")))
        assert worker.stop() == 0

    batch = request(told, f"process {stage.topics['in']}")
    operation = batch["tags"]["ai.operation.id"]
    links = json.loads(batch["properties"]["_MS.links"])
    assert links == [{"operation_Id": PRODUCER_TRACE, "id": PRODUCER_SPAN}]
    assert batch["source"].endswith(f"/{stage.topics['in']}")
    assert batch["tags"]["ai.cloud.role"] == "scoring-of-payments"

    below = {
        each["name"]: each for each in told.of("RemoteDependencyData") if each["tags"]["ai.operation.id"] == operation
    }
    sent = below[f"send {stage.topics['out']}"]
    assert {"decode", "score", sent["name"]} < set(below)
    assert {
        each["tags"]["ai.operation.parentId"]
        for each in below.values()
        if each["name"] != f"score {stage.topics['in']}"
    } >= {batch["id"]}
    assert sent["type"] == "Queue Message | kafka"

    for message in stage.predictions():
        _, trace, span, _ = dict(message.headers())["traceparent"].decode().split("-")
        assert (trace, span) == (operation, sent["id"])

    event = request(told, f"score {stage.topics['in']}")
    assert (event["tags"]["ai.operation.id"], event["tags"]["ai.operation.parentId"]) == (PRODUCER_TRACE, PRODUCER_SPAN)
    assert json.loads(event["properties"]["_MS.links"]) == [{"operation_Id": operation, "id": batch["id"]}]
    answers = {json.loads(message.value())["event_id"]: json.loads(message.value()) for message in stage.predictions()}
    assert event["properties"]["weir.prediction_id"] == answers["p1"]["prediction_id"]
    [refused] = [each for each in below.values() if each["properties"].get("weir.outcome") == "rejected"]
    assert refused["properties"]["weir.error.code"] == "scoring_failed"
    check_sizes(told)

    spans = [
        span for each in told.otlp["/v1/traces"] for r in each.resource_spans for s in r.scope_spans for span in s.spans
    ]
    assert {operation, PRODUCER_TRACE} <= {span.trace_id.hex() for span in spans}


def request(told: Ingestion, name: str) -> dict:
    [found] = [each for each in told.of("RequestData") if each["name"] == name]
    return found


def check_sizes(told: Ingestion) -> None:
    assert told.envelopes
    assert max(len(json.dumps(each).encode()) for each in told.envelopes) < 64 * 1024
