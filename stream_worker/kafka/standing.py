"""Where a group stands in its topic, and whether messages fit: what is looked at once a cluster lets us in."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiokafka.errors import GroupAuthorizationFailedError, IncompatibleBrokerVersion, KafkaError

from stream_worker.findings import Finding, counted, note, ok, wrong
from stream_worker.kafka.client import in_words
from stream_worker.kafka.questions import END, FIRST, READ, Brokers
from stream_worker.kafka.settings import (
    LARGEST_EVENT_HUBS_REQUEST,
    KafkaConnection,
    KafkaSinkSettings,
    KafkaSourceSettings,
)

__all__ = ["check_group", "check_size"]

_ANSWER_S: Final = 10.0
_HEADERS_BYTES: Final = 1024  # about what surrounds an event in its dead letter


async def check_group(source: KafkaSourceSettings, brokers: Brokers) -> list[Finding]:
    """Return who reads in the group, how far it has come, and whether we may join it."""
    what, key = f"source, group {source.group}", "stream.source.group"
    try:
        async with asyncio.timeout(_ANSWER_S):
            coordinator = await brokers.coordinator(source.group)
            return [await _members(what, source, brokers, coordinator), await _lag(source, brokers, coordinator)]
    except GroupAuthorizationFailedError:
        return [wrong(what, f"may not be used: give this user the right Read on the group, or change {key}")]
    except (KafkaError, TimeoutError, OSError) as error:
        return [note(what, f"could not be looked at: {in_words(error)}")]


async def _members(what: str, source: KafkaSourceSettings, brokers: Brokers, coordinator: int) -> Finding:
    try:
        members = await brokers.members(source.group, coordinator)
    except IncompatibleBrokerVersion:
        return note(what, "this cluster does not tell who reads in it")
    if members.operations is not None and READ not in members.operations:
        return wrong(what, "may not be joined: give this user the right Read on it, or change stream.source.group")
    return ok(what, f"{counted(members.count, 'worker')} in it now" if members.count else "nobody is in it now")


async def _lag(source: KafkaSourceSettings, brokers: Brokers, coordinator: int) -> Finding:
    what = f"source, positions of {source.group}"
    leaders = {n: leader for n, leader in brokers.topics[source.topic].leaders.items() if leader >= 0}
    at = await brokers.committed(source.group, coordinator, source.topic, list(leaders))
    first, end = [await brokers.ends(source.topic, leaders, which) for which in (FIRST, END)]
    if not at:
        return ok(what, f"none is committed; {_begins(source, first, end)}")
    behind = sum(max(0, end[n] - max(position, first[n])) for n, position in at.items())
    words = f"committed in {len(at)} of {counted(len(leaders), 'partition')}; {counted(behind, 'event')} behind"
    ahead = sorted(n for n, position in at.items() if position > end[n])
    if ahead:
        where = ", ".join(map(str, ahead))
        return note(what, f"{words}; in {where} it is past the end: was the topic made anew?")
    lost = sum(max(0, first[n] - position) for n, position in at.items())
    return note(what, f"{words}; {lost:,} more were deleted before it read them") if lost else ok(what, words)


def _begins(source: KafkaSourceSettings, first: Mapping[int, int], end: Mapping[int, int]) -> str:
    if source.start == "latest":
        return "it begins with what comes next (stream.source.start)"
    return f"it begins with the first of {counted(sum(end[n] - first[n] for n in end), 'event')} (stream.source.start)"


async def check_size(
    name: str, sink: KafkaSinkSettings, connection: KafkaConnection, brokers: Brokers, *, max_event_bytes: int
) -> Finding:
    """Return whether the largest batch, and the largest dead letter, fit their topic.

    Args:
        name: the sink's key.
        sink: its settings.
        connection: how its cluster is reached.
        brokers: the cluster's.
        max_event_bytes: the largest event that is scored.
    """
    what = f"{name}, sizes"
    try:
        async with asyncio.timeout(_ANSWER_S):
            most = await brokers.largest_message(sink.topic)
    except (KafkaError, TimeoutError, OSError, LookupError, ValueError):
        return note(what, f"the cluster does not tell us the max.message.bytes of {sink.topic}")
    if sink.batch_bytes > most:
        return wrong(
            what,
            f"{sink.topic} takes {most:,} bytes at once, and a batch may have {sink.batch_bytes:,}: lower "
            f"stream.{name}.batch_bytes, or raise the topic's max.message.bytes",
        )
    room = most if connection.flavour is None else min(most, LARGEST_EVENT_HUBS_REQUEST)
    if name == "dead_letters" and max_event_bytes + _HEADERS_BYTES > room:
        return note(
            what,
            f"{sink.topic} takes {room:,} bytes at once, and an event may have {max_event_bytes:,} "
            "(stream.max_event_bytes): dead letters of the largest go without their value",
        )
    return ok(what, f"{sink.topic} takes {most:,} bytes at once; a batch has {sink.batch_bytes:,} at most")
