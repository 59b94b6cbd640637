"""`weir replay` at work: a replay under way and told to stop, and a look before one."""

import signal
import sys
from functools import partial
from types import FrameType
from typing import Any, Self

from rich.console import Console

from scoring.errors import WeirError
from stream_worker.replay.processes import settle_down
from stream_worker.replay.rows import rows_in
from stream_worker.replay.run import Order, run
from stream_worker.replay.sample import estimate
from weir.replay.order import Prospect
from weir.replay.screen import Screen, show_estimate, show_summary

__all__ = ["look", "replay"]


def look(prospect: Prospect, workers: int) -> None:
    """Score a sample, and show what all of it would come to."""
    job = prospect.job
    pipeline = job.model.load()
    read: Any = partial(job.read, storage=job.storage, manifest=pipeline.manifest, limits=job.limits)
    rows = None if job.rows is None else rows_in(job.rows, pipeline.manifest)
    found = estimate(
        prospect.groups, prospect.problems, read=read, pipeline=pipeline, selection=job.selection, rows=rows
    )
    show_estimate(Console(), found, workers=workers, has_rows=rows is not None)


def replay(order: Order) -> int:
    """Replay, show how far it is and what it came to, and return the exit code.

    Raises:
        WeirError: too much failed, the output could not be written, or a process died.
    """
    screen = Screen(Console(stderr=True), sum(group.size for group in order.groups))
    settle_down()
    try:
        with _Stop() as stop, screen.live():
            summary = run(order, stop=lambda: stop.number > 0, watch=screen.show)
    except WeirError:
        screen.show_problems()
        raise
    if summary is None:
        sys.stderr.write("stopped; the same command goes on from here\n")
        return 128 + stop.number
    console = Console()
    show_summary(console, summary, screen)
    console.print(f"written to {order.target}", highlight=False, markup=False, soft_wrap=True)
    return 0


class _Stop:
    """Notes SIGTERM and Ctrl-C during a block; the second one ends the program where it is.

    Attributes:
        number: of the signal; 0 while there was none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)
