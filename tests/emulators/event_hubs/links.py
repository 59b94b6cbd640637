"""What all links have in common."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sessions import Session

__all__ = ["Link"]


class Link:
    """The server's end of a link.

    Attributes:
        path: the entity's path in lower case; empty for the links of `$cbs` and `$management`.
        credit: how many deliveries the sending end may still send.
        delivery_count: how many it has sent.
        available: how many wait to be sent, where the server is the one that sends.
        max_message_bytes: what the answer to the attach says.
        capabilities: those that the client wants and gets.
    """

    max_message_bytes: int | None = None
    available: int | None = None

    def __init__(self, session: "Session", handle: int, path: str = "") -> None:
        self.session = session
        self.namespace = session.namespace
        self.handle = handle
        self.path = path.lower()
        self.credit = 0
        self.delivery_count = 0
        self.capabilities: list[bytes] = []
        self.closed = False

    def is_on(self, path: str) -> bool:
        """Say whether it is on an entity, or on something inside it; with an empty path, on any."""
        return bool(self.path) and (not path or self.path == path or self.path.startswith(path + "/"))

    def open(self) -> None:
        """Begin: the attach has been answered."""

    def close(self) -> None:
        """End: the link is detached, or its connection is gone."""
        self.closed = True

    def on_transfer(self, fields: list[Any]) -> None:
        """Take a transfer."""

    def on_flow(self, fields: list[Any]) -> None:
        """Take a flow."""

    def deliver(self) -> None:
        """Send what may be sent now."""


class IncomingLink(Link):
    """A link on which the client sends: it gets credit, and messages are put together from transfers."""

    FULL_CREDIT = 300

    def __init__(self, session: "Session", handle: int, path: str = "", delivery_count: int = 0) -> None:
        super().__init__(session, handle, path)
        self.delivery_count = delivery_count
        self._parts: list[memoryview] = []
        self._size = 0
        self._first: list[Any] = []

    def open(self) -> None:
        """Let the client send."""
        self._refill()

    def on_transfer(self, fields: list[Any]) -> None:
        """Take a transfer; with its last one a message is complete."""
        payload = fields[-1]
        if not self._parts:
            self._first = fields
        self._parts.append(payload)
        self._size += len(payload)
        if not self.check_size(self._first[1], self._size) or fields[5]:  # more
            return
        message = self._parts[0] if len(self._parts) == 1 else memoryview(b"".join(self._parts))
        self._parts, self._size = [], 0
        self.delivery_count += 1
        self.credit -= 1
        delivery, settled = self._first[1], bool(fields[4])
        self.on_message(delivery, message, self._first[3] or 0, settled=settled)
        if self.credit < self.FULL_CREDIT // 2 and not self.closed:
            self._refill()

    def on_flow(self, fields: list[Any]) -> None:
        """Answer a client that asks how much it may send."""
        if fields[9]:
            self.session.send_flow(self)

    def _refill(self) -> None:
        self.credit = self.FULL_CREDIT
        self.session.send_flow(self)

    def check_size(self, delivery: int, size: int) -> bool:
        """Say whether a message may be so large."""
        return True

    def on_message(self, delivery: int, message: memoryview, message_format: int, *, settled: bool) -> None:
        """Take a message."""
        raise NotImplementedError
