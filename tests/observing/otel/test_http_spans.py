import asyncio

import pytest
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from telemetry.otel.http_spans import HttpSpans
from tests.observing.otel.facts import Figures, Spans

CALLER = {"traceparent": f"00-{7:032x}-{8:016x}-01", "host": "scores.example:8080"}


@pytest.fixture
def door():
    spans, figures = Spans(), Figures()
    observer = HttpSpans(spans.tracer, figures.meter, redact=str)
    observer.spans, observer.figures = spans, figures
    return observer


def test_a_request_goes_on_with_its_callers_trace(door):
    watched = door.began("POST", "/models/fraud/score", CALLER)
    with door.scoring("fraud:3", 2):
        pass
    watched.ended("/models/{name}/score", 200)
    scoring, request = door.spans.all()
    assert (request.name, request.kind) == ("POST /models/{name}/score", SpanKind.SERVER)
    assert (request.context.trace_id, request.parent.span_id, request.parent.is_remote) == (7, 8, True)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/models/{name}/score",
        "http.response.status_code": 200,
        "url.path": "/models/fraud/score",
        "url.scheme": "http",
        "server.address": "scores.example",
        "server.port": 8080,
        "_MS.ProcessedByMetricExtractors": "True",
    }
    assert (scoring.name, scoring.parent.span_id) == ("score fraud:3", request.context.span_id)
    assert scoring.attributes == {"weir.model": "fraud:3", "weir.batch.rows": 2}
    assert not get_current_span().get_span_context().is_valid


def test_its_duration_is_measured_by_route_and_status(door):
    door.began("POST", "/score", {}).ended("/score", 200)
    door.began("BREW", "/pot", {}).ended("", 404)
    measured = {
        (
            each.attributes["http.request.method"],
            each.attributes.get("http.route"),
            each.attributes["http.response.status_code"],
        ): each.count
        for each in door.figures.points("http.server.request.duration")
    }
    assert measured == {("POST", "/score", 200): 1, ("_OTHER", None, 404): 1}
    assert set(door.figures.values("http.server.active_requests").values()) == {0}


def test_our_failures_are_errors_and_the_callers_are_not(door):
    for status in (404, 503):
        door.began("POST", "/score", {}).ended("/score", status)
    theirs, ours = door.spans.all()
    assert (theirs.status.status_code, ours.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert ours.attributes["error.type"] == "503"


@pytest.mark.parametrize("text", ["", "00-0-0-01", "x" * 5000, f"00-{0:032x}-{8:016x}-01"])
def test_a_header_that_names_nothing_begins_a_trace(door, text):
    door.began("POST", "/score", {"traceparent": text}).ended("/score", 200)
    [request] = door.spans.all()
    assert request.parent is None


async def test_requests_side_by_side_keep_their_own(door):
    async def one(number):
        watched = door.began("POST", "/score", {"traceparent": f"00-{number:032x}-{8:016x}-01"})
        await asyncio.sleep(0)
        with door.scoring(f"m{number}:1", None):
            await asyncio.sleep(0)
        watched.ended("/score", 200)

    await asyncio.gather(*(one(number) for number in range(1, 6)))
    traces = {span.name: span.context.trace_id for span in door.spans.all() if span.name.startswith("score")}
    assert traces == {f"score m{number}:1": number for number in range(1, 6)}


def test_behind_a_host_the_request_is_part_of_the_hosts(door):
    hosted = HttpSpans(door.spans.tracer, door.figures.meter, redact=str, kind=SpanKind.INTERNAL)
    with door.spans.tracer.start_as_current_span("the host's") as host:
        hosted.began("POST", "/score", CALLER).ended("/score", 200)
    [request] = door.spans.named("POST /score")
    assert (request.kind, request.parent.span_id) == (SpanKind.INTERNAL, host.get_span_context().span_id)
