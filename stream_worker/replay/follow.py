"""From an archive to the live stream: the group's positions are set behind the archive's last events.

Rules:
- A position is set only where the group has none, or has that very one: a group that stands elsewhere would make
  a gap, or score again what it has scored.
- Nothing is set before every partition has been looked at. Nobody may read as the group meanwhile.
"""

from collections.abc import Mapping
from typing import Protocol, Self

from scoring.errors import ConfigurationError
from stream_worker.event_hubs.settings import EventHubsSourceSettings
from stream_worker.kafka.settings import KafkaSourceSettings

# ruff: noqa: PLC0415 - a client library is imported only where one of its kind is named

__all__ = ["Live", "begin_after"]


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

    async def standing(self) -> Mapping[int, int]:
        """Return where the group stands, in those partitions in which it has been."""
        ...

    async def move(self, positions: Mapping[int, int]) -> None:
        """Let the group stand there."""
        ...


async def begin_after(
    settings: KafkaSourceSettings | EventHubsSourceSettings, last: Mapping[int, int]
) -> Mapping[int, int]:
    """Set a group's positions behind an archive, and return them.

    Args:
        settings: of the live stream.
        last: for each partition of the archive, the offset or sequence number of its last event.

    Raises:
        ConfigurationError: the archive and the live stream do not meet, or the group stands elsewhere.
        SourceError: the server does not answer.
    """
    wanted = {number: position + 1 for number, position in last.items()}
    async with _live(settings) as live:
        firsts, standing = await live.firsts(), await live.standing()
        for number in sorted(wanted):
            _check(settings.stream, number, wanted[number], firsts, standing)
        await live.move({number: position for number, position in wanted.items() if number not in standing})
    return wanted


def _check(name: str, number: int, position: int, firsts: Mapping[int, int], standing: Mapping[int, int]) -> None:
    if number not in firsts:
        raise ConfigurationError(f"the archive has a partition {number}, and {name!r} has only {len(firsts)} of them")
    if firsts[number] > position:
        raise ConfigurationError(
            f"partition {number} of {name!r} begins at {firsts[number]}, and the archive ends before {position}: the "
            f"{firsts[number] - position} events between are in neither"
        )
    if standing.get(number, position) != position:
        raise ConfigurationError(
            f"the group stands at {standing[number]} in partition {number} of {name!r}, and would go on at {position}: "
            "use a group that has read nothing"
        )


def _live(settings: KafkaSourceSettings | EventHubsSourceSettings) -> Live:
    if isinstance(settings, KafkaSourceSettings):
        from stream_worker.kafka.follow import LiveTopic

        return LiveTopic(settings)
    from stream_worker.event_hubs.follow import LiveHub

    return LiveHub(settings)
