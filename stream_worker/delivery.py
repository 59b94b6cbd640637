"""Answers to their sinks, and what becomes of those that a sink will never take.

Rules:
- A prediction that is too large for its stream becomes a dead letter.
- A dead letter that is too large is sent without its value, which `weir-value-omitted` tells by size and digest; the
  event itself still stands where `weir-source` says. One hostile event must not stop its partition for good.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from scoring import Event, Rejected
from scoring.errors import SinkError
from stream_worker.messages import Settled, dead_letter, prediction_messages, without_headers, without_value
from stream_worker.ports import Outgoing, Sink
from telemetry import Traced

__all__ = ["Answers", "answers_to", "deliver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a batch of events came to.

    Attributes:
        answered: the events that have predictions.
        predictions: one for each of them.
        letters: the dead letters of the others.
        model: the reference of the model, for the dead letters.
    """

    answered: Sequence[Event]
    predictions: Sequence[Outgoing]
    letters: Sequence[Outgoing]
    model: str


def answers_to(settled: Settled, model: str, traced: Traced) -> Answers:
    """Return what is to be published for a batch, scored at this moment.

    Args:
        settled: what became of its events.
        model: the reference of the model.
        traced: headers for the predictions that tell which batch this was.
    """
    answered, predictions, refused = settled
    return Answers(
        answered=answered,
        predictions=prediction_messages(answered, predictions, time.time(), traced),
        letters=[dead_letter(event, why, model) for event, why in refused],
        model=model,
    )


async def deliver(answers: Answers, *, sink: Sink, dead_letters: Sink) -> list[Rejected]:
    """Publish everything, and return why predictions became dead letters after all; hardly ever are there any.

    Raises:
        ExceptionGroup: of SinkError: a sink did not acknowledge for longer than is allowed, or takes not even a short
            dead letter.
    """
    async with asyncio.TaskGroup() as group:
        predicting = group.create_task(_publish(sink, answers.predictions))
        group.create_task(_bury(dead_letters, answers.letters))
    too_large = predicting.result()
    if not too_large:
        return []
    reasons = [_prediction_too_large(answers.predictions[place]) for place in too_large]
    events = [answers.answered[place] for place in too_large]
    await _bury(dead_letters, [dead_letter(e, why, answers.model) for e, why in zip(events, reasons, strict=True)])
    return reasons


async def _publish(sink: Sink, messages: Sequence[Outgoing]) -> Sequence[int]:
    return await sink.publish(messages) if messages else ()


async def _bury(sink: Sink, letters: Sequence[Outgoing]) -> None:
    """Publish dead letters, those that are too large without what makes them so."""
    for shorten in (without_value, without_headers):
        too_large = await _publish(sink, letters)
        letters = [shorten(letters[place]) for place in too_large]
    if await _publish(sink, letters):
        raise SinkError("dead_letters: a dead letter without its event's value and headers is still too large")


def _prediction_too_large(message: Outgoing) -> Rejected:
    size = len(message.value or b"")
    return Rejected("prediction_too_large", f"the prediction has {size} bytes; the stream does not take so many")
