"""Keeps a log from being flooded: so many equal messages in a while, so many lines of any kind in a second.

Rules:
- Messages are equal when logger, level and template are; long templates, when they begin alike.
- What is left out is counted, and said when its time is over: at the next message, or when the log ends.
- Errors are never left out for the sake of the cap on all lines, only for being repeated.
- Memory is bounded: the oldest of too many messages is forgotten, and its count goes into the common one.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["RateLimit"]

_TEMPLATE: Final = 200  # letters that tell one message from another
_WINDOWS: Final = 1_024


class _Key(NamedTuple):
    logger: str
    level: int
    template: str


@dataclass(slots=True)
class _Window:
    """What came of one message since `began`."""

    began: float
    passed: int = 0
    left_out: int = 0


class RateLimit(logging.Filter):
    """Lets a record pass, or counts it."""

    def __init__(
        self,
        *,
        repeats: int,
        seconds: float,
        lines_per_second: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set it up.

        Args:
            repeats: equal messages that pass within `seconds`, counted from the first of them.
            seconds: how long that is.
            lines_per_second: records of level WARNING and below that pass in a second, of any kind.
            clock: seconds that never go back.
        """
        super().__init__()
        self._repeats = repeats
        self._seconds = seconds
        self._lines_per_second = lines_per_second
        self._clock = clock
        self._lock = threading.RLock()  # a record may be written while another is counted, by a finaliser
        self._windows: OrderedDict[_Key, _Window] = OrderedDict()
        self._over: OrderedDict[_Key, int] = OrderedDict()
        self._second = _Window(began=float("-inf"))
        self._others = 0
        self._others_since = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes."""
        key = _key(record)
        with self._lock:
            now = self._clock()
            self._end_windows(now)
            window = self._windows.get(key)
            if window is not None and window.passed >= self._repeats:
                window.left_out += 1
                return False
            if record.levelno <= logging.WARNING and not self._has_room(now):
                self._count_other(1, now)
                return False
            if window is None:
                window = self._windows[key] = _Window(began=now)
                self._forget_oldest(now)
            window.passed += 1
            return True

    def notices(self, *, ending: bool = False) -> list[logging.LogRecord]:
        """Return records that say what was left out and was not said yet; the handler writes them unlimited.

        Args:
            ending: whether the log ends, so that what is still being counted is said too.
        """
        with self._lock:
            now = self._clock()
            self._end_windows(float("inf") if ending else now)
            over, self._over = self._over, OrderedDict()
            others = 0
            if self._others and (ending or now >= self._others_since + 1):
                others, self._others = self._others, 0
        told = [_notice(key, f"{count} more like this were left out: {key.template}") for key, count in over.items()]
        if others:
            words = f"{others} lines of many kinds were left out: there were too many at once"
            told.append(_notice(_Key(__name__, logging.WARNING, ""), words))
        return told

    def _has_room(self, now: float) -> bool:
        if now >= self._second.began + 1:
            self._second = _Window(began=now)
        self._second.passed += 1
        return self._second.passed <= self._lines_per_second

    def _end_windows(self, now: float) -> None:
        """End the windows whose time is over; they stand in the order in which they began."""
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if now < window.began + self._seconds:
                return
            del self._windows[key]
            self._keep_count(key, window.left_out, now)

    def _forget_oldest(self, now: float) -> None:
        if len(self._windows) > _WINDOWS:
            _, window = self._windows.popitem(last=False)
            self._count_other(window.left_out, now)

    def _keep_count(self, key: _Key, left_out: int, now: float) -> None:
        if not left_out:
            return
        self._over[key] = self._over.get(key, 0) + left_out
        if len(self._over) > _WINDOWS:
            _, count = self._over.popitem(last=False)
            self._count_other(count, now)

    def _count_other(self, left_out: int, now: float) -> None:
        if not self._others:
            self._others_since = now
        self._others += left_out


def _key(record: logging.LogRecord) -> _Key:
    template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    return _Key(str(record.name)[:_TEMPLATE], record.levelno, template[:_TEMPLATE])


def _notice(key: _Key, words: str) -> logging.LogRecord:
    return logging.LogRecord(key.logger, key.level, __file__, 0, words, None, None)
