"""What a source on Event Hubs looks at before it reads: the container, the clocks, the group, and where to begin."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from azure.eventhub.aio import EventHubConsumerClient
from azure.identity.aio import DefaultAzureCredential

from scoring.errors import SourceError
from stream_worker.event_hubs.checkpoints import Checkpoints, open_container
from stream_worker.event_hubs.connection import FAILURES, in_words, is_missing, is_sign_in
from stream_worker.event_hubs.links import Links
from stream_worker.event_hubs.settings import EventHubsSourceSettings

__all__ = ["begin_at_the_end", "check_group", "checkpoint", "open_checkpoints", "where"]

_LARGEST_SKEW = 0.5  # of the time after which ownership is lost
_LEAST_SKEW_S = 2.0  # the storage service tells whole seconds


def where(settings: EventHubsSourceSettings) -> str:
    """Return how errors call the source."""
    return f"source: Event Hubs at {settings.where}"


def checkpoint(settings: EventHubsSourceSettings, number: int | str, offset: str, sequence: int) -> dict[str, Any]:
    """Return a checkpoint in the form that the library's store takes."""
    return {
        "fully_qualified_namespace": settings.where,
        "eventhub_name": settings.hub,
        "consumer_group": settings.group,
        "partition_id": str(number),
        "offset": offset,
        "sequence_number": sequence,
    }


async def open_checkpoints(
    settings: EventHubsSourceSettings, credential: DefaultAzureCredential | None, connections: AsyncExitStack
) -> Checkpoints:
    """Return the checkpoints; their container is closed with the connections.

    Raises:
        SourceError: the container cannot be used, or the storage service's clock is not ours.
    """
    named = f"source: the container of checkpoints, {settings.checkpoints.container!r} (source.checkpoints)"
    try:
        container = await connections.enter_async_context(open_container(settings.checkpoints, credential))
        checkpoints = Checkpoints(container)
        skew = await checkpoints.clock_skew()
    except FAILURES as error:
        raise SourceError(f"{named}: {in_words(error)}") from error
    if abs(skew) > max(_LEAST_SKEW_S, settings.session_timeout_s * _LARGEST_SKEW):
        raise SourceError(
            f"source: this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the storage "
            "service's; ownership of partitions is told by both: set it right"
        )
    return checkpoints


async def check_group(links: Links, settings: EventHubsSourceSettings, partition: str) -> None:
    """See that the consumer group may be read; what may pass, such as "busy", is left to the reading.

    Raises:
        SourceError: there is no such group, or the sign-in is refused.
    """
    refusal = await links.refusal(int(partition), "@latest")
    if refusal is not None and is_missing(refusal):
        raise SourceError(
            f"{where(settings)}: {settings.hub!r} has no consumer group {settings.group!r} (source.group)"
        )
    if refusal is not None and is_sign_in(refusal):
        raise SourceError(f"{where(settings)}: cannot read {settings.hub!r}: {in_words(refusal)}")


async def begin_at_the_end(
    client: EventHubConsumerClient,
    checkpoints: Checkpoints,
    settings: EventHubsSourceSettings,
    partitions: Sequence[str],
) -> None:
    """Write a checkpoint at the end of each partition that has none.

    Raises:
        SourceError: the service did not answer, or the container did not take them.
    """
    try:
        there = await checkpoints.list_checkpoints(str(settings.where), settings.hub, settings.group)
        for number in set(partitions) - {each["partition_id"] for each in there}:
            end = await client.get_partition_properties(number)
            if not end["is_empty"]:
                last = end["last_enqueued_offset"], end["last_enqueued_sequence_number"]
                await checkpoints.update_checkpoint(checkpoint(settings, number, *last))
    except FAILURES as error:
        raise SourceError(f"source: checkpoints could not be written: {in_words(error)}") from error
