"""Records, and exceptions that were raised, for the tests of the log."""

import logging


def record_of(message: object = "said", *args: object, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    """A record as a logger makes it."""
    return logging.getLogger("weir.worker").makeRecord(
        "weir.worker", level, "f.py", 1, message, args, None, extra=extra
    )


def fail_with(error: BaseException) -> None:
    """Raise it."""
    raise error
