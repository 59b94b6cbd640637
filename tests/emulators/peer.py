"""A bare peer of AMQP 1.0 over a blocking socket: what the SDK would never send, and a look at single frames."""

import socket
import uuid
from collections.abc import Mapping
from typing import Any, Self

from azure.eventhub._pyamqp._decode import decode_frame, decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.endpoints import Source, Target
from azure.eventhub._pyamqp.message import Message, Properties
from azure.eventhub._pyamqp.performatives import (
    AttachFrame,
    BeginFrame,
    FlowFrame,
    OpenFrame,
    SASLInit,
    TransferFrame,
)
from azure.eventhub._pyamqp.utils import generate_sas_token

from tests.emulators.event_hubs import EventHubsServer
from tests.emulators.event_hubs.encoding import AMQP_HEADER, SASL_FRAME, SASL_HEADER, frame

__all__ = ["ACCEPTED", "CLOSE", "DETACH", "DISPOSITION", "END", "FLOW", "Peer", "encoded"]

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
ACCEPTED = {"accepted": []}
CHANNEL = 1
WINDOW = 2**31 - 1


def encoded(**sections: Any) -> bytes:
    """Encode a message of the SDK."""
    output = bytearray()
    encode_payload(output, Message(**sections))
    return bytes(output)


class Peer:
    """A connection with one session, opened; a token for one hub has been put."""

    def __init__(
        self,
        hubs: EventHubsServer,
        hub: str = "transactions",
        *,
        max_frame_bytes: int = 65_536,
        window: int = WINDOW,
        idle_milliseconds: int | None = None,
    ) -> None:
        host, port = hubs.namespace.split(":")
        self._hubs, self._hub, self._window = hubs, hub, window
        self._options = (max_frame_bytes, 100, idle_milliseconds)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self._unread = b""
        self._delivery = 0
        self._transfers = 0

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _open(self) -> None:
        self.write(SASL_HEADER)
        assert self.read(8) == SASL_HEADER
        self.next()
        self.write(frame(SASLInit(b"ANONYMOUS", b"", None), kind=SASL_FRAME))
        self.next()
        self.write(AMQP_HEADER)
        assert self.read(8) == AMQP_HEADER
        self.opened = self.ask(OpenFrame("peer", None, *self._options, *[None] * 5), OPEN, 0)
        self.begun = self.ask(BeginFrame(None, 0, self._window, WINDOW, 255, None, None, None), BEGIN)
        self.put_token(f"sb://{self._hubs.namespace}/{self._hub}")

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def read(self, count: int) -> bytes:
        """Read bytes; fewer where the server has ended the connection."""
        while len(self._unread) < count:
            more = self.socket.recv(65_536)
            if not more:
                break
            self._unread += more
        found, self._unread = self._unread[:count], self._unread[count:]
        return found

    def raw(self) -> bytes:
        """Read a frame."""
        header = self.read(8)
        if not header:
            raise ConnectionResetError("the server has closed the connection")
        return header + self.read(int.from_bytes(header[:4], "big") - 8)

    def next(self) -> tuple[int, list[Any]]:
        """Read a frame that is not empty, and decode it."""
        while True:
            found = self.raw()
            if len(found) > 8:
                return decode_frame(memoryview(found)[8:])

    def until(self, code: int) -> list[Any]:
        """Read frames as far as the first one of a kind, and return its fields."""
        while True:
            found, fields = self.next()
            if found == code:
                return fields

    def silent(self, seconds: float = 0.1) -> bool:
        """Say whether the server sends nothing for a while."""
        self.socket.settimeout(seconds)
        try:
            self._unread += self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5)
        return False

    def tell(self, performative: Any, channel: int = CHANNEL) -> None:
        """Send a frame."""
        self.write(frame(performative, channel))

    def ask(self, performative: Any, code: int, channel: int = CHANNEL) -> list[Any]:
        """Send a frame, and return the fields of the first answer of a kind."""
        self.tell(performative, channel)
        return self.until(code)

    def attach(
        self, handle: int, address: str, *, receiver: bool, properties: Mapping[bytes, Any] | None = None
    ) -> list[Any]:
        """Attach a link, and return the fields of the answer."""
        source, target = Source(address=address), Target(address=address)
        ends = (source, target, None, None, 0, None, None, None, properties)
        return self.ask(AttachFrame(f"link-{handle}", handle, receiver, 0, 0, *ends), ATTACH)

    def flow(self, handle: int | None, credit: int | None, count: int | None = 0, **options: Any) -> None:
        """Say what may be sent."""
        fields = {"available": None, "drain": False, "echo": False, "properties": None} | options
        self.tell(FlowFrame(self._transfers + 1, self._window, 0, WINDOW, handle, count, credit, **fields))

    def transfers(self, count: int) -> list[list[Any]]:
        """Read so many transfers."""
        found = [self.until(TRANSFER) for _ in range(count)]
        self._transfers += count
        return found

    def transfer(self, handle: int, payload: bytes, message_format: int = 0, **options: Any) -> int:
        """Send a message in one frame, and return the delivery's number."""
        fields = {"settled": False, "more": False} | options
        tag = self._delivery.to_bytes(4, "big")
        rest = [None] * 5
        self.tell(TransferFrame(handle, self._delivery, tag, message_format, *fields.values(), *rest, payload=payload))
        self._delivery += not fields["more"]
        return self._delivery - 1

    def request(self, node: str, properties: Mapping[str, Any], value: Any = None) -> tuple[dict[bytes, Any], Any]:
        """Ask a node on its two links, and return the properties and the value of what it answers."""
        receiving, sending = {"$cbs": (0, 1), "$management": (2, 3)}[node]
        self.attach(receiving, node, receiver=True)
        self.flow(receiving, 10)
        self.attach(sending, node, receiver=False)
        ask = Properties(message_id=uuid.uuid4())
        self.transfer(sending, encoded(properties=ask, application_properties=dict(properties), value=value))
        answer = decode_payload(self.transfers(1)[0][-1])
        assert answer.properties.correlation_id == ask.message_id
        return answer.application_properties, answer.value

    def put_token(self, audience: str) -> None:
        """Put a shared access signature."""
        token = generate_sas_token(audience, "weir", self._hubs.key)
        properties = {"operation": "put-token", "type": "servicebus.windows.net:sastoken", "name": audience}
        answer, _ = self.request("$cbs", properties, token)
        assert answer[b"status-code"] == 202
