"""What comes in: one event and where it stood."""

import msgspec

__all__ = ["Event", "Position"]


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where an event stands in its source.

    Attributes:
        stream: the topic or hub, without the server's name, so that an archive of it gives the same identity.
        partition: the partition's number.
        offset: the offset (Kafka) or sequence number (Event Hubs).
    """

    stream: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.stream}/{self.partition}/{self.offset}"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event as it arrived, untouched.

    Attributes:
        value: the body; None is a tombstone.
        key: the partition key, if it has one.
        headers: names and values in their order; a name may come twice.
        position: where it stands in its source; None where the door has no positions (HTTP).
        time: when it was appended, in milliseconds since 1970 UTC; None where nobody said.
    """

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    position: Position | None = None
    time: int | None = None
