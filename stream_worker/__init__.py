"""The stream door: sources, sinks, dead letters and the run loop."""

from stream_worker.connectors import make_sink, make_source
from stream_worker.ports import Batch, Outgoing, Partition, Sink, Source
from stream_worker.settings import StreamSettings
from stream_worker.status import Status
from stream_worker.watchdog import Watchdog
from stream_worker.worker import Worker

__all__ = [
    "Batch",
    "Outgoing",
    "Partition",
    "Sink",
    "Source",
    "Status",
    "StreamSettings",
    "Watchdog",
    "Worker",
    "make_sink",
    "make_source",
]
