"""Groups handed out to processes of this machine, each with a session of its own.

Rules:
- Processes are spawned, never forked: a session does not survive a fork.
- Each hears and speaks through one pipe. It is given a lane, which is groups that keep their order, tells how far it is
  after each portion, and listens then whether it is to stop. If the pipe breaks, who started it is gone, and it stops.
- One that dies takes the replay with it, in words. What the others are at is finished to the end of a portion.
"""

import gc
import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Collection, Generator, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from itertools import groupby
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final, Literal

import pyarrow as pa

from scoring.errors import ConfigurationError, WeirError
from stream_worker.replay.folders import LocalFolder, folder_at
from stream_worker.replay.group import Progress
from stream_worker.replay.job import Job, Replay, replayer
from stream_worker.replay.output import WORKERS
from stream_worker.replay.records import Group

__all__ = ["Lane", "in_order", "in_processes", "settle_down"]

Lane = Sequence[Group]
"""Groups that are replayed one after the other."""

_IDLE: Final = "idle"
_STOP_S = 60.0  # for the portion under way


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    """Why a process cannot go on.

    Attributes:
        kind: whose fault it is: a setting's, something's that is told in words, or ours.
        words: what went wrong.
        trace: where, for who looks for a defect.
    """

    kind: Literal["misused", "failed", "unexpected"]
    words: str
    trace: str


_Message = Progress | _Failed | str


@dataclass(slots=True)
class _Hand:
    """A process, its pipe, and the group that it was last heard of."""

    process: SpawnProcess
    pipe: Connection
    group: Group | None = None


def in_order(groups: Sequence[Group], tables: Collection[str]) -> list[Lane]:
    """Return lanes that keep the order of every partition, and of every key.

    Args:
        groups: in their order.
        tables: the files whose rows have keys, or say their partitions themselves: any two may have the same.
    """

    def place(group: Group) -> tuple[str, int]:
        together = bool(tables) and (group.kind == "capture" or group.files[0].path in tables)
        return ("", 0) if together else (group.stream, group.partition)

    return [list(lane) for _, lane in groupby(sorted(groups, key=place), place)]  # it keeps the order of equals


def in_processes(job: Job, lanes: Sequence[Lane], workers: int) -> Generator[Progress]:
    """Replay lanes in several processes, and yield how far each group is after each of its portions.

    Closed before its end, it lets each process finish the portion that it is at.

    Raises:
        ConfigurationError: a setting is wrong.
        WeirError: a process failed, or died.
    """
    groups = {group.number: group for lane in lanes for group in lane}
    waiting = deque(sorted(lanes, key=_size, reverse=True))  # the longest first: nobody is left with it in the end
    hands: list[_Hand] = []
    try:
        hands += [_hire(job) for _ in range(min(workers, len(lanes)))]
        while hands:
            for hand in _heard_of(hands):
                message = _hear(hand)
                if isinstance(message, Progress):
                    hand.group = groups[message.group]
                    yield message
                elif isinstance(message, _Failed):
                    raise _error_of(message)
                elif waiting:
                    _give(hand, waiting.popleft())
                else:
                    _dismiss([hand])
                    hands.remove(hand)
    finally:
        _dismiss(hands)


def settle_down() -> None:
    """Make this process ready for long work."""
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps some fifty megabytes more
    gc.collect()  # what lives as long as the process need not be looked at again
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _size(lane: Lane) -> int:
    return sum(group.size for group in lane)


def _hire(job: Job) -> _Hand:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, job), name="weir-replay", daemon=True)
    process.start()
    theirs.close()  # from here on only the process holds its end: when it dies, the pipe breaks
    return _Hand(process, ours)


def _heard_of(hands: Sequence[_Hand]) -> list[_Hand]:
    ready = wait([hand.pipe for hand in hands])
    return [hand for hand in hands if hand.pipe in ready]


def _give(hand: _Hand, lane: Lane) -> None:
    hand.group = lane[0]
    try:
        hand.pipe.send(lane)
    except OSError as error:
        raise _died(hand) from error


def _hear(hand: _Hand) -> _Message:
    try:
        message: _Message = hand.pipe.recv()
    except (EOFError, OSError) as error:
        raise _died(hand) from error
    return message


def _died(hand: _Hand) -> WeirError:
    hand.process.join(_STOP_S)
    code = hand.process.exitcode
    how = f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
    where = f" while it was at {hand.group.name}" if hand.group is not None else ""
    return WeirError(
        f"process {hand.process.pid} {how}{where}; what was finished is kept: the same command goes on from there"
    )


def _error_of(failed: _Failed) -> Exception:
    kinds: dict[str, type[Exception]] = {"misused": ConfigurationError, "failed": WeirError}
    error = kinds.get(failed.kind, RuntimeError)(failed.words)
    error.add_note(f"in a process of the replay:\n{failed.trace}")
    return error


def _dismiss(hands: Sequence[_Hand]) -> None:
    for hand in hands:
        with suppress(OSError):
            hand.pipe.send(None)
    for hand in hands:
        _drain(hand)
        hand.process.join(_STOP_S)
        if hand.process.is_alive():
            hand.process.kill()
            hand.process.join()
        hand.pipe.close()


def _drain(hand: _Hand) -> None:
    """Hear the process out, so that it is not kept from ending by words that nobody takes."""
    with suppress(EOFError, OSError):
        while hand.pipe.poll(_STOP_S):
            hand.pipe.recv()


def _work(pipe: Connection, job: Job) -> None:
    """What a process does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # who started it was told as well, and will say so
    try:
        _replay_lanes(pipe, job)
    except (EOFError, BrokenPipeError):
        return  # who started it is gone
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who started it
        with suppress(OSError):
            pipe.send(_failed(error))


def _replay_lanes(pipe: Connection, job: Job) -> None:
    work = folder_at(job.work, job.storage)
    held = work.locked(WORKERS, shared=True) if isinstance(work, LocalFolder) else nullcontext()
    with held, replayer(job) as replay:
        settle_down()
        pipe.send(_IDLE)
        while (lane := pipe.recv()) is not None:
            if not _replay_lane(pipe, replay, lane):
                return
            pipe.send(_IDLE)


def _replay_lane(pipe: Connection, replay: Replay, lane: Lane) -> bool:
    """Replay the groups, and return whether that was to the end."""
    for group in lane:
        with closing(replay(group)) as steps:
            for progress in steps:
                pipe.send(progress)
                if pipe.poll():  # while it is at work, the only thing to hear is that it is to stop
                    return False
    return True


def _failed(error: Exception) -> _Failed:
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, ConfigurationError):
        return _Failed(kind="misused", words=str(error), trace=trace)
    if isinstance(error, WeirError):
        return _Failed(kind="failed", words=str(error), trace=trace)
    return _Failed(kind="unexpected", words=f"{type(error).__name__}: {error}", trace=trace)
