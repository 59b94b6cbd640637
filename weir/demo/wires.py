"""What the demonstration's two sides agree on: the streams' names, and what a wire does for the producer's side."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, Self

from examples.fraud.events import StreamEvent

__all__ = ["DEAD_LETTERS", "PARTITIONS", "PREDICTIONS", "STEADY_RATE", "TRANSACTIONS", "Answer", "Kind", "Wire"]

TRANSACTIONS = "transactions"
PREDICTIONS = "predictions"
DEAD_LETTERS = "transactions.dead"
PARTITIONS = 4

Kind = Literal["kafka", "event_hubs"]

STEADY_RATE: Mapping[str, int] = {"kafka": 5000, "event_hubs": 1000}
"""Events a second for which the latency is shown: well below what a worker does on each."""


class Answer(NamedTuple):
    """What came back: a prediction, or a dead letter with its headers."""

    stream: str
    value: bytes
    headers: Mapping[str, str | bytes | None]


class Wire(Protocol):
    """A server with the three streams, a producer, and a reader of what comes out."""

    def __enter__(self) -> Self:
        """Start."""
        ...

    def __exit__(self, *exception: object) -> None:
        """End."""
        ...

    @property
    def address(self) -> Mapping[str, Any]:
        """What the worker's settings need: `kind` and how to reach the server."""
        ...

    def send(self, partition: int, events: Sequence[StreamEvent]) -> None:
        """Send events of one partition, in order."""
        ...

    def flush(self) -> None:
        """Wait until what was sent is stored."""
        ...

    def read(self, timeout: float) -> Iterable[Answer]:
        """Return what came out since the last time, waiting for at most so many seconds."""
        ...
