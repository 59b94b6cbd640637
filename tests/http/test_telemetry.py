"""The HTTP door's telemetry as a backend gets it: the caller's trace goes on, and leads to the scoring."""

import json
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from function_app.problems import ProblemError
from function_app.serving import Models
from function_app.settings import HttpSettings
from models import Deployment, LocalStore
from scoring import Manifest
from scoring.errors import ConfigurationError
from tests.emulators.ingestion import Ingestion
from tests.http.running import Serving, serving
from tests.http.test_handler import GOOD

CALLER = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{CALLER}-b7ad6b7169203331-01"
TELLING = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_TRACES_SAMPLER": "parentbased_always_on"}


@pytest.fixture
def server(
    ingestion: Ingestion, fraud_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serving]:
    for name, value in (ingestion.azure_monitor | ingestion.collector | TELLING).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WEIR__TELEMETRY__METRICS_INTERVAL_S", "1")
    with serving(tmp_path, fraud_store) as running:
        yield running


def test_a_request_is_followed_from_its_caller_to_the_scoring(server: Serving, ingestion: Ingestion) -> None:
    body = b"[" + b",".join(GOOD[:3]) + b"]"
    status, _ = server.ask("POST", "/models/fraud/predictions", body, traceparent=TRACEPARENT)
    assert status == 200
    ingestion.wait(lambda: ingestion.of("RemoteDependencyData"))
    ingestion.wait(lambda: ingestion.metric("http.server.request.duration"))
    [request] = ingestion.of("RequestData")
    [scoring] = ingestion.of("RemoteDependencyData")
    assert request["name"] == "POST /models/{name}/predictions"
    assert (request["responseCode"], request["success"]) == ("200", True)
    assert request["url"] == f"http://127.0.0.1:{server.port}/models/fraud/predictions"
    assert (request["tags"]["ai.operation.id"], request["tags"]["ai.operation.parentId"]) == (
        CALLER,
        "b7ad6b7169203331",
    )
    assert (scoring["name"], scoring["type"]) == ("score fraud:1", "InProc")
    assert (scoring["tags"]["ai.operation.id"], scoring["tags"]["ai.operation.parentId"]) == (CALLER, request["id"])
    spans = [
        span
        for each in ingestion.otlp["/v1/traces"]
        for resource in each.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {span.trace_id.hex() for span in spans} == {CALLER}


def test_what_was_asked_is_counted_and_probes_are_not(server: Serving, ingestion: Ingestion) -> None:
    for path, body in (
        ("/models/fraud/predictions", b"[" + GOOD[0] + b"]"),
        ("/models/fraud/predictions", b"["),
        ("/nowhere", b""),
    ):
        server.ask("POST", path, body)
    head = "POST /models/fraud/predictions HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
    server.ask("GET", "/healthz")
    server.ask("GET", "/readyz")
    assert server.stop() == 0
    asked = {
        (point["http.route"], point["http.response.status_code"]): count
        for point, count in durations(ingestion.otlp["/v1/metrics"][-1])
    }
    scored = "/models/{name}/predictions"
    assert asked == {(scored, "200"): 1, (scored, "400"): 1, (scored, "413"): 1, ("", "404"): 1}
    received = ingestion.metric("weir.events.received")
    assert sum(point["value"] for point in received) == 1
    assert {point["properties"]["weir.door"] for point in received} == {"http"}
    assert max(len(json.dumps(each)) for each in ingestion.envelopes) < 64 * 1024


def durations(exported: Any) -> Iterator[tuple[dict[str, str], int]]:
    """Yield the attributes of each kind of request that a collector was told of, and how many there were."""
    for resource in exported.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == "http.server.request.duration":
                    for point in metric.histogram.data_points:
                        shown = {
                            each.key: each.value.string_value or str(each.value.int_value) for each in point.attributes
                        }
                        yield defaultdict(str, shown), point.count


async def test_models_that_a_collection_does_not_fit_are_not_served_by_name_either(fraud_store: Path) -> None:
    def check(manifests: Sequence[Manifest]) -> None:
        assert [manifest.reference for manifest in manifests] == ["fraud:1"]
        raise ConfigurationError("telemetry.collection.sensitive: 'crad' is nothing that fraud:1 is fed")

    deployment = Deployment(name="blue", model="fraud@champion", traffic=100)
    models = Models(LocalStore(fraud_store), [deployment], HttpSettings(), check=check)
    with pytest.raises(ConfigurationError):
        await models.load()
    with pytest.raises(ProblemError, match="crad"):
        models.choose(b"")
    with pytest.raises(ProblemError, match="crad"):
        await models.named("fraud:1")
