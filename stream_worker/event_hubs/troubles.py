"""What has been failing for too long: the client goes on for ever by itself, and tells each failure once, or never."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stream_worker.event_hubs.connection import in_words, is_missing
from stream_worker.event_hubs.links import Links

__all__ = ["Troubles"]

_APART_S = 30.0  # failures further apart than this are different ones
_LOOK_S = 1.0  # between two looks at the links
_OWNERSHIP = "who reads which partition"


@dataclass(slots=True)
class _Trouble:
    first: float
    last: float
    error: Exception | None  # None: the link is not attached


class Troubles:
    """The failures of a source that have not ended; a partition's are under its number, ownership's under None."""

    def __init__(self, links: Links, allowed_s: float, *, begins_at: Callable[[int], str]) -> None:
        """Watch links.

        Args:
            links: of the source.
            allowed_s: how long a failure may last, in seconds.
            begins_at: tells the offset at which a partition's link begins.
        """
        self._links = links
        self._allowed_s = allowed_s
        self._begins_at = begins_at
        self._apart_s = max(_APART_S, allowed_s / 2)
        self._troubles: dict[int | None, _Trouble] = {}
        self._looked = 0.0

    def failed(self, where: int | None, error: Exception | None) -> None:
        """Note one more failure."""
        now = time.monotonic()
        trouble = self._troubles.get(where)
        if trouble is None or now - trouble.last > self._apart_s:
            self._troubles[where] = _Trouble(now, now, error)
        else:
            trouble.last, trouble.error = now, error

    def ended(self, where: int | None) -> None:
        """Note that something works."""
        self._troubles.pop(where, None)

    async def lasting(self, held: Iterable[int]) -> str:
        """Return in words what has been failing for longer than is allowed; nothing where nothing has.

        Args:
            held: the partitions that should be attached.
        """
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            self._looked = now
            self._look(held)
        for where, trouble in self._troubles.items():
            if now - trouble.first > self._allowed_s and now - trouble.last <= self._apart_s:
                place = _OWNERSHIP if where is None else f"partition {where}"
                return f"{place}: {await self._reason(where, trouble)}"
        return ""

    def _look(self, held: Iterable[int]) -> None:
        detached = self._links.detached()
        for number in held:
            trouble = self._troubles.get(number)
            if number in detached:
                self.failed(number, None)
            elif trouble is not None and trouble.error is None:
                self.ended(number)

    async def _reason(self, where: int | None, trouble: _Trouble) -> str:
        if trouble.error is not None or where is None:
            return "no answer" if trouble.error is None else in_words(trouble.error)
        refusal = await self._links.refusal(where, self._begins_at(where))
        if refusal is None:
            return "its link does not attach"
        return "no such consumer group (source.group)" if is_missing(refusal) else in_words(refusal)
