"""`weir replay --then-follow`: an archive to its end, and then the live stream from there on.

Rules:
- The archive is scored once: when it has been, the same command only follows.
- The live stream is read by `weir worker` itself, as the group of `stream.source`, whose positions say where.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from functools import partial

import uvloop
from rich.console import Console

from scoring.errors import ConfigurationError, WeirError
from stream_worker import StreamSettings
from stream_worker.replay.follow import SourceSettings, begin_after, check_unread
from stream_worker.replay.handover import begun_with, ends_of, followed, note_followed, scored
from stream_worker.replay.places import Looking, kept_by
from stream_worker.replay.records import Group
from stream_worker.replay.run import Order
from stream_worker.replay.summary import Summary
from weir import worker
from weir.replay.asked import Asked
from weir.replay.options import storage_of_environment
from weir.replay.order import Prospect, looking_at, order_of, prospect_of
from weir.replay.running import replay
from weir.settings import Settings

__all__ = ["replay_and_follow"]

_SHOWN = 8  # partitions


def replay_and_follow(asked: Asked, settings: Settings) -> int:
    """Score an archive to its end, unless that has been done, go on with the live stream, and return the exit code.

    Raises:
        ConfigurationError: the archive and the live stream do not go together.
        WeirError: the archive could not be scored, or the stream is not to be had.
    """
    stream = worker.stream_settings(settings, asked.config)
    prospect = prospect_of(asked, settings, only=_begun_with(asked, stream))
    _check_model(asked, settings, stream, prospect)
    unplaced = _check_archive(prospect, stream.source, looking_at(asked, prospect.manifest))
    order = order_of(asked, prospect)
    work = order.target.work
    summary = None if order.overwrite else scored(work, order.premises)
    begun = summary is not None and followed(work, stream.source)
    if summary is None:
        uvloop.run(check_unread(stream.source, _partitions(prospect.groups), unplaced=unplaced))
        code = replay(order)
        if code:
            return code
        summary = _scored_now(order)
    else:
        _say(f"scored already: {summary.records:,} records, told in {work}")
    note = partial(note_followed, work, stream.source)
    last = ends_of(summary, stream.source.stream)
    positions = uvloop.run(begin_after(stream.source, last, begun=begun, unplaced=unplaced, note=note))
    _say(f"following {stream.source.stream} as {stream.source.group}{_places(positions)}")
    worker.command(config=asked.config, workers=asked.workers)
    return 0


def _begun_with(asked: Asked, stream: StreamSettings) -> Collection[str] | None:
    with closing(asked.way.target(storage_of_environment(), stream)) as target:
        return None if asked.overwrite else begun_with(target.work)


def _check_model(asked: Asked, settings: Settings, stream: StreamSettings, prospect: Prospect) -> None:
    """See that the live stream will be scored, and by the model that scores the archive."""
    deployed = worker.load_deployment(settings, stream).manifest.reference
    if prospect.manifest.reference != deployed:
        raise ConfigurationError(
            f"--model {asked.model}: with --then-follow one model scores the archive and the live stream, and the "
            f"deployed one is {deployed}"
        )


def _check_archive(prospect: Prospect, source: SourceSettings, looking: Looking) -> str | None:
    """See that the archive is of the live stream, and says where its events stood.

    Returns:
        A file that does not say of which partition they are; None where there is none.
    """
    unplaced = None
    for kept in kept_by(prospect.groups, looking):
        if kept.places == "nothing":
            raise ConfigurationError(
                f"--then-follow: {kept.path} does not keep where its events stood, so nothing says where to go on"
            )
        unplaced = kept.path if kept.places == "numbers" and unplaced is None else unplaced
    for group in prospect.groups:
        if group.stream != source.stream:
            raise ConfigurationError(
                f"--then-follow: {group.files[0].path} is of {group.stream!r}, and stream.source is {source.stream!r}: "
                f"pass --stream {source.stream} if both are the same"
            )
    return unplaced


def _partitions(groups: Sequence[Group]) -> set[int]:
    """Return the partitions of the archive; the rows of a table say theirs themselves, later."""
    return {group.partition for group in groups if group.kind == "capture"}


def _scored_now(order: Order) -> Summary:
    summary = scored(order.target.work, order.premises)
    if summary is None:
        raise WeirError(f"{order.target.work} has been changed by somebody else: there is no summary in it")
    return summary


def _places(positions: Mapping[int, int]) -> str:
    shown = [f"partition {number} from {position:,}" for number, position in sorted(positions.items())[:_SHOWN]]
    more = len(positions) - len(shown)
    return "".join(f", {each}" for each in [*shown, *([f"and {more:,} more"] if more else [])])


def _say(words: str) -> None:
    Console().print(words, highlight=False, markup=False, soft_wrap=True)
    sys.stdout.flush()  # the worker may end the process where it is
