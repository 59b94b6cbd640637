"""How many events larger than any that is accepted a portion may hold: each will be refused, and takes memory."""

from collections.abc import Sequence

from stream_worker.replay.limits import Limits

__all__ = ["Spare"]


class Spare:
    """The room for such events in one portion: as much as for a block."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.max_block_bytes

    def renew(self) -> None:
        """Begin a new portion."""
        self._left = self._limits.max_block_bytes

    def first_without(self, sizes: Sequence[int]) -> int | None:
        """Return the place of the first event that there is no room for, None where there is for all.

        Args:
            sizes: of the next events, in bytes; those before the place are taken.
        """
        usual = self._limits.max_event_bytes
        if not sizes or max(sizes) <= usual:
            return None
        for place, size in enumerate(sizes):
            if size > usual:
                if size > self._left:
                    return place
                self._left -= size
        return None

    def words(self, size: int) -> str:
        """Return why an event is passed over."""
        return (
            f"an event of {size} bytes; at most {self._limits.max_event_bytes} are accepted, and among its neighbours "
            "are so many larger ones that it was passed over"
        )
