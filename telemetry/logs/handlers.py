"""The handlers: ours, which writes lines, and the one that stands before somebody else's."""

import logging
import sys
from collections.abc import Sequence
from typing import TextIO

from telemetry.logs.limits import RateLimit
from telemetry.logs.records import redacted
from telemetry.logs.redaction import Redactor

__all__ = ["LineHandler", "RedactingHandler"]


class LineHandler(logging.Handler):
    """Writes lines, no more of them than its limit lets pass, and what was left out."""

    def __init__(self, stream: TextIO | None, formatter: logging.Formatter, limit: RateLimit) -> None:
        """Set it up.

        Args:
            stream: where to; standard error, whatever that is by then, for None.
            formatter: makes the lines.
            limit: decides which.
        """
        super().__init__()
        self._stream = stream
        self._limit = limit
        self.setFormatter(formatter)
        self.addFilter(limit)

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, where it passes, after what was left out before it."""
        passes = bool(self.filter(record))
        notices = self._limit.notices()  # not under the handler's lock: a finaliser may log while the limit counts
        self._write([*notices, record] if passes else notices)
        return passes

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, whether it would pass or not."""
        self._write([record])

    def close(self) -> None:
        """Say what was left out to the end."""
        self._write(self._limit.notices(ending=True))
        super().close()

    def _write(self, records: Sequence[logging.LogRecord]) -> None:
        if not records:
            return
        text = "".join(f"{self.format(record)}\n" for record in records)
        self.acquire()
        try:
            stream = sys.stderr if self._stream is None else self._stream
            stream.write(text)
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # nobody reads it any more: that must not fail who writes
        finally:
            self.release()


class RedactingHandler(logging.Handler):
    """Stands before a handler that is not ours, and hands it redacted copies of what it would have seen.

    For OpenTelemetry's handler, and for what a host puts on the root logger.

    Attributes:
        inner: what the copies go to.
        redactor: goes over everything.
    """

    def __init__(self, inner: logging.Handler, redactor: Redactor) -> None:
        """Set it up.

        Args:
            inner: what the copies go to; its level and its filters hold.
            redactor: goes over everything.
        """
        super().__init__(inner.level)
        self.inner = inner
        self.redactor = redactor

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a redacted copy on."""
        try:
            copy = redacted(record, self.redactor)
        except Exception:  # noqa: BLE001 - what cannot be redacted is not handed on
            return
        self.inner.handle(copy)

    def flush(self) -> None:
        """Flush the other."""
        self.inner.flush()

    def close(self) -> None:
        """Close the other."""
        self.inner.close()
        super().close()
