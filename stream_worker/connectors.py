"""The source and the sinks that settings name; a client library is imported only where one of its kind is named."""

# ruff: noqa: PLC0415 - see above

from stream_worker.event_hubs.settings import EventHubsSinkSettings, EventHubsSourceSettings
from stream_worker.kafka.settings import KafkaSinkSettings, KafkaSourceSettings
from stream_worker.ports import Sink, Source
from stream_worker.settings import StreamSettings

__all__ = ["make_sink", "make_source"]


def make_source(settings: KafkaSourceSettings | EventHubsSourceSettings) -> Source:
    """Return the source that settings describe, without connecting it."""
    if isinstance(settings, KafkaSourceSettings):
        from stream_worker.kafka.source import KafkaSource

        return KafkaSource(settings)
    from stream_worker.event_hubs.source import EventHubsSource

    return EventHubsSource(settings)


def make_sink(stream: StreamSettings, settings: KafkaSinkSettings | EventHubsSinkSettings, *, name: str) -> Sink:
    """Return the sink that settings describe, without connecting it.

    Args:
        stream: all of the settings: a sink without a connection of its own has the source's.
        settings: those of the sink.
        name: their key, for errors.
    """
    if isinstance(settings, KafkaSinkSettings):
        from stream_worker.kafka.sink import KafkaSink

        return KafkaSink(settings, stream.kafka_connection(settings), name=name)
    from stream_worker.event_hubs.sink import EventHubsSink

    return EventHubsSink(settings, stream.event_hubs_connection(settings), name=name)
