"""Which positions may be committed.

Rules:
- Only what the sink has acknowledged is ever recorded here.
- A position never goes back.
- What an assignment left behind is forgotten when its partitions are let go: it is committed, or somebody else's. A
  commit that ends after that tells nothing about the positions of the next assignment.
"""

from collections.abc import Mapping

from stream_worker.ports import Batch, Partition

__all__ = ["Positions"]


class Positions:
    """Acknowledged positions of the current assignment."""

    def __init__(self) -> None:
        self._acknowledged: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._released = 0

    def acknowledge(self, batch: Batch) -> None:
        """Record a batch whose every event is answered; one of a released epoch is passed over."""
        if batch.epoch < self._released:
            return
        for partition, end in batch.ends.items():
            self._acknowledged[partition] = max(end, self._acknowledged.get(partition, 0))

    def uncommitted(self) -> tuple[int, dict[Partition, int]]:
        """Return the positions that are acknowledged and not yet committed, after the epoch they are of."""
        waiting = {key: end for key, end in self._acknowledged.items() if end > self._committed.get(key, 0)}
        return self._released, waiting

    def committed(self, epoch: int, positions: Mapping[Partition, int]) -> None:
        """Record that positions were committed; those of a released epoch are passed over."""
        if epoch == self._released:
            self._committed |= positions

    def release(self, epoch: int) -> None:
        """Forget every position of the epochs before `epoch`."""
        self._released = epoch
        self._acknowledged.clear()
        self._committed.clear()
