"""Where a consumer group stands: its container, who owns its partitions, and how far its checkpoints are.

All of it is read: no checkpoint is written, and no ownership is claimed.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.eventhub.aio import EventHubConsumerClient

from stream_worker.event_hubs.checkpoints import Checkpoints, open_container
from stream_worker.event_hubs.clients import consumer
from stream_worker.event_hubs.connection import FAILURES, close, in_words
from stream_worker.event_hubs.settings import CheckpointSettings, EventHubsSourceSettings
from stream_worker.findings import Finding, counted, note, ok, variable, wrong
from stream_worker.identity import Identity

__all__ = ["check_standing"]

_ANSWER_S: Final = 15.0
_AT_ONCE: Final = 4
_SCOPE: Final = "https://storage.azure.com/.default"
_LARGEST_SKEW: Final = 0.5  # of the time after which ownership is lost; as in opening.py, where a source refuses more
_LEAST_SKEW_S: Final = 2.0  # the storage service tells whole seconds
_OWNER_LETTERS: Final = 8
_KEY: Final = "stream.source.checkpoints"
_CONTAINER: Final = "source, container"
_SIGN_IN: Final = "source, storage sign-in"

_Blobs = list[dict[str, Any]]


async def check_standing(
    source: EventHubsSourceSettings, identity: Identity, *, hub_answers: bool
) -> AsyncIterator[Finding]:
    """Check the container of a source's checkpoints, and what stands in it.

    Args:
        source: the source's settings.
        identity: the machine's.
        hub_answers: whether it is worth asking the hub where its partitions end.
    """
    method = _method(source.checkpoints)
    if source.checkpoints.connection_string is None:
        found, token = await identity.check(
            "source, storage identity", _SCOPE, instead=variable(f"{_KEY}.connection_string")
        )
        yield found
        if token is None:
            return
    try:
        async with asyncio.timeout(_ANSWER_S):
            skew, owned, written = await _read(source, identity)
    except FAILURES as error:
        for finding in _failed(error, method, source.checkpoints):
            yield finding
        return
    yield ok(_SIGN_IN, f"{method}: accepted")
    yield ok(_CONTAINER, f"{source.checkpoints.container} is there, and can be read and listed")
    yield _clock(skew, source)
    yield _owners(owned, time.time() - skew, source)
    if hub_answers:
        yield await _lag({each["partition_id"]: int(each["sequence_number"]) for each in written}, source, identity)


async def _read(source: EventHubsSourceSettings, identity: Identity) -> tuple[float, _Blobs, _Blobs]:
    """Return by how much this machine's clock is ahead, the ownership of partitions, and the checkpoints."""
    group = str(source.where), source.hub, source.group
    container = open_container(source.checkpoints, identity.credential)
    try:
        checkpoints = Checkpoints(container)
        skew = await checkpoints.clock_skew()
        return skew, list(await checkpoints.list_ownership(*group)), list(await checkpoints.list_checkpoints(*group))
    finally:
        await close(container.close(), "the container's client")


def _method(settings: CheckpointSettings) -> str:
    if settings.connection_string is None:
        return f"the identity's token, at {settings.account_url}"
    fields = dict(part.partition("=")[::2] for part in settings.connection_string.get_secret_value().split(";"))
    return f"the connection string's key for the account {fields.get('AccountName', '')!r}"


def _failed(error: BaseException, method: str, settings: CheckpointSettings) -> list[Finding]:
    is_by_key = settings.connection_string is not None
    way = variable(f"{_KEY}.connection_string") if is_by_key else f"{_KEY}.account_url"
    if isinstance(error, ResourceNotFoundError):
        words = f"there is no container {settings.container!r}: create it, for Weir creates none, or change "
        return [ok(_SIGN_IN, f"{method}: accepted"), wrong(_CONTAINER, f"{words}{_KEY}.container, or {way}")]
    role = "" if is_by_key else "it takes the role Storage Blob Data Contributor: "
    if isinstance(error, HttpResponseError):
        return [wrong(_SIGN_IN, f"{method}: {role}{in_words(error)} ({way})")]
    return [wrong(_SIGN_IN, f"{method}: {in_words(error).replace(' ssl:default', '')} ({way})")]


def _clock(skew: float, source: EventHubsSourceSettings) -> Finding:
    side = "ahead of" if skew > 0 else "behind"
    words = f"this machine's clock is {abs(skew):.0f} s {side} the storage service's"
    if abs(skew) > max(_LEAST_SKEW_S, source.session_timeout_s * _LARGEST_SKEW):
        return wrong("source, clock", f"{words}; ownership of partitions is told by both: set it right")
    return ok("source, clock", words if abs(skew) > _LEAST_SKEW_S else "this machine and the storage service agree")


def _owners(owned: Iterable[Mapping[str, Any]], now: float, source: EventHubsSourceSettings) -> Finding:
    what = f"source, owners of {source.hub}"
    held = defaultdict(list)
    for each in owned:
        if each["owner_id"] and now - float(each["last_modified_time"]) < source.session_timeout_s:
            held[str(each["owner_id"])].append(int(each["partition_id"]))
    if not held:
        return ok(what, "nobody owns a partition now")
    told = (f"{owner[:_OWNER_LETTERS]} has {', '.join(map(str, sorted(its)))}" for owner, its in sorted(held.items()))
    return ok(what, f"{counted(len(held), 'worker')}: {'; '.join(told)}")


async def _lag(written: Mapping[str, int], source: EventHubsSourceSettings, identity: Identity) -> Finding:
    what = f"source, checkpoints of {source.group}"
    try:
        async with asyncio.timeout(_ANSWER_S), consumer(source, identity.credential) as client:
            ends = await _ends(client)
    except FAILURES as error:
        return note(what, f"how far behind they are cannot be told: {in_words(error)}")
    if not written:
        return ok(what, f"there is none; {_begins(source, ends.values())}")
    at = {number: written[number] for number in ends if number in written}
    behind = sum(max(0, ends[n][1] - max(sequence, ends[n][0] - 1)) for n, sequence in at.items())
    words = f"written in {len(at)} of {counted(len(ends), 'partition')}; {counted(behind, 'event')} behind"
    ahead = sorted(number for number, sequence in at.items() if sequence > ends[number][1])
    if ahead:
        where = ", ".join(ahead)
        return note(
            what, f"{words}; in {where} it is past the end: was the hub made anew? Delete it, or take another group"
        )
    lost = sum(max(0, ends[n][0] - 1 - sequence) for n, sequence in at.items())
    return note(what, f"{words}; {lost:,} more were deleted before they were read") if lost else ok(what, words)


def _begins(source: EventHubsSourceSettings, ends: Iterable[tuple[int, int]]) -> str:
    there = counted(sum(last + 1 - first for first, last in ends), "event")
    begins = {"earliest": f"with the first of {there}", "latest": "with what comes next"}
    return f"it begins {begins.get(str(source.start), f'with what came after {source.start}')} (stream.source.start)"


async def _ends(client: EventHubConsumerClient) -> dict[str, tuple[int, int]]:
    """Return the first and the last sequence number of each partition; the last is one less where it is empty."""
    asking = asyncio.Semaphore(_AT_ONCE)

    async def end(number: str) -> tuple[int, int]:
        async with asking:
            told: dict[str, Any] = await client.get_partition_properties(number)
        first, last = int(told["beginning_sequence_number"]), int(told["last_enqueued_sequence_number"])
        return first, first - 1 if told["is_empty"] else last

    numbers = await client.get_partition_ids()
    return dict(zip(numbers, await asyncio.gather(*map(end, numbers)), strict=True))
