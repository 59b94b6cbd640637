"""`weir redrive`: dead letters back into the stream."""

from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from scoring.errors import ConfigurationError
from stream_worker import Sink, Source, StreamSettings, make_sink, make_source
from stream_worker.event_hubs.settings import EventHubsConnection, EventHubsSinkSettings, EventHubsSourceSettings
from stream_worker.kafka.settings import KafkaConnection, KafkaSinkSettings, KafkaSourceSettings
from stream_worker.redrive import redrive
from weir.settings import load_settings
from weir.worker import stream_settings

__all__ = ["command", "redrive_ends"]


def command(
    config: Annotated[Path, typer.Option(help="The worker's configuration file.")] = Path("weir.yaml"),
) -> None:
    """Send dead letters back to the stream that they came from, as they were, after a fix.

    Those that wait when it starts are sent, once: what is refused again waits for the next time. After an interruption,
    run it again and it goes on where it was.

    Example: weir redrive --config weir.yaml
    """
    stream = stream_settings(load_settings(config), config)
    console = Console(stderr=True)
    with console.status("joining the dead letters' group") as status:
        source, sink = redrive_ends(stream)
        counts = uvloop.run(redrive(source, sink, report=lambda done, of: status.update(f"{done:,} of {of:,} sent")))
    for code, count in sorted(counts.items()):
        typer.echo(f"{code}: {count}")
    typer.echo(f"sent {counts.total()} dead letters back to {stream.source.stream}")


def redrive_ends(stream: StreamSettings) -> tuple[Source, Sink]:
    """Return a source over the dead letters, in a group of its own, and a sink over the stream they came from."""
    reading, writing = _letters(stream), _origin(stream)
    return make_source(reading), make_sink(stream, writing, name="source")


def _letters(stream: StreamSettings) -> KafkaSourceSettings | EventHubsSourceSettings:
    letters = stream.dead_letters
    if isinstance(letters, KafkaSinkSettings):
        reached = stream.kafka_connection(letters)
        return KafkaSourceSettings(
            kind="kafka",
            **{key: getattr(reached, key) for key in KafkaConnection.model_fields},
            topic=letters.topic,
            group=f"{stream.source.group}.redrive",
        )
    if not isinstance(stream.source, EventHubsSourceSettings):
        raise ConfigurationError("dead_letters: without a source on Event Hubs there is nowhere to keep checkpoints")
    reached_hub = stream.event_hubs_connection(letters)
    return EventHubsSourceSettings(
        kind="event_hubs",
        **{key: getattr(reached_hub, key) for key in EventHubsConnection.model_fields},
        hub=letters.hub,
        group="$Default",  # the one consumer group that every hub has
        checkpoints=stream.source.checkpoints,
    )


def _origin(stream: StreamSettings) -> KafkaSinkSettings | EventHubsSinkSettings:
    """Return a sink over the source; it has no connection of its own, so it takes the source's."""
    if isinstance(stream.source, EventHubsSourceSettings):
        return EventHubsSinkSettings(kind="event_hubs", hub=stream.source.hub)
    if isinstance(stream.dead_letters, KafkaSinkSettings):
        return KafkaSinkSettings(kind="kafka", topic=stream.source.topic, batch_bytes=stream.dead_letters.batch_bytes)
    return KafkaSinkSettings(kind="kafka", topic=stream.source.topic)
