"""What a worker would meet, found out without taking part; a client library is imported only where it is needed."""

# ruff: noqa: PLC0415 - see above

from collections.abc import AsyncIterator, Mapping

from stream_worker.findings import Finding, guarded, note
from stream_worker.settings import StreamSettings

__all__ = ["check_stream"]


async def check_stream(stream: StreamSettings) -> AsyncIterator[Finding]:
    """Check where a stream comes from and where it goes to; what is found is told as it is found."""
    kinds = {stream.source.kind, stream.sink.kind, stream.dead_letters.kind}
    partitions: dict[str, int] = {}
    if "kafka" in kinds:
        from stream_worker.kafka.checks import check_kafka

        async for finding in guarded("Kafka", check_kafka(stream, partitions)):
            yield finding
    if "event_hubs" in kinds:
        from stream_worker.event_hubs.checks import check_event_hubs

        async for finding in guarded("Event Hubs", check_event_hubs(stream, partitions)):
            yield finding
    if len(set(partitions.values())) > 1:
        yield _differing(partitions)


def _differing(partitions: Mapping[str, int]) -> Finding:
    counts = ", ".join(f"{name} {count}" for name, count in partitions.items())
    return note("partitions", f"differ: {counts}; it works, and with one number for all answers spread as events do")
