"""What the worker would meet at its Event Hubs, found out without taking a partition and without sending.

Rules:
- A link for reading is opened without an epoch and without credit: nothing is delivered on it, and a reader with an
  epoch, as every worker is, keeps its partition. The service refuses ours where there is one.
- A link for sending is opened, and nothing is sent on it: so it is known whether we may, and how much fits.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from stream_worker.event_hubs.clients import consumer, producer
from stream_worker.event_hubs.connection import FAILURES, client_options, in_words, is_missing, is_sign_in
from stream_worker.event_hubs.settings import EventHubsConnection, EventHubsSinkSettings, EventHubsSourceSettings
from stream_worker.event_hubs.standing import check_standing
from stream_worker.findings import Finding, counted, note, ok, variable, wrong
from stream_worker.identity import Identity, entity, key_in_words
from stream_worker.network import NETWORK_ERRORS, network_in_words, reach
from stream_worker.settings import StreamSettings

__all__ = ["check_event_hubs"]

_REACH_S = 5.0
_ANSWER_S = 10.0
_SCOPE: Final = "https://eventhubs.azure.net//.default"
_PORTS: Final = {True: 5671, False: 5672}  # by whether the connection is encrypted
_HEADERS_BYTES: Final = 1024  # about what surrounds an event in its dead letter
# what the service says to a reader without an epoch where the group exists and is read already
_READ_ALREADY: Final = re.compile(
    "amqp:link:stolen|non-epoch receiver|resource-limit-exceeded|maximum number of allowed"
)
_RECEIVE: Final = ("Listen", "Azure Event Hubs Data Receiver")
_SEND: Final = ("Send", "Azure Event Hubs Data Sender")


async def check_event_hubs(stream: StreamSettings, partitions: MutableMapping[str, int]) -> AsyncIterator[Finding]:
    """Check the namespaces that a stream comes from and goes to, and the container of its checkpoints.

    Args:
        stream: the settings.
        partitions: is told how many partitions the source and the sinks have.
    """
    async with Identity() as identity:
        for namespace in _namespaces(stream, identity):
            async for finding in namespace.check(partitions):
                yield finding
        if isinstance(stream.source, EventHubsSourceSettings):
            async for finding in check_standing(stream.source, identity, hub_answers="source" in partitions):
                yield finding


def _namespaces(stream: StreamSettings, identity: Identity) -> list["_Namespace"]:
    named = {"sink": stream.sink, "dead_letters": stream.dead_letters}
    sinks = {name: sink for name, sink in named.items() if isinstance(sink, EventHubsSinkSettings)}
    more = identity, stream.max_event_bytes
    found = []
    if isinstance(stream.source, EventHubsSourceSettings):
        shared = {name: sink for name, sink in sinks.items() if sink.where is None}
        found.append(_Namespace("source", stream.source, stream.source, shared, *more))
    apart = {name: sink for name, sink in sinks.items() if sink.where is not None}
    return found + [_Namespace(name, sink, None, {name: sink}, *more) for name, sink in apart.items()]


@dataclass(frozen=True, slots=True)
class _Namespace:
    """One namespace, and what is read and written there.

    Attributes:
        name: whose connection it is: `source`, or a sink that has one of its own.
    """

    name: str
    connection: EventHubsConnection
    source: EventHubsSourceSettings | None
    sinks: Mapping[str, EventHubsSinkSettings]
    identity: Identity
    max_event_bytes: int

    @property
    def key(self) -> str:
        """The key to change where the way in is not the one that is meant."""
        if self.connection.connection_string is None:
            return f"stream.{self.name}.namespace"
        return variable(f"stream.{self.name}.connection_string")

    async def check(self, partitions: MutableMapping[str, int]) -> AsyncIterator[Finding]:
        for step in (self._reach, self._ask_identity, self._sign_in):
            finding = await step()
            if finding is None:
                continue
            yield finding
            if finding.mark == "wrong":
                yield note(f"{self.name}, hubs", "were not looked at, for the namespace cannot be asked")
                return
        if self.source is not None:
            hub, number = await self._check_hub(self.source, partitions)
            yield hub
            if number is not None:
                yield await self._check_group(self.source, number)
        for name, sink in self.sinks.items():
            yield await self._check_sink(name, sink, partitions)

    async def _reach(self) -> Finding:
        what = f"{self.name}, namespace {self.connection.where}"
        host, _, port = str(self.connection.where).partition(":")
        try:
            is_encrypted = client_options(self.connection, "hub", None).get("use_tls", True)
            number = int(port or _PORTS[is_encrypted])
            async with asyncio.timeout(_REACH_S):
                await reach(host, number)
        except NETWORK_ERRORS as error:
            why = network_in_words(error, host)
            return wrong(what, f"does not answer at port {number}: {why} ({self.key})")
        except ValueError as error:
            return wrong(what, f"{error} ({self.key})")
        return ok(what, "answers")

    async def _ask_identity(self) -> Finding | None:
        if self.connection.connection_string is not None:
            return None
        instead = variable(f"stream.{self.name}.connection_string")
        found, _ = await self.identity.check(f"{self.name}, identity", _SCOPE, instead=instead)
        return found

    async def _sign_in(self) -> Finding:
        what, string = f"{self.name}, sign-in", self.connection.connection_string
        method = "the identity's token" if string is None else key_in_words(string)
        first = next(iter(self.sinks.values())) if self.source is None else self.source
        opened = producer(self.connection, entity(string) or first.hub, self.identity.credential)
        try:
            async with asyncio.timeout(_ANSWER_S), opened as client:
                await client.get_partition_ids()
        except FAILURES as error:
            if not is_missing(error):
                return wrong(what, f"{method}: {in_words(error)} ({self.key})")
        return ok(what, f"{method}: accepted")

    async def _check_hub(
        self, source: EventHubsSourceSettings, partitions: MutableMapping[str, int]
    ) -> tuple[Finding, str | None]:
        """Return what there is of the hub, and the number of one of its partitions."""
        what = f"source, hub {source.hub}"
        if self._is_for_another(source.hub):
            return wrong(what, self._for_another()), None
        try:
            async with asyncio.timeout(_ANSWER_S), consumer(source, self.identity.credential) as client:
                numbers = await client.get_partition_ids()
        except FAILURES as error:
            return wrong(what, self._in_words(error, "source", _RECEIVE)), None
        partitions["source"] = len(numbers)
        return ok(what, counted(len(numbers), "partition")), numbers[0]

    async def _check_group(self, source: EventHubsSourceSettings, number: str) -> Finding:
        what = f"source, group {source.group}"
        try:
            async with asyncio.timeout(_ANSWER_S), consumer(source, self.identity.credential) as client:
                # the client's own way to read would ask for events as soon as the link stands
                reader = client._create_consumer(source.group, number, "@latest", _drop)  # noqa: SLF001
                try:
                    await reader._open_with_retry()  # noqa: SLF001
                finally:
                    await reader.close()
        except FAILURES as error:
            if is_missing(error):
                return wrong(what, f"is not in hub {source.hub}: create it, or change stream.source.group")
            if _READ_ALREADY.search(str(error)):
                return ok(what, f"is there; partition {number} is being read")
            return wrong(what, self._in_words(error, "source", _RECEIVE))
        return ok(what, f"is there, and may be read; no worker holds partition {number} now")

    async def _check_sink(
        self, name: str, sink: EventHubsSinkSettings, partitions: MutableMapping[str, int]
    ) -> Finding:
        what = f"{name}, hub {sink.hub}"
        if self._is_for_another(sink.hub):
            return wrong(what, self._for_another())
        opened = producer(self.connection, sink.hub, self.identity.credential)
        try:
            async with asyncio.timeout(_ANSWER_S), opened as client:
                partitions[name] = len(await client.get_partition_ids())
                most = (await client.create_batch()).max_size_in_bytes
        except FAILURES as error:
            return wrong(what, self._in_words(error, name, _SEND))
        words = f"{counted(partitions[name], 'partition')}; may be written, {most:,} bytes at once"
        if name == "dead_letters" and self.max_event_bytes + _HEADERS_BYTES > most:
            largest = f"an event may have {self.max_event_bytes:,} (stream.max_event_bytes)"
            return note(what, f"{words}; {largest}: dead letters of the largest go without their value")
        return ok(what, words)

    def _is_for_another(self, hub: str) -> bool:
        return entity(self.connection.connection_string) not in {None, hub}

    def _for_another(self) -> str:
        alone = entity(self.connection.connection_string)
        return f"the connection string is for {alone!r} alone, by its EntityPath: take the namespace's own ({self.key})"

    def _in_words(self, error: BaseException, name: str, right: tuple[str, str]) -> str:
        if is_missing(error):
            return f"is not in {self.connection.where}: create it, for Weir creates none, or change stream.{name}.hub"
        if not is_sign_in(error):
            return f"cannot be used: {in_words(error)} ({self.key})"
        claim, role = right
        needed = f"the role {role}" if self.connection.connection_string is None else f"a key with the right {claim}"
        return f"cannot be used: it takes {needed}: {in_words(error)} ({self.key})"


async def _drop(*_: object) -> None:
    """Take an event: none comes."""
