"""Spans of a stream: one a batch with its steps below it, and a short one for each event that deserves it.

Rules:
- A batch's span begins when its first step began, though it is made only when the batch is about to be published:
  what is dropped before that leaves no span.
- Predictions carry the context of the span that publishes them.
- Spans, links and events' spans are bounded. Nothing is done for each event but to look for its trace header, and that
  only while there are spans to be made.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from scoring import Event, Outcome, Rejected
from telemetry.observer import BatchFacts, NullObserver, RowFacts, Stage, Traced
from telemetry.otel.contexts import NOBODY, Producers, producers_of, span_context
from telemetry.otel.rate import Allowance
from telemetry.subject import StreamSubject

__all__ = ["StreamSpans"]

_SHOWN = 1024
_COMMITTED = 32  # batches that the span of one commit names
_propagator = TraceContextTextMapPropagator()


class _Open(NamedTuple):
    """A batch that is being published."""

    span: Span
    publishing: Span
    producers: Producers


class _Acknowledged(NamedTuple):
    """A batch that a later commit may cover, and when it was acknowledged, in nanoseconds since 1970 UTC."""

    span: Span
    end: int


class StreamSpans(NullObserver):
    """Makes spans of a stream's batches."""

    def __init__(
        self,
        tracer: Tracer,
        event_tracer: Tracer,
        subject: StreamSubject,
        *,
        links: int,
        event_spans_per_second: int,
        redact: Callable[[str], str],
    ) -> None:
        """Set it up.

        Args:
            tracer: makes the spans of batches; its sampler decides which are recorded.
            event_tracer: makes the spans of events, and records every one.
            subject: the stream.
            links: producers that a batch's span names, at most.
            event_spans_per_second: spans of events, at most.
            redact: takes secrets out of an error's words.
        """
        self._redact = redact
        self._tracer = tracer
        self._event_tracer = event_tracer
        self._subject = subject
        self._links = links
        self._allowance = Allowance(event_spans_per_second)
        self._open: _Open | None = None
        self._uncommitted: deque[_Acknowledged] = deque(maxlen=_COMMITTED)
        self._source = {
            **subject.source.mapped,
            "messaging.consumer.group.name": subject.group,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
        }

    def publishing(self, events: Sequence[Event], stages: Sequence[Stage]) -> Traced:
        """Begin the spans of a batch, and return the header that names the one that publishes it."""
        span = self._tracer.start_span(
            f"process {self._subject.source.name}",
            kind=SpanKind.CONSUMER,
            attributes={**self._source, "messaging.batch.message_count": len(events), "weir.batch.events": len(events)},
            start_time=stages[0].start,
        )
        below = set_span_in_context(span, Context())
        # a batch that leaves no trace need not be searched
        producers = producers_of(events) if span.is_recording() or self._allowance.left() else NOBODY
        if span.is_recording():
            self._link(span, producers, events)
            for stage in stages:
                self._tracer.start_span(stage.name, below, start_time=stage.start).end(stage.end)
        publishing = self._tracer.start_span(
            f"send {self._subject.sink.name}",
            below,
            kind=SpanKind.PRODUCER,
            attributes={
                **self._subject.sink.mapped,
                "messaging.operation.name": "send",
                "messaging.operation.type": "send",
                "messaging.batch.message_count": len(events),
            },
        )
        self._open = _Open(span, publishing, producers)
        return _as_headers(publishing)

    def batch(self, facts: BatchFacts) -> None:
        """End the spans of a batch, and make those of its events."""
        opened, self._open = self._open, None
        if opened is None:
            return
        span, end = opened.span, facts.stages[-1].end
        opened.publishing.end(end)
        self._make_event_spans(opened, facts)
        if span.is_recording():
            manifest = facts.rows.manifest
            span.set_attributes(
                {
                    "weir.model.name": manifest.name,
                    "weir.model.version": manifest.version,
                    "weir.model.digest": manifest.digest,
                    "weir.batch.predicted": facts.predicted,
                    "weir.batch.positive": facts.positive,
                    "weir.batch.rejected": sum(facts.rejected.values()),
                }
            )
            self._uncommitted.append(_Acknowledged(span, time.time_ns()))
        span.end(end)

    def failed(self, error: BaseException) -> None:
        """End the spans of a batch that was not acknowledged; its events come again."""
        opened, self._open = self._open, None
        if opened is None:
            return
        words = self._redact(str(error))[:_SHOWN]
        for span in (opened.publishing, opened.span):
            span.set_attribute("error.type", type(error).__name__)
            # Azure Monitor's exporter leaves out what the conventions call these
            span.set_attributes({"weir.error.type": type(error).__name__, "weir.error.reason": words})
            span.set_status(Status(StatusCode.ERROR, words))
            span.end()

    def committed(self, stage: Stage) -> None:
        """Make a span below the last batch that was committed, with links to those before it."""
        covered: list[Span] = []
        while self._uncommitted and self._uncommitted[0].end <= stage.start:
            covered.append(self._uncommitted.popleft().span)
        if not covered:
            return
        *others, last = covered
        self._tracer.start_span(
            f"commit {self._subject.source.name}",
            set_span_in_context(last, Context()),
            kind=SpanKind.CLIENT,
            attributes={
                **self._source,
                "messaging.operation.name": "commit",
                "messaging.operation.type": "settle",
            },
            links=[Link(span.get_span_context()) for span in others],
            start_time=stage.start,
        ).end(stage.end)

    def _link(self, span: Span, producers: Producers, events: Sequence[Event]) -> None:
        """Name the producers in a batch's span, those that are recorded first, as many as are allowed."""
        recorded = set(producers.sampled)
        others = (row for row in producers.texts if row not in recorded)
        linked = 0
        for row in islice(chain(producers.sampled, others), self._links):
            context = span_context(producers.texts[row])
            if context is not None:
                span.add_link(context, _enqueued(events[row]))
                linked += 1
        if linked < len(producers.texts):
            span.set_attribute("weir.links.omitted", len(producers.texts) - linked)

    def _make_event_spans(self, opened: _Open, facts: BatchFacts) -> None:
        """Make spans of what is remarkable, then of what producers trace, as many as are allowed."""
        if not self._allowance.left() and not opened.span.is_recording():
            return
        texts, sampled = opened.producers.texts, set(opened.producers.sampled)
        is_remarkable = _is_remarkable(facts.rows)
        only_traced = [row for row in opened.producers.sampled if not is_remarkable(row)]
        wanted = facts.rows.positive + len(facts.rows.refused) + len(only_traced)
        granted = self._allowance.take(wanted)
        if granted < wanted:
            opened.span.set_attribute("weir.event_spans.omitted", wanted - granted)
        batch = opened.span.get_span_context()
        # a batch has many more than are granted: it is looked through only as far as needed
        remarkable = filter(is_remarkable, range(facts.events))
        for row in islice(chain(remarkable, only_traced), granted):
            self._make_event_span(span_context(texts[row]) if row in sampled else None, batch, facts, row)

    def _make_event_span(self, producer: SpanContext | None, batch: SpanContext, facts: BatchFacts, row: int) -> None:
        """Make the span of one event: in its producer's trace where that is recorded, else in its batch's."""
        self._event_tracer.start_span(
            f"score {self._subject.source.name}",
            _below(producer or batch),
            kind=SpanKind.INTERNAL if producer is None else SpanKind.CONSUMER,
            attributes={
                **(_of_event(facts.rows, row)),
                **({} if producer is None else self._source),
            },
            links=() if producer is None else (Link(batch),),
            start_time=facts.stages[0].start,
        ).end(facts.stages[-1].end)


