"""A cluster's brokers, asked without taking part: nothing here joins a group, commits or writes.

Two questions are Kafka's own later versions of what aiokafka asks: they also bring what the asker may do (KIP-430).
"""

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.admin import DescribeConfigsRequest, DescribeGroupsRequest_v1, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest_v4, MetadataRequest_v5
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

__all__ = ["END", "FIRST", "READ", "WRITE", "Brokers", "Members", "Topic"]

READ: Final = 3
WRITE: Final = 4
"""Operations, by the numbers that Kafka gives them."""

FIRST: Final = -2
END: Final = -1
"""Ends of a partition, by the times that stand for them in Kafka's protocol."""

_ANSWER_MS = 5000
_CLOSE_S = 1.0
_PAUSE_S = 0.2
_NOT_TOLD = -(2**31)
_TOPIC_RESOURCE = 2
_READ_COMMITTED = 1
_MOMENTARY = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


class _MetadataResponse_v8(Response):  # type: ignore[misc]  # noqa: N801 - named as its predecessors are
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String()), ("port", Int32), ("rack", String()))),
        ("cluster_id", String()),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String()),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest_v8(RequestStruct):  # type: ignore[misc]  # noqa: N801
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse_v8
    SCHEMA = Schema(
        ("topics", Array(String())),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _DescribeGroupsRequest_v3(RequestStruct):  # type: ignore[misc]  # noqa: N801
    # aiokafka's own is read as the answer to version 2, which ends before what is asked for here
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", Array(String())), ("include_authorized_operations", Boolean))


_TopicsStruct: TypeAlias = MetadataRequest_v4 | MetadataRequest_v5 | _MetadataRequest_v8
_GroupsStruct: TypeAlias = DescribeGroupsRequest_v1 | _DescribeGroupsRequest_v3


class _TopicsRequest(Request[_TopicsStruct]):  # type: ignore[misc]
    """Asks for topics, and makes none: that is what older versions than these would do."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: Any) -> Any:
        asked = (self._topics, False)
        return request_struct_class(*asked, *((False, True) if request_struct_class is _MetadataRequest_v8 else ()))


class _GroupsRequest(Request[_GroupsStruct]):  # type: ignore[misc]
    """Asks who is in a group."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class(
            [self._group], *((True,) if request_struct_class is _DescribeGroupsRequest_v3 else ())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a cluster says of a topic.

    Attributes:
        error: Kafka's code; 0 where there is none.
        leaders: the number of each partition's leading broker; -1 where it has none.
        operations: what the asker may do; None where it is not told.
    """

    error: int
    leaders: Mapping[int, int]
    operations: frozenset[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """What a cluster says of a group.

    Attributes:
        count: how many read in it now.
        operations: what the asker may do; None where it is not told.
    """

    count: int
    operations: frozenset[int] | None


class Brokers:
    """Connections to the brokers of one cluster, each opened when it is needed; closed by `async with`.

    Attributes:
        addresses: where the cluster says that its brokers are, by their numbers.
        topics: what it said of the topics that were asked for.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the options that `connection_options` returns."""
        known = inspect.signature(create_conn).parameters
        self._options = {key: value for key, value in options.items() if key in known}
        self._options["request_timeout_ms"] = _ANSWER_MS
        self._connections: dict[tuple[str, int], AIOKafkaConnection] = {}
        self.addresses: dict[int, tuple[str, int]] = {}
        self.topics: dict[str, Topic] = {}

    async def __aenter__(self) -> Self:
        """Do nothing yet."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close what was opened, inside a bound."""
        closing = [connection.close() for connection in self._connections.values()]
        if closing:
            await asyncio.wait([asyncio.ensure_future(each) for each in closing], timeout=_CLOSE_S)

    async def find(self, names: Sequence[str], host: str, port: int) -> None:
        """Ask one broker what topics there are by these names, and where the others are.

        Raises:
            KafkaError: the sign-in is refused, or the connection was closed.
            OSError: nobody answers.
        """
        answer = await (await self._connect(host, port)).send(_TopicsRequest(names))
        self.addresses = {node: (host, port) for node, host, port, *_ in answer.brokers}
        if not self.addresses:
            raise KafkaConnectionError("it closed the connection")
        self.topics = {
            name: Topic(
                error=error,
                leaders={number: leader for _, number, leader, *_ in partitions},
                operations=_operations(*told),
            )
            for error, name, _, partitions, *told in answer.topics
        }

    async def coordinator(self, group: str) -> int:
        """Return the number of the broker that keeps a group; waits while the cluster makes up its mind.

        Raises:
            KafkaError: we may not know, or the cluster does not answer.
        """
        while True:
            answer = await self._ask(FindCoordinatorRequest(group, 0))
            with suppress(*_MOMENTARY):
                _check(answer.error_code)
                return int(answer.coordinator_id)
            await asyncio.sleep(_PAUSE_S)

    async def members(self, group: str, coordinator: int) -> Members:
        """Return who reads in a group.

        Raises:
            KafkaError: we may not know, or the cluster does not tell.
        """
        answer = await self._ask(_GroupsRequest(group), coordinator)
        error, _, _, _, _, members, *told = answer.groups[0]
        _check(error)
        return Members(count=len(members), operations=_operations(*told))

    async def committed(self, group: str, coordinator: int, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Return the positions that a group has committed, of the partitions that have one.

        Raises:
            KafkaError: we may not know, or the cluster does not answer.
        """
        answer = await self._ask(OffsetFetchRequest(group, [(topic, list(partitions))]), coordinator)
        _check(getattr(answer, "error_code", 0))
        found = {}
        for _, each in answer.topics:
            for number, position, _, error in each:
                _check(error)
                if position >= 0:
                    found[number] = position
        return found

    async def ends(self, topic: str, leaders: Mapping[int, int], which: int) -> dict[int, int]:
        """Return where partitions begin (`FIRST`) or end (`END`).

        Raises:
            KafkaError: we may not know, or a broker does not answer.
        """
        found = {}
        for leader in set(leaders.values()):
            asked = [(number, which) for number, its in leaders.items() if its == leader]
            answer = await self._ask(OffsetRequest(-1, _READ_COMMITTED, [(topic, asked)]), leader)
            for number, error, _, position, *_ in answer.topics[0][1]:
                _check(error)
                found[number] = position
        return found

    async def largest_message(self, topic: str) -> int:
        """Return a topic's `max.message.bytes`.

        Raises:
            KafkaError: we may not know, or the cluster does not tell.
        """
        answer = await self._ask(DescribeConfigsRequest([(_TOPIC_RESOURCE, topic, ["max.message.bytes"])]))
        error, _, _, _, entries = answer.resources[0]
        _check(error)
        return int(entries[0][1])

    async def _connect(self, host: str, port: int) -> AIOKafkaConnection:
        """Return a connection that is signed in."""
        found = self._connections.get((host, port))
        if found is None or not found.connected():
            found = self._connections[host, port] = await create_conn(host, port, **self._options)
        return found

    async def _ask(self, request: Any, node: int | None = None) -> Any:
        address = next(iter(self._connections)) if node is None else self.addresses[node]
        connection = await self._connect(*address)
        return await connection.send(request)


def _operations(bits: int = _NOT_TOLD) -> frozenset[int] | None:
    return None if bits == _NOT_TOLD else frozenset(number for number in range(32) if bits >> number & 1)


def _check(code: int) -> None:
    if code:
        error: type[KafkaError] = for_code(code)
        raise error
