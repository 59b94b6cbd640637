"""The links on which clients send events."""

from typing import TYPE_CHECKING

from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.outcomes import Rejected
from azure.eventhub._pyamqp.performatives import DispositionFrame

from .encoding import accepted_frame
from .errors import Refusal
from .links import IncomingLink
from .messages import events_of
from .namespace import Entity

if TYPE_CHECKING:
    from .sessions import Session

__all__ = ["PublisherLink"]

_BATCH_FORMAT = 0x80013700


class PublisherLink(IncomingLink):
    """A link to an event hub, or to one of its partitions."""

    def __init__(self, session: "Session", handle: int, path: str, entity: Entity, delivery_count: int) -> None:
        super().__init__(session, handle, path, delivery_count)
        self._hub = entity.hub
        self._partition = entity.partition
        self.max_message_bytes = entity.hub.max_message_bytes

    def check_size(self, delivery: int, size: int) -> bool:
        """Detach the link where a message passes the limit, as the service does."""
        if size <= self._hub.max_message_bytes:
            return True
        self.session.detach_link(self, Refusal.too_large(delivery, size, self._hub.max_message_bytes))
        return False

    def on_message(self, delivery: int, message: memoryview, message_format: int, *, settled: bool) -> None:
        """Store a message, or the messages of a batch, and say so."""
        faults = self.namespace.faults
        if faults.is_busy():
            self._reject(delivery, Refusal.busy())
            return
        try:
            events = events_of(message, batch=message_format == _BATCH_FORMAT)
        except ValueError as error:
            self._reject(delivery, Refusal(b"amqp:decode-error", f"The message cannot be decoded: {error}."))
            return
        if events:
            (self._partition or self._hub.choose(events[0].key)).append(events)
        if faults.loses_acknowledgement():
            self.session.connection.drop()
        elif not settled:
            self._accept(delivery)

    def _accept(self, delivery: int) -> None:
        frame = accepted_frame(self.session.channel, delivery)
        if self.namespace.faults.delay:
            self.session.connection.later(self.namespace.faults.delay, lambda: self._write(frame))
        else:
            self._write(frame)

    def _write(self, frame: bytes) -> None:
        if not self.closed:
            self.session.connection.write(frame)

    def _reject(self, delivery: int, refusal: Refusal) -> None:
        state = Rejected(error=AMQPError(refusal.condition, refusal.description, None))
        frame = DispositionFrame(role=True, first=delivery, last=delivery, settled=True, state=state, batchable=None)
        self.session.connection.send(frame, self.session.channel)
