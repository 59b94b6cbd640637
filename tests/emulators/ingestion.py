"""A local end for exporters: Application Insights' ingestion and an OTLP collector, on one port of this machine."""

import gzip
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KEY = "11111111-2222-3333-4444-555555555555"
_KINDS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass
class Ingestion:
    """What arrived.

    Attributes:
        envelopes: Application Insights', in the order in which they came.
        otlp: the requests of an OTLP exporter, by path.
        bodies: of all requests, as they came.
        mode: `ok`, `busy` (503) or `hang` (never an answer).
        asked: how many requests came, answered or not.
    """

    port: int = 0
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    otlp: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    bodies: list[bytes] = field(default_factory=list)
    mode: str = "ok"
    asked: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def azure_monitor(self) -> dict[str, str]:
        """The variables that name it as Azure Monitor."""
        return {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={self.url}/;"
            f"LiveEndpoint={self.url}/"
        }

    @property
    def collector(self) -> dict[str, str]:
        """The variables that name it as a collector of OTLP."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the base data of all envelopes of a kind, such as RequestData, each with its tags as `tags`."""
        return [
            {**each["data"]["baseData"], "tags": each["tags"], "time": each["time"]}
            for each in list(self.envelopes)
            if each["data"]["baseType"] == kind
        ]

    def metric(self, name: str) -> list[dict[str, Any]]:
        """Return the points of a metric, each with its properties."""
        return [
            {**point, "properties": data.get("properties") or {}}
            for data in self.of("MetricData")
            for point in data["metrics"]
            if point["name"] == name
        ]

    def wait(self, condition: Callable[[], Any], seconds: float = 30) -> None:
        """Wait until something has arrived."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not arrive; {len(self.envelopes)} envelopes did"
            time.sleep(0.02)

    def take(self, path: str, body: bytes) -> bytes:
        """Take a request, and return the answer's body."""
        self.bodies.append(body)
        if path in _KINDS:
            self.otlp[path].append(_KINDS[path].FromString(body))
            return b""
        if not path.endswith("/track"):
            return b"{}"  # live metrics, which the Functions worker asks for
        envelopes = json.loads(body)
        self.envelopes += envelopes
        return json.dumps({"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []}).encode()


@contextmanager
def ingestion_server(port: int = 0) -> Iterator[Ingestion]:
    """Serve during the block."""
    received = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            received.asked += 1
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if received.mode == "hang":
                received.closing.wait()
                self.close_connection = True
                return
            answer = b"" if received.mode == "busy" else received.take(self.path, body)
            self.send_response(503 if received.mode == "busy" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        received.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
