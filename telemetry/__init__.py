"""What was scored, how fast and by which model: observers that receive frozen facts."""

from telemetry.counters import Counters
from telemetry.observer import BatchFacts, NullObserver, Observer, Observers, RowFacts, Stage, Traced
from telemetry.requests import NullRequests, RequestObserver, Watched
from telemetry.slices import NullSlices, SliceFacts, SliceObserver
from telemetry.subject import Place, StreamSubject

__all__ = [
    "BatchFacts",
    "Counters",
    "NullObserver",
    "NullRequests",
    "NullSlices",
    "Observer",
    "Observers",
    "Place",
    "RequestObserver",
    "RowFacts",
    "SliceFacts",
    "SliceObserver",
    "Stage",
    "StreamSubject",
    "Traced",
    "Watched",
]
