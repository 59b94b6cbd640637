"""One deadline shared by every step of a shutdown."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Deadline"]


class Deadline:
    """A moment by which everything must be over."""

    def __init__(self, seconds: float) -> None:
        """Set it `seconds` from now."""
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self._at - time.monotonic())

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[None]:
        """Raise TimeoutError in the block when the deadline passes."""
        async with asyncio.timeout(self.remaining()):
            yield
