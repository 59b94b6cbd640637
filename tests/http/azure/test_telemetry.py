"""Under Azure Functions the host tells of a request, and we of what we do for it, through the worker's own exporter."""

import time

from tests.http.requests_suite import REQUESTS

SCORING = next(asked for asked in REQUESTS if asked.name == "records")
TRACE = "0af7651916cd43dd8448eb211c80319c"
HOSTS_SPAN = "b7ad6b7169203331"
TRACE_PARENT = f"00-{TRACE}-{HOSTS_SPAN}-01"
TELLING = {
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "OTEL_TRACES_SAMPLER": "always_on",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}


def test_what_we_do_stands_below_the_hosts_request_once(make_host, config, ingestion):
    host = make_host(WEIR_CONFIG=str(config), **ingestion.azure_monitor, **TELLING)
    assert host.start() == ""
    assert host.send(SCORING, trace_parent=TRACE_PARENT)[0].status == 200
    ingestion.wait(lambda: len(named(ingestion, TRACE)) >= 2 and ingestion.metric("weir.events.received"))
    time.sleep(1)  # what would be told twice would be told by now
    spans = {span["name"]: span for span in named(ingestion, TRACE)}
    assert set(spans) == {"POST /score", "score payments:1"}
    assert len(named(ingestion, TRACE)) == 2
    assert spans["POST /score"]["tags"]["ai.operation.parentId"] == HOSTS_SPAN
    assert spans["score payments:1"]["tags"]["ai.operation.parentId"] == spans["POST /score"]["id"]
    assert ingestion.of("RequestData") == []
    [received] = [point for point in ingestion.metric("weir.events.received") if point["value"]]
    assert received["properties"]["weir.door"] == "http"


def test_nothing_is_sent_where_the_worker_is_not_told_to(make_host, config, ingestion):
    host = make_host(WEIR_CONFIG=str(config), **ingestion.azure_monitor, OTEL_BSP_SCHEDULE_DELAY="200")
    assert host.start() == ""
    assert host.send(SCORING, trace_parent=TRACE_PARENT)[0].status == 200
    assert "opentelemetry.sdk" not in host.tell("modules")
    assert ingestion.asked == 0


def named(ingestion, trace):
    return [each for each in ingestion.of("RemoteDependencyData") if each["tags"]["ai.operation.id"] == trace]
