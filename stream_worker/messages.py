"""Outcomes to messages: predictions with where they came from, dead letters with why."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from scoring import Event, Outcome, Prediction, Rejected, encode
from stream_worker.ports import Outgoing
from telemetry import Traced

__all__ = ["LETTER_HEADERS", "OMITTED", "Settled", "dead_letter", "prediction_messages", "split"]
__all__ += ["without_headers", "without_value"]

OMITTED = "weir-value-omitted"
"""In place of an event's value that its dead letter has no room for: its size and SHA-256."""

LETTER_HEADERS = frozenset(
    {"weir-error-code", "weir-error-reason", "weir-error-field", "weir-source", "weir-model", OMITTED}
)
"""What a dead letter carries beside the event's own headers."""

_key_of = attrgetter("key")
_partition_of = attrgetter("position.partition")


class Settled(NamedTuple):
    """What became of the events of a batch.

    Attributes:
        answered: those that have predictions.
        predictions: one for each of them.
        refused: the others, each with why.
    """

    answered: Sequence[Event]
    predictions: list[Prediction]
    refused: list[tuple[Event, Rejected]]


def split(events: Sequence[Event], outcomes: Sequence[Outcome]) -> Settled:
    """Return the predictions with their events, and the rejections with theirs, each in order."""
    refused = [(event, item) for event, item in zip(events, outcomes, strict=True) if isinstance(item, Rejected)]
    predictions = [item for item in outcomes if isinstance(item, Prediction)]
    if not refused:
        return Settled(events, predictions, refused)
    answered = [event for event, item in zip(events, outcomes, strict=True) if isinstance(item, Prediction)]
    return Settled(answered, predictions, refused)


def prediction_messages(
    events: Sequence[Event], predictions: Sequence[Prediction], seconds: float, traced: Traced = ()
) -> list[Outgoing]:
    """Return one message a prediction: its bytes, its event's key, and beside them what is not the model's to say.

    Args:
        events: the events that were answered.
        predictions: one for each.
        seconds: the time of scoring, in seconds since 1970 UTC.
        traced: headers that tell which batch this was.
    """
    scored_at = ("weir-scored-at", datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").encode())
    sources = (
        ("weir-source", f"{at.stream}/{at.partition}/{at.offset}".encode())
        for event in events
        if (at := event.position) is not None
    )
    # a list of a known length is made in one step
    match traced:
        case ():
            headers = [[source, scored_at] for source in sources]
        case (trace,):
            headers = [[source, scored_at, trace] for source in sources]
        case _:
            headers = [[source, scored_at, *traced] for source in sources]
    return list(map(Outgoing, encode(predictions), map(_key_of, events), headers, map(_partition_of, events)))


def dead_letter(event: Event, rejected: Rejected, model: str) -> Outgoing:
    """Return the event untouched, with what was wrong in headers after its own.

    Args:
        event: as it arrived.
        rejected: why it got no prediction.
        model: the reference of the model that refused it.
    """
    reasons = {
        "weir-error-code": rejected.code,
        "weir-error-reason": rejected.reason,
        "weir-error-field": rejected.field,
        "weir-source": str(event.position),
        "weir-model": model,
    }
    headers = [*event.headers, *((name, text.encode()) for name, text in reasons.items())]
    return Outgoing(event.value, event.key, headers, event.position.partition if event.position is not None else 0)


def without_value(letter: Outgoing) -> Outgoing:
    """Return a dead letter that tells its event's value by size and digest only."""
    value = letter.value or b""
    omitted = f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}"
    return Outgoing(None, letter.key, [*letter.headers, (OMITTED, omitted.encode())], letter.partition)


def without_headers(letter: Outgoing) -> Outgoing:
    """Return a dead letter without its event's key and headers: ours, the last of each name, are all that is left."""
    ours = {name: text for name, text in letter.headers if name in LETTER_HEADERS}
    return Outgoing(letter.value, None, list(ours.items()), letter.partition)
