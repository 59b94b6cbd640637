"""Dead letters back to where they came from, as they were, after whatever refused them has been mended."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from scoring import Event
from scoring.errors import SinkError, SourceError
from stream_worker.messages import LETTER_HEADERS, OMITTED
from stream_worker.ports import Outgoing, Sink, Source

__all__ = ["redrive"]

_MAX_EVENTS = 1000
_MAX_WAIT_S = 0.1
_ASSIGNED_WITHIN_S = 60.0


async def redrive(
    source: Source, sink: Sink, *, report: Callable[[int, int], None] = lambda _, __: None
) -> Counter[str]:
    """Send back the dead letters that wait now, stripped of our headers, and return how many there were by code.

    Those that are refused again while this runs are left for the next time, so it always ends. It commits after each
    batch: run again after an interruption, it goes on where it was.

    Args:
        source: the dead letters.
        sink: the topic that they came from; each goes to the partition that it was in.
        report: told how many have been sent and how many there are, for showing progress.

    Raises:
        StreamError: the source or the sink failed for longer than is allowed.
    """
    counts: Counter[str] = Counter()
    async with sink, source:
        left = total = await _waiting(source)
        while left > 0:
            batch = await source.fetch(max_events=min(left, _MAX_EVENTS), max_wait=_MAX_WAIT_S)
            if batch is None:
                # transaction markers and compacted records count as waiting, and never come
                left = min(left, sum((await source.lag()).values()))
                continue
            too_large = await sink.publish(_restored(batch.events))
            if too_large:
                raise SinkError(f"source: {len(too_large)} dead letters are too large for the topic they came from")
            await source.commit(batch.ends)
            counts.update(map(_counted_as, batch.events))
            left -= len(batch.events)
            report(total - left, total)
    return counts


async def _waiting(source: Source) -> int:
    """Return how many dead letters wait, once the partitions are ours."""
    try:
        async with asyncio.timeout(_ASSIGNED_WITHIN_S):
            while not (lag := await source.lag()):  # noqa: ASYNC110 - a source tells nobody when it is given partitions
                await asyncio.sleep(_MAX_WAIT_S)
    except TimeoutError as error:
        raise SourceError(f"dead_letters: no partitions were assigned within {_ASSIGNED_WITHIN_S:g} s") from error
    return sum(lag.values())


def _restored(letters: Sequence[Event]) -> list[Outgoing]:
    """Return the events as they were; those of one partition stand together, in their order."""
    restored = [
        Outgoing(
            letter.value,
            letter.key,
            [(name, text) for name, text in letter.headers if name not in LETTER_HEADERS],
            _partition(letter),
        )
        for letter in letters
        if not _header(letter, OMITTED)
    ]
    return sorted(restored, key=lambda message: message.partition)


def _counted_as(letter: Event) -> str:
    if _header(letter, OMITTED):
        return "left out, for want of their values"
    return _header(letter, "weir-error-code") or "unknown"


def _partition(letter: Event) -> int:
    """Return the number of the partition that the event was in; that of the letter where nobody says."""
    number = _header(letter, "weir-source").rpartition("/")[0].rpartition("/")[2]
    if number.isdecimal():
        return int(number)
    return letter.position.partition if letter.position is not None else 0


def _header(letter: Event, name: str) -> str:
    """Return a header of ours; the last one where a producer had one of the same name."""
    return dict(letter.headers).get(name, b"").decode(errors="replace")
