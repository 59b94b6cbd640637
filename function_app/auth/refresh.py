"""What keeps keys fresh in the background.

Rules:
- There is one attempt at a time, and each is bounded.
- A failed attempt changes nothing: what was known stays in use, and the next attempt comes after a growing pause.
- Whoever wants an attempt sooner shares it with all who do; two attempts begin at least `floor_s` apart.
- Only a `RefreshError` speaks in the log; of any other error only its class does, for its text may hold a secret.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

__all__ = ["RefreshError", "Refresher"]

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 60.0
_STOP_S = 5.0


class RefreshError(Exception):
    """An attempt failed; its text is written for the log and holds no secret."""


class Refresher:
    """Calls `attempt` every `interval_s`, and sooner when asked or when the last call failed."""

    def __init__(
        self,
        attempt: Callable[[], Awaitable[None]],
        *,
        what: str,
        interval_s: float,
        timeout_s: float,
        floor_s: float = 1.0,
    ) -> None:
        """Set it up.

        Args:
            attempt: reads anew, or raises.
            what: what it reads, for the log.
            interval_s: how often.
            timeout_s: how long one attempt may take.
            floor_s: how far apart two attempts begin at least.
        """
        self._attempt = attempt
        self._what = what
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._floor_s = floor_s
        self._failures = 0
        self._began = float("-inf")
        self._is_under_way = False
        self._is_stopped = False
        self._wanted = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def refresh(self) -> bool:
        """Make one attempt now, and return whether it succeeded; never raises."""
        self._wanted.clear()
        self._began = asyncio.get_running_loop().time()
        self._is_under_way = True
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._attempt()
        except TimeoutError:
            self._failed(f"no answer within {self._timeout_s:g} s")
        except RefreshError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - the task must outlive whatever a client library raises
            self._failed(type(error).__name__)
        else:
            self._succeeded()
        finally:
            self._is_under_way = False
            over, self._over = self._over, asyncio.Event()
            over.set()
        return self._failures == 0

    def start(self) -> None:
        """Refresh in the background from now on."""
        self._task = asyncio.create_task(self._run(), name=f"refresh {self._what}")

    async def stop(self) -> None:
        """Stop, within a bound."""
        self._is_stopped = True
        if self._task is None:
            return
        self._task.cancel()
        _, lasting = await asyncio.wait({self._task}, timeout=_STOP_S)
        if lasting:
            _LOG.warning("%s: reading did not stop within %g s", self._what, _STOP_S)
        self._task = None

    def hasten(self) -> float:
        """Ask for an attempt as soon as may be, and return in how many seconds it begins; 0 for one under way."""
        if self._is_under_way:
            return 0.0
        self._wanted.set()
        return max(0.0, self._began + self._floor_s - asyncio.get_running_loop().time())

    async def wait(self, patience_s: float) -> None:
        """Return when the attempt under way, or else the next one, is over, or patience is."""
        try:
            async with asyncio.timeout(patience_s):
                await self._over.wait()
        except TimeoutError:
            return

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._is_stopped:  # an attempt may have swallowed its cancellation
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            await asyncio.sleep(self._began + self._floor_s - loop.time())
            await self.refresh()

    def _pause_s(self) -> float:
        if self._failures == 0:
            return self._interval_s
        return min(self._interval_s, _LONGEST_PAUSE_S, 2.0 ** min(self._failures - 1, 10))

    def _failed(self, reason: str) -> None:
        self._failures += 1
        _LOG.warning("%s: %s; trying again in %g s", self._what, reason, self._pause_s())

    def _succeeded(self) -> None:
        if self._failures:
            _LOG.info("%s: read again", self._what)
        self._failures = 0
