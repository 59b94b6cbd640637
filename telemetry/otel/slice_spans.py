"""A span for each slice of a replay."""

from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from telemetry.slices import SliceFacts

__all__ = ["SliceSpans"]


class SliceSpans:
    """Makes spans of slices; they are few, and all of them are recorded."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def finished(self, facts: SliceFacts) -> None:
        """Make the span of a slice."""
        name, _, version = facts.model.rpartition(":")
        attributes: dict[str, str | int] = {
            "weir.replay.group": facts.group,
            "weir.replay.slice": facts.number,
            "weir.model.name": name,
            "weir.model.version": int(version),
            "weir.batch.records": facts.records,
            "weir.batch.predicted": facts.predictions,
            "weir.batch.rejected": facts.dead_letters,
            "weir.replay.problems": facts.problems,
        }
        self._tracer.start_span("replay", Context(), attributes=attributes, start_time=facts.start).end(facts.end)
