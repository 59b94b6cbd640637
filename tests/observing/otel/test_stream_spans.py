import time

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from scoring.errors import SinkError
from telemetry import Stage
from telemetry.otel.contexts import span_context
from telemetry.otel.stream_spans import StreamSpans
from tests.observing.otel.facts import BEGUN, SUBJECT, Spans, event, run_through, stages, traceparent


class Watched:
    def __init__(self, *, links=64, event_spans_per_second=10, **options):
        self.spans, self.events = Spans(**options), Spans()
        self.observer = StreamSpans(
            self.spans.tracer,
            self.events.tracer,
            SUBJECT,
            links=links,
            event_spans_per_second=event_spans_per_second,
            redact=str.upper,
        )


def test_a_batch_is_a_consumer_span_with_its_steps_below_it():
    watched = Watched()
    run_through(watched.observer, [event(1), event(2)])
    [batch] = watched.spans.named("process events")
    below = {span.name: span for span in watched.spans.all() if span is not batch}
    assert set(below) == {"decode", "score", "send predictions"}
    assert all(span.parent.span_id == batch.context.span_id for span in below.values())
    assert (batch.kind, below["send predictions"].kind, below["score"].kind) == (
        SpanKind.CONSUMER,
        SpanKind.PRODUCER,
        SpanKind.INTERNAL,
    )
    assert (batch.start_time, batch.end_time) == (BEGUN, BEGUN + 40_000_000)
    assert (below["score"].start_time, below["score"].end_time) == (BEGUN + 10_000_000, BEGUN + 20_000_000)
    assert batch.attributes == {
        "messaging.system": "kafka",
        "messaging.destination.name": "events",
        "messaging.destination": "events",
        "messaging.consumer.group.name": "scoring",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": 2,
        "weir.batch.events": 2,
        "server.address": "broker.example",
        "server.port": 9092,
        "net.peer.name": "broker.example",
        "weir.model.name": "model",
        "weir.model.version": 1,
        "weir.model.digest": "0123456789abcdef" * 4,
        "weir.batch.predicted": 2,
        "weir.batch.positive": 0,
        "weir.batch.rejected": 0,
    }


def test_predictions_carry_the_context_of_the_span_that_publishes_them():
    watched = Watched()
    headers = run_through(watched.observer, [event(1)])
    [send] = watched.spans.named("send predictions")
    context = span_context(headers["traceparent"])
    assert (context.trace_id, context.span_id) == (send.context.trace_id, send.context.span_id)
    assert context.trace_flags.sampled


def test_a_batch_that_is_not_recorded_is_named_all_the_same():
    watched = Watched(sampler=ALWAYS_OFF, event_spans_per_second=0)
    headers = run_through(watched.observer, [event(1)])
    assert not span_context(headers["traceparent"]).trace_flags.sampled
    watched.observer.committed(Stage("commit", BEGUN, BEGUN))
    assert watched.spans.all() == []


class TestLinks:
    def test_each_producer_is_named_with_when_its_event_was_appended(self):
        watched = Watched()
        run_through(
            watched.observer, [event(1, 0.0, traceparent(7)), event(2), event(3, 0.0, traceparent(8, sampled=False))]
        )
        [batch] = watched.spans.named("process events")
        assert [(link.context.trace_id, link.context.span_id) for link in batch.links] == [(7, 7), (8, 8)]
        assert {link.attributes["enqueuedTime"] for link in batch.links} == {BEGUN // 1_000_000 - 250}
        assert "weir.links.omitted" not in batch.attributes

    def test_those_that_are_recorded_come_first_and_the_others_are_counted(self):
        watched = Watched(links=3, event_spans_per_second=0)
        producers = [traceparent(number, sampled=number in {5, 9}) for number in range(1, 11)]
        run_through(watched.observer, [event(number, 0.0, each) for number, each in enumerate(producers)])
        [batch] = watched.spans.named("process events")
        assert [link.context.trace_id for link in batch.links] == [5, 9, 1]
        assert batch.attributes["weir.links.omitted"] == 7

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"00-",
            b"x" * 55,
            b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01",
            b"ff-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01",
            b"\xff" * 55,
        ],
    )
    def test_a_header_that_names_nothing_is_passed_over(self, text):
        watched = Watched()
        run_through(watched.observer, [event(1, 0.0, ("traceparent", text))])
        [batch] = watched.spans.named("process events")
        assert batch.links == ()


