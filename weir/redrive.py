"""`weir redrive`: dead letters back into the stream."""

from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from stream_worker import KafkaSink, KafkaSource, StreamSettings
from stream_worker.redrive import redrive
from stream_worker.settings import KafkaSinkSettings, KafkaSourceSettings
from weir.settings import load_settings
from weir.worker import stream_settings

__all__ = ["command"]


def command(
    config: Annotated[Path, typer.Option(help="The worker's configuration file.")] = Path("weir.yaml"),
) -> None:
    """Send dead letters back to the topic that they came from, as they were, after a fix.

    Those that wait when it starts are sent, once: what is refused again waits for the next time. After an interruption,
    run it again and it goes on where it was.

    Example: weir redrive --config weir.yaml
    """
    stream = stream_settings(load_settings(config), config)
    console = Console(stderr=True)
    with console.status("joining the dead letters' group") as status:
        source, sink = _ends(stream)
        counts = uvloop.run(redrive(source, sink, report=lambda done, of: status.update(f"{done:,} of {of:,} sent")))
    for code, count in sorted(counts.items()):
        typer.echo(f"{code}: {count}")
    typer.echo(f"sent {counts.total()} dead letters back to {stream.source.topic}")


def _ends(stream: StreamSettings) -> tuple[KafkaSource, KafkaSink]:
    """Return a source over the dead letters, in a group of its own, and a sink over the topic they came from."""
    letters = stream.connection(stream.dead_letters)
    source = KafkaSourceSettings(
        kind="kafka",
        bootstrap_servers=str(letters.bootstrap_servers),
        sasl=letters.sasl,
        tls=letters.tls,
        topic=stream.dead_letters.topic,
        group=f"{stream.source.group}.redrive",
    )
    sink = KafkaSinkSettings(kind="kafka", topic=stream.source.topic, batch_bytes=stream.dead_letters.batch_bytes)
    return KafkaSource(source), KafkaSink(sink, stream.source, name="source")
