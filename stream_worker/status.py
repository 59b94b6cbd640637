"""What a worker is doing now: for its health port, which reads it from another thread."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from telemetry import Stage

__all__ = ["Status", "Timer"]

_SLOW_S = 10.0  # one step that takes longer is worth telling


class Timer:
    """From when to when a step went on, in nanoseconds since 1970 UTC, once it is over."""

    start: int = 0
    end: int = 0

    def stage(self, name: str) -> Stage:
        """Return the step as a stage that a batch went through."""
        return Stage(name, self.start, self.end)


class Status:
    """The worker's phase and the steps it is in.

    Rules:
    - Written by the event loop only, read by any thread; each field is replaced, never changed in place.
    """

    def __init__(self) -> None:
        self.phase = "starting"
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[Timer]:
        """Note that a step goes on, and how long it took."""
        started = time.monotonic()
        timer = Timer()
        timer.start = time.time_ns()
        self._steps = self._steps | {name: started}
        try:
            yield timer
        finally:
            timer.end = timer.start + int((time.monotonic() - started) * 1e9)  # a clock may be set meanwhile
            self._steps = {step: since for step, since in self._steps.items() if step != name}

    def problems(self) -> list[str]:
        """Return why the worker is not ready, in words; nothing when it is."""
        found = [] if self.phase == "running" else [f"the worker is {self.phase}"]
        return found + self.longer_than(_SLOW_S)

    def longer_than(self, seconds: float) -> list[str]:
        """Return, in words, the steps that have taken longer so far."""
        now = time.monotonic()
        return [
            f"{name} has been waiting for {now - since:.0f} s"
            for name, since in self._steps.items()
            if now - since > seconds
        ]
