"""Azure Event Hubs for tests: a server that speaks AMQP 1.0, in a thread of its own."""

from .messages import StoredEvent
from .namespace import RefusedLink
from .server import EventHubsServer
from .tokens import PutToken

__all__ = ["EventHubsServer", "PutToken", "RefusedLink", "StoredEvent"]
