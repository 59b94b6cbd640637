"""One TCP connection: bytes in, frames out; the protocol's greetings and its end. Sessions do the rest.

Rules:
- A connection belongs to the server's thread and never waits: what cannot be sent now is sent when it can.
- Frames that answer one read of the socket leave in one write.
- While the server is silent, what would be sent is kept, and nothing is read.
"""

import asyncio
import socket
import struct
import uuid
from collections.abc import Callable
from typing import Any

from azure.eventhub._pyamqp._decode import decode_frame
from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.performatives import CloseFrame, OpenFrame, SASLMechanism, SASLOutcome

from .encoding import AMQP_HEADER, EMPTY_FRAME, SASL_FRAME, SASL_HEADER, frame
from .errors import Refusal
from .namespace import Grant, Namespace
from .sessions import Session

__all__ = ["Connection"]

_MAX_FRAME_BYTES = 65_536
_MAX_CHANNEL = 4_999
_IDLE_SECONDS = 240.0
_WRITE_BUFFER_BYTES = 1024 * 1024
_OPEN, _BEGIN, _END, _CLOSE = 0x10, 0x11, 0x17, 0x18
_SASL_INIT = 0x41
_EMPTY_LIST = 0x45


class Connection(asyncio.Protocol):
    """The server's end of a connection.

    Attributes:
        namespace: what it serves.
        max_frame_bytes: the largest frame that both ends take.
        congested: whether the peer is slow to read, and receivers should wait.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.max_frame_bytes = _MAX_FRAME_BYTES
        self.congested = False
        self._grants: dict[str, float | None] = {}
        self._sessions: dict[int, Session] = {}
        self._unread = b""
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._reading = False
        self._closed = False
        self._peer_idle_seconds = 0.0
        self._last_read = self._last_write = 0.0

    # Bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._last_read = self._last_write = self._loop.time()
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self.namespace.connections.add(self)
        if self.namespace.faults.silent:
            transport.pause_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """End, whoever ended it."""
        self._closed = True
        self.namespace.connections.discard(self)
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()
        self._out.clear()

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent, and answer it."""
        self._last_read = self._loop.time()
        self._reading = True
        try:
            self._read(self._unread + data if self._unread else data)
        finally:
            self._reading = False
            self._flush()

    def pause_writing(self) -> None:
        """The peer is slow to read."""
        self.congested = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.congested = False
        self.deliver()

    def write(self, *chunks: bytes) -> None:
        """Send bytes, at once or with the rest of what is being answered."""
        if not self._closed:
            self._out.extend(chunks)
            self._out_bytes += sum(map(len, chunks))
            if not self._reading or self._out_bytes >= _WRITE_BUFFER_BYTES:
                self._flush()

    def _flush(self) -> None:
        if self._out and not self._closed and not self.namespace.faults.silent:
            self._transport.write(b"".join(self._out))
            self._out.clear()
            self._out_bytes = 0
            self._last_write = self._loop.time()

    def _read(self, data: bytes) -> None:
        position, end, view = 0, len(data), memoryview(data)
        while end - position >= 8 and not self._closed:
            if data[position : position + 4] == b"AMQP":
                self._on_header(data[position : position + 8])
                position += 8
                continue
            size = int.from_bytes(view[position : position + 4], "big")
            if size < 8 or size > _MAX_FRAME_BYTES:
                self.close(Refusal(b"amqp:connection:framing-error", f"A frame cannot have {size} bytes."))
                return
            if end - position < size:
                break
            start = position + 4 * data[position + 4]
            if start < position + size:  # else it is empty, and only says that the peer is alive
                self._on_frame(int.from_bytes(view[position + 6 : position + 8], "big"), view[start : position + size])
            position += size
        self._unread = data[position:]

    # Frames

    def send(self, performative: Any, channel: int = 0) -> None:
        """Send a frame."""
        self.write(frame(performative, channel))

    def _on_header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self.write(SASL_HEADER, frame(SASLMechanism([b"ANONYMOUS"]), kind=SASL_FRAME))
        elif header == AMQP_HEADER:
            self.write(AMQP_HEADER)
        else:
            self.write(AMQP_HEADER)
            self._end()

    def _on_frame(self, channel: int, body: memoryview) -> None:
        try:
            code, fields = (body[2], []) if body[3] == _EMPTY_LIST else decode_frame(body)
        except (IndexError, TypeError, ValueError, struct.error) as error:
            self.close(Refusal(b"amqp:decode-error", f"A frame cannot be decoded: {error}"))
            return
        if code == _SASL_INIT:
            self.write(frame(SASLOutcome(0, None), kind=SASL_FRAME))
        elif code == _OPEN:
            self._on_open(fields)
        elif code == _BEGIN:
            self._sessions[channel] = Session(self, channel, fields)
        elif code == _END:
            self._on_end(channel)
        elif code == _CLOSE:
            self.send(CloseFrame(error=None))
            self._end()
        elif channel in self._sessions:
            self._sessions[channel].on_frame(code, fields)

    def _on_open(self, fields: list[Any]) -> None:
        fields += [None] * (10 - len(fields))
        self.max_frame_bytes = min(fields[2] or _MAX_FRAME_BYTES, _MAX_FRAME_BYTES)
        self._peer_idle_seconds = (fields[4] or 0) / 1000
        self.send(
            OpenFrame(
                container_id=f"{uuid.uuid4().hex}_G0",
                hostname=None,
                max_frame_size=_MAX_FRAME_BYTES,
                channel_max=_MAX_CHANNEL,
                idle_timeout=int(_IDLE_SECONDS * 1000),
                outgoing_locales=None,
                incoming_locales=None,
                offered_capabilities=None,
                desired_capabilities=None,
                properties=None,
            )
        )

    def _on_end(self, channel: int) -> None:
        session = self._sessions.pop(channel, None)
        if session:
            session.on_end()

    # What the namespace asks for

    def deliver(self) -> None:
        """Have every receiver send what it may."""
        for session in self._sessions.values():
            session.deliver()

    def detach(self, hub: str, partition: str | None, condition: bytes) -> None:
        """Detach the links on a hub, or on one of its partitions; on everything where the hub's name is empty."""
        for session in self._sessions.values():
            session.detach(hub, Refusal(condition, "The link is detached because a test asks for it."), partition)

    def count(self, path: str) -> int:
        """Return how many links there are on an entity and on what is inside it."""
        return sum(session.count(path) for session in self._sessions.values())

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a while, if the connection is still there."""
        self._loop.call_later(seconds, lambda: None if self._closed else action())

    def hush(self) -> None:
        """Read nothing any more; what would be written is kept."""
        self._transport.pause_reading()

    def speak(self) -> None:
        """Send what was kept, and read again."""
        self._flush()
        self._transport.resume_reading()
        self.deliver()

    def drop(self) -> None:
        """End at once, without a goodbye: the peer sees its connection reset."""
        self._closed = True
        linger = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()

    def close(self, refusal: Refusal) -> None:
        """End with a reason."""
        self.send(CloseFrame(error=AMQPError(refusal.condition, refusal.description, None)))
        self._end()

    def _end(self) -> None:
        self._reading = False
        self._flush()
        self._closed = True
        self._transport.close()

    def tick(self) -> None:
        """Do what time asks for: say that the server is alive, notice that the peer is not, end expired tokens."""
        now = self._loop.time()
        if self._closed or self.namespace.faults.silent:
            return
        if self._peer_idle_seconds and now - self._last_write >= self._peer_idle_seconds / 2:
            self.write(EMPTY_FRAME)
        if now - self._last_read > _IDLE_SECONDS:
            self.close(Refusal(b"amqp:connection:forced", f"The connection was inactive for {_IDLE_SECONDS:.0f} s."))
        self._end_expired()

    # Tokens

    def grant(self, grant: Grant) -> None:
        """Let links onto an entity, and onto what is inside it, until the token expires."""
        self._grants[grant.path] = grant.expires_on

    def may_use(self, path: str) -> bool:
        """Say whether a token was accepted that covers an entity."""
        path = path.lower()
        return any(not scope or path == scope or path.startswith(scope + "/") for scope in self._grants)

    def _end_expired(self) -> None:
        now = self.namespace.now()
        for path, expires_on in list(self._grants.items()):
            if expires_on is not None and expires_on <= now:
                del self._grants[path]
                for session in self._sessions.values():
                    session.detach(path, Refusal.token_expired())
