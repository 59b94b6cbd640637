"""What can be asked of a Kafka cluster by its address alone, whoever runs it."""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

__all__ = ["Cluster", "ExternalKafka", "known_brokers"]

_POLL_SECONDS = 0.05
_LOG_ONLY_CRITICAL = 2


class Cluster:
    """Topics, and waiting with a bound.

    Attributes:
        timeout: seconds that any wait may take.
    """

    timeout = 60.0

    @property
    def bootstrap_servers(self) -> str:
        """The address to give to clients: `host:port`, with commas between several."""
        raise NotImplementedError

    def create_topic(self, name: str, partitions: int = 4, **config: Any) -> str:
        """Create a topic, wait until each partition has a leader, and return its name.

        Args:
            name: must not exist yet.
            partitions: how many.
            config: the topic's settings; `max_message_bytes=1000` stands for `max.message.bytes=1000`.

        Raises:
            KafkaException: the cluster refused.
            TimeoutError: no answer, or no leaders, in time.
        """
        admin = _admin(self.bootstrap_servers)
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, partitions, config=settings)
        admin.create_topics([topic], request_timeout=self.timeout)[name].result(self.timeout)
        self.wait(lambda: _has_leaders(admin, name, partitions), f"topic {name} has no leaders")
        return name

    def wait(self, condition: Callable[[], bool], complaint: str) -> None:
        """Ask again and again until the condition holds: Kafka tells nobody when a state is reached.

        Raises:
            TimeoutError: it did not hold in time; the text has the complaint and the evidence.
        """
        deadline = time.monotonic() + self.timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{complaint} after {self.timeout:g} s\n{self.evidence()}")
            time.sleep(_POLL_SECONDS)

    def evidence(self) -> str:
        """Return what helps to understand why the cluster is not in the state that was waited for."""
        return f"asked at {self.bootstrap_servers}"


class ExternalKafka(Cluster):
    """A cluster that somebody else runs; tests give their topics and groups unique names on it.

    Args:
        bootstrap_servers: its address, as `host:port`, with commas between several.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers

    @property
    def bootstrap_servers(self) -> str:
        """The address to give to clients."""
        return self._bootstrap_servers


def known_brokers(address: str) -> set[int]:
    """Return the numbers of the brokers that the one at this address takes to be alive; none if it does not answer."""
    try:
        return set(_admin(address).list_topics(timeout=1).brokers)
    except KafkaException:
        return set()


def _admin(address: str) -> AdminClient:
    quick = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}
    return AdminClient({"bootstrap.servers": address, "log_level": _LOG_ONLY_CRITICAL, **quick})


def _has_leaders(admin: AdminClient, name: str, partitions: int) -> bool:
    try:
        topic = admin.list_topics(name, timeout=1).topics[name]
    except KafkaException:
        return False
    return len(topic.partitions) == partitions and all(part.leader >= 0 for part in topic.partitions.values())
