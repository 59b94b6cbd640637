"""Where events say which trace they belong to: W3C `traceparent`, or `Diagnostic-Id` of Azure's older clients."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from scoring import Event

__all__ = ["NOBODY", "Producers", "producers_of", "span_context"]

_NAMES = frozenset({"traceparent", "Diagnostic-Id"})
_LENGTH = 55  # of a traceparent of version 00
_SAMPLED = frozenset(b"13579bdf")  # a last digit that has its lowest bit set
_headers_of = attrgetter("headers")
_propagator = TraceContextTextMapPropagator()


class Producers(NamedTuple):
    """What the events of a batch say of the traces that made them, unread.

    Attributes:
        texts: the values of their headers, by row.
        sampled: the rows whose traces are recorded.
    """

    texts: Mapping[int, bytes]
    sampled: Sequence[int]


NOBODY = Producers({}, ())
"""Nobody says anything, or nobody asks."""


def producers_of(events: Sequence[Event]) -> Producers:
    """Return what the events of a batch say of their traces; one that says it twice is taken at its last word."""
    if not any(map(_headers_of, events)):
        return NOBODY
    texts = {
        row: text
        for row, headers in enumerate(map(_headers_of, events))
        for name, text in headers
        if name in _NAMES and text is not None and len(text) == _LENGTH  # Kafka lets a header be null
    }
    return Producers(texts, [row for row, text in texts.items() if text[-1] in _SAMPLED])


def span_context(text: bytes) -> SpanContext | None:
    """Return the span that a header's value names; None where it names none."""
    carrier = {"traceparent": text.decode("latin-1")}
    found = get_current_span(_propagator.extract(carrier)).get_span_context()
    return found if found.is_valid else None
