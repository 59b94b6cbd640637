"""What the worker would meet at its Kafka clusters, found out without joining the group and without writing.

Rules:
- No topic is made by asking for it, no position is committed, and no message is written.
- What a user may do is asked for, where the cluster tells it; what only writing could show is not said.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import collect_hosts
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from scoring.errors import ConfigurationError
from stream_worker.findings import Finding, counted, note, ok, variable, wrong
from stream_worker.identity import Identity, key_in_words
from stream_worker.kafka.client import connection_options, in_words
from stream_worker.kafka.questions import READ, WRITE, Brokers, Topic
from stream_worker.kafka.settings import KafkaConnection, KafkaSinkSettings, KafkaSourceSettings
from stream_worker.kafka.standing import check_group, check_size
from stream_worker.network import NETWORK_ERRORS, network_in_words, reach
from stream_worker.settings import StreamSettings

__all__ = ["check_kafka"]

_REACH_S = 5.0
_ANSWER_S = 10.0
_SOON_S = 14 * 86_400.0
_RIGHTS: Final = {READ: ("Read", "read"), WRITE: ("Write", "written")}

_Server = tuple[str, int]


async def check_kafka(stream: StreamSettings, partitions: MutableMapping[str, int]) -> AsyncIterator[Finding]:
    """Check the clusters that a stream comes from and goes to.

    Args:
        stream: the settings.
        partitions: is told how many partitions the source and the sinks have.
    """
    for cluster in _clusters(stream):
        async for finding in cluster.check(partitions):
            yield finding


def _clusters(stream: StreamSettings) -> list["_Cluster"]:
    named = {"sink": stream.sink, "dead_letters": stream.dead_letters}
    sinks = {name: sink for name, sink in named.items() if isinstance(sink, KafkaSinkSettings)}
    found = []
    if isinstance(stream.source, KafkaSourceSettings):
        shared = {name: sink for name, sink in sinks.items() if sink.where is None}
        found.append(_Cluster("source", stream.source, stream.source, shared, stream.max_event_bytes))
    apart = {name: sink for name, sink in sinks.items() if sink.where is not None}
    return found + [_Cluster(name, sink, None, {name: sink}, stream.max_event_bytes) for name, sink in apart.items()]


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One cluster, and what is read and written there.

    Attributes:
        name: whose connection it is: `source`, or a sink that has one of its own.
    """

    name: str
    connection: KafkaConnection
    source: KafkaSourceSettings | None
    sinks: Mapping[str, KafkaSinkSettings]
    max_event_bytes: int

    @property
    def key(self) -> str:
        return f"stream.{self.name}"

    @property
    def topics(self) -> dict[str, tuple[str, int]]:
        """The topics by what they are to us, each with the right that it takes."""
        read = {} if self.source is None else {"source": (self.source.topic, READ)}
        return read | {name: (sink.topic, WRITE) for name, sink in self.sinks.items()}

    async def check(self, partitions: MutableMapping[str, int]) -> AsyncIterator[Finding]:
        try:
            options = connection_options(self.connection)
        except ConfigurationError as error:
            yield wrong(f"{self.name}, encryption", f"{self.key}.{error}")
            return
        servers = [(host, port) for host, port, _ in collect_hosts(options["bootstrap_servers"], randomize=False)]
        found = await self._reach(servers, options["ssl_context"])
        for finding in _forgiving(found):
            yield finding
        answering = [server for server, finding in zip(servers, found, strict=True) if finding.mark != "wrong"]
        if answering and "sasl_oauth_token_provider" in options:
            finding, token = await self._ask_identity()
            yield finding
            options["sasl_oauth_token_provider"] = token
            answering = answering if token is not None else []
        if not answering:
            yield note(f"{self.name}, topics", "were not looked at, for the cluster cannot be asked")
            return
        async with Brokers(options) as brokers:
            yield await self._sign_in(brokers, answering)
            others = sorted(set(brokers.addresses.values()) - set(servers))
            for finding in await self._reach(others, options["ssl_context"], told=True):
                yield finding
            async for finding in self._look(brokers, partitions):
                yield finding

    async def _look(self, brokers: Brokers, partitions: MutableMapping[str, int]) -> AsyncIterator[Finding]:
        """Look at what a cluster has, if it let us in."""
        there = {topic for topic, found in brokers.topics.items() if not found.error}
        for name, (topic, right) in self.topics.items():
            if topic in there:
                partitions[name] = len(brokers.topics[topic].leaders)
            if topic in brokers.topics:
                yield _topic(name, topic, brokers.topics[topic], right)
        if self.source is not None and self.source.topic in there:
            for finding in await check_group(self.source, brokers):
                yield finding
        for name, sink in self.sinks.items():
            if sink.topic in there:
                yield await check_size(name, sink, self.connection, brokers, max_event_bytes=self.max_event_bytes)

    async def _reach(
        self, servers: Sequence[_Server], context: ssl.SSLContext | None, *, told: bool = False
    ) -> list[Finding]:
        """Return whether brokers answer; `told` are those that the cluster names, and not the settings."""
        return await asyncio.gather(*(self._reach_one(*server, context, told=told) for server in servers))

    async def _reach_one(self, host: str, port: int, context: ssl.SSLContext | None, *, told: bool) -> Finding:
        what = f"{self.name}, broker {host}:{port}"
        try:
            async with asyncio.timeout(_REACH_S):
                until = await reach(host, port, context)
        except NETWORK_ERRORS as error:
            given = "the address that it gives itself, its advertised.listeners"
            key = given if told else self._key_for(error, context)
            return wrong(what, f"does not answer: {network_in_words(error, host)} ({key})")
        if until is None:
            return ok(what, "answers")
        if until.timestamp() - time.time() < _SOON_S:
            return note(what, f"answers; its certificate is trusted, and expires soon: {until:%Y-%m-%d}")
        return ok(what, f"answers; its certificate is trusted, and good until {until:%Y-%m-%d}")

    def _key_for(self, error: OSError | UnicodeError, context: ssl.SSLContext | None) -> str:
        """Return the key to change for a broker that does not answer."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{self.key}.tls.ca_file"
        # who closes the connection when a handshake is begun may not encrypt
        is_about_tls = context is not None and isinstance(error, ssl.SSLError | ConnectionResetError)
        return f"{self.key}.tls" if is_about_tls else f"{self.key}.bootstrap_servers"

    async def _ask_identity(self) -> tuple[Finding, "_Token | None"]:
        scope = f"https://{str(self.connection.bootstrap_servers).rpartition(':')[0]}/.default"
        async with Identity() as identity:
            instead = variable(f"{self.key}.connection_string")
            found, token = await identity.check(f"{self.name}, identity", scope, instead=instead)
        return found, None if token is None else _Token(token.token)

    async def _sign_in(self, brokers: Brokers, servers: Sequence[_Server]) -> Finding:
        """Return whether one of the servers lets us in; some tell only when they are asked something, as for topics."""
        what, method = f"{self.name}, sign-in", _method(self.connection)
        topics = [topic for topic, _ in self.topics.values()]
        for number, server in enumerate(servers, 1):
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await brokers.find(topics, *server)
                    break
            except (KafkaError, TimeoutError, OSError) as error:
                if number == len(servers):
                    return wrong(what, f"{method}: {_refusal(self.key, self.connection, error)}")
        if self.connection.sasl is not None and self.connection.tls is None:
            return note(what, f"{method}: accepted, over a connection without encryption ({self.key}.tls)")
        return ok(what, f"{method}: accepted" if _signs_in(self.connection) else f"{method}, and none is asked for")


class _Token(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Gives out a token that is there already."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token


def _forgiving(found: list[Finding]) -> list[Finding]:
    """Return what was found of several brokers: where one answers, another that does not is no more than a note."""
    if all(finding.mark == "wrong" for finding in found):
        return found
    return [replace(finding, mark="note") if finding.mark == "wrong" else finding for finding in found]


def _signs_in(connection: KafkaConnection) -> bool:
    return connection.flavour is not None or connection.sasl is not None


def _method(connection: KafkaConnection) -> str:
    if connection.connection_string is not None:
        return key_in_words(connection.connection_string)
    if connection.flavour is not None:
        return "the identity's token"
    if connection.sasl is not None:
        return f"{connection.sasl.mechanism} as {connection.sasl.username!r}"
    return "none is set"


def _refusal(key: str, connection: KafkaConnection, error: Any) -> str:
    if isinstance(error, TimeoutError):
        return f"{in_words(error)}: is that the port of a broker ({key}.bootstrap_servers)?"
    if isinstance(error, KafkaConnectionError | OSError):
        if connection.flavour is not None:
            return f"the broker closed the connection: it does not take this ({_way_in(key, connection)})"
        wanted = f"a sign-in ({key}.sasl) or " * (connection.sasl is None) + f"encryption ({key}.tls)"
        return f"the broker closed the connection: it may want {wanted}"
    said = next((part for part in error.args if isinstance(part, str)), type(error).__name__)
    if isinstance(error, UnsupportedSaslMechanismError) and connection.sasl is not None:
        return f"refused: {said} ({key}.sasl.mechanism)"
    return f"refused: {said} ({_way_in(key, connection)})"


def _way_in(key: str, connection: KafkaConnection) -> str:
    """Return the keys that a sign-in depends on."""
    if connection.sasl is not None:
        return f"{key}.sasl.username, {variable(f'{key}.sasl.password')}"
    if connection.connection_string is not None:
        return variable(f"{key}.connection_string")
    role = "Azure Event Hubs Data Owner"
    return f"give the identity a role for data on the namespace, such as {role}, and look at the clock"


def _topic(name: str, topic: str, found: Topic, right: int) -> Finding:
    what, (needed, done) = f"{name}, topic {topic}", _RIGHTS[right]
    if found.error == TopicAuthorizationFailedError.errno:
        return wrong(what, f"may not be seen: give this user the right {needed} on it, or change stream.{name}.topic")
    if found.error:
        return wrong(what, f"is not there: create it, for Weir creates none, or change stream.{name}.topic")
    count = counted(len(found.leaders), "partition")
    headless = [number for number, leader in found.leaders.items() if leader < 0]
    if headless:
        return wrong(what, f"{count}; no broker leads {', '.join(map(str, headless))} now")
    if found.operations is None:
        return ok(what, count)
    if right not in found.operations:
        return wrong(what, f"{count}, and may not be {done}: give this user the right {needed} on it")
    return ok(what, f"{count}; may be {done}")
