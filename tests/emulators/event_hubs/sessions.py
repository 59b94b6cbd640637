"""A session of a connection: its links, and how many frames each side takes."""

from typing import TYPE_CHECKING, Any

from azure.eventhub._pyamqp.endpoints import Source, Target
from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.performatives import AttachFrame, BeginFrame, DetachFrame, EndFrame, FlowFrame

from .attaching import Attach, make_link
from .errors import Refusal
from .links import Link
from .namespace import RefusedLink

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Session"]

_ATTACH, _FLOW, _TRANSFER, _DETACH = 0x12, 0x13, 0x14, 0x16
_WINDOW = 5_000
_MAX_HANDLE = 255
_FIELDS = {_ATTACH: 14, _FLOW: 11, _DETACH: 3}


class Session:
    """The server's end of a session; its channel and its handles are the peer's own numbers.

    Attributes:
        peer_window: how many more frames the peer takes.
        next_delivery: the number of the next delivery that the server sends.
        replies: the links on which `$cbs` and `$management` are answered.
    """

    def __init__(self, connection: "Connection", channel: int, begin: list[Any]) -> None:
        begin += [None] * (8 - len(begin))
        self.connection = connection
        self.namespace = connection.namespace
        self.channel = channel
        self.next_delivery = 0
        self.peer_window: int = begin[2]
        self.replies: dict[str, Any] = {}
        self._links: dict[int, Link] = {}
        self._next_outgoing = 1
        self._next_incoming: int = begin[1]
        self._window = _WINDOW
        connection.send(
            BeginFrame(
                remote_channel=channel,
                next_outgoing_id=self._next_outgoing,
                incoming_window=_WINDOW,
                outgoing_window=_WINDOW,
                handle_max=_MAX_HANDLE,
                offered_capabilities=None,
                desired_capabilities=None,
                properties=None,
            ),
            channel,
        )

    def on_frame(self, code: int, fields: list[Any]) -> None:
        """Do what a frame says."""
        if code == _TRANSFER:
            self._on_transfer(fields)
            return
        fields += [None] * (_FIELDS.get(code, 0) - len(fields))
        if code == _ATTACH:
            self._on_attach(Attach(fields))
        elif code == _FLOW:
            self._on_flow(fields)
        elif code == _DETACH:
            self._on_detach(fields)

    def on_end(self) -> None:
        """Say goodbye and end."""
        self.connection.send(EndFrame(error=None), self.channel)
        self.end()

    def end(self) -> None:
        """Forget the links."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    def deliver(self) -> None:
        """Have every receiver send what it may."""
        for link in list(self._links.values()):
            link.deliver()

    def detach(self, path: str, refusal: Refusal, partition: str | None = None) -> None:
        """Detach the links on an entity, and on what is inside it; of one partition only, where it is given."""
        for link in list(self._links.values()):
            if link.is_on(path) and (partition is None or link.path.endswith(f"/partitions/{partition}")):
                self.detach_link(link, refusal)

    def count(self, path: str) -> int:
        """Return how many links there are on an entity and on what is inside it."""
        return sum(link.is_on(path) for link in self._links.values())

    def detach_link(self, link: Link, refusal: Refusal) -> None:
        """Detach one link with a reason; what the peer still sends on it is passed over."""
        if self._links.pop(link.handle, None):
            link.close()
            self._send_detach(link.handle, refusal)

    def send_transfers(self, chunks: list[bytes], frames: int) -> None:
        """Send frames of deliveries."""
        self._next_outgoing += frames
        self.peer_window -= frames
        self.connection.write(*chunks)

    def send_flow(self, link: Link | None, *, drain: bool = False) -> None:
        """Tell the peer what it may send; of one link, or of the session only."""
        self._window = _WINDOW
        flow = FlowFrame(
            next_incoming_id=self._next_incoming,
            incoming_window=self._window,
            next_outgoing_id=self._next_outgoing,
            outgoing_window=_WINDOW,
            handle=link.handle if link else None,
            delivery_count=link.delivery_count if link else None,
            link_credit=link.credit if link else None,
            available=link.available if link else None,
            drain=drain,
            echo=False,
            properties=None,
        )
        self.connection.send(flow, self.channel)

    def _on_transfer(self, fields: list[Any]) -> None:
        self._next_incoming += 1
        self._window -= 1
        link = self._links.get(fields[0])
        if link:
            link.on_transfer(fields)
        if self._window <= 0:
            self.send_flow(None)

    def _on_flow(self, fields: list[Any]) -> None:
        # Before it has seen a frame of the server's, the peer may leave out which one it expects.
        expected = self._next_outgoing if fields[0] is None else fields[0]
        self.peer_window = expected + fields[1] - self._next_outgoing
        link = self._links.get(fields[4]) if fields[4] is not None else None
        if link:
            link.on_flow(fields)
        elif fields[9]:
            self.send_flow(None)
        self.deliver()

    def _on_detach(self, fields: list[Any]) -> None:
        link = self._links.pop(fields[0], None)
        if link:
            link.close()
            self._send_detach(fields[0], None)

    def _on_attach(self, attach: Attach) -> None:
        try:
            link = make_link(self, attach)
        except Refusal as refusal:
            self.namespace.refused.append(RefusedLink(attach.path, refusal.condition, refusal.description))
            self._answer(attach, refused=True)
            self._send_detach(attach.handle, refusal)
            return
        self._links[link.handle] = link
        self._answer(attach, max_message_bytes=link.max_message_bytes, capabilities=link.capabilities)
        link.open()

    def _answer(
        self,
        attach: Attach,
        *,
        refused: bool = False,
        max_message_bytes: int | None = None,
        capabilities: list[bytes] | None = None,
    ) -> None:
        # An end that will not exist is left out: so the peer knows that a detach follows.
        source = Source(address=attach.source, filters=attach.described_filters)  # type: ignore[call-arg]
        target = Target(address=attach.target)  # type: ignore[call-arg]
        answer = AttachFrame(
            name=attach.name,
            handle=attach.handle,
            role=not attach.is_receiver,
            send_settle_mode=1 if attach.is_receiver else attach.send_settle_mode,
            rcv_settle_mode=0,
            source=None if refused and attach.is_receiver else source,
            target=None if refused and not attach.is_receiver else target,
            unsettled=None,
            incomplete_unsettled=None,
            initial_delivery_count=0 if attach.is_receiver else None,
            max_message_size=max_message_bytes,
            offered_capabilities=capabilities or None,
            desired_capabilities=None,
            properties=None,
        )
        self.connection.send(answer, self.channel)

    def _send_detach(self, handle: int, refusal: Refusal | None) -> None:
        error = AMQPError(refusal.condition, refusal.description, None) if refusal else None
        self.connection.send(DetachFrame(handle=handle, closed=True, error=error), self.channel)
