"""The brokers that tests run against, and what they have in common."""

import itertools
import os
from typing import Protocol

__all__ = ["Broker", "unique_topic"]

_numbers = itertools.count(1)


class Broker(Protocol):
    """What a test may rely on whichever broker it was given."""

    @property
    def bootstrap_servers(self) -> str:
        """The address to give to clients: `host:port`, with commas between several."""

    def create_topic(self, name: str, partitions: int = 4) -> str:
        """Create a topic, wait until it can be used, and return its name."""


def unique_topic(prefix: str = "events") -> str:
    """Name a topic, or a group, that no other test and no other run on the same cluster has used."""
    return f"{prefix}-{os.getpid()}-{os.urandom(3).hex()}-{next(_numbers)}"
