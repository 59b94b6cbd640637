"""The service's own nodes: `$cbs` takes tokens, `$management` tells about event hubs."""

import struct
import uuid
from typing import TYPE_CHECKING, Any

from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import Message, Properties
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes

from .encoding import TRANSFER_OVERHEAD, accepted_frame, transfer_frame
from .errors import Refusal, traced
from .links import IncomingLink, Link
from .tokens import TokenError

if TYPE_CHECKING:
    from .sessions import Session

__all__ = ["NODES", "ReplyLink", "RequestLink"]

_CBS, _MANAGEMENT = "$cbs", "$management"
NODES = (_CBS, _MANAGEMENT)
_YEAR_ONE = -62_135_596_800_000  # what the service says where there is no time to say
_STATUS = {
    b"amqp:not-found": 404,
    b"amqp:unauthorized-access": 401,
    b"com.microsoft:server-busy": 503,
    b"com.microsoft:argument-out-of-range": 400,
    b"amqp:not-implemented": 501,
}


class ReplyLink(Link):
    """The link on which a node answers."""

    def __init__(self, session: "Session", handle: int, node: str) -> None:
        super().__init__(session, handle)
        self._node = node
        self._waiting: list[bytes] = []
        session.replies[node] = self

    def close(self) -> None:
        """End; what has not been answered is not answered."""
        super().close()
        if self.session.replies.get(self._node) is self:
            del self.session.replies[self._node]

    def on_flow(self, fields: list[Any]) -> None:
        """Take credit."""
        self.credit = (fields[5] or 0) + (fields[6] or 0) - self.delivery_count

    def reply(self, message: Message) -> None:
        """Send an answer, as soon as there is credit for it."""
        output = bytearray()
        encode_payload(output, message)
        self._waiting.append(bytes(output))
        self.deliver()

    def deliver(self) -> None:
        """Send the answers that wait."""
        session = self.session
        while self._waiting and self.credit > 0:
            message = self._waiting.pop(0)
            assert len(message) <= session.connection.max_frame_bytes - TRANSFER_OVERHEAD
            start = transfer_frame(session.channel, self.handle, session.next_delivery, len(message))
            session.next_delivery += 1
            self.credit -= 1
            self.delivery_count += 1
            session.send_transfers([start, message], 1)


class RequestLink(IncomingLink):
    """The link on which a node is asked."""

    def __init__(self, session: "Session", handle: int, node: str) -> None:
        super().__init__(session, handle)
        self._node = node

    def on_message(self, delivery: int, message: memoryview, message_format: int, *, settled: bool) -> None:
        """Answer a request."""
        del message_format
        if not settled:
            self.session.connection.write(accepted_frame(self.session.channel, delivery))
        try:
            request: Any = decode_payload(message)
            wanted = {_text(name): _text(value) for name, value in request.application_properties.items()}
            number = request.properties.message_id
        except (AttributeError, IndexError, TypeError, ValueError, struct.error) as error:
            self.session.detach_link(self, Refusal(b"amqp:decode-error", f"The request cannot be decoded: {error}."))
            return
        status, text, value = self._answer(wanted, request)
        reply = self.session.replies.get(self._node)
        if reply:
            reply.reply(
                Message(
                    properties=Properties(message_id=uuid.uuid4(), correlation_id=number),
                    application_properties={"status-code": status, "status-description": text},
                    value=value,
                )
            )

    def _answer(self, wanted: dict[str, Any], request: Any) -> tuple[int, str, Any]:
        try:
            return self._put_token(wanted, request) if self._node == _CBS else self._read(wanted)
        except TokenError as error:
            return 401, traced(str(error)), None
        except Refusal as refusal:
            return _STATUS.get(refusal.condition, 500), refusal.description, None
        except KeyError as missing:
            return 400, traced(f"The property {missing} is missing."), None

    def _put_token(self, wanted: dict[str, Any], request: Any) -> tuple[int, str, Any]:
        grant = self.namespace.put_token(_text(request.value), wanted["type"], wanted["name"])
        self.session.connection.grant(grant)
        return 202, "Accepted", None

    def _read(self, wanted: dict[str, Any]) -> tuple[int, str, Any]:
        name, kind = wanted["name"], wanted["type"]
        if not self.session.connection.may_use(name):
            raise Refusal.unauthorized(self.namespace.address, name, "Manage, EventHubRead")
        hub = self.namespace.hub(name)
        if kind == "com.microsoft:eventhub":
            return (
                200,
                "OK",
                {"name": hub.name, "type": kind}
                | {
                    "created_at": {TYPE: AMQPTypes.timestamp, VALUE: hub.created_at},
                    "partition_count": len(hub.partitions),
                    "partition_ids": {
                        TYPE: AMQPTypes.array,
                        VALUE: [{TYPE: AMQPTypes.string, VALUE: number} for number in hub.partitions],
                    },
                },
            )
        if kind != "com.microsoft:partition":
            raise Refusal(b"amqp:not-implemented", f"The operation READ is not known for '{kind}'.")
        partition = self.namespace.partition(hub, wanted["partition"])
        last = partition.last
        return (
            200,
            "OK",
            {"name": hub.name, "type": kind, "partition": wanted["partition"]}
            | {
                "begin_sequence_number": {TYPE: AMQPTypes.long, VALUE: partition.first},
                "last_enqueued_sequence_number": {TYPE: AMQPTypes.long, VALUE: last.sequence_number if last else -1},
                "last_enqueued_offset": str(last.offset) if last else "-1",
                "last_enqueued_time_utc": {
                    TYPE: AMQPTypes.timestamp,
                    VALUE: last.enqueued_time if last else _YEAR_ONE,
                },
                "is_partition_empty": partition.first == len(partition.stored),
            },
        )


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
