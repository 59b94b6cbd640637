"""What a stream is called by those who watch it."""

from stream_worker.event_hubs.settings import EventHubsConnection, EventHubsSinkSettings
from stream_worker.kafka.settings import KafkaConnection, KafkaSinkSettings
from stream_worker.settings import StreamSettings
from telemetry import Place, StreamSubject

__all__ = ["subject_of"]

_AMQPS = 5671


def subject_of(stream: StreamSettings) -> StreamSubject:
    """Return the subject of a stream's telemetry."""
    source, sink = stream.source, stream.sink
    return StreamSubject(source=_place(source, source.stream), group=source.group, sink=_sink(stream, sink))


def _sink(stream: StreamSettings, sink: KafkaSinkSettings | EventHubsSinkSettings) -> Place:
    if isinstance(sink, KafkaSinkSettings):
        return _place(stream.kafka_connection(sink), sink.stream)
    return _place(stream.event_hubs_connection(sink), sink.stream)


def _place(connection: KafkaConnection | EventHubsConnection, name: str) -> Place:
    where = str(connection.where)
    if isinstance(connection, EventHubsConnection):
        host, _, port = where.partition(":")
        return Place(system="eventhubs", name=name, address=host, port=int(port or _AMQPS))
    host, _, port = where.partition(",")[0].rpartition(":")
    return Place(system="kafka", name=name, address=host, port=int(port))
