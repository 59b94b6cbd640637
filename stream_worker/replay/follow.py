"""From an archive to the live stream: the group's positions are set behind the archive's last events.

Rules:
- A position is set only where the group has none, or has that very one: a group that stands elsewhere would make
  a gap, or score again what it has scored. One that has followed before stands further on, and is left there.
- An archive that ends behind the live stream is of another stream, and so may be one that does not say of which
  partition its events are, where there are several.
- A partition of which the archive has nothing is followed from its first event, which asks for `start: earliest`.
- Nothing is set before every partition has been looked at. Nobody may read as the group meanwhile.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, Self

from scoring.errors import ConfigurationError
from stream_worker.event_hubs.settings import EventHubsSourceSettings
from stream_worker.kafka.settings import KafkaSourceSettings

# ruff: noqa: PLC0415 - a client library is imported only where one of its kind is named

__all__ = ["Live", "SourceSettings", "begin_after", "check_unread"]

SourceSettings = KafkaSourceSettings | EventHubsSourceSettings


class Live(Protocol):
    """What is asked of a live stream, and told it; opened and closed by `async with`."""

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            SourceError: nobody answers, or the stream does not exist.
        """
        ...

    async def __aexit__(self, *exception: object) -> None:
        """Leave, inside a bound of its own."""
        ...

    async def firsts(self) -> Mapping[int, int]:
        """Return, for each partition, the position of the first event that the server still has, or will have."""
        ...

    async def ends(self) -> Mapping[int, int]:
        """Return, for each partition, the position of the next event that comes."""
        ...

    async def standing(self) -> Mapping[int, int]:
        """Return where the group stands, in those partitions in which it has been."""
        ...

    async def move(self, positions: Mapping[int, int]) -> None:
        """Let the group stand there."""
        ...


async def check_unread(settings: SourceSettings, partitions: Collection[int], *, unplaced: str | None = None) -> None:
    """See, before an archive is scored, that a group can follow it: that it has read nothing.

    Args:
        settings: of the live stream.
        partitions: of the archive, as far as they are known.
        unplaced: a file that does not say of which partition its events are, where there is one.

    Raises:
        ConfigurationError: it has, or would begin at the end, or the archive's partitions are not the stream's.
        SourceError: the server does not answer.
    """
    if settings.start != "earliest":
        raise ConfigurationError(
            f"source.start is {settings.start}: expected earliest, for a partition of which the archive has nothing is "
            "followed from its first event"
        )
    async with _live(settings) as live:
        firsts, standing = await live.firsts(), await live.standing()
    _check_placed(settings.stream, unplaced, firsts)
    for number in sorted(partitions):
        _check_number(settings.stream, number, firsts)
    if standing:
        number, position = min(standing.items())
        raise ConfigurationError(
            f"the group {settings.group!r} stands at {position} in partition {number} of {settings.stream!r}: an "
            "archive is followed by a group that has read nothing"
        )


async def begin_after(
    settings: SourceSettings,
    last: Mapping[int, int],
    *,
    begun: bool = False,
    unplaced: str | None = None,
    note: Callable[[], None] = lambda: None,
) -> Mapping[int, int]:
    """Set a group's positions behind an archive, and return where it goes on in each partition.

    Args:
        settings: of the live stream.
        last: for each partition of the archive, the offset or sequence number of its last event.
        begun: whether this has been done before; the group may have read on since.
        unplaced: as for `check_unread`.
        note: called before the first position is set: from then on it is begun, whatever comes between.

    Raises:
        ConfigurationError: the archive and the live stream do not meet, or the group stands elsewhere.
        SourceError: the server does not answer.
    """
    async with _live(settings) as live:
        firsts, standing, ends = await live.firsts(), await live.standing(), await live.ends()
        _check_placed(settings.stream, unplaced, firsts)
        wanted = {number: position + 1 for number, position in last.items()}
        for number, position in sorted(wanted.items()):
            _check_number(settings.stream, number, firsts)
            _check_end(settings.stream, number, ends[number], position)
            _check_first(settings.stream, number, firsts[number], standing.get(number, position))
            _check(settings.stream, number, position, standing.get(number, position), begun=begun)
        note()
        await live.move({number: position for number, position in wanted.items() if number not in standing})
    return {**wanted, **standing}


def _check_number(name: str, number: int, firsts: Mapping[int, int]) -> None:
    if number not in firsts:
        raise ConfigurationError(f"the archive has a partition {number}, and {name!r} has only {len(firsts)} of them")


def _check_placed(name: str, unplaced: str | None, firsts: Mapping[int, int]) -> None:
    if unplaced is not None and len(firsts) > 1:
        raise ConfigurationError(
            f"--then-follow: {unplaced} does not keep of which partition its events are, and {name!r} has "
            f"{len(firsts)} of them, so nothing says where to go on"
        )


def _check_end(name: str, number: int, end: int, position: int) -> None:
    if position > end:
        raise ConfigurationError(
            f"the archive ends at {position - 1} in partition {number}, and the live partition of {name!r} at "
            f"{end - 1}: it is not the same stream"
        )


def _check(name: str, number: int, position: int, standing: int, *, begun: bool) -> None:
    if standing < position or (standing > position and not begun):
        raise ConfigurationError(
            f"the group stands at {standing} in partition {number} of {name!r}, and would go on at {position}: "
            "use a group that has read nothing"
        )


def _check_first(name: str, number: int, first: int, position: int) -> None:
    if first > position:
        raise ConfigurationError(
            f"partition {number} of {name!r} begins at {first}, and would be followed from {position}: the "
            f"{first - position} events between are gone"
        )


def _live(settings: SourceSettings) -> Live:
    if isinstance(settings, KafkaSourceSettings):
        from stream_worker.kafka.follow import LiveTopic

        return LiveTopic(settings)
    from stream_worker.event_hubs.follow import LiveHub

    return LiveHub(settings)
