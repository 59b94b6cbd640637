"""Where a replay's output comes to stand, and how it appears there whole or not at all.

| asked for        | while under way                     | in the end                                            |
| ---------------- | ----------------------------------- | ----------------------------------------------------- |
| a local folder   | `DIR.partial/`                      | its `output/` is renamed to `DIR`                     |
| a file           | `FILE.partial/`                     | its parts are joined to `FILE`, the last file to come |
| a blob folder    | in place, the journal in `_replay/` | `_SUCCESS` is written last                            |
| a stream         | the journal's folder                | the folder keeps the summary                          |

Rules:
- The work folder holds `lock`, `plan.json`, the journals and `finished`. It is removed in the end, `plan.json` first: a
  folder without one has nothing that another run may go on with; and `lock` last: one that has neither is not ours.
- `finished` is written before anything appears. Every step after it may be done twice.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from scoring.errors import ConfigurationError, SinkError
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
_LOG = logging.getLogger(__name__)
_CONTENTS: Final = (FINISHED, SUMMARY, PICTURE, REPLAYED, FOLLOWED, "journal", "output", "replaced", "clearing")
_WORKERS_S = 60.0  # for the portions under way
_LOOK_S = 0.1


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
        """Keep other replays away."""
        ...

    def clear(self) -> None:
        """Remove what an unfinished replay has left, and what stands where parts are written."""
        ...

    def appear(self, finished: Finished) -> None:
        """Let the output appear, and remove the work folder."""
        ...

    def abandon(self) -> None:
        """Remove all that was begun, where nothing of it is finished."""
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

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other replays away.

        Raises:
            ConfigurationError: another is at work.
            SinkError: processes of an earlier one still are, or the lock is lost.
        """
        with self.work.locked(LOCK):
            busy = _still_at_work(self.work)
            if busy:
                raise SinkError(
                    f"{self.work}: processes of an earlier run are still at work on it after {_WORKERS_S:g} s: "
                    f"{', '.join(busy)}. End them, and the same command goes on"
                )
            self.work.sweep()
            yield

    def check_work(self) -> None:
        """See that the work folder is empty, or a replay's.

        Raises:
            ConfigurationError: it is something else.
        """
        if not self.work.is_empty() and all(self.work.size(name) is None for name in (PLAN, LOCK, WORKERS)):
            raise ConfigurationError(
                f"{self.work} is where the output would be made, and holds files that are not a replay's: move them, "
                "or name another output"
            )

    def abandon(self) -> None:
        """Remove the work folder."""
        if not _still_at_work(self.work):
            remove(self.work)

    def clear(self) -> None:
        """Remove what an unfinished replay has left."""
        clear(self.work)

    def close(self) -> None:
        """Let go of any connection."""
        for folder in self._folders:
            folder.close()


def clear(work: Folder) -> None:
    """Remove everything but the lock, which we hold."""
    work.remove(PLAN)
    work.remove(*_CONTENTS)


def remove(work: Folder) -> None:
    """Remove the work folder, the lock last."""
    clear(work)
    work.remove("")


def _still_at_work(work: Folder) -> Sequence[str]:
    """Wait for processes of a replay that was killed, which end with the portion that they are at.

    Returns:
        Those that have not ended by then.
    """
    deadline = time.monotonic() + _WORKERS_S
    busy = work.holders(WORKERS) if isinstance(work, LocalFolder) else ()
    if busy:
        _LOG.warning("%s: waiting for processes of an earlier run to end: %s", work, ", ".join(busy))
    while isinstance(work, LocalFolder) and busy and time.monotonic() < deadline:
        time.sleep(_LOOK_S)  # nobody says when a lock is let go, but to who waits without bound
        busy = work.holders(WORKERS)
    return busy
