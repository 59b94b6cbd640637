"""Which positions may be committed.

Rules:
- Only what the sink has acknowledged is ever recorded here.
- A position never goes back.
- What is known of a partition is forgotten when it is let go: it is committed, or somebody else's. A commit that ends
  after that tells nothing about the positions of the next assignment, and is made again.
"""

from collections.abc import Collection, Mapping

from stream_worker.ports import Batch, Partition

__all__ = ["Positions"]


class Positions:
    """Acknowledged positions of the current assignment."""

    def __init__(self) -> None:
        self._acknowledged: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._released: dict[Partition, int] = {}  # the epoch that began when a partition was let go
        self._releases = 0

    def acknowledge(self, batch: Batch) -> None:
        """Record a batch whose every event is answered; what it says of partitions let go since is passed over."""
        for partition, end in batch.ends.items():
            if batch.epoch >= self._released.get(partition, 0):
                self._acknowledged[partition] = max(end, self._acknowledged.get(partition, 0))

    def uncommitted(self) -> tuple[int, dict[Partition, int]]:
        """Return the positions that are acknowledged and not yet committed, after the number of releases so far."""
        waiting = {key: end for key, end in self._acknowledged.items() if end > self._committed.get(key, 0)}
        return self._releases, waiting

    def committed(self, releases: int, positions: Mapping[Partition, int]) -> None:
        """Record that positions were committed, unless a release came in between."""
        if releases == self._releases:
            self._committed |= positions

    def release(self, partitions: Collection[Partition], epoch: int) -> None:
        """Forget every position of these partitions that is of an epoch before `epoch`."""
        self._releases += 1
        for partition in partitions:
            self._released[partition] = epoch
            self._acknowledged.pop(partition, None)
            self._committed.pop(partition, None)
