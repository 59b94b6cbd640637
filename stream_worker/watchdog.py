"""Ends the process when its event loop stands still, a step hangs for good or the stop takes too long.

A thread of its own, since what it watches cannot watch itself. It ends the process at once, without clean-up: whatever
was not committed is scored again by the next process.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

__all__ = ["EXIT_STALLED", "Watchdog"]

EXIT_STALLED = 70
_CHECK_S = 0.5


class Watchdog:
    """Watches one event loop."""

    def __init__(
        self, *, stall_timeout: float, hung: Callable[[], list[str]] = list, end: Callable[[int], None] = os._exit
    ) -> None:
        """Set what is watched.

        Args:
            stall_timeout: the bound, in seconds, on the loop's standing still.
            hung: why the process should be ended although its loop runs; nothing when it is well.
            end: ends the process with an exit code.
        """
        self._stall_timeout = stall_timeout
        self._interval = min(_CHECK_S, stall_timeout / 4)
        self._hung = hung
        self._end = end
        self._last_beat = time.monotonic()
        self._end_at: float | None = None
        self._off = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    @property
    def still_for(self) -> float:
        """Seconds since the event loop last ran."""
        return time.monotonic() - self._last_beat

    def end_within(self, seconds: float) -> None:
        """End the process unless it is over by then: called when a stop begins."""
        self._end_at = time.monotonic() + seconds

    async def __aenter__(self) -> Self:
        """Begin to watch the running loop."""
        self._last_beat = time.monotonic()
        self._thread.start()
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Stop watching."""
        self._off.set()
        self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            self._last_beat = time.monotonic()
            await asyncio.sleep(self._interval)

    def _watch(self) -> None:
        while not self._off.wait(self._interval):
            if self.still_for > self._stall_timeout:
                self._abort(f"the event loop has stood still for {self.still_for:.0f} s")
            if self._end_at is not None and time.monotonic() > self._end_at:
                self._abort("the stop took too long")
            hung = self._hung()
            if hung:
                self._abort("; ".join(hung))

    def _abort(self, why: str) -> None:
        sys.stderr.write(f"error: {why}; ending the process\n")
        sys.stderr.flush()
        self._end(EXIT_STALLED)
