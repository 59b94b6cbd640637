"""Records, and exceptions that were raised, for the tests of the log."""

import logging
import sys


def record_of(message: object = "said", *args: object, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    """A record as a logger makes it."""
    return logging.getLogger("weir.worker").makeRecord(
        "weir.worker", level, "f.py", 1, message, args, None, extra=extra
    )


def fail_with(error: BaseException) -> None:
    """Raise it."""
    raise error


def failed(error: BaseException) -> logging.LogRecord:
    """Return the record of a failure, as `Logger.exception` makes it."""
    record = record_of("failed", level=logging.ERROR)
    try:
        fail_with(error)
    except BaseException:  # noqa: BLE001
        record.exc_info = sys.exc_info()
    return record
