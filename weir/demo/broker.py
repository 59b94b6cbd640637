"""A Kafka broker inside this process, for the demonstration and for quick tests."""

from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer

from scoring.errors import StreamError

__all__ = ["EmbeddedBroker"]

_LOG_ONLY_CRITICAL = 2  # syslog levels: clients that leave are news to librdkafka, not to the reader


class EmbeddedBroker:
    """librdkafka's mock cluster: one broker that speaks Kafka's wire protocol on a loopback port.

    It keeps everything in memory and ends with this object. Clients in any process of this machine can use it.
    Observed with librdkafka 2.16 and aiokafka 0.14, and not configurable (librdkafka has no property for it):

    - A topic appears, with 4 partitions, when it is first asked for or written to. There is no admin API:
      CreateTopics times out.
    - A partition keeps its newest 5 MiB of batches as they were sent, so compressed ones count compressed. What is
      older is deleted without an error: a producer must be paced by its slowest reader. A single batch above 5 MiB is
      acknowledged and deleted at once.
    - A group's first member waits 3 seconds for others; with a session timeout below that it never joins. Who joins
      later, even after the last member left, waits for the session timeout less one second.
    - A group works with one member only: of two, the one that asks for its share after the leader is refused.
    - Committed offsets are kept. Transactions are accepted without their guarantees: offsets sent to one are dropped,
      aborted records are readable, an older producer is not fenced, and aiokafka takes the commit markers for
      corrupt records unless `check_crcs=False`.
    - Acknowledgements carry a constant timestamp; records keep the one that their producer wrote. Looking up
      offsets by time finds nothing.

    So it shows the system at work and proves no delivery guarantee.

    Args:
        timeout: seconds to wait for the broker's address.

    Example:
        >>> with EmbeddedBroker() as broker:
        ...     print(broker.bootstrap_servers)
        127.0.0.1:45123
    """

    def __init__(self, *, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._producer: Producer | None = None
        self._bootstrap_servers = ""

    @property
    def bootstrap_servers(self) -> str:
        """The address to give to clients, as `host:port`.

        Raises:
            StreamError: the broker is not running.
        """
        if self._producer is None:
            raise StreamError("the embedded broker is not running: use it in a with statement")
        return self._bootstrap_servers

    def __enter__(self) -> Self:
        # The mock replaces the configured address, which librdkafka nevertheless wants to see.
        producer = Producer(
            {"test.mock.num.brokers": 1, "bootstrap.servers": "embedded", "log_level": _LOG_ONLY_CRITICAL}
        )
        self._bootstrap_servers = _address(producer, self._timeout)
        self._producer = producer  # the broker lives as long as this producer
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()


def _address(producer: Producer, timeout: float) -> str:
    try:
        brokers = producer.list_topics(timeout=timeout).brokers
    except KafkaException as error:
        reason = error.args[0].str()
        raise StreamError(f"the embedded broker gave no address within {timeout:g} s: {reason}") from error
    (broker,) = brokers.values()
    return f"{broker.host}:{broker.port}"
