"""The data collector: inputs and outputs of a chosen share of events, as Parquet in a folder or a blob container."""

from telemetry.collection.collector import Collector, refuse_what_cannot_begin
from telemetry.collection.settings import CollectionSettings, refuse_unknown_names
from telemetry.collection.waiting import Counts

__all__ = ["CollectionSettings", "Collector", "Counts", "refuse_unknown_names", "refuse_what_cannot_begin"]
