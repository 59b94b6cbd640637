"""librdkafka's mock cluster with its error injection, through the library inside confluent-kafka's wheel.

The Python client does not show these functions, so they are called with ctypes. The API is in `rdkafka_mock.h`, which
librdkafka calls experimental: `_declare` fails at once if a release drops a function.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, Self

from confluent_kafka import cimpl

__all__ = ["DISCONNECT", "FaultyBroker"]

DISCONNECT = -195  # RD_KAFKA_RESP_ERR__TRANSPORT: the broker closes the connection instead of answering

_PRODUCER = 0  # rd_kafka_type_t; a cluster needs some client to live in
_ALL_BROKERS = -1
_ERROR_TEXT_SIZE = 512

_pointer, _int, _text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_conf_new": (_pointer, []),
    "rd_kafka_conf_set": (_int, [_pointer, _text, _text, _text, ctypes.c_size_t]),
    "rd_kafka_new": (_pointer, [_int, _pointer, _text, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [_pointer]),
    "rd_kafka_handle_mock_cluster": (_pointer, [_pointer]),
    "rd_kafka_mock_cluster_bootstraps": (_text, [_pointer]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [_pointer, ctypes.c_int32]),
    "rd_kafka_mock_topic_create": (_int, [_pointer, _text, _int, _int]),
    "rd_kafka_mock_broker_set_down": (_int, [_pointer, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_up": (_int, [_pointer, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_rtt": (_int, [_pointer, ctypes.c_int32, _int]),
    "rd_kafka_mock_push_request_errors_array": (
        None,
        [_pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(_int)],
    ),
    "rd_kafka_mock_clear_request_errors": (None, [_pointer, ctypes.c_int16]),
}


def _declare() -> ctypes.CDLL:
    # Symbols are looked up in the extension and in what it is linked to: the wheel's own librdkafka.
    library = ctypes.CDLL(cimpl.__file__)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class FaultyBroker:
    """A mock broker that fails on request; left alone, it is a quick Kafka.

    Unlike `EmbeddedBroker` it lets a group's first member in at once and creates topics with any number of
    partitions. The other limits that `weir/demo/broker.py` lists hold here too.
    """

    def __init__(self) -> None:
        self._library = _declare()
        self._client = self._new_client()
        self._cluster = self._library.rd_kafka_handle_mock_cluster(self._client)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap_servers: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def _new_client(self) -> int:
        reason = ctypes.create_string_buffer(_ERROR_TEXT_SIZE)
        settings = self._library.rd_kafka_conf_new()
        for key, value in (("test.mock.num.brokers", "1"), ("log_level", "2")):
            if self._library.rd_kafka_conf_set(settings, key.encode(), value.encode(), reason, len(reason)):
                raise RuntimeError(f"librdkafka refused {key}={value}: {reason.value.decode()}")
        client = self._library.rd_kafka_new(_PRODUCER, settings, reason, len(reason))
        if not client:
            raise RuntimeError(f"librdkafka did not start: {reason.value.decode()}")
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection and free the cluster; once stopped, further calls do nothing."""
        client, self._client = self._client, None
        if client:
            self._library.rd_kafka_destroy(client)

    def create_topic(self, name: str, partitions: int = 4) -> str:
        """Create a topic; without this one appears by itself, with 4 partitions, when it is first used."""
        self._call("topic_create", name.encode(), partitions, 1)
        return name

    def set_down(self) -> None:
        """Close every connection and refuse new ones, keeping the data."""
        self._call("broker_set_down", _ALL_BROKERS)

    def set_up(self) -> None:
        """Accept connections again."""
        self._call("broker_set_up", _ALL_BROKERS)

    def set_rtt(self, milliseconds: int) -> None:
        """Hold every answer back for this long; 0 answers at once again."""
        self._call("broker_set_rtt", _ALL_BROKERS, milliseconds)

    def push_errors(self, api_key: int, codes: Sequence[int]) -> None:
        """Answer the next requests of one kind with these errors, one each, in order.

        Args:
            api_key: the request's number in Kafka's protocol: 0 Produce, 1 Fetch, 3 Metadata, 8 OffsetCommit, ...
            codes: error codes of Kafka's protocol, or `DISCONNECT`.
        """
        array = (_int * len(codes))(*codes)
        self._call("push_request_errors_array", api_key, len(codes), array)

    def clear_errors(self, api_key: int) -> None:
        """Forget the errors pushed for this kind of request that no request has met yet."""
        self._call("clear_request_errors", api_key)

    def _call(self, function: str, *arguments: Any) -> None:
        if not self._client:
            raise RuntimeError("the faulty broker is stopped")  # the C functions would read freed memory
        code = getattr(self._library, f"rd_kafka_mock_{function}")(self._cluster, *arguments)
        if code:
            raise RuntimeError(f"librdkafka's mock cluster refused {function}{arguments}: error {code}")
