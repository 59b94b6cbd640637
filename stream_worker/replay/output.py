"""Where a replay's output comes to stand, and how it appears there whole or not at all.

| asked for        | while under way                     | in the end                                            |
| ---------------- | ----------------------------------- | ----------------------------------------------------- |
| a local folder   | `DIR.partial/`                      | its `output/` is renamed to `DIR`                     |
| a file           | `FILE.partial/`                     | its parts are joined to `FILE`, the last file to come |
| a blob folder    | in place, the journal in `_replay/` | `_SUCCESS` is written last                            |
| a stream         | the journal's folder                | the folder keeps the summary                          |

Rules:
- The work folder holds `plan.json`, the journals and `finished`. It is removed in the end, `plan.json` first: a folder
  without one has nothing that another run may go on with.
- `finished` is written before anything appears. Every step after it may be done twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from stream_worker.replay.folders import Folder, LocalFolder
from stream_worker.replay.rows import RowKind

__all__ = ["FINISHED", "FOLLOWED", "LOCK", "PICTURE", "PLAN", "REPLAYED", "SUMMARY", "WORKERS"]
__all__ += ["Finished", "Target", "Worked", "clear", "remove"]

PLAN: Final = "plan.json"
FINISHED: Final = "finished"
SUMMARY: Final = "summary.json"
PICTURE: Final = "histogram.png"
REPLAYED: Final = "replayed.json"
"""What `plan.json` said, once all is published to a stream."""
FOLLOWED: Final = "followed.json"
"""As which group the live stream is followed after it."""
WORKERS: Final = "workers"
"""The lock that each process of a replay shares with the others, while it lives."""
LOCK: Final = "lock"
"""The lock of whoever runs a replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What is to appear.

    Attributes:
        summary: the contents of `summary.json`.
        picture: the contents of `histogram.png`.
        parts: names of the parts below the output, by kind of row, in order.
        join: writes one file of parts: given their kind, the parts, and the file.
    """

    summary: bytes
    picture: bytes
    parts: Mapping[RowKind, Sequence[str]]
    join: Callable[[RowKind, Sequence[Callable[[], BinaryIO]], BinaryIO], None]


class Target(Protocol):
    """Where the output goes."""

    @property
    def work(self) -> Folder:
        """What is kept while the replay is under way."""
        ...

    @property
    def output(self) -> Folder:
        """Where parts are written."""
        ...

    def __str__(self) -> str: ...

    def is_there(self) -> bool:
        """Return whether a finished output stands there."""
        ...

    def check(self) -> None:
        """See that nothing stands there that is not ours to replace.

        Raises:
            ConfigurationError: something does.
        """
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep other replays away, where that can be done."""
        ...

    def clear(self) -> None:
        """Remove what an unfinished replay has left, and what stands where parts are written."""
        ...

    def appear(self, finished: Finished) -> None:
        """Let the output appear, and remove the work folder."""
        ...

    def close(self) -> None:
        """Let go of any connection."""
        ...


class Worked:
    """A target with a work folder.

    Attributes:
        work: that folder.
    """

    def __init__(self, work: Folder, *others: Folder) -> None:
        """Touch nothing yet.

        Args:
            work: the work folder.
            others: all other folders of the target.
        """
        self.work = work
        self._folders = (work, *others)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other replays away; in blob storage nobody is, and two replays of the same write the same bytes.

        Raises:
            ConfigurationError: another is at work.
        """
        return self._alone(self.work) if isinstance(self.work, LocalFolder) else nullcontext()

    def clear(self) -> None:
        """Remove what an unfinished replay has left."""
        clear(self.work)

    def close(self) -> None:
        """Let go of any connection."""
        for folder in self._folders:
            folder.close()

    @staticmethod
    @contextmanager
    def _alone(work: LocalFolder) -> Iterator[None]:
        with work.locked(LOCK):
            with work.locked(WORKERS, waits=True):
                pass  # processes of a replay that was killed end with the portion that they are at
            yield


def clear(work: Folder) -> None:
    """Remove everything but the lock, which we hold."""
    work.remove(PLAN)
    work.remove(FINISHED, SUMMARY, PICTURE, REPLAYED, FOLLOWED, "journal", "output", "replaced", "clearing")


def remove(work: Folder) -> None:
    """Remove the work folder."""
    work.remove(PLAN)
    work.remove("")