class TestEvents:
    def test_an_event_whose_trace_is_recorded_has_a_span_in_it(self):
        watched = Watched(sampler=ALWAYS_OFF)
        headers = run_through(
            watched.observer, [event(1, 0.0, traceparent(7)), event(2, 0.0, traceparent(8, sampled=False))]
        )
        [span] = watched.events.all()
        assert (span.context.trace_id, span.parent.span_id, span.kind) == (7, 7, SpanKind.CONSUMER)
        [link] = span.links
        assert f"{link.context.trace_id:032x}".encode() == headers["traceparent"].split(b"-")[1]
        assert span.attributes["weir.outcome"] == "predicted"
        assert span.attributes["weir.score"] == 0.0
        assert span.attributes["messaging.destination.partition.id"] == "3"
        assert span.attributes["weir.source"] == "events/3/1"

    def test_what_is_positive_or_refused_has_one_in_its_batch(self):
        watched = Watched()
        run_through(watched.observer, [event(1, 0.1), event(2, 0.9), event(3, "much")])
        [batch] = watched.spans.named("process events")
        positive, refused = watched.events.all()
        assert positive.attributes["weir.source"] == "events/3/2"
        assert {span.parent.span_id for span in (positive, refused)} == {batch.context.span_id}
        assert {span.kind for span in (positive, refused)} == {SpanKind.INTERNAL}
        assert positive.attributes["weir.label"] == "yes"
        assert refused.attributes["weir.outcome"] == "rejected"
        assert (refused.attributes["weir.error.code"], refused.attributes["weir.error.field"]) == ("wrong_type", "x")
        assert "much" not in str(refused.attributes)
        assert (batch.attributes["weir.batch.positive"], batch.attributes["weir.batch.rejected"]) == (1, 1)

    def test_what_is_remarkable_comes_before_what_is_only_traced(self):
        watched = Watched(event_spans_per_second=3)
        events = [event(number, 0.1, traceparent(number)) for number in range(1, 51)]
        events += [event(51, 0.9, traceparent(51)), event(52, "much", traceparent(52)), event(53, "more")]
        run_through(watched.observer, events)
        assert [span.attributes["weir.source"] for span in watched.events.all()] == [
            "events/3/51", "events/3/52", "events/3/53",
        ]  # fmt: skip
        [batch] = watched.spans.named("process events")
        assert batch.attributes["weir.event_spans.omitted"] == 50

    def test_they_are_no_more_than_allowed_and_the_others_are_counted(self):
        watched = Watched(event_spans_per_second=4)
        run_through(watched.observer, [event(number, 0.9) for number in range(100)])
        run_through(watched.observer, [event(number, 0.9) for number in range(100)])
        first, second = (span.attributes["weir.event_spans.omitted"] for span in watched.spans.named("process events"))
        assert (len(watched.events.all()), first) == (4, 96)
        assert second == 100


def test_a_batch_that_was_not_acknowledged_says_why():
    watched = Watched()
    watched.observer.publishing([event(1)], stages("decode", "score"))
    watched.observer.failed(SinkError("the topic is gone"))
    [batch] = watched.spans.named("process events")
    [send] = watched.spans.named("send predictions")
    for span in (batch, send):
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "THE TOPIC IS GONE")
        assert span.attributes["error.type"] == "SinkError"


def test_a_commit_stands_below_the_last_batch_and_names_those_before():
    watched = Watched()
    for number in range(3):
        run_through(watched.observer, [event(number)])
    now = time.time_ns()
    watched.observer.committed(Stage("commit", now, now + 5))
    run_through(watched.observer, [event(4)])
    watched.observer.committed(Stage("commit", now, now + 5))  # it began before that one was acknowledged
    one, two, three, _ = watched.spans.named("process events")
    [commit] = watched.spans.named("commit events")
    assert (commit.kind, commit.parent.span_id) == (SpanKind.CLIENT, three.context.span_id)
    assert [link.context.span_id for link in commit.links] == [one.context.span_id, two.context.span_id]
    assert commit.attributes["messaging.operation.type"] == "settle"


def test_a_batch_whose_commit_nobody_saw_takes_no_memory():
    watched = Watched()
    for number in range(100):
        run_through(watched.observer, [event(number)])
    assert len(watched.observer._uncommitted) == 32
