"""What a client asks for when it attaches a link, and the link that it gets."""

import urllib.parse
from typing import TYPE_CHECKING, Any

from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes

from .consumers import ConsumerLink
from .errors import Refusal
from .links import Link
from .publishers import PublisherLink
from .requests import NODES, ReplyLink, RequestLink

if TYPE_CHECKING:
    from .sessions import Session

__all__ = ["Attach", "make_link"]

_SELECTOR = b"apache.org:selector-filter:string"


class Attach:
    """An attach frame, read.

    Attributes:
        is_receiver: whether the client receives on the link.
        source: the address of the source, None where it has none; `target` likewise.
        path: the entity's path inside the namespace.
    """

    def __init__(self, fields: list[Any]) -> None:
        self.name: bytes = fields[0]
        self.handle: int = fields[1]
        self.is_receiver: bool = fields[2]
        self.send_settle_mode: int | None = fields[3]
        self.source = _text(fields[5][0]) if fields[5] else None
        self.target = _text(fields[6][0]) if fields[6] else None
        self.path = _path((self.source if self.is_receiver else self.target) or "")
        self.delivery_count: int = fields[9] or 0
        self.capabilities = _several(fields[12])
        self._properties: dict[bytes, Any] = fields[13] or {}
        self._filters: dict[bytes, Any] = (fields[5][7] if fields[5] and len(fields[5]) > 7 else None) or {}

    @property
    def epoch(self) -> int | None:
        """The receiver's epoch, None where it has none."""
        return self._properties.get(b"com.microsoft:epoch")

    @property
    def selector(self) -> str | None:
        """The expression that says where to start, None where there is none."""
        found = self._filters.get(_SELECTOR)
        return _text(found) if found else None

    @property
    def described_filters(self) -> dict[bytes, Any] | None:
        """The filters, to be encoded again."""
        if self.selector is None:
            return None
        return {_SELECTOR: (_SELECTOR, {TYPE: AMQPTypes.string, VALUE: self.selector})}


def make_link(session: "Session", attach: Attach) -> Link:
    """Make the link that a client asks for.

    Raises:
        Refusal: it may not have it.
    """
    if attach.path in NODES:
        return (ReplyLink if attach.is_receiver else RequestLink)(session, attach.handle, attach.path)
    namespace = session.namespace
    if namespace.faults.is_busy():
        raise Refusal.busy()
    if not session.connection.may_use(attach.path):
        raise Refusal.unauthorized(namespace.address, attach.path, "Listen" if attach.is_receiver else "Send")
    entity = namespace.resolve(attach.path)
    if not attach.is_receiver:
        return PublisherLink(session, attach.handle, attach.path, entity, attach.delivery_count)
    if entity.partition is None or entity.group is None:
        raise Refusal.not_found(namespace.address, attach.path)
    return ConsumerLink(
        session,
        attach.handle,
        attach.path,
        entity.partition,
        group=entity.group,
        epoch=attach.epoch,
        selector=attach.selector,
        capabilities=attach.capabilities,
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _path(address: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(address).path if "://" in address else address).strip("/")


def _several(value: list[bytes] | bytes | None) -> list[bytes]:
    if value is None:
        return []
    return [value] if isinstance(value, bytes) else value