def _is_remarkable(rows: RowFacts) -> Callable[[int], bool]:
    """Return what tells whether a row is a dead letter or carries the positive label."""
    outcomes, positive = rows.outcomes, rows.manifest.outputs.positive

    def is_remarkable(row: int) -> bool:
        outcome = outcomes[row]
        return isinstance(outcome, Rejected) or (positive is not None and outcome.label == positive)

    return is_remarkable


def _of_event(rows: RowFacts, row: int) -> dict[str, AttributeValue]:
    event, outcome = rows.events[row], rows.outcomes[row]
    attributes: dict[str, AttributeValue] = {"weir.model.name": rows.manifest.name}
    attributes["weir.model.version"] = rows.manifest.version
    if event.position is not None:
        attributes["messaging.destination.partition.id"] = str(event.position.partition)
        attributes["weir.source"] = str(event.position)
    attributes.update(_of_outcome(outcome))
    return attributes


def _of_outcome(outcome: Outcome) -> dict[str, AttributeValue]:
    if isinstance(outcome, Rejected):
        return {
            "weir.outcome": "rejected",
            "weir.error.code": outcome.code,
            "weir.error.field": outcome.field,
            "weir.error.reason": outcome.reason,
        }
    found: dict[str, AttributeValue] = {"weir.outcome": "predicted", "weir.prediction_id": outcome.prediction_id}
    found["weir.score"] = outcome.score
    if outcome.label is not None:
        found["weir.label"] = outcome.label
    return found


def _enqueued(event: Event) -> dict[str, AttributeValue] | None:
    """Return what Application Insights works out the time in the queue from, in milliseconds since 1970."""
    return None if event.time is None else {"enqueuedTime": event.time}


def _below(context: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(context), Context())


def _as_headers(span: Span) -> Traced:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, set_span_in_context(span, Context()))
    return tuple((name, text.encode()) for name, text in carrier.items())
